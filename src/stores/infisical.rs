//! Infisical: secrets below a path. Both slots are written in one call. Infisical knows no condition for a write, so what
//! stands there is looked at right before.

mod changes;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use reqwest::Method;
use serde::Deserialize;
use serde::de::IgnoredAny;
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
use crate::http::{Body, Call, Refusal, Repeat};
use crate::issuers::Permission;
use crate::schema::{Attributes, attributes, optional, required};
use crate::secret::Secret;
use crate::settings::Settings;
use crate::vendors::infisical::{self, Infisical};

/// The store `infisical`.
pub struct InfisicalSecrets;

const SECRETS: &str = "/api/v4/secrets";
const BATCH: &str = "/api/v4/secrets/batch";

const PERMISSIONS: &[Permission] = &[
    Permission {
        name: "secrets: Describe, Read Value",
        needed: "to look at what stands there, and to copy from it",
    },
    Permission {
        name: "secrets: Create, Modify",
        needed: "to deliver",
    },
    Permission {
        name: "secrets: Delete",
        needed: "to take a delivery away",
    },
    Permission {
        name: "secret approval requests: Read",
        needed: "to tell a change that was rejected from one that is still open, where a policy asks for approval and the version \
                 of Infisical shows requests to machine identities. Without it a change is taken to be open",
    },
];

impl StoreKind for InfisicalSecrets {
    fn name(&self) -> &'static str {
        "infisical"
    }

    fn description(&self) -> &'static str {
        "Secrets of an Infisical project: `<PREFIX>_PRIMARY`, `<PREFIX>_SECONDARY`, their ids where the keys have some, and \
         `<PREFIX>_GENERATION`, all written in one call. Every other secret of the path is left alone. Where a policy asks for \
         approval, a write counts as done once it is approved."
    }

    fn attributes(&self) -> Attributes {
        attributes([
            (
                "project_id",
                required(AttributeType::String, "Id of the project."),
            ),
            (
                "environment",
                required(
                    AttributeType::String,
                    "Slug of the environment, such as `prod`.",
                ),
            ),
            (
                "path",
                optional(
                    AttributeType::String,
                    "Folder of the secrets, which must exist. Default `/`.",
                ),
            ),
            (
                "prefix",
                optional(
                    AttributeType::String,
                    "What the names of the secrets begin with. Default `API_KEY`.",
                ),
            ),
        ])
    }

    fn example(&self) -> BTreeMap<String, ValueAny> {
        let project = "00000000-0000-0000-0000-000000000000";
        [("project_id", project), ("environment", "prod")]
            .map(|(name, value)| (name.to_owned(), ValueAny::String(value.into())))
            .into()
    }

    fn permissions(&self) -> &'static [Permission] {
        PERMISSIONS
    }

    fn connect(&self, settings: &Settings, context: &Context) -> Result<Box<dyn Store>> {
        Ok(Box::new(Folder {
            infisical: infisical::client(context)?,
            project: settings.required_string("project_id")?.to_owned(),
            environment: settings.required_string("environment")?.to_owned(),
            path: path(settings)?,
            names: Names::from_settings(settings)?,
        }))
    }
}

/// One way to write a path, so that one folder has one name.
fn path(settings: &Settings) -> Result<String> {
    let text = settings.string("path").unwrap_or("/").trim_end_matches('/');
    let is_absolute = text.is_empty() || (text.starts_with('/') && !text.contains("//"));
    match is_absolute {
        true if text.is_empty() => Ok("/".to_owned()),
        true => Ok(text.to_owned()),
        false => Err(settings.wrong(
            "path",
            "path is not valid",
            format!("{text:?} is not the path of a folder, such as \"/payments/keys\"."),
        )),
    }
}

/// The variables of one key in a folder.
struct Folder {
    infisical: Arc<Infisical>,
    project: String,
    environment: String,
    path: String,
    names: Names,
}

