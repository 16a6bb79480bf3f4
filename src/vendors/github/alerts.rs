//! Alerts of secret scanning. GitHub shows the secrets that it has found; here they are fingerprinted as soon as they are
//! read, and go no further.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Method, Url};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::Client;
use crate::error::Result;
use crate::http::{
    Body, Call, Meaning, Refusal, Repeat, Vendor, json, next_link, on_the_same_server, pages,
};
use crate::secret::{Fingerprint, Secret};

/// The most that a page can have.
const PAGE: &str = "100";

/// Whose alerts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holder {
    /// Of one repository.
    Repository {
        /// Its owner.
        owner: String,
        /// Its name.
        name: String,
    },
    /// Of every repository of an organization that can be seen.
    Organization(String),
    /// Of every repository of an enterprise that can be seen.
    Enterprise(String),
}

/// Which alerts.
#[derive(Clone, Debug)]
pub struct Query {
    /// Whose.
    pub holder: Holder,
    /// `open` or `resolved`; both without it.
    pub state: Option<&'static str>,
    /// Of these types alone, in the words of GitHub; of every usual one where there is none.
    pub types: Vec<String>,
}

impl Query {
    /// Who is asked for what, whichever state. Another question has other answers.
    pub fn source(&self, host: &str) -> String {
        let types = match self.types[..] {
            [] => String::new(),
            _ => format!(" {}", self.types.join(",")),
        };
        format!("{host}{}{types}", self.holder.folder())
    }
}

/// An alert, without the secret that it is about.
#[derive(Debug, Deserialize)]
#[serde(from = "Shown")]
#[allow(missing_docs, reason = "in the words of GitHub")]
pub struct Alert {
    pub number: i64,
    pub html_url: String,
    pub state: String,
    pub resolution: Option<String>,
    pub created_at: Option<String>,
    pub resolved_at: Option<String>,
    pub secret_type: Option<String>,
    pub secret_type_display_name: Option<String>,
    pub validity: Option<String>,
    pub publicly_leaked: Option<bool>,
    /// Of what was found, and of what that is the base64 of, where GitHub says so; none where it keeps the secret to itself.
    pub fingerprints: Vec<Fingerprint>,
}

/// An alert as GitHub shows it.
#[derive(Deserialize)]
struct Shown {
    number: i64,
    html_url: String,
    state: String,
    resolution: Option<String>,
    created_at: Option<String>,
    resolved_at: Option<String>,
    secret_type: Option<String>,
    secret_type_display_name: Option<String>,
    validity: Option<String>,
    publicly_leaked: Option<bool>,
    is_base64_encoded: Option<bool>,
    secret: Option<String>,
}

impl From<Shown> for Alert {
    fn from(shown: Shown) -> Self {
        // What is blanked out is not shown either.
        let is_shown = |secret: &String| secret.contains(|c: char| c != '*' && !c.is_whitespace());
        let secret = shown.secret.filter(is_shown).map(Secret::new);
        let encoded = secret
            .as_ref()
            .filter(|_| shown.is_base64_encoded == Some(true));
        let decoded = encoded
            .and_then(|secret| STANDARD.decode(secret.expose()).ok())
            .map(Zeroizing::new);
        let plain = secret.as_ref().map(Secret::fingerprint);
        let decoded = decoded.map(|bytes| Fingerprint::of(&bytes));
        // A line of a file may come with its end.
        let line = secret.as_ref().map(|secret| secret.expose().trim());
        let line = line.map(|line| Fingerprint::of(line.as_bytes()));
        let line = line.filter(|line| plain.as_ref() != Some(line));
        Self {
            number: shown.number,
            html_url: shown.html_url,
            state: shown.state,
            resolution: shown.resolution,
            created_at: shown.created_at,
            resolved_at: shown.resolved_at,
            secret_type: shown.secret_type,
            secret_type_display_name: shown.secret_type_display_name,
            validity: shown.validity,
            publicly_leaked: shown.publicly_leaked,
            fingerprints: plain.into_iter().chain(line).chain(decoded).collect(),
        }
    }
}

impl Holder {
    /// As people call it.
    pub fn label(&self) -> String {
        match self {
            Self::Repository { owner, name } => format!("{owner}/{name}"),
            Self::Organization(name) => format!("organization {name}"),
            Self::Enterprise(name) => format!("enterprise {name}"),
        }
    }

    fn folder(&self) -> String {
        let folder = match self {
            Self::Repository { owner, name } => format!("/repos/{owner}/{name}"),
            Self::Organization(name) => format!("/orgs/{name}"),
            Self::Enterprise(name) => format!("/enterprises/{name}"),
        };
        format!("{folder}/secret-scanning/alerts")
    }

