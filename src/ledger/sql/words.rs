//! From the rows of the tables to the types of the ledger.

use sqlx::Row;
use sqlx::any::AnyRow;

use crate::instant::Instant;
pub use crate::ledger::words::{SLOTS, STATUSES, word};
use crate::ledger::{Effect, Fence, Intent, KeyMark, KeyRecord, ResourceRef};

fn thing<T: Copy>(table: &[(&'static str, T)], column: &str, text: &str) -> Result<T, sqlx::Error> {
    let found = table.iter().find(|(word, _)| *word == text);
    found
        .map(|(_, thing)| *thing)
        .ok_or_else(|| damaged(column, text))
}

/// A value that no version of the provider wrote.
pub fn damaged(column: &str, text: &str) -> sqlx::Error {
    sqlx::Error::Decode(format!("the column {column} holds {text:?}").into())
}

/// Text of a row.
pub fn text(row: &AnyRow, column: &str) -> Result<String, sqlx::Error> {
    row.try_get(column)
}

/// Text of a row, or null.
pub fn maybe(row: &AnyRow, column: &str) -> Result<Option<String>, sqlx::Error> {
    row.try_get(column)
}

/// An instant of a row.
pub fn instant(row: &AnyRow, column: &str) -> Result<Instant, sqlx::Error> {
    let text = text(row, column)?;
    Instant::parse(&text).ok_or_else(|| damaged(column, &text))
}

/// An instant of a row, or null.
pub fn maybe_instant(row: &AnyRow, column: &str) -> Result<Option<Instant>, sqlx::Error> {
    maybe(row, column)?
        .map(|text| Instant::parse(&text).ok_or_else(|| damaged(column, &text)))
        .transpose()
}

/// A number of a row that is never negative.
pub fn count(row: &AnyRow, column: &str) -> Result<u64, sqlx::Error> {
    let number: i64 = row.try_get(column)?;
    u64::try_from(number).map_err(|_| damaged(column, &number.to_string()))
}

/// The most values that one statement names.
pub const AT_ONCE: usize = 100;

/// The places of so many arguments in a text, from a number on: `$1, $2`.
pub fn arguments(first: usize, many: usize) -> String {
    let places: Vec<String> = (first..first + many).map(|n| format!("${n}")).collect();
    places.join(", ")
}

/// Whose a row is.
pub fn resource(row: &AnyRow) -> Result<ResourceRef, sqlx::Error> {
    Ok(ResourceRef {
        id: text(row, "resource_id")?,
        name: text(row, "name")?,
        workspace: text(row, "workspace")?,
    })
}

/// Which key a row is about.
pub fn mark(row: &AnyRow) -> Result<KeyMark, sqlx::Error> {
    Ok(KeyMark {
        key_id: maybe(row, "key_id")?,
        mark: maybe(row, "mark")?,
    })
}

/// A row of `keys`.
pub fn key(row: &AnyRow) -> Result<KeyRecord, sqlx::Error> {
    Ok(KeyRecord {
        key: mark(row)?,
        slot: thing(&SLOTS, "slot", &text(row, "slot")?)?,
        status: thing(&STATUSES, "status", &text(row, "status")?)?,
        created_at: instant(row, "created_at")?,
        delivered_at: maybe_instant(row, "delivered_at")?,
        verified_at: maybe_instant(row, "verified_at")?,
        promoted_at: maybe_instant(row, "promoted_at")?,
        retired_at: maybe_instant(row, "retired_at")?,
        revoked_at: maybe_instant(row, "revoked_at")?,
        last_used_at: maybe_instant(row, "last_used_at")?,
        confirmed_at: maybe_instant(row, "confirmed_at")?,
        minted_by: maybe(row, "minted_by")?,
        minted: false,
    })
}

/// A row of `intents`.
pub fn intent(row: &AnyRow) -> Result<Intent, sqlx::Error> {
    let key = mark(row)?;
    let known = text(row, "known_keys")?;
    let name = maybe(row, "lock_name")?;
    let number: Option<i64> = row.try_get("lock_number")?;
    Ok(Intent {
        id: text(row, "intent")?,
        apply: text(row, "apply")?,
        resource: resource(row)?,
        issuer: text(row, "issuer")?,
        account: text(row, "account")?,
        effect: thing(&Effect::WORDS, "effect", &text(row, "effect")?)?,
        action: text(row, "action")?,
        key: (key != KeyMark::default()).then_some(key),
        place: maybe(row, "place")?,
        known: serde_json::from_str(&known).map_err(|_| damaged("known_keys", &known))?,
        at: instant(row, "begun_at")?,
        fence: name
            .zip(number)
            .map(|(name, number)| Fence { name, number }),
    })
}
