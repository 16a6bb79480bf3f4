//! Doppler: the variables of a config. Both slots are written in one call, each under the value that it is expected to have,
//! so that Doppler itself refuses a write over a change by somebody else.

mod changes;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use tf_provider::schema::AttributeType;
use tf_provider::value::ValueAny;
use zeroize::Zeroizing;

use super::variables::{self, Names, SUFFIXES, Values};
use super::{
    Capabilities, Document, Found, Observation, Receipt, Store, StoreKind, Version, WriteScope,
    Written,
};
use crate::context::Context;
use crate::domain::approval::Change;
use crate::error::{Error, Kind, Result};
use crate::http::{Body, Call, Meaning, Refusal, Repeat};
use crate::issuers::Permission;
use crate::schema::{Attributes, attributes, optional, required};
use crate::secret::Secret;
use crate::settings::Settings;
use crate::vendors::doppler::{self, Doppler};

/// The store `doppler`.
pub struct DopplerSecrets;

const SECRETS: &str = "/v3/configs/config/secrets";

const PERMISSIONS: &[Permission] = &[
    Permission {
        name: "read and write access to the secrets of the config",
        needed: "to look at what stands there and to deliver: a service token with `read/write`, or a service account whose role \
             has it",
    },
    Permission {
        name: "view change requests of the workplace",
        needed: "to tell a change that was rejected from one that is still open, where configs are under a change request policy. \
                 Without it a change is taken to be open",
    },
];

impl StoreKind for DopplerSecrets {
    fn name(&self) -> &'static str {
        "doppler"
    }

    fn description(&self) -> &'static str {
        "Secrets of a Doppler config: `<PREFIX>_PRIMARY`, `<PREFIX>_SECONDARY`, their ids where the keys have some, and \
         `<PREFIX>_GENERATION`, all written in one call and only over what was seen there. Every other secret of the config is \
         left alone."
    }

    fn attributes(&self) -> Attributes {
        attributes([
            (
                "project",
                required(AttributeType::String, "Project of the config."),
            ),
            (
                "config",
                required(AttributeType::String, "Name of the config, such as `prd`."),
            ),
            (
                "prefix",
                optional(
                    AttributeType::String,
                    "What the names of the secrets begin with. Doppler wants capital letters. Default `API_KEY`.",
                ),
            ),
        ])
    }

    fn example(&self) -> BTreeMap<String, ValueAny> {
        [("project", "payments"), ("config", "prd")]
            .map(|(name, value)| (name.to_owned(), ValueAny::String(value.into())))
            .into()
    }

    fn permissions(&self) -> &'static [Permission] {
        PERMISSIONS
    }

    fn connect(&self, settings: &Settings, context: &Context) -> Result<Box<dyn Store>> {
        let names = Names::from_settings(settings)?;
        if names.prefix().bytes().any(|byte| byte.is_ascii_lowercase()) {
            return Err(settings.wrong(
                "prefix",
                "prefix is not valid",
                format!(
                    "{:?} has small letters, and names of Doppler secrets have none.",
                    names.prefix()
                ),
            ));
        }
        Ok(Box::new(Config {
            doppler: doppler::client(context)?,
            project: settings.required_string("project")?.to_owned(),
            config: settings.required_string("config")?.to_owned(),
            names,
        }))
    }
}

/// The variables of one key in a config.
struct Config {
    doppler: Arc<Doppler>,
    project: String,
    config: String,
    names: Names,
}

#[derive(Deserialize)]
struct Answer {
    secrets: BTreeMap<String, There>,
}

/// A secret as Doppler tells of it. What readers get is computed from the raw value.
#[derive(Default, Deserialize)]
struct There {
    raw: Option<Zeroizing<String>>,
    #[serde(rename = "rawVisibility")]
    visibility: Option<String>,
}

/// What stands there of the variables.
struct Look {
    values: Values,
    /// One of them is there and its value is withheld.
    is_hidden: bool,
}

