//! A Secret as the API server sends and takes it.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use zeroize::Zeroizing;

use super::content::Data;
use crate::secret::Secret;

/// Says that this provider created an object. In the words that Kubernetes recommends.
pub const MANAGED_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "terraform-provider-apikey");

/// The only type that prescribes no keys of its own.
const OPAQUE: &str = "Opaque";

/// A Secret that is there.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Object {
    pub metadata: Metadata,
    #[serde(default)]
    pub r#type: String,
    #[serde(default)]
    pub immutable: bool,
    #[serde(default)]
    data: Option<BTreeMap<String, Zeroizing<String>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    pub uid: String,
    pub resource_version: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    managed_fields: Vec<ManagedFields>,
    #[serde(default)]
    pub deletion_timestamp: Option<String>,
}

/// What one manager owns.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ManagedFields {
    #[serde(default)]
    manager: String,
    #[serde(default)]
    fields_v1: Value,
}

impl Object {
    /// The decoded values. A server encodes whatever it sends.
    pub fn data(&self) -> Data {
        let decoded = |text: &Zeroizing<String>| {
            Zeroizing::new(STANDARD.decode(text.as_bytes()).unwrap_or_default())
        };
        let data = self.data.iter().flatten();
        data.map(|(key, text)| (key.clone(), decoded(text)))
            .collect()
    }

    /// The data keys that another value is written to.
    pub fn changed<'k>(
        &self,
        wanted: &'k BTreeMap<String, Secret>,
    ) -> impl Iterator<Item = &'k String> {
        let data = self.data();
        let is_another = move |(key, text): &(&String, &Secret)| {
            data.get(*key).map(|value| value.as_slice()) != Some(text.expose().as_bytes())
        };
        wanted.iter().filter(is_another).map(|(key, _)| key)
    }

    /// Whether this provider created it.
    pub fn is_ours(&self) -> bool {
        let (name, value) = MANAGED_BY;
        self.metadata
            .labels
            .get(name)
            .is_some_and(|label| label == value)
    }

    pub fn is_opaque(&self) -> bool {
        self.r#type == OPAQUE
    }

    /// Who else owns a data key.
    pub fn others_of(&self, key: &str, ours: &str) -> impl Iterator<Item = &str> {
        let field = format!("f:{key}");
        let managers = self.metadata.managed_fields.iter();
        managers
            .filter(move |it| it.manager != ours && it.fields_v1["f:data"].get(&field).is_some())
            .map(|it| it.manager.as_str())
    }
}

/// What is created or applied: nothing but what is ours.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Applied<'a> {
    api_version: &'static str,
    kind: &'static str,
    metadata: AppliedMetadata<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    r#type: Option<&'static str>,
    data: BTreeMap<&'a str, Zeroizing<String>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AppliedMetadata<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    labels: BTreeMap<&'static str, &'static str>,
    /// Nothing is applied to an object that somebody changed since.
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_version: Option<&'a str>,
}

impl<'a> Applied<'a> {
    /// A Secret that does not exist yet.
    pub fn new(name: &'a str, data: &'a BTreeMap<String, Secret>) -> Self {
        Self {
            r#type: Some(OPAQUE),
            ..Self::of(name, data, BTreeMap::from([MANAGED_BY]), None)
        }
    }

    /// Over the object as it was seen. The label stays with whom it has.
    pub fn over(there: &'a Object, name: &'a str, data: &'a BTreeMap<String, Secret>) -> Self {
        let version = Some(there.metadata.resource_version.as_str());
        Self::of(name, data, BTreeMap::new(), version)
    }

    fn of(
        name: &'a str,
        data: &'a BTreeMap<String, Secret>,
        labels: BTreeMap<&'static str, &'static str>,
        resource_version: Option<&'a str>,
    ) -> Self {
        let encoded = |text: &Secret| Zeroizing::new(STANDARD.encode(text.expose()));
        Self {
            api_version: "v1",
            kind: "Secret",
            metadata: AppliedMetadata {
                name,
                labels,
                resource_version,
            },
            r#type: None,
            data: data
                .iter()
                .map(|(key, text)| (key.as_str(), encoded(text)))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owners_of_a_key_are_told_without_ourselves() {
        let object: Object = serde_json::from_value(serde_json::json!({
            "metadata": { "uid": "u", "resourceVersion": "1", "managedFields": [
                { "manager": "apikey:APP", "fieldsV1": { "f:data": { "f:A": {}, "f:B": {} } } },
                { "manager": "kubectl-edit", "fieldsV1": { "f:data": { "f:B": {} } } },
                { "manager": "helm", "fieldsV1": { "f:metadata": {} } },
            ] },
        }))
        .unwrap();
        let others = |key: &str| {
            object
                .others_of(key, "apikey:APP")
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert!(others("A").is_empty());
        assert_eq!(others("B"), ["kubectl-edit"]);
        assert!(object.data().is_empty() && !object.is_ours());
    }
}
