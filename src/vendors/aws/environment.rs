//! Variables of the environment, as Amazon's own tools read them.

use aws_types::os_shim_internal::Env;

use crate::error::{Error, Kind, Result};
pub use crate::vendors::environment::{expanded, filled, variable};

/// `true` or `false`. Anything else is refused: what was asked for would silently not happen.
pub fn truth(text: &str, place: &str) -> Result<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Error::new(
            Kind::Invalid,
            format!("{place} is not valid"),
            format!("{text:?} is neither true nor false. Set {place} to one of them, or unset it."),
        )),
    }
}

/// How often a call is tried in all. Zero is what tools write that have nothing to say.
pub fn attempts(text: &str, place: &str) -> Result<Option<usize>> {
    match text.parse() {
        Ok(0) => Ok(None),
        Ok(attempts) => Ok(Some(attempts)),
        Err(_) => Err(Error::new(
            Kind::Invalid,
            format!("{place} is not valid"),
            format!(
                "{text:?} is no number of attempts. Set {place} to one such as 3, or unset it."
            ),
        )),
    }
}

/// The name of a way of retrying.
pub fn retry_mode(text: &str, place: &str) -> Result<()> {
    const MODES: [&str; 3] = ["legacy", "standard", "adaptive"];
    match MODES.contains(&text.to_ascii_lowercase().as_str()) {
        true => Ok(()),
        false => Err(Error::new(
            Kind::Invalid,
            format!("{place} is not valid"),
            format!(
                "{text:?} is none of {}. Set {place} to one of them, or unset it.",
                MODES.join(", ")
            ),
        )),
    }
}

/// The environment for the vendor's reader of the shared files, without what is empty.
pub fn filled_environment() -> Env {
    const READ: [&str; 6] = [
        "AWS_CONFIG_FILE",
        "AWS_SHARED_CREDENTIALS_FILE",
        "HOME",
        "USERPROFILE",
        "HOMEDRIVE",
        "HOMEPATH",
    ];
    let set: Vec<(&str, String)> = READ
        .into_iter()
        .filter_map(|name| Some((name, variable(name)?)))
        .collect();
    let set: Vec<(&str, &str)> = set
        .iter()
        .map(|(name, text)| (*name, text.as_str()))
        .collect();
    Env::from_slice(&set)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_a_number_and_zero_is_none() {
        let place = "AWS_MAX_ATTEMPTS";
        assert_eq!(attempts("3", place).unwrap(), Some(3));
        assert_eq!(attempts("0", place).unwrap(), None);
        for odd in ["many", "-1", "1.5"] {
            assert!(attempts(odd, place).unwrap_err().summary.contains(place));
        }
        assert!(retry_mode("Legacy", "retry_mode").is_ok());
        assert!(retry_mode("often", "retry_mode").is_err());
    }

    #[test]
    fn a_truth_value_is_one_of_two_words() {
        assert!(truth("True", "X").unwrap() && !truth("false", "X").unwrap());
        for odd in ["1", "yes", "treu"] {
            let error = truth(odd, "AWS_USE_FIPS_ENDPOINT").unwrap_err();
            assert!(error.summary.contains("AWS_USE_FIPS_ENDPOINT"), "{error}");
        }
    }
}
