//! Alerts about keys of the ledger. They are what a scanner says and no evidence, so they are in a table and not in the trail.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::transaction::Transaction;
use crate::domain::keys::Status;
use crate::health::ManagedKey;
use crate::instant::Instant;
use crate::ledger::leaks::{Leak, Survey};

/// Whether a survey says anything new.
pub async fn is_news(connection: &mut AnyConnection, survey: &Survey) -> Result<bool, sqlx::Error> {
    let known = of(connection, &survey.source).await?.into_iter();
    let known: BTreeSet<Leak> = known
        .filter(|it| !survey.hidden.contains(&it.alert))
        .collect();
    Ok(known != survey.open.iter().cloned().collect())
}

/// The open alerts of a source.
async fn of(connection: &mut AnyConnection, source: &str) -> Result<Vec<Leak>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT alert, mark, validity, found_at FROM leaks WHERE source = $1 AND closed_at IS NULL",
    )
    .bind(source)
    .fetch_all(connection)
    .await?;
    let leak = |row: &AnyRow| {
        Ok(Leak {
            alert: row.try_get("alert")?,
            mark: row.try_get("mark")?,
            validity: row.try_get("validity")?,
            found_at: row.try_get("found_at")?,
        })
    };
    rows.iter().map(leak).collect()
}

impl Transaction<'_> {
    /// Brings the alerts of a source up to what a survey says.
    pub async fn note_leaks(&mut self, survey: &Survey, at: Instant) -> Result<(), sqlx::Error> {
        for leak in &survey.open {
            sqlx::query(
                "INSERT INTO leaks (source, alert, mark, validity, found_at, noted_at) VALUES ($1, $2, $3, $4, $5, $6) \
                 ON CONFLICT (source, alert) DO UPDATE SET mark = $3, validity = $4, found_at = $5, closed_at = NULL",
            )
            .bind(&survey.source)
            .bind(&leak.alert)
            .bind(&leak.mark)
            .bind(&leak.validity)
            .bind(&leak.found_at)
            .bind(at)
            .execute(&mut *self.connection)
            .await?;
        }
        for known in of(self.connection, &survey.source).await? {
            let is_open = survey.open.iter().any(|leak| leak.alert == known.alert);
            if is_open || survey.hidden.contains(&known.alert) {
                continue;
            }
            sqlx::query("UPDATE leaks SET closed_at = $1 WHERE source = $2 AND alert = $3")
                .bind(at)
                .bind(&survey.source)
                .bind(&known.alert)
                .execute(&mut *self.connection)
                .await?;
        }
        Ok(())
    }
}

/// Tells each key of the open alerts about it, as long as it works. Gives how many are about keys that are
/// revoked, and how many about live ones of no resource.
pub async fn tell(
    connection: &mut AnyConnection,
    keys: &mut [ManagedKey],
) -> Result<(i64, i64), sqlx::Error> {
    let rows = sqlx::query("SELECT DISTINCT alert, mark FROM leaks WHERE closed_at IS NULL")
        .fetch_all(&mut *connection)
        .await?;
    let mut open: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in &rows {
        open.entry(row.try_get("mark")?)
            .or_default()
            .push(row.try_get("alert")?);
    }
    if open.is_empty() {
        return Ok((0, 0));
    }
    for key in keys {
        let alive = key.slots().filter(|(_, it)| it.status != Status::Revoked);
        let marks = alive.filter_map(|(_, it)| it.key.mark.as_ref());
        let mut leaks: Vec<String> = marks
            .filter_map(|mark| open.get(mark))
            .flatten()
            .cloned()
            .collect();
        leaks.sort();
        key.leaks = leaks;
    }
    let of_the_dead = sqlx::query_scalar(
        "SELECT COUNT(DISTINCT alert) FROM leaks WHERE closed_at IS NULL AND NOT EXISTS \
         (SELECT 1 FROM keys WHERE keys.mark = leaks.mark AND keys.status <> 'revoked')",
    )
    .fetch_one(&mut *connection)
    .await?;
    let of_orphans = sqlx::query_scalar(
        "SELECT COUNT(DISTINCT alert) FROM leaks WHERE closed_at IS NULL AND EXISTS \
         (SELECT 1 FROM keys WHERE keys.mark = leaks.mark AND keys.status = 'orphaned')",
    )
    .fetch_one(connection)
    .await?;
    Ok((of_the_dead, of_orphans))
}
