//! The real provider with its hands tied: everything is decoded, checked and planned, and nothing is done.

use async_trait::async_trait;
use tf_provider::schema::Schema;
use tf_provider::{AttributePath, Diagnostics};

use super::super::authoring::action::{AnyAction, Progress};
use super::super::authoring::ephemeral::{AnyEphemeralResource, Opened, Renewed};
use super::super::authoring::list::{AnyListResource, Wanted};
use super::super::entries::{Entries, Entry};
use super::super::erased::{AnyDataSource, AnyProvider, AnyResource, Object};
use super::super::registry::Registry;

/// Ties the hands of everything that is served.
pub(super) fn inert(mut registry: Registry) -> Registry {
    registry.provider = Box::new(Inert(registry.provider));
    registry.resources = tied(registry.resources, |it| Box::new(Inert(it)));
    registry.data_sources = tied(registry.data_sources, |it| Box::new(Inert(it)));
    registry.ephemeral_resources = tied(registry.ephemeral_resources, |it| Box::new(Inert(it)));
    registry.list_resources = tied(registry.list_resources, |it| Box::new(Inert(it)));
    registry.actions = tied(registry.actions, |it| Box::new(Inert(it)));
    registry
}

fn tied<A: ?Sized>(entries: Entries<A>, tie: impl Fn(Box<A>) -> Box<A>) -> Entries<A> {
    let entries = entries.into_iter();
    entries
        .map(|(name, entry)| (name, Entry::new(tie(entry.author))))
        .collect()
}

struct Inert<A: ?Sized>(Box<A>);

#[async_trait]
impl AnyProvider for Inert<dyn AnyProvider> {
    fn schema(&self, diags: &mut Diagnostics) -> Option<Schema> {
        self.0.schema(diags)
    }

    fn meta_schema(&self, diags: &mut Diagnostics) -> Option<Schema> {
        self.0.meta_schema(diags)
    }

    async fn validate(&self, diags: &mut Diagnostics, config: &[u8]) -> Option<()> {
        self.0.validate(diags, config).await
    }

    async fn configure(&self, diags: &mut Diagnostics, _: String, config: &[u8]) -> Option<()> {
        self.0.validate(diags, config).await
    }
}

#[async_trait]
impl AnyDataSource for Inert<dyn AnyDataSource> {
    fn schema(&self, diags: &mut Diagnostics) -> Option<Schema> {
        self.0.schema(diags)
    }

    async fn validate(&self, diags: &mut Diagnostics, config: &[u8]) -> Option<()> {
        self.0.validate(diags, config).await
    }

    async fn read(&self, diags: &mut Diagnostics, config: &[u8], _: &[u8]) -> Option<Vec<u8>> {
        self.0.validate(diags, config).await?;
        Some(config.to_vec())
    }
}

#[async_trait]
impl AnyResource for Inert<dyn AnyResource> {
    fn schema(&self, diags: &mut Diagnostics) -> Option<Schema> {
        self.0.schema(diags)
    }

    async fn validate(&self, diags: &mut Diagnostics, config: &[u8]) -> Option<()> {
        self.0.validate(diags, config).await
    }

    async fn read(
        &self,
        diags: &mut Diagnostics,
        state: &[u8],
        private: &[u8],
        _: &[u8],
    ) -> Option<Object> {
        self.0.validate(diags, state).await?;
        Some((state.to_vec(), private.to_vec()))
    }

    async fn plan_create(
        &self,
        diags: &mut Diagnostics,
        proposed: &[u8],
        config: &[u8],
        meta: &[u8],
    ) -> Option<Object> {
        self.0.plan_create(diags, proposed, config, meta).await
    }

    async fn plan_update(
        &self,
        diags: &mut Diagnostics,
        prior: &[u8],
        proposed: &[u8],
        config: &[u8],
        private: &[u8],
        meta: &[u8],
    ) -> Option<(Object, Vec<AttributePath>)> {
        self.0
            .plan_update(diags, prior, proposed, config, private, meta)
            .await
    }

    async fn plan_destroy(
        &self,
        diags: &mut Diagnostics,
        prior: &[u8],
        private: &[u8],
        meta: &[u8],
    ) -> Option<Vec<u8>> {
        self.0.plan_destroy(diags, prior, private, meta).await
    }

    async fn create(
        &self,
        diags: &mut Diagnostics,
        planned: &[u8],
        config: &[u8],
        private: &[u8],
        _: &[u8],
    ) -> Option<Object> {
        self.0.validate(diags, planned).await?;
        self.0.validate(diags, config).await?;
        Some((planned.to_vec(), private.to_vec()))
    }

    async fn update(
        &self,
        diags: &mut Diagnostics,
        prior: &[u8],
        planned: &[u8],
        config: &[u8],
        private: &[u8],
        meta: &[u8],
    ) -> Option<Object> {
        self.0.validate(diags, prior).await?;
        self.create(diags, planned, config, private, meta).await
    }

    async fn destroy(
        &self,
        diags: &mut Diagnostics,
        prior: &[u8],
        private: &[u8],
        meta: &[u8],
    ) -> Option<()> {
        self.0.plan_destroy(diags, prior, private, meta).await?;
        Some(())
    }

    /// Whatever an import finds, it is not what was asked for.
    async fn import(&self, diags: &mut Diagnostics, id: String) -> Option<Object> {
        diags.root_error("Nothing is imported here", id);
        None
    }
}

#[async_trait]
impl AnyEphemeralResource for Inert<dyn AnyEphemeralResource> {
    fn schema(&self, diags: &mut Diagnostics) -> Option<Schema> {
        self.0.schema(diags)
    }

    async fn validate(&self, diags: &mut Diagnostics, config: &[u8]) -> Option<()> {
        self.0.validate(diags, config).await
    }

    async fn open(
        &self,
        diags: &mut Diagnostics,
        config: &[u8],
    ) -> Option<Opened<Vec<u8>, Vec<u8>>> {
        self.0.validate(diags, config).await?;
        Some(Opened {
            result: config.to_vec(),
            private: Vec::new(),
            renew_at: None,
        })
    }

    async fn renew(&self, _: &mut Diagnostics, private: &[u8]) -> Option<Renewed<Vec<u8>>> {
        Some(Renewed {
            private: private.to_vec(),
            renew_at: None,
        })
    }

    async fn close(&self, _: &mut Diagnostics, _: &[u8]) -> Option<()> {
        Some(())
    }
}

#[async_trait]
impl AnyListResource for Inert<dyn AnyListResource> {
    fn schema(&self, diags: &mut Diagnostics) -> Option<Schema> {
        self.0.schema(diags)
    }

    async fn validate(&self, diags: &mut Diagnostics, config: &[u8]) -> Option<()> {
        self.0.validate(diags, config).await
    }

    async fn list(&self, diags: &mut Diagnostics, config: &[u8], _: Wanted) -> Option<()> {
        self.0.validate(diags, config).await
    }
}

#[async_trait]
impl AnyAction for Inert<dyn AnyAction> {
    fn schema(&self, diags: &mut Diagnostics) -> Option<Schema> {
        self.0.schema(diags)
    }

    async fn validate(&self, diags: &mut Diagnostics, config: &[u8]) -> Option<()> {
        self.0.validate(diags, config).await
    }

    async fn plan(&self, diags: &mut Diagnostics, config: &[u8]) -> Option<()> {
        self.0.plan(diags, config).await
    }

    async fn invoke(
        &self,
        diags: &mut Diagnostics,
        config: &[u8],
        progress: &Progress,
    ) -> Option<()> {
        progress.say("it would begin now");
        self.0.validate(diags, config).await
    }
}
