//! The values of the provider block `vault`. What is left out comes from the environment, where an empty variable counts as
//! not set.

use reqwest::Url;

use super::method::Method;
use super::names;
use crate::error::{Error, Kind, Path, Result};
use crate::http::is_encrypted_or_local;
use crate::secret::Secret;
use crate::settings::Settings;
use crate::vendors::environment::variable;

/// What the provider block says.
#[derive(Debug, Default)]
pub struct Config {
    address: Option<String>,
    namespace: Option<String>,
    /// A token given in the block itself.
    pub token: Option<Secret>,
    /// How to log in.
    pub method: Option<Method>,
    /// A file of certificates that are trusted in place of those of the machine.
    pub ca_cert_file: Option<String>,
    /// A directory of such files.
    pub ca_cert_dir: Option<String>,
    /// Why nothing may be sent with these settings: some of them are not known yet. What the environment says does not take
    /// their place.
    awaited: Option<Error>,
}

impl Config {
    /// Reads the block; a provider without one gets every default.
    pub fn read(block: Option<&Settings<'_>>) -> Result<Self> {
        let Some(block) = block else {
            return Ok(Self::default());
        };
        if !block.wholly_known() {
            return Ok(Self {
                awaited: Some(unknown(block)),
                ..Self::default()
            });
        }
        let filled = |name| filled(block, name);
        if let Some(text) = block.string("address").filter(|text| !text.is_empty()) {
            parse(text)
                .map_err(|problem| block.wrong("address", "address is not valid", problem))?;
        }
        let token = filled("token").map(Secret::new);
        let method = Method::read(block)?;
        if token.is_some() && method.is_some() {
            return Err(block.wrong(
                "auth",
                "There is a token and a login",
                "Both token and auth are set. Keep the one that the provider is to work with.",
            ));
        }
        Ok(Self {
            address: filled("address"),
            namespace: names::namespace(block)?,
            token,
            method,
            ca_cert_file: filled("ca_cert_file"),
            ca_cert_dir: filled("ca_cert_dir"),
            awaited: None,
        })
    }

    /// Whether the credentials of AWS are needed to log in.
    pub fn logs_in_with_aws(&self) -> bool {
        matches!(self.method, Some(Method::Aws(_)))
    }

    /// An error while some settings are not known yet.
    pub fn settled(&self) -> Result<()> {
        self.awaited.clone().map_or(Ok(()), Err)
    }

    /// Where the server is.
    pub fn address(&self) -> Result<Url> {
        self.settled()?;
        let (text, by) = match &self.address {
            Some(text) => (text.clone(), "address"),
            None => of_environment("ADDR").ok_or_else(no_address)?,
        };
        parse(&text).map_err(|problem| {
            Error::new(
                Kind::Invalid,
                "The address of Vault is not valid",
                format!("{problem} It comes from {by}."),
            )
        })
    }

    /// The namespace of what names none of its own; empty for the root.
    pub fn namespace(&self) -> String {
        let given = self.namespace.clone();
        let found = given.or_else(|| of_environment("NAMESPACE").map(|(text, _)| text));
        names::named(&found.unwrap_or_default()).to_owned()
    }
}

/// A variable of `bao` or `vault`, and its name. `bao` reads both, its own first.
pub fn of_environment(name: &str) -> Option<(String, &'static str)> {
    let names = match name {
        "ADDR" => ["BAO_ADDR", "VAULT_ADDR"],
        "NAMESPACE" => ["BAO_NAMESPACE", "VAULT_NAMESPACE"],
        "TOKEN" => ["BAO_TOKEN", "VAULT_TOKEN"],
        "CACERT" => ["BAO_CACERT", "VAULT_CACERT"],
        "CAPATH" => ["BAO_CAPATH", "VAULT_CAPATH"],
        _ => return None,
    };
    let mut set = names.into_iter();
    set.find_map(|name| Some((variable(name)?, name)))
}

/// A text that is not blank.
pub fn filled(settings: &Settings<'_>, name: &str) -> Option<String> {
    let text = settings.string(name)?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn parse(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|problem| format!("It is not a URL: {problem}."))?;
    let plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() || !plain {
        return Err(
            "It is to be an http or https URL without credentials and query, such as \"https://vault.example.com:8200\"."
                .to_owned(),
        );
    }
    match is_encrypted_or_local(&url) {
        true => Ok(url),
        false => Err(format!(
            "{} would be reached over plain http, and everyone on the way could read tokens and secrets. Use https; http is \
             allowed to this machine (localhost, 127.0.0.1, ::1).",
            url.host_str().unwrap_or_default()
        )),
    }
}

fn no_address() -> Error {
    Error::new(
        Kind::Invalid,
        "The address of Vault is missing",
        "Set address in the block vault of the provider, or BAO_ADDR or VAULT_ADDR. If it is there, check its spelling: inside \
         an object, Terraform drops a name that does not exist without a word.",
    )
    .at(Path::root("vault").attribute("address"))
}

fn unknown(block: &Settings<'_>) -> Error {
    Error::new(
        Kind::Unavailable,
        "The Vault settings of the provider are not known yet",
        "A value of the vault block comes from something that is created in this same run. Create that first (terraform apply \
         -target=…), or set the value directly.",
    )
    .at(block.path().clone())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tf_provider::value::ValueAny;

    use super::*;

    fn text(value: &str) -> ValueAny {
        ValueAny::String(value.into())
    }

    fn read(entries: &[(&str, ValueAny)]) -> Result<Config> {
        let fields: BTreeMap<String, ValueAny> = entries
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect();
        Config::read(Some(&Settings::new(Path::root("vault"), &fields)))
    }

    #[test]
    fn a_wrong_setting_is_blamed_on_its_attribute() {
        let method = |name: &str, fields: &[(&str, &str)]| {
            let fields = fields.iter();
            let fields = fields.map(|(name, value)| ((*name).to_owned(), text(value)));
            ValueAny::Map(BTreeMap::from([(
                name.to_owned(),
                ValueAny::Map(fields.collect()),
            )]))
        };
        let approle = method("approle", &[("role_id", "one")]);
        for (entries, path) in [
            (vec![("address", text("vault"))], "vault.address"),
            (
                vec![("address", text("http://vault.example.com"))],
                "vault.address",
            ),
            (
                vec![("address", text("https://u:p@vault.example.com"))],
                "vault.address",
            ),
            (vec![("namespace", text("a//b"))], "vault.namespace"),
            (vec![("token", text("x")), ("auth", approle)], "vault.auth"),
            (vec![("auth", ValueAny::Map(BTreeMap::new()))], "vault.auth"),
            (
                vec![("auth", method("approle", &[]))],
                "vault.auth.approle.role_id",
            ),
            (vec![("auth", method("aws", &[]))], "vault.auth.aws.role"),
            (
                vec![(
                    "auth",
                    method("jwt", &[("token", "x"), ("token_file", "y")]),
                )],
                "vault.auth.jwt.token_file",
            ),
        ] {
            let error = read(&entries).unwrap_err();
            assert_eq!(error.path.to_string(), path, "{error}");
        }
    }

    #[test]
    fn plain_http_is_for_this_machine() {
        for address in [
            "https://vault.example.com:8200",
            "http://127.0.0.1:8200",
            "http://localhost:8200/",
        ] {
            assert!(read(&[("address", text(address))]).is_ok(), "{address}");
        }
    }

    #[test]
    fn a_config_does_not_print_its_token() {
        let config = read(&[("token", text("made-up-canary"))]).unwrap();
        assert!(!format!("{config:?}").contains("made-up-canary"));
    }
}
