//! With whose credentials, and in which region, one issuer or one delivery calls AWS: those of the provider, or its own.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tf_provider::schema::{Attribute, AttributeType};

use super::settings::{Config, Role, region, roles};
use super::{AwsClient, Caller, Json, Service, role_attributes};
use crate::context::Context;
use crate::error::Result;
use crate::http::Refusal;
use crate::schema::optional;
use crate::secret::Secret;
use crate::settings::Settings;

/// What the settings of an issuer or a delivery say about it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Access {
    /// The region, in place of the provider's.
    pub region: Option<String>,
    profile: Option<String>,
    roles: Vec<Role>,
}

/// The attributes that lead to another account; `what` has them.
pub fn access_attributes(what: &str) -> [(&'static str, Attribute); 2] {
    [
        (
            "profile",
            optional(
                AttributeType::String,
                &format!(
                    "Profile of the shared files whose credentials reach {what}, in place of the credentials and roles of the \
                     provider block."
                ),
            ),
        ),
        (
            "assume_role",
            optional(
                AttributeType::AttributeList(role_attributes()),
                &format!(
                    "Roles to assume to reach {what}, such as one in another account, in place of those of the provider \
                     block: the first with the credentials found, each of the others with the session before it."
                ),
            ),
        ),
    ]
}

impl Access {
    /// Reads the attributes.
    pub fn read(settings: &Settings<'_>) -> Result<Self> {
        let profile = settings.string("profile").filter(|name| !name.is_empty());
        Ok(Self {
            region: region(settings)?,
            profile: profile.map(str::to_owned),
            roles: roles(settings, "assume_role")?,
        })
    }

    /// The same in a region that is known from elsewhere.
    pub fn in_region(self, region: Option<String>) -> Self {
        Self { region, ..self }
    }

    /// What tells a place from one of the same name that is reached in another way: `role arn:…, eu-west-1`.
    pub fn text(&self, shows_region: bool) -> Option<String> {
        let profile = self.profile.iter().map(|name| format!("profile {name}"));
        let roles = self.roles.last().map(|role| format!("role {}", role.arn));
        let region = self.region.clone().filter(|_| shows_region);
        let parts: Vec<String> = profile.chain(roles).chain(region).collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }

    /// The client with these credentials and in this region, and who it runs as. Whoever says nothing shares that of the
    /// provider.
    pub fn client(&self, context: &Context) -> Result<Client> {
        if self.profile.is_none() && self.roles.is_empty() && self.region.is_none() {
            return Ok((super::client(context)?, super::caller(context)?));
        }
        let clients = context.shared(|| Ok(Clients::default()))?;
        clients.get(self, context)
    }
}

/// The clients of issuers and deliveries that have credentials of their own: one for all that say the same, so that each
/// session is asked for once.
#[derive(Default)]
struct Clients(Mutex<HashMap<Access, Client>>);

impl Clients {
    fn get(&self, access: &Access, context: &Context) -> Result<Client> {
        // Entries are only ever added whole, so a panic elsewhere leaves nothing half done.
        let mut clients = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(access) {
            return Ok(client.clone());
        }
        let config = Config::read(context.vendor("aws").as_ref())?.with(access.clone());
        let client = Arc::new(AwsClient::new(config, context.http()));
        let made = (Arc::clone(&client), Arc::new(Caller::new(client)));
        clients.insert(access.clone(), made.clone());
        Ok(made)
    }
}

impl Config {
    /// The same with the credentials of an issuer or a delivery of its own.
    fn with(mut self, access: Access) -> Self {
        if access.profile.is_some() || !access.roles.is_empty() {
            self.roles = access.roles;
        }
        if access.profile.is_some() {
            self.profile = access.profile;
            self.profile_by = "profile of the issuer or the delivery";
            self.key = None;
            self.web_identity = None;
        }
        self.region = access.region.or(self.region);
        self
    }
}

/// Calls are made by the first, and the second is who it runs as.
type Client = (Arc<AwsClient>, Arc<Caller>);

/// One way into AWS.
pub struct Session {
    client: Arc<AwsClient>,
    caller: Arc<Caller>,
    region: Option<String>,
}

impl Session {
    /// As the settings of a delivery say.
    pub fn new(access: &Access, context: &Context) -> Result<Self> {
        // A region alone is told with each call, so that all regions share the credentials of the provider.
        let (client, caller) = match access.profile.is_none() && access.roles.is_empty() {
            true => (super::client(context)?, super::caller(context)?),
            false => access.client(context)?,
        };
        Ok(Self {
            client,
            caller,
            region: access.region.clone(),
        })
    }

    /// Makes a call of the JSON protocol. `secrets` are what it carries that must not come back in a message.
    pub async fn call<Input: Serialize, Output: DeserializeOwned>(
        &self,
        service: Service,
        operation: &str,
        input: &Input,
        secrets: &[&Secret],
    ) -> Result<Output, Refusal> {
        let json = Json {
            service,
            region: self.region.as_deref(),
            operation,
            input,
            secrets,
        };
        self.client.json(json).await
    }

    /// The region that its calls to a service go to.
    pub async fn region_of(&self, service: Service) -> Result<String> {
        let wanted = self.region.as_deref();
        self.client.region_of(service, wanted).await
    }

    /// The id of the account that its credentials belong to.
    pub async fn account_id(&self) -> Result<&str> {
        self.caller.account_id().await
    }

    /// Waits before a call is made again; an error if a person asks to stop meanwhile.
    pub async fn wait(&self, delay: Duration) -> Result<()> {
        self.client.http().wait(delay).await
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tf_provider::value::ValueAny;

    use super::*;
    use crate::error::Path;

    fn text(value: &str) -> ValueAny {
        ValueAny::String(value.into())
    }

    fn access(entries: &[(&str, ValueAny)]) -> Access {
        let fields: BTreeMap<String, ValueAny> = entries
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect();
        Access::read(&Settings::new(Path::root("here"), &fields)).unwrap()
    }

    fn roles(arn: &str) -> ValueAny {
        let role = BTreeMap::from([("role_arn".to_owned(), text(arn))]);
        ValueAny::List(vec![ValueAny::Map(role)])
    }

    #[test]
    fn roles_and_profiles_of_a_delivery_take_the_place_of_those_of_the_provider() {
        let arn = "arn:aws:iam::210987654321:role/deliver";
        let block = BTreeMap::from([
            ("access_key".to_owned(), text("AKIAONE")),
            ("secret_key".to_owned(), text("made-up")),
            ("region".to_owned(), text("eu-west-1")),
            (
                "assume_role".to_owned(),
                roles("arn:aws:iam::123456789012:role/ci"),
            ),
            (
                "assume_role_with_web_identity".to_owned(),
                ValueAny::Map(BTreeMap::from([
                    ("role_arn".to_owned(), text(arn)),
                    ("web_identity_token".to_owned(), text("made-up")),
                ])),
            ),
        ]);
        let block = Config::read(Some(&Settings::new(Path::root("aws"), &block))).unwrap();

        let by_role = block.clone().with(access(&[("assume_role", roles(arn))]));
        assert_eq!(by_role.roles.len(), 1);
        assert_eq!(by_role.roles[0].arn, arn);
        assert!(by_role.key.is_some());
        assert_eq!(by_role.region.as_deref(), Some("eu-west-1"));

        let by_region = block.clone().with(access(&[("region", text("us-east-1"))]));
        assert_eq!(by_region.region.as_deref(), Some("us-east-1"));
        assert_eq!(by_region.roles.len(), 1);

        let by_profile = block.with(access(&[("profile", text("other"))]));
        assert!(by_profile.roles.is_empty() && by_profile.key.is_none());
        assert!(by_profile.web_identity.is_none());
        assert_eq!(by_profile.profile.as_deref(), Some("other"));
    }

    #[test]
    fn a_place_tells_how_it_is_reached() {
        let arn = "arn:aws:iam::210987654321:role/deliver";
        let access = access(&[("assume_role", roles(arn)), ("region", text("eu-west-1"))]);
        assert_eq!(access.text(true), Some(format!("role {arn}, eu-west-1")));
        assert_eq!(access.text(false), Some(format!("role {arn}")));
        assert_eq!(Access::default().text(true), None);
    }
}
