//! What Vault means when it says no. It has no codes: a status, and sentences that are the same for years.

use std::time::Duration;

use reqwest::Method;
use serde::Deserialize;

use super::side::Remains;
use crate::http::{self, Answer, Asked, Call, ErrorBody, Meaning};

/// What is wrong, as far as the answer tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The path is right, and nothing stands there.
    NothingThere,
    /// The token is none, or not any more.
    BadToken,
    /// The token may not do this.
    NotAllowed,
    /// No engine or method is mounted there.
    NoMount,
    /// There is no such namespace.
    NoNamespace,
    /// The server is sealed.
    Sealed,
    /// It is asked as version 1 and is version 2.
    AnotherVersion,
    /// Something else is there than what was expected.
    Changed,
    /// What was named is not there.
    Unknown,
    /// The credentials of a login are wrong.
    BadLogin,
    /// The request is wrong in itself, although the server says that it is its own fault.
    Wrong,
    /// A node that does not answer by itself.
    Standby,
    /// It is behind another node that it was told of.
    Behind,
    /// No API of Vault speaks like this.
    Stranger,
    /// Anything else.
    Other,
}

/// What an answer tells.
pub struct Told {
    /// For the client.
    pub error: ErrorBody,
    /// For decisions and advice.
    pub trouble: Trouble,
    /// What is left of a version that was deleted.
    pub remains: Option<Remains>,
}

/// Of a role; other things may lack for other reasons.
const NOT_THERE: &str = "does not exist";

/// Sentences, and what they mean whatever the status is.
const SENTENCES: [(&str, Trouble); 20] = [
    (
        "check-and-set parameter did not match the current version",
        Trouble::Changed,
    ),
    (
        "check-and-set parameter required for this call",
        Trouble::Wrong,
    ),
    ("failed to find accessor entry", Trouble::Unknown),
    ("invalid accessor", Trouble::Unknown),
    (NOT_THERE, Trouble::Unknown),
    ("unknown role", Trouble::Unknown),
    ("invalid role or secret ID", Trouble::BadLogin),
    ("invalid role ID", Trouble::BadLogin),
    ("invalid secret id", Trouble::BadLogin),
    (
        "unauthorized through CIDR restrictions",
        Trouble::NotAllowed,
    ),
    (
        "preflight capability check returned 403",
        Trouble::NotAllowed,
    ),
    ("namespace not found", Trouble::NoNamespace),
    ("no handler for route", Trouble::NoMount),
    (
        "Invalid path for a versioned K/V secrets engine",
        Trouble::AnotherVersion,
    ),
    ("is sealed", Trouble::Sealed),
    (
        "ttl cannot be longer than the role's secret_id_ttl",
        Trouble::Wrong,
    ),
    ("failed to validate CIDR blocks", Trouble::Wrong),
    ("invalid token", Trouble::BadToken),
    ("missing client token", Trouble::BadToken),
    ("permission denied", Trouble::NotAllowed),
];

#[derive(Default, Deserialize)]
struct Body {
    errors: Option<Vec<String>>,
    warnings: Option<Vec<String>>,
    data: Option<Data>,
}

#[derive(Deserialize)]
struct Data {
    error: Option<String>,
    metadata: Option<Remains>,
}

