//! What the demo provider has of the newer parts of the protocol.

use apikey::error::Path;
use apikey::instant::Instant;
use apikey::protocol::authoring::{
    Action, EphemeralResource, Identity, IdentityAttribute, IdentitySchema, Item, ListResource,
    Listing, MoveState, Opened, Origin, Progress, Renewed, Source,
};
use apikey::protocol::{Registry, call};
use apikey::schema::{attributes, computed, optional, required};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tf_provider::schema::{AttributeType, Schema, Type};
use tf_provider::value::{Value, ValueEmpty, ValueNumber, ValueString};
use tf_provider::{AttributePath, Diagnostics, Resource};

use super::demo::{CANARY, schema};

pub fn add(registry: Registry) -> Registry {
    registry
        .resource("demo_vault", Vault)
        .identity("demo_vault", VaultIdentity)
        .moves("demo_vault", VaultMoves)
        .list_resource("demo_vault", Vaults)
        .ephemeral_resource("demo_lease", Lease)
        .action("demo_ring", Ring)
}

type Text = ValueString<'static>;

fn text(value: &str) -> Text {
    Value::Value(value.to_owned().into())
}

fn said(value: &Text) -> String {
    match value {
        Value::Value(text) => text.to_string(),
        _ => String::new(),
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Place {
    pub url: Text,
    pub token_wo: Text,
}

/// A resource that leaves write-only values wherever it can, and forgets them nowhere itself.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct VaultState {
    pub id: Text,
    pub name: Text,
    pub secret_wo: Text,
    pub secret_wo_version: ValueNumber,
    pub places: Value<std::collections::BTreeMap<String, Value<Place>>>,
    /// What the plan was told of the client.
    pub told: Text,
}

struct Vault;

/// The secret that the configuration brought, and what a first plan remembered.
fn told(config: &VaultState) -> Text {
    let call = call();
    let remembered: Option<u32> = call.planned_private();
    text(&format!(
        "secret of {} letters; planned before: {}",
        said(&config.secret_wo).len(),
        remembered.map_or("no".to_owned(), |memory| memory.to_string()),
    ))
}

#[async_trait]
impl Resource for Vault {
    type State<'a> = Value<VaultState>;
    type PrivateState<'a> = Option<u32>;
    type ProviderMetaState<'a> = ValueEmpty;

    fn schema(&self, _: &mut Diagnostics) -> Option<Schema> {
        let place = attributes([
            ("url", required(AttributeType::String, "Where.")),
            ("token_wo", optional(AttributeType::String, "Never stored.")),
        ]);
        let places = AttributeType::AttributeMap(place);
        Some(schema(
            0,
            attributes([
                ("id", computed(AttributeType::String, "Id.")),
                ("name", required(AttributeType::String, "Name.")),
                (
                    "secret_wo",
                    optional(AttributeType::String, "Never stored."),
                ),
                (
                    "secret_wo_version",
                    optional(AttributeType::Number, "Its version."),
                ),
                ("places", optional(places, "Places.")),
                ("told", computed(AttributeType::String, "What it was told.")),
            ]),
        ))
    }

    async fn read<'a>(
        &self,
        _: &mut Diagnostics,
        mut state: Self::State<'a>,
        private: Option<u32>,
        _: ValueEmpty,
    ) -> Option<(Self::State<'a>, Option<u32>)> {
        if let Value::Value(state) = &mut state {
            state.secret_wo = text(CANARY);
        }
        Some((state, private))
    }

    async fn plan_create<'a>(
        &self,
        _: &mut Diagnostics,
        mut proposed: Self::State<'a>,
        config: Self::State<'a>,
        _: ValueEmpty,
    ) -> Option<(Self::State<'a>, Option<u32>)> {
        if let (Value::Value(state), Value::Value(config)) = (&mut proposed, &config) {
            if said(&config.name) == "later" && call().defer() {
                return Some((proposed, None));
            }
            state.id = Value::Unknown;
            state.secret_wo = config.secret_wo.clone();
            state.places = config.places.clone();
            let first = call().planned_private::<u32>().is_none();
            state.told = match call().store_planned_private && first {
                true => Value::Unknown,
                false => told(config),
            };
        }
        Some((proposed, Some(41)))
    }

    async fn plan_update<'a>(
        &self,
        _: &mut Diagnostics,
        prior: Self::State<'a>,
        mut proposed: Self::State<'a>,
        config: Self::State<'a>,
        _: Option<u32>,
        _: ValueEmpty,
    ) -> Option<(Self::State<'a>, Option<u32>, Vec<AttributePath>)> {
        let mut replace = Vec::new();
        if let (Value::Value(state), Value::Value(config), Value::Value(prior)) =
            (&mut proposed, &config, &prior)
        {
            if prior.name != config.name {
                replace.push(AttributePath::new("name"));
            }
            if prior.secret_wo_version != config.secret_wo_version {
                state.told = Value::Unknown;
            }
        }
        Some((proposed, Some(41), replace))
    }

    async fn plan_destroy<'a>(
        &self,
        _: &mut Diagnostics,
        _: Self::State<'a>,
        private: Option<u32>,
        _: ValueEmpty,
    ) -> Option<Option<u32>> {
        Some(private)
    }

    async fn create<'a>(
        &self,
        _: &mut Diagnostics,
        mut planned: Self::State<'a>,
        config: Self::State<'a>,
        private: Option<u32>,
        _: ValueEmpty,
    ) -> Option<(Self::State<'a>, Option<u32>)> {
        if let (Value::Value(state), Value::Value(config)) = (&mut planned, &config) {
            state.id = text(&format!("vault-{}", said(&config.name)));
            state.secret_wo = config.secret_wo.clone();
            state.places = config.places.clone();
            if state.told.is_unknown() {
                state.told = told(config);
            }
        }
        Some((planned, private))
    }

    async fn update<'a>(
        &self,
        diags: &mut Diagnostics,
        _: Self::State<'a>,
        planned: Self::State<'a>,
        config: Self::State<'a>,
        private: Option<u32>,
        meta: ValueEmpty,
    ) -> Option<(Self::State<'a>, Option<u32>)> {
        self.create(diags, planned, config, private, meta).await
    }

    async fn destroy<'a>(
        &self,
        _: &mut Diagnostics,
        _: Self::State<'a>,
        _: Option<u32>,
        _: ValueEmpty,
    ) -> Option<()> {
        Some(())
    }

    async fn import<'a>(
        &self,
        _: &mut Diagnostics,
        id: String,
    ) -> Option<(Self::State<'a>, Option<u32>)> {
        Some((Value::Value(vault(&id)), None))
    }
}

