//! The ways to log in: what each sends.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::names::mount;
use super::settings::filled;
use crate::error::{Error, Kind, Result};
use crate::secret::Secret;
use crate::settings::{DROPPED, Settings};
use crate::vendors::aws::{AwsClient, Identification};
use crate::vendors::environment::{expanded, variable};

const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";
const PIPELINE: &str = "TERRAFORM_VAULT_AUTH_JWT";
const NAMES: [&str; 4] = ["approle", "kubernetes", "jwt", "aws"];

/// How to log in.
#[derive(Debug)]
pub enum Method {
    /// With an AppRole.
    AppRole {
        /// Where the method is mounted.
        mount: String,
        /// The id of the role.
        role_id: String,
        /// A secret id, where the role asks for one.
        secret_id: Option<Secret>,
    },
    /// With a token that the method checks, `kubernetes` or `jwt`.
    Token {
        /// Where the method is mounted.
        mount: String,
        /// The role, where it is named.
        role: Option<String>,
        /// The token.
        token: Token,
    },
    /// With a request that is signed for AWS.
    Aws(Aws),
}

/// What logs in with the credentials of AWS.
#[derive(Debug)]
pub struct Aws {
    mount: String,
    role: String,
    region: Option<String>,
    server_id: Option<String>,
}

/// A token of an identity provider.
pub enum Token {
    /// It stands in this file, and is read each time: whoever runs there keeps it fresh.
    File(String),
    /// The token itself.
    Text(Secret),
    /// A variable of the environment, read each time.
    Variable(&'static str),
}

/// What is sent to log in.
pub struct Login {
    /// The path below the API.
    pub path: String,
    /// The body.
    pub body: Value,
    /// What it carries that must not come back in a message.
    pub secrets: Vec<Secret>,
}

impl Method {
    /// Reads `auth` of the block.
    pub fn read(block: &Settings<'_>) -> Result<Option<Self>> {
        let Some(auth) = block.object("auth") else {
            return Ok(None);
        };
        let set: Vec<(&str, Settings<'_>)> = NAMES
            .into_iter()
            .filter_map(|name| Some((name, auth.object(name)?)))
            .collect();
        match set.as_slice() {
            [(name, settings)] => Self::of(name, settings).map(Some),
            [] => Err(block.wrong(
                "auth",
                "No way to log in",
                format!(
                    "Set one of {} in {}. {DROPPED}",
                    NAMES.join(", "),
                    auth.path()
                ),
            )),
            [(one, _), (two, _), ..] => Err(block.wrong(
                "auth",
                "More than one way to log in",
                format!(
                    "{} sets both {one} and {two}. Keep one of them.",
                    auth.path()
                ),
            )),
        }
    }

    fn of(name: &str, settings: &Settings<'_>) -> Result<Self> {
        let mount = mount(settings, Some(name))?;
        let role = || settings.required_string("role").map(str::to_owned);
        Ok(match name {
            "approle" => Self::AppRole {
                mount,
                role_id: settings.required_string("role_id")?.to_owned(),
                secret_id: filled(settings, "secret_id").map(Secret::new),
            },
            "kubernetes" => Self::Token {
                mount,
                role: Some(role()?),
                token: Token::File(
                    filled(settings, "token_file").unwrap_or(SERVICE_ACCOUNT.to_owned()),
                ),
            },
            "jwt" => Self::Token {
                mount,
                role: filled(settings, "role"),
                token: Token::read(settings)?,
            },
            _ => Self::Aws(Aws {
                mount,
                role: role()?,
                region: crate::vendors::aws::region(settings)?,
                server_id: filled(settings, "server_id"),
            }),
        })
    }

    /// What it is called in messages.
    pub fn who(&self) -> String {
        match self {
            Self::AppRole { mount, .. }
            | Self::Token { mount, .. }
            | Self::Aws(Aws { mount, .. }) => {
                format!("the login at auth/{mount}")
            }
        }
    }

    /// What is sent. `aws` is there where its credentials are needed.
    pub async fn login(&self, aws: Option<&AwsClient>) -> Result<Login> {
        match self {
            Self::AppRole {
                mount,
                role_id,
                secret_id,
            } => Ok(Login {
                path: format!("/auth/{mount}/login"),
                body: json!({ "role_id": role_id, "secret_id": secret_id.as_ref().map(Secret::expose) }),
                secrets: secret_id.iter().map(Secret::duplicate).collect(),
            }),
            Self::Token { mount, role, token } => {
                let token = token.text()?;
                Ok(Login {
                    path: format!("/auth/{mount}/login"),
                    body: json!({ "role": role, "jwt": token.expose() }),
                    secrets: vec![token],
                })
            }
            Self::Aws(method) => method.login(aws).await,
        }
    }
}

impl Aws {
    async fn login(&self, aws: Option<&AwsClient>) -> Result<Login> {
        let Some(aws) = aws else {
            return Err(Error::new(
                Kind::Other,
                "The login with AWS has no credentials of AWS",
                "Report this as a bug of the provider.",
            ));
        };
        let extra: Vec<(&'static str, &str)> = self
            .server_id
            .iter()
            .map(|id| ("x-vault-aws-iam-server-id", id.as_str()))
            .collect();
        let Identification {
            url,
            body,
            headers,
            secrets,
        } = aws.identification(self.region.as_deref(), &extra).await?;
        let headers = Zeroizing::new(serde_json::to_string(&headers).unwrap_or_default());
        Ok(Login {
            path: format!("/auth/{}/login", self.mount),
            body: json!({
                "role": self.role,
                "iam_http_request_method": "POST",
                "iam_request_url": STANDARD.encode(url),
                "iam_request_body": STANDARD.encode(body),
                "iam_request_headers": STANDARD.encode(headers.as_bytes()),
            }),
            secrets,
        })
    }
}

impl Token {
    fn read(settings: &Settings<'_>) -> Result<Self> {
        match (filled(settings, "token"), filled(settings, "token_file")) {
            (Some(_), Some(_)) => Err(settings.wrong(
                "token_file",
                "There are two tokens",
                "Both token and token_file are set. Keep one of them.",
            )),
            (Some(token), None) => Ok(Self::Text(Secret::new(token))),
            (None, Some(file)) => Ok(Self::File(file)),
            (None, None) => Ok(Self::Variable(PIPELINE)),
        }
    }

    fn text(&self) -> Result<Secret> {
        let wrong = |place: &str, problem: &str| {
            Error::new(
                Kind::Invalid,
                "There is no token to log in to Vault with",
                format!("{place}, which is to hold it, {problem}."),
            )
        };
        match self {
            Self::Text(token) => Ok(token.duplicate()),
            Self::Variable(name) => {
                let text = variable(name);
                text.map(Secret::new)
                    .ok_or_else(|| wrong(name, "is not set, and neither are token and token_file"))
            }
            Self::File(file) => {
                let place = format!("The file {file:?}");
                let text = std::fs::read_to_string(expanded(file)).map(Zeroizing::new);
                let text =
                    text.map_err(|problem| wrong(&place, &format!("cannot be read: {problem}")))?;
                match text.trim() {
                    "" => Err(wrong(&place, "is empty")),
                    token => Ok(Secret::new(token.to_owned())),
                }
            }
        }
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[token]")
    }
}
