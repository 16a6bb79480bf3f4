//! The values of the provider block `aws`.
//!
//! What is left out here comes from where Amazon's own tools look; see `credentials` and `client`.

use std::collections::BTreeMap;

use super::endpoint::{Service, is_region};
use crate::duration::Duration;
use crate::error::{Error, Kind, Result};
use crate::http::is_encrypted_or_local;
use crate::secret::Secret;
use crate::settings::Settings;

/// Ten attempts in all: about a minute and a half of growing delays.
const MAX_RETRIES: i64 = 9;

/// What the provider block says.
#[derive(Debug, Default)]
pub struct Config {
    /// The region, if the block sets one.
    pub region: Option<String>,
    /// The profile of the shared files, if the block sets one.
    pub profile: Option<String>,
    /// A key given in the block itself.
    pub key: Option<GivenKey>,
    /// Files to read in place of `~/.aws/config`.
    pub config_files: Vec<String>,
    /// Files to read in place of `~/.aws/credentials`.
    pub credentials_files: Vec<String>,
    /// A role to assume with the credentials found.
    pub role: Option<Role>,
    /// How often a failed call is repeated.
    pub max_retries: usize,
    endpoints: BTreeMap<&'static str, String>,
    /// Why nothing may be found or sent with these settings: some of them are not known yet. What the environment says
    /// does not take their place.
    awaited: Option<Error>,
}

/// A key given in the provider block.
#[derive(Debug)]
pub struct GivenKey {
    /// The access key id.
    pub id: String,
    /// The secret key.
    pub secret: Secret,
    /// The session token of a temporary key.
    pub token: Option<Secret>,
}

/// A role to assume.
#[derive(Debug, Default)]
pub struct Role {
    /// Its ARN.
    pub arn: String,
    /// The name of the session in Amazon's logs.
    pub session_name: String,
    /// What the role's trust policy asks for.
    pub external_id: Option<String>,
    /// How long the session lasts.
    pub duration: Option<Duration>,
    /// A policy that narrows the session.
    pub policy: Option<String>,
    /// Managed policies that narrow the session.
    pub policy_arns: Vec<String>,
    /// Who is behind the session.
    pub source_identity: Option<String>,
    /// Tags of the session.
    pub tags: BTreeMap<String, String>,
}

impl Config {
    /// Reads the block; a provider without one gets every default.
    pub fn read(block: Option<&Settings<'_>>) -> Result<Self> {
        let Some(block) = block else {
            return Ok(Self {
                max_retries: MAX_RETRIES as usize,
                ..Self::default()
            });
        };
        if !block.wholly_known() {
            return Ok(Self {
                awaited: Some(unknown(block)),
                ..Self::default()
            });
        }
        Ok(Self {
            region: region(block)?,
            profile: filled(block, "profile"),
            key: key(block)?,
            config_files: owned(block.strings("shared_config_files")),
            credentials_files: owned(block.strings("shared_credentials_files")),
            role: block
                .object("assume_role")
                .map(|it| role(&it))
                .transpose()?,
            max_retries: max_retries(block)?,
            endpoints: match block.object("endpoints") {
                Some(settings) => endpoints(&settings)?,
                None => BTreeMap::new(),
            },
            awaited: None,
        })
    }

    /// An error while some settings are not known yet.
    pub fn settled(&self) -> Result<()> {
        self.awaited.clone().map_or(Ok(()), Err)
    }

    /// The endpoint that the block sets for a service.
    pub fn endpoint(&self, service: Service) -> Option<&str> {
        self.endpoints.get(service.name()).map(String::as_str)
    }
}

/// Reads the attribute `region` of any object.
pub fn region(settings: &Settings<'_>) -> Result<Option<String>> {
    let region = filled(settings, "region");
    match region {
        Some(text) if !is_region(&text) => Err(settings.wrong(
            "region",
            "region is not valid",
            format!("{text:?} is not the name of an AWS region, such as \"eu-central-1\"."),
        )),
        region => Ok(region),
    }
}

fn key(block: &Settings<'_>) -> Result<Option<GivenKey>> {
    let token = filled(block, "token");
    match (filled(block, "access_key"), filled(block, "secret_key")) {
        (Some(id), Some(secret)) => Ok(Some(GivenKey {
            id,
            secret: Secret::new(secret),
            token: token.map(Secret::new),
        })),
        (Some(_), None) => Err(incomplete(block, "secret_key", "access_key")),
        (None, Some(_)) => Err(incomplete(block, "access_key", "secret_key")),
        (None, None) if token.is_some() => Err(incomplete(block, "access_key", "token")),
        (None, None) => Ok(None),
    }
}

fn incomplete(block: &Settings<'_>, missing: &str, given: &str) -> Error {
    block.wrong(
        missing,
        format!("{missing} is missing"),
        format!(
            "{} is set but {} is not. Set both access_key and secret_key, or neither and let the \
             provider find credentials where Amazon's own tools look.",
            block.path_of(given),
            block.path_of(missing)
        ),
    )
}

fn role(settings: &Settings<'_>) -> Result<Role> {
    let arn = settings.required_string("role_arn")?;
    if !arn.starts_with("arn:") || !arn.contains(":role/") {
        return Err(settings.wrong(
            "role_arn",
            "role_arn is not valid",
            format!(
                "{arn:?} is not the ARN of a role, such as \"arn:aws:iam::123456789012:role/ci\"."
            ),
        ));
    }
    let duration = settings.duration("duration")?;
    let bounds = Duration::from_mins(15)..=Duration::from_hours(12);
    if duration.is_some_and(|duration| !bounds.contains(&duration)) {
        return Err(settings.wrong(
            "duration",
            "duration is not valid",
            "A session lasts from \"15m\" to \"12h\".",
        ));
    }
    Ok(Role {
        arn: arn.to_owned(),
        session_name: filled(settings, "session_name")
            .unwrap_or_else(|| "terraform-provider-apikey".to_owned()),
        external_id: filled(settings, "external_id"),
        duration,
        policy: filled(settings, "policy"),
        policy_arns: owned(settings.strings("policy_arns")),
        source_identity: filled(settings, "source_identity"),
        tags: settings
            .string_map("tags")
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect(),
    })
}

