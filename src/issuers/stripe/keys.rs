//! The keys of one account: minted, listed, tried and expired.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use reqwest::Method;
use reqwest::header::{HeaderName, HeaderValue};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;
use tf_provider::value::ValueAny;

use super::sealed::Recipient;
use crate::domain::capabilities::{Capabilities, Label, LastUse, Listing};
use crate::duration::Duration;
use crate::error::{Error, Kind, Result};
use crate::http::{Body, Call, Meaning, Refusal, Repeat, pages};
use crate::instant::Instant;
use crate::issuers::{Imported, Issuer, KeyRef, KeyStatus, Listed, Minted, Probe, Revoked, Use};
use crate::secret::Secret;
use crate::vendors::stripe::{Mode, Stripe};

const KEYS: &str = "/v2/iam/api_keys";

/// The most that Stripe lists at once.
const PAGE: &str = "100";

/// What a name begins with; the token of the mint follows.
const NAME: &str = "apikey-";

/// What a key is told that has been recognised and may not see something.
const UNPERMITTED: &str = "more_permissions_required";

/// Stripe does not say how late it is. A day is as late as any vendor is known to be.
const LAST_USE: LastUse = LastUse {
    lag: Duration::from_days(1),
    tells_where: false,
    in_list: true,
    proof: None,
};

/// The keys of an account.
pub(super) struct Keys {
    pub(super) stripe: Arc<Stripe>,
    pub(super) account: String,
    pub(super) permissions: Vec<String>,
}

/// A key as every call describes it. In test mode each description holds the whole secret, which is not read.
#[derive(Deserialize)]
struct Key {
    id: String,
    created: String,
    last_used: Option<String>,
    name: Option<String>,
    permissions: Option<Vec<String>>,
    status: String,
    r#type: String,
}

#[derive(Deserialize)]
struct Page {
    data: Vec<Key>,
    next_page_url: Option<String>,
}

#[derive(Deserialize)]
struct Created {
    #[serde(flatten)]
    key: Key,
    secret_key: Option<SecretKey>,
}

#[derive(Deserialize)]
struct SecretKey {
    token: Option<String>,
    encrypted_secret: Option<Encrypted>,
}

#[derive(Deserialize)]
struct Encrypted {
    ciphertext: String,
}