/// Reads the answer of a call that failed.
pub fn told(answer: &Answer) -> Told {
    let status = answer.status.as_u16();
    let body: Option<Body> = serde_json::from_slice(&answer.body).ok();
    let is_vault = body.as_ref().is_some_and(|body| {
        body.errors.is_some() || body.data.is_some() || body.warnings.is_some()
    });
    let body = body.unwrap_or_default();
    let is_silent = body.errors.as_ref().is_some_and(Vec::is_empty);
    let (remains, own) = match body.data {
        Some(data) => (data.metadata, data.error),
        None => (None, None),
    };
    let texts = body
        .errors
        .into_iter()
        .chain(body.warnings)
        .flatten()
        .chain(own);
    let message = texts.collect::<Vec<String>>().join("; ");
    let is_of_a_role = message.contains("role ");
    let known = SENTENCES.iter().find(|(sentence, _)| {
        message.contains(sentence) && (*sentence != NOT_THERE || is_of_a_role)
    });
    let trouble = match (status, known) {
        // A token that is valid is refused with a count of errors in front.
        (403, Some((_, Trouble::NotAllowed))) if message == "permission denied" => {
            Trouble::BadToken
        }
        (_, Some((_, trouble))) => *trouble,
        (404, None) if is_silent => Trouble::NothingThere,
        (300..=399 | 472 | 473, None) => Trouble::Standby,
        (412, None) => Trouble::Behind,
        (_, None) if !is_vault => Trouble::Stranger,
        _ => Trouble::Other,
    };
    let code = known.map(|(sentence, _)| (*sentence).to_owned());
    Told {
        error: ErrorBody {
            code: code.unwrap_or_default(),
            message,
        },
        trouble,
        remains: remains.filter(|_| status == 404),
    }
}

/// A sentence of the list is Vault's own, so nothing can be hidden in it.
pub fn is_code(code: &str) -> bool {
    SENTENCES.iter().any(|(sentence, _)| *sentence == code)
}

impl Trouble {
    /// What it means for whoever asked.
    pub fn meaning(self, status: u16) -> Meaning {
        match self {
            Self::NothingThere | Self::Unknown => Meaning::Missing,
            Self::BadToken | Self::BadLogin => Meaning::Unknown,
            Self::NotAllowed => Meaning::Forbidden,
            Self::NoMount
            | Self::NoNamespace
            | Self::AnotherVersion
            | Self::Wrong
            | Self::Standby => Meaning::Wrong,
            Self::Sealed => Meaning::Transient,
            Self::Changed => Meaning::Conflict,
            Self::Behind => Meaning::Throttled,
            // The page of a proxy says of nothing that it is not there.
            Self::Stranger if status == 404 => Meaning::Wrong,
            Self::Stranger | Self::Other => Meaning::of_status(status),
        }
    }
}

/// What a policy has to say for a call: `"update" on "secret/data/app"`.
pub fn permission(call: &Call<'_>) -> String {
    let is_list = call.query.contains(&("list", "true"));
    let capability = match call.method {
        _ if is_list => "list",
        Method::GET => "read",
        Method::DELETE => "delete",
        Method::PATCH => "patch",
        _ => "update",
    };
    let path = call.path.trim_start_matches('/');
    format!("the capability {capability:?} on {path:?}")
}

/// What to do about an error.
pub fn advice(
    trouble: Option<Trouble>,
    meaning: Meaning,
    asked: &Asked<'_>,
    namespace: &str,
    wait: Option<Duration>,
) -> String {
    let place = match namespace {
        "" => "the root namespace".to_owned(),
        name => format!("namespace {name:?}"),
    };
    let who = http::capital(asked.credentials);
    match trouble {
        Some(Trouble::BadToken) => format!(
            "Vault does not accept {}: it is none, was revoked, has run out, or belongs to another cluster or namespace than \
             {place}. Log in again, or give another token.",
            asked.credentials
        ),
        Some(Trouble::BadLogin) => format!(
            "Vault does not accept {}. Check the role id and the secret id: it may have run out, or be used up.",
            asked.credentials
        ),
        Some(Trouble::NotAllowed) => format!(
            "{who} may not do this. Allow it {} in {place} by a policy, or work with another token.",
            asked.permission
        ),
        Some(Trouble::NoMount) => format!(
            "Nothing is mounted there in {place}. Correct the mount or the namespace, or mount it first."
        ),
        Some(Trouble::NoNamespace) => format!(
            "There is no {place}. Correct namespace (in the block vault, or BAO_NAMESPACE, VAULT_NAMESPACE)."
        ),
        Some(Trouble::Sealed) => {
            "As long as it is sealed it answers nobody. Have it unsealed, then run the command again.".to_owned()
        }
        Some(Trouble::AnotherVersion) => {
            "The mount is of version 2. Leave version out, or set it to 2.".to_owned()
        }
        Some(Trouble::Standby) => {
            "A node on standby answered and sends its clients elsewhere, and a token is sent nowhere else. Set address to the \
             active node or to a load balancer in front of the cluster."
                .to_owned()
        }
        Some(Trouble::Stranger) => "This is no answer of Vault. Check the address, and what lies on the way.".to_owned(),
        _ => http::advice("Vault", meaning, asked, wait),
    }
}

