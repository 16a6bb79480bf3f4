//! The values of the provider block `google`. What is left out here comes from where Google's own tools look; see `sources`.

use std::collections::BTreeMap;

use reqwest::Url;

use super::service::{Service, parse_endpoint};
use crate::error::{Error, Kind, Result};
use crate::secret::Secret;
use crate::settings::Settings;

/// What the provider block says.
#[derive(Debug, Default)]
pub struct Config {
    /// JSON, or the path of a file with it.
    pub credentials: Option<Secret>,
    /// A token to be used as it is.
    pub access_token: Option<Secret>,
    /// The project, if the block sets one.
    pub project: Option<String>,
    /// The service account to act as, if the block sets one.
    pub impersonate: Option<String>,
    /// The accounts between the credentials and that one.
    pub delegates: Vec<String>,
    /// Whether calls count against another project.
    pub user_project_override: Option<bool>,
    /// That project, if the block sets one.
    pub billing_project: Option<String>,
    /// The domain of the services, if the block sets one.
    pub universe: Option<String>,
    endpoints: BTreeMap<Service, Url>,
    /// Why nothing may be found or sent with these settings: some of them are not known yet. What the environment says
    /// does not take their place.
    awaited: Option<Error>,
}

impl Config {
    /// Reads the block; a provider without one gets every default.
    pub fn read(block: Option<&Settings<'_>>) -> Result<Self> {
        let Some(block) = block else {
            return Ok(Self::default());
        };
        if !block.wholly_known() {
            return Ok(Self {
                awaited: Some(unknown(block)),
                ..Self::default()
            });
        }
        let config = Self {
            credentials: filled(block, "credentials").map(Secret::new),
            access_token: filled(block, "access_token").map(Secret::new),
            project: project(block)?,
            impersonate: account(block)?,
            delegates: owned(block.strings("impersonate_service_account_delegates")),
            user_project_override: block.boolean("user_project_override"),
            billing_project: filled(block, "billing_project"),
            universe: universe(block)?,
            endpoints: endpoints(block)?,
            awaited: None,
        };
        config.refuse_contradiction(block)?;
        Ok(config)
    }

    fn refuse_contradiction(&self, block: &Settings<'_>) -> Result<()> {
        if self.credentials.is_some() && self.access_token.is_some() {
            return Err(block.wrong(
                "access_token",
                "credentials and access_token exclude each other",
                "Both say who calls. Keep credentials, which last, or access_token, which ends within the hour.",
            ));
        }
        if !self.delegates.is_empty() && self.impersonate.is_none() {
            return Err(block.wrong(
                "impersonate_service_account_delegates",
                "impersonate_service_account is missing",
                "The delegates lead to a service account, and none is named. Set impersonate_service_account, or leave the \
                 delegates out.",
            ));
        }
        Ok(())
    }

    /// An error while some settings are not known yet.
    pub fn settled(&self) -> Result<()> {
        self.awaited.clone().map_or(Ok(()), Err)
    }

    /// The endpoint that the block sets for a service.
    pub fn endpoint(&self, service: Service) -> Option<&Url> {
        self.endpoints.get(&service)
    }
}

/// Whether a text is the id of a project. Its number is refused, for one thing would have two names.
pub fn is_project(text: &str) -> bool {
    let (domain, id) = text
        .rsplit_once(':')
        .map_or((None, text), |(domain, id)| (Some(domain), id));
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_domain = |domain: &str| domain.contains('.') && !domain.contains('/');
    (4..=63).contains(&id.len())
        && id.bytes().all(fits)
        && id.starts_with(|first: char| first.is_ascii_lowercase())
        && domain.is_none_or(is_domain)
}

fn project(block: &Settings<'_>) -> Result<Option<String>> {
    match filled(block, "project") {
        Some(text) if !is_project(&text) => Err(block.wrong(
            "project",
            "project is not valid",
            format!(
                "{text:?} is not the id of a project, such as \"payments-prod\": lower-case letters, digits and hyphens. Write the \
                 id, not the number and not the name."
            ),
        )),
        project => Ok(project),
    }
}

