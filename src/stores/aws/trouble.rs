//! What goes wrong in every store of AWS.

use crate::error::{Error, Kind, Result};
use crate::http::{Meaning, Refusal};

/// `None` if AWS says for certain that there is no such thing.
pub fn unless_missing<T>(outcome: Result<T, Refusal>) -> Result<Option<T>, Refusal> {
    match outcome {
        Err(refusal) if refusal.kind == Kind::NotFound => Ok(None),
        outcome => outcome.map(Some),
    }
}

/// A refusal of a call that reads or writes a value. It may be the KMS key that refuses, which AWS tells in words that may
/// repeat the value.
pub fn explain(refusal: Refusal, summary: String) -> Error {
    // Not one that kept the call from being made, such as that of a role.
    let is_answer = refusal.meaning == Meaning::Forbidden && !refusal.code.is_empty();
    let error = refusal.explain(summary);
    match is_answer {
        true => Error {
            detail: format!(
                "{} If a KMS key of your own encrypts it, kms:Decrypt is needed of that key, and to write \
                 kms:GenerateDataKey and kms:Encrypt.",
                error.detail
            ),
            ..error
        },
        false => error,
    }
}

/// Somebody else was here since the place was looked at.
pub fn changed_meanwhile(place: &str) -> Error {
    Error::new(
        Kind::Stale,
        format!("{place} was changed in the meantime"),
        "Somebody else wrote a value, or deleted it, since this apply looked at it. It was left as it is. Plan again.",
    )
}

/// Somebody else was here right after the write.
pub fn overwritten(place: &str) -> Error {
    Error::new(
        Kind::Stale,
        format!("{place} does not hold what was written"),
        "Somebody else wrote a value at the same time. Find out who does (a rotation Lambda, another Terraform \
         configuration), stop it, then run terraform plan again.",
    )
}