fn vault(name: &str) -> VaultState {
    VaultState {
        id: text(&format!("vault-{name}")),
        name: text(name),
        secret_wo: text(CANARY),
        secret_wo_version: Value::Null,
        places: Value::Null,
        told: text("nothing"),
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VaultId {
    pub name: Text,
    pub zone: Text,
}

struct VaultIdentity;

impl Identity for VaultIdentity {
    type State<'a> = Value<VaultState>;
    type Identity<'a> = VaultId;

    fn schema(&self) -> IdentitySchema {
        let mut schema = IdentitySchema::new([
            ("name", IdentityAttribute::required(Type::String, "Name.")),
            ("zone", IdentityAttribute::optional(Type::String, "Zone.")),
        ]);
        schema.version = 1;
        schema
    }

    fn of<'a>(&self, state: Self::State<'a>) -> Option<Self::Identity<'a>> {
        match state {
            Value::Value(state) if state.id.is_value() => Some(VaultId {
                name: state.name,
                zone: text("here"),
            }),
            _ => None,
        }
    }

    fn import_id<'a>(&self, diags: &mut Diagnostics, identity: VaultId) -> Option<String> {
        if said(&identity.zone) == "elsewhere" {
            diags.root_error("Wrong zone", "Only here.");
            return None;
        }
        Some(said(&identity.name))
    }

    fn upgrade(
        &self,
        _: i64,
        mut identity: serde_json::Value,
    ) -> apikey::error::Result<serde_json::Value> {
        match identity.get("title").cloned() {
            Some(title) => {
                identity["name"] = title;
                Ok(identity)
            }
            None => Err(apikey::error::Error::invalid(
                Path::default(),
                "An identity without a title",
                "Import it again.",
            )),
        }
    }
}

struct VaultMoves;

