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
    fn a_truth_value_is_one_of_two_words() {
        assert!(truth("True", "X").unwrap() && !truth("false", "X").unwrap());
        for odd in ["1", "yes", "treu"] {
            let error = truth(odd, "AWS_USE_FIPS_ENDPOINT").unwrap_err();
            assert!(error.summary.contains("AWS_USE_FIPS_ENDPOINT"), "{error}");
        }
    }
}
