//! The keys of one account: minted, listed, tried and revoked.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use reqwest::Method;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;
use tf_provider::value::ValueAny;

use crate::domain::capabilities::{Capabilities, Label, Listing};
use crate::error::{Error, Kind, Result};
use crate::http::{Body, Call, Meaning, Refusal, Repeat, pages};
use crate::issuers::{Cli, Imported, Issuer, KeyRef, KeyStatus, Listed, Minted, Probe, Revoked};
use crate::secret::Secret;
use crate::vendors::twilio::{Credentials, Product, Side, Twilio, instant};

/// The most that Twilio lists at once.
const PAGE: &str = "1000";

/// What a name begins with; the token of the mint follows.
const NAME: &str = "apikey-";

/// The longest name that Twilio takes.
const LONGEST_NAME: usize = 64;

/// The keys of an account.
pub(super) struct Keys {
    pub(super) twilio: Arc<Twilio>,
    pub(super) account: String,
    pub(super) sort: Sort,
}

/// Two sorts of keys, kept by two products.
pub(super) enum Sort {
    /// They may do everything but manage accounts and keys.
    Standard,
    /// They may do what is listed.
    Restricted(Vec<String>),
}

#[derive(Deserialize)]
struct Key {
    sid: String,
    friendly_name: Option<String>,
    date_created: String,
    secret: Option<String>,
}

/// A page as the two products give it: one names the next by a path, the other by a URL.
#[derive(Deserialize)]
struct Page {
    keys: Vec<Key>,
    next_page_uri: Option<String>,
    #[serde(default)]
    meta: Meta,
}

#[derive(Default, Deserialize)]
struct Meta {
    next_page_url: Option<String>,
}

#[derive(Deserialize)]
struct Numbers {
    #[serde(rename = "incoming_phone_numbers")]
    _numbers: Vec<IgnoredAny>,
}

#[async_trait]
impl Issuer for Keys {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            listing: Listing::Whole,
            label: Label::Name,
            key_ids: true,
            probe: true,
            valid_at_mint: true,
            ..Capabilities::default()
        }
    }

    fn account(&self) -> String {
        match self.sort {
            Sort::Standard => format!("twilio_api_key {}", self.account),
            // Another product keeps them, in whose list keys of the other sort would seem to be gone.
            Sort::Restricted(_) => format!("twilio_api_key {} restricted", self.account),
        }
    }

    fn ahead(&self) -> i64 {
        self.twilio.ahead()
    }

    async fn mint(&self, token: &str) -> Result<Minted> {
        let minted = self.create(token).await;
        let (key, secret) = minted.map_err(|refusal| match refusal.outcome_unknown {
            true => Error {
                kind: Kind::Uncertain,
                ..refusal.explain(format!(
                    "It is not certain whether an API key was created for {}",
                    self.account
                ))
            },
            false => refusal.explain(format!("No API key was created for {}", self.account)),
        })?;
        Ok(Minted {
            created_at: instant(&key.date_created),
            key_id: Some(key.sid),
            secret,
        })
    }

    async fn list(&self) -> Result<Vec<Listed>> {
        let (side, path) = (self.side(), self.path());
        let side = &side;
        let page = |next: Option<String>| {
            let path = &path;
            async move {
                let query = match next {
                    None => self.query_of_first(),
                    Some(next) => side.query_of_next(&next).await?,
                };
                let query: Vec<(&str, &str)> = query
                    .iter()
                    .map(|(name, value)| (name.as_str(), value.as_str()))
                    .collect();
                let call = Call {
                    query: &query,
                    may_be_quoted: true,
                    ..Call::get("GET Keys", path)
                };
                let page: Page = side.read(&call).await?;
                let next = page.next_page_uri.or(page.meta.next_page_url);
                let keys: Option<Vec<Listed>> = page.keys.into_iter().map(listed).collect();
                Ok((keys.ok_or_else(|| side.not_understood(&call))?, next))
            }
        };
        let listed: Result<Vec<Listed>, Refusal> = pages("The list of API keys", page).await;
        listed.map_err(|refusal| {
            refusal.explain(format!(
                "The API keys of {} could not be listed",
                self.account
            ))
        })
    }

    /// Asks for something that a Standard key may see. What a restricted key may see is not known, but whoever is told that
    /// it may not has been recognised.
    async fn probe(&self, key_id: Option<&str>, secret: &Secret) -> Result<Probe> {
        let key_id = named(key_id)?;
        let credentials = Credentials {
            user: key_id.to_owned(),
            password: secret.duplicate(),
            who: format!("API key {key_id}"),
            is_key: true,
        };
        let path = format!(
            "/2010-04-01/Accounts/{}/IncomingPhoneNumbers.json",
            self.account
        );
        let call = Call {
            query: &[("PageSize", "1")],
            ..Call::get("GET IncomingPhoneNumbers", &path)
        };
        let side = self.twilio.side(Product::Api).called_as(&credentials);
        let is_restricted = matches!(self.sort, Sort::Restricted(_));
        match side.read::<Numbers>(&call).await {
            Ok(_) => Ok(Probe::Accepted),
            Err(refusal) if refusal.meaning == Meaning::Forbidden && is_restricted => {
                Ok(Probe::Accepted)
            }
            Err(refusal) if refusal.meaning == Meaning::Unknown => {
                Ok(Probe::Refused(format!("Twilio answered {}", refusal.code)))
            }
            Err(refusal) => Err(refusal.explain(format!("API key {key_id} could not be tried"))),
        }
    }

    async fn revoke(&self, key: KeyRef<'_>, _: Option<KeyRef<'_>>) -> Result<Revoked> {
        let key_id = named(key.key_id)?;
        let path = self.path_of(key_id);
        let call = Call {
            may_be_quoted: true,
            ..Call::new("DELETE Keys/{Sid}", Method::DELETE, &path, Repeat::Freely)
        };
        match self.side().tell(&call).await {
            Ok(()) => Ok(Revoked::Ended),
            Err(refusal) if refusal.kind == Kind::NotFound => Ok(Revoked::NotFound),
            Err(refusal) => Err(refusal.explain(format!("API key {key_id} could not be deleted"))),
        }
    }

    fn import_id(&self, key_id: &str) -> Option<String> {
        let is_standard = matches!(self.sort, Sort::Standard);
        is_standard.then(|| key_id.to_owned())
    }

    fn cli(&self, key_id: &str) -> Option<Cli> {
        let account = &self.account;
        match self.sort {
            Sort::Standard => Some(Cli {
                look: format!("twilio api:core:keys:fetch --account-sid {account} --sid {key_id}"),
                delete: format!(
                    "twilio api:core:keys:remove --account-sid {account} --sid {key_id}"
                ),
            }),
            Sort::Restricted(_) => Some(Cli {
                look: format!("twilio api:iam:v1:keys:fetch --sid {key_id}"),
                delete: format!("twilio api:iam:v1:keys:remove --sid {key_id}"),
            }),
        }
    }
}