#[async_trait]
impl Issuer for Keys {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            listing: Listing::Whole,
            label: Label::Name,
            last_use: Some(LAST_USE),
            key_ids: true,
            probe: true,
            valid_at_mint: true,
            ..Capabilities::default()
        }
    }

    fn account(&self) -> String {
        format!("stripe {}", self.account)
    }

    /// In another mode other keys are listed, and those of this one would seem to be gone.
    async fn lock(&self) -> Result<String> {
        let mode = match self.stripe.mode()? {
            Mode::Live => "live",
            Mode::Test => "test",
        };
        Ok(format!("stripe {} {mode}", self.account))
    }

    fn ahead(&self) -> i64 {
        self.stripe.ahead()
    }

    async fn mint(&self, token: &str) -> Result<Minted> {
        let recipient = match self.stripe.mode()? {
            Mode::Live => Some(Recipient::make().await?),
            Mode::Test => None,
        };
        let created = self.create(token, recipient.as_ref()).await?;
        let minted = created
            .secret_key
            .and_then(|given| secret(given, recipient.as_ref()));
        let key = created.key;
        match minted {
            Some(secret) => Ok(Minted {
                created_at: Instant::parse(&key.created),
                key_id: Some(key.id),
                secret,
            }),
            None => Err(Error::new(
                Kind::Uncertain,
                format!("API key {} came without its secret", key.id),
                "Stripe answered that it was created, and what it answered holds no secret that can be read.",
            )),
        }
    }

    async fn list(&self) -> Result<Vec<Listed>> {
        let listed = self.keys().await.map_err(|refusal| {
            refusal.explain(format!(
                "The API keys of {} could not be listed",
                self.account
            ))
        })?;
        Ok(listed.into_iter().filter_map(as_listed).collect())
    }

    async fn last_use(&self, key_id: &str) -> Result<Option<Use>> {
        let key = self.key(key_id).await.map_err(|refusal| {
            refusal.explain(format!(
                "The last use of API key {key_id} could not be read"
            ))
        })?;
        let told = last_used(&key).ok_or_else(|| {
            Error::new(
                Kind::Other,
                format!("The last use of API key {key_id} could not be read"),
                "Stripe wrote it as no instant that is understood here.",
            )
        })?;
        Ok(told.map(Use::at))
    }

    /// Asks for the balance. A key that may not see it has been recognised.
    async fn probe(&self, key_id: Option<&str>, secret: &Secret) -> Result<Probe> {
        let who = format!("API key {}", named(key_id)?);
        let side = self.stripe.called_with(secret, &who);
        match side
            .read::<IgnoredAny>(&Call::get("GET /v1/balance", "/v1/balance"))
            .await
        {
            Ok(_) => Ok(Probe::Accepted),
            Err(refusal) if refusal.code.starts_with(UNPERMITTED) => Ok(Probe::Accepted),
            Err(refusal) if refusal.meaning == Meaning::Unknown => {
                Ok(Probe::Refused(format!("Stripe answered {}", refusal.code)))
            }
            Err(refusal) => Err(refusal.explain(format!("{who} could not be tried"))),
        }
    }

    fn import_id(&self, key_id: &str) -> Option<String> {
        Some(format!("{}/{key_id}", self.account))
    }

    async fn revoke(&self, key: KeyRef<'_>, _: Option<KeyRef<'_>>) -> Result<Revoked> {
        let key_id = named(key.key_id)?;
        let path = format!("{KEYS}/{key_id}/expire");
        let call = Call {
            headers: self.stripe.headers(&self.account)?,
            ..Call::new(
                "POST /v2/iam/api_keys/{id}/expire",
                Method::POST,
                &path,
                Repeat::Freely,
            )
        };
        match self.stripe.side().read::<IgnoredAny>(&call).await {
            Ok(_) => Ok(Revoked::Ended),
            Err(refusal) if refusal.kind == Kind::NotFound => Ok(Revoked::NotFound),
            Err(refusal) => Err(refusal.explain(format!("API key {key_id} could not be expired"))),
        }
    }
}

impl Keys {
    /// A key that somebody else created.
    pub(super) async fn found(&self, key_id: &str) -> Result<Imported> {
        let summary = format!("API key {key_id} of {} cannot be imported", self.account);
        let key = self.key(named(Some(key_id))?).await;
        let key = key.map_err(|refusal| refusal.explain(&summary))?;
        let unfit = |problem: &str| Error::new(Kind::Invalid, &summary, problem.to_owned());
        let created_at = Instant::parse(&key.created)
            .ok_or_else(|| unfit("Stripe does not tell when it was created."))?;
        let permissions = key.permissions.clone().unwrap_or_default();
        let listed = as_listed(key).ok_or_else(|| {
            unfit("It is expired, or no secret key. A publishable key is no secret and needs no rotation.")
        })?;
        let permissions = permissions.into_iter().map(ValueAny::String).collect();
        Ok(Imported {
            account: None,
            settings: BTreeMap::from([
                ("account".to_owned(), ValueAny::String(self.account.clone())),
                ("permissions".to_owned(), ValueAny::List(permissions)),
            ]),
            key_id: listed.key_id,
            created_at,
            status: listed.status,
        })
    }

