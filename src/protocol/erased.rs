//! The authoring traits without their associated types: bytes in, bytes out.
//!
//! `tf_provider` has traits of this sort, but their value type is not exported, so these are ours.
//! Every method gives `None` with errors in `diags`, as the authoring traits do.

use async_trait::async_trait;
use tf_provider::schema::{FunctionSchema, Schema};
use tf_provider::{AttributePath, DataSource, Diagnostics, Function, Provider, Resource};

use super::codec::{decode, decode_private, encode};

/// A state and its private data.
pub(super) type Object = (Vec<u8>, Vec<u8>);

#[async_trait]
pub(super) trait AnyProvider: Send + Sync {
    fn schema(&self, diags: &mut Diagnostics) -> Option<Schema>;
    fn meta_schema(&self, diags: &mut Diagnostics) -> Option<Schema>;
    async fn validate(&self, diags: &mut Diagnostics, config: &[u8]) -> Option<()>;
    async fn configure(
        &self,
        diags: &mut Diagnostics,
        version: String,
        config: &[u8],
    ) -> Option<()>;
}

#[async_trait]
impl<T: Provider> AnyProvider for T {
    fn schema(&self, diags: &mut Diagnostics) -> Option<Schema> {
        Provider::schema(self, diags)
    }

    fn meta_schema(&self, diags: &mut Diagnostics) -> Option<Schema> {
        Provider::meta_schema(self, diags)
    }

    async fn validate(&self, diags: &mut Diagnostics, config: &[u8]) -> Option<()> {
        let config = decode(config, "configuration", diags)?;
        Provider::validate(self, diags, config).await
    }

    async fn configure(
        &self,
        diags: &mut Diagnostics,
        version: String,
        config: &[u8],
    ) -> Option<()> {
        let config = decode(config, "configuration", diags)?;
        Provider::configure(self, diags, version, config).await
    }
}

#[async_trait]
pub(super) trait AnyDataSource: Send + Sync {
    fn schema(&self, diags: &mut Diagnostics) -> Option<Schema>;
    async fn validate(&self, diags: &mut Diagnostics, config: &[u8]) -> Option<()>;
    async fn read(&self, diags: &mut Diagnostics, config: &[u8], meta: &[u8]) -> Option<Vec<u8>>;
}

#[async_trait]
impl<T: DataSource> AnyDataSource for T {
    fn schema(&self, diags: &mut Diagnostics) -> Option<Schema> {
        DataSource::schema(self, diags)
    }

    async fn validate(&self, diags: &mut Diagnostics, config: &[u8]) -> Option<()> {
        let config = decode(config, "configuration", diags)?;
        DataSource::validate(self, diags, config).await
    }

    async fn read(&self, diags: &mut Diagnostics, config: &[u8], meta: &[u8]) -> Option<Vec<u8>> {
        let config = decode(config, "configuration", diags)?;
        let meta = decode(meta, "provider_meta", diags)?;
        let state = DataSource::read(self, diags, config, meta).await?;
        encode(&state, diags)
    }
}

#[async_trait]
pub(super) trait AnyFunction: Send + Sync {
    fn schema(&self, diags: &mut Diagnostics) -> Option<FunctionSchema>;
    /// `arguments` is one MessagePack array of all of them.
    async fn call(&self, diags: &mut Diagnostics, arguments: &[u8]) -> Option<Vec<u8>>;
}

#[async_trait]
impl<T: Function> AnyFunction for T {
    fn schema(&self, diags: &mut Diagnostics) -> Option<FunctionSchema> {
        Function::schema(self, diags)
    }

    async fn call(&self, diags: &mut Diagnostics, arguments: &[u8]) -> Option<Vec<u8>> {
        let arguments = decode(arguments, "arguments", diags)?;
        let result = Function::call(self, diags, arguments).await?;
        encode(&result, diags)
    }
}

#[async_trait]
pub(super) trait AnyResource: Send + Sync {
    fn schema(&self, diags: &mut Diagnostics) -> Option<Schema>;
    async fn validate(&self, diags: &mut Diagnostics, config: &[u8]) -> Option<()>;
    async fn read(
        &self,
        diags: &mut Diagnostics,
        state: &[u8],
        private: &[u8],
        meta: &[u8],
    ) -> Option<Object>;
    async fn plan_create(
        &self,
        diags: &mut Diagnostics,
        proposed: &[u8],
        config: &[u8],
        meta: &[u8],
    ) -> Option<Object>;
    async fn plan_update(
        &self,
        diags: &mut Diagnostics,
        prior: &[u8],
        proposed: &[u8],
        config: &[u8],
        private: &[u8],
        meta: &[u8],
    ) -> Option<(Object, Vec<AttributePath>)>;
    async fn plan_destroy(
        &self,
        diags: &mut Diagnostics,
        prior: &[u8],
        private: &[u8],
        meta: &[u8],
    ) -> Option<Vec<u8>>;
    async fn create(
        &self,
        diags: &mut Diagnostics,
        planned: &[u8],
        config: &[u8],
        private: &[u8],
        meta: &[u8],
    ) -> Option<Object>;
    async fn update(
        &self,
        diags: &mut Diagnostics,
        prior: &[u8],
        planned: &[u8],
        config: &[u8],
        private: &[u8],
        meta: &[u8],
    ) -> Option<Object>;
    async fn destroy(
        &self,
        diags: &mut Diagnostics,
        prior: &[u8],
        private: &[u8],
        meta: &[u8],
    ) -> Option<()>;
    async fn import(&self, diags: &mut Diagnostics, id: String) -> Option<Object>;
}

