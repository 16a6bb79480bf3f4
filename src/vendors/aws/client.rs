//! Everything on AWS: finds region, endpoint and credentials. The calls are in `calls`, one service as they reach it in `side`;
//! sending is left to [`crate::http`].

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use reqwest::Url;
use tokio::sync::OnceCell;

use super::caller;
use super::credentials::{Held, Wallet};
use super::endpoint::{Service, Variant, is_region, no_region, wrong_region};
use super::settings::{Config, parse_endpoint};
use super::shared::Shared;
use super::side::Signer;
use super::{metadata, network, role, sources};
use crate::error::{Error, Kind, Result};
use crate::http::Http;

/// Ten attempts in all: about a minute and a half of growing delays.
const MAX_RETRIES: usize = 9;

/// Signed calls to AWS with the settings of one provider block. Nothing is read or sent before the first.
pub struct AwsClient {
    config: Config,
    http: Arc<Http>,
    shared: OnceCell<Shared>,
    /// The HTTP client with the proxies and certificates that are set for AWS.
    wire: OnceCell<Http>,
    instance_region: OnceCell<Option<String>>,
    wallet: Wallet,
    /// By how many seconds the clock of AWS is ahead of the machine's.
    ahead: AtomicI64,
}

impl AwsClient {
    /// A client with the settings of the provider block.
    pub fn new(config: Config, http: Arc<Http>) -> Self {
        Self {
            config,
            http,
            shared: OnceCell::new(),
            wire: OnceCell::new(),
            instance_region: OnceCell::new(),
            wallet: Wallet::default(),
            ahead: AtomicI64::new(0),
        }
    }

    /// By how many seconds the clock of AWS was ahead of the machine's when it answered last.
    pub fn ahead(&self) -> i64 {
        self.ahead.load(Ordering::Relaxed)
    }

    /// Notes it.
    pub(super) fn note_clock(&self, ahead: i64) {
        self.ahead.store(ahead, Ordering::Relaxed);
    }

    /// Forgets credentials that AWS says have expired.
    pub(super) async fn forget(&self, held: &Held) {
        self.wallet.forget(held).await;
    }

    /// The HTTP client, for waits that end when a person asks to stop.
    pub fn http(&self) -> &Http {
        &self.http
    }

    /// What the block says.
    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    /// How often a failed call is repeated. Where a call is made the shared files were read, and found right.
    pub(super) fn retries(&self) -> usize {
        let attempts = || self.shared.get()?.attempts().ok()?;
        let retries = || attempts().map(|attempts| attempts.saturating_sub(1));
        self.config
            .max_retries
            .or_else(retries)
            .unwrap_or(MAX_RETRIES)
    }

    /// What the environment and the shared files say.
    pub(super) async fn shared(&self) -> &Shared {
        self.shared.get_or_init(|| Shared::load(&self.config)).await
    }

    /// The HTTP client as AWS is reached with it.
    pub(super) async fn wire(&self) -> Result<&Http> {
        let shared = self.shared().await;
        let build = async || network::http(&self.http, &self.config.network, shared);
        self.wire.get_or_try_init(build).await
    }

    /// The credentials of the provider.
    pub(super) async fn credentials(&self) -> Result<Arc<Held>> {
        self.config.settled()?;
        self.wallet.get(self.find_credentials()).await
    }

    async fn find_credentials(&self) -> Result<Held> {
        // Boxed, because finding credentials may take calls of this very client.
        let mut held = Box::pin(sources::find(self)).await?;
        for role in &self.config.roles {
            held = role::assume(self, &held, role).await?;
        }
        let accounts = &self.config.accounts;
        // Before anything is done with credentials, they are asked whose they are, if that matters.
        if !accounts.all_are_allowed() {
            let arn = Box::pin(caller::arn(self, Signer::Held(&held))).await?;
            accounts.check(caller::account_in(&arn)?, &held.who)?;
            held.arn = Some(arn);
        }
        Ok(held)
    }

    /// Where a service is, and the region to sign for.
    pub(super) async fn locate(
        &self,
        service: Service,
        wanted: Option<&str>,
    ) -> Result<(Url, String)> {
        let region = self.region(service, wanted).await?;
        let shared = self.shared().await;
        let variant = shared.variant(&self.config)?;
        if self.config.max_retries.is_none() {
            shared.attempts()?;
        }
        let (usual, signing_region) = service.locate(region.as_deref(), variant);
        let set = match self.config.endpoint(service) {
            Some(url) => Some(url.to_owned()),
            None => shared.endpoint(service)?,
        };
        if set.is_some() && variant != Variant::default() {
            tracing::warn!(
                service = service.id(),
                "an endpoint is set; FIPS and dual-stack are its own affair"
            );
        }
        let url = parse_endpoint(set.as_deref().unwrap_or(&usual)).map_err(|problem| {
            Error::new(
                Kind::Invalid,
                format!("The endpoint of {} is not valid", service.id()),
                format!(
                    "{problem} It comes from AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_… or the profile."
                ),
            )
        })?;
        Ok((url, signing_region))
    }

    /// The region that a call to a service goes to.
    pub async fn region_of(&self, service: Service, wanted: Option<&str>) -> Result<String> {
        let region = self.region(service, wanted).await?;
        Ok(service.locate(region.as_deref(), Variant::default()).1)
    }

    async fn region(&self, service: Service, wanted: Option<&str>) -> Result<Option<String>> {
        self.config.settled()?;
        let of_sts = self.config.sts_region.as_deref();
        let of_service = of_sts.filter(|_| service == Service::Sts);
        let of_block = wanted.or(of_service).or(self.config.region.as_deref());
        let mut region = match of_block {
            None => self.shared().await.region(),
            region => region.map(str::to_owned),
        };
        // Away from EC2 that costs a second, and IAM needs none.
        if region.is_none() && !service.works_without_region() {
            region = self.instance_region().await?;
        }
        match region {
            Some(region) if !is_region(&region) => Err(wrong_region(&region)),
            None if !service.works_without_region() => Err(no_region(service)),
            region => Ok(region),
        }
    }

    async fn instance_region(&self) -> Result<Option<String>> {
        let http = self.wire().await?;
        let ask = || metadata::region_of_instance(http);
        Ok(self.instance_region.get_or_init(ask).await.clone())
    }
}

impl fmt::Debug for AwsClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsClient").finish_non_exhaustive()
    }
}
