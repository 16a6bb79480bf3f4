//! The settings of one delivery to Secrets Manager.

use tf_provider::schema::AttributeType;

use super::KIND;
use super::replicas::{self, Replica};
use crate::duration::Duration;
use crate::error::{Error, Result};
use crate::schema::{Attributes, attributes as table, optional, required};
use crate::settings::Settings;
use crate::stores::aws::{Making, OnDestroy, attributes as shared_attributes};
use crate::stores::shape::{self, Shape};
use crate::vendors::aws::{Access, access_attributes};

/// What a delivery says.
pub(super) struct Place {
    pub secret_id: String,
    pub access: Access,
    pub shape: Shape,
    pub making: Making,
    /// Other regions that it is copied to.
    pub replicas: Vec<Replica>,
    /// How long a deleted secret can be restored; `None` deletes for good.
    pub recovery_days: Option<u64>,
    pub on_destroy: OnDestroy,
}

pub(super) fn attributes() -> Attributes {
    let text = |words: &str| optional(AttributeType::String, words);
    let own = table([
        (
            "secret_id",
            required(
                AttributeType::String,
                "Name or ARN of the secret. A name that does not exist yet is created; a secret \
                 that exists gets a new version and keeps everything else: KMS key, tags, resource policy, copies. Not a \
                 copy in another region, and not one that AWS rotates by itself.",
            ),
        ),
        (
            "region",
            text("Region of the secret. Default: that of the ARN, else that of the provider."),
        ),
        ("replica", replicas::attribute()),
        (
            "recovery_window",
            text(
                "How long a deleted secret can be restored: `7d` to `30d`, or `0s` to delete it \
                 for good at once. Default: `30d`.",
            ),
        ),
    ]);
    let shared = table(shared_attributes("secret", "aws/secretsmanager"));
    let access = table(access_attributes("the secret"));
    let shape = table(shape::attributes());
    let own = own.into_iter().chain(shape);
    own.chain(shared).chain(access).collect()
}

impl Place {
    pub fn read(settings: &Settings) -> Result<Self> {
        let secret_id = settings.required_string("secret_id")?;
        let access = access(settings, secret_id)?;
        Ok(Self {
            replicas: replicas::read(settings, access.region.as_deref())?,
            access,
            secret_id: secret_id.to_owned(),
            shape: Shape::from_settings(settings)?,
            making: Making::read(settings)?,
            recovery_days: recovery_days(settings)?,
            on_destroy: OnDestroy::read(settings)?,
        })
    }

    /// The place, as these settings name it.
    pub fn text(&self) -> String {
        let id = &self.secret_id;
        match self.access.text(!self.is_arn()) {
            Some(access) => format!("{KIND} {id} ({access})"),
            None => format!("{KIND} {id}"),
        }
    }

    /// Only a name can be created: AWS itself adds the last part of an ARN.
    pub fn is_arn(&self) -> bool {
        self.secret_id.starts_with("arn:")
    }
}

fn access(settings: &Settings, secret_id: &str) -> Result<Access> {
    let access = Access::read(settings)?;
    if !secret_id.starts_with("arn:") {
        return match is_name(secret_id) {
            true => Ok(access),
            false => Err(not_an_id(settings, secret_id)),
        };
    }
    // arn:aws:secretsmanager:eu-central-1:123456789012:secret:prod/payments-AbCdEf
    let parts: Vec<&str> = secret_id.splitn(7, ':').collect();
    let [_, _, "secretsmanager", own, _, "secret", _] = parts[..] else {
        return Err(not_an_id(settings, secret_id));
    };
    match &access.region {
        Some(given) if given != own => Err(settings.wrong(
            "region",
            "region contradicts the ARN",
            format!("The ARN lies in {own:?}, but region is {given:?}. Leave region out."),
        )),
        _ => Ok(access.in_region(Some(own.to_owned()))),
    }
}

fn is_name(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"/_+=.@-".contains(&byte);
    text.len() <= 512 && text.bytes().all(fits)
}

fn not_an_id(settings: &Settings, secret_id: &str) -> Error {
    settings.wrong(
        "secret_id",
        "secret_id is not valid",
        format!(
            "{secret_id:?} is neither a name (letters, digits and / _ + = . @ -, 512 at most) \
             nor the ARN of a secret."
        ),
    )
}

fn recovery_days(settings: &Settings) -> Result<Option<u64>> {
    let window = settings.duration("recovery_window")?;
    let window = window.unwrap_or(Duration::from_days(30));
    if window.is_zero() {
        return Ok(None);
    }
    let days = window.as_secs() / Duration::from_days(1).as_secs();
    if (7..=30).contains(&days) && Duration::from_days(days) == window {
        return Ok(Some(days));
    }
    Err(settings.wrong(
        "recovery_window",
        "recovery_window is not valid",
        format!("{window} is neither \"0s\" nor a whole number of days from \"7d\" to \"30d\"."),
    ))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tf_provider::value::ValueAny;

    use super::*;
    use crate::error::Path;

    const ARN: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/x-AbCdEf";

    fn read(entries: &[(&str, &str)]) -> Result<Place> {
        let fields: BTreeMap<String, ValueAny> = entries
            .iter()
            .map(|(name, value)| ((*name).to_owned(), ValueAny::String((*value).into())))
            .collect();
        Place::read(&Settings::new(Path::root("here"), &fields))
    }

    #[test]
    fn a_wrong_setting_is_blamed_on_its_attribute() {
        for (entries, path) in [
            (vec![], "here.secret_id"),
            (vec![("secret_id", "a b")], "here.secret_id"),
            (vec![("secret_id", "arn:aws:s3:::bucket")], "here.secret_id"),
            (
                vec![("secret_id", ARN), ("region", "eu-central-1")],
                "here.region",
            ),
            (vec![("secret_id", "x"), ("region", "here")], "here.region"),
            (vec![("secret_id", "x"), ("layout", "wide")], "here.layout"),
            (
                vec![("secret_id", "x"), ("on_destroy", "burn")],
                "here.on_destroy",
            ),
            (
                vec![("secret_id", "x"), ("recovery_window", "6d")],
                "here.recovery_window",
            ),
            (
                vec![("secret_id", "x"), ("recovery_window", "31d")],
                "here.recovery_window",
            ),
            (
                vec![("secret_id", "x"), ("recovery_window", "7d1h")],
                "here.recovery_window",
            ),
        ] {
            let error = read(&entries).err().unwrap();
            assert_eq!(error.path.to_string(), path, "{error}");
        }
    }

    #[test]
    fn an_arn_brings_its_region() {
        let place = read(&[("secret_id", ARN)]).ok().unwrap();
        assert_eq!(place.access.region.as_deref(), Some("eu-west-1"));
        assert!(place.is_arn());
    }

    #[test]
    fn the_defaults_are_those_that_people_know() {
        let place = read(&[("secret_id", "prod/payments")]).ok().unwrap();
        assert_eq!(place.recovery_days, Some(30));
        assert_eq!(place.on_destroy, OnDestroy::DeleteIfCreated);
        let gone = read(&[("secret_id", "x"), ("recovery_window", "0s")])
            .ok()
            .unwrap();
        assert_eq!(gone.recovery_days, None);
    }
}
