//! What a resource may reach. Built once when the provider is configured.

use std::any::{Any, TypeId};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration as Time;

use async_trait::async_trait;
use tf_provider::value::ValueAny;
use tokio::sync::Mutex as AsyncMutex;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::deployments::{self, Wanted};
use crate::error::{Error, Kind, Path, Result};
use crate::http::Http;
use crate::issuers::{Issuer, IssuerKind};
use crate::ledger::Ledger;
use crate::ledger::disabled::Disabled;
use crate::ledger::outbox::Message;
use crate::notify::{Destination, Trouble};
use crate::settings::Settings;
use crate::stores::{Claims, Store, StoreKind};

/// What is built once, by its type.
type Shared = Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>;

/// The locks of accounts within this process.
type Turns = Mutex<HashMap<String, Arc<AsyncMutex<()>>>>;

/// Everything outside a resource that it may use. A clone shares all of it.
#[derive(Clone)]
pub struct Context {
    /// Where "now" comes from.
    pub clock: Clock,
    /// Cancelled when a person asked to stop: waits end early, effects already begun are finished.
    pub stop: CancellationToken,
    /// What is remembered beside the state. Opened when it is first needed.
    pub ledger: Arc<dyn Ledger>,
    vendors: BTreeMap<String, BTreeMap<String, ValueAny>>,
    http: Arc<Http>,
    connector: Arc<dyn Connector>,
    shared: Arc<Shared>,
    turns: Arc<Turns>,
    /// Where the configuration delivers to, by the names of its keys: two instances of one name are one resource
    /// that is being replaced.
    pub configured: Arc<Claims>,
    /// Where this run has delivered to, by the ids of its keys.
    pub delivered: Arc<Claims>,
    /// The workspace that Terraform works in, as far as known.
    pub workspace: String,
    /// The blocks of the provider configuration that only the apply will know.
    awaited: Vec<String>,
    /// There is no configuration of the provider yet.
    offline: bool,
}

impl Context {
    /// A context with the vendors' blocks of the provider configuration, by vendor name.
    pub fn new(
        clock: Clock,
        stop: CancellationToken,
        vendors: BTreeMap<String, BTreeMap<String, ValueAny>>,
    ) -> Self {
        Self {
            clock,
            http: Arc::new(Http::new(stop.clone())),
            stop,
            ledger: Arc::new(Disabled),
            vendors,
            connector: Arc::new(Direct),
            shared: Arc::default(),
            turns: Arc::default(),
            configured: Arc::default(),
            delivered: Arc::default(),
            workspace: String::new(),
            awaited: Vec::new(),
            offline: false,
        }
    }

    /// A context before the provider is configured: settings can be checked, nothing is to be reached.
    fn offline() -> Self {
        // A clock that is set to no instant is refused when the provider is configured.
        let clock = Clock::from_environment().unwrap_or(Clock::system());
        Self {
            offline: true,
            ..Self::new(clock, CancellationToken::new(), BTreeMap::new())
        }
    }

    /// The lock of one account within this process.
    pub fn local_lock(&self, account: &str) -> Arc<AsyncMutex<()>> {
        // A map of locks is whole at every moment, so a panic elsewhere leaves nothing half done.
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(turns.entry(account.to_owned()).or_default())
    }

    /// The same context with a ledger.
    pub fn with_ledger(self, ledger: Arc<dyn Ledger>) -> Self {
        Self { ledger, ..self }
    }

    /// The same context in a workspace.
    pub fn in_workspace(self, workspace: String) -> Self {
        Self { workspace, ..self }
    }

    /// The same context, some blocks of which only the apply will know.
    pub fn awaiting(self, awaited: Vec<String>) -> Self {
        Self { awaited, ..self }
    }

    /// Whether only the apply will know all settings of the provider. Then this is a plan that asks nobody, as one with
    /// `-refresh=false`: nothing else takes the place of a setting that is not known yet.
    pub fn awaits_settings(&self) -> bool {
        !self.awaited.is_empty()
    }

    /// An error if a block of the provider configuration is not known yet, for whatever cannot be planned without.
    pub fn needs(&self, block: &str) -> Result<()> {
        match self.awaited.iter().any(|awaited| awaited == block) {
            true => Err(not_known_yet(block)),
            false => Ok(()),
        }
    }

    /// Whether the block of the provider configuration is known, be it that there is none.
    pub fn knows(&self, block: &str) -> bool {
        !self.offline && self.needs(block).is_ok()
    }

    /// The same context with another HTTP client.
    pub fn with_http(self, http: Http) -> Self {
        Self {
            http: Arc::new(http),
            ..self
        }
    }

    /// The same context in another world.
    pub fn with_connector(self, connector: impl Connector + 'static) -> Self {
        Self {
            connector: Arc::new(connector),
            ..self
        }
    }

    /// How issuers and stores are reached.
    pub fn connector(&self) -> &dyn Connector {
        self.connector.as_ref()
    }

