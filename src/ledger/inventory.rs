//! The inventory: every key of every workspace that was minted, imported or adopted, live or dead. Metadata only.

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use strum::{Display, EnumIter, EnumString, IntoStaticStr, VariantNames};

use crate::domain::anomalies::{self, Finding};
use crate::domain::gates::Peer;
use crate::domain::keys::{Holding, KeyMark, KeyRecord, ResourceRef, Status};
use crate::error::{Error, Kind, Result};
use crate::instant::Instant;
use crate::ledger::leaks::{Leak, Survey};

/// Knows every key, and is told by states how they stand.
#[async_trait]
pub trait Inventory: Send + Sync {
    /// All keys that were ever recorded in an account, whosever they are.
    async fn keys_in(&self, account: &str) -> Result<Vec<KeyRecord>>;

    /// Every record of these keys in every account and resource, live or dead: by id, or by mark where one of the two
    /// has no id. A mark is short, so that another key may have the same: a reason to look, not a proof.
    async fn find_keys(&self, keys: &[KeyMark]) -> Result<Vec<(ResourceRef, KeyRecord)>>;

    /// Which resources with live keys that a state has heard of deliver to these places, as they were recorded last.
    async fn who_delivers_to(&self, places: &[String]) -> Result<Vec<(String, ResourceRef)>>;

    /// The keys of a group in every environment, one for each resource with a live primary, but for one resource.
    async fn peers(&self, group: &str, but: &str) -> Result<Vec<Peer>>;

    /// Brings the inventory of one resource up to what its state says. A key with `confirmed_at` is confirmed, if it
    /// was not before: a refresh confirms, an apply does not, for its answer may never reach a state. Writes nothing
    /// if nothing changed, and leaves it to the next apply if whoever runs this may only read. Keys that the state does not
    /// hold are left as they are.
    async fn record(&self, holding: &Holding, at: Instant) -> Result<()>;

    /// Keeps [`Holding::private_data`] of a resource that was recorded before.
    async fn keep(&self, resource_id: &str, private_data: &str) -> Result<()>;

    /// The alerts about its keys that are open as far as was heard, each with the source that told of it.
    async fn open_leaks(&self) -> Result<Vec<(String, Leak)>> {
        Ok(Vec::new())
    }

    /// Remembers which alerts are open about its keys. Writes nothing if nothing changed, and nothing is wrong if whoever runs
    /// this may only read.
    async fn note_leaks(&self, _survey: &Survey, _at: Instant) -> Result<()> {
        Ok(())
    }

    /// Remembers what is unusual in the calls of its keys. Writes nothing if nothing changed, and nothing is wrong if whoever
    /// runs this may only read.
    async fn note_anomalies(&self, _survey: &anomalies::Survey, _at: Instant) -> Result<()> {
        Ok(())
    }

    /// Answers a question about every key of every workspace.
    async fn list(&self, _query: &Query) -> Result<Page> {
        Err(Error::new(
            Kind::Invalid,
            "There is no ledger, so there is no inventory",
            "The inventory is kept in the ledger. Remove disabled = true from the ledger settings of the provider, or \
             remove this data source.",
        ))
    }
}

/// Counting stops here: whether there are ten thousand or a million changes nothing for a check, and takes its time.
pub const MOST_COUNTED: u32 = 10_000;

/// Which keys, in which order, and how many. What is `None` or `false` filters nothing.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the words of the data source, described there")]
pub struct Query {
    pub name: Option<String>,
    pub workspace: Option<String>,
    pub group: Option<String>,
    pub environment: Option<String>,
    pub owner: Option<String>,
    pub policy: Option<String>,
    pub issuer: Option<String>,
    pub status: Option<Status>,
    pub without_owner: bool,
    pub alive: bool,
    pub orphaned: bool,
    /// Minted at or before this instant.
    pub created_until: Option<Instant>,
    /// Not used after this instant, as far as anybody asked; a key without a reported use counts from its mint.
    pub used_until: Option<Instant>,
    pub sort_by: Sort,
    pub descending: bool,
    pub limit: u32,
    /// The token of the page before.
    pub after: Option<Mark>,
    /// When it is asked.
    pub now: Instant,
}

impl Query {
    /// Every key, oldest first.
    pub fn all(now: Instant, limit: u32) -> Self {
        Self {
            name: None,
            workspace: None,
            group: None,
            environment: None,
            owner: None,
            policy: None,
            issuer: None,
            status: None,
            without_owner: false,
            alive: false,
            orphaned: false,
            created_until: None,
            used_until: None,
            sort_by: Sort::CreatedAt,
            descending: false,
            limit,
            after: None,
            now,
        }
    }
}

