//! What AWS says when it says no: XML and JSON errors, what their codes mean, and what to do next.
//!
//! Decisions are taken from the code alone. The HTTP status of one code differs between services (and
//! between AWS and its emulators).

use std::time::Duration;

use super::error_body::{ErrorBody, error_body};
use crate::error::{Error, Kind};
use crate::secret::{Secret, scrub};
use crate::vendors::http::{Answer, Failure};

/// A call that AWS did not carry out, or that got no answer.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The error code, empty where no answer came.
    pub code: String,
    /// The words of AWS without any secret; empty where they could repeat one.
    pub message: String,
    /// What sort of failure it is.
    pub kind: Kind,
    /// Whether the call may have been carried out after all.
    pub outcome_unknown: bool,
    advice: String,
    /// The machine's clock is to blame.
    skewed: bool,
    /// The whole story where there was no answer to tell of.
    unanswered: Option<Box<Error>>,
}

/// Who asked for what, for the advice.
pub struct Asked<'a> {
    /// `CreateAccessKey`.
    pub operation: &'a str,
    /// `iam:CreateAccessKey`.
    pub permission: &'a str,
    /// `access key AKIA… (from profile "ci")`.
    pub credentials: &'a str,
}

impl Refusal {
    /// Whether AWS answered with this code.
    pub fn is(&self, code: &str) -> bool {
        self.code == code
    }

    /// Whether the session behind the credentials has ended.
    pub fn is_expired(&self) -> bool {
        self.is("ExpiredToken") || self.is("ExpiredTokenException")
    }

    /// Whether the machine's clock is to blame, which says nothing of the key.
    pub fn is_skewed_clock(&self) -> bool {
        self.skewed
    }

    /// As an error that a person can act on.
    pub fn explain(self, summary: impl Into<String>) -> Error {
        let summary = summary.into();
        if let Some(error) = self.unanswered {
            return Error {
                detail: format!("{}. {}", error.summary, error.detail),
                summary,
                ..*error
            };
        }
        let message = match self.message.trim_end_matches('.') {
            "" => String::new(),
            message => format!(": {message}"),
        };
        let detail = format!("AWS answered {}{message}. {}", self.code, self.advice);
        Error::new(self.kind, summary, detail)
    }
}

/// From an error that arose before AWS could answer.
impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self {
            code: String::new(),
            message: error.summary.clone(),
            kind: error.kind,
            outcome_unknown: false,
            advice: String::new(),
            skewed: false,
            unanswered: Some(Box::new(error)),
        }
    }
}

impl From<Failure<Refusal>> for Refusal {
    fn from(failure: Failure<Refusal>) -> Self {
        let mut refusal = Self {
            outcome_unknown: failure.outcome_unknown,
            ..failure.error
        };
        if let Some(tried) = failure.tried {
            match &mut refusal.unanswered {
                Some(error) => error.detail = format!("{} {tried}", error.detail),
                None => refusal.advice = format!("{} {tried}", refusal.advice),
            }
        }
        refusal
    }
}

/// Reads an answer that is not a success.
pub fn read(answer: &Answer, asked: &Asked<'_>, secrets: &[&Secret]) -> Failure<Refusal> {
    let error_body = error_body(answer);
    let status = answer.status.as_u16();
    let meaning = meaning(&error_body.code, status);
    let refusal = Refusal {
        kind: meaning.kind(),
        outcome_unknown: false,
        advice: String::new(),
        skewed: is_skewed(&error_body),
        unanswered: None,
        message: match may_be_quoted(asked.operation, meaning) {
            true => scrub(&error_body.message, secrets),
            false => String::new(),
        },
        code: shown_code(error_body.code, status),
    };
    Failure {
        transient: matches!(meaning, Meaning::Throttled | Meaning::Transient),
        outcome_unknown: meaning == Meaning::Transient,
        wait: answer.retry_after(),
        ..Failure::settled(Refusal {
            advice: advice(&refusal, meaning, asked, answer.retry_after()),
            ..refusal
        })
    }
}

/// Whose words may be shown: calls that neither carry nor return a secret. A call that is not listed counts as one
/// that does. Whoever does not accept a signature repeats the request that it was made for.
fn may_be_quoted(operation: &str, meaning: Meaning) -> bool {
    const PUBLIC: [&str; 10] = [
        "ListAccessKeys",
        "UpdateAccessKey",
        "DeleteAccessKey",
        "GetAccessKeyLastUsed",
        "ListUsers",
        "GetCallerIdentity",
        "DescribeSecret",
        "UpdateSecretVersionStage",
        "DeleteSecret",
        "RestoreSecret",
    ];
    PUBLIC.contains(&operation) && meaning != Meaning::Unknown
}

