//! Infisical: the provider block `infisical`, a session of a machine identity, and the client.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::{Method, Request, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use tf_provider::schema::AttributeType;
use tokio::sync::Mutex;

use super::given::{Given, endpoint, given, in_block, in_environment};
use crate::clock::Moment;
use crate::context::Context;
use crate::error::{Error, Kind, Path, Result};
use crate::http::{
    Answer, Body, Call, ErrorBody, Http, Refusal, Repeat, Used, Vendor, auth, error_in_json,
    json as read_json,
};
use crate::schema::{Attributes, attributes as table, optional, sensitive};
use crate::secret::Secret;
use crate::settings::Settings;

const CLOUD: &str = "https://app.infisical.com";
const CLIENT_ID: &[&str] = &["INFISICAL_UNIVERSAL_AUTH_CLIENT_ID"];
const CLIENT_SECRET: &[&str] = &["INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET"];

/// A session that ends this soon is not used for another call.
const MARGIN: Duration = Duration::from_secs(60);

/// The client of the provider block.
pub struct Infisical {
    http: Arc<Http>,
    base: Url,
    identity: Option<Identity>,
    session: Mutex<Option<Session>>,
    /// Why nothing may be sent with these settings: some of them are not known yet.
    awaited: Option<Error>,
}

enum Identity {
    Token {
        secret: Secret,
        who: String,
    },
    Client {
        id: String,
        secret: Secret,
        who: String,
    },
}

struct Session {
    token: Secret,
    begun: Moment,
    lasts: Duration,
}

/// The attributes of the provider block `infisical`.
pub fn attributes() -> Attributes {
    let text = |words: &str| optional(AttributeType::String, words);
    table([
        (
            "host",
            text(
                "Address of Infisical. Default: `INFISICAL_HOST`, then `https://app.infisical.com`; \
                 `https://eu.infisical.com` for the cloud in Europe.",
            ),
        ),
        (
            "client_id",
            text(
                "Client id of a machine identity with Universal Auth. Not beside `token`. Default: \
                 `INFISICAL_UNIVERSAL_AUTH_CLIENT_ID`.",
            ),
        ),
        (
            "client_secret",
            sensitive(text(
                "Client secret that belongs to `client_id`. Default: `INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET`.",
            )),
        ),
        (
            "token",
            sensitive(text(
                "Access token, in place of a client id and its secret. Default: `INFISICAL_TOKEN`, where no client id is set.",
            )),
        ),
    ])
}

/// The client that everything of this provider shares.
pub fn client(context: &Context) -> Result<Arc<Infisical>> {
    let http = context.http();
    context.shared(|| match context.needs("infisical") {
        Ok(()) => Infisical::read(context.vendor("infisical").as_ref(), http),
        Err(awaited) => Ok(Infisical {
            awaited: Some(awaited),
            ..Infisical::at(usual()?, None, http)
        }),
    })
}

impl Infisical {
    fn read(block: Option<&Settings>, http: Arc<Http>) -> Result<Self> {
        let base = endpoint(block, "host", &["INFISICAL_HOST"], CLOUD)?;
        Ok(Self::at(
            base.map_or_else(usual, Ok)?,
            identity(block)?,
            http,
        ))
    }

    fn at(base: Url, identity: Option<Identity>, http: Arc<Http>) -> Self {
        Self {
            http,
            base,
            identity,
            session: Mutex::default(),
            awaited: None,
        }
    }

    /// Which server it is: another port is another one.
    pub fn host(&self) -> &str {
        self.base.authority()
    }

    /// Makes a call whose answer has a body.
    pub async fn read_answer<T: DeserializeOwned>(&self, call: &Call<'_>) -> Result<T, Refusal> {
        read_json(&self.http.call(self, call).await?, self, call)
    }

