//! `apikey_managed`: one key over its whole life.
//!
//! [`schema`] and [`model`] are its values, [`validate`] what can be wrong with them; [`read`], [`plan`] and
//! [`apply`] are the three moments of Terraform; [`changes`], [`unknowns`] and [`warnings`] serve the plan; [`connect`] finds
//! the issuer and the stores. Keys that exist already come in by [`import`] and [`moves`], and [`list`] finds
//! them; [`outside`] is a rotation without an apply.

mod amnesia;
pub mod apply;
pub mod bounds;
mod brought;
pub mod changes;
pub mod connect;
mod copied;
pub mod crossing;
pub mod deploying;
pub mod destroy;
mod elsewhere;
pub mod emergencies;
pub mod existing;
mod expected;
pub mod gates;
pub mod glass;
pub mod import;
pub mod inventory_entry;
mod leaks;
pub mod leftovers;
mod lifetime;
pub mod list;
pub mod model;
pub mod moves;
pub mod newcomers;
mod newness;
mod obstacles;
pub mod owners;
pub mod plan;
pub mod read;
pub mod records;
pub mod room;
pub mod rotate_now;
pub mod schema;
pub mod telling;
pub mod unknowns;
pub mod validate;
pub mod warnings;

use async_trait::async_trait;
use tf_provider::schema::Schema;
use tf_provider::value::{Value, ValueEmpty};
use tf_provider::{AttributePath, Diagnostics, Resource};

use crate::context::SharedContext;
use crate::error::Kind;
use crate::provider::warn_of_dropped_names;
use crate::resources::diagnostics;
use model::{ManagedState, Private};

/// The resource type.
pub struct ManagedKey {
    context: SharedContext,
}

impl ManagedKey {
    /// A resource that will use the context once the provider is configured.
    pub fn new(context: SharedContext) -> Self {
        Self { context }
    }
}

#[async_trait]
impl Resource for ManagedKey {
    type State<'a> = ManagedState;
    type PrivateState<'a> = Option<Private>;
    type ProviderMetaState<'a> = ValueEmpty;

    fn schema(&self, _: &mut Diagnostics) -> Option<Schema> {
        Some(schema::schema())
    }

