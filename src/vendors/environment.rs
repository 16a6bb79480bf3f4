//! What every vendor's own tools read: variables, and files below the home directory.

use std::path::PathBuf;

/// A variable. An empty one counts as not set: a pipeline often has no other way to unset it.
pub fn variable(name: &str) -> Option<String> {
    let text = std::env::var(name).ok()?;
    filled(&text).map(str::to_owned)
}

/// A text, unless it is blank.
pub fn filled(text: &str) -> Option<&str> {
    let text = text.trim();
    (!text.is_empty()).then_some(text)
}

/// A path whose `~` is the home directory.
pub fn expanded(path: &str) -> PathBuf {
    match (path.strip_prefix('~'), std::env::home_dir()) {
        (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with(['/', '\\']) => {
            home.join(rest.trim_start_matches(['/', '\\']))
        }
        _ => path.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tilde_is_the_home_directory_and_nothing_else_is() {
        let home = std::env::home_dir().unwrap();
        assert_eq!(expanded("~/.aws/config"), home.join(".aws/config"));
        assert_eq!(expanded("~"), home);
        assert_eq!(expanded("~other/x"), PathBuf::from("~other/x"));
        assert_eq!(expanded("/a/~/b"), PathBuf::from("/a/~/b"));
    }
}
