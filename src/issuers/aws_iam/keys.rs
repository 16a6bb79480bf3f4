//! The keys of one IAM user: minted, listed, tried and revoked. What Terraform is told of the issuer stands in `mod`,
//! the calls themselves in `api`.

use std::sync::Arc;

use async_trait::async_trait;

use super::api::{Api, ListedKey};
use super::imported;
use super::trail::Trail;
use super::user::User;
use crate::context::Context;
use crate::domain::capabilities::{Capabilities, Listing};
use crate::duration::Duration;
use crate::error::{Error, Kind, Result};
use crate::http::{Meaning, Refusal};
use crate::issuers::{
    Cli, Imported, Issuer, KeyRef, LastUse, Listed, Minted, Probe, Question, Records, Revoked, Use,
};
use crate::secret::Secret;
use crate::vendors::aws::{Access, Caller};

/// What IAM allows a user. It cannot be raised, and inactive keys count.
const KEYS_PER_USER: usize = 2;

/// A key made a moment ago may be missing from the list.
const LIST_LAG: Duration = Duration::from_secs(4);

/// AWS says that a use may take this long to be reported.
const LAST_USE_LAG: Duration = Duration::from_hours(4);

/// The issuer of one resource.
pub(super) struct Keys {
    user: User,
    api: Api,
    trail: Trail,
    caller: Arc<Caller>,
}

#[async_trait]
impl Issuer for Keys {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            limit: Some(KEYS_PER_USER),
            listing: Listing::Whole,
            // The account that is asked is part of what the resource remembers.
            proves_absence: true,
            list_lag: LIST_LAG,
            disables: true,
            last_use: Some(LastUse {
                lag: LAST_USE_LAG,
                tells_where: true,
                in_list: false,
                proof: Some("sts"),
            }),
            records_calls: true,
            key_ids: true,
            probe: true,
            serialised: true,
            valid_at_mint: true,
            ..Capabilities::default()
        }
    }

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

    fn ahead(&self) -> i64 {
        self.api.ahead()
    }

    async fn mint(&self, _token: &str) -> Result<Minted> {
        let user = self.user_name().await?;
        match self.api.create(user).await {
            Ok(created) => Ok(Minted {
                key_id: Some(created.id),
                secret: created.secret,
                created_at: created.created_at,
            }),
            Err(refusal) if refusal.outcome_unknown => Err(Error {
                kind: Kind::Uncertain,
                ..refusal.explain(format!(
                    "It is not certain whether an access key was created for user {user}"
                ))
            }),
            Err(refusal) => {
                let is_full = refusal.kind == Kind::Limit;
                let error = refusal.explain(format!("No access key was created for user {user}"));
                Err(match is_full {
                    true => two_at_most(user, error),
                    false => error,
                })
            }
        }
    }

    async fn list(&self) -> Result<Vec<Listed>> {
        let keys = self.ask(self.user_name().await?).await?;
        Ok(keys.into_iter().map(Listed::from).collect())
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
            Err(refusal) if refusal.kind == Kind::NotFound => self.ask(user).await.map(|_| None),
            Err(refusal) => Err(refusal.explain(format!(
                "It could not be found out whose access key {key_id} is"
            ))),
        }
    }

    async fn last_use(&self, key_id: &str) -> Result<Option<Use>> {
        let used = self.api.last_used(key_id).await.map_err(|refusal| {
            refusal.explain(format!(
                "The last use of access key {key_id} could not be read"
            ))
        })?;
        used.last_of(key_id)
    }

    async fn calls(&self, key_id: &str, asked: &Question, last: Option<&Use>) -> Result<Records> {
        self.trail.calls(key_id, asked, last).await
    }

    async fn probe(&self, key_id: Option<&str>, secret: &Secret) -> Result<Probe> {
        let key_id = named(key_id)?;
        match self.api.identify(key_id, secret).await {
            Ok(_) => Ok(Probe::Accepted),
            // A wrong clock refuses good keys and dead ones alike, so it proves nothing.
            Err(refusal) if refusal.kind == Kind::Denied && refusal.meaning != Meaning::Skewed => {
                Ok(Probe::Refused(format!("AWS answered {}", refusal.code)))
            }
            Err(refusal) => Err(refusal.explain(format!("Access key {key_id} could not be tried"))),
        }
    }

    async fn revoke(&self, key: KeyRef<'_>, _: Option<KeyRef<'_>>) -> Result<Revoked> {
        let (key_id, user) = (named(key.key_id)?, self.user_name().await?);
        match self.api.deactivate(user, key_id).await {
            // Deleting may still be allowed, and does the job by itself.
            Ok(()) => {}
            Err(refusal) if matches!(refusal.kind, Kind::NotFound | Kind::Denied) => {}
            Err(refusal) => return Err(not_revoked(user, key_id, refusal)),
        }
        match self.api.delete(user, key_id).await {
            Ok(()) => Ok(Revoked::Ended),
            Err(refusal) if refusal.kind == Kind::NotFound => Ok(Revoked::NotFound),
            Err(refusal) => Err(not_revoked(user, key_id, refusal)),
        }
    }

    fn import_id(&self, key_id: &str) -> Option<String> {
        Some(key_id.to_owned())
    }

    fn cli(&self, key_id: &str) -> Option<Cli> {
        let user = match &self.user {
            User::Named(name) => format!(" --user-name {name}"),
            User::Caller => String::new(),
        };
        Some(Cli {
            look: format!("aws iam get-access-key-last-used --access-key-id {key_id}"),
            delete: format!("aws iam delete-access-key{user} --access-key-id {key_id}"),
        })
    }
}

