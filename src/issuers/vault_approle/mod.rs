//! Vault AppRole: the secret ids of one role.
//!
//! A role may have any number of them, each with an accessor by which it is looked at and destroyed, and with metadata that tell
//! what was made here. Vault makes the secret itself: a pipeline that could choose it (`custom-secret-id`) could choose one that
//! it knows already. So a mint is never repeated; one whose answer was lost is found in the list.

mod api;

use std::collections::BTreeMap;

use async_trait::async_trait;
use tf_provider::schema::AttributeType;
use tf_provider::value::ValueAny;
use tokio::sync::OnceCell;

use super::takeover::{from_the_list, malformed, texts};
use super::vault::{metadata, metadata_attribute, text, ttl_words};
use super::{
    Capabilities, Cli, Imported, Issuer, IssuerKind, KeyRef, Label, Listed, Listing, Minted,
    Permission, Probe, Revoked,
};
use crate::context::Context;
use crate::duration::Duration;
use crate::error::{Error, Kind, Result};
use crate::http::{Meaning, Refusal};
use crate::schema::{Attributes, attributes, list_of, optional, required};
use crate::secret::Secret;
use crate::settings::Settings;
use crate::vendors::vault;

use api::{Api, Known, NewSecretId};

/// The issuer `vault_approle`.
pub struct VaultAppRole;

const KIND: &str = "vault_approle";

/// Where Vault mounts the method where nothing is said.
const MOUNT: &str = "approle";

const PERMISSIONS: &[Permission] = &[
    Permission {
        name: "read on auth/<mount>/role/<role>",
        needed: "to refuse a role whose secret ids wear out",
    },
    Permission {
        name: "list, update on auth/<mount>/role/<role>/secret-id",
        needed: "to see which secret ids the role has, and to mint",
    },
    Permission {
        name: "update on auth/<mount>/role/<role>/secret-id-accessor/lookup",
        needed: "to see which of them were made here",
    },
    Permission {
        name: "update on auth/<mount>/role/<role>/secret-id-accessor/destroy",
        needed: "to revoke",
    },
    Permission {
        name: "read on auth/<mount>/role/<role>/role-id",
        needed: "to prove a new secret id by a login",
    },
    Permission {
        name: "update on auth/<mount>/role/<role>/secret-id/lookup",
        needed: "to prove one that may log in from elsewhere only (`cidr_list`)",
    },
];

