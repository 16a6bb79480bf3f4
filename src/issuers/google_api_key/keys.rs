//! The API keys of one project: minted, listed and revoked.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::KIND;
use super::api::{Api, Key};
use crate::domain::capabilities::{Capabilities, Label, Listing};
use crate::duration::Duration;
use crate::error::{Error, Kind, Result};
use crate::http::Refusal;
use crate::issuers::{Cli, Issuer, KeyRef, KeyStatus, Listed, Minted, Revoked};
use crate::secret::Secret;

/// A key made a moment ago may be missing from the list.
const LIST_LAG: Duration = Duration::from_secs(4);

/// The annotation with the token of a mint.
const MINT: &str = "terraform-provider-apikey";

/// How much of the token of a mint is in the id of its key; together with the word before it Google takes it.
const DIGITS: usize = 24;

/// The issuer of one resource.
pub(super) struct Keys {
    pub api: Api,
    pub display_name: Option<String>,
    pub restrictions: Option<Value>,
}

#[async_trait]
impl Issuer for Keys {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            listing: Listing::Whole,
            list_lag: LIST_LAG,
            label: Label::UniqueName,
            key_ids: true,
            valid_at_mint: true,
            ..Capabilities::default()
        }
    }

    fn account(&self) -> String {
        format!("{KIND} project {}", self.api.project)
    }

    fn ahead(&self) -> i64 {
        self.api.client.ahead()
    }

    async fn mint(&self, token: &str) -> Result<Minted> {
        let id = format!("apikey-{}", token.get(..DIGITS).unwrap_or(token));
        let mut key = json!({
            "displayName": self.display_name.as_ref().unwrap_or(&id),
            "annotations": { MINT: token },
        });
        if let Some(restrictions) = &self.restrictions {
            key["restrictions"] = restrictions.clone();
        }
        match self.api.create(&id, &key).await {
            Ok(()) => {}
            // Nobody else has this id, so a key that has it is the one.
            Err(refusal) if refusal.outcome_unknown && self.api.get(&id).await.is_ok() => {}
            Err(refusal) => return Err(self.not_minted(refusal)),
        }
        Ok(Minted {
            secret: self.text(&id).await?,
            created_at: None,
            key_id: Some(id),
        })
    }

    async fn list(&self) -> Result<Vec<Listed>> {
        let keys = self.api.list().await;
        let keys = keys.map_err(|refusal| {
            refusal.explain(format!(
                "The API keys of project {} could not be listed",
                self.api.project
            ))
        })?;
        let is_there = |key: &Key| key.delete_time.is_none();
        Ok(keys
            .into_iter()
            .filter(is_there)
            .map(Listed::from)
            .collect())
    }

    async fn revoke(&self, key: KeyRef<'_>, _: Option<KeyRef<'_>>) -> Result<Revoked> {
        let key_id = key.key_id.ok_or_else(nameless)?;
        let refusal = match self.api.delete(key_id).await {
            Ok(()) => return Ok(Revoked::Ended),
            Err(refusal) if refusal.kind == Kind::NotFound => return Ok(Revoked::NotFound),
            Err(refusal) => refusal,
        };
        // It is kept for 30 days after it was deleted, and cannot be deleted again.
        if refusal.is("FAILED_PRECONDITION")
            && let Ok(key) = self.api.get(key_id).await
            && key.delete_time.is_some()
        {
            return Ok(Revoked::NotFound);
        }
        Err(self.not_revoked(key_id, refusal))
    }

    fn import_id(&self, key_id: &str) -> Option<String> {
        Some(self.api.name(key_id))
    }

    fn cli(&self, key_id: &str) -> Option<Cli> {
        let name = self.api.name(key_id);
        Some(Cli {
            look: format!("gcloud services api-keys describe {name}"),
            delete: format!("gcloud services api-keys delete {name}"),
        })
    }
}

impl Keys {
    /// The text of a key that was just created. Without it the key is of no use, and is taken back.
    async fn text(&self, key_id: &str) -> Result<Secret> {
        let refusal = match self.api.key_string(key_id).await {
            Ok(secret) => return Ok(secret),
            Err(refusal) => refusal,
        };
        let unread = refusal.explain(format!("The text of API key {key_id} could not be read"));
        match self.api.delete(key_id).await {
            Ok(()) => Err(Error {
                detail: format!("{} The key was deleted again.", unread.detail),
                ..unread
            }),
            Err(refusal) => {
                let error = self.not_revoked(key_id, refusal);
                Err(Error {
                    kind: Kind::Uncertain,
                    detail: format!("{} The key is still there: {error}", unread.detail),
                    ..unread
                })
            }
        }
    }

    fn not_minted(&self, refusal: Refusal) -> Error {
        let project = &self.api.project;
        match refusal.outcome_unknown {
            true => Error {
                kind: Kind::Uncertain,
                ..refusal.explain(format!(
                    "It is not certain whether an API key was created in project {project}"
                ))
            },
            false => refusal.explain(format!("No API key was created in project {project}")),
        }
    }

    fn not_revoked(&self, key_id: &str, refusal: Refusal) -> Error {
        refusal.explain(format!(
            "API key {key_id} of project {} could not be deleted",
            self.api.project
        ))
    }
}

impl From<Key> for Listed {
    fn from(key: Key) -> Self {
        Self {
            key_id: key.id(),
            created_at: key.create_time,
            // Every key that was minted here has it.
            label: Some(key.annotations.get(MINT).cloned().unwrap_or_default()),
            last_used: None,
            status: KeyStatus::Active,
        }
    }
}

fn nameless() -> Error {
    Error::new(
        Kind::Other,
        "An API key has no id",
        "The state is incomplete. Run terraform apply -refresh-only; if the id stays empty, replace the resource.",
    )
}
