//! Roles to assume, as the configuration names them.

use std::collections::BTreeMap;

use super::{filled, owned};
use crate::duration::Duration;
use crate::error::Result;
use crate::settings::Settings;

/// A role to assume.
#[derive(Clone, Debug, Default)]
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
}

/// The roles of a list, each of which is assumed with the session of the one before it.
pub fn roles(settings: &Settings<'_>, name: &str) -> Result<Vec<Role>> {
    settings.objects(name).iter().map(role).collect()
}

fn role(settings: &Settings<'_>) -> Result<Role> {
    let arn = settings.required_string("role_arn")?;
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
            .unwrap_or_else(|| "terraform-provider-apikey".to_owned()),
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
    })
}