#[derive(Deserialize)]
struct Listed {
    secrets: Vec<There>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct There {
    secret_key: String,
    secret_value: Option<Zeroizing<String>>,
    #[serde(default)]
    secret_value_hidden: bool,
}

/// A change that was made tells of secrets; one that waits tells of its approval.
#[derive(Deserialize)]
struct Changed {
    secrets: Option<IgnoredAny>,
    approval: Option<IgnoredAny>,
}

/// What became of a change.
#[derive(PartialEq, Eq)]
enum Outcome {
    Made,
    AwaitsApproval,
}

/// What stands there of the variables.
struct Look {
    values: Values,
    /// One of them is there and its value is withheld.
    is_hidden: bool,
}

#[async_trait]
impl Store for Folder {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            readable: true,
            approval: true,
            ..Capabilities::default()
        }
    }

    fn place(&self) -> String {
        self.write_scope().to_string()
    }

    fn write_scope(&self) -> WriteScope {
        let folder = format!(
            "infisical {} {} {}",
            self.project, self.environment, self.path
        );
        WriteScope::part(folder, self.names.prefix())
    }

    /// Two servers may be copies of each other.
    async fn identity(&self) -> Result<String> {
        Ok(format!("{} at {}", self.place(), self.infisical.host()))
    }

    /// A folder that is not there is not made.
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
                    "the machine identity may not read its value (permission Read Value)",
                ),
                false => self.names.understand(look.values),
            },
        })
    }

    async fn write(&self, document: &Document, _: &str, expected: &Version) -> Result<Written> {
        // A variable that was there and is not needed any more is emptied, as one that has no key is.
        let wanted: Values =
            variables::values(document).map(|value| Some(value.unwrap_or_default()));
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
            return Err(super::changed(&self.place()));
        }
        let changed = self.change(Method::PATCH, &wanted).await;
        let changed = changed
            .map_err(|refusal| refusal.explain(format!("{} could not be written", self.place())))?;
        if changed == Outcome::AwaitsApproval {
            return Ok(Written::AwaitsApproval(self.approvals()));
        }
        let after = self
            .look()
            .await
            .map_err(|refusal| self.unread(refusal))?
            .values;
        match variables::is_same(&after, &wanted) {
            true => Ok(done(&after)),
            false => Err(super::changed(&self.place())),
        }
    }

    async fn changes(&self) -> Option<Vec<Change>> {
        self.approval_requests().await.ok()
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
            return Err(super::changed(&self.place()));
        }
        match self.change(Method::DELETE, &there).await {
            Ok(Outcome::Made) => Ok(()),
            Ok(Outcome::AwaitsApproval) => Err(Error::new(
                Kind::Awaiting,
                format!(
                    "{} is not removed yet: the change awaits approval",
                    self.place()
                ),
                format!("Approve it in {}, then apply again.", self.approvals()),
            )),
            // One of them went meanwhile, and nobody says what became of the others.
            Err(refusal) if refusal.kind == Kind::NotFound => Err(super::changed(&self.place())),
            Err(refusal) => Err(refusal.explain(format!("{} could not be removed", self.place()))),
        }
    }
}

impl Folder {
    async fn look(&self) -> Result<Look, Refusal> {
        let call = Call {
            query: &[
                ("projectId", &self.project),
                ("environment", &self.environment),
                ("secretPath", &self.path),
                ("viewSecretValue", "true"),
                ("expandSecretReferences", "false"),
                ("includeImports", "false"),
            ],
            ..Call::get("GET secrets", SECRETS)
        };
        let listed: Listed = self.infisical.read_answer(&call).await?;
        let mut look = Look {
            values: Values::default(),
            is_hidden: false,
        };
        for there in listed.secrets {
            let Some(index) = self.names.index_of(there.secret_key.as_bytes()) else {
                continue;
            };
            look.is_hidden |= there.secret_value_hidden;
            look.values[index] = Some(there.secret_value.unwrap_or_default());
        }
        Ok(look)
    }

    /// One call for all that have a value.
    async fn change(&self, method: Method, values: &Values) -> Result<Outcome, Refusal> {
        let deletes = method == Method::DELETE;
        let there = (0..SUFFIXES.len()).filter_map(|index| Some((index, values[index].as_ref()?)));
        let secrets: Vec<Value> = there
            .map(|(index, value)| match deletes {
                true => json!({ "secretKey": self.names.variable(index) }),
                false => json!({ "secretKey": self.names.variable(index), "secretValue": value.as_str() }),
            })
            .collect();
        let mut body = json!({
            "projectId": self.project, "environment": self.environment, "secretPath": self.path, "secrets": secrets,
        });
        if !deletes {
            body["mode"] = json!("upsert");
        }
        let hidden: Vec<Secret> = values
            .iter()
            .flatten()
            .map(|value| Secret::new(value.to_string()))
            .collect();
        let hidden: Vec<&Secret> = hidden.iter().collect();
        let operation = format!("{method} secrets/batch");
        let call = Call {
            body: Body::json(&body)?,
            secrets: &hidden,
            ..Call::new(&operation, method, BATCH, Repeat::Freely)
        };
        match self.infisical.read_answer(&call).await? {
            Changed {
                approval: Some(_), ..
            } => Ok(Outcome::AwaitsApproval),
            Changed {
                secrets: Some(_), ..
            } => Ok(Outcome::Made),
            Changed { .. } => Err(Refusal::not_understood(
                "Infisical",
                "Infisical",
                call.operation,
            )),
        }
    }

    fn approvals(&self) -> String {
        format!(
            "the change requests of project {} at {}",
            self.project,
            self.infisical.host()
        )
    }

    fn unread(&self, refusal: Refusal) -> Error {
        super::unseen(refusal.explain(format!("{} could not be read", self.place())))
    }
}

fn done(values: &Values) -> Written {
    Written::Done(Receipt {
        content: variables::version(values),
        version: None,
    })
}
