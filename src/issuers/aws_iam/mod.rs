//! AWS IAM: access keys of an IAM user.
//!
//! IAM allows a user two keys, inactive ones included, and takes neither a name nor an idempotency token
//! for them. So room is judged before a mint, and a mint whose answer was lost is looked for in the list.

mod api;
mod keys;
mod search;
mod trail;
mod user;

use std::collections::BTreeMap;

use async_trait::async_trait;
use tf_provider::schema::AttributeType;
use tf_provider::value::ValueAny;

use super::{Imported, Issuer, IssuerKind, Permission, Search};
use crate::context::Context;
use crate::error::Result;
use crate::scan::format::{Format, is_of_a_word, prefixed};
use crate::schema::{Attributes, attributes, optional};
use crate::settings::Settings;
use crate::vendors::aws::{self, Access, access_attributes};

use api::{Api, ListedKey};
use keys::Keys;
use user::User;

/// The issuer `aws_iam`.
pub struct AwsIam;

const PERMISSIONS: &[Permission] = &[
    Permission {
        name: "iam:ListAccessKeys",
        needed: "to see which keys the user has",
    },
    Permission {
        name: "iam:CreateAccessKey",
        needed: "to mint",
    },
    Permission {
        name: "iam:UpdateAccessKey",
        needed: "to switch a key off before it is deleted",
    },
    Permission {
        name: "iam:DeleteAccessKey",
        needed: "to revoke",
    },
    Permission {
        name: "iam:GetAccessKeyLastUsed",
        needed: "for `revoke_only_if_unused_for`, `apikey_key_usage`, imports, keys whose user is not known, and the record of an emergency",
    },
    Permission {
        name: "cloudtrail:LookupEvents",
        needed: "for `events` of `apikey_key_usage`, and for nothing else",
    },
];

/// The secret of a key looks like any other text; its id does not. AWS's own examples end in a word that says so.
const FORMATS: &[Format] = &[Format {
    name: "AWS access key id",
    is_id: true,
    find: |text| {
        let is_of_it = |byte| matches!(byte, b'A'..=b'Z' | b'2'..=b'7');
        let mut found = prefixed(text, "AKIA", is_of_it, 16..=16);
        found.retain(|found| {
            let follows = text.get(found.at.end).copied().unwrap_or_default();
            !is_of_a_word(follows) && !text[found.at.clone()].ends_with(b"EXAMPLE")
        });
        found
    },
}];

#[async_trait]
impl IssuerKind for AwsIam {
    fn name(&self) -> &'static str {
        "aws_iam"
    }

    fn description(&self) -> &'static str {
        "Access keys of an AWS IAM user. IAM allows a user two keys, so the user must be left to \
         this resource alone. Exactly one of `user_name` and `caller` is set. Needs the permissions \
         `iam:ListAccessKeys`, `iam:CreateAccessKey`, `iam:UpdateAccessKey`, `iam:DeleteAccessKey` and \
         `iam:GetAccessKeyLastUsed`."
    }

    fn attributes(&self) -> Attributes {
        let own = attributes([
            (
                "region",
                optional(
                    AttributeType::String,
                    "Region whose partition the user is in; IAM itself has none. Default: that of the provider.",
                ),
            ),
            (
                "user_name",
                optional(
                    AttributeType::String,
                    "Name of the IAM user that the keys belong to (the name, not the ARN).",
                ),
            ),
            (
                "caller",
                optional(
                    AttributeType::Bool,
                    "`true` for the IAM user whose credentials the provider itself runs with.",
                ),
            ),
        ]);
        let access = attributes(access_attributes("the user"));
        own.into_iter().chain(access).collect()
    }

    fn identity(&self) -> &'static [&'static str] {
        &["user_name", "caller"]
    }

    fn example(&self) -> BTreeMap<String, ValueAny> {
        BTreeMap::from([("user_name".to_owned(), ValueAny::String("payments".into()))])
    }

    fn formats(&self) -> &'static [Format] {
        FORMATS
    }

    fn permissions(&self) -> &'static [Permission] {
        PERMISSIONS
    }

    fn import_id(&self) -> Option<&'static str> {
        Some("<id of the access key>")
    }

    fn connect(&self, settings: &Settings, context: &Context) -> Result<Box<dyn Issuer>> {
        Ok(Box::new(Keys::new(
            User::read(settings)?,
            &Access::read(settings)?,
            context,
        )?))
    }

    fn search_attributes(&self) -> Option<Attributes> {
        Some(search::attributes())
    }

    fn search(&self, settings: &Settings, context: &Context) -> Result<Box<dyn Search>> {
        let api = Api::new(aws::client(context)?);
        Ok(Box::new(search::Keys::from_settings(settings, api)?))
    }

    async fn import(&self, key_id: &str, context: &Context) -> Result<Imported> {
        let keys = Keys::new(User::Caller, &Access::default(), context)?;
        keys.found(key_id).await
    }
}

/// What is known of a key that somebody else created.
fn imported(user: &str, key: &ListedKey) -> Imported {
    Imported {
        // No two accounts have a key of one id.
        account: None,
        settings: BTreeMap::from([("user_name".to_owned(), ValueAny::String(user.to_owned()))]),
        key_id: key.id.clone(),
        created_at: key.created_at,
        status: key.status(),
    }
}
