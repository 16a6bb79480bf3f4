//! Keys of a vendor without an API for keys: a person makes them there, hands them in, and revokes them there.
//!
//! What nobody can be asked is believed to live until a person says otherwise, or until whoever accepts keys refuses it.

use std::collections::BTreeMap;

use async_trait::async_trait;
use reqwest::Url;
use tf_provider::schema::AttributeType;
use tf_provider::value::ValueAny;

use super::{
    ByHand, Capabilities, Issuer, IssuerKind, KeyRef, KeyStatus, Minted, Permission, Revoked,
    Supply,
};
use crate::context::Context;
use crate::error::{Error, Kind, Path, Result};
use crate::schema::{Attributes, attributes, list_of, optional, sensitive};
use crate::secret::Secret;
use crate::settings::Settings;

/// The issuer `manual`.
pub struct Manual;

impl IssuerKind for Manual {
    fn name(&self) -> &'static str {
        "manual"
    }

    fn description(&self) -> &'static str {
        "Keys of a vendor that has no API for keys. A plan says when a new one is due; a person makes it at the vendor and hands \
         it in as `secret_wo` with another `secret_wo_version`. From there on it lives as every key does: staged, delivered, \
         verified, promoted. After its grace the old key is revoked by a person, and counts as revoked once that is confirmed \
         in `revoked`, or once `verification` refuses it while it accepts the primary."
    }

    fn attributes(&self) -> Attributes {
        attributes([
            (
                "secret_wo",
                sensitive(optional(
                    AttributeType::String,
                    "Secret of the new key. It is looked at when the resource is created and when `secret_wo_version` changes, \
                     and may be taken out afterwards. A key that is handed in before it is due is staged at once and waits.",
                )),
            ),
            (
                "secret_wo_version",
                optional(
                    AttributeType::Number,
                    "Another number with each new `secret_wo`.",
                ),
            ),
            (
                "key_id",
                optional(
                    AttributeType::String,
                    "Public id of the key in `secret_wo`, where the vendor gives it one. Default: its fingerprint.",
                ),
            ),
            (
                "console_url",
                optional(
                    AttributeType::String,
                    "Where a person makes keys and revokes them, for the words of a plan.",
                ),
            ),
            (
                "revoked",
                optional(
                    list_of(AttributeType::String),
                    "Ids of keys that a person has revoked at the vendor, as the plan names them. Needed only where \
                     `verification` cannot tell.",
                ),
            ),
        ])
    }

    /// Empty: another id is that of the next key.
    fn identity(&self) -> &'static [&'static str] {
        &[]
    }

    fn example(&self) -> BTreeMap<String, ValueAny> {
        let url = "https://dashboard.example.com/apikeys";
        BTreeMap::from([("console_url".to_owned(), ValueAny::String(url.into()))])
    }

    fn is_by_hand(&self) -> bool {
        true
    }

    /// None: nobody is asked.
    fn permissions(&self) -> &'static [Permission] {
        &[]
    }

    fn connect(&self, settings: &Settings, _: &Context) -> Result<Box<dyn Issuer>> {
        let revoked = settings.strings("revoked");
        let secret = secret(settings)?;
        let key_id = text(settings, "key_id")?;
        let is_secret = |id: &str| secret.as_ref().is_some_and(|secret| secret.expose() == id);
        for name in ["key_id", "revoked"] {
            let is_there = match name {
                "key_id" => key_id.is_some_and(is_secret),
                _ => revoked.iter().any(|id| is_secret(id)),
            };
            if is_there {
                return Err(settings.wrong(
                    name,
                    format!("{name} holds a secret"),
                    "It is the same as secret_wo, and ids stand in the state, the ledger and messages. Write the public id there, \
                     and take the secret out of whatever holds it already.",
                ));
            }
        }
        Ok(Box::new(Hands {
            secret,
            key_id: key_id.map(str::to_owned),
            console: console(settings)?,
            revoked: revoked.into_iter().map(str::to_owned).collect(),
            path: settings.path().clone(),
        }))
    }
}

/// What a person hands in and says.
struct Hands {
    secret: Option<Secret>,
    key_id: Option<String>,
    console: Option<String>,
    revoked: Vec<String>,
    path: Path,
}

#[async_trait]
impl Issuer for Hands {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            supply: Supply::Brought,
            describes: true,
            key_ids: true,
            valid_at_mint: true,
            // Nothing comes into being by a mint that was cut off: the person still has the key.
            local: true,
            ..Capabilities::default()
        }
    }

    /// One for all: where a person looks may change, and the keys stay where they are.
    fn account(&self) -> String {
        "manual".to_owned()
    }

    async fn mint(&self, _: &str) -> Result<Minted> {
        let secret = self.secret.as_ref().ok_or_else(|| {
            let way = format!("Nothing was changed. To go on, {}.", self.bring());
            Error::new(Kind::Invalid, "No new key was handed in", way)
                .at(self.path.attribute("secret_wo"))
        })?;
        Ok(Minted {
            key_id: Some(self.id_of(secret)),
            secret: secret.duplicate(),
            created_at: None,
        })
    }

    async fn describe(&self, key_id: &str) -> Result<KeyStatus> {
        Ok(match self.is_revoked(key_id) {
            true => KeyStatus::Missing,
            false => KeyStatus::Active,
        })
    }

    async fn revoke(&self, key: KeyRef<'_>, _: Option<KeyRef<'_>>) -> Result<Revoked> {
        let key_id = key.key_id.unwrap_or_default();
        match self.is_revoked(key_id) {
            true => Ok(Revoked::Ended),
            false => Err(Error::new(
                Kind::Awaiting,
                format!("Key {key_id} is revoked by a person"),
                format!(
                    "Revoke it{}, then add {key_id:?} to {}.",
                    self.place(),
                    self.path.attribute("revoked")
                ),
            )
            .at(Path::root("issuer"))),
        }
    }

    fn by_hand(&self) -> Option<ByHand> {
        Some(ByHand {
            bring: self.bring(),
            revoke: format!("revoke it{}", self.place()),
            confirm: self.path.attribute("revoked").to_string(),
            revoked: self.revoked.clone(),
            brings: self.secret.as_ref().map(|secret| self.id_of(secret)),
        })
    }
}

