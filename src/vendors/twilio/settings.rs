//! The provider block `twilio` and the variables of Twilio's own tools.

use reqwest::Url;

use crate::error::{Error, Kind, Path, Result};
use crate::secret::Secret;
use crate::settings::Settings;
use crate::vendors::given::{Given, endpoint, given, in_block, in_environment, wrong};

const SECRETS: &[&str] = &["TWILIO_API_KEY_SECRET", "TWILIO_API_SECRET"];

/// What the block and the environment say.
pub struct Config {
    /// Who calls; `None` where nobody is named.
    pub credentials: Option<Credentials>,
    /// In place of every address of Twilio.
    pub endpoint: Option<Url>,
    /// The part of a host name between the product and `twilio.com`, with its dots.
    pub location: String,
    /// Why nothing may be sent with these settings: some of them are not known yet.
    awaited: Option<Error>,
}

/// A user name and its password.
pub struct Credentials {
    /// The account or the key.
    pub user: String,
    /// Its secret.
    pub password: Secret,
    /// Whose they are, for people.
    pub who: String,
    /// They are an API key, which may be one that may not manage keys.
    pub is_key: bool,
}

impl Config {
    /// Reads a block. Nothing is sent.
    pub fn read(block: Option<&Settings>) -> Result<Self> {
        Ok(Self {
            awaited: None,
            credentials: credentials(block)?,
            endpoint: endpoint(block, "endpoint", &[], "https://twilio.example.com")?,
            location: location(block)?,
        })
    }

    /// Of a block that is not known yet: what the environment says does not take its place.
    pub fn awaiting(awaited: Error) -> Self {
        Self {
            awaited: Some(awaited),
            credentials: None,
            endpoint: None,
            location: ".".to_owned(),
        }
    }

    /// An error while some settings are not known yet.
    pub fn settled(&self) -> Result<()> {
        self.awaited.clone().map_or(Ok(()), Err)
    }
}

/// The block goes before the environment, and in the environment an auth token before a key, which may well be one that
/// applications use.
fn credentials(block: Option<&Settings>) -> Result<Option<Credentials>> {
    let has = |name| in_block(block, name).is_some();
    let (token, key) = (has("auth_token"), has("api_key") || has("api_key_secret"));
    match (token, key) {
        (true, true) => Err(both()),
        (true, false) => auth_token(block).map(Some),
        (false, true) => api_key(block).map(Some),
        (false, false) if in_environment(&["TWILIO_AUTH_TOKEN"]).is_some() => {
            auth_token(block).map(Some)
        }
        (false, false) if in_environment(&["TWILIO_API_KEY"]).is_some() => api_key(block).map(Some),
        (false, false) => Ok(None),
    }
}

fn auth_token(block: Option<&Settings>) -> Result<Credentials> {
    let token = half(block, "auth_token", &["TWILIO_AUTH_TOKEN"], "account_sid")?;
    let account = half(block, "account_sid", &["TWILIO_ACCOUNT_SID"], "auth_token")?;
    if !is_account(&account.text) {
        let problem = "The sid of an account is AC and 32 hexadecimal digits.";
        return Err(wrong(block, "account_sid", &account.from, problem));
    }
    Ok(Credentials {
        who: format!("the auth token of {} (from {})", account.text, token.from),
        user: account.text,
        password: Secret::new(token.text),
        is_key: false,
    })
}

fn api_key(block: Option<&Settings>) -> Result<Credentials> {
    let key = half(block, "api_key", &["TWILIO_API_KEY"], "api_key_secret")?;
    let secret = half(block, "api_key_secret", SECRETS, "api_key")?;
    if !is_sid("SK", &key.text) {
        let problem = "The sid of a key is SK and 32 hexadecimal digits.";
        return Err(wrong(block, "api_key", &key.from, problem));
    }
    Ok(Credentials {
        who: format!("API key {} (from {})", key.text, key.from),
        user: key.text,
        password: Secret::new(secret.text),
        is_key: true,
    })
}

