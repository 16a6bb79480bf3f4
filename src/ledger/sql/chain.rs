//! The audit trail: rows that are only ever added, each sealed together with the one before it.

use serde_json::json;
use sha2::{Digest, Sha256};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, FromRow, Row};

use super::dialect::Dialect;
use crate::instant::Instant;
use crate::ledger::{Intent, KeyMark, ResourceRef};

/// What the first event is sealed behind.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// One thing that happened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// When, by the clock of the provider.
    pub at: String,
    /// What: `begun`, `done`, `failed`, `settled`, `found`, `confirmed`, `changed`, `noticed`,
    /// `allowed`, `forgotten`, `opened`, `contained`.
    pub event: String,
    /// The word of the effect, if it is about one.
    pub effect: Option<String>,
    /// The word of the move that it is part of.
    pub action: Option<String>,
    /// Whose.
    pub resource: ResourceRef,
    /// The issuer.
    pub issuer: String,
    /// The account at the issuer.
    pub account: String,
    /// The key.
    pub key: KeyMark,
    /// The delivery and its place.
    pub place: Option<String>,
    /// The intent.
    pub intent: Option<String>,
    /// More, in words.
    pub detail: Option<String>,
}

impl Event {
    /// About an effect.
    pub fn of(intent: &Intent, event: &str, at: Instant) -> Self {
        Self {
            at: at.to_string(),
            event: event.into(),
            effect: Some(intent.effect.to_string()),
            action: Some(intent.action.clone()),
            resource: intent.resource.clone(),
            issuer: intent.issuer.clone(),
            account: intent.account.clone(),
            key: intent.key.clone().unwrap_or_default(),
            place: intent.place.clone(),
            intent: Some(intent.id.clone()),
            detail: None,
        }
    }

    /// That an effect is about to be done. What recovery relies on is in it: the keys that were there before, too.
    pub fn begun(intent: &Intent) -> Self {
        let named = || {
            let text = json!(intent.known).to_string();
            let hash = hex::encode(Sha256::digest(text));
            format!("known keys {}, sha256:{hash}", intent.known.len())
        };
        Self {
            detail: (!intent.known.is_empty()).then(named),
            ..Self::of(intent, "begun", intent.at)
        }
    }

    /// The seal of this event behind the one with the seal `previous`: SHA-256 of a JSON array of all columns but
    /// the last, in their order.
    pub fn seal(&self, seq: i64, previous: &str) -> String {
        let content = json!([
            seq,
            self.at,
            self.event,
            self.effect,
            self.action,
            self.resource.id,
            self.resource.name,
            self.resource.workspace,
            self.issuer,
            self.account,
            self.key.key_id,
            self.key.mark,
            self.place,
            self.intent,
            self.detail,
            previous,
        ]);
        hex::encode(Sha256::digest(content.to_string()))
    }
}

impl FromRow<'_, AnyRow> for Event {
    fn from_row(row: &AnyRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            at: row.try_get("at")?,
            event: row.try_get("event")?,
            effect: row.try_get("effect")?,
            action: row.try_get("action")?,
            resource: ResourceRef::from_row(row)?,
            issuer: row.try_get("issuer")?,
            account: row.try_get("account")?,
            key: KeyMark::from_row(row)?,
            place: row.try_get("place")?,
            intent: row.try_get("intent")?,
            detail: row.try_get("detail")?,
        })
    }
}

/// The end of the chain, held by one transaction.
pub struct Head {
    seq: i64,
    hash: String,
    at: String,
    events: Vec<(i64, Event, String, String)>,
}

impl Head {
    /// Takes hold of the end. Nobody else can append until the transaction ends.
    pub async fn hold(
        connection: &mut AnyConnection,
        dialect: Dialect,
    ) -> Result<Self, sqlx::Error> {
        let select = format!(
            "SELECT seq, hash, at FROM chain WHERE id = 1{}",
            dialect.for_update()
        );
        let (seq, hash, at): (i64, String, Option<String>) = sqlx::query_as(AssertSqlSafe(select))
            .fetch_one(connection)
            .await?;
        Ok(Self {
            seq,
            hash,
            at: at.unwrap_or_default(),
            events: Vec::new(),
        })
    }

    /// Adds an event.
    pub fn append(&mut self, event: Event) {
        if event.at < self.at {
            // The order of the chain is the order in which things were written down, whatever clocks say.
            tracing::warn!(
                now = event.at,
                last = self.at,
                "the clock ran backwards: an event of the ledger is older than the one before it"
            );
        }
        self.seq += 1;
        let hash = event.seal(self.seq, &self.hash);
        let previous = std::mem::replace(&mut self.hash, hash.clone());
        self.at.clone_from(&event.at);
        self.events.push((self.seq, event, previous, hash));
    }

    /// Writes down what was added.
    pub async fn write(self, connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
        if self.events.is_empty() {
            return Ok(());
        }
        for (seq, event, previous, hash) in self.events {
            sqlx::query(
                "INSERT INTO events (seq, at, event, effect, action, resource_id, name, workspace, issuer, account, \
                 key_id, mark, place, intent, detail, previous, hash) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
            )
            .bind(seq)
            .bind(event.at)
            .bind(event.event)
            .bind(event.effect)
            .bind(event.action)
            .bind(event.resource.id)
            .bind(event.resource.name)
            .bind(event.resource.workspace)
            .bind(event.issuer)
            .bind(event.account)
            .bind(event.key.key_id)
            .bind(event.key.mark)
            .bind(event.place)
            .bind(event.intent)
            .bind(event.detail)
            .bind(previous)
            .bind(hash)
            .execute(&mut *connection)
            .await?;
        }
        sqlx::query("UPDATE chain SET seq = $1, hash = $2, at = $3 WHERE id = 1")
            .bind(self.seq)
            .bind(self.hash)
            .bind(self.at)
            .execute(connection)
            .await
            .map(|_| ())
    }
}
