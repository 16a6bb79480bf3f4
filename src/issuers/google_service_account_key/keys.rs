//! The keys of one service account: minted, listed, tried and revoked.

use std::time::Duration as Pause;

use async_trait::async_trait;

use super::KIND;
use super::api::{Api, Key};
use super::pair::{Cloud, Pair};
use crate::domain::capabilities::{Capabilities, Listing};
use crate::duration::Duration;
use crate::error::{Error, Kind, Result};
use crate::http::{Meaning, Refusal};
use crate::issuers::{Cli, Issuer, KeyRef, Listed, Minted, Probe, Revoked};
use crate::secret::Secret;
use crate::vendors::google::ServiceAccount;

/// What Google allows a service account. Disabled keys count.
const KEYS_PER_ACCOUNT: usize = 10;

/// Google counts from a moment before the answer.
const SLACK: Duration = Duration::from_secs(60);

/// A key made a moment ago may be missing from the list.
const LIST_LAG: Duration = Duration::from_secs(8);

/// After these waits a key whose upload was not answered is taken for not made, if the list has not shown it.
const REREADS: [Pause; 4] = [
    Pause::from_millis(500),
    Pause::from_secs(1),
    Pause::from_secs(2),
    Pause::from_secs(4),
];

/// The issuer of one resource.
pub(super) struct Keys {
    pub api: Api,
    /// Whether key pairs are made here.
    pub uploads: bool,
    /// How long Google lets a key live, where it ends them.
    pub ttl: Option<Duration>,
}

#[async_trait]
impl Issuer for Keys {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            limit: Some(KEYS_PER_ACCOUNT),
            listing: Listing::Whole,
            list_lag: LIST_LAG,
            disables: true,
            key_ids: true,
            probe: true,
            expiry: self.ttl,
            serialised: true,
            valid_at_mint: true,
            ..Capabilities::default()
        }
    }

    fn account(&self) -> String {
        format!("{KIND} {}", self.api.email)
    }

    fn ahead(&self) -> i64 {
        self.api.client.ahead()
    }

    async fn mint(&self, _: &str) -> Result<Minted> {
        let (key, secret) = match self.uploads {
            true => self.upload().await?,
            false => self.create().await?,
        };
        if let Some(fault) = self.fault(&key) {
            return Err(self.take_back(&key.id(), fault).await);
        }
        Ok(Minted {
            key_id: Some(key.id()),
            secret,
            created_at: key.valid_after_time,
        })
    }

    async fn list(&self) -> Result<Vec<Listed>> {
        let keys = self.api.list().await;
        let keys = keys.map_err(|refusal| {
            refusal.explain(format!(
                "The keys of service account {} could not be listed",
                self.api.email
            ))
        })?;
        Ok(keys.into_iter().map(Listed::from).collect())
    }

    async fn probe(&self, key_id: Option<&str>, secret: &Secret) -> Result<Probe> {
        let key_id = named(key_id)?;
        let account = ServiceAccount::parse(secret, &format!("the secret of key {key_id}"))?;
        if account.key_id != key_id || account.email != self.api.email {
            return Ok(Probe::Refused(format!(
                "it is the credentials file of key {} of {}",
                account.key_id, account.email
            )));
        }
        match self.api.client.try_key(&account).await {
            Ok(()) => Ok(Probe::Accepted),
            // A wrong clock refuses good keys and dead ones alike, so it proves nothing.
            Err(refusal) if refusal.kind == Kind::Denied && refusal.meaning != Meaning::Skewed => {
                Ok(Probe::Refused(format!("Google answered {}", refusal.code)))
            }
            Err(refusal) => Err(refusal.explain(format!("Key {key_id} could not be tried"))),
        }
    }

    async fn revoke(&self, key: KeyRef<'_>, _: Option<KeyRef<'_>>) -> Result<Revoked> {
        let key_id = named(key.key_id)?;
        match self.api.disable(key_id).await {
            // Deleting may still be allowed, and does the job by itself.
            Ok(()) => {}
            Err(refusal) if matches!(refusal.kind, Kind::NotFound | Kind::Denied) => {}
            // It was disabled before.
            Err(refusal) if refusal.is("FAILED_PRECONDITION") => {}
            Err(refusal) => return Err(self.not_revoked(key_id, refusal)),
        }
        match self.api.delete(key_id).await {
            Ok(()) => Ok(Revoked::Ended),
            Err(refusal) if refusal.kind == Kind::NotFound => Ok(Revoked::NotFound),
            Err(refusal) => Err(self.not_revoked(key_id, refusal)),
        }
    }

    fn import_id(&self, key_id: &str) -> Option<String> {
        Some(format!(
            "projects/-/serviceAccounts/{}/keys/{key_id}",
            self.api.email
        ))
    }

    fn cli(&self, key_id: &str) -> Option<Cli> {
        let account = format!("--iam-account={}", self.api.email);
        Some(Cli {
            look: format!("gcloud iam service-accounts keys list --managed-by=user {account}"),
            delete: format!("gcloud iam service-accounts keys delete {key_id} {account}"),
        })
    }
}

