//! Actions: things to do once, on request, that change no state.

use async_trait::async_trait;
use serde::Deserialize;
use tf_provider::Diagnostics;
use tf_provider::schema::Schema;
use tokio::sync::mpsc::UnboundedSender;

use super::super::codec::decode;

/// Something that `terraform apply -invoke` does, or that a change of a resource triggers.
#[async_trait]
pub trait Action: Send + Sync {
    /// The configuration. Attributes whose name ends in `_wo` are write-only, as in a resource.
    type Config<'a>: Deserialize<'a> + Send;

    /// The schema of the configuration. None of it may be computed.
    fn schema(&self, diags: &mut Diagnostics) -> Option<Schema>;

    /// Checks a configuration, parts of which may be unknown.
    async fn validate<'a>(&self, diags: &mut Diagnostics, config: Self::Config<'a>) -> Option<()> {
        let _ = (diags, config);
        Some(())
    }

    /// Says before anything is done whether it can be. Parts of the configuration may be unknown.
    async fn plan<'a>(&self, diags: &mut Diagnostics, config: Self::Config<'a>) -> Option<()> {
        let _ = (diags, config);
        Some(())
    }

    /// Does it, telling on the way what is done. The configuration is wholly known.
    async fn invoke<'a>(
        &self,
        diags: &mut Diagnostics,
        config: Self::Config<'a>,
        progress: &Progress,
    ) -> Option<()>;
}

/// Where an action tells a person what it is doing.
#[derive(Clone, Debug)]
pub struct Progress(UnboundedSender<String>);

impl Progress {
    pub(in crate::protocol) fn to(sender: UnboundedSender<String>) -> Self {
        Self(sender)
    }

    /// Shows one line. When nobody listens any more, the action goes on all the same.
    pub fn say(&self, message: impl Into<String>) {
        let _ = self.0.send(message.into());
    }
}

#[async_trait]
pub(in crate::protocol) trait AnyAction: Send + Sync {
    fn schema(&self, diags: &mut Diagnostics) -> Option<Schema>;
    async fn validate(&self, diags: &mut Diagnostics, config: &[u8]) -> Option<()>;
    async fn plan(&self, diags: &mut Diagnostics, config: &[u8]) -> Option<()>;
    async fn invoke(
        &self,
        diags: &mut Diagnostics,
        config: &[u8],
        progress: &Progress,
    ) -> Option<()>;
}

#[async_trait]
impl<T: Action> AnyAction for T {
    fn schema(&self, diags: &mut Diagnostics) -> Option<Schema> {
        Action::schema(self, diags)
    }

    async fn validate(&self, diags: &mut Diagnostics, config: &[u8]) -> Option<()> {
        let config = decode(config, "configuration", diags)?;
        Action::validate(self, diags, config).await
    }

    async fn plan(&self, diags: &mut Diagnostics, config: &[u8]) -> Option<()> {
        let config = decode(config, "configuration", diags)?;
        Action::plan(self, diags, config).await
    }

    async fn invoke(
        &self,
        diags: &mut Diagnostics,
        config: &[u8],
        progress: &Progress,
    ) -> Option<()> {
        let config = decode(config, "configuration", diags)?;
        Action::invoke(self, diags, config, progress).await
    }
}
