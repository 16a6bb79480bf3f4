//! Where credentials are looked for, in the order of Google's own tools: the provider block, the environment, gcloud, the
//! machine.

use std::path::PathBuf;

use super::credentials::Credentials;
use super::metadata;
use super::settings::Config;
use crate::error::{Error, Kind, Result};
use crate::http::Http;
use crate::secret::Secret;
use crate::vendors::environment::{expanded, variable};

/// The file that gcloud writes.
const GCLOUD: &str = "application_default_credentials.json";

/// Credentials and where they come from.
#[derive(Debug)]
pub(super) struct Found {
    pub credentials: Credentials,
    /// For people: `GOOGLE_CREDENTIALS`.
    pub origin: String,
    /// The project whose quota they name.
    pub quota_project: Option<String>,
}

impl Found {
    fn token(token: Secret, origin: &str) -> Self {
        Self {
            credentials: Credentials::Token(token),
            origin: origin.to_owned(),
            quota_project: None,
        }
    }

    fn document(text: &Secret, origin: String) -> Result<Self> {
        let document: serde_json::Value = serde_json::from_str(text.expose()).unwrap_or_default();
        let quota = document["quota_project_id"].as_str();
        Ok(Self {
            credentials: Credentials::parse(text.expose(), &origin)?,
            quota_project: quota.map(str::to_owned),
            origin,
        })
    }
}

/// Finds the credentials.
pub(super) async fn find(config: &Config, http: &Http) -> Result<Found> {
    if let Some(token) = &config.access_token {
        let token = token.duplicate();
        return Ok(Found::token(token, "access_token of the provider block"));
    }
    if let Some(given) = &config.credentials {
        return document_or_path(given, "credentials of the provider block");
    }
    if let Some(token) = variable("GOOGLE_OAUTH_ACCESS_TOKEN") {
        return Ok(Found::token(
            Secret::new(token),
            "GOOGLE_OAUTH_ACCESS_TOKEN",
        ));
    }
    for name in [
        "GOOGLE_CREDENTIALS",
        "GOOGLE_CLOUD_KEYFILE_JSON",
        "GCLOUD_KEYFILE_JSON",
    ] {
        if let Some(given) = variable(name) {
            return document_or_path(&Secret::new(given), name);
        }
    }
    let name = "GOOGLE_APPLICATION_CREDENTIALS";
    if let Some(path) = variable(name) {
        return file(&path, format!("the file of {name}, {path:?}"));
    }
    if let Some(path) = gcloud_file().filter(|path| path.exists()) {
        let path = path.display().to_string();
        return file(&path, format!("the file of gcloud, {path:?}"));
    }
    match metadata::answers(http).await? {
        true => Ok(Found {
            credentials: Credentials::Machine,
            origin: "the metadata server".to_owned(),
            quota_project: None,
        }),
        false => Err(nothing_found()),
    }
}

/// What begins like JSON is JSON; everything else is a path.
fn document_or_path(given: &Secret, name: &str) -> Result<Found> {
    let text = given.expose().trim();
    match text.starts_with('{') {
        true => Found::document(given, name.to_owned()),
        false => file(text, format!("the file of {name}")),
    }
}

/// A path that cannot be read may be a secret that somebody put there, so it is shown only by whoever names it.
fn file(path: &str, origin: String) -> Result<Found> {
    let text = std::fs::read_to_string(expanded(path)).map_err(|problem| {
        Error::new(
            Kind::Invalid,
            "The Google credentials cannot be read",
            format!(
                "They were to be read from {origin}: {problem}. Correct the path, or put the JSON itself there where that is \
                 possible."
            ),
        )
    })?;
    Found::document(&Secret::new(text), origin)
}

fn gcloud_file() -> Option<PathBuf> {
    if let Some(folder) = variable("CLOUDSDK_CONFIG") {
        return Some(expanded(&folder).join(GCLOUD));
    }
    if cfg!(windows) {
        let folder = variable("APPDATA")?;
        return Some(PathBuf::from(folder).join("gcloud").join(GCLOUD));
    }
    let home = std::env::home_dir()?;
    Some(home.join(".config/gcloud").join(GCLOUD))
}

fn nothing_found() -> Error {
    Error::new(
        Kind::Invalid,
        "No Google credentials were found",
        "Tried, in this order: access_token and credentials of the provider block; GOOGLE_OAUTH_ACCESS_TOKEN; GOOGLE_CREDENTIALS, \
         GOOGLE_CLOUD_KEYFILE_JSON and GCLOUD_KEYFILE_JSON; the file that GOOGLE_APPLICATION_CREDENTIALS names; that of gcloud auth \
         application-default login; the metadata server. Set one of them, for example google = { credentials = \"key.json\" } in \
         the provider block, or sign in with gcloud auth application-default login.",
    )
}