#[async_trait]
impl IssuerKind for VaultAppRole {
    fn name(&self) -> &'static str {
        KIND
    }

    fn description(&self) -> &'static str {
        "Secret ids of an AppRole of HashiCorp Vault or OpenBao. The id of a key is its accessor; the role id, which an \
         application needs besides, stays the same and is no secret. A token that somebody got by a login with a secret id \
         outlives it: its own `token_ttl` ends it. See the guide [Vault and OpenBao](../guides/vault.md)."
    }

    fn attributes(&self) -> Attributes {
        attributes([
            ("role", required(AttributeType::String, "Name of the role.")),
            (
                "mount",
                text("Where the method is mounted, without `auth/`. Default: `approle`."),
            ),
            vault::namespace_attribute("the role"),
            (
                "ttl",
                required(
                    AttributeType::String,
                    &format!(
                        "{} `0s` is one without an end, where the role allows it; what is longer than `secret_id_ttl` of the role, \
                         Vault refuses.",
                        ttl_words("a secret id")
                    ),
                ),
            ),
            (
                "cidr_list",
                optional(
                    list_of(AttributeType::String),
                    "Addresses from which a secret id may be used, as CIDR blocks. Default: those of the role.",
                ),
            ),
            metadata_attribute("a secret id"),
        ])
    }

    fn identity(&self) -> &'static [&'static str] {
        &["role", "mount", "namespace"]
    }

    fn canonical(&self, name: &str, settings: &Settings) -> ValueAny {
        match vault::mount(settings, Some(MOUNT)) {
            Ok(mount) if name == "mount" => ValueAny::String(mount),
            _ => settings.value(name).cloned().unwrap_or_default(),
        }
    }

    fn example(&self) -> BTreeMap<String, ValueAny> {
        let text = |text: &str| ValueAny::String(text.into());
        BTreeMap::from([
            ("role".to_owned(), text("payments")),
            ("ttl".to_owned(), text("120d")),
        ])
    }

    fn permissions(&self) -> &'static [Permission] {
        PERMISSIONS
    }

    fn import_id(&self) -> Option<&'static str> {
        Some("<mount>/<role>/<accessor>")
    }

    fn connect(&self, settings: &Settings, context: &Context) -> Result<Box<dyn Issuer>> {
        let ttl = settings
            .required_string("ttl")
            .and(settings.duration("ttl"))?;
        let namespace = vault::namespace(settings)?;
        let client = vault::client(context)?;
        let api = Api {
            known: context.shared(|| Ok(Known::default()))?,
            role: vault::path(settings, "role")?,
            mount: vault::mount(settings, Some(MOUNT))?,
            namespace,
            client,
        };
        Ok(Box::new(Role {
            api,
            ttl: ttl.unwrap_or_default(),
            cidr_list: settings
                .strings("cidr_list")
                .into_iter()
                .map(str::to_owned)
                .collect(),
            metadata: metadata(settings)?,
            role_id: OnceCell::new(),
        }))
    }

    /// Only what was made here: nothing else is in the list that the life of a key goes by.
    async fn import(&self, id: &str, context: &Context) -> Result<Imported> {
        let parts = id.rsplit_once('/').and_then(|(place, accessor)| {
            let (mount, role) = place.rsplit_once('/')?;
            Some((mount, role, accessor))
        });
        let (mount, role, accessor) = parts.ok_or_else(|| malformed(self, id))?;
        let settings = texts([("mount", mount), ("role", role)]);
        from_the_list(self, settings, accessor, context).await
    }
}

struct Role {
    api: Api,
    /// Zero for secret ids without an end.
    ttl: Duration,
    cidr_list: Vec<String>,
    metadata: BTreeMap<String, String>,
    role_id: OnceCell<String>,
}