    /// A session that lasts; asked for once by all who need it at the same time.
    async fn session_token(&self, id: &str, secret: &Secret, who: &str) -> Result<Secret> {
        let mut session = self.session.lock().await;
        let lasts = |there: &&Session| there.begun.elapsed() + MARGIN < there.lasts;
        if let Some(there) = session.as_ref().filter(lasts) {
            return Ok(there.token.duplicate());
        }
        let begun = Moment::now();
        let entrance = Entrance {
            base: &self.base,
            who,
        };
        let call = Call {
            body: Body::json(&json!({ "clientId": id, "clientSecret": secret.expose() }))?,
            secrets: &[secret],
            ..Call::new(
                "POST universal-auth/login",
                Method::POST,
                "/api/v1/auth/universal-auth/login",
                Repeat::Freely,
            )
        };
        let login = async {
            read_json::<Login>(&self.http.call(&entrance, &call).await?, &entrance, &call)
        };
        let login = login.await;
        let login =
            login.map_err(|refusal: Refusal| refusal.explain("Infisical gave no session"))?;
        let token = Secret::new(login.access_token);
        *session = Some(Session {
            token: token.duplicate(),
            begun,
            lasts: Duration::from_secs(login.expires_in),
        });
        Ok(token)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Login {
    access_token: String,
    expires_in: u64,
}

fn usual() -> Result<Url> {
    Url::parse(CLOUD).map_err(|_| {
        Error::new(
            Kind::Other,
            "Infisical has no address",
            "Report this as a bug of the provider.",
        )
    })
}

/// The block goes before the environment.
fn identity(block: Option<&Settings>) -> Result<Option<Identity>> {
    let has = |name| in_block(block, name).is_some();
    let (token, client) = (has("token"), has("client_id") || has("client_secret"));
    let from_environment = || {
        let client = in_environment(CLIENT_ID).is_some() || in_environment(CLIENT_SECRET).is_some();
        (client, in_environment(&["INFISICAL_TOKEN"]).is_some())
    };
    match (token, client) {
        (true, true) => Err(Error::invalid(
            Path::root("infisical").attribute("client_id"),
            "Infisical is to be reached as two",
            "The infisical block sets token and client_id or client_secret. Set one of the two ways.",
        )),
        (true, false) => Ok(in_block(block, "token").map(token_of)),
        (false, true) => universal(block).map(Some),
        (false, false) => match from_environment() {
            (true, _) => universal(block).map(Some),
            (false, true) => Ok(in_environment(&["INFISICAL_TOKEN"]).map(token_of)),
            (false, false) => Ok(None),
        },
    }
}

fn token_of(token: Given) -> Identity {
    Identity::Token {
        who: format!("the Infisical token (from {})", token.from),
        secret: Secret::new(token.text),
    }
}

fn universal(block: Option<&Settings>) -> Result<Identity> {
    let half = |name: &str, variables: &[&str]| {
        given(block, name, variables).ok_or_else(|| {
            let error = Error::new(
                Kind::Invalid,
                format!("Infisical's {name} is missing"),
                format!(
                    "Universal Auth needs client_id and client_secret. Set {name} in the infisical block, or {} in the \
                     environment.",
                    variables[0]
                ),
            );
            match block {
                Some(_) => error.at(Path::root("infisical").attribute(name)),
                None => error,
            }
        })
    };
    let (id, secret) = (
        half("client_id", CLIENT_ID)?,
        half("client_secret", CLIENT_SECRET)?,
    );
    Ok(Identity::Client {
        who: format!("machine identity {} (from {})", id.text, id.from),
        id: id.text,
        secret: Secret::new(secret.text),
    })
}

#[async_trait]
impl Vendor for Infisical {
    fn name(&self) -> &str {
        "Infisical"
    }

    async fn base(&self) -> Result<Url> {
        match &self.awaited {
            Some(awaited) => Err(awaited.clone()),
            None => Ok(self.base.clone()),
        }
    }

    async fn authorize(&self, request: &mut Request, _: &[u8]) -> Result<Used> {
        match self.identity.as_ref().ok_or_else(nobody)? {
            Identity::Token { secret, who } => auth::bearer(request.headers_mut(), secret, who),
            Identity::Client { id, secret, who } => {
                let token = self.session_token(id, secret, who).await?;
                auth::bearer(request.headers_mut(), &token, who)
            }
        }
    }

    fn error_body(&self, answer: &Answer) -> ErrorBody {
        error_in_json(answer, "/error", "/message")
    }

    fn permission(&self, call: &Call<'_>) -> String {
        match call.method {
            Method::GET => "Read Value on the secrets of this path".to_owned(),
            Method::DELETE => "Delete on the secrets of this path".to_owned(),
            _ => "Create and Modify on the secrets of this path".to_owned(),
        }
    }
}

/// Where a session begins: nobody is known there yet.
struct Entrance<'a> {
    base: &'a Url,
    who: &'a str,
}

#[async_trait]
impl Vendor for Entrance<'_> {
    fn name(&self) -> &str {
        "Infisical"
    }

    async fn base(&self) -> Result<Url> {
        Ok(self.base.clone())
    }

    async fn authorize(&self, _: &mut Request, _: &[u8]) -> Result<Used> {
        Ok(Used {
            who: self.who.to_owned(),
            hidden: Vec::new(),
        })
    }

    fn error_body(&self, answer: &Answer) -> ErrorBody {
        error_in_json(answer, "/error", "/message")
    }
}

fn nobody() -> Error {
    Error::new(
        Kind::Denied,
        "No credentials for Infisical",
        "Set client_id and client_secret in the infisical block of the provider, or INFISICAL_UNIVERSAL_AUTH_CLIENT_ID and \
         INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET in the environment. An access token will do too: token, or INFISICAL_TOKEN.",
    )
}
