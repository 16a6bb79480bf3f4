//! Amazon's own chain: shared files, environment, container, instance. Everything here is left to the
//! `aws-config` crate; only its answers and errors are put into our words.

use std::error::Error as StdError;
use std::time::Duration;

use aws_config::imds::region::ImdsRegionProvider;
use aws_config::meta::region::{ProvideRegion, RegionProviderChain};
use aws_config::profile::{ProfileFileCredentialsProvider, ProfileFileRegionProvider};
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::credential_feature::AwsCredentialFeature;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_types::os_shim_internal::{Env, Fs};
use aws_types::region::Region;
use aws_types::service_config::ServiceConfigKey;
use tokio::sync::OnceCell;

use super::endpoint::Service;
use super::settings::Config;
use crate::error::{Error, Kind, Result};

/// Longer than any of the chain's own limits; it ends a `credential_process` that hangs.
const LONGEST_RESOLUTION: Duration = Duration::from_secs(60);

/// Amazon's chain with the profile and the files that the provider block names.
#[derive(Debug)]
pub struct Chain {
    http: SharedHttpClient,
    sdk: SdkConfig,
    profile: Option<String>,
    config_files: Vec<String>,
    credentials_files: Vec<String>,
    credentials: SharedCredentialsProvider,
    instance_region: OnceCell<Option<String>>,
}

