//! How a Kubernetes API server says no: a `Status` with a reason.

use crate::http::{Answer, ErrorBody, error_in_json};

/// The reasons that a server gives.
const REASONS: &[&str] = &[
    "AlreadyExists",
    "BadRequest",
    "Conflict",
    "Expired",
    "Forbidden",
    "Gone",
    "InternalError",
    "Invalid",
    "MethodNotAllowed",
    "NotAcceptable",
    "NotFound",
    "RequestEntityTooLarge",
    "ServerTimeout",
    "ServiceUnavailable",
    "StoreReadError",
    "Timeout",
    "TooManyRequests",
    "Unauthorized",
    "UnsupportedMediaType",
];

pub fn error_body(answer: &Answer) -> ErrorBody {
    error_in_json(answer, "/reason", "/message")
}

/// Whether it is a word of the server, so that nothing can be hidden in it.
pub fn is_code(code: &str) -> bool {
    REASONS.contains(&code)
}

/// `the verb "patch" on secrets`
pub fn permission(operation: &str) -> String {
    match operation.split_once(' ') {
        Some((verb, resource)) => format!("the verb {verb:?} on {resource}"),
        None => operation.to_owned(),
    }
}
