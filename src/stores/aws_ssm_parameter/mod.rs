//! AWS Systems Manager Parameter Store: both slots as the value of one `SecureString`, or each in a parameter of its own.

mod api;
mod settings;
mod slots;
mod wire;
mod writing;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use tf_provider::value::ValueAny;

use super::aws::{Identities, OnDestroy};
use super::document::Layout;
use super::{
    Capabilities, Document, Found, Observation, Receipt, Store, StoreKind, TOGETHER, Version,
    WriteScope, Written, fits,
};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::issuers::Permission;
use crate::schema::Attributes;
use crate::secret::Secret;
use crate::settings::Settings;
use crate::vendors::aws::{Service, Session};

use api::{Content, Parameter, Value};
use settings::Place;

/// The store `aws_ssm_parameter`.
pub struct AwsSsmParameter;

const KIND: &str = "aws_ssm_parameter";

impl StoreKind for AwsSsmParameter {
    fn name(&self) -> &'static str {
        KIND
    }

    fn description(&self) -> &'static str {
        "A `SecureString` in AWS Systems Manager Parameter Store, or two. Its value is one JSON document with both slots, or \
         each slot has a parameter of its own. Needs the permissions `ssm:GetParameter`, `PutParameter` and \
         `DescribeParameters`, to create parameters also `AddTagsToResource`, to delete them `ListTagsForResource` and \
         `DeleteParameter`; with a KMS key of your own also `kms:Encrypt` and `kms:Decrypt` (`kms:GenerateDataKey` for the \
         tier `Advanced`)."
    }

    fn attributes(&self) -> Attributes {
        settings::attributes()
    }

    fn example(&self) -> BTreeMap<String, ValueAny> {
        let name = ValueAny::String("/prod/payments/key".into());
        BTreeMap::from([("name".to_owned(), name)])
    }

    fn permissions(&self) -> &'static [Permission] {
        PERMISSIONS
    }

    fn connect(&self, settings: &Settings, context: &Context) -> Result<Box<dyn Store>> {
        let place = Place::read(settings)?;
        let session = Arc::new(Session::new(&place.access, context)?);
        let identities = context.shared(|| Ok(Identities::default()))?;
        let names = [Some(&place.name), place.secondary_name.as_ref()];
        let parameters = names.into_iter().flatten().map(|name| Parameter {
            session: Arc::clone(&session),
            name: name.clone(),
            place: place.text_of(name),
            identities: Arc::clone(&identities),
        });
        Ok(Box::new(ParameterPlace {
            parameters: parameters.collect(),
            place,
        }))
    }
}

const PERMISSIONS: &[Permission] = &[
    Permission {
        name: "ssm:GetParameter",
        needed: "to see what stands there, to copy from it, and to read back what was written",
    },
    Permission {
        name: "ssm:PutParameter",
        needed: "to deliver",
    },
    Permission {
        name: "ssm:DescribeParameters",
        needed: "so that a parameter keeps its KMS key, tier and description; AWS grants it for all parameters of a region only",
    },
    Permission {
        name: "ssm:AddTagsToResource",
        needed: "where the parameter does not exist yet",
    },
    Permission {
        name: "ssm:ListTagsForResource",
        needed: "where a delivery ends, to see whether the parameter was created here",
    },
    Permission {
        name: "ssm:DeleteParameter",
        needed: "where a delivery ends",
    },
];

struct ParameterPlace {
    place: Place,
    /// The one with both slots, or that of the primary and that of the secondary.
    parameters: Vec<Parameter>,
}

