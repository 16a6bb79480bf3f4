//! How GitHub says no, and what a token needs.

use crate::error::{Error, Kind};
use crate::http::{Answer, ErrorBody, Meaning, error_in_json};

/// Stands for an answer that asks to come back later: GitHub tells that with the status of a refusal.
const LIMITED: &str = "rate limit exceeded";

pub fn error_body(answer: &Answer) -> ErrorBody {
    let mut body = error_in_json(answer, "/code", "/message");
    body.code = match is_limited(answer, &body.message) {
        true => LIMITED.to_owned(),
        false => String::new(),
    };
    body
}

/// A primary limit says that nothing remains; a secondary one how long to wait, or only in words.
fn is_limited(answer: &Answer, message: &str) -> bool {
    let remains = answer.headers.get("x-ratelimit-remaining");
    matches!(answer.status.as_u16(), 403 | 429)
        && (answer.retry_after().is_some()
            || remains.is_some_and(|remains| remains.as_bytes() == b"0")
            || message.to_lowercase().contains("rate limit"))
}

/// Whether it is a word of ours, so that nothing can be hidden in it.
pub fn is_code(code: &str) -> bool {
    code == LIMITED
}

pub fn meaning(error: &ErrorBody, status: u16) -> Meaning {
    match error.code == LIMITED {
        true => Meaning::Throttled,
        false => Meaning::of_status(status),
    }
}

/// What a token needs for a call, in GitHub's words.
pub fn permission(operation: &str) -> String {
    let access = match operation.starts_with("GET ") {
        true => "read",
        false => "write",
    };
    if operation.contains("/secret-scanning/") {
        return format!(
            "the repository permission Secret scanning alerts ({access}), or the scope security_events of a classic token"
        );
    }
    let (of, name, scope) = match () {
        () if operation.contains("/orgs/") => ("organization", "Secrets", "admin:org"),
        () if operation.contains("/environments/") => ("repository", "Environments", "repo"),
        () => ("repository", "Secrets", "repo"),
    };
    format!("the {of} permission {name} ({access}), or the scope {scope} of a classic token")
}

pub fn nobody() -> Error {
    Error::new(
        Kind::Denied,
        "No credentials for GitHub were found",
        "Set token or app_auth in the github block of the provider, or GITHUB_TOKEN in the environment.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permission_is_told_in_the_words_of_github() {
        for (operation, expected) in [
            (
                "GET /repos/{owner}/{repo}/actions/secrets",
                "the repository permission Secrets (read)",
            ),
            (
                "PUT /orgs/{org}/actions/secrets/{secret_name}",
                "the organization permission Secrets (write)",
            ),
            (
                "DELETE /repos/{owner}/{repo}/environments/{environment_name}/secrets/{secret_name}",
                "the repository permission Environments (write)",
            ),
            (
                "GET /orgs/{org}/secret-scanning/alerts",
                "the repository permission Secret scanning alerts (read), or the scope security_events",
            ),
        ] {
            assert!(permission(operation).starts_with(expected), "{operation}");
        }
    }
}
