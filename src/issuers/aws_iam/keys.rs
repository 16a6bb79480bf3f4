//! The keys of one IAM user: minted, listed, tried and revoked. What Terraform is told of the issuer stands in `mod`,
//! the calls themselves in `api`.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use super::api::{Api, CreatedKey, ListedKey};
use super::user::User;
use super::{capacity, imported};
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::instant::Instant;
use crate::issuers::{Crowd, Imported, Issuer, KeyStatus, Listed, Minted, Probe};
use crate::secret::Secret;
use crate::vendors::aws::{self, Caller, Refusal};

/// How often the list is read again before a key that it lacks counts as missing: it may be a moment old.
const REREADS: usize = 2;
const REREAD_DELAY: Duration = Duration::from_secs(2);

/// The issuer of one resource.
pub(super) struct Keys {
    user: User,
    api: Api,
    caller: Arc<Caller>,
    /// The keys of the user as they were listed last, kept in step with what is done here.
    listed: Mutex<Option<Vec<ListedKey>>>,
}

#[async_trait]
impl Issuer for Keys {
    fn account(&self) -> String {
        match &self.user {
            User::Named(name) => format!("aws_iam user {name}"),
            User::Caller => "aws_iam user of the caller".to_owned(),
        }
    }

    async fn lock(&self) -> Result<String> {
        let user = self.user_name().await?;
        let id = self.caller.account_id().await?;
        Ok(format!("aws_iam {id} user {user}"))
    }

    async fn check(&self, owned: &[String]) -> Result<()> {
        let user = self.user_name().await?;
        let keys = self.known(user).await?;
        capacity::room_for_one(user, &keys, owned)
    }

    fn ahead(&self) -> i64 {
        self.api.ahead()
    }

    fn limit(&self) -> Option<usize> {
        Some(capacity::KEYS_PER_USER)
    }

    async fn crowd(&self, owned: &[String]) -> Result<Option<Crowd>> {
        let user = self.user_name().await?;
        let keys = self.known_or_none(user).await?;
        Ok(capacity::crowd(user, &keys, owned))
    }

    fn look_again(&self) {
        *self.listed() = None;
    }

    async fn mint(&self, _token: &str) -> Result<Minted> {
        let user = self.user_name().await?;
        let before = self.known(user).await?;
        match self.api.create(user).await {
            Ok(created) => {
                self.note_created(&created);
                Ok(Minted {
                    key_id: Some(created.id),
                    secret: created.secret,
                })
            }
            Err(refusal) if refusal.outcome_unknown => {
                Err(self.lost_mint(user, &before, refusal).await)
            }
            Err(refusal) => {
                Err(refusal.explain(format!("No access key was created for user {user}")))
            }
        }
    }

    async fn list(&self) -> Result<Option<Vec<Listed>>> {
        let user = self.user_name().await?;
        let keys = self.known_or_none(user).await?;
        let listed = keys.into_iter().map(|key| Listed {
            key_id: key.id,
            created_at: key.created_at,
        });
        Ok(Some(listed.collect()))
    }

    async fn inspect(&self, key_ids: &[String]) -> Result<Vec<Option<KeyStatus>>> {
        let user = self.user_name().await?;
        let is_complete = |keys: &[ListedKey]| key_ids.iter().all(|id| find(keys, id).is_some());
        let known = self.listed().clone();
        let keys = match known.filter(|keys| is_complete(keys)) {
            Some(keys) => keys,
            None => self.list_until(user, is_complete).await?,
        };
        let status = |id: &String| find(&keys, id).map_or(KeyStatus::Missing, ListedKey::status);
        Ok(key_ids.iter().map(|id| Some(status(id))).collect())
    }

