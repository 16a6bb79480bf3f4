//! Alerts about keys of the ledger. They are what a scanner says and no evidence, so they are in a table and not in the trail.

use std::collections::BTreeMap;

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::listing::{Filter, in_no_slot};
use super::transaction::Transaction;
use crate::domain::keys::Status;
use crate::health::{ManagedKey, OpenAlert};
use crate::instant::Instant;
use crate::ledger::leaks::{Leak, PASSED_IN, Survey};

/// Whether a survey says anything new.
pub async fn is_news(connection: &mut AnyConnection, survey: &Survey) -> Result<bool, sqlx::Error> {
    if survey.open.is_empty() {
        return Ok(!survey.over.is_empty());
    }
    let known = open(connection).await?;
    let is_known = |leak: &Leak| {
        let mut known = known.iter();
        known.any(|(source, it)| *source == survey.source && it == leak)
    };
    Ok(!survey.over.is_empty() || !survey.open.iter().all(is_known))
}

/// The open alerts, each with the source that told of it.
pub async fn open(connection: &mut AnyConnection) -> Result<Vec<(String, Leak)>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT source, alert, mark, validity, found_at FROM leaks WHERE closed_at IS NULL ORDER BY source, alert",
    )
    .fetch_all(connection)
    .await?;
    let leak = |row: &AnyRow| {
        let leak = Leak {
            alert: row.try_get("alert")?,
            mark: row.try_get("mark")?,
            validity: row.try_get("validity")?,
            found_at: row.try_get("found_at")?,
        };
        Ok((row.try_get("source")?, leak))
    };
    rows.iter().map(leak).collect()
}

impl Transaction<'_> {
    /// Brings alerts up to what a survey says.
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
        for (source, alert) in &survey.over {
            sqlx::query("UPDATE leaks SET closed_at = $1 WHERE source = $2 AND alert = $3")
                .bind(at)
                .bind(source)
                .bind(alert)
                .execute(&mut *self.connection)
                .await?;
        }
        Ok(())
    }
}

/// Tells each key of the open alerts about it, as long as it works. Gives how many are about keys of the resources that are asked
/// for that are revoked, and how many about live ones that no resource holds any more.
pub async fn tell(
    connection: &mut AnyConnection,
    asked: &Filter,
    keys: &mut [ManagedKey],
) -> Result<(i64, i64), sqlx::Error> {
    let text = "SELECT DISTINCT alert, mark, validity FROM leaks WHERE closed_at IS NULL";
    let rows = sqlx::query(text).fetch_all(&mut *connection).await?;
    let mut open: BTreeMap<String, Vec<OpenAlert>> = BTreeMap::new();
    for row in &rows {
        open.entry(row.try_get("mark")?)
            .or_default()
            .push(OpenAlert {
                alert: row.try_get("alert")?,
                validity: row.try_get("validity")?,
            });
    }
    if open.is_empty() {
        return Ok((0, 0));
    }
    for key in keys {
        let alive = key.slots().filter(|(_, it)| it.status != Status::Revoked);
        let marks = alive.filter_map(|(_, it)| it.key.mark.as_ref());
        let mut leaks: Vec<OpenAlert> = marks
            .filter_map(|mark| open.get(mark))
            .flatten()
            .cloned()
            .collect();
        // Of an alert that came from two sources counts what is graver, and "active" is the first of the words.
        leaks.sort_by_cached_key(|it| {
            (it.alert.clone(), it.validity.is_none(), it.validity.clone())
        });
        leaks.dedup_by(|one, before| one.alert == before.alert);
        key.leaks = leaks;
    }
    // What a configuration has passed in is no alert that anybody could resolve.
    let of_the_dead = format!(
        "leaks.source NOT LIKE '{PASSED_IN}%' AND NOT EXISTS \
         (SELECT 1 FROM keys AS others WHERE others.mark = leaks.mark AND others.status <> 'revoked')"
    );
    let of_the_dead = count(connection, asked, &of_the_dead).await?;
    let of_orphans = in_no_slot("held.mark = keys.mark");
    let of_orphans = count(connection, asked, &of_orphans).await?;
    Ok((of_the_dead, of_orphans))
}

/// How many open alerts are about keys of the resources that are asked for, under a condition.
async fn count(
    connection: &mut AnyConnection,
    asked: &Filter,
    condition: &str,
) -> Result<i64, sqlx::Error> {
    let text = asked.text_with(
        "SELECT COUNT(DISTINCT leaks.alert) FROM leaks JOIN keys ON keys.mark = leaks.mark \
         JOIN resources ON resources.resource_id = keys.resource_id",
        &format!("leaks.closed_at IS NULL AND {condition}"),
    );
    asked.bound(text).fetch_one(connection).await?.try_get(0)
}