#[async_trait]
impl Issuer for Role {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            listing: Listing::Labelled,
            label: Label::Name,
            key_ids: true,
            probe: true,
            expiry: (!self.ttl.is_zero()).then_some(self.ttl),
            serialised: true,
            valid_at_mint: true,
            ..Capabilities::default()
        }
    }

    fn account(&self) -> String {
        format!("{KIND} {}", self.api.whole())
    }

    async fn lock(&self) -> Result<String> {
        let cluster = self.api.client.cluster_id().await?;
        Ok(format!("{KIND} {cluster} {}", self.api.whole()))
    }

    fn ahead(&self) -> i64 {
        self.api.client.ahead()
    }

    async fn check(&self) -> Result<()> {
        let role = self.api.role().await;
        let role = role.map_err(|refusal| {
            refusal.explain(format!("{} could not be looked at", self.account()))
        })?;
        let Some(role) = role else {
            return Err(self.no_role());
        };
        let (what, way_out) = match role {
            role if !role.bind_secret_id => (
                "asks for no secret id at a login",
                "set bind_secret_id = true on it",
            ),
            role if role.secret_id_num_uses != 0 => (
                "lets its secret ids be used a number of times only (secret_id_num_uses), so that a delivered one would end without \
                 notice",
                "set secret_id_num_uses = 0 on it",
            ),
            _ => return Ok(()),
        };
        Err(Error::new(
            Kind::Invalid,
            format!("{} {what}", self.account()),
            format!("Nothing was changed. Choose another role, or {way_out}."),
        ))
    }

    async fn mint(&self, token: &str) -> Result<Minted> {
        let new = NewSecretId {
            metadata: super::vault::marked(&self.metadata, token),
            ttl: self.ttl,
            cidr_list: &self.cidr_list,
        };
        let role = self.account();
        match self.api.create(&new).await {
            Ok((accessor, secret)) => Ok(Minted {
                key_id: Some(accessor),
                secret,
                created_at: None,
            }),
            Err(refusal) if refusal.outcome_unknown => Err(Error {
                kind: Kind::Uncertain,
                ..refusal.explain(format!("It is not certain whether a secret id of {role} was created"))
            }),
            Err(refusal) if refusal.is("ttl cannot be longer than the role's secret_id_ttl") => Err(Error {
                detail: "The role ends its secret ids sooner (secret_id_ttl). Raise that, or lower ttl and the policy of the key."
                    .to_owned(),
                ..refusal.explain(format!("No secret id of {role} was created: ttl is too long"))
            }),
            Err(refusal) => Err(refusal.explain(format!("No secret id of {role} was created"))),
        }
    }

    async fn list(&self) -> Result<Vec<Listed>> {
        let listed = self.api.list().await;
        listed.map_err(|refusal| {
            refusal.explain(format!(
                "The secret ids of {} could not be listed",
                self.account()
            ))
        })
    }

    async fn holder(&self, key_id: &str) -> Result<Option<String>> {
        let found = self.api.lookup(key_id).await;
        let found = found.map_err(|refusal| self.unseen(key_id, refusal))?;
        Ok(found.map(|_| format!("role {}, but this provider did not make it", self.api.role)))
    }

    async fn probe(&self, _: Option<&str>, secret: &Secret) -> Result<Probe> {
        let untried = |refusal: Refusal| {
            refusal.explain(format!(
                "A secret id of {} could not be tried",
                self.account()
            ))
        };
        let role_id = self.role_id.get_or_try_init(|| self.api.role_id()).await;
        match self.api.log_in(role_id.map_err(untried)?, secret).await {
            Ok(()) => Ok(Probe::Accepted),
            Err(refusal) if refusal.meaning == Meaning::Unknown => {
                Ok(Probe::Refused(format!("Vault answered {}", refusal.code)))
            }
            // This machine may be none of those that it is for.
            Err(refusal) if refusal.is("unauthorized through CIDR restrictions") => {
                match self.api.is_known(secret).await.map_err(untried)? {
                    true => Ok(Probe::Accepted),
                    false => Ok(Probe::Refused("Vault knows no such secret id".to_owned())),
                }
            }
            Err(refusal) => Err(untried(refusal)),
        }
    }

    async fn revoke(&self, key: KeyRef<'_>, _: Option<KeyRef<'_>>) -> Result<Revoked> {
        let accessor = key.key_id.ok_or_else(nameless)?;
        match self.api.destroy(accessor).await {
            Ok(()) => Ok(Revoked::Ended),
            Err(refusal) if refusal.kind == Kind::NotFound => Ok(Revoked::NotFound),
            Err(refusal) => Err(refusal.explain(format!(
                "Secret id {accessor} of {} could not be destroyed",
                self.account()
            ))),
        }
    }

    fn import_id(&self, key_id: &str) -> Option<String> {
        let Api {
            mount,
            role,
            namespace,
            ..
        } = &self.api;
        // An id says nothing of a namespace: it means that of the provider.
        let is_usual = namespace.is_none();
        is_usual.then(|| format!("{mount}/{role}/{key_id}"))
    }

    fn cli(&self, key_id: &str) -> Option<Cli> {
        let by = |what: &str| {
            let Api { mount, role, .. } = &self.api;
            let namespace = match self.api.client.namespace(self.api.namespace.as_deref()) {
                name if name.is_empty() => name,
                name => format!(" -namespace={name}"),
            };
            format!(
                "vault write{namespace} auth/{mount}/role/{role}/secret-id-accessor/{what} secret_id_accessor={key_id}"
            )
        };
        Some(Cli {
            look: by("lookup"),
            delete: by("destroy"),
        })
    }
}

impl Role {
    fn no_role(&self) -> Error {
        Error::new(
            Kind::NotFound,
            format!("{} does not exist", self.account()),
            "Create the role, or correct role, mount or namespace.",
        )
    }

    fn unseen(&self, accessor: &str, refusal: Refusal) -> Error {
        refusal.explain(format!(
            "Secret id {accessor} of {} could not be looked at",
            self.account()
        ))
    }
}

fn nameless() -> Error {
    Error::new(
        Kind::Other,
        "A secret id of Vault has no accessor",
        "The state is incomplete. Run terraform apply -refresh-only.",
    )
}