    /// The HTTP client that all vendors share.
    pub fn http(&self) -> Arc<Http> {
        Arc::clone(&self.http)
    }

    /// The one `T` of this provider, built by the first who asks and shared by all: a vendor's client
    /// resolves its credentials once, however many keys there are. A failed build is tried again.
    pub fn shared<T: Any + Send + Sync>(
        &self,
        build: impl FnOnce() -> Result<T>,
    ) -> Result<Arc<T>> {
        // Entries are only ever added whole, so a panic elsewhere leaves nothing half done.
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        let known = shared.get(&TypeId::of::<T>()).cloned();
        if let Some(known) = known.and_then(|known| known.downcast().ok()) {
            return Ok(known);
        }
        let built = Arc::new(build()?);
        shared.insert(TypeId::of::<T>(), Arc::<T>::clone(&built));
        Ok(built)
    }

    /// The block of one vendor in the provider configuration, if it was given.
    pub fn vendor(&self, name: &str) -> Option<Settings<'_>> {
        self.vendors
            .get(name)
            .map(|fields| Settings::new(Path::root(name), fields))
    }
}

/// The context as everything that the provider serves holds it: that of the configured provider, and before that one
/// that is offline, with which settings can be checked but nothing can be reached.
#[derive(Clone)]
pub struct SharedContext {
    configured: Arc<OnceLock<Context>>,
    offline: Arc<Context>,
}

impl SharedContext {
    /// Before the provider is configured.
    pub fn offline() -> Self {
        Self {
            configured: Arc::default(),
            offline: Arc::new(Context::offline()),
        }
    }

    /// The provider is configured. Terraform does so once in a process; what comes later is not heard.
    pub fn configure(&self, context: Context) {
        let _ = self.configured.set(context);
    }

    /// The context of the configured provider with all its settings, for whatever acts.
    pub fn settled(&self) -> Result<&Context> {
        let context = self.configured()?;
        match context.awaited.first() {
            Some(block) => Err(not_known_yet(block)),
            None => Ok(context),
        }
    }

    /// The context of the configured provider, for whatever reaches outside.
    pub fn configured(&self) -> Result<&Context> {
        self.configured.get().ok_or_else(|| {
            Error::new(
                Kind::Other,
                "The provider is not configured",
                "Nothing was looked up and nothing was done: whoever calls a provider configures it before it is to act.",
            )
        })
    }
}

fn not_known_yet(block: &str) -> Error {
    Error::new(
        Kind::Unavailable,
        format!("The {block} settings of the provider are not known yet"),
        format!(
            "Nothing was looked up and nothing was done. A value of the block {block} comes from something that this run \
             changes. Apply that first (-target), or set the value to one that is known."
        ),
    )
    .at(Path::root(block))
}

impl Deref for SharedContext {
    type Target = Context;

    fn deref(&self) -> &Context {
        self.configured.get().unwrap_or(&self.offline)
    }
}

/// From a sort of issuer or store and its settings to the thing itself. The way in for tests that put a
/// world of their own behind the real resource.
#[async_trait]
pub trait Connector: Send + Sync {
    /// The issuer that the settings name.
    fn issuer(
        &self,
        kind: &dyn IssuerKind,
        settings: &Settings,
        context: &Context,
    ) -> Result<Box<dyn Issuer>>;

    /// The place that the settings name.
    fn store(
        &self,
        kind: &dyn StoreKind,
        settings: &Settings,
        context: &Context,
    ) -> Result<Box<dyn Store>>;

    /// What the settings ask to start consumers anew.
    fn deployment(&self, settings: &Settings, context: &Context) -> Result<Wanted> {
        deployments::connect(settings, context)
    }

    /// Tells somebody something, once.
    async fn tell(
        &self,
        destination: &Destination,
        message: &Message,
        limit: Time,
        context: &Context,
    ) -> Result<(), Trouble> {
        destination.send(message, limit, context).await
    }
}

/// Every sort connects itself.
struct Direct;

impl Connector for Direct {
    fn issuer(
        &self,
        kind: &dyn IssuerKind,
        settings: &Settings,
        context: &Context,
    ) -> Result<Box<dyn Issuer>> {
        kind.connect(settings, context)
    }

    fn store(
        &self,
        kind: &dyn StoreKind,
        settings: &Settings,
        context: &Context,
    ) -> Result<Box<dyn Store>> {
        kind.connect(settings, context)
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The vendors' blocks may hold credentials.
        f.debug_struct("Context")
            .field("clock", &self.clock)
            .field("vendors", &self.vendors.keys())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shared_is_built_once() {
        let context = Context::new(
            Clock::system(),
            CancellationToken::new(),
            BTreeMap::default(),
        );
        let first = context.shared(|| Ok(1_u8)).unwrap();
        let second = context.shared(|| Ok(2_u8)).unwrap();
        assert_eq!((*first, *second), (1, 1));
    }
}
