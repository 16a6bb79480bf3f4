//! What Google means when it says no: its codes, and what to do next.

use std::time::Duration;

use serde_json::Value;

use super::service::Service;
use crate::http::{self, Answer, Asked, ErrorBody, Meaning};

/// Reasons that say more than the status that they come with.
const REASONS: [&str; 4] = [
    "SERVICE_DISABLED",
    "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
    "ACCOUNT_STATE_INVALID",
    "BILLING_DISABLED",
];

/// Reads both sorts of errors: those of the services, and those of the servers of tokens.
pub fn error_body(answer: &Answer) -> ErrorBody {
    let document: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let error = &document["error"];
    if error.is_string() {
        return ErrorBody {
            code: text(error),
            message: text(&document["error_description"]),
        };
    }
    let details = error["details"].as_array().into_iter().flatten();
    let mut reasons = details.filter_map(|detail| detail["reason"].as_str());
    let reason = reasons.find(|reason| REASONS.contains(reason));
    ErrorBody {
        code: reason.map_or_else(|| text(&error["status"]), str::to_owned),
        message: text(&error["message"]),
    }
}

/// A code is a word of a fixed list, so nothing can be hidden in it.
pub fn is_code(code: &str) -> bool {
    by_code(code, 0) != Meaning::Wrong
        || [
            "FAILED_PRECONDITION",
            "INVALID_ARGUMENT",
            "OUT_OF_RANGE",
            "UNIMPLEMENTED",
            "DATA_LOSS",
            "invalid_request",
            "invalid_target",
            "unsupported_grant_type",
        ]
        .contains(&code)
}

/// What an error means. Decisions are taken from the code; where one code has two meanings, from the words.
pub fn meaning(error: &ErrorBody, status: u16) -> Meaning {
    let says = |words: &str| error.message.contains(words);
    match error.code.as_str() {
        // Said of too many keys as of too many calls; only one of the two passes by itself.
        "RESOURCE_EXHAUSTED" if says("Maximum number of keys") => Meaning::Full,
        "invalid_grant" if says("iat and exp") || says("reasonable timeframe") => Meaning::Skewed,
        code => by_code(code, status),
    }
}

fn by_code(code: &str, status: u16) -> Meaning {
    match code {
        "UNAUTHENTICATED"
        | "ACCOUNT_STATE_INVALID"
        | "invalid_grant"
        | "invalid_client"
        | "unauthorized_client" => Meaning::Unknown,
        "PERMISSION_DENIED"
        | "SERVICE_DISABLED"
        | "BILLING_DISABLED"
        | "ACCESS_TOKEN_SCOPE_INSUFFICIENT"
        | "access_denied" => Meaning::Forbidden,
        "NOT_FOUND" => Meaning::Missing,
        "ALREADY_EXISTS" | "ABORTED" => Meaning::Conflict,
        "RESOURCE_EXHAUSTED" => Meaning::Throttled,
        "INTERNAL"
        | "UNAVAILABLE"
        | "DEADLINE_EXCEEDED"
        | "CANCELLED"
        | "UNKNOWN"
        | "internal_failure"
        | "temporarily_unavailable" => Meaning::Transient,
        // A load balancer or a proxy does not speak as Google does; its status is all there is.
        _ if status == 401 => Meaning::Unknown,
        _ if status == 403 => Meaning::Forbidden,
        _ if status == 429 => Meaning::Throttled,
        _ if status >= 500 => Meaning::Transient,
        _ => Meaning::Wrong,
    }
}

/// What a call needs, in the words of Google's roles.
pub fn permission(operation: &str) -> &str {
    match operation {
        "CreateSecret" => "secretmanager.secrets.create",
        "GetSecret" => "secretmanager.secrets.get",
        "UpdateSecret" => "secretmanager.secrets.update",
        "DeleteSecret" => "secretmanager.secrets.delete",
        "AddSecretVersion" => "secretmanager.versions.add",
        "AccessSecretVersion" => "secretmanager.versions.access",
        "ListSecretVersions" => "secretmanager.versions.list",
        "DisableSecretVersion" => "secretmanager.versions.disable",
        "CreateServiceAccountKey" | "UploadServiceAccountKey" => "iam.serviceAccountKeys.create",
        "GetServiceAccountKey" => "iam.serviceAccountKeys.get",
        "ListServiceAccountKeys" => "iam.serviceAccountKeys.list",
        "DisableServiceAccountKey" => "iam.serviceAccountKeys.disable",
        "DeleteServiceAccountKey" => "iam.serviceAccountKeys.delete",
        "GenerateAccessToken" => "iam.serviceAccounts.getAccessToken",
        "CreateKey" => "apikeys.keys.create",
        "GetKey" => "apikeys.keys.get",
        "GetOperation" => "serviceusage.operations.get",
        "GetKeyString" => "apikeys.keys.getKeyString",
        "ListKeys" => "apikeys.keys.list",
        "DeleteKey" => "apikeys.keys.delete",
        other => other,
    }
}

/// What to do about an error.
pub fn advice(
    service: Service,
    meaning: Meaning,
    asked: &Asked<'_>,
    wait: Option<Duration>,
) -> String {
    let Asked {
        permission,
        credentials,
        ..
    } = asked;
    match meaning {
        Meaning::Unknown => format!(
            "Google does not accept {credentials}. Check that it has not run out and has not been revoked."
        ),
        Meaning::Forbidden => format!(
            "{} may not do this, or there is no such thing. Grant a role with {permission} to it; if the service is not enabled in \
             the project: gcloud services enable {}.googleapis.com.",
            http::capital(credentials),
            service.host()
        ),
        Meaning::Missing => "Check the name and the project.".to_owned(),
        _ => http::advice("Google", meaning, asked, wait),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(code: &str, message: &str) -> ErrorBody {
        ErrorBody {
            code: code.to_owned(),
            message: message.to_owned(),
        }
    }

    #[test]
    fn one_code_for_too_many_keys_and_too_many_calls_is_told_apart_by_its_words() {
        let keys = error(
            "RESOURCE_EXHAUSTED",
            "Maximum number of keys on account reached.",
        );
        assert_eq!(meaning(&keys, 429), Meaning::Full);
        let calls = error(
            "RESOURCE_EXHAUSTED",
            "Quota exceeded for quota metric 'Write requests'",
        );
        assert_eq!(meaning(&calls, 429), Meaning::Throttled);
    }

    #[test]
    fn a_wrong_clock_says_nothing_of_the_key() {
        let skewed = error(
            "invalid_grant",
            "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp \
             values in the JWT claim.",
        );
        assert_eq!(meaning(&skewed, 400), Meaning::Skewed);
        let refused = error("invalid_grant", "Invalid JWT Signature.");
        assert_eq!(meaning(&refused, 400), Meaning::Unknown);
    }

    #[test]
    fn the_page_of_a_proxy_says_of_nothing_that_it_is_missing() {
        assert_eq!(meaning(&error("", ""), 404), Meaning::Wrong);
        assert_eq!(meaning(&error("", ""), 503), Meaning::Transient);
        assert!(!is_code("made-up-canary"));
        assert!(is_code("FAILED_PRECONDITION") && is_code("invalid_grant"));
    }
}
