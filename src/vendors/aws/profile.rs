//! What a profile of the shared files says about credentials, with every profile that it refers to. Nothing is sent.

use super::environment::filled;
use super::settings::Role;
use super::shared::Shared;
use crate::duration::Duration;
use crate::error::{Error, Kind, Result};
use crate::secret::Secret;

/// Where the credentials of a profile come from.
#[derive(Debug)]
pub enum Source {
    /// A key that stands in the profile itself.
    Key {
        /// Its id.
        id: String,
        /// The secret key.
        secret: Secret,
        /// The session token of a temporary key.
        token: Option<Secret>,
    },
    /// A command that prints them.
    Process(String),
    /// IAM Identity Center.
    SignIn(SignIn),
    /// A role for whoever shows the token in this file.
    WebIdentity(Role, String),
    /// A role for whoever another source says.
    Role(Role, Box<Source>),
    /// What is outside of the files.
    Outside(Outside),
}

/// The words of `credential_source`.
#[derive(Clone, Copy, Debug)]
pub enum Outside {
    /// Keys in the environment.
    Environment,
    /// The role of the instance.
    Instance,
    /// The role of the container.
    Container,
}

/// A role in an account, for whoever has signed in to IAM Identity Center.
#[derive(Debug)]
pub struct SignIn {
    /// The profile.
    pub profile: String,
    /// The `sso-session`, whose token can be renewed; older profiles have none.
    pub session: Option<String>,
    /// Where people sign in.
    pub start_url: String,
    /// The region of IAM Identity Center.
    pub region: String,
    /// The account of the role.
    pub account: String,
    /// The name of the role.
    pub role: String,
}

/// The source that a profile names; none if it names none.
pub fn source(shared: &Shared, profile: &str) -> Result<Option<Source>> {
    Reader {
        shared,
        visited: Vec::new(),
    }
    .source(profile)
}

struct Reader<'a> {
    shared: &'a Shared,
    visited: Vec<String>,
}

