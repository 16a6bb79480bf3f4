//! Ephemeral resources: values that are opened, used and closed within one run, and never stored.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tf_provider::Diagnostics;
use tf_provider::schema::Schema;

use super::super::codec::{decode, decode_private, encode};
use crate::instant::Instant;

/// Something that Terraform opens at plan and again at apply, and of which it stores nothing.
#[async_trait]
pub trait EphemeralResource: Send + Sync {
    /// The configuration, and with the computed attributes filled in the result.
    type State<'a>: Serialize + Deserialize<'a> + Send;

    /// What [`renew`](Self::renew) and [`close`](Self::close) need to know of what was opened. It stays in the
    /// memory of the command line.
    type PrivateState<'a>: Serialize + Deserialize<'a> + Send;

    /// The schema of the configuration and of the result.
    fn schema(&self, diags: &mut Diagnostics) -> Option<Schema>;

    /// Checks a configuration, parts of which may be unknown.
    async fn validate<'a>(&self, diags: &mut Diagnostics, config: Self::State<'a>) -> Option<()> {
        let _ = (diags, config);
        Some(())
    }

    /// Opens it. The configuration is wholly known.
    async fn open<'a>(
        &self,
        diags: &mut Diagnostics,
        config: Self::State<'a>,
    ) -> Option<Opened<Self::State<'a>, Self::PrivateState<'a>>>;

    /// Prolongs what was opened. It is only called when an earlier call gave a `renew_at`.
    async fn renew<'a>(
        &self,
        diags: &mut Diagnostics,
        private: Self::PrivateState<'a>,
    ) -> Option<Renewed<Self::PrivateState<'a>>> {
        let _ = diags;
        let renew_at = None;
        Some(Renewed { private, renew_at })
    }

    /// Lets go of what was opened.
    async fn close<'a>(
        &self,
        diags: &mut Diagnostics,
        private: Self::PrivateState<'a>,
    ) -> Option<()> {
        let _ = (diags, private);
        Some(())
    }
}

/// What opening gave.
pub struct Opened<S, P> {
    /// The configuration with its computed attributes: it must be wholly known.
    pub result: S,
    /// For the calls that follow.
    pub private: P,
    /// When to call [`EphemeralResource::renew`], if it runs out at all.
    pub renew_at: Option<Instant>,
}

/// What renewing gave.
pub struct Renewed<P> {
    /// For the calls that follow.
    pub private: P,
    /// When to renew again.
    pub renew_at: Option<Instant>,
}

#[async_trait]
pub(in crate::protocol) trait AnyEphemeralResource: Send + Sync {
    fn schema(&self, diags: &mut Diagnostics) -> Option<Schema>;
    async fn validate(&self, diags: &mut Diagnostics, config: &[u8]) -> Option<()>;
    async fn open(
        &self,
        diags: &mut Diagnostics,
        config: &[u8],
    ) -> Option<Opened<Vec<u8>, Vec<u8>>>;
    async fn renew(&self, diags: &mut Diagnostics, private: &[u8]) -> Option<Renewed<Vec<u8>>>;
    async fn close(&self, diags: &mut Diagnostics, private: &[u8]) -> Option<()>;
}

#[async_trait]
impl<T: EphemeralResource> AnyEphemeralResource for T {
    fn schema(&self, diags: &mut Diagnostics) -> Option<Schema> {
        EphemeralResource::schema(self, diags)
    }

    async fn validate(&self, diags: &mut Diagnostics, config: &[u8]) -> Option<()> {
        let config = decode(config, "configuration", diags)?;
        EphemeralResource::validate(self, diags, config).await
    }

    async fn open(
        &self,
        diags: &mut Diagnostics,
        config: &[u8],
    ) -> Option<Opened<Vec<u8>, Vec<u8>>> {
        let config = decode(config, "configuration", diags)?;
        let opened = EphemeralResource::open(self, diags, config).await?;
        Some(Opened {
            result: encode(&opened.result, diags)?,
            private: encode(&opened.private, diags)?,
            renew_at: opened.renew_at,
        })
    }

    async fn renew(&self, diags: &mut Diagnostics, private: &[u8]) -> Option<Renewed<Vec<u8>>> {
        let private = decode_private(private, diags)?;
        let renewed = EphemeralResource::renew(self, diags, private).await?;
        Some(Renewed {
            private: encode(&renewed.private, diags)?,
            renew_at: renewed.renew_at,
        })
    }

    async fn close(&self, diags: &mut Diagnostics, private: &[u8]) -> Option<()> {
        let private = decode_private(private, diags)?;
        EphemeralResource::close(self, diags, private).await
    }
}