#[async_trait]
impl Store for ParameterPlace {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            readable: true,
            size_limit: Some(self.place.size_limit()),
            versions: true,
            ..Capabilities::default()
        }
    }

    fn place(&self) -> String {
        match &self.place.secondary_name {
            None => self.place.text_of(&self.place.name),
            Some(second) => {
                let both = format!("{}{TOGETHER}{second}", self.place.name);
                self.place.text_of(&both)
            }
        }
    }

    fn write_scope(&self) -> WriteScope {
        WriteScope::all_of(self.parameters.iter().map(|it| it.place.clone()).collect())
    }

    async fn identity(&self) -> Result<String> {
        let mut all = Vec::new();
        for parameter in &self.parameters {
            let named = (parameter.place.as_str(), KIND, parameter.bare_name());
            let look = async { parameter.look().await.map(drop) };
            let (identities, session) = (&parameter.identities, &parameter.session);
            let identity = identities.of_name(session, Service::Ssm, named, look);
            all.push(identity.await?);
        }
        Ok(all.join(TOGETHER))
    }

    async fn check(&self, seen: Option<&Observation>) -> Result<()> {
        if seen.is_some_and(|seen| !matches!(seen.found, Found::Foreign(_))) {
            return Ok(());
        }
        for parameter in &self.parameters {
            if let Some(there) = parameter.look().await? {
                parameter.refuse_plain(&there)?;
            }
        }
        Ok(())
    }

    async fn observe(&self) -> Result<Observation> {
        let there = self.look().await?;
        let is_plain = |value: &Value| !value.is_encrypted;
        let found = match there.iter().flatten().any(is_plain) {
            true => Found::fixed(PLAIN),
            false => self.understand(&there),
        };
        Ok(Observation {
            found,
            version: self.version(&there),
        })
    }

    async fn write(&self, document: &Document, _: &str, expected: &Version) -> Result<Written> {
        let texts = self.render(document)?;
        let expected = self.expected(expected);
        let mut hidden: Vec<&Secret> = texts.iter().collect();
        hidden.push(&document.primary.secret);
        hidden.extend(document.secondary.as_ref().map(|key| &key.secret));
        // What the first parameter held, for it comes back if the second cannot be written.
        let former = match self.parameters.len() {
            1 => None,
            _ => self.parameters[0].look().await?,
        };
        let mut written: Vec<(u64, String)> = Vec::new();
        for ((parameter, text), expected) in self.parameters.iter().zip(&texts).zip(&expected) {
            let content = Content {
                text,
                hidden: &hidden,
            };
            let (making, tier) = (&self.place.making, self.place.tier);
            let wrote = parameter.write_over(expected.as_deref(), &content, making, tier);
            match (wrote.await, written.first()) {
                (Ok(receipt), _) => written.push(receipt),
                (Err(error), Some((_, first))) => {
                    return Err(self.with_first_undone(error, former.as_ref(), first).await);
                }
                (Err(error), None) => return Err(error),
            }
        }
        let versions: Vec<String> = written.iter().map(|(it, _)| it.to_string()).collect();
        let marks: Vec<String> = written.into_iter().map(|(_, mark)| mark).collect();
        Ok(Written::Done(Receipt {
            content: Version::Of(marks.join(BETWEEN)),
            version: Some(versions.join(BETWEEN)),
        }))
    }

    async fn keeps(&self) -> Result<Option<&'static str>> {
        for (parameter, there) in self.parameters.iter().zip(self.look().await?) {
            let why = match there {
                Some(_) => self.why_kept(parameter).await?,
                None => None,
            };
            if why.is_some() {
                return Ok(why);
            }
        }
        Ok(None)
    }

    async fn remove(&self, expected: &Version) -> Result<()> {
        let (there, expected) = (self.look().await?, self.expected(expected));
        let mut leaving = Vec::new();
        for ((parameter, there), expected) in self.parameters.iter().zip(&there).zip(&expected) {
            if there.is_none() || self.why_kept(parameter).await?.is_some() {
                continue;
            }
            parameter.refuse_another(there.as_ref(), expected.as_deref())?;
            leaving.push(parameter);
        }
        for parameter in leaving {
            let deleted = parameter.delete().await;
            deleted.map_err(|refusal| {
                refusal.explain(format!("{} could not be deleted", parameter.place))
            })?;
        }
        Ok(())
    }
}

