//! Resource identity: the few attributes that say which object a state is about.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tf_provider::Diagnostics;
use tf_provider::schema::Type;

use super::super::codec::{decode, encode};
use crate::error::Result;

/// The identity of a resource type. Once an object has one, it never changes.
pub trait Identity: Send + Sync {
    /// The state of the resource type.
    type State<'a>: Deserialize<'a>;

    /// The identity.
    type Identity<'a>: Serialize + Deserialize<'a>;

    /// The attributes that make it up.
    fn schema(&self) -> IdentitySchema;

    /// The identity of this object; `None` as long as it has none, such as in the plan to create it.
    fn of<'a>(&self, state: Self::State<'a>) -> Option<Self::Identity<'a>>;

    /// The id under which the resource's own `import` finds this object.
    fn import_id<'a>(
        &self,
        diags: &mut Diagnostics,
        identity: Self::Identity<'a>,
    ) -> Option<String>;

    /// Brings an identity of an older version of [`schema`](Self::schema) to the current one.
    fn upgrade(&self, version: i64, identity: serde_json::Value) -> Result<serde_json::Value> {
        let _ = version;
        Ok(identity)
    }
}

/// The attributes of an identity.
#[derive(Clone, Debug, Default)]
pub struct IdentitySchema {
    /// Raised when attributes are renamed or reshaped.
    pub version: i64,
    /// By name.
    pub attributes: BTreeMap<String, IdentityAttribute>,
}

impl IdentitySchema {
    /// Version 0, of these attributes.
    pub fn new<const N: usize>(attributes: [(&str, IdentityAttribute); N]) -> Self {
        let pairs = attributes.into_iter();
        let attributes = pairs.map(|(name, attribute)| (name.to_owned(), attribute));
        Self {
            version: 0,
            attributes: attributes.collect(),
        }
    }
}

/// One attribute of an identity: of a simple type, or a list of one.
#[derive(Clone, Debug)]
pub struct IdentityAttribute {
    /// Its type.
    pub kind: Type,
    /// Whether an import block must set it; else it may.
    pub required_for_import: bool,
    /// What it is.
    pub description: String,
}

impl IdentityAttribute {
    /// One that an import block must set.
    pub fn required(kind: Type, description: &str) -> Self {
        let description = description.to_owned();
        Self {
            kind,
            required_for_import: true,
            description,
        }
    }

    /// One that an import block may leave out.
    pub fn optional(kind: Type, description: &str) -> Self {
        Self {
            required_for_import: false,
            ..Self::required(kind, description)
        }
    }
}

pub(in crate::protocol) trait AnyIdentity: Send + Sync {
    fn schema(&self) -> IdentitySchema;
    fn of(&self, diags: &mut Diagnostics, state: &[u8]) -> Option<Option<Vec<u8>>>;
    fn import_id(&self, diags: &mut Diagnostics, identity: &[u8]) -> Option<String>;
    fn upgrade(&self, version: i64, identity: serde_json::Value) -> Result<serde_json::Value>;
}

impl<T: Identity> AnyIdentity for T {
    fn schema(&self) -> IdentitySchema {
        Identity::schema(self)
    }

    fn of(&self, diags: &mut Diagnostics, state: &[u8]) -> Option<Option<Vec<u8>>> {
        let state = decode(state, "state", diags)?;
        match Identity::of(self, state) {
            None => Some(None),
            Some(identity) => encode(&identity, diags).map(Some),
        }
    }

    fn import_id(&self, diags: &mut Diagnostics, identity: &[u8]) -> Option<String> {
        let identity = decode(identity, "identity", diags)?;
        Identity::import_id(self, diags, identity)
    }

    fn upgrade(&self, version: i64, identity: serde_json::Value) -> Result<serde_json::Value> {
        Identity::upgrade(self, version, identity)
    }
}
