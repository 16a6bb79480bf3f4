//! List resources: what exists out there of a resource type, for `terraform query`.

use std::ops::ControlFlow;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tf_provider::Diagnostics;
use tf_provider::schema::Schema;
use tokio::sync::Mutex;
use tokio::sync::mpsc::Sender;

use super::super::codec::{decode, encode};

/// Finds the objects of a resource type that is served under the same name and has an identity.
#[async_trait]
pub trait ListResource: Send + Sync {
    /// The configuration: what to look for.
    type Config<'a>: Deserialize<'a> + Send;

    /// The identity, as the [`Identity`](super::Identity) of the resource type has it.
    type Identity: Serialize + Send;

    /// The state, as the resource type has it.
    type State: Serialize + Send;

    /// The schema of the configuration.
    fn schema(&self, diags: &mut Diagnostics) -> Option<Schema>;

    /// Checks a configuration, parts of which may be unknown.
    async fn validate<'a>(&self, diags: &mut Diagnostics, config: Self::Config<'a>) -> Option<()> {
        let _ = (diags, config);
        Some(())
    }

    /// Hands over what it finds, as it finds it, until [`Listing::send`] says that it is enough.
    async fn list<'a>(
        &self,
        diags: &mut Diagnostics,
        config: Self::Config<'a>,
        listing: &Listing<Self::Identity, Self::State>,
    ) -> Option<()>;
}

/// One object that was found.
pub struct Item<I, S> {
    /// What an import needs.
    pub identity: I,
    /// What a person reads.
    pub display_name: String,
    /// The object itself, where it was asked for and can be told. An item without one is shown all the same,
    /// with a warning.
    pub resource: Option<S>,
    /// What there is to say about this object.
    pub diagnostics: Diagnostics,
}

/// Where a list goes, and how much of it is wanted.
pub struct Listing<I, S> {
    include_resource: bool,
    limit: Option<u64>,
    encode: fn(Item<I, S>) -> EncodedItem,
    sent: Mutex<u64>,
    out: Sender<EncodedItem>,
}

/// An item in bytes; without identity and object if there was an error about it.
pub(in crate::protocol) struct EncodedItem {
    pub(in crate::protocol) identity: Option<Vec<u8>>,
    pub(in crate::protocol) display_name: String,
    pub(in crate::protocol) resource: Option<Vec<u8>>,
    pub(in crate::protocol) diagnostics: Diagnostics,
}

/// How much of a list is wanted, and where it goes.
pub(in crate::protocol) struct Wanted {
    pub(in crate::protocol) include_resource: bool,
    pub(in crate::protocol) limit: Option<u64>,
    pub(in crate::protocol) out: Sender<EncodedItem>,
}

impl<I: Serialize + Send, S: Serialize + Send> Listing<I, S> {
    fn new(wanted: Wanted) -> Self {
        Self {
            include_resource: wanted.include_resource,
            limit: wanted.limit,
            encode: encoded,
            sent: Mutex::new(0),
            out: wanted.out,
        }
    }

    /// Whether [`Item::resource`] is wanted. Without it a list may be much cheaper.
    pub fn include_resource(&self) -> bool {
        self.include_resource
    }

    /// The most items that will be taken.
    pub fn limit(&self) -> Option<u64> {
        self.limit
    }

    /// Hands over one item, waiting until it can be taken. `Break` means that no more are wanted.
    pub async fn send(&self, item: Item<I, S>) -> ControlFlow<()> {
        let limit = self.limit.unwrap_or(u64::MAX);
        let mut sent = self.sent.lock().await;
        if *sent >= limit || self.out.send((self.encode)(item)).await.is_err() {
            return ControlFlow::Break(());
        }
        *sent += 1;
        match *sent < limit {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        }
    }
}

fn encoded<I: Serialize, S: Serialize>(item: Item<I, S>) -> EncodedItem {
    let mut diagnostics = item.diagnostics;
    let identity = encode(&item.identity, &mut diagnostics);
    let resource = item.resource.as_ref();
    let resource = resource.and_then(|it| encode(it, &mut diagnostics));
    EncodedItem {
        identity,
        display_name: item.display_name,
        resource,
        diagnostics,
    }
}

#[async_trait]
pub(in crate::protocol) trait AnyListResource: Send + Sync {
    fn schema(&self, diags: &mut Diagnostics) -> Option<Schema>;
    async fn validate(&self, diags: &mut Diagnostics, config: &[u8]) -> Option<()>;
    async fn list(&self, diags: &mut Diagnostics, config: &[u8], wanted: Wanted) -> Option<()>;
}

#[async_trait]
impl<T: ListResource> AnyListResource for T {
    fn schema(&self, diags: &mut Diagnostics) -> Option<Schema> {
        ListResource::schema(self, diags)
    }

    async fn validate(&self, diags: &mut Diagnostics, config: &[u8]) -> Option<()> {
        let config = decode(config, "configuration", diags)?;
        ListResource::validate(self, diags, config).await
    }

    async fn list(&self, diags: &mut Diagnostics, config: &[u8], wanted: Wanted) -> Option<()> {
        let config = decode(config, "configuration", diags)?;
        ListResource::list(self, diags, config, &Listing::new(wanted)).await
    }
}
