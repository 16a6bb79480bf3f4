//! What a resource may reach. Built once when the provider is configured.

use std::collections::BTreeMap;

use tf_provider::value::ValueAny;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::error::Path;
use crate::settings::Settings;

/// Everything outside a resource that it may use.
#[derive(Debug)]
pub struct Context {
    /// Where "now" comes from.
    pub clock: Clock,
    /// Cancelled when a person asked to stop: waits end early, effects already begun are finished.
    pub stop: CancellationToken,
    vendors: BTreeMap<String, BTreeMap<String, ValueAny>>,
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
            stop,
            vendors,
        }
    }

    /// The block of one vendor in the provider configuration, if it was given.
    pub fn vendor(&self, name: &str) -> Option<Settings<'_>> {
        self.vendors
            .get(name)
            .map(|fields| Settings::new(Path::root(name), fields))
    }
}
