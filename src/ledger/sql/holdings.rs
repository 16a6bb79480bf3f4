//! Brings the inventory up to what a state says.

use sqlx::AnyConnection;

use super::chain::Event;
use super::reads;
use super::trouble::Trouble;
use super::words::{self, SLOTS, STATUSES};
use super::writes::Transaction;
use crate::instant::Instant;
use crate::ledger::{Holding, KeyRecord};

/// One row of `keys`, all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    id: i64,
    about: About,
    key: KeyRecord,
}

/// What a key shares with the others of its resource.
#[derive(Clone, Debug, PartialEq, Eq)]
struct About {
    name: String,
    workspace: String,
    issuer: String,
    account: String,
    group: Option<String>,
    environment: Option<String>,
    owner: Option<String>,
    policy: Option<String>,
    rotation_due_at: Option<Instant>,
    status: Option<String>,
}

impl Row {
    /// From the table.
    pub fn read(row: &sqlx::any::AnyRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: sqlx::Row::try_get(row, "id")?,
            about: About {
                name: words::text(row, "name")?,
                workspace: words::text(row, "workspace")?,
                issuer: words::text(row, "issuer")?,
                account: words::text(row, "account")?,
                group: words::maybe(row, "key_group")?,
                environment: words::maybe(row, "environment")?,
                owner: words::maybe(row, "owner")?,
                policy: words::maybe(row, "policy")?,
                rotation_due_at: words::maybe_instant(row, "rotation_due_at")?,
                status: words::maybe(row, "resource_status")?,
            },
            key: words::key(row)?,
        })
    }
}

impl From<&Holding> for About {
    fn from(holding: &Holding) -> Self {
        Self {
            name: holding.resource.name.clone(),
            workspace: holding.resource.workspace.clone(),
            issuer: holding.issuer.clone(),
            account: holding.account.clone(),
            group: Some(holding.group.clone()),
            environment: holding.environment.clone(),
            owner: holding.owner.clone(),
            policy: holding.policy.clone(),
            rotation_due_at: holding.rotation_due_at,
            status: Some(holding.status.clone()),
        }
    }
}

/// What has to change, each key with the row that it has so far.
fn changes(holding: &Holding, rows: &[Row]) -> Vec<(Option<Row>, KeyRecord)> {
    let about = About::from(holding);
    let change = |seen: &KeyRecord| {
        let known = rows.iter().find(|row| row.key.key.is(&seen.key)).cloned();
        let Some(known) = known else {
            return Some((None, seen.clone()));
        };
        let wanted = known.key.seen_as(seen);
        (known.about != about || known.key != wanted).then_some((Some(known), wanted))
    };
    holding.keys.iter().filter_map(change).collect()
}

/// Whether a state says anything new. Asked before a transaction is begun for it.
pub fn differs(holding: &Holding, rows: &[Row]) -> bool {
    !changes(holding, rows).is_empty()
}

/// Writes down what changed.
pub async fn record(
    transaction: &mut Transaction<'_>,
    holding: &Holding,
    at: Instant,
) -> Result<(), Trouble> {
    let rows = reads::rows(transaction.connection, &holding.resource.id).await?;
    let about = About::from(holding);
    for (known, wanted) in changes(holding, &rows) {
        match &known {
            None => insert(transaction.connection, holding, &wanted, at).await?,
            Some(known) => update(transaction.connection, known.id, &about, &wanted, at).await?,
        }
        let (event, detail) = story(known.as_ref(), &about, &wanted);
        if let Some(event) = event {
            transaction.head.append(Event {
                at: at.to_string(),
                event: event.into(),
                resource: holding.resource.clone(),
                issuer: holding.issuer.clone(),
                account: holding.account.clone(),
                key: wanted.key.clone(),
                detail: (!detail.is_empty()).then_some(detail),
                ..Event::default()
            });
        }
    }
    Ok(())
}

