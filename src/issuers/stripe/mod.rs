//! Restricted keys of a Stripe account, for an approved Stripe App: Stripe lets nobody else manage keys.
//!
//! A key is created and the old one expired. Stripe's own "rotate" is not used: it ends the old key by a clock of its own,
//! whether or not the new one has arrived.

mod keys;
mod sealed;

use std::collections::BTreeMap;

use async_trait::async_trait;
use tf_provider::schema::AttributeType;
use tf_provider::value::ValueAny;

use super::takeover::malformed;
use super::{Imported, Issuer, IssuerKind, Permission};
use crate::context::Context;
use crate::error::Result;
use crate::scan::format::{Format, is_of_a_word, prefixed};
use crate::schema::{Attributes, attributes, list_of, required};
use crate::settings::Settings;
use crate::vendors::stripe;

use keys::{Keys, is_account};

/// The issuer `stripe`.
pub struct Stripe;

const PERMISSIONS: &[Permission] = &[Permission {
    name: "api_key_write",
    needed: "to list, mint and expire keys: a permission of an approved Stripe App",
}];

const FORMATS: &[Format] = &[Format {
    name: "Stripe secret key",
    is_id: false,
    find: |text| {
        let prefixes = ["sk_live_", "sk_test_", "rk_live_", "rk_test_"];
        let found = prefixes.map(|prefix| prefixed(text, prefix, is_of_a_word, 16..=256));
        found.into_iter().flatten().collect()
    },
}];

#[async_trait]
impl IssuerKind for Stripe {
    fn name(&self) -> &'static str {
        "stripe"
    }

    fn description(&self) -> &'static str {
        "Restricted keys of a Stripe account, by the managed API keys of Stripe's API v2, which are a preview. They are open to an \
         approved Stripe App whose permissions include `api_key_write`, and to nobody else: with an ordinary account, use \
         `manual`. An expired key is accepted for some seconds more."
    }

    fn attributes(&self) -> Attributes {
        attributes([
            (
                "account",
                required(
                    AttributeType::String,
                    "Account that the keys belong to, such as `acct_1032D82eZvKYlo2C`, which has installed the app.",
                ),
            ),
            (
                "permissions",
                required(
                    list_of(AttributeType::String),
                    "What a key may do, such as `charge_read`. A change applies from the next key on.",
                ),
            ),
        ])
    }

    fn identity(&self) -> &'static [&'static str] {
        &["account"]
    }

    fn example(&self) -> BTreeMap<String, ValueAny> {
        let permissions = vec![ValueAny::String("charge_read".to_owned())];
        BTreeMap::from([
            (
                "account".to_owned(),
                ValueAny::String("acct_1032D82eZvKYlo2C".to_owned()),
            ),
            ("permissions".to_owned(), ValueAny::List(permissions)),
        ])
    }

    fn permissions(&self) -> &'static [Permission] {
        PERMISSIONS
    }

    fn formats(&self) -> &'static [Format] {
        FORMATS
    }

    fn import_id(&self) -> Option<&'static str> {
        Some("<id of the account>/<id of the key>")
    }

    fn connect(&self, settings: &Settings, context: &Context) -> Result<Box<dyn Issuer>> {
        let account = settings.required_string("account")?;
        if !is_account(account) {
            return Err(settings.wrong(
                "account",
                "account is not valid",
                format!("{account:?} is not the id of an account, which is acct_ with letters and digits."),
            ));
        }
        Ok(Box::new(Keys {
            stripe: stripe::client(context)?,
            account: account.to_owned(),
            permissions: permissions(settings)?,
        }))
    }

    async fn import(&self, id: &str, context: &Context) -> Result<Imported> {
        let (account, key_id) = id
            .split_once('/')
            .filter(|(account, _)| is_account(account))
            .ok_or_else(|| malformed(self, id))?;
        let keys = Keys {
            stripe: stripe::client(context)?,
            account: account.to_owned(),
            permissions: Vec::new(),
        };
        keys.found(key_id).await
    }
}

/// Stripe answers to an empty list that all is well, and changes nothing.
fn permissions(settings: &Settings) -> Result<Vec<String>> {
    let permissions = settings.strings("permissions");
    let is_word = |text: &&str| {
        let is_of_it =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        !text.is_empty() && text.bytes().all(is_of_it)
    };
    match permissions.iter().find(|text| !is_word(text)) {
        _ if permissions.is_empty() => Err(settings.wrong(
            "permissions",
            "permissions is empty",
            "Name what a key may do, such as \"charge_read\".",
        )),
        Some(odd) => Err(settings.wrong(
            "permissions",
            "permissions is not valid",
            format!("{odd:?} is no permission of Stripe, such as \"charge_read\"."),
        )),
        None => Ok(permissions.into_iter().map(str::to_owned).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_key_is_found_in_a_text_and_a_publishable_one_is_none() {
        let body = "m4deup".repeat(4);
        let find = |text: &str| (FORMATS[0].find)(text.as_bytes()).len();
        assert_eq!(find(&format!("key = rk_live_{body};")), 1);
        assert_eq!(find(&format!("sk_test_{body} rk_test_{body}")), 2);
        assert_eq!(find(&format!("pk_live_{body} risk_live_{body}")), 0);
    }
}
