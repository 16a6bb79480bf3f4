//! Google Cloud: keys of a service account, as the JSON credentials files that Google's libraries read.
//!
//! Google makes the key pair and shows the private key once; or it is made here (`upload`), and only the public part
//! travels. A service account has ten keys at most, disabled ones included.

mod api;
mod format;
mod keys;
mod pair;

use std::collections::BTreeMap;

use async_trait::async_trait;
use tf_provider::schema::AttributeType;
use tf_provider::value::ValueAny;

use super::takeover::{from_the_list, malformed, texts};
use super::{Imported, Issuer, IssuerKind, Permission};
use crate::context::Context;
use crate::duration::Duration;
use crate::error::Result;
use crate::scan::format::Format;
use crate::schema::{Attributes, attributes, optional, required};
use crate::settings::Settings;
use crate::vendors::google;

use api::Api;
use format::FORMATS;
use keys::Keys;

/// The issuer `google_service_account_key`.
pub struct GoogleServiceAccountKey;

const PERMISSIONS: &[Permission] = &[
    Permission {
        name: "iam.serviceAccountKeys.list",
        needed: "to see which keys the service account has",
    },
    Permission {
        name: "iam.serviceAccountKeys.create",
        needed: "to mint, also with `upload`",
    },
    Permission {
        name: "iam.serviceAccountKeys.get",
        needed: "with `upload`, to find a key whose answer was lost",
    },
    Permission {
        name: "iam.serviceAccountKeys.disable",
        needed: "to switch a key off before it is deleted",
    },
    Permission {
        name: "iam.serviceAccountKeys.delete",
        needed: "to revoke",
    },
];

#[async_trait]
impl IssuerKind for GoogleServiceAccountKey {
    fn name(&self) -> &'static str {
        KIND
    }

    fn description(&self) -> &'static str {
        "Keys of a service account of Google Cloud or Firebase. The secret is the JSON credentials file, in one line. A service \
         account has ten keys at most; only those that users manage count and are touched. Access tokens that were got with a key \
         outlive it by up to an hour. Needs `roles/iam.serviceAccountKeyAdmin` on the service account."
    }

    fn attributes(&self) -> Attributes {
        attributes([
            (
                "service_account_id",
                required(
                    AttributeType::String,
                    "E-mail address of the service account, or its name `projects/…/serviceAccounts/<e-mail address>`.",
                ),
            ),
            (
                "upload",
                optional(
                    AttributeType::Bool,
                    "`true` to make the key pair here and give Google its public part alone (in a certificate without an end), so that \
                     the private key never travels from Google. Default: Google makes it.",
                ),
            ),
            (
                "ttl",
                optional(
                    AttributeType::String,
                    "How long a key lasts where the organisation has Google end keys by itself \
                     (`iam.serviceAccountKeyExpiryHours`), such as `2160h`. It has to outlast the whole life of a key here \
                     (`stage_before` + `rotation_interval` + `grace_period`), and a plan refuses what does not. A new key that \
                     ends sooner, or at all where `ttl` is left out, is deleted again.",
                ),
            ),
        ])
    }

    fn identity(&self) -> &'static [&'static str] {
        &["service_account_id"]
    }

    fn canonical(&self, name: &str, settings: &Settings) -> ValueAny {
        match email(settings) {
            Ok(email) => ValueAny::String(email),
            Err(_) => settings.value(name).cloned().unwrap_or_default(),
        }
    }

    fn example(&self) -> BTreeMap<String, ValueAny> {
        let email = "payments@payments-prod.iam.gserviceaccount.com";
        BTreeMap::from([(
            "service_account_id".to_owned(),
            ValueAny::String(email.into()),
        )])
    }

    fn formats(&self) -> &'static [Format] {
        FORMATS
    }

    fn permissions(&self) -> &'static [Permission] {
        PERMISSIONS
    }

    fn import_id(&self) -> Option<&'static str> {
        Some("projects/-/serviceAccounts/<e-mail address>/keys/<id of the key>")
    }

    fn connect(&self, settings: &Settings, context: &Context) -> Result<Box<dyn Issuer>> {
        let email = email(settings)?;
        Ok(Box::new(Keys {
            api: Api {
                client: google::client(context)?,
                email,
            },
            uploads: settings.boolean("upload").unwrap_or(false),
            ttl: ttl(settings)?,
        }))
    }

    async fn import(&self, id: &str, context: &Context) -> Result<Imported> {
        let is_of_google = id.starts_with("projects/");
        let parts = id.rsplit_once("/keys/").filter(|_| is_of_google);
        let (account, key_id) = parts.ok_or_else(|| malformed(self, id))?;
        let email = account.rsplit('/').next().unwrap_or_default();
        from_the_list(
            self,
            texts([("service_account_id", email)]),
            key_id,
            context,
        )
        .await
    }
}

const KIND: &str = "google_service_account_key";

fn ttl(settings: &Settings) -> Result<Option<Duration>> {
    let ttl = settings.duration("ttl")?;
    match ttl {
        Some(ttl) if ttl.is_zero() => Err(settings.wrong(
            "ttl",
            "ttl is zero",
            "No key lasts that long. Write how long Google lets a key live, or leave it out.",
        )),
        ttl => Ok(ttl),
    }
}

/// One service account has one name here: its number would be another name of the same.
fn email(settings: &Settings) -> Result<String> {
    let name = "service_account_id";
    let given = settings.required_string(name)?;
    let email = match given.rsplit_once("/serviceAccounts/") {
        Some((project, email)) if project.starts_with("projects/") => email,
        _ => given,
    };
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:".contains(&byte);
    match email.split_once('@') {
        Some((account, domain))
            if !account.is_empty()
                && domain.contains('.')
                && account.bytes().chain(domain.bytes()).all(fits) =>
        {
            Ok(email.to_ascii_lowercase())
        }
        _ => Err(settings.wrong(
            name,
            format!("{name} is not valid"),
            format!(
                "{given:?} is not the e-mail address of a service account, such as \
                 \"payments@payments-prod.iam.gserviceaccount.com\". Its unique number is not taken."
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Path;

    fn read(text: &str) -> Result<String> {
        let fields = BTreeMap::from([(
            "service_account_id".to_owned(),
            ValueAny::String(text.into()),
        )]);
        email(&Settings::new(Path::root("here"), &fields))
    }

    #[test]
    fn an_account_has_one_name_however_it_is_written() {
        let email = "ci@payments-prod.iam.gserviceaccount.com";
        for text in [
            email,
            "projects/-/serviceAccounts/ci@payments-prod.iam.gserviceaccount.com",
            "projects/payments-prod/serviceAccounts/CI@payments-prod.iam.gserviceaccount.com",
        ] {
            assert_eq!(read(text).unwrap(), email, "{text}");
            let fields = BTreeMap::from([(
                "service_account_id".to_owned(),
                ValueAny::String(text.into()),
            )]);
            let settings = Settings::new(Path::root("here"), &fields);
            let canonical = GoogleServiceAccountKey.canonical("service_account_id", &settings);
            assert_eq!(
                canonical,
                ValueAny::String(email.into()),
                "no other resource"
            );
        }
        for odd in [
            "",
            "ci",
            "123456789012345678901",
            "ci@",
            "a/b@c.d",
            "a@b.c?x",
        ] {
            let error = read(odd).unwrap_err();
            assert_eq!(error.path.to_string(), "here.service_account_id", "{error}");
        }
    }
}