/// What a list can be sorted by.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Display, EnumIter, EnumString, IntoStaticStr, VariantNames,
)]
#[strum(serialize_all = "snake_case")]
#[allow(missing_docs, reason = "the names of the attributes")]
pub enum Sort {
    CreatedAt,
    Environment,
    LastUsedAt,
    Name,
    Owner,
    RotationDueAt,
}

/// Where a page ended: the value that the list is sorted by, and the number of the row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The value; empty for null.
    pub value: String,
    /// The number of the row.
    pub id: i64,
}

impl Mark {
    /// As a token that goes through a configuration. It only fits the order that it was made for.
    pub fn token(&self, sort_by: Sort, descending: bool) -> String {
        let content = json!([sort_by.to_string(), descending, self.value, self.id]);
        URL_SAFE_NO_PAD.encode(content.to_string())
    }

    /// From a token; `None` if it is none, or was made for another order.
    pub fn from_token(token: &str, sort_by: Sort, descending: bool) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (word, direction, value, id): (String, bool, String, i64) =
            serde_json::from_slice(&bytes).ok()?;
        (word == sort_by.to_string() && direction == descending).then_some(Self { value, id })
    }
}

/// One key of the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(
    missing_docs,
    reason = "the columns of the ledger, described in its guide"
)]
pub struct Listed {
    pub resource: ResourceRef,
    pub issuer: String,
    pub account: String,
    pub group: Option<String>,
    pub environment: Option<String>,
    pub owner: Option<String>,
    pub policy: Option<String>,
    pub resource_status: Option<String>,
    pub rotation_due_at: Option<Instant>,
    pub key: KeyRecord,
    /// It belongs to no resource: as marked, or because no state ever held it although the apply that minted it is over.
    pub orphaned: bool,
    /// What is unusual in the calls of it, as long as it is not revoked.
    pub anomalies: Vec<Finding>,
}

impl Listed {
    /// What is told of each key, in this order.
    pub const COLUMNS: [&str; 25] = [
        "resource_id",
        "name",
        "workspace",
        "issuer",
        "account",
        "key_id",
        "mark",
        "group",
        "environment",
        "owner",
        "policy",
        "slot",
        "status",
        "orphaned",
        "resource_status",
        "rotation_due_at",
        "created_at",
        "delivered_at",
        "verified_at",
        "promoted_at",
        "retired_at",
        "revoked_at",
        "last_used_at",
        "unexpected_use",
        "anomalies",
    ];

    /// The values of the columns: texts, `orphaned` as a flag, null where there is none.
    pub fn columns(&self) -> [Value; 25] {
        let key = &self.key;
        [
            json!(self.resource.id),
            json!(self.resource.name),
            json!(self.resource.workspace),
            json!(self.issuer),
            json!(self.account),
            json!(key.key.key_id),
            json!(key.key.mark),
            json!(self.group),
            json!(self.environment),
            json!(self.owner),
            json!(self.policy),
            json!(key.slot.to_string()),
            json!(key.status.to_string()),
            json!(self.orphaned),
            json!(self.resource_status),
            json!(self.rotation_due_at),
            json!(key.created_at),
            json!(key.delivered_at),
            json!(key.verified_at),
            json!(key.promoted_at),
            json!(key.retired_at),
            json!(key.revoked_at),
            json!(key.last_used_at),
            json!(in_clauses(key.noticed.iter().flatten())),
            json!(in_clauses(&self.anomalies)),
        ]
    }
}

/// What is found of a key; null if nothing is.
fn in_clauses<T: ToString>(found: impl IntoIterator<Item = T>) -> Option<String> {
    let told: Vec<String> = found.into_iter().map(|it| it.to_string()).collect();
    (!told.is_empty()).then(|| told.join("; "))
}

/// The answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// How many keys there are, on all pages; [`MOST_COUNTED`] stands for as many or more.
    pub total: i64,
    /// The keys of this page.
    pub keys: Vec<Listed>,
    /// Where the next page begins; `None` if this is the last one.
    pub next: Option<Mark>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_fits_the_order_that_it_was_made_for() {
        let mark = Mark {
            value: "2026-01-01T00:00:00Z".into(),
            id: 7,
        };
        let token = mark.token(Sort::CreatedAt, false);
        assert_eq!(Mark::from_token(&token, Sort::CreatedAt, false), Some(mark));
        assert_eq!(Mark::from_token(&token, Sort::CreatedAt, true), None);
        assert_eq!(Mark::from_token(&token, Sort::Name, false), None);
        assert_eq!(Mark::from_token("nonsense", Sort::Name, false), None);
    }
}