/// A code is a word of a fixed list, so nothing can be hidden in it; anything else is as good as none.
fn shown_code(code: String, status: u16) -> String {
    match KNOWN.contains(&code.as_str()) || meaning(&code, 0) != Meaning::Wrong {
        true => code,
        false => format!("HTTP {status}"),
    }
}

/// Codes that AWS gives for requests that are wrong in themselves.
const KNOWN: [&str; 24] = [
    "DecryptionFailure",
    "DeleteConflict",
    "EncryptionFailure",
    "EntityAlreadyExists",
    "InvalidAction",
    "InvalidInput",
    "InvalidNextTokenException",
    "InvalidParameterCombination",
    "InvalidParameterException",
    "InvalidParameterValue",
    "InvalidQueryParameter",
    "InvalidRequestException",
    "MalformedPolicyDocument",
    "MalformedPolicyDocumentException",
    "MissingParameter",
    "PackedPolicyTooLarge",
    "PreconditionNotMetException",
    "PublicPolicyException",
    "ResourceExistsException",
    "RegionDisabledException",
    "UnknownOperationException",
    "ValidationError",
    "ValidationException",
    "SerializationException",
];

fn is_skewed(error_body: &ErrorBody) -> bool {
    let dated = ["Signature expired", "Signature not yet current"];
    matches!(
        error_body.code.as_str(),
        "RequestTimeTooSkewed" | "RequestExpired"
    ) || dated.iter().any(|words| error_body.message.contains(words))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    /// The credentials are not accepted at all.
    Unknown,
    /// They are accepted but have run out.
    Expired,
    /// They are accepted but may not do this.
    Forbidden,
    Missing,
    Full,
    /// Surely not done, and worth another attempt.
    Throttled,
    /// Perhaps done, and worth another attempt.
    Transient,
    Wrong,
}

impl Meaning {
    fn kind(self) -> Kind {
        match self {
            Self::Unknown | Self::Expired | Self::Forbidden => Kind::Denied,
            Self::Missing => Kind::NotFound,
            Self::Full => Kind::Limit,
            Self::Throttled | Self::Transient => Kind::Unavailable,
            Self::Wrong => Kind::Other,
        }
    }
}

fn meaning(code: &str, status: u16) -> Meaning {
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
        | "RequestTimeTooSkewed"
        | "RequestExpired" => Meaning::Unknown,
        "ExpiredToken" | "ExpiredTokenException" => Meaning::Expired,
        "AccessDenied"
        | "AccessDeniedException"
        | "UnauthorizedOperation"
        | "NotAuthorized"
        | "UnauthorizedAccess"
        | "OptInRequired" => Meaning::Forbidden,
        "NoSuchEntity" | "ResourceNotFoundException" => Meaning::Missing,
        "LimitExceeded" | "LimitExceededException" => Meaning::Full,
        // The last two: somebody else is changing the same object, and this call was turned away.
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
        | "ConcurrentModification" => Meaning::Throttled,
        "ServiceFailure"
        | "InternalError"
        | "InternalFailure"
        | "InternalServiceError"
        | "InternalServerError"
        | "ServiceUnavailable"
        | "ServiceUnavailableException"
        | "RequestTimeout"
        | "RequestTimeoutException" => Meaning::Transient,
        // A load balancer or a proxy speaks no AWS; its status is all there is.
        _ if status == 429 => Meaning::Throttled,
        _ if status >= 500 => Meaning::Transient,
        _ => Meaning::Wrong,
    }
}

fn advice(
    refusal: &Refusal,
    meaning: Meaning,
    asked: &Asked<'_>,
    wait: Option<Duration>,
) -> String {
    let Asked {
        permission,
        credentials,
        ..
    } = asked;
    if refusal.is_skewed_clock() {
        return "The clock of this machine is wrong: AWS accepts signatures for a few minutes \
                only. Set the clock and run the command again."
            .to_owned();
    }
    match meaning {
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
            capital(credentials)
        ),
        Meaning::Missing => "Check the name, the account and the region.".to_owned(),
        Meaning::Full => {
            "Remove what is no longer needed, or ask AWS for a higher quota where there is one."
                .to_owned()
        }
        Meaning::Throttled | Meaning::Transient => match wait {
            Some(wait) => format!("Run the command again in {} seconds.", wait.as_secs()),
            None => "Run the command again in a few minutes.".to_owned(),
        },
        Meaning::Wrong => format!("The call was {permission} with {credentials}."),
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

#[cfg(test)]
#[path = "refusal_tests.rs"]
mod tests;
