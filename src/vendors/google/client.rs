//! Everything on Google Cloud: finds project, endpoint and credentials, and makes calls; sending is left to [`crate::http`].

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use reqwest::Url;
use serde::de::DeserializeOwned;
use tokio::sync::OnceCell;

use super::credentials::{Credentials, ServiceAccount};
use super::metadata;
use super::service::{Service, parse_endpoint};
use super::settings::{Config, is_domain, is_project};
use super::side::{Side, Signer};
use super::sources::{self, Found};
use super::token::{self, Token};
use crate::error::{Error, Kind, Result};
use crate::http::{Call, Http, Refusal, json};
use crate::vendors::environment::variable;
use crate::vendors::wallet::Wallet;

/// Where the services are, unless somebody has a cloud of his own.
pub(super) const UNIVERSE: &str = "googleapis.com";

/// Calls to Google Cloud with the settings of one provider block. Nothing is read or sent before the first.
pub struct GoogleClient {
    config: Config,
    http: Arc<Http>,
    found: OnceCell<Found>,
    wallet: Wallet<Token>,
    /// By how many seconds the clock of Google is ahead of the machine's.
    ahead: AtomicI64,
}

impl GoogleClient {
    pub(super) fn new(config: Config, http: Arc<Http>) -> Self {
        Self {
            config,
            http,
            found: OnceCell::new(),
            wallet: Wallet::default(),
            ahead: AtomicI64::new(0),
        }
    }

    /// By how many seconds the clock of Google was ahead of the machine's when it answered last.
    pub fn ahead(&self) -> i64 {
        self.ahead.load(Ordering::Relaxed)
    }

    pub(super) fn note_clock(&self, ahead: i64) {
        self.ahead.store(ahead, Ordering::Relaxed);
    }

    /// The HTTP client, also for waits that end when a person asks to stop.
    pub fn http(&self) -> &Http {
        &self.http
    }

    /// Makes a call; `location` is for what lies in one location alone.
    pub async fn call<T: DeserializeOwned>(
        &self,
        service: Service,
        location: Option<&str>,
        call: &Call<'_>,
    ) -> Result<T, Refusal> {
        let side = Side::new(self, service, location, Signer::Provider);
        let answer = self.http.call(&side, call).await?;
        json(&answer, &side, call)
    }

    /// Shows the key of a service account to Google, as whoever uses it does first.
    pub async fn try_key(&self, account: &ServiceAccount) -> Result<(), Refusal> {
        let who = format!(
            "key {} of service account {}",
            account.key_id, account.email
        );
        token::sign_in(self, account, who).await.map(drop)
    }

    /// The project, where an object names none.
    pub async fn project(&self) -> Result<String> {
        self.config.settled()?;
        const VARIABLES: [&str; 4] = [
            "GOOGLE_PROJECT",
            "GOOGLE_CLOUD_PROJECT",
            "GCLOUD_PROJECT",
            "CLOUDSDK_CORE_PROJECT",
        ];
        if let Some(project) = &self.config.project {
            return Ok(project.clone());
        }
        for name in VARIABLES {
            match variable(name) {
                Some(project) if is_project(&project) => return Ok(project),
                Some(other) => return Err(no_project(name, &other)),
                None => {}
            }
        }
        let found = self.found().await?;
        let project = match &found.credentials {
            Credentials::Machine => metadata::project(&self.http).await?,
            credentials => credentials.project().map(str::to_owned),
        };
        project.filter(|it| is_project(it)).ok_or_else(|| {
            Error::new(
                Kind::Invalid,
                "No Google project is named",
                "Neither the object, nor project of the google block of the provider, nor GOOGLE_PROJECT, GOOGLE_CLOUD_PROJECT, \
                 GCLOUD_PROJECT or CLOUDSDK_CORE_PROJECT, nor the credentials name one. Set one of them to the id of the project.",
            )
        })
    }

    /// The token of the provider.
    pub(super) async fn token(&self) -> Result<Arc<Token>> {
        self.config.settled()?;
        self.wallet.get(self.find_token()).await
    }

    async fn find_token(&self) -> Result<Token> {
        let found = self.found().await?;
        // Boxed, because getting a token takes calls of this very client.
        let token = Box::pin(token::obtain(self, &found.credentials, &found.origin)).await?;
        let named = self.config.impersonate.clone();
        match named.or_else(|| variable("GOOGLE_IMPERSONATE_SERVICE_ACCOUNT")) {
            None => Ok(token),
            Some(email) => {
                let delegates = &self.config.delegates;
                Box::pin(token::impersonate(self, &token, &email, delegates)).await
            }
        }
    }

    async fn found(&self) -> Result<&Found> {
        let find = || sources::find(&self.config, &self.http);
        self.found.get_or_try_init(find).await
    }

    /// The project whose quota counts, if it is not that of the credentials.
    pub(super) async fn quota_project(&self) -> Result<Option<String>> {
        let of_environment =
            || variable("USER_PROJECT_OVERRIDE").map(|text| text == "true" || text == "1");
        let overridden = self.config.user_project_override.or_else(of_environment);
        if overridden != Some(true) {
            return Ok(self.found().await?.quota_project.clone());
        }
        let billed = self.config.billing_project.clone();
        match billed.or_else(|| variable("GOOGLE_BILLING_PROJECT")) {
            Some(project) => Ok(Some(project)),
            None => self.project().await.map(Some),
        }
    }

    /// Where a service is.
    pub(super) async fn locate(&self, service: Service, location: Option<&str>) -> Result<Url> {
        self.config.settled()?;
        if let Some(url) = self.config.endpoint(service) {
            return Ok(url.clone());
        }
        let variable_name = service.variable();
        let (text, origin) = match variable(&variable_name) {
            Some(text) => (text, variable_name.as_str()),
            None => (
                service.address(location, &self.universe().await?),
                "universe_domain",
            ),
        };
        parse_endpoint(&text).map_err(|problem| {
            Error::new(
                Kind::Invalid,
                format!("The endpoint of {} is not valid", service.name()),
                format!("{problem} It comes from {origin}."),
            )
        })
    }

    /// Where a service account of the same cloud gets its tokens.
    pub async fn token_uri(&self) -> Result<String> {
        let universe = self.universe().await?;
        Ok(match &self.found().await?.credentials {
            Credentials::ServiceAccount(account) => account.token_uri.to_string(),
            _ => format!("https://oauth2.{universe}/token"),
        })
    }

    /// The domain of the services.
    pub async fn universe(&self) -> Result<String> {
        let given = self.config.universe.clone();
        if let Some(given) = given.or_else(|| variable("GOOGLE_UNIVERSE_DOMAIN")) {
            return match is_domain(&given) {
                true => Ok(given),
                false => Err(Error::new(
                    Kind::Invalid,
                    "The universe domain is not valid",
                    format!(
                        "{given:?} of GOOGLE_UNIVERSE_DOMAIN is not a domain, such as \"{UNIVERSE}\"."
                    ),
                )),
            };
        }
        let of_credentials = match &self.found().await?.credentials {
            Credentials::ServiceAccount(account) => account.universe.clone(),
            _ => None,
        };
        Ok(of_credentials.unwrap_or_else(|| UNIVERSE.to_owned()))
    }
}

impl fmt::Debug for GoogleClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GoogleClient").finish_non_exhaustive()
    }
}

fn no_project(name: &str, text: &str) -> Error {
    Error::new(
        Kind::Invalid,
        format!("{name} is not valid"),
        format!(
            "{text:?} is not the id of a project, such as \"payments-prod\". Write the id, not the number and not the name."
        ),
    )
}