impl Reader<'_> {
    fn source(&mut self, profile: &str) -> Result<Option<Source>> {
        let has = |name| self.shared.setting_of(profile, name).is_some();
        // A profile may refer to itself for the key that its own role is assumed with.
        let refers_back = self.visited.iter().any(|visited| visited == profile);
        if has("role_arn") && !refers_back {
            return self.role(profile).map(Some);
        }
        if refers_back && self.visited.last().is_some_and(|last| last != profile) {
            return Err(wrong(profile, "its source_profile leads back to itself."));
        }
        if has("sso_session") || has("sso_start_url") {
            return self.sign_in(profile).map(Source::SignIn).map(Some);
        }
        if has("login_session") {
            return Err(browser_login(profile));
        }
        match self.key(profile)? {
            Some(key) => Ok(Some(key)),
            None => Ok(self
                .optional(profile, "credential_process")
                .map(Source::Process)),
        }
    }

    fn role(&mut self, profile: &str) -> Result<Source> {
        let role = self.role_settings(profile)?;
        if let Some(file) = self.optional(profile, "web_identity_token_file") {
            return Ok(Source::WebIdentity(role, file));
        }
        if self.optional(profile, "mfa_serial").is_some() {
            return Err(wrong(
                profile,
                "its mfa_serial asks for a code, which nobody is there to type. Use a profile with the line \
                 `credential_process = aws configure export-credentials --profile NAME` instead.",
            ));
        }
        self.visited.push(profile.to_owned());
        let base = match (
            self.optional(profile, "source_profile"),
            self.optional(profile, "credential_source"),
        ) {
            (Some(_), Some(_)) => {
                return Err(wrong(
                    profile,
                    "source_profile and credential_source are both set; remove one.",
                ));
            }
            (Some(base), None) => self.base(profile, &base)?,
            (None, Some(word)) => Source::Outside(outside(profile, &word)?),
            (None, None) => {
                return Err(wrong(
                    profile,
                    "role_arn needs source_profile, credential_source or web_identity_token_file beside it.",
                ));
            }
        };
        Ok(Source::Role(role, Box::new(base)))
    }

    fn base(&mut self, profile: &str, base: &str) -> Result<Source> {
        if self.shared.sections()?.get_profile(base).is_none() {
            return Err(wrong(
                profile,
                &format!("its source_profile {base:?} does not exist."),
            ));
        }
        let source = self.source(base)?;
        source.ok_or_else(|| {
            wrong(
                profile,
                &format!("its source_profile {base:?} holds no credentials."),
            )
        })
    }

    fn role_settings(&self, profile: &str) -> Result<Role> {
        let duration = self.optional(profile, "duration_seconds");
        let duration = duration.map(|text| match text.parse() {
            Ok(seconds) => Ok(Duration::from_secs(seconds)),
            Err(_) => Err(wrong(
                profile,
                &format!("duration_seconds {text:?} is not a number of seconds."),
            )),
        });
        let session_name = self.optional(profile, "role_session_name");
        Ok(Role {
            arn: self.needed(profile, "role_arn")?,
            session_name: session_name.unwrap_or_else(|| Role::SESSION_NAME.to_owned()),
            external_id: self.optional(profile, "external_id"),
            duration: duration.transpose()?,
            source_identity: self.optional(profile, "source_identity"),
            ..Role::default()
        })
    }

    fn sign_in(&self, profile: &str) -> Result<SignIn> {
        let session = self.optional(profile, "sso_session");
        let (start_url, region) = match &session {
            Some(session) => self.session(profile, session)?,
            None => (
                self.needed(profile, "sso_start_url")?,
                self.needed(profile, "sso_region")?,
            ),
        };
        Ok(SignIn {
            start_url,
            region,
            account: self.needed(profile, "sso_account_id")?,
            role: self.needed(profile, "sso_role_name")?,
            profile: profile.to_owned(),
            session,
        })
    }

    fn session(&self, profile: &str, name: &str) -> Result<(String, String)> {
        let Some(session) = self.shared.sections()?.sso_session(name) else {
            let problem = format!(
                "its sso_session {name:?} does not exist: there is no section [sso-session {name}]."
            );
            return Err(wrong(profile, &problem));
        };
        let setting = |setting| {
            let text = session.get(setting).and_then(filled).map(str::to_owned);
            text.ok_or_else(|| wrong(profile, &format!("[sso-session {name}] has no {setting}.")))
        };
        Ok((setting("sso_start_url")?, setting("sso_region")?))
    }

    fn key(&self, profile: &str) -> Result<Option<Source>> {
        let secret = self
            .optional(profile, "aws_secret_access_key")
            .map(Secret::new);
        match (self.optional(profile, "aws_access_key_id"), secret) {
            (Some(id), Some(secret)) => Ok(Some(Source::Key {
                id,
                secret,
                token: self.optional(profile, "aws_session_token").map(Secret::new),
            })),
            (None, None) => Ok(None),
            _ => Err(wrong(
                profile,
                "only one of aws_access_key_id and aws_secret_access_key is set; set both or neither.",
            )),
        }
    }

    fn optional(&self, profile: &str, name: &str) -> Option<String> {
        self.shared.setting_of(profile, name).map(str::to_owned)
    }

    fn needed(&self, profile: &str, name: &str) -> Result<String> {
        let text = self.optional(profile, name);
        text.ok_or_else(|| wrong(profile, &format!("{name} is missing.")))
    }
}

fn outside(profile: &str, word: &str) -> Result<Outside> {
    match word.to_ascii_lowercase().as_str() {
        "environment" => Ok(Outside::Environment),
        "ec2instancemetadata" => Ok(Outside::Instance),
        "ecscontainer" => Ok(Outside::Container),
        _ => Err(wrong(
            profile,
            &format!(
                "credential_source {word:?} is not known. Write \"Environment\", \"Ec2InstanceMetadata\" or \
                 \"EcsContainer\"."
            ),
        )),
    }
}

fn wrong(profile: &str, problem: &str) -> Error {
    Error::new(
        Kind::Invalid,
        "The AWS configuration is not valid",
        format!("In the profile {profile:?}, {problem}"),
    )
}

fn browser_login(profile: &str) -> Error {
    Error::new(
        Kind::Invalid,
        "The AWS profile needs a browser sign-in",
        format!(
            "The profile {profile:?} uses a session of `aws login` (login_session), which this provider does not read \
             itself. Use a profile with the line `credential_process = aws configure export-credentials --profile \
             {profile}`."
        ),
    )
}
