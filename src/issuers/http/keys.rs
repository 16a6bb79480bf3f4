//! The keys of one account at a declared API: minted, listed, tried and revoked.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use async_trait::async_trait;
use reqwest::Url;
use reqwest::header::{CONNECTION, HeaderValue};
use serde_json::Value;

use super::api::{Api, Verify};
use super::caller::{Answered, Caller, Reads};
use super::list::time;
use super::pick::{Pointer, TimeFormat};
use super::request::Request;
use super::values::{KEY_ID, SECRET, TOKEN, times};
use super::{NAME, import_id};
use crate::clock::Clock;
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::http::{Escape, Http, Meaning, Refusal, Repeat, Values};
use crate::instant::Instant;
use crate::issuers::{
    Capabilities, Issuer, KeyRef, Label, LastUse, Listed, Listing, Minted, Probe, Revoked, Use,
};
use crate::secret::Secret;

/// The issuer of one resource.
pub(super) struct Keys {
    pub api: Arc<Api>,
    parameters: BTreeMap<String, String>,
    http: Arc<Http>,
    clock: Clock,
    ahead: AtomicI64,
}

impl Keys {
    pub fn new(api: Arc<Api>, parameters: BTreeMap<String, String>, context: &Context) -> Self {
        Self {
            api,
            parameters,
            http: context.http(),
            clock: context.clock,
            ahead: AtomicI64::new(0),
        }
    }

    pub fn caller<'a>(
        &'a self,
        request: &'a Request,
        reads: Reads<'a>,
        base: Option<Url>,
    ) -> Caller<'a> {
        Caller {
            api: &self.api,
            http: &self.http,
            request,
            base,
            ahead: &self.ahead,
            reads,
            renewed: AtomicBool::new(false),
        }
    }

    /// The values of the parameters, and more.
    pub fn values<'a>(&'a self, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        let parameters = self.parameters.iter();
        let parameters = parameters.map(|(name, value)| (name.as_str(), value.as_str()));
        parameters.chain(more.iter().copied()).collect()
    }

    /// Sends a request as it is declared.
    async fn send(
        &self,
        request: &Request,
        reads: Reads<'_>,
        values: &Values<'_>,
        repeat: Repeat,
    ) -> Result<Answered, Refusal> {
        let filled = request.fill(values)?;
        let secrets = secrets_of(values);
        let secrets: Vec<&Secret> = secrets.iter().collect();
        let caller = self.caller(request, reads, None);
        caller
            .send(&filled, &filled.pairs(), repeat, &secrets)
            .await
    }

    /// What came back for a new key. The request was carried out, so whatever is missing leaves the outcome uncertain.
    fn minted(&self, mut body: Value) -> Result<Minted> {
        let create = &self.api.create;
        let lacks = |pointer: &str| {
            Error::new(
                Kind::Uncertain,
                format!("{} created a key that cannot be used", self.account()),
                format!(
                    "The answer to {} holds nothing at {pointer:?}, so the key is lost. Correct the declaration of the API, \
                     and delete the key there.",
                    create.request.what
                ),
            )
        };
        let key_id = create.id.text(&body).filter(|id| !id.is_empty());
        let key_id = key_id.ok_or_else(|| lacks(create.id.as_str()))?;
        // A time that is not understood is no reason to lose a key.
        let created_at =
            time(create.created_at.as_ref(), &body, self.api.times).unwrap_or_default();
        let secret = create
            .secret
            .take(&mut body)
            .map_err(|pointer| lacks(&pointer))?;
        Ok(Minted {
            key_id: Some(key_id),
            secret,
            created_at,
        })
    }

    async fn tried(&self, verify: &Verify, values: &Values<'_>) -> Result<Value, Refusal> {
        let mut filled = verify.request.fill(values)?;
        if let Some((username, password)) = &verify.basic {
            let username = username.fill(values, Escape::None);
            let password = Secret::new(password.fill(values, Escape::None).as_str().to_owned());
            filled.authorize_basic(&username, &password, "verify.basic")?;
        }
        // Behind a load balancer a connection that is kept would reach the same server again.
        filled.insert(CONNECTION, HeaderValue::from_static("close"));
        let secrets = secrets_of(values);
        let secrets: Vec<&Secret> = secrets.iter().collect();
        let reads = Reads::Refused(&verify.refused);
        let caller = self.caller(&verify.request, reads, verify.base.clone());
        let answered = caller
            .send(&filled, &filled.pairs(), Repeat::Freely, &secrets)
            .await?;
        Ok(answered.body)
    }
}

