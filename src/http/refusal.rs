//! A call that was not carried out, or that got no answer: what that means, and what to do next.

use std::time::Duration;

use serde_json::Value;

use super::call::{Call, Used, Vendor};
use super::retry::Failure;
use super::transport::Answer;
use crate::error::{Error, Kind};
use crate::secret::{Secret, scrub};

/// An error of a vendor before anything was made of it; it may still hold secrets.
#[derive(Default)]
pub struct ErrorBody {
    /// The error code; empty where there is none.
    pub code: String,
    /// The message.
    pub message: String,
}

/// What an error means for whoever asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// The credentials are not accepted at all.
    Unknown,
    /// They are accepted but have run out.
    Expired,
    /// They are accepted but may not do this.
    Forbidden,
    /// The vendor says for certain that the object is not there.
    Missing,
    /// A limit of the vendor leaves no room.
    Full,
    /// Somebody else was faster, or the name is taken.
    Conflict,
    /// Surely not done, and worth another attempt.
    Throttled,
    /// Perhaps done, and worth another attempt.
    Transient,
    /// The clock of this machine is to blame, which says nothing of the key.
    Skewed,
    /// Everything else.
    Wrong,
}

impl Meaning {
    /// What a status says by itself.
    pub fn of_status(status: u16) -> Self {
        match status {
            401 => Self::Unknown,
            403 => Self::Forbidden,
            404 | 410 => Self::Missing,
            402 | 507 => Self::Full,
            409 | 412 => Self::Conflict,
            425 | 429 => Self::Throttled,
            408 => Self::Transient,
            status if status >= 500 => Self::Transient,
            _ => Self::Wrong,
        }
    }

    /// The sort of failure.
    pub fn kind(self) -> Kind {
        match self {
            Self::Unknown | Self::Expired | Self::Forbidden | Self::Skewed => Kind::Denied,
            Self::Missing => Kind::NotFound,
            Self::Full => Kind::Limit,
            Self::Conflict => Kind::Stale,
            Self::Throttled | Self::Transient => Kind::Unavailable,
            Self::Wrong => Kind::Other,
        }
    }
}

/// A call that a vendor did not carry out, or that got no answer.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The error code, or the status; empty where no answer came.
    pub code: String,
    /// The words of the vendor without any secret; empty where they could repeat one.
    pub message: String,
    /// What it means.
    pub meaning: Meaning,
    /// What sort of failure it is.
    pub kind: Kind,
    /// Whether the call may have been carried out after all.
    pub outcome_unknown: bool,
    vendor: String,
    advice: String,
    /// The whole story where there was no answer to tell of.
    unanswered: Option<Box<Error>>,
    /// Whether anything was sent. What ends a call before that, such as credentials that are not found, is no trouble of
    /// what was to be asked, and speaks for itself.
    sent: bool,
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
    /// Whether the vendor answered with this code.
    pub fn is(&self, code: &str) -> bool {
        self.code == code
    }

    /// The call succeeded, but what came back cannot be read. Asking again gives no more.
    pub fn not_understood(side: &str, vendor: &str, operation: &str) -> Self {
        let error = Error::new(
            Kind::Other,
            format!("The answer to {operation} was not understood"),
            format!(
                "The call succeeded, but what came back is not an answer of {side}. Check that the endpoint is that of \
                 {vendor}."
            ),
        );
        Failure::broken(Self::unanswered(error)).into()
    }

    /// As an error that a person can act on.
    pub fn explain(self, summary: impl Into<String>) -> Error {
        let summary = summary.into();
        if let Some(error) = self.unanswered {
            if !self.sent {
                return *error;
            }
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
        let (vendor, code, advice) = (self.vendor, self.code, self.advice);
        let detail = format!("{vendor} answered {code}{message}. {advice}");
        Error::new(self.kind, summary, detail)
    }
}

/// From an error that arose before anything was sent.
impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self {
            code: String::new(),
            message: error.summary.clone(),
            meaning: Meaning::Wrong,
            kind: error.kind,
            outcome_unknown: false,
            vendor: String::new(),
            advice: String::new(),
            unanswered: Some(Box::new(error)),
            sent: false,
        }
    }
}

impl Refusal {
    /// From an error that came in place of an answer.
    pub(super) fn unanswered(error: Error) -> Self {
        Self {
            sent: true,
            ..Self::from(error)
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
pub fn read(
    vendor: &impl Vendor,
    call: &Call<'_>,
    used: &Used,
    answer: &Answer,
) -> Failure<Refusal> {
    let error_body = vendor.error_body(answer);
    let status = answer.status.as_u16();
    let meaning = vendor.meaning(&error_body, status);
    let secrets: Vec<&Secret> = used
        .hidden
        .iter()
        .chain(call.secrets.iter().copied())
        .collect();
    // Whoever does not accept a signature repeats the request that it was made for.
    let is_quoted = call.may_be_quoted && !matches!(meaning, Meaning::Unknown | Meaning::Skewed);
    let asked = Asked {
        operation: call.operation,
        permission: &vendor.permission(call),
        credentials: &used.who,
    };
    let wait = answer.retry_after();
    let refusal = Refusal {
        meaning,
        kind: meaning.kind(),
        outcome_unknown: false,
        vendor: vendor.name().to_owned(),
        advice: vendor.advice(meaning, &asked, wait),
        unanswered: None,
        sent: true,
        message: match is_quoted {
            true => scrub(&error_body.message, &secrets),
            false => String::new(),
        },
        code: match vendor.is_code(&error_body.code) {
            true => error_body.code,
            false => format!("HTTP {status}"),
        },
    };
    Failure {
        transient: matches!(meaning, Meaning::Throttled | Meaning::Transient),
        outcome_unknown: meaning == Meaning::Transient,
        wait,
        ..Failure::settled(refusal)
    }
}

/// What to do about an error, for a vendor that knows no better.
pub fn advice(vendor: &str, meaning: Meaning, asked: &Asked<'_>, wait: Option<Duration>) -> String {
    let Asked {
        permission,
        credentials,
        ..
    } = asked;
    match meaning {
        Meaning::Skewed => {
            "The clock of this machine is wrong. Set it and run the command again.".to_owned()
        }
        Meaning::Unknown => format!(
            "{vendor} does not accept {credentials}. Check that it exists, has not been revoked, and belongs to the \
             account that is meant."
        ),
        Meaning::Expired => {
            format!(
                "{} has run out. Renew it, then run the command again.",
                capital(credentials)
            )
        }
        Meaning::Forbidden => format!(
            "{} may not do this. Allow it {permission}, or use other credentials.",
            capital(credentials)
        ),
        Meaning::Missing => "Check the name and the account.".to_owned(),
        Meaning::Full => "Remove what is no longer needed, or ask for a higher limit.".to_owned(),
        Meaning::Conflict => {
            "Somebody else may have changed it at the same time. Plan again.".to_owned()
        }
        Meaning::Throttled | Meaning::Transient => match wait {
            Some(wait) => format!("Run the command again in {} seconds.", wait.as_secs()),
            None => "Run the command again in a few minutes.".to_owned(),
        },
        Meaning::Wrong => format!("The call was {permission} with {credentials}."),
    }
}

/// Reads an error from two places of a JSON document, such as `/error/code` and `/error/message`. What is no JSON says
/// nothing by itself: it may be the page of a proxy.
pub fn error_in_json(answer: &Answer, code: &str, message: &str) -> ErrorBody {
    let value: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let text = |pointer: &str| match value.pointer(pointer) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    };
    ErrorBody {
        code: text(code),
        message: text(message),
    }
}

/// With a capital letter in front.
pub(crate) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}
