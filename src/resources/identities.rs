//! What identifies a resource for good.
//!
//! The keys of an `apikey_managed` come and go, so no id of a key identifies it. Its own `id` does: it is given once, at
//! the creation or the import, and for an import it is the very text that an importer writes: `<issuer>:<id of the
//! key>`. The name is no identity either, for people may change it.

use serde::{Deserialize, Serialize};
use tf_provider::Diagnostics;
use tf_provider::schema::Type;
use tf_provider::value::Value;

use crate::protocol::authoring::{Identity, IdentityAttribute, IdentitySchema};
use crate::resources::managed::model::ManagedState;
use crate::resources::rotation_policy::PolicyState;

/// The identity of an `apikey_managed`.
pub struct ManagedIdentity;

/// Its only attribute.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "described in the schema")]
pub struct ById {
    pub id: Value<String>,
}

impl Identity for ManagedIdentity {
    type State<'a> = ManagedState;
    type Identity<'a> = ById;

    fn schema(&self) -> IdentitySchema {
        IdentitySchema::new([(
            "id",
            IdentityAttribute::required(
                Type::String,
                "The `id` of the resource. To import a key: `<issuer>:<id of the key>`, such as \
                 `aws_iam:AKIAIOSFODNN7EXAMPLE`. It stays when the key is rotated.",
            ),
        )])
    }

    fn of<'a>(&self, state: Self::State<'a>) -> Option<Self::Identity<'a>> {
        let id = state.id;
        id.is_value().then_some(ById { id })
    }

    fn import_id<'a>(&self, _: &mut Diagnostics, identity: Self::Identity<'a>) -> Option<String> {
        // The import says what is wrong with an id that is none.
        Some(identity.id.as_option().unwrap_or_default())
    }
}

/// The identity of an `apikey_rotation_policy`.
pub struct PolicyIdentity;

/// Its only attribute.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "described in the schema")]
pub struct ByName {
    pub name: Value<String>,
}

impl Identity for PolicyIdentity {
    type State<'a> = PolicyState;
    type Identity<'a> = ByName;

    fn schema(&self) -> IdentitySchema {
        IdentitySchema::new([(
            "name",
            IdentityAttribute::required(Type::String, "The name of the policy."),
        )])
    }

    fn of<'a>(&self, state: Self::State<'a>) -> Option<Self::Identity<'a>> {
        let name = state.name;
        name.is_value().then_some(ByName { name })
    }

    fn import_id<'a>(&self, _: &mut Diagnostics, identity: Self::Identity<'a>) -> Option<String> {
        Some(identity.name.as_option().unwrap_or_default())
    }
}
