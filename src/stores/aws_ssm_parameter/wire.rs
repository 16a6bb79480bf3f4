//! What goes over the wire to Parameter Store and back.

use serde::{Deserialize, Deserializer, Serialize};

use crate::secret::Secret;
use crate::stores::aws::{Tag, tags_of};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetParameter<'a> {
    pub name: &'a str,
    pub with_decryption: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GotParameter {
    pub parameter: Parameter,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Parameter {
    #[serde(rename = "ARN", default)]
    pub arn: String,
    pub r#type: String,
    #[serde(deserialize_with = "as_secret")]
    pub value: Secret,
    pub version: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PutParameter<'a> {
    pub name: &'a str,
    pub value: &'a str,
    pub r#type: &'static str,
    pub overwrite: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_pattern: Option<&'a str>,
    /// They are taken only where the parameter is new.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PutAnswer {
    pub version: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeParameters<'a> {
    pub parameter_filters: [Filter<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Filter<'a> {
    pub key: &'static str,
    pub option: &'static str,
    pub values: [&'a str; 1],
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeAnswer {
    #[serde(default)]
    pub parameters: Vec<Kept>,
}

/// What a parameter has beside its value, and keeps.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Kept {
    pub key_id: Option<String>,
    pub tier: Option<String>,
    pub description: Option<String>,
    pub allowed_pattern: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Named<'a> {
    pub name: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListTags<'a> {
    pub resource_type: &'static str,
    pub resource_id: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListedTags {
    #[serde(default, deserialize_with = "tags_of")]
    pub tag_list: Vec<Tag>,
}

fn as_secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
    let text: String = Deserialize::deserialize(deserializer)?;
    Ok(Secret::new(text))
}