fn account(block: &Settings<'_>) -> Result<Option<String>> {
    let name = "impersonate_service_account";
    match filled(block, name) {
        Some(text) if !text.contains('@') || text.contains('/') => Err(block.wrong(
            name,
            format!("{name} is not valid"),
            format!(
                "{text:?} is not the e-mail address of a service account, such as \
                 \"deploy@payments-prod.iam.gserviceaccount.com\"."
            ),
        )),
        account => Ok(account),
    }
}

fn universe(block: &Settings<'_>) -> Result<Option<String>> {
    match filled(block, "universe_domain") {
        Some(text) if !is_domain(&text) => Err(block.wrong(
            "universe_domain",
            "universe_domain is not valid",
            format!("{text:?} is not a domain, such as \"googleapis.com\"."),
        )),
        universe => Ok(universe),
    }
}

/// Whether a text is a domain: the host of everything that gets credentials is made of it.
pub fn is_domain(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
    text.contains('.') && !text.starts_with('.') && text.bytes().all(fits)
}

fn endpoints(block: &Settings<'_>) -> Result<BTreeMap<Service, Url>> {
    let mut endpoints = BTreeMap::new();
    for service in Service::ALL {
        let name = service.setting();
        if let Some(text) = filled(block, name) {
            let url = parse_endpoint(&text)
                .map_err(|problem| block.wrong(name, format!("{name} is not valid"), problem))?;
            endpoints.insert(service, url);
        }
    }
    Ok(endpoints)
}

fn unknown(block: &Settings<'_>) -> Error {
    Error::new(
        Kind::Unavailable,
        "The Google settings of the provider are not known yet",
        "A value of the google block comes from something that is created in this same run. Create that first (terraform \
         apply -target=…), or set the value directly.",
    )
    .at(block.path().clone())
}

fn filled(settings: &Settings<'_>, name: &str) -> Option<String> {
    settings
        .string(name)
        .filter(|text| !text.trim().is_empty())
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

    fn read(entries: &[(&str, &str)]) -> Result<Config> {
        let text = |text: &str| ValueAny::String(text.into());
        let fields: BTreeMap<String, ValueAny> = entries
            .iter()
            .map(|(name, value)| ((*name).to_owned(), text(value)))
            .collect();
        Config::read(Some(&Settings::new(Path::root("google"), &fields)))
    }

    #[test]
    fn a_wrong_setting_is_blamed_on_its_attribute() {
        for (entries, path) in [
            (vec![("project", "123456789012")], "google.project"),
            (vec![("project", "Payments")], "google.project"),
            (
                vec![("impersonate_service_account", "deploy")],
                "google.impersonate_service_account",
            ),
            (vec![("universe_domain", "a/b.c")], "google.universe_domain"),
            (
                vec![("iam_custom_endpoint", "http://iam.example.com/v1/")],
                "google.iam_custom_endpoint",
            ),
            (
                vec![("credentials", "key.json"), ("access_token", "made-up")],
                "google.access_token",
            ),
        ] {
            let error = read(&entries).unwrap_err();
            assert_eq!(error.path.to_string(), path, "{error}");
        }
    }

    #[test]
    fn what_is_blank_counts_as_left_out() {
        let config = read(&[("credentials", " "), ("access_token", "made-up")]).unwrap();
        assert!(config.credentials.is_none());
    }

    #[test]
    fn a_project_is_named_by_its_id() {
        for id in ["payments-prod", "example.com:payments", "abc1"] {
            assert!(is_project(id), "{id}");
        }
        for odd in ["", "1234567", "a", "a/b-c", "Payments-prod", "x:y:z1"] {
            assert!(!is_project(odd), "{odd}");
        }
    }
}