impl Keys {
    pub(super) fn new(user: User, access: &Access, context: &Context) -> Result<Self> {
        let (client, caller) = access.client(context)?;
        Ok(Self {
            user,
            trail: Trail::new(Arc::clone(&client), context)?,
            api: Api::new(client),
            caller,
        })
    }

    /// A key that somebody else created, with the user it belongs to.
    pub(super) async fn found(&self, key_id: &str) -> Result<Imported> {
        let error = match self.find(key_id).await {
            Ok(imported) => return Ok(imported),
            Err(error) => error,
        };
        // A key of another account is not found, or not allowed to be looked at.
        let Ok(account) = self.caller.account_id().await else {
            return Err(error);
        };
        let detail = format!(
            "{} It was looked for in account {account}, that of the provider's credentials.",
            error.detail
        );
        Err(Error { detail, ..error })
    }

    async fn find(&self, key_id: &str) -> Result<Imported> {
        let summary = format!("Access key {key_id} cannot be imported");
        let used = self.api.last_used(key_id).await;
        let user = used.map_err(|refusal| refusal.explain(&summary))?.user;
        let missing = |detail: &str| Error::new(Kind::NotFound, &summary, detail);
        let user = user
            .ok_or_else(|| missing("It belongs to no IAM user. Only keys of users are managed."))?;
        let keys = self.ask(&user).await?;
        let key = keys
            .iter()
            .find(|key| key.id == key_id)
            .ok_or_else(|| missing("IAM no longer lists it. Import one that exists."))?;
        Ok(imported(&user, key))
    }

    async fn user_name(&self) -> Result<&str> {
        match &self.user {
            User::Named(name) => Ok(name),
            User::Caller => self.caller.user_name().await,
        }
    }

    async fn ask(&self, user: &str) -> Result<Vec<ListedKey>> {
        let keys = self.api.list(user).await;
        keys.map_err(|refusal| {
            refusal.explain(format!(
                "The access keys of user {user} could not be listed"
            ))
        })
    }
}

impl From<ListedKey> for Listed {
    fn from(key: ListedKey) -> Self {
        Self {
            last_used: None,
            status: key.status(),
            created_at: Some(key.created_at),
            label: None,
            key_id: key.id,
        }
    }
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

/// Not even AWS has more to give.
fn two_at_most(user: &str, error: Error) -> Error {
    Error {
        detail: format!(
            "AWS answered LimitExceeded: a user has two access keys at most, and no quota raises that. Look which there are \
             (aws iam list-access-keys --user-name {user}), delete the one that nobody uses, then apply again."
        ),
        ..error
    }
}

fn not_revoked(user: &str, key_id: &str, refusal: Refusal) -> Error {
    refusal.explain(format!(
        "Access key {key_id} of user {user} could not be deleted"
    ))
}