/// Why a parameter of another type is not written over.
const PLAIN: &str = "it is no SecureString, so its value is not encrypted, and AWS cannot change the type of a parameter; \
     once it is deleted, it is created anew as one";

/// Stands between the versions of two parameters.
const BETWEEN: &str = " + ";

/// Stands for the version of a parameter that is not there.
const MISSING: &str = "-";

impl ParameterPlace {
    async fn look(&self) -> Result<Vec<Option<Value>>> {
        let mut there = Vec::new();
        for parameter in &self.parameters {
            there.push(parameter.look().await?);
        }
        Ok(there)
    }

    fn understand(&self, there: &[Option<Value>]) -> Found {
        let text = |index: usize| there.get(index)?.as_ref().map(|value| &value.text);
        match self.place.secondary_name {
            Some(_) => slots::understand(text(0), text(1)),
            None => text(0).map_or(Found::Nothing, |text| Layout::understand(text.expose())),
        }
    }

    fn version(&self, there: &[Option<Value>]) -> Version {
        if there.iter().all(Option::is_none) {
            return Version::Absent;
        }
        let mark = |value: &Option<Value>| value.as_ref().map_or(MISSING.to_owned(), Value::mark);
        let marks: Vec<String> = there.iter().map(mark).collect();
        Version::Of(marks.join(BETWEEN))
    }

    /// What is expected of each parameter.
    fn expected(&self, version: &Version) -> Vec<Option<String>> {
        match version {
            Version::Absent => vec![None; self.parameters.len()],
            Version::Of(marks) => {
                let mut marks = marks.split(BETWEEN);
                let mut next = || marks.next().filter(|mark| *mark != MISSING);
                self.parameters
                    .iter()
                    .map(|_| next().map(str::to_owned))
                    .collect()
            }
        }
    }

    fn render(&self, document: &Document) -> Result<Vec<Secret>> {
        let texts = match self.place.secondary_name {
            Some(_) => slots::render(document).to_vec(),
            None => vec![self.place.layout.render(document)],
        };
        let limit = self.place.size_limit();
        texts
            .iter()
            .map(|text| {
                fits(text, Some(limit), &self.place()).map_err(|error| with_tier(error, limit))?;
                Ok(Secret::new(text.as_str().to_owned()))
            })
            .collect()
    }

    /// Readers must not find the key of one rotation in front and that of another behind it for long.
    async fn with_first_undone(&self, error: Error, former: Option<&Value>, ours: &str) -> Error {
        let first = &self.parameters[0];
        let undone = match former {
            Some(former) => {
                let hidden = [&former.text];
                let content = Content {
                    text: &former.text,
                    hidden: &hidden,
                };
                let making = &self.place.making;
                let back = first.write_over(Some(ours), &content, making, None);
                back.await.map(drop)
            }
            None => {
                let deleted = first.delete().await;
                deleted.map_err(|refusal| {
                    refusal.explain(format!("{} could not be deleted", first.place))
                })
            }
        };
        match undone {
            Ok(()) => error,
            Err(second) => Error {
                detail: format!(
                    "{} {} was written before, and could not be put back: {second}",
                    error.detail, first.place
                ),
                ..error
            },
        }
    }

    async fn why_kept(&self, parameter: &Parameter) -> Result<Option<&'static str>> {
        let on_destroy = self.place.on_destroy;
        if on_destroy != OnDestroy::DeleteIfCreated {
            return Ok(on_destroy.keeps(false));
        }
        let ours = parameter.is_ours().await.map_err(|refusal| {
            refusal.explain(format!("The tags of {} could not be read", parameter.place))
        })?;
        Ok(on_destroy.keeps(ours))
    }
}

fn with_tier(error: Error, limit: usize) -> Error {
    match limit {
        4096 => Error {
            detail: format!(
                "{} A parameter of the tier \"Advanced\" takes twice as much.",
                error.detail
            ),
            ..error
        },
        _ => error,
    }
}