#[async_trait]
impl Store for Config {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            readable: true,
            conditional: true,
            approval: true,
            ..Capabilities::default()
        }
    }

    fn place(&self) -> String {
        self.write_scope().to_string()
    }

    fn write_scope(&self) -> WriteScope {
        let config = format!("doppler {}/{}", self.project, self.config);
        WriteScope::part(config, self.names.prefix())
    }

    /// Two workplaces may have a project of one name each.
    async fn identity(&self) -> Result<String> {
        let workplace = self.doppler.workplace().await?;
        Ok(format!("{} in workplace {workplace}", self.place()))
    }

    /// A config that is not there is not made: it belongs to an environment of somebody.
    async fn check(&self, _: Option<&Observation>) -> Result<()> {
        self.look()
            .await
            .map(drop)
            .map_err(|refusal| self.unread(refusal))
    }

    async fn observe(&self) -> Result<Observation> {
        let look = self.look().await.map_err(|refusal| self.unread(refusal))?;
        Ok(Observation {
            version: variables::version(&look.values),
            found: match look.is_hidden {
                true => Found::hidden(
                    "the visibility of a secret is \"restricted\", so that it cannot be read back",
                ),
                false => self.names.understand(look.values),
            },
        })
    }

    async fn write(&self, document: &Document, _: &str, expected: &Version) -> Result<Written> {
        let wanted = wanted(document);
        variables::refuse_references(&wanted, &self.place())?;
        let before = self
            .look()
            .await
            .map_err(|refusal| self.unread(refusal))?
            .values;
        if variables::is_same(&before, &wanted) {
            return Ok(done(&before));
        }
        if variables::version(&before) != *expected {
            return Err(self.changed());
        }
        let refused = self.change(&before, &wanted).await.err();
        let after = self
            .look()
            .await
            .map_err(|refusal| self.unread(refusal))?
            .values;
        match refused {
            _ if variables::is_same(&after, &wanted) => Ok(done(&after)),
            _ if variables::version(&after) != *expected => Err(self.changed()),
            Some(refusal) if refusal.meaning == Meaning::Conflict => Err(self.changed()),
            Some(refusal) => Err(self.refused(refusal, "written")),
            None => Ok(Written::AwaitsApproval(format!(
                "the change requests of config {} of project {} in Doppler",
                self.config, self.project
            ))),
        }
    }

    async fn changes(&self) -> Option<Vec<Change>> {
        self.change_requests().await.ok()
    }

    async fn remove(&self, expected: &Version) -> Result<()> {
        let there = self
            .look()
            .await
            .map_err(|refusal| self.unread(refusal))?
            .values;
        if there.iter().all(Option::is_none) {
            return Ok(());
        }
        if variables::version(&there) != *expected {
            return Err(self.changed());
        }
        let removed = self.change(&there, &Values::default()).await;
        let after = self
            .look()
            .await
            .map_err(|refusal| self.unread(refusal))?
            .values;
        match removed {
            _ if after.iter().all(Option::is_none) => Ok(()),
            Err(refusal) if refusal.meaning != Meaning::Conflict => {
                Err(self.refused(refusal, "removed"))
            }
            Err(_) => Err(self.changed()),
            Ok(()) => Err(Error::new(
                Kind::Awaiting,
                format!(
                    "{} is not removed yet: the change awaits approval",
                    self.place()
                ),
                "Approve it in Doppler, then apply again.",
            )),
        }
    }
}

impl Config {
    async fn look(&self) -> Result<Look, Refusal> {
        let names: Vec<String> = (0..SUFFIXES.len())
            .map(|index| self.names.variable(index))
            .collect();
        let asked = names.join(",");
        let call = Call {
            query: &[
                ("project", &self.project),
                ("config", &self.config),
                ("secrets", &asked),
                ("include_dynamic_secrets", "false"),
            ],
            ..Call::get("GET configs/config/secrets", SECRETS)
        };
        let mut answer: Answer = self.doppler.read_answer(&call).await?;
        let mut look = Look {
            values: Values::default(),
            is_hidden: false,
        };
        for (value, name) in look.values.iter_mut().zip(&names) {
            let there = answer.secrets.remove(name).unwrap_or_default();
            look.is_hidden |=
                there.raw.is_none() && there.visibility.as_deref() == Some("restricted");
            *value = there.raw;
        }
        Ok(look)
    }

    /// One call for all of them. It is not done if one no longer has the value that was seen, so it may be sent again.
    async fn change(&self, before: &Values, wanted: &Values) -> Result<(), Refusal> {
        let pairs = before.iter().zip(wanted).enumerate();
        let changes: Vec<Value> = pairs
            .filter_map(|(index, (before, wanted))| {
                let name = self.names.variable(index);
                let text = |value: &Option<Zeroizing<String>>| value.as_ref().map(|value| value.to_string());
                Some(match (text(before), text(wanted)) {
                    (None, None) => return None,
                    (None, Some(new)) => json!({
                        "name": name, "originalName": null, "value": new, "visibility": "masked",
                    }),
                    (Some(old), Some(new)) => json!({
                        "name": name, "originalName": name, "value": new, "originalValue": old,
                    }),
                    (Some(old), None) => json!({
                        "name": name, "originalName": name, "value": null, "originalValue": old, "shouldDelete": true,
                    }),
                })
            })
            .collect();
        let hidden: Vec<Secret> = before
            .iter()
            .chain(wanted)
            .flatten()
            .map(|value| Secret::new(value.to_string()))
            .collect();
        let hidden: Vec<&Secret> = hidden.iter().collect();
        let call = Call {
            body: Body::json(&json!({
                "project": self.project, "config": self.config, "change_requests": changes,
            }))?,
            secrets: &hidden,
            ..Call::new(
                "POST configs/config/secrets",
                Method::POST,
                SECRETS,
                Repeat::Freely,
            )
        };
        self.doppler.read_answer::<Answer>(&call).await.map(drop)
    }

    /// A config under a policy may take no change from a token at all, and then asks nobody for approval either.
    fn refused(&self, refusal: Refusal, what: &str) -> Error {
        let place = self.place();
        if !refusal.is(doppler::CHANGE_REQUEST_REQUIRED) {
            return refusal.explain(format!("{place} could not be {what}"));
        }
        Error::new(
            Kind::Denied,
            format!(
                "{place} could not be {what}: Doppler demands a change request for this config"
            ),
            format!(
                "A change request policy covers config {} of project {}, and Doppler lets this token change nothing there \
                 directly. Nothing was changed, and no change request was made. In Doppler, under Change Requests and \
                 Policies, take the config out of the policy; or deliver to a config that is under none, and let a person \
                 carry the key over.",
                self.config, self.project
            ),
        )
    }

    fn unread(&self, refusal: Refusal) -> Error {
        super::unseen(refusal.explain(format!("{} could not be read", self.place())))
    }

    fn changed(&self) -> Error {
        super::changed(&self.place())
    }
}

/// A variable that was there and is not needed any more is emptied, as one that has no key is.
fn wanted(document: &Document) -> Values {
    variables::values(document).map(|value| Some(value.unwrap_or_default()))
}

fn done(values: &Values) -> Written {
    Written::Done(Receipt {
        content: variables::version(values),
        version: None,
    })
}
