//! What things are called at GitHub.

use crate::error::Result;
use crate::settings::Settings;

/// Owner and name of the setting `repository`. `owner` is whose it is that is named without one.
pub fn repository(settings: &Settings, owner: Option<&str>) -> Result<(String, String)> {
    let text = settings.required_string("repository")?;
    let (owner, name) = match (text.split_once('/'), owner) {
        (Some((owner, name)), _) => (owner, name),
        (None, Some(owner)) => (owner, text),
        (None, None) => {
            return Err(settings.wrong(
                "repository",
                "repository has no owner",
                format!(
                    "Write \"owner/{text}\", or set owner in the github block of the provider."
                ),
            ));
        }
    };
    Ok((
        named(settings, "repository", owner)?,
        named(settings, "repository", name)?,
    ))
}

/// In small letters: GitHub does not tell them from capitals.
pub fn named(settings: &Settings, field: &str, text: &str) -> Result<String> {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    match !text.is_empty() && !matches!(text, "." | "..") && text.bytes().all(is_part) {
        true => Ok(text.to_ascii_lowercase()),
        false => Err(settings.wrong(
            field,
            format!("{field} is not valid"),
            format!("{text:?} is no name at GitHub: letters, digits and - _ . (a repository is \"owner/name\")."),
        )),
    }
}
