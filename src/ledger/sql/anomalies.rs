//! What is unusual in the calls of keys of the ledger. The table has how it stands; the trail has each finding, and that somebody
//! allowed for it, once.

use std::collections::BTreeMap;

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, FromRow, Row};

use super::chain::Event;
use super::listing::{Filter, in_no_slot};
use super::rows::damaged;
use super::transaction::Transaction;
use crate::domain::anomalies::{Change, Finding, LASTS, Survey};
use crate::instant::Instant;
use crate::ledger::{KeyMark, KeyRecord, ResourceRef, Status};

/// Findings by account and key.
pub type Findings = BTreeMap<(String, String), Vec<Finding>>;

/// Whose a key is.
struct Owner {
    resource: ResourceRef,
    issuer: String,
    key: KeyMark,
}

/// Whether a survey says anything new.
pub async fn is_news(
    connection: &mut AnyConnection,
    survey: &Survey,
    at: Instant,
) -> Result<bool, sqlx::Error> {
    Ok(!changes(connection, survey, at).await?.is_empty())
}

/// What a survey changes. What is found of a key that the ledger does not know is for its plan alone to tell.
async fn changes(
    connection: &mut AnyConnection,
    survey: &Survey,
    at: Instant,
) -> Result<Vec<(Owner, Change)>, sqlx::Error> {
    let known = sqlx::query("SELECT * FROM anomalies WHERE account = $1")
        .bind(&survey.account)
        .fetch_all(&mut *connection)
        .await?;
    let known = known.iter().map(Finding::from_row);
    let known: Vec<Finding> = known.collect::<Result<_, _>>()?;
    let mut owned = Vec::new();
    for change in survey.changes(&known, at) {
        let owner = owner(connection, &survey.account, &change.0.key_id).await?;
        owned.extend(owner.map(|owner| (owner, change)));
    }
    Ok(owned)
}

/// A key that went from one resource to another is that of the one in which it lives.
async fn owner(
    connection: &mut AnyConnection,
    account: &str,
    key_id: &str,
) -> Result<Option<Owner>, sqlx::Error> {
    let row = sqlx::query(
        "SELECT resources.resource_id, resources.name, resources.workspace, keys.issuer, keys.key_id, keys.mark \
         FROM keys JOIN resources ON resources.resource_id = keys.resource_id \
         WHERE keys.account = $1 AND keys.key_id = $2 \
         ORDER BY CASE keys.status WHEN 'live' THEN 0 ELSE 1 END, keys.id LIMIT 1",
    )
    .bind(account)
    .bind(key_id)
    .fetch_optional(connection)
    .await?;
    let owner = |row: &AnyRow| {
        Ok(Owner {
            resource: ResourceRef::from_row(row)?,
            issuer: row.try_get("issuer")?,
            key: KeyMark::from_row(row)?,
        })
    };
    row.as_ref().map(owner).transpose()
}

impl Transaction<'_> {
    /// Brings the findings of an account up to what a survey says.
    pub async fn note_anomalies(
        &mut self,
        survey: &Survey,
        at: Instant,
    ) -> Result<(), sqlx::Error> {
        for (owner, (finding, event)) in changes(self.connection, survey, at).await? {
            sqlx::query(
                "INSERT INTO anomalies (account, key_id, kind, name, first_at, last_at, noted_at, allowed_at) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (account, key_id, kind, name) DO UPDATE SET \
                 first_at = $5, last_at = $6, allowed_at = $8",
            )
            .bind(&survey.account)
            .bind(&finding.key_id)
            .bind(finding.kind.to_string())
            .bind(finding.name.as_deref().unwrap_or_default())
            .bind(finding.first_at)
            .bind(finding.last_at)
            .bind(at)
            .bind(finding.allowed_at)
            .execute(&mut *self.connection)
            .await?;
            let Some(event) = event else { continue };
            self.head.append(Event {
                at: at.to_string(),
                event: event.into(),
                resource: owner.resource,
                issuer: owner.issuer,
                account: survey.account.clone(),
                key: owner.key,
                detail: Some(finding.to_string()),
                ..Event::default()
            });
        }
        Ok(())
    }
}

/// What is told of every key at an instant.
pub async fn open(connection: &mut AnyConnection, now: Instant) -> Result<Findings, sqlx::Error> {
    let rows = sqlx::query("SELECT * FROM anomalies WHERE allowed_at IS NULL AND last_at > $1")
        .bind(now - LASTS)
        .fetch_all(connection)
        .await?;
    let mut open = Findings::new();
    for row in &rows {
        let finding = Finding::from_row(row)?;
        let whose = (row.try_get("account")?, finding.key_id.clone());
        open.entry(whose).or_default().push(finding);
    }
    open.values_mut().for_each(|findings| findings.sort());
    Ok(open)
}

/// What is told of one key. A key that is dead is used by nobody any more.
pub fn of(open: &Findings, account: &str, key: &KeyRecord) -> Vec<Finding> {
    let id = key
        .key
        .key_id
        .clone()
        .filter(|_| key.status != Status::Revoked);
    let found = id.and_then(|id| open.get(&(account.to_owned(), id)));
    found.cloned().unwrap_or_default()
}

/// What is told of live keys in no slot: no resource that is asked for tells it of a key of its own.
pub async fn of_orphans(
    connection: &mut AnyConnection,
    asked: &Filter,
    open: &Findings,
) -> Result<Vec<Finding>, sqlx::Error> {
    if open.is_empty() {
        return Ok(Vec::new());
    }
    let is_same = "held.account = keys.account AND held.key_id = keys.key_id";
    let text = asked.text_with(
        "SELECT DISTINCT keys.account, keys.key_id FROM anomalies JOIN keys ON keys.account = anomalies.account \
         AND keys.key_id = anomalies.key_id JOIN resources ON resources.resource_id = keys.resource_id",
        &format!("anomalies.allowed_at IS NULL AND {}", in_no_slot(is_same)),
    );
    let mut found = Vec::new();
    let each = |row: &AnyRow| {
        let whose = (row.try_get("account")?, row.try_get("key_id")?);
        found.extend(open.get(&whose).into_iter().flatten().cloned());
        Ok(())
    };
    asked.each(connection, text, each).await?;
    found.sort();
    Ok(found)
}

impl FromRow<'_, AnyRow> for Finding {
    fn from_row(row: &AnyRow) -> Result<Self, sqlx::Error> {
        let (kind, name): (String, String) = (row.try_get("kind")?, row.try_get("name")?);
        Ok(Self {
            kind: kind.parse().map_err(|_| damaged("kind", &kind))?,
            name: (!name.is_empty()).then_some(name),
            key_id: row.try_get("key_id")?,
            first_at: row.try_get("first_at")?,
            last_at: row.try_get("last_at")?,
            allowed_at: row.try_get("allowed_at")?,
        })
    }
}