#[cfg(test)]
mod tests {
    use reqwest::StatusCode;
    use reqwest::header::HeaderMap;
    use zeroize::Zeroizing;

    use super::*;

    fn trouble(status: u16, body: &str) -> (Trouble, Meaning) {
        let told = told(&Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            body: Zeroizing::new(body.as_bytes().to_vec()),
        });
        (told.trouble, told.trouble.meaning(status))
    }

    #[test]
    fn what_is_not_there_is_told_from_what_cannot_be_there() {
        for (status, body, expected) in [
            (
                404,
                r#"{"errors":[]}"#,
                (Trouble::NothingThere, Meaning::Missing),
            ),
            (
                404,
                r#"{"errors":["no handler for route \"x/data/y\". route entry not found."]}"#,
                (Trouble::NoMount, Meaning::Wrong),
            ),
            (
                404,
                r#"{"errors":["namespace not found"]}"#,
                (Trouble::NoNamespace, Meaning::Wrong),
            ),
            (
                404,
                r#"{"data":null,"warnings":["Invalid path for a versioned K/V secrets engine. See the API docs"]}"#,
                (Trouble::AnotherVersion, Meaning::Wrong),
            ),
            (
                404,
                "<html>not found</html>",
                (Trouble::Stranger, Meaning::Wrong),
            ),
            (404, "{}", (Trouble::Stranger, Meaning::Wrong)),
        ] {
            assert_eq!(trouble(status, body), expected, "{body}");
        }
    }

    #[test]
    fn a_token_that_is_none_is_told_from_one_that_may_not() {
        let forbidden = (Trouble::NotAllowed, Meaning::Forbidden);
        let unknown = (Trouble::BadToken, Meaning::Unknown);
        for (body, expected) in [
            (
                r#"{"errors":["1 error occurred:\n\t* permission denied\n\n"]}"#,
                forbidden,
            ),
            (r#"{"errors":["permission denied"]}"#, unknown),
            (
                r#"{"errors":["2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n"]}"#,
                unknown,
            ),
        ] {
            assert_eq!(trouble(403, body), expected, "{body}");
        }
    }

    #[test]
    fn an_error_of_the_request_is_none_of_the_server() {
        let gone = r#"{"errors":["1 error occurred:\n\t* failed to find accessor entry for secret_id_accessor: \"x\"\n\n"]}"#;
        assert_eq!(trouble(500, gone), (Trouble::Unknown, Meaning::Missing));
        assert_eq!(
            trouble(500, r#"{"errors":["boom"]}"#),
            (Trouble::Other, Meaning::Transient)
        );
        assert_eq!(
            trouble(503, r#"{"errors":["Vault is sealed"]}"#),
            (Trouble::Sealed, Meaning::Transient)
        );
        assert_eq!(trouble(307, ""), (Trouble::Standby, Meaning::Wrong));
    }

    #[test]
    fn a_deleted_version_leaves_its_number() {
        let answer = Answer {
            status: StatusCode::NOT_FOUND,
            headers: HeaderMap::new(),
            body: Zeroizing::new(
                br#"{"data":{"data":null,"metadata":{"version":3,"destroyed":false,"deletion_time":"x"}}}"#.to_vec(),
            ),
        };
        let remains = told(&answer).remains;
        assert_eq!(
            remains,
            Some(Remains {
                version: 3,
                destroyed: false
            })
        );
    }
}