/// What an audit wants to know of a change: nothing, if only instants moved on.
fn story(known: Option<&Row>, about: &About, wanted: &KeyRecord) -> (Option<&'static str>, String) {
    let Some(known) = known else {
        return (Some("found"), String::new());
    };
    let none = || "none".to_owned();
    let before = [
        (
            "status",
            words::word(&STATUSES, &known.key.status).to_owned(),
        ),
        ("slot", words::word(&SLOTS, &known.key.slot).to_owned()),
        ("name", known.about.name.clone()),
        ("workspace", known.about.workspace.clone()),
        ("owner", known.about.owner.clone().unwrap_or_else(none)),
        ("policy", known.about.policy.clone().unwrap_or_else(none)),
    ];
    let after = [
        words::word(&STATUSES, &wanted.status).to_owned(),
        words::word(&SLOTS, &wanted.slot).to_owned(),
        about.name.clone(),
        about.workspace.clone(),
        about.owner.clone().unwrap_or_else(none),
        about.policy.clone().unwrap_or_else(none),
    ];
    let changed: Vec<String> = before
        .iter()
        .zip(&after)
        .filter(|((_, before), after)| before != *after)
        .map(|((name, before), after)| format!("{name} {before} -> {after}"))
        .collect();
    let confirmed = known.key.confirmed_at.is_none() && wanted.confirmed_at.is_some();
    let event = match (confirmed, changed.is_empty()) {
        (true, _) => Some("confirmed"),
        (false, false) => Some("changed"),
        (false, true) => None,
    };
    (event, changed.join(", "))
}

/// An instant as it is bound.
fn text(at: Option<Instant>) -> Option<String> {
    at.map(|at| at.to_string())
}

async fn insert(
    connection: &mut AnyConnection,
    holding: &Holding,
    key: &KeyRecord,
    at: Instant,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO keys (name, workspace, issuer, account, key_group, environment, owner, policy, resource_status, \
         rotation_due_at, slot, status, created_at, delivered_at, verified_at, promoted_at, retired_at, revoked_at, \
         last_used_at, confirmed_at, updated_at, key_id, mark, resource_id, minted_by) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, \
         $22, $23, $24, $25)",
    )
    .bind(&holding.resource.name)
    .bind(&holding.resource.workspace)
    .bind(&holding.issuer)
    .bind(&holding.account)
    .bind(&holding.group)
    .bind(&holding.environment)
    .bind(&holding.owner)
    .bind(&holding.policy)
    .bind(&holding.status)
    .bind(text(holding.rotation_due_at))
    .bind(words::word(&SLOTS, &key.slot))
    .bind(words::word(&STATUSES, &key.status))
    .bind(key.created_at.to_string())
    .bind(text(key.delivered_at))
    .bind(text(key.verified_at))
    .bind(text(key.promoted_at))
    .bind(text(key.retired_at))
    .bind(text(key.revoked_at))
    .bind(text(key.last_used_at))
    .bind(text(key.confirmed_at))
    .bind(at.to_string())
    .bind(&key.key.key_id)
    .bind(&key.key.mark)
    .bind(&holding.resource.id)
    .bind(&key.minted_by)
    .execute(connection)
    .await
    .map(|_| ())
}

async fn update(
    connection: &mut AnyConnection,
    id: i64,
    about: &About,
    key: &KeyRecord,
    at: Instant,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE keys SET name = $1, workspace = $2, issuer = $3, account = $4, key_group = $5, environment = $6, \
         owner = $7, policy = $8, resource_status = $9, rotation_due_at = $10, slot = $11, status = $12, \
         created_at = $13, delivered_at = $14, verified_at = $15, promoted_at = $16, retired_at = $17, \
         revoked_at = $18, last_used_at = $19, confirmed_at = $20, updated_at = $21, key_id = $22, mark = $23 \
         WHERE id = $24",
    )
    .bind(&about.name)
    .bind(&about.workspace)
    .bind(&about.issuer)
    .bind(&about.account)
    .bind(&about.group)
    .bind(&about.environment)
    .bind(&about.owner)
    .bind(&about.policy)
    .bind(&about.status)
    .bind(text(about.rotation_due_at))
    .bind(words::word(&SLOTS, &key.slot))
    .bind(words::word(&STATUSES, &key.status))
    .bind(key.created_at.to_string())
    .bind(text(key.delivered_at))
    .bind(text(key.verified_at))
    .bind(text(key.promoted_at))
    .bind(text(key.retired_at))
    .bind(text(key.revoked_at))
    .bind(text(key.last_used_at))
    .bind(text(key.confirmed_at))
    .bind(at.to_string())
    .bind(&key.key.key_id)
    .bind(&key.key.mark)
    .bind(id)
    .execute(connection)
    .await
    .map(|_| ())
}