impl Hands {
    fn is_revoked(&self, key_id: &str) -> bool {
        self.revoked.iter().any(|id| id == key_id)
    }

    fn id_of(&self, secret: &Secret) -> String {
        let id = self.key_id.clone();
        id.unwrap_or_else(|| secret.fingerprint().to_string())
    }

    fn bring(&self) -> String {
        let id = match self.key_id {
            Some(_) => ", key_id to its id",
            None => "",
        };
        format!(
            "make a key{}, set secret_wo in {} to it{id}, and secret_wo_version to another number",
            self.place(),
            self.path
        )
    }

    fn place(&self) -> String {
        match &self.console {
            Some(console) => format!(" at {console}"),
            None => " at the vendor".to_owned(),
        }
    }
}

fn secret(settings: &Settings) -> Result<Option<Secret>> {
    let secret = text(settings, "secret_wo")?;
    Ok(secret.map(|text| Secret::new(text.to_owned())))
}

/// What is set to something. The value is not repeated: it may be a secret in the wrong place.
fn text<'a>(settings: &Settings<'a>, name: &str) -> Result<Option<&'a str>> {
    let Some(text) = settings.string(name) else {
        return Ok(None);
    };
    match text.trim() == text && !text.is_empty() && !text.contains(['\n', '\r']) {
        true => Ok(Some(text)),
        false => Err(settings.wrong(
            name,
            format!("{name} is not valid"),
            "It is empty, holds a line break, or begins or ends with white space, such as that of a file: write trimspace(…).",
        )),
    }
}

fn console(settings: &Settings) -> Result<Option<String>> {
    let Some(given) = text(settings, "console_url")? else {
        return Ok(None);
    };
    let is_web = |url: &Url| {
        matches!(url.scheme(), "http" | "https")
            && url.username().is_empty()
            && url.password().is_none()
    };
    match Url::parse(given).is_ok_and(|url| is_web(&url)) {
        true => Ok(Some(given.to_owned())),
        false => Err(settings.wrong(
            "console_url",
            "console_url is not valid",
            "Write an address that begins with https:// and holds no credentials.",
        )),
    }
}

#[cfg(test)]
mod tests {
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::clock::Clock;

    fn connected(pairs: &[(&str, &str)]) -> Result<Box<dyn Issuer>> {
        let fields: BTreeMap<String, ValueAny> = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), ValueAny::String((*value).to_owned())))
            .collect();
        let path = Path::root("issuer").attribute("manual");
        let context = Context::new(Clock::system(), CancellationToken::new(), BTreeMap::new());
        Manual.connect(&Settings::new(path, &fields), &context)
    }

    #[tokio::test]
    async fn a_key_that_was_handed_in_is_known_by_its_id_or_else_by_its_fingerprint() {
        let secret = Secret::new("made-up-key".to_owned());
        let unnamed = connected(&[("secret_wo", "made-up-key")]).unwrap();
        let minted = unnamed.mint("x").await.unwrap();
        assert_eq!(minted.key_id, Some(secret.fingerprint().to_string()));
        let named = connected(&[("secret_wo", "made-up-key"), ("key_id", "rk_1")]).unwrap();
        assert_eq!(
            named.mint("x").await.unwrap().key_id.as_deref(),
            Some("rk_1")
        );
        let error = connected(&[]).unwrap().mint("x").await.unwrap_err();
        assert!(error.detail.contains("secret_wo_version"), "{error}");
    }

    #[test]
    fn a_secret_in_place_of_an_id_is_refused_and_not_repeated() {
        let pairs = [("secret_wo", "made-up-key"), ("key_id", "made-up-key")];
        let error = connected(&pairs).err().unwrap();
        assert!(error.summary.contains("key_id holds a secret"), "{error}");
        assert!(!error.to_string().contains("made-up-key"), "{error}");
    }

    #[test]
    fn where_a_person_looks_is_not_where_the_keys_are() {
        let account = |pairs| connected(pairs).unwrap().account();
        let elsewhere = [("console_url", "https://vendor.example.com")];
        assert_eq!(account(&[]), account(&elsewhere));
    }

    #[test]
    fn what_cannot_be_right_is_refused_and_not_repeated() {
        for (name, value) in [
            ("secret_wo", "made-up-key\n"),
            ("secret_wo", ""),
            ("key_id", " "),
            ("key_id", "rk_1\nrk_2"),
            ("console_url", "https://user:made-up-key@example.com"),
            ("console_url", "example.com"),
        ] {
            let error = connected(&[(name, value)]).err().unwrap();
            assert!(error.summary.contains(name), "{error}");
            assert!(!error.to_string().contains("made-up-key"), "{error}");
        }
    }
}