#[async_trait]
impl Issuer for Keys {
    fn capabilities(&self) -> Capabilities {
        let lists = self.api.list.is_some();
        let in_list = self
            .api
            .list
            .as_ref()
            .is_some_and(|list| list.last_used.is_some());
        Capabilities {
            limit: self.api.limit.filter(|_| lists),
            listing: match lists {
                true => Listing::Whole,
                false => Listing::None,
            },
            // Nothing counts as not found but what is declared to be.
            proves_absence: true,
            list_lag: self.api.list_lag,
            is_declared: true,
            label: match self.api.labels() {
                true => Label::Name,
                false => Label::None,
            },
            disables: self.api.disable.is_some(),
            last_use: (in_list || self.api.last_used.is_some()).then_some(LastUse {
                lag: self.api.last_use_lag,
                in_list: in_list && self.api.last_used.is_none(),
                ..LastUse::default()
            }),
            key_ids: true,
            probe: self.api.verify.is_some(),
            expiry: self.api.expires_in,
            serialised: lists,
            valid_at_mint: true,
            ..Capabilities::default()
        }
    }

    fn account(&self) -> String {
        let values = self
            .parameters
            .iter()
            .map(|(name, value)| format!(" {name}={value}"));
        format!("{NAME} {}{}", self.api.name, values.collect::<String>())
    }

    /// Two declarations of one server mean the same account, whatever they are called.
    async fn lock(&self) -> Result<String> {
        let values = self
            .parameters
            .iter()
            .map(|(name, value)| format!(" {name}={value:?}"));
        let base = self.api.base.as_str().trim_end_matches('/');
        Ok(format!("{NAME} {base}{}", values.collect::<String>()))
    }

    fn ahead(&self) -> i64 {
        self.ahead.load(Ordering::Relaxed)
    }

    async fn mint(&self, token: &str) -> Result<Minted> {
        let create = &self.api.create;
        let times = times(self.clock.now(), self.api.expires_in);
        let mut values = self.values(&[(TOKEN, token)]);
        values.extend(times.iter().map(|(name, value)| (*name, value.as_str())));
        let sent = self.send(
            &create.request,
            Reads::Full(&create.full),
            &values,
            Repeat::IfUntouched,
        );
        let answered = sent
            .await
            .map_err(|refusal| match refusal.outcome_unknown {
                true => Error {
                    kind: Kind::Uncertain,
                    ..refusal.explain(format!(
                        "It is not certain whether {} has a new key",
                        self.account()
                    ))
                },
                false => refusal.explain(format!("No key was created for {}", self.account())),
            })?;
        self.minted(answered.body)
    }

    async fn list(&self) -> Result<Vec<Listed>> {
        let Some(list) = &self.api.list else {
            return Ok(Vec::new());
        };
        let items = self.items(list).await.map_err(|refusal| {
            refusal.explain(format!(
                "The keys of {} could not be listed",
                self.account()
            ))
        })?;
        let values = self.values(&[]);
        let read = |item: &Value| {
            let key = list.key(item, self.api.times, &values);
            key.map_err(|pointer| self.not_a_key(list, pointer))
        };
        items.iter().map(read).collect()
    }

    async fn last_use(&self, key_id: &str) -> Result<Option<Use>> {
        let unread = |refusal: Refusal| {
            refusal.explain(format!("The last use of key {key_id} could not be read"))
        };
        if let Some((request, at)) = &self.api.last_used {
            let values = self.values(&[(KEY_ID, key_id)]);
            let sent = self
                .send(request, Reads::Usual, &values, Repeat::Freely)
                .await;
            let answered = sent.map_err(unread)?;
            let used = told(at, answered.said(), self.api.times);
            return used.map(|at| at.map(Use::at)).map_err(|pointer| {
                let what = &request.what;
                Error::new(
                    Kind::Other,
                    format!("The last use of key {key_id} could not be read"),
                    format!(
                        "{what} answered, but there is no time at {pointer:?}, and no null, which alone says that the key \
                         was never used. A time is what time_format says: {}. Correct the declaration of last_used.",
                        TimeFormat::expected()
                    ),
                )
            });
        }
        let Some(list) = &self.api.list else {
            return Ok(None);
        };
        let items = self.items(list).await.map_err(unread)?;
        let item = items.iter().find(|item| list.is(item, key_id));
        let item = item.ok_or_else(|| {
            Error::new(
                Kind::NotFound,
                format!("{} has no key {key_id}", self.account()),
                "It is not in the list. Run the command again with a refresh.",
            )
        })?;
        let used = list.last_used(item, self.api.times);
        used.map(|at| at.map(Use::at))
            .map_err(|pointer| self.not_a_key(list, pointer))
    }