impl Chain {
    /// Reads the shared files and the environment. Nothing is sent.
    pub async fn load(config: &Config) -> Self {
        let http = http_client();
        let provider = ProviderConfig::without_region().with_http_client(http.clone());
        let mut region = ProfileFileRegionProvider::builder().configure(&provider);
        let mut profile = ProfileFileCredentialsProvider::builder();
        // What is sent is repeated by us. The crate would read its own settings for that, and panic where they are wrong.
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http.clone())
            .retry_config(RetryConfig::standard());
        if let Some(files) = files(&config.config_files, &config.credentials_files) {
            region = region.profile_files(files.clone());
            profile = profile.profile_files(files.clone());
            loader = loader.profile_files(files);
        }
        if let Some(name) = config.profile.clone().or_else(default_for_an_empty_name) {
            region = region.profile_name(&name);
            profile = profile.profile_name(&name);
            loader = loader.profile_name(name);
        }
        // The instance is not asked for its region here: away from EC2 that costs seconds, and IAM needs none.
        let region = RegionProviderChain::first_try(config.region.clone().map(Region::new))
            .or_else(variable("AWS_REGION").map(Region::new))
            .or_else(variable("AWS_DEFAULT_REGION").map(Region::new))
            .or_else(region.build());
        let sdk = loader.region(region).load().await;
        let profile_provider = provider.with_region(sdk.region().cloned());
        let named = || SharedCredentialsProvider::new(profile.configure(&profile_provider).build());
        Self {
            // A profile that the block names goes before keys that happen to be in the environment.
            credentials: match (&config.profile, sdk.credentials_provider()) {
                (None, Some(usual)) => usual,
                _ => named(),
            },
            http,
            profile: config.profile.clone(),
            config_files: config.config_files.clone(),
            credentials_files: config.credentials_files.clone(),
            instance_region: OnceCell::new(),
            sdk,
        }
    }

    /// The region of the block, the environment or the profile.
    pub fn region(&self) -> Option<&str> {
        self.sdk.region().map(AsRef::as_ref)
    }

    /// The region that the instance metadata name; asked for once.
    pub async fn instance_region(&self) -> Option<&str> {
        let region = self.instance_region.get_or_init(|| async {
            let provider = ProviderConfig::without_region().with_http_client(self.http.clone());
            let metadata = ImdsRegionProvider::builder().configure(&provider).build();
            let region = ProvideRegion::region(&metadata).await;
            region.map(|region| region.to_string())
        });
        region.await.as_deref()
    }

    /// The endpoint that the environment or the profile sets for a service.
    pub fn endpoint(&self, service: Service) -> Option<String> {
        let ignored = self.setting(
            service,
            "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
            "ignore_configured_endpoint_urls",
        );
        if ignored.is_some_and(|text| text.eq_ignore_ascii_case("true")) {
            return None;
        }
        self.setting(service, "AWS_ENDPOINT_URL", "endpoint_url")
    }

    /// A setting for one service or for all. The crate would take an empty variable for one that is set, so it is asked
    /// for what the profile says alone: no variable has the name that it is given.
    fn setting(&self, service: Service, env: &str, profile: &str) -> Option<String> {
        let of_service = format!("{env}_{}", service.id().to_uppercase().replace(' ', "_"));
        let key = ServiceConfigKey::builder()
            .service_id(service.id())
            .env("")
            .profile(profile)
            .build()
            .ok()?;
        let of_profile = || self.sdk.service_config()?.load_config(key);
        variable(&of_service)
            .or_else(|| variable(env))
            .or_else(of_profile)
            .filter(|text| !text.is_empty())
    }

    /// Finds credentials, and says where.
    pub async fn credentials(&self) -> Result<(Credentials, String)> {
        let found = self.credentials.provide_credentials();
        match tokio::time::timeout(LONGEST_RESOLUTION, found).await {
            Ok(Ok(credentials)) => {
                let origin = self.origin(&credentials);
                self.refuse_unknown_profile(&credentials, &origin).await?;
                Ok((credentials, origin))
            }
            Ok(Err(error)) => Err(self.not_found(&error)),
            Err(_) => Err(Error::new(
                Kind::Unavailable,
                "The AWS credentials were not found in time",
                "Looking for them took longer than 60 seconds. If a profile uses \
                 credential_process, check that its command ends without asking anything.",
            )),
        }
    }

    /// Amazon's chain passes over a profile that is defined nowhere, to whatever else there is: another identity than
    /// the one that was asked for.
    async fn refuse_unknown_profile(&self, credentials: &Credentials, origin: &str) -> Result<()> {
        let has = |feature| has(credentials, &feature);
        let is_used = !has(AwsCredentialFeature::CredentialsEnvVars)
            && !has(AwsCredentialFeature::CredentialsProfile);
        let named = variable("AWS_PROFILE").filter(|_| is_used && self.profile.is_none());
        let Some(profile) = named else {
            return Ok(());
        };
        if is_defined(&profile, &self.config_files, &self.credentials_files).await {
            return Ok(());
        }
        Err(Error::new(
            Kind::Invalid,
            "The AWS profile of the environment does not exist",
            format!(
                "AWS_PROFILE names {profile:?}, which is neither in ~/.aws/config nor in ~/.aws/credentials (or the files \
                 that are set in their place). Without it the credentials of {origin} would be used, which may belong to \
                 somebody else. Correct AWS_PROFILE, or unset it."
            ),
        ))
    }

    fn origin(&self, credentials: &Credentials) -> String {
        let has = |feature| has(credentials, &feature);
        if let Some(profile) = &self.profile {
            return format!("profile {profile:?}");
        }
        if has(AwsCredentialFeature::CredentialsProfile) {
            return match variable("AWS_PROFILE") {
                Some(profile) => format!("profile {profile:?}, named by AWS_PROFILE"),
                None => "profile \"default\"".to_owned(),
            };
        }
        let origins = [
            (AwsCredentialFeature::CredentialsEnvVars, "the environment"),
            (AwsCredentialFeature::CredentialsHttp, "the container"),
            (
                AwsCredentialFeature::CredentialsImds,
                "the instance metadata",
            ),
            (
                AwsCredentialFeature::CredentialsStsAssumeRoleWebId,
                "the web identity token",
            ),
        ];
        let known = origins
            .into_iter()
            .find(|(feature, _)| has(feature.clone()));
        known
            .map_or("Amazon's default chain", |(_, origin)| origin)
            .to_owned()
    }

    fn not_found(&self, error: &CredentialsError) -> Error {
        let causes = causes(error);
        let profile = self.profile.as_deref();
        if causes.contains("cargo feature") {
            return sign_in_not_supported(profile);
        }
        match error {
            CredentialsError::CredentialsNotLoaded(_) => nothing_found(profile),
            CredentialsError::InvalidConfiguration(_) => Error::new(
                Kind::Invalid,
                "The AWS configuration is not valid",
                format!("{causes}. Correct the shared configuration files or the environment."),
            ),
            _ => Error::new(
                if refused(&causes) {
                    Kind::Denied
                } else {
                    Kind::Unavailable
                },
                "The AWS credentials could not be obtained",
                format!(
                    "{}. Check what the source of the credentials (profile, process, token, container or instance) \
                     needs, then run the command again.",
                    reason(&causes)
                ),
            ),
        }
    }
}

/// A variable of the environment. An empty one counts as not set, as it does for Amazon's own tools.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}

/// The crate takes an empty AWS_PROFILE for the name of a profile.
fn default_for_an_empty_name() -> Option<String> {
    let is_empty = std::env::var_os("AWS_PROFILE").is_some_and(|name| name.is_empty());
    is_empty.then(|| "default".to_owned())
}

fn has(credentials: &Credentials, feature: &AwsCredentialFeature) -> bool {
    let features = credentials.get_property::<Vec<AwsCredentialFeature>>();
    features.is_some_and(|features| features.contains(feature))
}

/// Files that cannot be read say nothing against a profile; whoever needs them says what is wrong.
async fn is_defined(profile: &str, configs: &[String], credentials: &[String]) -> bool {
    let files = files(configs, credentials).unwrap_or_default();
    let read = aws_config::profile::load(&Fs::real(), &Env::real(), &files, None).await;
    read.map_or(true, |profiles| profiles.get_profile(profile).is_some())
}

