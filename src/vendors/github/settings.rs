//! The provider block `github`, in the words of integrations/github, with the environment in the place of what it leaves out.

use reqwest::Url;
use tf_provider::schema::AttributeType;

use crate::error::{Error, Path, Result};
use crate::http::is_encrypted_or_local;
use crate::schema::{Attributes, attributes as table, optional, sensitive};
use crate::secret::Secret;
use crate::settings::Settings;
use crate::vendors::environment::{filled, variable};

use super::NAME;

const USUAL: &str = "https://api.github.com/";

/// The attributes of the provider block `github`.
pub fn attributes() -> Attributes {
    let text = |words: &str| optional(AttributeType::String, words);
    table([
        (
            "token",
            sensitive(text(
                "Personal access token, fine-grained or classic. Default: `GITHUB_TOKEN`.",
            )),
        ),
        (
            "owner",
            text("Owner of repositories that are named without one. Default: `GITHUB_OWNER`."),
        ),
        (
            "base_url",
            text(
                "URL of GitHub Enterprise Server, such as `https://github.example.com/`, or of another API. Default: \
                 `GITHUB_BASE_URL`, `https://api.github.com/`.",
            ),
        ),
        (
            "app_auth",
            optional(
                AttributeType::AttributeSingle(table([
                    ("id", text("Id of the app. Default: `GITHUB_APP_ID`.")),
                    (
                        "installation_id",
                        text("Id of its installation. Default: `GITHUB_APP_INSTALLATION_ID`."),
                    ),
                    (
                        "pem_file",
                        sensitive(text(
                            "Private key of the app: what the PEM file holds. Default: `GITHUB_APP_PEM_FILE`.",
                        )),
                    ),
                ])),
                "Authentication as an installation of a GitHub app, in place of `token`.",
            ),
        ),
    ])
}

/// What the provider block and the environment say.
pub struct Config {
    pub base: Url,
    pub owner: Option<String>,
    pub credentials: Credentials,
    /// Why nothing may be sent with these settings: some of them are not known yet.
    awaited: Option<Error>,
}

/// Who calls.
pub enum Credentials {
    /// Nobody: that is told when somebody is needed.
    Missing,
    Token(Secret),
    App(App),
}

/// An installation of an app.
pub struct App {
    pub id: String,
    pub installation: String,
    pub pem: Secret,
}

impl Config {
    /// Reads the block; a provider without one gets what the environment says.
    pub fn read(block: Option<&Settings<'_>>, awaited: Option<Error>) -> Result<Self> {
        let block = block.filter(|_| awaited.is_none());
        let given = |name: &str| block.and_then(|block| block.string(name)).and_then(filled);
        let text = |name: &str, default: &str| {
            given(name).map(str::to_owned).or_else(|| variable(default))
        };
        let credentials = match block.and_then(|block| block.object("app_auth")) {
            Some(app) if given("token").is_some() => {
                return Err(Error::invalid(
                    app.path().clone(),
                    "token and app_auth are both set",
                    "Either is enough. Remove one of them.",
                ));
            }
            Some(app) => Credentials::App(App::read(&app)?),
            None => text("token", "GITHUB_TOKEN").map_or(Credentials::Missing, |token| {
                Credentials::Token(Secret::new(token))
            }),
        };
        Ok(Self {
            base: base(text("base_url", "GITHUB_BASE_URL").as_deref())?,
            owner: text("owner", "GITHUB_OWNER"),
            credentials,
            awaited,
        })
    }

    /// An error while some settings are not known yet.
    pub fn settled(&self) -> Result<()> {
        self.awaited.clone().map_or(Ok(()), Err)
    }
}

impl App {
    fn read(settings: &Settings<'_>) -> Result<Self> {
        let text = |name: &str, default: &str| {
            let given = settings.string(name).and_then(filled).map(str::to_owned);
            given.or_else(|| variable(default)).ok_or_else(|| {
                settings.wrong(
                    name,
                    format!("{name} is missing"),
                    format!("Set {} or {default}.", settings.path_of(name)),
                )
            })
        };
        let number = |name: &str, default: &str| {
            let text = text(name, default)?;
            match text.bytes().all(|byte| byte.is_ascii_digit()) {
                true => Ok(text),
                false => Err(settings.wrong(
                    name,
                    format!("{name} is not valid"),
                    format!("{text:?} is no number."),
                )),
            }
        };
        // In a variable of a pipeline line breaks are often written out.
        let pem = text("pem_file", "GITHUB_APP_PEM_FILE")?.replace("\\n", "\n");
        Ok(Self {
            id: number("id", "GITHUB_APP_ID")?,
            installation: number("installation_id", "GITHUB_APP_INSTALLATION_ID")?,
            pem: Secret::new(pem),
        })
    }
}

/// The address of the API. That of GitHub Enterprise Server lies below its web pages.
fn base(text: Option<&str>) -> Result<Url> {
    let text = text.unwrap_or(USUAL);
    let wrong = |detail: String| {
        Error::invalid(
            Path::root(NAME).attribute("base_url"),
            "base_url is not valid",
            detail,
        )
    };
    let url = Url::parse(text)
        .ok()
        .filter(|url| url.has_host() && url.username().is_empty() && url.password().is_none());
    let Some(mut url) = url else {
        return Err(wrong(format!(
            "{text:?} is no URL, such as \"https://github.example.com/\"."
        )));
    };
    if !is_encrypted_or_local(&url) {
        return Err(wrong(format!(
            "{text:?} is not https, and whoever stands between could read the token."
        )));
    }
    let path = url.path().trim_end_matches('/').to_owned();
    let is_api = url.host_str().is_some_and(|host| host.starts_with("api."));
    if !is_api && !path.ends_with("/api/v3") {
        url.set_path(&format!("{path}/api/v3"));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_api_of_an_enterprise_server_is_found_from_its_address() {
        for (text, expected) in [
            (None, "https://api.github.com/"),
            (
                Some("https://github.example.com"),
                "https://github.example.com/api/v3",
            ),
            (
                Some("https://github.example.com/api/v3/"),
                "https://github.example.com/api/v3/",
            ),
            (
                Some("https://api.acme.ghe.com/"),
                "https://api.acme.ghe.com/",
            ),
        ] {
            assert_eq!(base(text).unwrap().as_str(), expected);
        }
        for odd in [
            "http://github.example.com",
            "github.example.com",
            "https://u:p@x",
        ] {
            assert_eq!(
                base(Some(odd)).unwrap_err().path.to_string(),
                "github.base_url"
            );
        }
    }
}