    async fn validate<'a>(&self, diags: &mut Diagnostics, config: ManagedState) -> Option<()> {
        warn_of_dropped_names(diags);
        for fault in validate::faults(&config, &self.context) {
            diagnostics::report(diags, fault);
        }
        Some(())
    }

    async fn read<'a>(
        &self,
        diags: &mut Diagnostics,
        state: ManagedState,
        private: Option<Private>,
        _: ValueEmpty,
    ) -> Option<(ManagedState, Option<Private>)> {
        let context = diagnostics::collect(diags, self.context.configured())?;
        if context.awaits_settings() {
            return Some((state, private));
        }
        let private = private.unwrap_or_else(Private::lost);
        warnings::note_in_state(&state, &private, context);
        let read = read::read(state, private, context).await;
        let refreshed = diagnostics::collect(diags, read)??;
        let warnings = refreshed.warnings.into_iter();
        warnings.for_each(|warning| diagnostics::warn(diags, warning));
        Some((refreshed.state, Some(refreshed.private)))
    }

    async fn plan_create<'a>(
        &self,
        diags: &mut Diagnostics,
        mut proposed: ManagedState,
        config: ManagedState,
        _: ValueEmpty,
    ) -> Option<(ManagedState, Option<Private>)> {
        // Inside nested attributes, Terraform proposes what is write-only as well.
        proposed.forget_what_was_brought();
        proposed.leaks_wo.clone_from(&config.leaks_wo);
        let is_new = newness::of_a_create(&config, &self.context).await;
        diagnostics::collect(diags, is_new)?;
        let (planned, private) = plan::create(diags, proposed, &config, &self.context).await?;
        Some((planned, Some(private)))
    }

    async fn plan_update<'a>(
        &self,
        diags: &mut Diagnostics,
        prior: ManagedState,
        mut proposed: ManagedState,
        config: ManagedState,
        private: Option<Private>,
        _: ValueEmpty,
    ) -> Option<(ManagedState, Option<Private>, Vec<AttributePath>)> {
        proposed.forget_what_was_brought();
        proposed.leaks_wo.clone_from(&config.leaks_wo);
        let private = private.unwrap_or_else(Private::lost);
        let now = self.context.clock.now();
        let ignored = emergencies::warning(&prior, &proposed, &private, now);
        let planned = self.planned(diags, prior, proposed, config, private).await;
        if let Some(ignored) = ignored.filter(|_| planned.is_none()) {
            diagnostics::report(diags, ignored);
        }
        planned
    }

    async fn plan_destroy<'a>(
        &self,
        diags: &mut Diagnostics,
        prior: ManagedState,
        private: Option<Private>,
        _: ValueEmpty,
    ) -> Option<Option<Private>> {
        match copied::refuse_to_end(&prior, &self.context).await {
            Err(error) if error.kind == Kind::Invalid => {
                diagnostics::report(diags, read::named(&prior, error));
                return None;
            }
            // Without its ledger a plan goes on, and the apply looks again.
            _ => {}
        }
        warnings::destroyed(diags, &prior, &private.clone().unwrap_or_default());
        Some(private)
    }

    async fn create<'a>(
        &self,
        diags: &mut Diagnostics,
        mut planned: ManagedState,
        config: ManagedState,
        private: Option<Private>,
        _: ValueEmpty,
    ) -> Option<(ManagedState, Option<Private>)> {
        let context = diagnostics::collect(diags, self.context.settled())?;
        let private = private.unwrap_or_default();
        planned.bring(config);
        let mut applied = apply::create(diags, planned, private, context).await;
        let state = applied.as_mut().map(|(state, _)| state);
        telling::send(diags, state, Value::Null, context).await;
        let (mut state, private) = applied?;
        state.forget_what_was_brought();
        Some((state, Some(private)))
    }

    async fn update<'a>(
        &self,
        diags: &mut Diagnostics,
        prior: ManagedState,
        mut planned: ManagedState,
        config: ManagedState,
        private: Option<Private>,
        _: ValueEmpty,
    ) -> Option<(ManagedState, Option<Private>)> {
        let context = diagnostics::collect(diags, self.context.settled())?;
        let private = private.unwrap_or_else(Private::lost);
        planned.bring(config);
        let told_before = prior.notified_at.clone();
        let mut applied = apply::update(diags, prior, planned, private, context).await;
        let state = applied.as_mut().map(|(state, _)| state);
        telling::send(diags, state, told_before, context).await;
        let (mut state, private) = applied?;
        state.forget_what_was_brought();
        Some((state, Some(private)))
    }

    async fn destroy<'a>(
        &self,
        diags: &mut Diagnostics,
        state: ManagedState,
        private: Option<Private>,
        _: ValueEmpty,
    ) -> Option<()> {
        let context = diagnostics::collect(diags, self.context.settled())?;
        let private = private.unwrap_or_else(Private::lost);
        let destroyed = destroy::destroy(state, private, context).await;
        telling::send(diags, None, Value::Null, context).await;
        let left = diagnostics::collect(diags, destroyed)?;
        left.into_iter()
            .for_each(|warning| diagnostics::warn(diags, warning));
        Some(())
    }

    async fn import<'a>(
        &self,
        diags: &mut Diagnostics,
        id: String,
    ) -> Option<(ManagedState, Option<Private>)> {
        let context = diagnostics::collect(diags, self.context.configured())?;
        let (state, warning) = diagnostics::collect(diags, import::import(&id, context).await)?;
        let warnings = warning.into_iter();
        warnings.for_each(|warning| diagnostics::warn(diags, warning));
        Some((state, None))
    }
}

impl ManagedKey {
    /// The plan of a key that exists, after what only the outside can tell.
    async fn planned(
        &self,
        diags: &mut Diagnostics,
        prior: ManagedState,
        proposed: ManagedState,
        config: ManagedState,
        mut private: Private,
    ) -> Option<(ManagedState, Option<Private>, Vec<AttributePath>)> {
        let context = &self.context;
        if !changes::left(&prior, &proposed).is_empty()
            && let Err(error) = copied::refuse_to_leave(&prior, context).await
            // Without its ledger a plan goes on, and the apply looks again.
            && error.kind == Kind::Invalid
        {
            diagnostics::report(diags, read::named(&prior, error));
            return None;
        }
        let looked = newcomers::of_an_update(&prior, &proposed, &private, context).await;
        diagnostics::collect(diags, looked)?;
        room::look_again(&prior, &proposed, &mut private, context).await;
        let heard = brought::listen(&prior, &proposed, &mut private, context).await;
        diagnostics::collect(diags, heard.map_err(|error| read::named(&proposed, error)))?;
        let is_new = newness::of_an_update(&prior, &config, &private, context).await;
        diagnostics::collect(diags, is_new)?;
        let managed = diagnostics::collect(diags, prior.managed(&private))?;
        leaks::note(diags, &prior, &config, &managed, context).await;
        let (planned, private, replaced) =
            plan::update(diags, &prior, proposed, &config, private, context)?;
        obstacles::warn(diags, &planned, &private, context).await;
        Some((planned, Some(private), replaced))
    }
}
