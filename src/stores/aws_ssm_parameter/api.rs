//! The calls to Parameter Store that this store makes, for one parameter, and their answers.

use std::sync::Arc;

use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::KIND;
use super::wire::{
    DescribeAnswer, DescribeParameters, Filter, GetParameter, GotParameter, Kept, ListTags,
    ListedTags, Named, PutAnswer, PutParameter,
};
use crate::error::Result;
use crate::http::Refusal;
use crate::secret::Secret;
use crate::stores::Version;
use crate::stores::aws::{Identities, Making, Tag, unless_missing};
use crate::vendors::aws::{Service, Session};

/// The only type whose values are encrypted.
const ENCRYPTED: &str = "SecureString";

/// One parameter.
pub struct Parameter {
    pub session: Arc<Session>,
    pub name: String,
    /// The parameter, as the settings name it.
    pub place: String,
    pub identities: Arc<Identities>,
}

/// What it holds.
pub struct Value {
    pub version: u64,
    pub text: Secret,
    pub is_encrypted: bool,
}

/// What is written, and what must not come back in a message.
pub struct Content<'a> {
    pub text: &'a Secret,
    pub hidden: &'a [&'a Secret],
}

impl Value {
    pub fn holds(&self, wanted: &Secret) -> bool {
        self.text.expose() == wanted.expose()
    }

    /// Tells it from every other content. The number alone would not: it starts anew with a parameter that is deleted
    /// and made again.
    pub fn mark(&self) -> String {
        mark(self.version, &self.text)
    }
}

pub fn mark(version: u64, text: &Secret) -> String {
    let Version::Of(digest) = Version::of_bytes(text.expose().as_bytes()) else {
        return version.to_string();
    };
    format!("{version} {digest}")
}

impl Parameter {
    /// `None` if there is no such parameter.
    pub async fn current(&self) -> Result<Option<Value>, Refusal> {
        self.get(&self.name).await
    }

    /// `None` if this version is not kept any more.
    pub async fn version(&self, version: u64) -> Result<Option<Value>, Refusal> {
        let got = self.get(&format!("{}:{version}", self.name)).await;
        match got {
            Err(refusal) if refusal.is("ParameterVersionNotFound") => Ok(None),
            got => got,
        }
    }

    async fn get(&self, name: &str) -> Result<Option<Value>, Refusal> {
        let input = GetParameter {
            name,
            with_decryption: true,
        };
        let got = self.call("GetParameter", &input, &[]).await;
        let Some(GotParameter { parameter }) = unless_missing(got)? else {
            return Ok(None);
        };
        let identities = &self.identities;
        identities.note(&self.place, KIND, &parameter.arn, self.bare_name());
        Ok(Some(Value {
            version: parameter.version,
            is_encrypted: parameter.r#type == ENCRYPTED,
            text: parameter.value,
        }))
    }

    /// The name by which its ARN knows it.
    pub fn bare_name(&self) -> &str {
        match self.name.rsplit_once('/') {
            Some(("", name)) => name,
            _ => &self.name,
        }
    }

    /// Makes the parameter, and tells its version. It must not exist yet.
    pub async fn create(
        &self,
        making: &Making,
        tier: Option<&str>,
        content: &Content<'_>,
    ) -> Result<u64, Refusal> {
        let new = PutParameter {
            name: &self.name,
            value: content.text.expose(),
            r#type: ENCRYPTED,
            overwrite: false,
            key_id: making.kms_key_id.as_deref(),
            tier,
            description: making.description.as_deref(),
            allowed_pattern: None,
            tags: making.tags(),
        };
        self.put(&new, content).await
    }

    /// Writes a new version over whatever is there, and tells which. A write that leaves out what a parameter has beside
    /// its value would reset it to the defaults.
    pub async fn overwrite(&self, content: &Content<'_>) -> Result<u64, Refusal> {
        let kept = self.kept().await?;
        let next = PutParameter {
            name: &self.name,
            value: content.text.expose(),
            r#type: ENCRYPTED,
            overwrite: true,
            key_id: kept.key_id.as_deref(),
            tier: kept.tier.as_deref(),
            description: kept.description.as_deref(),
            allowed_pattern: kept.allowed_pattern.as_deref(),
            tags: Vec::new(),
        };
        self.put(&next, content).await
    }

    async fn put(&self, input: &PutParameter<'_>, content: &Content<'_>) -> Result<u64, Refusal> {
        let put = self.call("PutParameter", input, content.hidden).await;
        put.map(|answer: PutAnswer| answer.version)
    }

    async fn kept(&self) -> Result<Kept, Refusal> {
        let input = DescribeParameters {
            parameter_filters: [Filter {
                key: "Name",
                option: "Equals",
                values: [&self.name],
            }],
        };
        let answer: DescribeAnswer = self.call("DescribeParameters", &input, &[]).await?;
        Ok(answer.parameters.into_iter().next().unwrap_or_default())
    }

    /// Whether this provider created it.
    pub async fn is_ours(&self) -> Result<bool, Refusal> {
        let input = ListTags {
            resource_type: "Parameter",
            resource_id: &self.name,
        };
        let tags: ListedTags = self.call("ListTagsForResource", &input, &[]).await?;
        Ok(tags.tag_list.iter().any(Tag::is_mark))
    }

    pub async fn delete(&self) -> Result<(), Refusal> {
        let input = Named { name: &self.name };
        let deleted = self.call::<_, IgnoredAny>("DeleteParameter", &input, &[]);
        unless_missing(deleted.await).map(drop)
    }

    async fn call<Input: Serialize, Output: DeserializeOwned>(
        &self,
        operation: &str,
        input: &Input,
        secrets: &[&Secret],
    ) -> Result<Output, Refusal> {
        let called = self.session.call(Service::Ssm, operation, input, secrets);
        called.await
    }
}
