//! Moves: a state of another resource type becomes one of ours, through a `moved` block.

use async_trait::async_trait;
use serde::Serialize;
use tf_provider::Diagnostics;

use super::super::codec::encode;

/// The resource types that a resource type can be moved from.
///
/// A move from the same type under another address of this provider needs none of this.
#[async_trait]
pub trait MoveState: Send + Sync {
    /// The state of the resource type.
    type State<'a>: Serialize + Send;

    /// The private data of the resource type.
    type PrivateState<'a>: Serialize + Send;

    /// The resource types that it knows. Any other is refused with an error that names these.
    fn origins(&self) -> &'static [Origin];

    /// The state to go on with. Nothing may be changed out there: the plan that follows shows what will be.
    async fn moved<'a>(
        &self,
        diags: &mut Diagnostics,
        source: Source,
    ) -> Option<(Self::State<'a>, Self::PrivateState<'a>)>;
}

/// A resource type to move from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Namespace and type of its provider, such as `hashicorp/random`. The registry does not matter, nor does the
    /// namespace where the client does not tell it.
    pub provider: &'static str,
    /// The resource type, such as `random_password`.
    pub type_name: &'static str,
}

impl Origin {
    pub(in crate::protocol) fn is(&self, provider_address: &str, type_name: &str) -> bool {
        // From the end: the type of the provider, its namespace, its registry. OpenTofu 1.10 to 1.12.3 say the first only.
        let given = provider_address.rsplit('/');
        let same = given
            .zip(self.provider.rsplit('/'))
            .all(|(one, other)| one == other);
        let segments = provider_address.split('/').count();
        same && segments <= 3 && self.type_name == type_name
    }
}

/// What is to be moved. Its state may hold secrets, so it cannot be printed.
pub struct Source {
    /// One of [`MoveState::origins`].
    pub origin: Origin,
    /// The whole address of its provider, such as `registry.terraform.io/hashicorp/random`.
    pub provider_address: String,
    /// The version of its schema.
    pub schema_version: i64,
    /// Its state as that provider stored it.
    pub state: serde_json::Value,
    /// Its private data, in the form of that provider.
    pub private: Vec<u8>,
    /// Its identity, if it had one.
    pub identity: Option<serde_json::Value>,
}

#[async_trait]
pub(in crate::protocol) trait AnyMoveState: Send + Sync {
    fn origins(&self) -> &'static [Origin];
    async fn moved(&self, diags: &mut Diagnostics, source: Source) -> Option<(Vec<u8>, Vec<u8>)>;
}

#[async_trait]
impl<T: MoveState> AnyMoveState for T {
    fn origins(&self) -> &'static [Origin] {
        MoveState::origins(self)
    }

    async fn moved(&self, diags: &mut Diagnostics, source: Source) -> Option<(Vec<u8>, Vec<u8>)> {
        let (state, private) = MoveState::moved(self, diags, source).await?;
        Some((encode(&state, diags)?, encode(&private, diags)?))
    }
}