    async fn holder(&self, key_id: &str) -> Result<Option<String>> {
        let user = self.user_name().await?;
        match self.api.last_used(key_id).await {
            // It was deleted a moment ago.
            Ok(used) if used.user.as_deref() == Some(user) => Ok(None),
            Ok(used) => Ok(Some(match used.user {
                Some(other) => format!("user {other}"),
                None => "the root user of the account".to_owned(),
            })),
            // Whoever names a user who is not there may mean another account.
            Err(refusal) if refusal.kind == Kind::NotFound => self.list(user).await.map(|_| None),
            Err(refusal) => Err(refusal.explain(format!(
                "It could not be found out whose access key {key_id} is"
            ))),
        }
    }

    async fn last_used(&self, key_id: &str) -> Result<Option<Instant>> {
        let used = self.api.last_used(key_id).await.map_err(|refusal| {
            refusal.explain(format!(
                "The last use of access key {key_id} could not be read"
            ))
        })?;
        Ok(used.at)
    }

    async fn probe(&self, key_id: Option<&str>, secret: &Secret) -> Result<Probe> {
        let key_id = named(key_id)?;
        match self.api.identify(key_id, secret).await {
            Ok(_) => Ok(Probe::Accepted),
            // A wrong clock refuses good keys and dead ones alike, so it proves nothing.
            Err(refusal) if refusal.kind == Kind::Denied && !refusal.is_skewed_clock() => {
                Ok(Probe::Refused(format!("AWS answered {}", refusal.code)))
            }
            Err(refusal) => Err(refusal.explain(format!("Access key {key_id} could not be tried"))),
        }
    }

    async fn revoke(&self, key_id: Option<&str>) -> Result<()> {
        let (key_id, user) = (named(key_id)?, self.user_name().await?);
        match self.api.deactivate(user, key_id).await {
            // Deleting may still be allowed, and does the job by itself.
            Ok(()) => {}
            Err(refusal) if matches!(refusal.kind, Kind::NotFound | Kind::Denied) => {}
            Err(refusal) => return Err(not_revoked(user, key_id, refusal)),
        }
        match self.api.delete(user, key_id).await {
            Ok(()) => {}
            Err(refusal) if refusal.kind == Kind::NotFound => {
                self.surely_gone(user, key_id).await?;
            }
            Err(refusal) => return Err(not_revoked(user, key_id, refusal)),
        }
        if let Some(keys) = self.listed().as_mut() {
            keys.retain(|key| key.id != key_id);
        }
        Ok(())
    }
}

impl Keys {
    pub(super) fn new(user: User, context: &Context) -> Result<Self> {
        Ok(Self {
            user,
            api: Api::new(aws::client(context)?),
            caller: aws::caller(context)?,
            listed: Mutex::default(),
        })
    }

    /// A key that somebody else created, with the user it belongs to.
    pub(super) async fn describe(&self, key_id: &str) -> Result<Imported> {
        let summary = format!("Access key {key_id} cannot be imported");
        let used = self.api.last_used(key_id).await;
        let user = used.map_err(|refusal| refusal.explain(&summary))?.user;
        let missing = |detail: &str| Error::new(Kind::NotFound, &summary, detail);
        let user = user
            .ok_or_else(|| missing("It belongs to no IAM user. Only keys of users are managed."))?;
        let keys = self.ask(&user).await?;
        let key = find(&keys, key_id)
            .ok_or_else(|| missing("IAM no longer lists it. Import one that exists."))?;
        Ok(imported(&user, key))
    }

    async fn user_name(&self) -> Result<&str> {
        match &self.user {
            User::Named(name) => Ok(name),
            User::Caller => self.caller.user_name().await,
        }
    }

    fn listed(&self) -> MutexGuard<'_, Option<Vec<ListedKey>>> {
        // A list is replaced as a whole, so a panic elsewhere leaves nothing half done.
        self.listed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note_created(&self, created: &CreatedKey) {
        let mut listed = self.listed();
        match (listed.as_mut(), created.created_at) {
            (Some(keys), Some(created_at)) => keys.push(ListedKey {
                id: created.id.clone(),
                status: "Active".to_owned(),
                created_at,
            }),
            _ => *listed = None,
        }
    }