impl Keys {
    async fn create(&self) -> Result<(Key, Secret)> {
        let created = self.api.create().await;
        let key = created.map_err(|refusal| self.not_minted(refusal))?;
        let secret = key.credentials().ok_or_else(|| {
            Error::new(
                Kind::Uncertain,
                format!("Key {} of service account {} came without its secret", key.id(), self.api.email),
                "Google answered that it was created, and the credentials file in the answer could not be read.",
            )
        })?;
        Ok((key, secret))
    }

    /// Unlike with a key that Google makes, a lost answer costs nothing: the key is found by its public part.
    async fn upload(&self) -> Result<(Key, Secret)> {
        let cloud = Cloud {
            token_uri: self.api.client.token_uri().await?,
            universe: self.api.client.universe().await?,
        };
        let pair = Pair::make(&self.api.email).await?;
        let key = match self.api.upload(&pair.certificate).await {
            Ok(key) => key,
            Err(refusal) if refusal.outcome_unknown => match self.find(&pair).await {
                Some(key) => key,
                None => return Err(self.not_minted(refusal)),
            },
            Err(refusal) => return Err(self.not_minted(refusal)),
        };
        let secret = pair.credentials(&self.api.email, &key, &cloud);
        Ok((key, secret))
    }

    async fn find(&self, pair: &Pair) -> Option<Key> {
        for pause in REREADS {
            self.api.client.http().wait(pause).await.ok()?;
            for listed in self.api.list().await.unwrap_or_default() {
                let key = self.api.get(&listed.id()).await.ok();
                let ours = key.filter(|key| key.is_of(&pair.public));
                if ours.is_some() {
                    return ours;
                }
            }
        }
        None
    }

    /// Why a key would not last as long as it is needed: an organisation may have Google end keys by itself.
    fn fault(&self, key: &Key) -> Option<String> {
        let lasts = key.lasts()?;
        let cause = format!(
            "Google ends it after {lasts}, as the organisation has it (iam.serviceAccountKeyExpiryHours)."
        );
        match self.ttl {
            Some(ttl) if lasts.plus(SLACK) >= ttl => None,
            Some(ttl) => Some(format!(
                "{cause} ttl is {ttl}: lower it, and the policy of the key with it, or have the project exempted."
            )),
            None => Some(format!(
                "{cause} Set ttl to that, so that the plan can tell whether it is enough, or have the project exempted."
            )),
        }
    }

    /// A key that would end without notice is deleted before anybody has it.
    async fn take_back(&self, key_id: &str, fault: String) -> Error {
        let (kind, outcome) = match self.revoke(KeyRef::of_id(key_id), None).await {
            Ok(_) => (Kind::Invalid, "The key was deleted again.".to_owned()),
            Err(error) => (Kind::Uncertain, format!("The key is still there: {error}")),
        };
        Error::new(
            kind,
            format!(
                "The new key of service account {} does not last",
                self.api.email
            ),
            format!("{fault} {outcome}"),
        )
    }

    fn not_minted(&self, refusal: Refusal) -> Error {
        let email = &self.api.email;
        if refusal.outcome_unknown {
            return Error {
                kind: Kind::Uncertain,
                ..refusal.explain(format!(
                    "It is not certain whether a key was created for service account {email}"
                ))
            };
        }
        // Said of a full account as well as of a policy that forbids keys.
        let is_ambiguous = refusal.is("FAILED_PRECONDITION") || refusal.kind == Kind::Limit;
        let constraint = match self.uploads {
            true => "iam.disableServiceAccountKeyUpload",
            false => "iam.disableServiceAccountKeyCreation",
        };
        let error = refusal.explain(format!("No key was created for service account {email}"));
        match is_ambiguous {
            false => error,
            true => Error {
                detail: format!(
                    "{} Google says this of an account with {KEYS_PER_ACCOUNT} keys, and of an organisation that forbids keys \
                     ({constraint}, which is on in new organisations): look at both.",
                    error.detail
                ),
                ..error
            },
        }
    }

    fn not_revoked(&self, key_id: &str, refusal: Refusal) -> Error {
        refusal.explain(format!(
            "Key {key_id} of service account {} could not be deleted",
            self.api.email
        ))
    }
}

fn named(key_id: Option<&str>) -> Result<&str> {
    key_id.ok_or_else(|| {
        Error::new(
            Kind::Other,
            "A key of a service account has no id",
            "The state is incomplete. Run terraform apply -refresh-only; if the id stays empty, replace the resource.",
        )
    })
}