fn endpoints(settings: &Settings<'_>) -> Result<BTreeMap<&'static str, String>> {
    let mut endpoints = BTreeMap::new();
    for service in Service::ALL {
        let name = service.name();
        let Some(url) = filled(settings, name) else {
            continue;
        };
        if let Err(problem) = parse_endpoint(&url) {
            return Err(settings.wrong(name, format!("{name} is not valid"), problem));
        }
        endpoints.insert(name, url);
    }
    Ok(endpoints)
}

/// Reads an endpoint; the error says what is wrong with it.
pub fn parse_endpoint(text: &str) -> Result<reqwest::Url, String> {
    let url = reqwest::Url::parse(text)
        .map_err(|problem| format!("The endpoint is not a URL: {problem}."))?;
    let plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    if matches!(url.scheme(), "http" | "https") && url.has_host() && plain {
        return match is_encrypted_or_local(&url) {
            true => Ok(url),
            false => Err(format!(
                "{} would be reached over plain http, and everyone on the way could read keys and secrets. Use https; \
                 http is allowed to this machine (localhost, 127.0.0.1, ::1).",
                url.host_str().unwrap_or_default()
            )),
        };
    }
    Err(
        "An endpoint is an http or https URL without credentials and query, such as \
         \"https://vpce-0abc.secretsmanager.eu-central-1.vpce.amazonaws.com\"."
            .to_owned(),
    )
}

fn max_retries(block: &Settings<'_>) -> Result<usize> {
    let retries = block.integer("max_retries").unwrap_or(MAX_RETRIES);
    usize::try_from(retries)
        .ok()
        .filter(|retries| *retries <= 100)
        .ok_or_else(|| {
            block.wrong(
                "max_retries",
                "max_retries is not valid",
                format!("{retries} is not between 0 and 100."),
            )
        })
}

fn unknown(block: &Settings<'_>) -> Error {
    Error::new(
        Kind::Unavailable,
        "The AWS settings of the provider are not known yet",
        "A value of the aws block comes from something that is created in this same run. Create \
         that first (terraform apply -target=…), or set the value directly.",
    )
    .at(block.path().clone())
}

fn filled(settings: &Settings<'_>, name: &str) -> Option<String> {
    settings
        .string(name)
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}

fn owned(texts: Vec<&str>) -> Vec<String> {
    texts.into_iter().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use tf_provider::value::ValueAny;

    use super::*;
    use crate::error::Path;

    fn text(value: &str) -> ValueAny {
        ValueAny::String(value.into())
    }

    fn read(entries: &[(&str, ValueAny)]) -> Result<Config> {
        let fields: BTreeMap<String, ValueAny> = entries
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect();
        Config::read(Some(&Settings::new(Path::root("aws"), &fields)))
    }

    #[test]
    fn a_wrong_block_is_blamed_on_the_attribute() {
        let object =
            |name: &str, value: &str| ValueAny::Map([(name.to_owned(), text(value))].into());
        for (entries, path) in [
            (vec![("region", text("Frankfurt"))], "aws.region"),
            (vec![("access_key", text("AKIA"))], "aws.secret_key"),
            (vec![("secret_key", text("made-up"))], "aws.access_key"),
            (vec![("token", text("made-up"))], "aws.access_key"),
            (
                vec![("max_retries", ValueAny::Number(-1))],
                "aws.max_retries",
            ),
            (
                vec![("assume_role", object("role_arn", "ci"))],
                "aws.assume_role.role_arn",
            ),
            (
                vec![("assume_role", object("session_name", "ci"))],
                "aws.assume_role.role_arn",
            ),
            (
                vec![("endpoints", object("iam", "localhost:5000"))],
                "aws.endpoints.iam",
            ),
            (
                vec![("endpoints", object("iam", "http://10.0.0.1:5000"))],
                "aws.endpoints.iam",
            ),
            (
                vec![("endpoints", object("sts", "http://a:b@localhost/"))],
                "aws.endpoints.sts",
            ),
        ] {
            assert_eq!(read(&entries).unwrap_err().path.to_string(), path);
        }
    }

    #[test]
    fn a_block_that_is_not_known_yet_is_not_judged_and_nothing_is_sent_with_it() {
        let config = read(&[("region", ValueAny::Unknown)]).unwrap();
        assert_eq!(config.settled().unwrap_err().kind, Kind::Unavailable);
        assert!(
            read(&[("region", text("eu-central-1"))])
                .unwrap()
                .settled()
                .is_ok()
        );
    }

    #[test]
    fn an_empty_string_counts_as_not_set() {
        let config = read(&[("access_key", text("")), ("region", text(""))]).unwrap();
        assert!(config.key.is_none() && config.region.is_none());
        assert_eq!(config.max_retries, 9);
    }

    #[test]
    fn what_the_block_holds_does_not_print_its_secrets() {
        let config = read(&[
            ("access_key", text("AKIAONE")),
            ("secret_key", text("made-up-canary")),
            ("token", text("made-up-canary")),
        ])
        .unwrap();
        assert!(!format!("{config:?}").contains("made-up-canary"));
    }
}
