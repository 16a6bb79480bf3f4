//! Brings the inventory up to what a state says.

use std::fmt::Write;

use sqlx::any::{Any, AnyArguments};
use sqlx::{AnyConnection, AssertSqlSafe};

use super::chain::Event;
use super::outbox::unnoticed;
use super::reads::rows;
use super::resources::{self, Recorded};
use super::rows::KeyRow;
use super::transaction::Transaction;
use super::trouble::Trouble;
use crate::domain::expected::Oddity;
use crate::instant::Instant;
use crate::ledger::{Holding, KeyMark, KeyRecord, ResourceRef, Slot, Status};

type Statement = sqlx::query::Query<'static, Any, AnyArguments>;

/// What has to change, each key with the row that it has so far.
fn changes(holding: &Holding, rows: &[KeyRow]) -> Vec<(Option<KeyRow>, KeyRecord)> {
    let change = |seen: &KeyRecord| {
        let known = rows.iter().find(|row| row.key.key.is(&seen.key)).cloned();
        let Some(known) = known else {
            return Some((None, seen.clone()));
        };
        let wanted = known.key.seen_as(seen);
        let moved = known.issuer != holding.issuer || known.account != holding.account;
        (moved || known.key != wanted).then_some((Some(known), wanted))
    };
    holding.keys.iter().filter_map(change).collect()
}

/// Whether a state says anything new. Asked before a transaction is begun for it.
pub async fn differs(
    connection: &mut AnyConnection,
    holding: &Holding,
    at: Instant,
) -> Result<bool, sqlx::Error> {
    let recorded = resources::recorded(connection, &holding.resource.id).await?;
    if recorded.as_ref() != Some(&Recorded::after(recorded.as_ref(), holding, at)) {
        return Ok(true);
    }
    let rows = rows(connection, &holding.resource.id).await?;
    if !changes(holding, &rows).is_empty() {
        return Ok(true);
    }
    let unnoticed = unnoticed(connection, &holding.resource.id, &holding.telling).await?;
    Ok(!unnoticed.is_empty())
}

/// Writes down what changed.
pub async fn record(
    transaction: &mut Transaction<'_>,
    holding: &Holding,
    at: Instant,
) -> Result<(), Trouble> {
    let rows = rows(transaction.connection, &holding.resource.id).await?;
    let recorded = resources::recorded(transaction.connection, &holding.resource.id).await?;
    let now = Recorded::after(recorded.as_ref(), holding, at);
    resources::record(transaction.connection, &now, recorded.as_ref(), at).await?;
    // What is said of a resource for the first time is no change.
    if let Some(before) = recorded
        .as_ref()
        .filter(|before| before.generation.is_some())
    {
        let changed = changed(&before.compared(&now));
        if !changed.is_empty() {
            let event = told(holding, "changed", KeyMark::default(), changed, at);
            transaction.head.append(event);
        }
    }
    let generation = recorded.as_ref().and_then(|before| before.generation);
    transaction
        .tell_of_resource(holding, generation, at)
        .await?;
    for (known, wanted) in changes(holding, &rows) {
        let before = known.as_ref().map(|row| &row.key);
        transaction
            .tell_of_key(holding, before, &wanted, at)
            .await?;
        let known = match known {
            None => left_to_itself(transaction.connection, holding, &wanted).await?,
            known => known,
        };
        match &known {
            None => insert(transaction.connection, holding, &wanted, at).await?,
            Some(known) => update(transaction.connection, known.id, holding, &wanted, at).await?,
        }
        let before = known.as_ref().and_then(|row| row.key.noticed.as_deref());
        for oddity in new(before.unwrap_or_default(), &wanted) {
            let event = told(holding, "noticed", wanted.key.clone(), oddity, at);
            transaction.head.append(event);
        }
        let (event, mut detail) = story(known.as_ref(), holding, &wanted);
        if let Some(who) = &holding.left_by {
            let _ = write!(detail, ", left by {who}");
        }
        if let Some(event) = event {
            let event = told(holding, event, wanted.key.clone(), detail, at);
            transaction.head.append(event);
        }
    }
    Ok(())
}

/// The live keys of a resource become orphans, and its places are free.
pub async fn forget(
    transaction: &mut Transaction<'_>,
    resource_id: &str,
    by: &str,
    at: Instant,
) -> Result<(), Trouble> {
    let resource = sqlx::query_as("SELECT * FROM resources WHERE resource_id = $1")
        .bind(resource_id)
        .fetch_optional(&mut *transaction.connection)
        .await?;
    let Some(resource): Option<ResourceRef> = resource else {
        return Ok(());
    };
    for row in rows(transaction.connection, resource_id).await? {
        if row.key.status != Status::Live {
            continue;
        }
        sqlx::query("UPDATE keys SET status = $1, slot = $2, updated_at = $3 WHERE id = $4")
            .bind(Status::Orphaned)
            .bind(Slot::None)
            .bind(at)
            .bind(row.id)
            .execute(&mut *transaction.connection)
            .await?;
        transaction.head.append(Event {
            at: at.to_string(),
            event: "forgotten".into(),
            resource: resource.clone(),
            issuer: row.issuer,
            account: row.account,
            key: row.key.key,
            detail: Some(format!("by {by}")),
            ..Event::default()
        });
    }
    sqlx::query("UPDATE resources SET left_by = $1, left_at = $2, private_data = NULL WHERE resource_id = $3")
        .bind(by)
        .bind(at)
        .bind(resource_id)
        .execute(&mut *transaction.connection)
        .await?;
    sqlx::query("DELETE FROM places WHERE resource_id = $1")
        .bind(resource_id)
        .execute(&mut *transaction.connection)
        .await?;
    Ok(())
}