    async fn probe(&self, key_id: Option<&str>, secret: &Secret) -> Result<Probe> {
        let Some(verify) = &self.api.verify else {
            return Ok(Probe::Accepted);
        };
        let values = self.values(&[
            (KEY_ID, key_id.unwrap_or_default()),
            (SECRET, secret.expose()),
        ]);
        let name = &self.api.name;
        match self.tried(verify, &values).await {
            Ok(body) if verify.expect.hold(&body, &values) => Ok(Probe::Accepted),
            Ok(_) => Ok(Probe::Refused(format!(
                "{name} answered without what verify.expect asks for"
            ))),
            Err(refusal) if refusal.meaning == Meaning::Unknown => {
                Ok(Probe::Refused(format!("{name} answered {}", refusal.code)))
            }
            Err(refusal) => {
                Err(refusal.explain(format!("A key of {} could not be tried", self.account())))
            }
        }
    }

    fn import_id(&self, key_id: &str) -> Option<String> {
        let lists = self.api.list.is_some();
        lists.then(|| import_id(&self.api.name, &self.parameters, key_id))
    }

    async fn revoke(&self, key: KeyRef<'_>, _: Option<KeyRef<'_>>) -> Result<Revoked> {
        // Every key of a declared API has an id, and a mint without one failed.
        let key_id = key.key_id.unwrap_or_default();
        let values = self.values(&[(KEY_ID, key_id)]);
        let kept = |refusal: Refusal| {
            let account = self.account();
            refusal.explain(format!("Key {key_id} of {account} could not be revoked"))
        };
        if let Some(disable) = &self.api.disable {
            match self
                .send(disable, Reads::Usual, &values, Repeat::Freely)
                .await
            {
                // Revoking may still be allowed, and does the job by itself.
                Err(refusal) if matches!(refusal.kind, Kind::NotFound | Kind::Denied) => {}
                disabled => disabled.map(drop).map_err(kept)?,
            }
        }
        match self
            .send(&self.api.revoke, Reads::Usual, &values, Repeat::Freely)
            .await
        {
            Ok(_) => Ok(Revoked::Ended),
            Err(refusal) if refusal.kind == Kind::NotFound => Ok(Revoked::NotFound),
            Err(refusal) => Err(kept(refusal)),
        }
    }
}

/// The time that an answer to `last_used` tells, or that there is none; the error is the pointer at which it tells neither. An
/// answer about something else, such as a limit of requests, would make the key one that nobody uses.
fn told<'a>(
    at: &'a Pointer,
    said: Option<&Value>,
    times: TimeFormat,
) -> Result<Option<Instant>, &'a str> {
    match said.and_then(|said| Some((said, said.pointer(at.as_str())?))) {
        Some((_, Value::Null)) => Ok(None),
        Some((said, _)) => time(Some(at), said, times)?.map(Some).ok_or(at.as_str()),
        None => Err(at.as_str()),
    }
}

/// What of the values must not come back in a message.
fn secrets_of(values: &Values) -> Vec<Secret> {
    let secrets = values.iter().filter(|(name, _)| *name == SECRET);
    secrets
        .map(|(_, value)| Secret::new((*value).to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_null_at_its_place_says_that_a_key_was_never_used() {
        let at = Pointer::parse("/use/at").unwrap();
        let told = |said: Option<Value>| told(&at, said.as_ref(), TimeFormat::Seconds);
        let used = Instant::from_unix(1_767_225_600);
        assert_eq!(
            told(Some(json!({"use": {"at": 1_767_225_600}}))),
            Ok(Some(used))
        );
        assert_eq!(told(Some(json!({"use": {"at": null}}))), Ok(None));
        for other in [
            json!({}),
            json!([]),
            json!(null),
            json!(""),
            json!({"use": {}}),
            json!({"use": null}),
            json!({"use": {"at": ""}}),
            json!({"use": {"at": "soon"}}),
            json!({"use": {"at": {}}}),
            json!({"error": "rate limited"}),
        ] {
            assert_eq!(told(Some(other.clone())), Err("/use/at"), "{other}");
        }
        assert_eq!(told(None), Err("/use/at"));
        let whole = Pointer::whole();
        assert_eq!(super::told(&whole, None, TimeFormat::Seconds), Err(""));
    }
}