    /// The list as it is known; asked for only if it is not.
    async fn known(&self, user: &str) -> Result<Vec<ListedKey>> {
        let known = self.listed().clone();
        match known {
            Some(keys) => Ok(keys),
            None => self.list(user).await,
        }
    }

    /// A user who is gone has no keys.
    async fn known_or_none(&self, user: &str) -> Result<Vec<ListedKey>> {
        match self.known(user).await {
            Err(error) if error.kind == Kind::NotFound => Ok(Vec::new()),
            keys => keys,
        }
    }

    async fn list(&self, user: &str) -> Result<Vec<ListedKey>> {
        let keys = self.ask(user).await?;
        *self.listed() = Some(keys.clone());
        Ok(keys)
    }

    async fn ask(&self, user: &str) -> Result<Vec<ListedKey>> {
        let keys = self.api.list(user).await;
        keys.map_err(|refusal| {
            refusal.explain(format!(
                "The access keys of user {user} could not be listed"
            ))
        })
    }

    /// The list, read again a few times while it is not `complete`. A user who is gone has no keys.
    async fn list_until(
        &self,
        user: &str,
        complete: impl Fn(&[ListedKey]) -> bool,
    ) -> Result<Vec<ListedKey>> {
        let mut rereads = 0;
        loop {
            let keys = match self.list(user).await {
                Err(error) if error.kind == Kind::NotFound => Vec::new(),
                keys => keys?,
            };
            if complete(&keys) || rereads == REREADS {
                return Ok(keys);
            }
            self.api.wait(REREAD_DELAY).await?;
            rereads += 1;
        }
    }

    /// Tells of a key that may have been created although its answer was lost. Its secret is gone, so it is
    /// of no use; but somebody else may have created it in the same moment, so it is not deleted either.
    async fn lost_mint(&self, user: &str, before: &[ListedKey], refusal: Refusal) -> Error {
        let is_new = |key: &&ListedKey| find(before, &key.id).is_none();
        let listed = self
            .list_until(user, |keys| keys.iter().any(|key| is_new(&key)))
            .await;
        let lost = refusal.explain(format!(
            "It is not certain whether an access key was created for user {user}"
        ));
        let found = match listed {
            Err(error) => format!(
                "The list could not be read to find out ({}); look for a new key of this user \
                 and delete it.",
                error.summary
            ),
            Ok(keys) => match keys.iter().find(is_new) {
                Some(key) => format!(
                    "A new key has appeared, {} (created {}). Its secret was never received. With a \
                     ledger, the next plan shows it and its apply revokes it; without one, if nobody \
                     else created it, delete it (aws iam delete-access-key --user-name {user} \
                     --access-key-id {}), then apply again.",
                    key.id, key.created_at, key.id
                ),
                None => "No new key has appeared, so apply again.".to_owned(),
            },
        };
        Error {
            kind: Kind::Uncertain,
            detail: format!("{} {found}", lost.detail),
            ..lost
        }
    }

    /// IAM said that there is no such key. A key made a moment ago may not be known everywhere yet, and
    /// would live on; so the list has the last word.
    async fn surely_gone(&self, user: &str, key_id: &str) -> Result<()> {
        let keys = self
            .list_until(user, |keys| find(keys, key_id).is_some())
            .await?;
        if find(&keys, key_id).is_none() {
            return Ok(());
        }
        let deleted = self.api.delete(user, key_id).await;
        deleted.map_err(|refusal| not_revoked(user, key_id, refusal))
    }
}

fn find<'a>(keys: &'a [ListedKey], id: &str) -> Option<&'a ListedKey> {
    keys.iter().find(|key| key.id == id)
}

fn named(key_id: Option<&str>) -> Result<&str> {
    key_id.ok_or_else(|| {
        Error::new(
            Kind::Other,
            "An AWS access key has no id",
            "The state is incomplete. Run terraform apply -refresh-only; if the id stays empty, \
             import the key.",
        )
    })
}

fn not_revoked(user: &str, key_id: &str, refusal: Refusal) -> Error {
    refusal.explain(format!(
        "Access key {key_id} of user {user} could not be deleted"
    ))
}
