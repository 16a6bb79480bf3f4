//! What AWS means when it says no: its codes, and what to do next.
//!
//! Decisions are taken from the code alone. The HTTP status of one code differs between services (and
//! between AWS and its emulators).

use std::time::Duration;

use super::{role, sign_in};
use crate::http::{self, Asked, ErrorBody, Meaning};

/// Whose words may be shown: calls that neither carry nor return a secret. A call that is not listed counts as one
/// that does.
pub fn may_be_quoted(operation: &str) -> bool {
    const PUBLIC: [&str; 17] = [
        "ListAccessKeys",
        "UpdateAccessKey",
        "DeleteAccessKey",
        "GetAccessKeyLastUsed",
        "LookupEvents",
        "ListUsers",
        "GetCallerIdentity",
        "DescribeSecret",
        "UpdateSecretVersionStage",
        "DeleteSecret",
        "RestoreSecret",
        "ReplicateSecretToRegions",
        "RemoveRegionsFromReplication",
        "DeleteParameter",
        "ListTagsForResource",
        "UpdateService",
        "DescribeServices",
    ];
    PUBLIC.contains(&operation)
}

/// A code is a word of a fixed list, so nothing can be hidden in it; anything else is as good as none.
pub fn is_code(code: &str) -> bool {
    KNOWN.contains(&code) || by_code(code, 0) != Meaning::Wrong
}

/// Codes that AWS gives for requests that are wrong in themselves.
const KNOWN: [&str; 39] = [
    "DecryptionFailure",
    "DeleteConflict",
    "EncryptionFailure",
    "EntityAlreadyExists",
    "HierarchyLevelLimitExceededException",
    "HierarchyTypeMismatchException",
    "InvalidAction",
    "InvalidAllowedPatternException",
    "InvalidInput",
    "InvalidKeyId",
    "InvalidLookupAttributesException",
    "InvalidMaxResultsException",
    "InvalidNextTokenException",
    "InvalidParameterCombination",
    "InvalidParameterException",
    "InvalidParameterValue",
    "InvalidQueryParameter",
    "InvalidRequestException",
    "InvalidTimeRangeException",
    "MalformedPolicyDocument",
    "MalformedPolicyDocumentException",
    "MissingParameter",
    "OperationNotPermittedException",
    "PackedPolicyTooLarge",
    "ParameterAlreadyExists",
    "ParameterMaxVersionLimitExceeded",
    "ParameterPatternMismatchException",
    "ParameterVersionNotFound",
    "PoliciesLimitExceededException",
    "PreconditionNotMetException",
    "PublicPolicyException",
    "ResourceExistsException",
    "ServiceNotActiveException",
    "RegionDisabledException",
    "UnknownOperationException",
    "UnsupportedParameterType",
    "ValidationError",
    "ValidationException",
    "SerializationException",
];

/// What an error means.
pub fn meaning(error: &ErrorBody, status: u16) -> Meaning {
    let dated = ["Signature expired", "Signature not yet current"];
    match dated.iter().any(|words| error.message.contains(words)) {
        true => Meaning::Skewed,
        false => by_code(&error.code, status),
    }
}

fn by_code(code: &str, status: u16) -> Meaning {
    match code {
        "InvalidClientTokenId"
        | "UnrecognizedClientException"
        | "InvalidAccessKeyId"
        | "SignatureDoesNotMatch"
        | "InvalidSignatureException"
        | "IncompleteSignature"
        | "IncompleteSignatureException"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "AuthFailure"
        | "UnauthorizedException"
        | "InvalidIdentityToken" => Meaning::Unknown,
        "RequestTimeTooSkewed" | "RequestExpired" => Meaning::Skewed,
        "ExpiredToken" | "ExpiredTokenException" => Meaning::Expired,
        "AccessDenied"
        | "AccessDeniedException"
        | "UnauthorizedOperation"
        | "NotAuthorized"
        | "UnauthorizedAccess"
        | "OptInRequired"
        | "ForbiddenException"
        | "IDPRejectedClaim" => Meaning::Forbidden,
        "NoSuchEntity"
        | "ResourceNotFoundException"
        | "ParameterNotFound"
        | "ClusterNotFoundException"
        | "ServiceNotFoundException" => Meaning::Missing,
        "LimitExceeded" | "LimitExceededException" | "ParameterLimitExceeded" => Meaning::Full,
        // The last three: somebody else is changing the same object, and this call was turned away.
        "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "TooManyRequestsException"
        | "RequestLimitExceeded"
        | "BandwidthLimitExceeded"
        | "PriorRequestNotComplete"
        | "SlowDown"
        | "EntityTemporarilyUnmodifiable"
        | "TooManyUpdates"
        | "ConcurrentModification" => Meaning::Throttled,
        "ServiceFailure"
        | "InternalError"
        | "InternalFailure"
        | "InternalServiceError"
        | "InternalServerError"
        | "ServiceUnavailable"
        | "ServiceUnavailableException"
        | "RequestTimeout"
        | "RequestTimeoutException"
        | "IDPCommunicationError" => Meaning::Transient,
        // A load balancer or a proxy speaks no AWS; its status is all there is.
        _ if status == 429 => Meaning::Throttled,
        _ if status >= 500 => Meaning::Transient,
        _ => Meaning::Wrong,
    }
}

/// What to do about an error.
pub fn advice(meaning: Meaning, asked: &Asked<'_>, wait: Option<Duration>) -> String {
    let Asked {
        operation,
        permission,
        credentials,
    } = asked;
    let special = role::advice(meaning, operation, credentials);
    if let Some(text) = special.or_else(|| sign_in::advice(meaning, operation)) {
        return text;
    }
    match meaning {
        Meaning::Skewed => {
            "The clock of this machine is wrong: AWS accepts signatures for a few minutes \
             only. Set the clock and run the command again."
                .to_owned()
        }
        Meaning::Unknown => format!(
            "AWS does not accept {credentials}. Check that the key exists and is active, that \
             the secret key belongs to it, and that the region lies in the partition of the \
             account."
        ),
        Meaning::Expired => format!(
            "The session of {credentials} has ended. Sign in again, then run the command again."
        ),
        Meaning::Forbidden => format!(
            "{} is not allowed to call {permission}. Allow it in the policies of that identity \
             (and in the boundaries and organisation policies above it), or use other \
             credentials.",
            http::capital(credentials)
        ),
        Meaning::Missing => "Check the name, the account and the region.".to_owned(),
        Meaning::Full => {
            "Remove what is no longer needed, or ask AWS for a higher quota where there is one."
                .to_owned()
        }
        _ => http::advice("AWS", meaning, asked, wait),
    }
}

#[cfg(test)]
#[path = "refusal_tests.rs"]
mod tests;
