//! What an audit of every key finds.

use super::{Material, days, end, late, name, or_none, rotations, when};
use crate::domain::keys::Status as Life;
use crate::duration::Duration;
use crate::health::markdown::{line, table};
use crate::health::{ManagedKey, Status};
use crate::instant::Instant;
use crate::ledger::inventory::Listed;

/// What an audit of every key finds. `old` is how old a live key may be.
pub fn audit(material: &Material, old: Duration) -> String {
    let Material {
        period,
        health,
        keys,
        ..
    } = material;
    let now = health.now;
    let alive: Vec<&Listed> = keys
        .iter()
        .filter(|it| it.key.status != Life::Revoked)
        .collect();
    let aged: Vec<&Listed> = alive
        .iter()
        .copied()
        .filter(|it| it.key.created_at + old <= now)
        .collect();
    let unowned = health.keys.iter().filter(|key| key.owner.is_none());
    let unmanaged: Vec<&Listed> = alive.iter().copied().filter(|it| it.orphaned).collect();
    let overdue = health.keys.iter().filter(|key| is_overdue(key, now));
    let mut text = String::new();
    line(&mut text, format_args!("# Audit of keys, {period}\n"));
    let rows = [
        ("Managed keys".to_owned(), health.keys.len()),
        ("Live keys".to_owned(), alive.len()),
        (
            format!(
                "Live keys that are {} days old or older",
                old.as_secs() / 86_400
            ),
            aged.len(),
        ),
        ("Overdue".to_owned(), overdue.count()),
        ("Without an owner".to_owned(), unowned.clone().count()),
        ("Of no resource".to_owned(), unmanaged.len()),
        (
            "Rotations in this quarter".to_owned(),
            material.rotated().len(),
        ),
    ];
    table(
        &mut text,
        &["", ""],
        rows.map(|(name, count)| vec![name, count.to_string()]),
    );
    late(&mut text, health);
    line(&mut text, format_args!("## Old\n"));
    ages(&mut text, &aged, now);
    line(&mut text, format_args!("## Without an owner\n"));
    table(
        &mut text,
        &["Managed key", "Workspace", "Environment", "Issuer"],
        unowned.map(|key| {
            vec![
                key.resource.name.clone(),
                key.resource.workspace.clone(),
                or_none(&key.environment),
                key.issuer.clone(),
            ]
        }),
    );
    line(
        &mut text,
        format_args!("## Of no resource\n\nNothing rotates them, and nobody revokes them.\n"),
    );
    ages(&mut text, &unmanaged, now);
    rotations(&mut text, material);
    line(&mut text, format_args!("## What this does not show\n"));
    line(
        &mut text,
        format_args!(
            "* Keys at an issuer that no state and no ledger ever knew: ask the issuer for its own list.\n\
         * A use that the issuer does not tell of, or that nobody has asked for since.\n"
        ),
    );
    end(&mut text, material);
    text
}

fn ages(text: &mut String, keys: &[&Listed], now: Instant) {
    let columns = [
        "Managed key",
        "Key",
        "Environment",
        "Owner",
        "Minted",
        "Days",
        "Last used",
    ];
    table(
        text,
        &columns,
        keys.iter().map(|it| {
            vec![
                name(it),
                it.key.key.label().to_owned(),
                or_none(&it.environment),
                or_none(&it.owner),
                it.key.created_at.to_string(),
                days(it.key.created_at, now),
                when(it.key.last_used_at),
            ]
        }),
    );
}

fn is_overdue(key: &ManagedKey, now: Instant) -> bool {
    key.status(now) == Status::Overdue || key.overdue_at.is_some_and(|at| now >= at)
}
