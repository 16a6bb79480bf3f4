//! What the audit trail tells of all that was done.

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, FromRow, Row};

use super::chain::Event;
use super::rows::damaged;
use crate::health::incident::Told;
use crate::health::period::Period;
use crate::health::{EffectCount, History, LastRun, Outcome};

/// How often, and when last.
pub async fn history(connection: &mut AnyConnection) -> Result<History, sqlx::Error> {
    let history = History {
        effects: effects(connection).await?,
        runs: runs(connection).await?,
    };
    Ok(history.in_order())
}

/// Counted in the audit trail, which only grows: a counter that falls would look like one that began anew.
async fn effects(connection: &mut AnyConnection) -> Result<Vec<EffectCount>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT workspace, effect, event, COUNT(*) AS many FROM events \
         WHERE event IN ('done', 'failed') AND effect IS NOT NULL GROUP BY event, effect, workspace",
    )
    .fetch_all(connection)
    .await?;
    let counts = rows.iter().map(|row| {
        Ok(EffectCount {
            workspace: row.try_get("workspace")?,
            effect: row.try_get("effect")?,
            outcome: outcome(row)?,
            count: row.try_get("many")?,
        })
    });
    counts.collect()
}

async fn runs(connection: &mut AnyConnection) -> Result<Vec<LastRun>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT workspace, event, MAX(at) AS at FROM events \
         WHERE event IN ('done', 'failed') AND effect = 'apply' GROUP BY workspace, event",
    )
    .fetch_all(connection)
    .await?;
    let runs = rows.iter().map(|row| {
        Ok(LastRun {
            workspace: row.try_get("workspace")?,
            outcome: outcome(row)?,
            at: row.try_get("at")?,
        })
    });
    runs.collect()
}

/// How what a row tells of has ended.
pub fn outcome(row: &AnyRow) -> Result<Outcome, sqlx::Error> {
    let word: String = row.try_get("event")?;
    word.parse().map_err(|_| damaged("event", &word))
}

/// What happened in a time, in the order in which it was written down. That it is what was sealed is for whoever walks along
/// the trail to say.
pub async fn told(
    connection: &mut AnyConnection,
    period: &Period,
) -> Result<Vec<Told>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT * FROM events WHERE at >= $1 AND at < $2 AND event IN ('done', 'failed', 'opened') ORDER BY seq",
    )
    .bind(period.from)
    .bind(period.until)
    .fetch_all(connection)
    .await?;
    let told = |row: &AnyRow| {
        let event = Event::from_row(row)?;
        Ok(Told::of(row.try_get("seq")?, row.try_get("hash")?, event))
    };
    rows.iter().map(told).collect()
}
