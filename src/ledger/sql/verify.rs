//! Walks the audit trail and finds the first link that is broken.

use std::fmt;

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, FromRow, Row};

use super::chain::{Event, GENESIS};

/// Rows that are read at once.
const PAGE: i64 = 1000;

/// What a walk along the audit trail found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// How many events are sound, from the first on.
    pub sound: i64,
    /// The hash of the last sound event. Noted down elsewhere, it proves later that nothing before it was changed.
    pub hash: String,
    /// How often an event is older than the one before it: a clock ran backwards, or two machines disagree. Breaks
    /// nothing.
    pub backwards: i64,
    /// The first broken link, if there is one.
    pub broken: Option<Broken>,
}

/// How a chain is broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Broken {
    /// The content of this event is not what was sealed.
    Edited(i64),
    /// This event is gone.
    Removed(i64),
    /// This event does not follow the one before it: it was put in, or that one was replaced.
    Unlinked(i64),
    /// Events end after the first number, though the ledger knows of as many as the second.
    CutOff(i64, i64),
    /// The ledger knows nothing of the events from this one on.
    Added(i64),
    /// The event with this number is sound in itself, but is not the one that was sealed: everything was sealed again.
    Resealed(i64),
    /// The end of the chain, which is kept beside it, does not fit the event with this number.
    Replaced(i64),
    /// Events tell of a key, and the table has no row about it.
    Forgotten(String),
    /// The row about a key says another thing of its end than the events do.
    Contradicted(String, &'static str),
    /// No event tells of a row that recovery would act on: a table, and what the row is about.
    Unattested(&'static str, String),
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Edited(seq) => write!(
                f,
                "event {seq} was edited: its content is not what was sealed"
            ),
            Self::Removed(seq) => write!(f, "event {seq} was removed"),
            Self::Unlinked(seq) => write!(
                f,
                "event {seq} does not follow event {}: one of them was put in or replaced",
                seq - 1
            ),
            Self::CutOff(last, known) => write!(
                f,
                "the end was cut off: the last event is {last}, though {known} were written"
            ),
            Self::Added(seq) => write!(f, "event {seq} was put in behind the end"),
            Self::Resealed(seq) => write!(
                f,
                "event {seq} is not the one that the given seal was taken of: the trail was written anew"
            ),
            Self::Replaced(seq) => write!(
                f,
                "event {seq}, the last one, was replaced: its hash is not the one that was noted in the table chain"
            ),
            Self::Forgotten(key) => write!(
                f,
                "events tell of key {key}, and the row about it in the table keys is gone: something else than the provider \
                 deleted it"
            ),
            Self::Contradicted(key, how) => write!(
                f,
                "the row about key {key} in the table keys {how}: something else than the provider edited it"
            ),
            Self::Unattested(table, about) => write!(
                f,
                "no event tells of the row about {about} in the table {table}: something else than the provider wrote it"
            ),
        }
    }
}

/// Walks from the first event to the last.
///
/// `seal` is the number and the hash of an event that somebody noted down.
pub async fn verify(
    connection: &mut AnyConnection,
    seal: Option<&(i64, String)>,
) -> Result<Verdict, sqlx::Error> {
    let (known, _) = end(connection).await?;
    let mut verdict = Verdict {
        sound: 0,
        hash: GENESIS.to_owned(),
        backwards: 0,
        broken: None,
    };
    let mut last = String::new();
    // Nothing stands before the first event.
    let mut read = i64::MIN;
    loop {
        let rows = sqlx::query("SELECT * FROM events WHERE seq > $1 ORDER BY seq LIMIT $2")
            .bind(read)
            .bind(PAGE)
            .fetch_all(&mut *connection)
            .await?;
        if rows.is_empty() {
            break;
        }
        for row in &rows {
            let seq: i64 = row.try_get("seq")?;
            let event = Event::from_row(row)?;
            let broken = link(&verdict, seq, &event, row)?;
            let hash: String = row.try_get("hash")?;
            let resealed = seal.is_some_and(|(number, seal)| *number == seq && *seal != hash);
            if let Some(broken) = broken.or(resealed.then_some(Broken::Resealed(seq))) {
                verdict.broken = Some(broken);
                return Ok(verdict);
            }
            verdict.backwards += i64::from(event.at < last);
            verdict.sound = seq;
            read = seq;
            verdict.hash = hash;
            last = event.at;
        }
    }
    // What was written during the walk is no fault: the end is looked up again.
    let (newest, hash) = end(connection).await?;
    let known = known.max(seal.map_or(0, |(number, _)| *number));
    verdict.broken = if verdict.sound < known {
        Some(Broken::CutOff(verdict.sound, known))
    } else if verdict.sound > newest {
        Some(Broken::Added(newest + 1))
    } else if verdict.sound == newest && verdict.hash != hash {
        Some(Broken::Replaced(newest))
    } else {
        match unattested(connection).await? {
            None => contradicted(connection).await?,
            broken => broken,
        }
    };
    Ok(verdict)
}