#[async_trait]
impl<T: Resource> AnyResource for T {
    fn schema(&self, diags: &mut Diagnostics) -> Option<Schema> {
        Resource::schema(self, diags)
    }

    async fn validate(&self, diags: &mut Diagnostics, config: &[u8]) -> Option<()> {
        let config = decode(config, "configuration", diags)?;
        Resource::validate(self, diags, config).await
    }

    async fn read(
        &self,
        diags: &mut Diagnostics,
        state: &[u8],
        private: &[u8],
        meta: &[u8],
    ) -> Option<Object> {
        let state = decode(state, "state", diags)?;
        let private = decode_private(private, diags)?;
        let meta = decode(meta, "provider_meta", diags)?;
        let (state, private) = Resource::read(self, diags, state, private, meta).await?;
        Some((encode(&state, diags)?, encode(&private, diags)?))
    }

    async fn plan_create(
        &self,
        diags: &mut Diagnostics,
        proposed: &[u8],
        config: &[u8],
        meta: &[u8],
    ) -> Option<Object> {
        let proposed = decode(proposed, "proposed state", diags)?;
        let config = decode(config, "configuration", diags)?;
        let meta = decode(meta, "provider_meta", diags)?;
        let (state, private) = Resource::plan_create(self, diags, proposed, config, meta).await?;
        Some((encode(&state, diags)?, encode(&private, diags)?))
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
        let prior = decode(prior, "state", diags)?;
        let proposed = decode(proposed, "proposed state", diags)?;
        let config = decode(config, "configuration", diags)?;
        let private = decode_private(private, diags)?;
        let meta = decode(meta, "provider_meta", diags)?;
        let (state, private, replace) =
            Resource::plan_update(self, diags, prior, proposed, config, private, meta).await?;
        Some(((encode(&state, diags)?, encode(&private, diags)?), replace))
    }

    async fn plan_destroy(
        &self,
        diags: &mut Diagnostics,
        prior: &[u8],
        private: &[u8],
        meta: &[u8],
    ) -> Option<Vec<u8>> {
        let prior = decode(prior, "state", diags)?;
        let private = decode_private(private, diags)?;
        let meta = decode(meta, "provider_meta", diags)?;
        let private = Resource::plan_destroy(self, diags, prior, private, meta).await?;
        encode(&private, diags)
    }

    async fn create(
        &self,
        diags: &mut Diagnostics,
        planned: &[u8],
        config: &[u8],
        private: &[u8],
        meta: &[u8],
    ) -> Option<Object> {
        let planned = decode(planned, "planned state", diags)?;
        let config = decode(config, "configuration", diags)?;
        let private = decode_private(private, diags)?;
        let meta = decode(meta, "provider_meta", diags)?;
        let (state, private) =
            Resource::create(self, diags, planned, config, private, meta).await?;
        Some((encode(&state, diags)?, encode(&private, diags)?))
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
        let prior = decode(prior, "state", diags)?;
        let planned = decode(planned, "planned state", diags)?;
        let config = decode(config, "configuration", diags)?;
        let private = decode_private(private, diags)?;
        let meta = decode(meta, "provider_meta", diags)?;
        let (state, private) =
            Resource::update(self, diags, prior, planned, config, private, meta).await?;
        Some((encode(&state, diags)?, encode(&private, diags)?))
    }

    async fn destroy(
        &self,
        diags: &mut Diagnostics,
        prior: &[u8],
        private: &[u8],
        meta: &[u8],
    ) -> Option<()> {
        let prior = decode(prior, "state", diags)?;
        let private = decode_private(private, diags)?;
        let meta = decode(meta, "provider_meta", diags)?;
        Resource::destroy(self, diags, prior, private, meta).await
    }

    async fn import(&self, diags: &mut Diagnostics, id: String) -> Option<Object> {
        let (state, private) = Resource::import(self, diags, id).await?;
        Some((encode(&state, diags)?, encode(&private, diags)?))
    }
}
