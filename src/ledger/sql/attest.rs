//! What the audit trail attests. Whoever may write into the tables can put in a row that says anything; what an apply
//! does to a key of which no state knows is therefore decided by events that are sealed, each with its neighbours.

use std::collections::BTreeSet;

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, FromRow, Row};

use super::chain::{Event, GENESIS};
use super::rows::{AT_ONCE, KeyRow, arguments};
use crate::health::incident::Told;
use crate::instant::Instant;
use crate::ledger::{Intent, Status};

/// Sets what sealed events say of keys that are not dead: whether their resource minted them, and whether a state was
/// seen to hold them, even if the row says that none was.
pub async fn keys(connection: &mut AnyConnection, rows: &mut [KeyRow]) -> Result<(), sqlx::Error> {
    let mut alive: Vec<&mut KeyRow> = rows
        .iter_mut()
        .filter(|row| row.key.status != Status::Revoked)
        .collect();
    for rows in alive.chunks_mut(AT_ONCE) {
        let ids = rows.iter().filter_map(|row| row.key.key.key_id.clone());
        let marks = rows.iter().filter(|row| row.key.key.key_id.is_none());
        let marks = marks.filter_map(|row| row.key.key.mark.clone());
        let (ids, marks): (Vec<_>, Vec<_>) = (ids.collect(), marks.collect());
        const TOLD: &str = "(e.effect = 'mint' AND e.event = 'done' OR e.event = 'confirmed')";
        let mut events = named(connection, &format!("{TOLD} AND e.key_id"), ids).await?;
        let nameless = format!("{TOLD} AND e.key_id IS NULL AND e.mark");
        events.extend(named(connection, &nameless, marks).await?);
        for row in rows {
            row.attest(&events);
        }
    }
    Ok(())
}

impl KeyRow {
    fn attest(&mut self, events: &[Event]) {
        let mine = events.iter().filter(|event| {
            event.account == self.account
                && event.resource.id == self.resource_id
                && event.key.is(&self.key.key)
        });
        let (confirmed, minted): (Vec<&Event>, Vec<_>) =
            mine.partition(|event| event.event == "confirmed");
        let first = confirmed.first();
        let confirmed_at = first.and_then(|event| Instant::parse(&event.at));
        self.key.confirmed_at = self.key.confirmed_at.or(confirmed_at);
        self.key.minted = !minted.is_empty();
    }
}

/// The ids of those intents that were begun just so.
pub async fn intents(
    connection: &mut AnyConnection,
    intents: &[Intent],
) -> Result<BTreeSet<String>, sqlx::Error> {
    let mut sealed = BTreeSet::new();
    for intents in intents.chunks(AT_ONCE) {
        let ids = intents.iter().map(|intent| intent.id.clone()).collect();
        let events = named(connection, "e.event = 'begun' AND e.intent", ids).await?;
        for intent in intents {
            if events.contains(&Event::begun(intent)) {
                sealed.insert(intent.id.clone());
            }
        }
    }
    Ok(sealed)
}

/// The sealed events where the column at the end of a condition has one of these values.
pub(super) async fn named(
    connection: &mut AnyConnection,
    condition: &str,
    values: Vec<String>,
) -> Result<Vec<Event>, sqlx::Error> {
    let rows = neighboured(connection, condition, values).await?;
    let sealed = rows.iter().map(sealed).collect::<Result<Vec<_>, _>>()?;
    Ok(sealed.into_iter().flatten().collect())
}

/// The same with their numbers and their hashes.
pub(super) async fn numbered(
    connection: &mut AnyConnection,
    condition: &str,
    values: Vec<String>,
) -> Result<Vec<Told>, sqlx::Error> {
    let mut told = Vec::new();
    for row in neighboured(connection, condition, values).await? {
        let (seq, hash) = (row.try_get("seq")?, row.try_get("hash")?);
        told.extend(sealed(&row)?.map(|event| Told::of(seq, hash, event)));
    }
    Ok(told)
}

/// Events with what stands beside them.
async fn neighboured(
    connection: &mut AnyConnection,
    condition: &str,
    values: Vec<String>,
) -> Result<Vec<AnyRow>, sqlx::Error> {
    if values.is_empty() {
        return Ok(Vec::new());
    }
    // One statement sees one moment, so that nothing is appended between an event and its neighbours.
    let text = format!(
        "SELECT e.*, chain.seq AS last_seq, chain.hash AS last_hash, earlier.hash AS hash_before, \
         later.previous AS sealed_after FROM events AS e JOIN chain ON chain.id = 1 \
         LEFT JOIN events AS earlier ON earlier.seq = e.seq - 1 LEFT JOIN events AS later ON later.seq = e.seq + 1 \
         WHERE {condition} IN ({}) ORDER BY e.seq",
        arguments(1, values.len())
    );
    let statement = sqlx::query(AssertSqlSafe(text)).persistent(false);
    let rows = values
        .into_iter()
        .fold(statement, |it, value| it.bind(value));
    rows.fetch_all(connection).await
}

/// The event of a row, if it is what was sealed and stands between what it was sealed between.
fn sealed(row: &AnyRow) -> Result<Option<Event>, sqlx::Error> {
    let seq: i64 = row.try_get("seq")?;
    let event = Event::from_row(row)?;
    let (previous, hash): (String, String) = (row.try_get("previous")?, row.try_get("hash")?);
    let before: Option<String> = row.try_get("hash_before")?;
    let after: Option<String> = match seq == row.try_get::<i64, _>("last_seq")? {
        true => row.try_get("last_hash")?,
        false => row.try_get("sealed_after")?,
    };
    let first = (seq == 1).then(|| GENESIS.to_owned());
    let is_sealed = event.seal(seq, &previous) == hash
        && before.or(first).as_ref() == Some(&previous)
        && after.as_ref() == Some(&hash);
    Ok(is_sealed.then_some(event))
}
