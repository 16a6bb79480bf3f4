//! The services that are called, and where they are.

use reqwest::Url;

use crate::http::is_encrypted_or_local;

/// A service of Google Cloud.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    /// Secret Manager.
    SecretManager,
    /// Identity and Access Management.
    Iam,
    /// The part of it that gives tokens of service accounts.
    IamCredentials,
    /// API Keys.
    ApiKeys,
}

impl Service {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::SecretManager,
        Self::Iam,
        Self::IamCredentials,
        Self::ApiKeys,
    ];

    /// Its name, for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::SecretManager => "Secret Manager",
            Self::Iam => "IAM",
            Self::IamCredentials => "IAM Service Account Credentials",
            Self::ApiKeys => "API Keys",
        }
    }

    /// The first part of its host, by which it is enabled in a project as well.
    pub fn host(self) -> &'static str {
        match self {
            Self::SecretManager => "secretmanager",
            Self::Iam => "iam",
            Self::IamCredentials => "iamcredentials",
            Self::ApiKeys => "apikeys",
        }
    }

    /// The setting of another endpoint, in the words of hashicorp/google.
    pub fn setting(self) -> &'static str {
        match self {
            Self::SecretManager => "secret_manager_custom_endpoint",
            Self::Iam => "iam_custom_endpoint",
            Self::IamCredentials => "iam_credentials_custom_endpoint",
            Self::ApiKeys => "apikeys_custom_endpoint",
        }
    }

    /// The variable of the same.
    pub fn variable(self) -> String {
        format!("GOOGLE_{}", self.setting().to_uppercase())
    }

    fn version(self) -> &'static str {
        match self {
            Self::ApiKeys => "v2",
            _ => "v1",
        }
    }

    /// Its address. What lies in one location alone is served there alone.
    pub fn address(self, location: Option<&str>, universe: &str) -> String {
        let (host, version) = (self.host(), self.version());
        match location {
            Some(location) => format!("https://{host}.{location}.rep.{universe}/{version}/"),
            None => format!("https://{host}.{universe}/{version}/"),
        }
    }
}

/// Reads an endpoint; why it is none, as a sentence, if it is none.
pub fn parse_endpoint(text: &str) -> Result<Url, String> {
    let url = Url::parse(text)
        .ok()
        .filter(|url| url.has_host() && matches!(url.scheme(), "http" | "https"))
        .ok_or_else(|| {
            format!(
                "{text:?} is no URL with the version of the service, such as \"https://secretmanager.googleapis.com/v1/\"."
            )
        })?;
    match is_encrypted_or_local(&url) {
        true => Ok(url),
        false => Err(format!(
            "{text:?} would send credentials and secrets unencrypted. Use https."
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_of_one_location_has_an_address_there() {
        let universe = "googleapis.com";
        assert_eq!(
            Service::SecretManager.address(None, universe),
            "https://secretmanager.googleapis.com/v1/"
        );
        assert_eq!(
            Service::SecretManager.address(Some("europe-west3"), universe),
            "https://secretmanager.europe-west3.rep.googleapis.com/v1/"
        );
        assert_eq!(
            Service::ApiKeys.address(None, "example.goog"),
            "https://apikeys.example.goog/v2/"
        );
    }

    #[test]
    fn an_endpoint_is_encrypted_or_on_this_machine() {
        assert!(parse_endpoint("https://private.example.com/v1/").is_ok());
        assert!(parse_endpoint("http://127.0.0.1:8085/v1/").is_ok());
        for odd in [
            "secretmanager",
            "http://iam.googleapis.com/v1/",
            "ftp://x/",
            "",
        ] {
            assert!(parse_endpoint(odd).is_err(), "{odd}");
        }
    }
}