/// A key of which events tell, and a row that is gone or says another thing of its end. Recovery passes by a key that looks dead,
/// and one that has no row.
async fn contradicted(connection: &mut AnyConnection) -> Result<Option<Broken>, sqlx::Error> {
    const SAME: &str = "((events.key_id IS NOT NULL AND events.key_id = keys.key_id) \
                        OR (events.key_id IS NULL AND events.mark IS NOT NULL AND events.mark = keys.mark))";
    let gone = "SELECT COALESCE(key_id, mark) FROM events WHERE ((effect = 'mint' AND event = 'done') OR event = 'found') \
                AND (key_id IS NOT NULL OR mark IS NOT NULL) \
                AND NOT EXISTS (SELECT 1 FROM keys WHERE keys.key_id = events.key_id) \
                AND NOT EXISTS (SELECT 1 FROM keys WHERE events.key_id IS NULL AND keys.mark = events.mark) \
                ORDER BY seq LIMIT 1";
    if let Some(key) = first(connection, gone).await? {
        return Ok(Some(Broken::Forgotten(key)));
    }
    // A key without an id may be handed in and delivered again.
    let revived = format!(
        "SELECT keys.key_id FROM keys WHERE keys.status <> 'revoked' AND keys.key_id IS NOT NULL AND EXISTS (\
         SELECT 1 FROM events WHERE {SAME} AND events.account = keys.account AND effect = 'revoke' AND event = 'done' \
         AND NOT EXISTS (SELECT 1 FROM events AS later WHERE later.key_id = events.key_id AND later.seq > events.seq \
         AND later.event IN ('found', 'confirmed', 'changed'))) ORDER BY keys.id LIMIT 1"
    );
    let ended = "SELECT COALESCE(keys.key_id, keys.mark) FROM keys WHERE keys.status = 'revoked' \
         AND (keys.key_id IS NOT NULL OR keys.mark IS NOT NULL) AND NOT EXISTS (\
         SELECT 1 FROM events WHERE (events.key_id = keys.key_id OR events.mark = keys.mark) \
         AND ((effect = 'revoke' AND event = 'done') OR event = 'found' \
         OR (event IN ('changed', 'confirmed') AND detail LIKE '%-> revoked%'))) ORDER BY keys.id LIMIT 1";
    for (text, how) in [
        (
            revived.as_str(),
            "says that it lives, and events that it was revoked",
        ),
        (ended, "says that it was revoked, and no event does"),
    ] {
        if let Some(key) = first(connection, text).await? {
            return Ok(Some(Broken::Contradicted(key, how)));
        }
    }
    Ok(None)
}

async fn first(connection: &mut AnyConnection, text: &str) -> Result<Option<String>, sqlx::Error> {
    let question = sqlx::query_scalar(AssertSqlSafe(text.to_owned()));
    question.fetch_optional(connection).await
}

/// A row that says what no event says: a key that is not dead, or something that is under way.
async fn unattested(connection: &mut AnyConnection) -> Result<Option<Broken>, sqlx::Error> {
    let keys = "SELECT COALESCE(key_id, mark, '(unknown key)') AS about FROM keys WHERE status <> 'revoked' \
                AND NOT EXISTS (SELECT 1 FROM events WHERE (events.key_id = keys.key_id \
                OR (keys.key_id IS NULL AND events.mark = keys.mark)) AND events.event IN ('done', 'found')) \
                ORDER BY id LIMIT 1";
    let intents = "SELECT intent AS about FROM intents WHERE outcome IS NULL \
                   AND (effect IN ('mint', 'revoke') OR (effect = 'apply' AND known_keys <> '[]')) \
                   AND NOT EXISTS (SELECT 1 FROM events WHERE events.intent = intents.intent \
                   AND events.event = 'begun') ORDER BY id LIMIT 1";
    for (table, text) in [("keys", keys), ("intents", intents)] {
        if let Some(about) = first(connection, text).await? {
            return Ok(Some(Broken::Unattested(table, about)));
        }
    }
    Ok(None)
}

fn link(
    verdict: &Verdict,
    seq: i64,
    event: &Event,
    row: &AnyRow,
) -> Result<Option<Broken>, sqlx::Error> {
    let next = verdict.sound + 1;
    let previous: String = row.try_get("previous")?;
    let hash: String = row.try_get("hash")?;
    Ok(if seq < 1 {
        Some(Broken::Unlinked(seq))
    } else if seq != next {
        Some(Broken::Removed(next))
    } else if event.seal(seq, &previous) != hash {
        Some(Broken::Edited(seq))
    } else if previous != verdict.hash {
        Some(Broken::Unlinked(seq))
    } else {
        None
    })
}

/// The end of the chain as it is kept beside it.
async fn end(connection: &mut AnyConnection) -> Result<(i64, String), sqlx::Error> {
    sqlx::query_as("SELECT seq, hash FROM chain WHERE id = 1")
        .fetch_one(connection)
        .await
}