#[async_trait]
impl MoveState for VaultMoves {
    type State<'a> = Value<VaultState>;
    type PrivateState<'a> = Option<u32>;

    fn origins(&self) -> &'static [Origin] {
        &[Origin {
            provider: "example/old",
            type_name: "old_vault",
        }]
    }

    async fn moved<'a>(
        &self,
        diags: &mut Diagnostics,
        source: Source,
    ) -> Option<(Self::State<'a>, Option<u32>)> {
        match source.state["title"].as_str() {
            Some(title) => Some((Value::Value(vault(title)), Some(7))),
            None => {
                diags.root_error("An old vault without a title", "Import it.");
                None
            }
        }
    }
}

#[derive(Deserialize)]
pub struct Search {
    count: ValueNumber,
}

struct Vaults;

#[async_trait]
impl ListResource for Vaults {
    type Config<'a> = Search;
    type Identity = VaultId;
    type State = VaultState;

    fn schema(&self, _: &mut Diagnostics) -> Option<Schema> {
        let count = required(
            AttributeType::Number,
            "How many there are; below zero for a failure.",
        );
        Some(schema(0, attributes([("count", count)])))
    }

    async fn list<'a>(
        &self,
        diags: &mut Diagnostics,
        config: Search,
        listing: &Listing<VaultId, VaultState>,
    ) -> Option<()> {
        let Value::Value(count) = config.count else {
            return None;
        };
        assert!(count != 13, "{CANARY}");
        for number in 0..count.abs() {
            let name = format!("v{number}");
            let item = Item {
                identity: VaultId {
                    name: text(&name),
                    zone: text("here"),
                },
                display_name: name.clone(),
                // One of them tells nothing about itself.
                resource: (listing.include_resource() && number != 3).then(|| vault(&name)),
                diagnostics: Diagnostics::default(),
            };
            if listing.send(item).await.is_break() {
                break;
            }
        }
        if count < 0 {
            diags.root_error("The list broke off", "Try again.");
        }
        Some(())
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LeaseState {
    name: Text,
    token: Text,
}

struct Lease;

#[async_trait]
impl EphemeralResource for Lease {
    type State<'a> = LeaseState;
    type PrivateState<'a> = u32;

    fn schema(&self, _: &mut Diagnostics) -> Option<Schema> {
        Some(schema(
            0,
            attributes([
                ("name", required(AttributeType::String, "Name.")),
                ("token", computed(AttributeType::String, "Token.")),
            ]),
        ))
    }

    async fn open<'a>(
        &self,
        _: &mut Diagnostics,
        config: LeaseState,
    ) -> Option<Opened<LeaseState, u32>> {
        let token = text(&format!("token of {}", said(&config.name)));
        Some(Opened {
            result: LeaseState { token, ..config },
            private: 1,
            renew_at: Some(Instant::from_unix(2_000_000_000)),
        })
    }

    async fn renew<'a>(&self, _: &mut Diagnostics, private: u32) -> Option<Renewed<u32>> {
        Some(Renewed {
            private: private + 1,
            renew_at: None,
        })
    }

    async fn close<'a>(&self, diags: &mut Diagnostics, private: u32) -> Option<()> {
        match private {
            2 => Some(()),
            _ => {
                diags.root_error("Closed without having been renewed", "");
                None
            }
        }
    }
}

#[derive(Deserialize)]
pub struct Bell {
    times: ValueNumber,
}

struct Ring;

#[async_trait]
impl Action for Ring {
    type Config<'a> = Bell;

    fn schema(&self, _: &mut Diagnostics) -> Option<Schema> {
        let times = required(
            AttributeType::Number,
            "How often; below zero for a failure.",
        );
        Some(schema(0, attributes([("times", times)])))
    }

    async fn invoke<'a>(
        &self,
        diags: &mut Diagnostics,
        config: Bell,
        progress: &Progress,
    ) -> Option<()> {
        let Value::Value(times) = config.times else {
            panic!("{CANARY}");
        };
        for ring in 1..=times.abs() {
            progress.say(format!("ring {ring}"));
            tokio::task::yield_now().await;
        }
        match times {
            13 => panic!("{CANARY}"),
            times if times < 0 => {
                diags.root_error("The rope tore", "Mend it.");
                None
            }
            _ => Some(()),
        }
    }
}
