//! Where credentials come from, in the order of the vendor's own tools.

use aws_credential_types::Credentials;

use super::client::AwsClient;
use super::credentials::Held;
use super::environment::variable;
use super::profile::{Outside, Source, source};
use super::settings::Role;
use super::{metadata, process, role, sign_in};
use crate::error::{Error, Kind, Result};
use crate::secret::Secret;

/// Finds the credentials that the roles of the block, if any, are assumed with.
pub async fn find(client: &AwsClient) -> Result<Held> {
    let config = client.config();
    if let Some(key) = &config.key {
        return Ok(held(
            &key.id,
            &key.secret,
            key.token.as_ref(),
            "the provider block",
        ));
    }
    if let Some(identity) = &config.web_identity {
        return role::assume_by_token(client, &identity.role, &identity.token).await;
    }
    if let Some(profile) = &config.profile {
        let found = of_profile(client, profile, &format!("profile {profile:?}")).await?;
        return found.ok_or_else(|| profile_without_key(profile, config.profile_by));
    }
    // A profile that the block names goes before keys that happen to be in the environment; one that the environment
    // names does not.
    if let Some(held) = environment_key()? {
        return Ok(held);
    }
    if let Some(held) = environment_identity(client).await? {
        return Ok(held);
    }
    let shared = client.shared().await;
    let named = shared.named();
    if let Some((profile, by)) = named
        && shared.sections()?.get_profile(profile).is_none()
    {
        return Err(profile_without_key(profile, by));
    }
    let origin = match named {
        Some((profile, by)) => format!("profile {profile:?}, named by {by}"),
        None => "profile \"default\"".to_owned(),
    };
    if let Some(held) = of_profile(client, shared.profile(), &origin).await? {
        return Ok(held);
    }
    let http = client.wire().await?;
    if let Some(held) = metadata::of_container(http).await? {
        return Ok(held);
    }
    match (metadata::of_instance(http).await?, named) {
        (Some(held), _) => Ok(held),
        (None, Some((profile, by))) => Err(profile_without_key(profile, by)),
        // Files that cannot be read may hold what is looked for.
        (None, None) => Err(shared.sections().err().unwrap_or_else(nothing_found)),
    }
}

async fn of_profile(client: &AwsClient, profile: &str, origin: &str) -> Result<Option<Held>> {
    let shared = client.shared().await;
    let named = client.config().profile.is_some() || shared.named().is_some();
    // Files that nobody asked for may be as broken as they like.
    if named {
        shared.sections()?;
    }
    match source(shared, profile)? {
        Some(source) => credentials(client, &source, origin).await.map(Some),
        None => Ok(None),
    }
}

async fn credentials(client: &AwsClient, source: &Source, origin: &str) -> Result<Held> {
    match source {
        Source::Key { id, secret, token } => Ok(held(id, secret, token.as_ref(), origin)),
        Source::Process(command) => process::credentials(command, origin).await,
        Source::SignIn(signed_in) => sign_in::credentials(client, signed_in, origin).await,
        Source::WebIdentity(role, file) => {
            let token = role::Token::File(file.clone());
            role::assume_by_token(client, role, &token).await
        }
        Source::Role(role, base) => {
            let base = Box::pin(credentials(client, base, origin)).await?;
            role::assume(client, &base, role).await
        }
        Source::Outside(outside) => from_outside(client, *outside).await,
    }
}

async fn from_outside(client: &AwsClient, outside: Outside) -> Result<Held> {
    let (found, what) = match outside {
        Outside::Environment => (environment_key()?, "Environment"),
        Outside::Instance => {
            let http = client.wire().await?;
            (metadata::of_instance(http).await?, "Ec2InstanceMetadata")
        }
        Outside::Container => {
            let http = client.wire().await?;
            (metadata::of_container(http).await?, "EcsContainer")
        }
    };
    found.ok_or_else(|| {
        Error::new(
            Kind::Invalid,
            "No AWS credentials were found",
            format!("The profile says credential_source = {what}, and there are none."),
        )
    })
}

/// The key of the environment. Half a key is no key, and no reason to take somebody else's.
fn environment_key() -> Result<Option<Held>> {
    let (id_name, secret_name) = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY");
    let secret = variable(secret_name).map(Secret::new);
    match (variable(id_name), secret) {
        (Some(id), Some(secret)) => {
            let token = variable("AWS_SESSION_TOKEN").map(Secret::new);
            Ok(Some(held(&id, &secret, token.as_ref(), "the environment")))
        }
        (None, None) => Ok(None),
        (Some(_), None) => Err(half_a_key(id_name, secret_name)),
        (None, Some(_)) => Err(half_a_key(secret_name, id_name)),
    }
}

/// The web identity of the environment, as EKS sets it.
async fn environment_identity(client: &AwsClient) -> Result<Option<Held>> {
    let Some(file) = variable("AWS_WEB_IDENTITY_TOKEN_FILE") else {
        return Ok(None);
    };
    let Some(arn) = variable("AWS_ROLE_ARN") else {
        return Err(Error::new(
            Kind::Invalid,
            "No AWS credentials were found",
            "AWS_WEB_IDENTITY_TOKEN_FILE is set but AWS_ROLE_ARN is not. Set both or neither.",
        ));
    };
    let name = variable("AWS_ROLE_SESSION_NAME");
    let role = Role {
        arn,
        session_name: name.unwrap_or_else(|| Role::SESSION_NAME.to_owned()),
        ..Role::default()
    };
    let token = role::Token::File(file);
    role::assume_by_token(client, &role, &token).await.map(Some)
}

fn held(id: &str, secret: &Secret, token: Option<&Secret>, origin: &str) -> Held {
    let token = token.map(|token| token.expose().to_owned());
    Held::new(
        Credentials::new(id, secret.expose(), token, None, "apikey"),
        origin,
    )
}

fn nothing_found() -> Error {
    Error::new(
        Kind::Invalid,
        "No AWS credentials were found",
        "Tried, in this order: access_key and secret_key of the provider block; AWS_ACCESS_KEY_ID and \
         AWS_SECRET_ACCESS_KEY; AWS_WEB_IDENTITY_TOKEN_FILE; the profile of AWS_PROFILE, or \"default\", in ~/.aws/config \
         and ~/.aws/credentials; the container's and the instance's metadata. Set one of them, for example aws = { \
         profile = \"…\" } in the provider block.",
    )
}

fn profile_without_key(profile: &str, named_by: &str) -> Error {
    Error::new(
        Kind::Invalid,
        "No AWS credentials were found",
        format!(
            "The profile {profile:?}, named by {named_by}, does not exist or holds none. Check its name in ~/.aws/config \
             and ~/.aws/credentials (or the files that are set in their place), or add aws_access_key_id, role_arn, \
             sso_session or credential_process to it."
        ),
    )
}

fn half_a_key(given: &str, missing: &str) -> Error {
    Error::new(
        Kind::Invalid,
        "No AWS credentials were found",
        format!(
            "{given} is set but {missing} is not. Set both or, to use another source, neither."
        ),
    )
}
