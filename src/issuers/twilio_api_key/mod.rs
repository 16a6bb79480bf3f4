//! API keys of a Twilio account: Standard ones of the API of 2010, and restricted ones, whose permissions are listed.
//!
//! Twilio takes a name for a key, which need not be unique. The token of the mint goes into it, so that a key tells which
//! entry of the journal it came of.

mod keys;

use std::collections::BTreeMap;

use async_trait::async_trait;
use tf_provider::schema::AttributeType;
use tf_provider::value::ValueAny;

use super::{Imported, Issuer, IssuerKind, Permission};
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::scan::format::{Format, is_hex, is_of_a_word, prefixed};
use crate::schema::{Attributes, attributes, list_of, optional, required};
use crate::settings::Settings;
use crate::vendors::twilio::{self, is_account};

use keys::{Keys, Sort};

/// The issuer `twilio_api_key`.
pub struct TwilioApiKey;

const PERMISSIONS: &[Permission] = &[Permission {
    name: "the auth token of the account or of its parent, or a Main API key",
    needed: "to list, mint and revoke keys: a Standard or restricted key may not",
}];

/// The secret of a key looks like any other text; its id does not.
const FORMATS: &[Format] = &[Format {
    name: "Twilio API key id",
    is_id: true,
    find: |text| {
        let mut found = prefixed(text, "SK", is_hex, 32..=32);
        found.retain(|found| {
            let follows = text.get(found.at.end).copied().unwrap_or_default();
            !is_of_a_word(follows)
        });
        found
    },
}];

#[async_trait]
impl IssuerKind for TwilioApiKey {
    fn name(&self) -> &'static str {
        "twilio_api_key"
    }

    fn description(&self) -> &'static str {
        "API keys of a Twilio account: Standard ones, or restricted ones if `permissions` are set. Needs the auth token of the \
         account or of its parent, or a Main API key, in the block `twilio` of the provider; a Standard key may not manage keys."
    }

    fn attributes(&self) -> Attributes {
        attributes([
            (
                "account_sid",
                required(
                    AttributeType::String,
                    "Account that the keys belong to, `AC` and 32 digits: that of the provider or a subaccount of it.",
                ),
            ),
            (
                "permissions",
                optional(
                    list_of(AttributeType::String),
                    "What a restricted key may do, such as `/twilio/messaging/messages/read`; without it, keys are Standard \
                     ones. A change applies from the next key on. Keys of one sort do not become those of the other: for \
                     that, add a second resource and remove the first once it is used no more.",
                ),
            ),
        ])
    }

    fn identity(&self) -> &'static [&'static str] {
        &["account_sid"]
    }

    fn example(&self) -> BTreeMap<String, ValueAny> {
        let sid = format!("AC{}", "a".repeat(32));
        BTreeMap::from([("account_sid".to_owned(), ValueAny::String(sid))])
    }

    fn formats(&self) -> &'static [Format] {
        FORMATS
    }

    fn permissions(&self) -> &'static [Permission] {
        PERMISSIONS
    }

    fn import_id(&self) -> Option<&'static str> {
        Some("<SID of the key>")
    }

    fn connect(&self, settings: &Settings, context: &Context) -> Result<Box<dyn Issuer>> {
        let account = settings.required_string("account_sid")?;
        if !is_account(account) {
            return Err(settings.wrong(
                "account_sid",
                "account_sid is not valid",
                format!("{account:?} is not the sid of an account, which is AC and 32 hexadecimal digits."),
            ));
        }
        Ok(Box::new(Keys {
            twilio: twilio::client(context)?,
            account: account.to_owned(),
            sort: sort(settings)?,
        }))
    }

    /// Only Standard keys: nothing tells what a restricted one may do.
    async fn import(&self, key_id: &str, context: &Context) -> Result<Imported> {
        let twilio = twilio::client(context)?;
        let account = twilio.own_account().map(str::to_owned).ok_or_else(|| {
            Error::new(
                Kind::Invalid,
                format!("API key {key_id} cannot be imported"),
                "The id does not say which account it is in. Set account_sid and auth_token in the twilio block: it is looked \
                 for there.",
            )
        })?;
        let sort = Sort::Standard;
        let keys = Keys {
            twilio,
            account,
            sort,
        };
        keys.found(key_id).await
    }
}

fn sort(settings: &Settings) -> Result<Sort> {
    if settings
        .value("permissions")
        .is_none_or(|value| *value == ValueAny::Null)
    {
        return Ok(Sort::Standard);
    }
    let permissions = settings.strings("permissions");
    let is_path = |text: &&str| text.starts_with('/') && !text.contains(char::is_whitespace);
    match permissions.iter().find(|text| !is_path(text)) {
        _ if permissions.is_empty() => Err(settings.wrong(
            "permissions",
            "permissions is empty",
            "A restricted key without a permission is of no use. Name some, or leave permissions out for a Standard key.",
        )),
        Some(odd) => Err(settings.wrong(
            "permissions",
            "permissions is not valid",
            format!("{odd:?} is no permission of Twilio, such as \"/twilio/messaging/messages/read\"."),
        )),
        None => Ok(Sort::Restricted(
            permissions.into_iter().map(str::to_owned).collect(),
        )),
    }
}