impl Keys {
    /// A Standard key that somebody else created.
    pub(super) async fn found(&self, key_id: &str) -> Result<Imported> {
        let summary = format!("API key {key_id} cannot be imported");
        let key_id = named(Some(key_id))?;
        let (side, path) = (self.side(), self.path_of(key_id));
        let call = Call {
            may_be_quoted: true,
            ..Call::get("GET Keys/{Sid}", &path)
        };
        let key = side.read::<Key>(&call).await;
        let key = key.map_err(|refusal| {
            let error = refusal.explain(&summary);
            let detail = format!(
                "{} It was looked for in account {}.",
                error.detail, self.account
            );
            Error { detail, ..error }
        })?;
        let created_at = instant(&key.date_created);
        let account = ValueAny::String(self.account.clone());
        Ok(Imported {
            account: None,
            settings: BTreeMap::from([("account_sid".to_owned(), account)]),
            key_id: key.sid,
            created_at: created_at.ok_or_else(|| side.not_understood(&call).explain(summary))?,
            status: KeyStatus::Active,
        })
    }

    async fn create(&self, token: &str) -> Result<(Key, Secret), Refusal> {
        let name: String = [NAME, token].concat().chars().take(LONGEST_NAME).collect();
        let mut form = vec![("FriendlyName", name)];
        if let Sort::Restricted(permissions) = &self.sort {
            form.push(("AccountSid", self.account.clone()));
            form.push(("KeyType", "restricted".to_owned()));
            form.push(("Policy", json!({ "allow": permissions }).to_string()));
        }
        let path = self.path();
        let call = Call {
            body: Body::form(form.iter().map(|(name, value)| (*name, value.as_str()))),
            ..Call::new("POST Keys", Method::POST, &path, Repeat::IfUntouched)
        };
        let side = self.side();
        let mut key: Key = side.read(&call).await?;
        let secret = key.secret.take().filter(|secret| !secret.is_empty());
        match secret.map(Secret::new) {
            Some(secret) if named(Some(&key.sid)).is_ok() => Ok((key, secret)),
            _ => Err(side.not_understood(&call)),
        }
    }

    fn side(&self) -> Side<'_> {
        self.twilio.side(match self.sort {
            Sort::Standard => Product::Api,
            Sort::Restricted(_) => Product::Iam,
        })
    }

    fn path(&self) -> String {
        match self.sort {
            Sort::Standard => format!("/2010-04-01/Accounts/{}/Keys.json", self.account),
            Sort::Restricted(_) => "/v1/Keys".to_owned(),
        }
    }

    fn path_of(&self, key_id: &str) -> String {
        match self.sort {
            Sort::Standard => format!("/2010-04-01/Accounts/{}/Keys/{key_id}.json", self.account),
            Sort::Restricted(_) => format!("/v1/Keys/{key_id}"),
        }
    }

    fn query_of_first(&self) -> Vec<(String, String)> {
        let size = ("PageSize".to_owned(), PAGE.to_owned());
        match self.sort {
            Sort::Standard => vec![size],
            Sort::Restricted(_) => vec![("AccountSid".to_owned(), self.account.clone()), size],
        }
    }
}

fn listed(key: Key) -> Option<Listed> {
    Some(Listed {
        created_at: Some(instant(&key.date_created)?),
        label: Some(key.friendly_name.unwrap_or_default()),
        key_id: key.sid,
        last_used: None,
        status: KeyStatus::Active,
    })
}

/// It becomes part of a path, so nothing else may pass.
fn named(key_id: Option<&str>) -> Result<&str> {
    let is_sid = |id: &&str| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    key_id.filter(is_sid).ok_or_else(|| {
        Error::new(
            Kind::Invalid,
            format!("{} is not the sid of a Twilio API key", key_id.unwrap_or("(nothing)")),
            "Such a sid is SK and 32 hexadecimal digits. If it stands in the state, import the key again.",
        )
    })
}