/// What happened to a resource, or to one of its keys.
fn told(holding: &Holding, event: &str, key: KeyMark, detail: String, at: Instant) -> Event {
    Event {
        at: at.to_string(),
        event: event.into(),
        resource: holding.resource.clone(),
        issuer: holding.issuer.clone(),
        account: holding.account.clone(),
        key,
        detail: (!detail.is_empty()).then_some(detail),
        ..Event::default()
    }
}

/// What an audit wants to know of a key: nothing, if only instants moved on.
fn story(
    known: Option<&KeyRow>,
    holding: &Holding,
    wanted: &KeyRecord,
) -> (Option<&'static str>, String) {
    let Some(known) = known else {
        return (Some("found"), String::new());
    };
    let changed = changed(&[
        ("resource", &known.resource_id, &holding.resource.id),
        ("status", known.key.status.into(), wanted.status.into()),
        ("slot", known.key.slot.into(), wanted.slot.into()),
    ]);
    let confirmed = known.key.confirmed_at.is_none() && wanted.confirmed_at.is_some();
    let event = match (confirmed, changed.is_empty()) {
        (true, _) => Some("confirmed"),
        (false, false) => Some("changed"),
        (false, true) => None,
    };
    (event, changed)
}

/// What is otherwise than expected of the use of a key, and was not before.
fn new(before: &[Oddity], wanted: &KeyRecord) -> impl Iterator<Item = String> {
    let noticed = wanted.noticed.iter().flatten();
    let new = noticed.filter(|it| !before.iter().any(|known| known.is(it)));
    new.map(Oddity::to_string)
}

/// The fields that are not what they were.
fn changed(fields: &[(&str, &str, &str)]) -> String {
    let changed = fields.iter().filter(|(_, before, after)| before != after);
    let changed = changed.map(|(name, before, after)| format!("{name} {before} -> {after}"));
    changed.collect::<Vec<_>>().join(", ")
}

/// What a state says of a key, by column.
fn values(holding: &Holding, key: &KeyRecord, at: Instant) -> [(&'static str, Option<String>); 17] {
    let text = |at: Option<Instant>| at.map(|at| at.to_string());
    let noticed = key.noticed.as_ref().filter(|all| !all.is_empty());
    // Made of words and instants, so it can be written.
    let noticed = noticed.and_then(|all| serde_json::to_string(all).ok());
    [
        ("resource_id", Some(holding.resource.id.clone())),
        ("issuer", Some(holding.issuer.clone())),
        ("account", Some(holding.account.clone())),
        ("key_id", key.key.key_id.clone()),
        ("mark", key.key.mark.clone()),
        ("slot", Some(key.slot.to_string())),
        ("status", Some(key.status.to_string())),
        ("created_at", Some(key.created_at.to_string())),
        ("delivered_at", text(key.delivered_at)),
        ("verified_at", text(key.verified_at)),
        ("promoted_at", text(key.promoted_at)),
        ("retired_at", text(key.retired_at)),
        ("revoked_at", text(key.revoked_at)),
        ("last_used_at", text(key.last_used_at)),
        ("noticed", noticed),
        ("confirmed_at", text(key.confirmed_at)),
        ("updated_at", Some(at.to_string())),
    ]
}

async fn insert(
    connection: &mut AnyConnection,
    holding: &Holding,
    key: &KeyRecord,
    at: Instant,
) -> Result<(), sqlx::Error> {
    let values = values(holding, key, at);
    let columns = values.each_ref().map(|(column, _)| *column).join(", ");
    let places = super::rows::arguments(2, values.len());
    let text = format!("INSERT INTO keys (minted_by, {columns}) VALUES ($1, {places})");
    let statement = sqlx::query(AssertSqlSafe(text)).bind(key.minted_by.clone());
    let bind = |statement: Statement, (_, value)| statement.bind(value);
    let statement = values.into_iter().fold(statement, bind);
    statement.execute(connection).await.map(|_| ())
}

async fn update(
    connection: &mut AnyConnection,
    id: i64,
    holding: &Holding,
    key: &KeyRecord,
    at: Instant,
) -> Result<(), sqlx::Error> {
    let values = values(holding, key, at);
    let places = values.iter().zip(2..);
    let places: Vec<String> = places
        .map(|((column, _), n)| format!("{column} = ${n}"))
        .collect();
    let text = format!("UPDATE keys SET {} WHERE id = $1", places.join(", "));
    let statement = sqlx::query(AssertSqlSafe(text)).bind(id);
    let bind = |statement: Statement, (_, value)| statement.bind(value);
    let statement = values.into_iter().fold(statement, bind);
    statement.execute(connection).await.map(|_| ())
}

/// A key that was left to itself, and that this resource has taken over, is one key and stays one row.
async fn left_to_itself(
    connection: &mut AnyConnection,
    holding: &Holding,
    key: &KeyRecord,
) -> Result<Option<KeyRow>, sqlx::Error> {
    sqlx::query_as(
        "SELECT * FROM keys WHERE account = $1 AND key_id = $2 AND status = $3 AND resource_id <> $4 \
         ORDER BY id LIMIT 1",
    )
    .bind(&holding.account)
    .bind(&key.key.key_id)
    .bind(Status::Orphaned)
    .bind(&holding.resource.id)
    .fetch_optional(connection)
    .await
}
