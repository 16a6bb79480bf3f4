//! The same for a program.

use serde::Serialize;
use serde_json::{Value, json};

use crate::cli::output::List;
use crate::domain::anomalies;
use crate::domain::keys::Slot;
use crate::health::{Health, LostCreate, ManagedKey};
use crate::instant::Instant;

/// What is written as JSON, by the names of its fields.
#[derive(Serialize)]
struct Told<Anomalies, Keys, Lost> {
    anomalies_of_orphans: Anomalies,
    at: Instant,
    keys: Keys,
    leaks_of_dead_keys: i64,
    leaks_of_orphans: i64,
    lost_creates: Lost,
    orphaned: i64,
    unfinished: i64,
}

/// All of it, made when it is written.
pub fn told(health: &Health) -> impl Serialize {
    let lost = |lost: &LostCreate| json!({ "name": lost.name, "workspace": lost.workspace, "mint": lost.mint });
    Told {
        anomalies_of_orphans: List(|| {
            health
                .anomalies_of_orphans
                .iter()
                .map(|it| unusual(None, it))
        }),
        at: health.now,
        keys: List(|| health.keys.iter().map(|key| of_key(key, health))),
        leaks_of_dead_keys: health.leaks_of_dead_keys,
        leaks_of_orphans: health.leaks_of_orphans,
        lost_creates: List(move || health.lost_creates.iter().map(lost)),
        orphaned: health.orphaned,
        unfinished: health.unfinished,
    }
}

/// In the words of the columns of the ledger.
fn of_key(key: &ManagedKey, health: &Health) -> Value {
    let slots = key.slots().map(|(slot, record)| {
        json!({
            "slot": slot.to_string(),
            "key_id": record.key.key_id,
            "mark": record.key.mark,
            "created_at": record.created_at,
            "verified_at": record.verified_at,
            "promoted_at": record.promoted_at,
            "retired_at": record.retired_at,
            "last_used_at": record.last_used_at,
        })
    });
    let anomalies = key.unusual().map(|(slot, _, it)| unusual(Some(slot), it));
    json!({
        "resource_id": key.resource.id,
        "name": key.resource.name,
        "workspace": key.resource.workspace,
        "group": key.group,
        "environment": key.environment,
        "owner": key.owner,
        "policy": key.policy,
        "issuer": key.issuer,
        "account": key.account,
        "status": key.status(health.now).word(),
        "seen_status": key.seen_status,
        "seen_reason": key.seen_reason,
        "seen_at": key.seen_at,
        "seen_seconds_ago": key.seen_at.map(|at| health.now.since(at).as_secs()),
        "last_rotated_at": key.last_rotated_at(),
        "rotation_due_at": key.due_at,
        "overdue_at": key.overdue_at,
        "revocation_due_at": key.revocation_due_at,
        "failing_since": key.failing_since(),
        "leaks": key.leaks,
        "unexpected_use": key.oddities(),
        "anomalies": anomalies.collect::<Vec<_>>(),
        "slots": slots.collect::<Vec<_>>(),
    })
}

fn unusual(slot: Option<Slot>, found: &anomalies::Finding) -> Value {
    json!({
        "slot": slot.unwrap_or(Slot::None).to_string(),
        "key_id": found.key_id,
        "kind": found.kind.to_string(),
        "name": found.name,
        "first_at": found.first_at,
        "last_at": found.last_at,
    })
}
