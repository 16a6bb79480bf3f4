//! Whose keys they are.

use crate::error::Result;
use crate::settings::{DROPPED, Settings};

pub(super) enum User {
    Named(String),
    /// The user that the provider itself runs as.
    Caller,
}

impl User {
    // A name is asked for aloud: were an empty block to mean the caller, a misspelt attribute, which Terraform
    // drops from nested objects without a word, would rotate the keys of the wrong user.
    pub fn read(settings: &Settings) -> Result<Self> {
        let named = settings.string("user_name");
        match (named, settings.boolean("caller").unwrap_or(false)) {
        (Some(name), false) if is_user_name(name) => Ok(User::Named(name.to_owned())),
        (Some(name), false) => Err(settings.wrong(
            "user_name",
            "user_name is not valid",
            format!(
                "{name:?} is not the name of an IAM user. Give the name alone (not the ARN, not \
                 the path): letters, digits and + = , . @ _ - only."
            ),
        )),
        (None, true) => Ok(User::Caller),
        (Some(_), true) => Err(settings.wrong(
            "caller",
            "user_name and caller exclude each other",
            format!(
                "Keep {} to rotate the keys of that user, or {} = true to rotate those of the \
                 user that the provider runs as.",
                settings.path_of("user_name"),
                settings.path_of("caller")
            ),
        )),
        (None, false) => Err(settings.wrong(
            "user_name",
            "No IAM user is named",
            format!(
                "Set {} to the user whose keys are to be rotated, or {} = true for the user that \
                 the provider runs as. {DROPPED}",
                settings.path_of("user_name"),
                settings.path_of("caller")
            ),
        )),
    }
    }
}

/// Whether IAM would take a text for the name of a user.
pub(super) fn is_user_name(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"+=,.@_-".contains(&byte);
    (1..=128).contains(&text.len()) && text.bytes().all(fits)
}