fn nothing_found(profile: Option<&str>) -> Error {
    let summary = "No AWS credentials were found";
    let detail = match (profile, half_a_key(variable), variable("AWS_PROFILE")) {
        (Some(profile), ..) => profile_without_key(profile, "aws.profile of the provider block"),
        (None, Some(half), _) => half,
        (None, None, Some(profile)) => profile_without_key(&profile, "AWS_PROFILE"),
        (None, None, None) => "Tried, in this order: access_key and secret_key of the provider block; AWS_ACCESS_KEY_ID and \
                 AWS_SECRET_ACCESS_KEY; the profile of AWS_PROFILE, or \"default\", in ~/.aws/config and \
                 ~/.aws/credentials; AWS_WEB_IDENTITY_TOKEN_FILE; the container's and the instance's metadata. \
                 Set one of them, for example aws = { profile = \"…\" } in the provider block."
            .to_owned(),
    };
    Error::new(Kind::Invalid, summary, detail)
}

fn profile_without_key(profile: &str, named_by: &str) -> String {
    format!(
        "The profile {profile:?}, named by {named_by}, does not exist or holds none. Check its name in ~/.aws/config and \
         ~/.aws/credentials (or the files that are set in their place), or add aws_access_key_id, role_arn or \
         credential_process to it."
    )
}

/// Amazon's chain passes over half a key in silence.
fn half_a_key(set: impl Fn(&str) -> Option<String>) -> Option<String> {
    let (id, secret) = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY");
    let (given, missing) = match (set(id), set(secret)) {
        (Some(_), None) => (id, secret),
        (None, Some(_)) => (secret, id),
        _ => return None,
    };
    Some(format!(
        "{given} is set but {missing} is not, and no other source holds credentials. Set both or, to use another \
         source, neither."
    ))
}

fn sign_in_not_supported(profile: Option<&str>) -> Error {
    let name = profile.unwrap_or("NAME");
    Error::new(
        Kind::Invalid,
        "The AWS profile needs a browser sign-in",
        format!(
            "The profile uses IAM Identity Center (sso_session, sso_start_url) or a login \
             session, which this provider does not read itself. Sign in with the AWS CLI, then \
             either run `eval \"$(aws configure export-credentials --profile {name} --format \
             env)\"`, or use a profile with the line `credential_process = aws configure \
             export-credentials --profile {name}`."
        ),
    )
}

const REFUSALS: [&str; 5] = [
    "AccessDenied",
    "ExpiredToken",
    "InvalidClientTokenId",
    "InvalidIdentityToken",
    "SignatureDoesNotMatch",
];

fn refused(causes: &str) -> bool {
    REFUSALS.iter().any(|code| causes.contains(code))
}

/// In our words: the answer of what hands out credentials, or the output of a command, may hold them.
fn reason(causes: &str) -> String {
    if let Some(code) = REFUSALS.iter().find(|code| causes.contains(**code)) {
        return format!("AWS answered {code}");
    }
    let status: Option<String> = causes
        .split_once("exit status: ")
        .map(|(_, rest)| rest.chars().take_while(char::is_ascii_digit).collect());
    if let Some(status) = status {
        return format!(
            "The command of credential_process ended with exit status {status}. What it printed may hold a secret and \
             is not shown; run it by hand to see it"
        );
    }
    let causes = causes.to_lowercase();
    match () {
        () if causes.contains("timeout") || causes.contains("timed out") => {
            "Their source did not answer in time".to_owned()
        }
        () if causes.contains("connect") || causes.contains("dispatch failure") => {
            "Their source could not be reached".to_owned()
        }
        () => "Their source was found, but gave none".to_owned(),
    }
}

fn causes(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

// The names under which aws-config publishes these types are marked as moved to a crate of its internals.
#[allow(deprecated)]
fn files(
    configs: &[String],
    credentials: &[String],
) -> Option<aws_config::profile::profile_file::ProfileFiles> {
    use aws_config::profile::profile_file::{Builder, ProfileFileKind};

    if configs.is_empty() && credentials.is_empty() {
        return None;
    }
    let mut files = Builder::new()
        .include_default_config_file(configs.is_empty())
        .include_default_credentials_file(credentials.is_empty());
    for path in configs {
        files = files.with_file(ProfileFileKind::Config, path);
    }
    for path in credentials {
        files = files.with_file(ProfileFileKind::Credentials, path);
    }
    Some(files.build())
}

fn http_client() -> SharedHttpClient {
    Builder::new().build_with_connector_fn(|settings, components| {
        let mut connector = Connector::builder().proxy_config(ProxyConfig::from_env());
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(|components| components.sleep_impl()));
        connector
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .build()
    })
}