    async fn create(&self, token: &str, recipient: Option<&Recipient>) -> Result<Created> {
        let mut body = json!({
            "type": "secret_key",
            "name": format!("{NAME}{token}"),
            "permissions": self.permissions,
        });
        if let Some(recipient) = recipient {
            let pem = json!({ "algorithm": "RSA", "data": recipient.public_key()? });
            body["public_key"] = json!({ "pem_key": pem });
        }
        let mut headers = self.stripe.headers(&self.account)?;
        if let Ok(once) = HeaderValue::from_str(token) {
            headers.insert(HeaderName::from_static("idempotency-key"), once);
        }
        let call = Call {
            headers,
            body: Body::json(&body)?,
            // An answer that is given again need not hold the secret again, so a lost one is looked for by the name.
            ..Call::new(
                "POST /v2/iam/api_keys",
                Method::POST,
                KEYS,
                Repeat::IfUntouched,
            )
        };
        let created = self.stripe.side().read::<Created>(&call).await;
        created.map_err(|refusal| {
            if refusal.outcome_unknown {
                let summary = format!(
                    "It is not certain whether an API key was created for {}",
                    self.account
                );
                return Error {
                    kind: Kind::Uncertain,
                    ..refusal.explain(summary)
                };
            }
            refusal.explain(format!("No API key was created for {}", self.account))
        })
    }

    async fn keys(&self) -> Result<Vec<Key>, Refusal> {
        let side = self.stripe.side();
        let side = &side;
        let page = |next: Option<String>| async move {
            let query = match next {
                None => vec![("limit".to_owned(), PAGE.to_owned())],
                Some(next) => side.query_of_next(&next)?,
            };
            let query: Vec<(&str, &str)> = query
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect();
            let call = Call {
                query: &query,
                headers: self.stripe.headers(&self.account)?,
                ..Call::get("GET /v2/iam/api_keys", KEYS)
            };
            let page: Page = side.read(&call).await?;
            // What cannot be told apart must not be taken for the whole list.
            match page.data.iter().all(|key| named(Some(&key.id)).is_ok()) {
                true => Ok((page.data, page.next_page_url)),
                false => Err(side.not_understood(&call)),
            }
        };
        pages("The list of API keys", page).await
    }

    async fn key(&self, key_id: &str) -> Result<Key, Refusal> {
        let path = format!("{KEYS}/{}", named(Some(key_id))?);
        let call = Call {
            headers: self.stripe.headers(&self.account)?,
            ..Call::get("GET /v2/iam/api_keys/{id}", &path)
        };
        self.stripe.side().read(&call).await
    }
}

/// When it was last used, if it ever was; `None` if that is not understood.
fn last_used(key: &Key) -> Option<Option<Instant>> {
    match &key.last_used {
        Some(text) => Instant::parse(text).map(Some),
        None => Some(None),
    }
}

/// A key that can still be used. A publishable one is no secret.
fn as_listed(key: Key) -> Option<Listed> {
    let status = match key.status.as_str() {
        "expired" => return None,
        "active" => KeyStatus::Active,
        _ => KeyStatus::Inactive,
    };
    (key.r#type == "secret_key").then(|| Listed {
        created_at: Instant::parse(&key.created),
        last_used: last_used(&key),
        label: Some(key.name.unwrap_or_default()),
        key_id: key.id,
        status,
    })
}

/// In live mode Stripe gives a secret to whoever has the key pair that was sent along, in test mode to everybody.
fn secret(given: SecretKey, recipient: Option<&Recipient>) -> Option<Secret> {
    let sealed = given.encrypted_secret.zip(recipient);
    let secret = match sealed {
        Some((sealed, recipient)) => recipient.open(&sealed.ciphertext)?,
        None => Secret::new(given.token?),
    };
    let is_one = secret.expose().bytes().all(|byte| byte.is_ascii_graphic());
    (is_one && !secret.expose().is_empty()).then_some(secret)
}

/// Whether a text is the id of an account. It becomes a header.
pub(super) fn is_account(text: &str) -> bool {
    let rest = text.strip_prefix("acct_").unwrap_or_default();
    !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// It becomes part of a path, so nothing else may pass.
fn named(key_id: Option<&str>) -> Result<&str> {
    let is_id = |id: &&str| {
        let is_of_it = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        !id.is_empty() && id.bytes().all(is_of_it)
    };
    key_id.filter(is_id).ok_or_else(|| {
        Error::new(
            Kind::Invalid,
            format!("{} is not the id of a Stripe API key", key_id.unwrap_or("(nothing)")),
            "Such an id is mk_ with letters and digits. If it stands in the state, import the key again.",
        )
    })
}