    /// The same with the names of GitHub's own documentation.
    fn operation(&self) -> &'static str {
        match self {
            Self::Repository { .. } => "GET /repos/{owner}/{repo}/secret-scanning/alerts",
            Self::Organization(_) => "GET /orgs/{org}/secret-scanning/alerts",
            Self::Enterprise(_) => "GET /enterprises/{enterprise}/secret-scanning/alerts",
        }
    }
}

/// All of them, or an error: a part would be taken for everything.
pub async fn alerts(client: &Client, query: &Query) -> Result<Vec<Alert>> {
    let listed = pages("The list of alerts", |next: Option<Url>| {
        page(client, query, next)
    })
    .await;
    listed.map_err(|refusal: Refusal| {
        let is_missing = refusal.meaning == Meaning::Missing;
        let whose = query.holder.label();
        let mut error = refusal.explain(format!(
            "The alerts of secret scanning of {whose} cannot be read"
        ));
        if is_missing {
            error.detail +=
                " It answers so, too, where secret scanning is off or not part of the plan: that says nothing of leaks.";
        }
        error
    })
}

/// One alert of a repository.
pub struct Address {
    path: String,
}

impl Address {
    /// From the URL where people see it, such as `https://github.com/acme/payments/security/secret-scanning/7`.
    pub fn of(url: &str) -> Option<Self> {
        let url = Url::parse(url).ok()?;
        let parts: Vec<&str> = url.path_segments()?.collect();
        let [owner, name, "security", "secret-scanning", number] = parts[..] else {
            return None;
        };
        number.parse::<u64>().ok()?;
        let path = format!("/repos/{owner}/{name}/secret-scanning/alerts/{number}");
        Some(Self { path })
    }
}

/// The alert, with the fingerprint of what it is about.
pub async fn alert(client: &Client, address: &Address) -> Result<Alert> {
    let operation = "GET /repos/{owner}/{repo}/secret-scanning/alerts/{alert_number}";
    let query = [("hide_secret", "false")];
    let read = client.ask(operation, &address.path, &query).await;
    read.map_err(|refusal| refusal.explain("The alert cannot be read"))
}

/// Says that the secret was revoked.
pub async fn resolve(client: &Client, address: &Address, comment: &str) -> Result<()> {
    let body = serde_json::json!({
        "state": "resolved",
        "resolution": "revoked",
        "resolution_comment": comment,
    });
    let call = Call {
        body: Body::json(&body)?,
        ..Call::new(
            "PATCH /repos/{owner}/{repo}/secret-scanning/alerts/{alert_number}",
            Method::PATCH,
            &address.path,
            Repeat::Freely,
        )
    };
    let sent = client.send(call).await;
    sent.map(drop)
        .map_err(|refusal| refusal.explain("The alert cannot be resolved"))
}

async fn page(
    client: &Client,
    query: &Query,
    next: Option<Url>,
) -> Result<(Vec<Alert>, Option<Url>), Refusal> {
    let base = client.base().await?;
    let folder = query.holder.folder();
    let types = query.types.join(",");
    // From cursor to cursor: by number, one that is resolved meanwhile would move another out of sight.
    let mut asked = vec![("per_page", PAGE), ("after", ""), ("hide_secret", "false")];
    asked.extend(query.state.map(|state| ("state", state)));
    if !types.is_empty() {
        asked.push(("secret_type", &types));
    }
    let pairs: Vec<(String, String)> = match &next {
        Some(url) => url.query_pairs().into_owned().collect(),
        None => asked
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
    };
    let pairs: Vec<(&str, &str)> = pairs
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let operation = query.holder.operation();
    let call = Call {
        query: &pairs,
        ..Call::get(operation, &folder)
    };
    let answer = client.send(call).await?;
    let alerts = json(&answer, client, &Call::get(operation, &folder))?;
    let next = next_link(&answer).map(|next| on_the_same_server(&base, &next));
    Ok((alerts, next.transpose()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_is_read_without_what_it_is_about() {
        let secret = "made-up-canary-of-an-alert";
        let read = |secret: &str, encoded: bool| {
            let text = serde_json::json!({
                "number": 7,
                "html_url": "https://github.com/acme/payments/security/secret-scanning/7",
                "state": "open",
                "secret": secret,
                "is_base64_encoded": encoded,
            });
            serde_json::from_value::<Alert>(text).unwrap()
        };
        let mark = Fingerprint::of(secret.as_bytes());
        let plain = read(secret, false);
        assert_eq!(plain.fingerprints.as_slice(), std::slice::from_ref(&mark));
        assert!(!format!("{plain:?}").contains(secret));
        let line = read(&format!("{secret}\n"), false);
        assert!(line.fingerprints.contains(&mark));
        for blank in ["", "  ", "***"] {
            assert!(read(blank, false).fingerprints.is_empty(), "{blank:?}");
        }
        let encoded = read(&STANDARD.encode(secret), true);
        assert_eq!(encoded.fingerprints.len(), 2);
        assert_eq!(encoded.fingerprints[1], mark);
    }
}
