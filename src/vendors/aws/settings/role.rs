//! Roles to assume, as the configuration names them.

use std::collections::BTreeMap;

use tf_provider::value::ValueAny;

use super::{filled, owned};
use crate::duration::Duration;
use crate::error::{Error, Result};
use crate::secret::Secret;
use crate::settings::Settings;
use crate::vendors::aws::environment::variable;
use crate::vendors::aws::role::Token;

/// A role to assume.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Role {
    /// Its ARN.
    pub arn: String,
    /// The name of the session in Amazon's logs.
    pub session_name: String,
    /// What the role's trust policy asks for.
    pub external_id: Option<String>,
    /// How long the session lasts.
    pub duration: Option<Duration>,
    /// A policy that narrows the session.
    pub policy: Option<String>,
    /// Managed policies that narrow the session.
    pub policy_arns: Vec<String>,
    /// Who is behind the session.
    pub source_identity: Option<String>,
    /// Tags of the session.
    pub tags: BTreeMap<String, String>,
    /// Those of them that the sessions of the roles after this one keep.
    pub transitive_tag_keys: Vec<String>,
}

impl Role {
    /// The name of a session that is given no other.
    pub const SESSION_NAME: &'static str = "terraform-provider-apikey";
}

/// The roles of a list, each of which is assumed with the session of the one before it.
pub fn roles(settings: &Settings<'_>, name: &str) -> Result<Vec<Role>> {
    let given = match settings.value(name) {
        Some(ValueAny::List(items)) => items.as_slice(),
        _ => &[],
    };
    // A role that is left out would be another identity than the one that was meant.
    if let Some(index) = given.iter().position(|item| matches!(item, ValueAny::Null)) {
        return Err(Error::invalid(
            settings.path_of(name).index(index),
            format!("A role of {name} is null"),
            "Remove it from the list, or set its role_arn.",
        ));
    }
    settings.objects(name).iter().map(role).collect()
}

fn role(settings: &Settings<'_>) -> Result<Role> {
    role_with_arn(settings, settings.required_string("role_arn")?)
}

/// A role for whoever shows a token.
#[derive(Debug)]
pub struct WebIdentity {
    /// The role.
    pub role: Role,
    /// The token.
    pub token: Token,
}

impl Clone for WebIdentity {
    fn clone(&self) -> Self {
        Self {
            role: self.role.clone(),
            token: self.token.duplicate(),
        }
    }
}

/// Reads the web identity of the block. What it leaves out is in the environment, where the runners of pipelines set it.
pub fn web_identity(settings: &Settings<'_>) -> Result<WebIdentity> {
    const FILE: &str = "web_identity_token_file";
    let of_environment = variable("AWS_ROLE_ARN");
    let arn = match (filled(settings, "role_arn"), &of_environment) {
        (None, Some(arn)) => arn.clone(),
        _ => settings.required_string("role_arn")?.to_owned(),
    };
    let role = role_with_arn(settings, &arn)?;
    let token = match (
        filled(settings, "web_identity_token"),
        filled(settings, FILE),
    ) {
        (Some(_), Some(_)) => {
            return Err(settings.wrong(
                FILE,
                "There are two web identity tokens",
                format!("web_identity_token and {FILE} are both set. Remove one of them."),
            ));
        }
        (Some(token), None) => Token::Text(Secret::new(token)),
        (None, Some(file)) => Token::File(file),
        (None, None) => match variable("AWS_WEB_IDENTITY_TOKEN_FILE") {
            Some(file) => Token::File(file),
            None => {
                return Err(settings.wrong(
                    FILE,
                    "There is no web identity token",
                    format!(
                        "Set {}, web_identity_token or AWS_WEB_IDENTITY_TOKEN_FILE to the token of the identity provider.",
                        settings.path_of(FILE)
                    ),
                ));
            }
        },
    };
    Ok(WebIdentity { role, token })
}

fn role_with_arn(settings: &Settings<'_>, arn: &str) -> Result<Role> {
    if !arn.starts_with("arn:") || !arn.contains(":role/") {
        return Err(settings.wrong(
            "role_arn",
            "role_arn is not valid",
            format!(
                "{arn:?} is not the ARN of a role, such as \"arn:aws:iam::123456789012:role/ci\"."
            ),
        ));
    }
    let duration = settings.duration("duration")?;
    let bounds = Duration::from_mins(15)..=Duration::from_hours(12);
    if duration.is_some_and(|duration| !bounds.contains(&duration)) {
        return Err(settings.wrong(
            "duration",
            "duration is not valid",
            "A session lasts from \"15m\" to \"12h\".",
        ));
    }
    Ok(Role {
        arn: arn.to_owned(),
        session_name: filled(settings, "session_name")
            .unwrap_or_else(|| Role::SESSION_NAME.to_owned()),
        external_id: filled(settings, "external_id"),
        duration,
        policy: filled(settings, "policy"),
        policy_arns: owned(settings.strings("policy_arns")),
        source_identity: filled(settings, "source_identity"),
        tags: settings
            .string_map("tags")
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect(),
        transitive_tag_keys: owned(settings.strings("transitive_tag_keys")),
    })
}