/// One of two settings that are of no use without each other.
fn half(block: Option<&Settings>, name: &str, variables: &[&str], other: &str) -> Result<Given> {
    given(block, name, variables).ok_or_else(|| {
        let error = Error::new(
            Kind::Invalid,
            format!("Twilio's {name} is missing"),
            format!(
                "{other} is set, and is of no use without it. Set {name} in the twilio block, or {} in the environment.",
                variables[0]
            ),
        );
        match block {
            Some(_) => error.at(Path::root("twilio").attribute(name)),
            None => error,
        }
    })
}

/// Blamed on what is no secret: the command line shows the line that is to blame.
fn both() -> Error {
    Error::invalid(
        Path::root("twilio").attribute("api_key"),
        "Twilio is to be reached as two",
        "The twilio block sets auth_token and api_key. Set one of them.",
    )
}

/// The error of a call without credentials.
pub fn nobody() -> Error {
    Error::new(
        Kind::Denied,
        "No credentials for Twilio",
        "Set account_sid and auth_token in the twilio block of the provider, or TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN in \
         the environment. A Main API key will do too: api_key and api_key_secret, or TWILIO_API_KEY and \
         TWILIO_API_KEY_SECRET.",
    )
}

/// An edge is of use with a region alone; Twilio takes its first region for granted.
fn location(block: Option<&Settings>) -> Result<String> {
    let part = |name: &str, variable: &str| {
        let Some(given) = given(block, name, &[variable]) else {
            return Ok(None);
        };
        let is_label =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        match given.text.bytes().all(is_label) && !given.text.starts_with('-') {
            true => Ok(Some(given.text)),
            // It becomes part of a host name, so nothing else may pass.
            false => Err(wrong(
                block,
                name,
                &given.from,
                "Write small letters, digits and hyphens.",
            )),
        }
    };
    let (edge, region) = (
        part("edge", "TWILIO_EDGE")?,
        part("region", "TWILIO_REGION")?,
    );
    Ok(match (edge, region) {
        (None, None) => ".".to_owned(),
        (None, Some(region)) => format!(".{region}."),
        (Some(edge), region) => {
            format!(".{edge}.{}.", region.unwrap_or_else(|| "us1".to_owned()))
        }
    })
}

/// Whether a text is the sid of an account.
pub fn is_account(text: &str) -> bool {
    is_sid("AC", text)
}

fn is_sid(sort: &str, text: &str) -> bool {
    let digits = text.strip_prefix(sort).unwrap_or_default();
    digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tf_provider::value::ValueAny;

    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Config> {
        let fields: BTreeMap<String, ValueAny> = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), ValueAny::String((*value).to_owned())))
            .collect();
        Config::read(Some(&Settings::new(Path::root("twilio"), &fields)))
    }

    fn sid(sort: &str) -> String {
        format!("{sort}{:032x}", 7)
    }

    #[test]
    fn who_calls_is_said_once_and_whole() {
        let (account, key) = (sid("AC"), sid("SK"));
        let token = [("account_sid", account.as_str()), ("auth_token", "made-up")];
        let config = read(&token).unwrap();
        assert_eq!(config.credentials.unwrap().user, account);
        let pair = [("api_key", key.as_str()), ("api_key_secret", "made-up")];
        assert!(read(&pair).unwrap().credentials.unwrap().is_key);
        for (wrong, what) in [
            ([token[1], pair[0]].as_slice(), "two"),
            (&pair[..1], "api_key_secret"),
            (&pair[1..], "api_key"),
            (&[("account_sid", "AC1"), token[1]], "account_sid"),
            (&[("api_key", "AC1"), pair[1]], "api_key"),
        ] {
            let error = read(wrong).err().unwrap();
            assert!(error.summary.contains(what), "{error}");
            assert!(!error.to_string().contains("made-up"), "{error}");
        }
    }

    #[test]
    fn a_location_is_part_of_a_host_name() {
        for (pairs, location) in [
            (&[][..], "."),
            (&[("region", "ie1")], ".ie1."),
            (&[("edge", "dublin")], ".dublin.us1."),
            (&[("edge", "dublin"), ("region", "ie1")], ".dublin.ie1."),
        ] {
            assert_eq!(read(pairs).unwrap().location, location);
        }
        assert!(read(&[("region", "evil.example/")]).is_err());
    }
}
