//! `apikey_rotation_policy`: how often keys are rotated and how gently. Lives in the state alone.

mod emergency;
mod notifications;
mod schema;
mod values;

use async_trait::async_trait;
use tf_provider::schema::{Block, Description, Schema};
use tf_provider::value::{Value, ValueEmpty};
use tf_provider::{AttributePath, Diagnostics, Resource};

use crate::error::Path;
use crate::provider::warn_of_dropped_names;
use crate::resources::diagnostics;
use crate::resources::managed::owners::{not_known, vanished};

pub use emergency::{EmergencyState, emergency_attributes};
pub use notifications::{RouteState, route_attributes};
pub use schema::{nested_attributes, resource_attributes};
pub use values::{PolicyState, are_known};

/// The version of the schema.
pub const VERSION: i64 = 0;

/// The resource type.
pub struct RotationPolicy;

/// What is given in the configuration stays; the rest follows from it.
fn plan(
    diags: &mut Diagnostics,
    prior: &PolicyState,
    mut config: PolicyState,
) -> Option<PolicyState> {
    let path = Path::default();
    let unsound = not_known(&config, &path).or_else(|| vanished(prior, &config, &path));
    diagnostics::collect(diags, unsound.map_or(Ok(()), Err))?;
    if !config.wholly_known() {
        config.withhold();
        return Some(config);
    }
    let policy = diagnostics::collect(diags, config.policy(&Path::default()))?;
    config.complete(&policy);
    Some(config)
}

#[async_trait]
impl Resource for RotationPolicy {
    type State<'a> = PolicyState;
    type PrivateState<'a> = ValueEmpty;
    type ProviderMetaState<'a> = ValueEmpty;

    fn schema(&self, _: &mut Diagnostics) -> Option<Schema> {
        Some(Schema {
            version: VERSION,
            block: Block {
                attributes: resource_attributes(),
                description: Description::markdown(
                    "How often keys are rotated and how gently. A policy lives in the state alone; hand the whole \
                     resource to `policy` of `apikey_managed`, so that an edit reaches its keys in the same plan.",
                ),
                ..Block::default()
            },
        })
    }

    async fn validate<'a>(&self, diags: &mut Diagnostics, config: PolicyState) -> Option<()> {
        warn_of_dropped_names(diags);
        if config.wholly_known() {
            diagnostics::collect(diags, config.policy(&Path::default()))?;
        }
        Some(())
    }

    async fn read<'a>(
        &self,
        _: &mut Diagnostics,
        state: PolicyState,
        private: ValueEmpty,
        _: ValueEmpty,
    ) -> Option<(PolicyState, ValueEmpty)> {
        Some((state, private))
    }

    async fn plan_create<'a>(
        &self,
        diags: &mut Diagnostics,
        _: PolicyState,
        config: PolicyState,
        _: ValueEmpty,
    ) -> Option<(PolicyState, ValueEmpty)> {
        let planned = plan(diags, &PolicyState::default(), config)?;
        Some((planned, Value::Null))
    }

    async fn plan_update<'a>(
        &self,
        diags: &mut Diagnostics,
        prior: PolicyState,
        _: PolicyState,
        config: PolicyState,
        private: ValueEmpty,
        _: ValueEmpty,
    ) -> Option<(PolicyState, ValueEmpty, Vec<AttributePath>)> {
        Some((plan(diags, &prior, config)?, private, Vec::new()))
    }

    async fn plan_destroy<'a>(
        &self,
        _: &mut Diagnostics,
        _: PolicyState,
        private: ValueEmpty,
        _: ValueEmpty,
    ) -> Option<ValueEmpty> {
        Some(private)
    }

    async fn create<'a>(
        &self,
        _: &mut Diagnostics,
        planned: PolicyState,
        _: PolicyState,
        private: ValueEmpty,
        _: ValueEmpty,
    ) -> Option<(PolicyState, ValueEmpty)> {
        Some((planned, private))
    }

    async fn update<'a>(
        &self,
        _: &mut Diagnostics,
        _: PolicyState,
        planned: PolicyState,
        _: PolicyState,
        private: ValueEmpty,
        _: ValueEmpty,
    ) -> Option<(PolicyState, ValueEmpty)> {
        Some((planned, private))
    }

    async fn destroy<'a>(
        &self,
        _: &mut Diagnostics,
        _: PolicyState,
        _: ValueEmpty,
        _: ValueEmpty,
    ) -> Option<()> {
        Some(())
    }

    /// A policy exists in the state alone, so all there is to import is its name.
    async fn import<'a>(
        &self,
        _: &mut Diagnostics,
        id: String,
    ) -> Option<(PolicyState, ValueEmpty)> {
        let policy = PolicyState {
            id: Value::Value(id.clone()),
            name: Value::Value(id),
            ..PolicyState::default()
        };
        Some((policy, Value::Null))
    }
}
