//! Tokens of Vault itself, for what works with Vault and can do no better than hold one.
//!
//! They are orphans, always: any other token dies with the one that made it, and that of a pipeline dies within the hour. They
//! cannot be listed without `sudo` over everybody's tokens, so each is looked at by its accessor. One that was lost on its way
//! ends by its own time.

mod api;

use std::collections::BTreeMap;

use async_trait::async_trait;
use tf_provider::schema::AttributeType;
use tf_provider::value::ValueAny;

use super::vault::{marked, metadata, metadata_attribute, text, ttl_words};
use super::{
    Capabilities, Cli, Imported, Issuer, IssuerKind, KeyRef, KeyStatus, Label, Minted, Permission,
    Probe, Revoked,
};
use crate::context::Context;
use crate::duration::Duration;
use crate::error::{Error, Kind, Result};
use crate::http::Meaning;
use crate::scan::format::{Format, is_base64url, is_of_a_word, prefixed};
use crate::schema::{Attributes, attributes, list_of, optional};
use crate::secret::Secret;
use crate::settings::{DROPPED, Settings};
use crate::vendors::vault;

use api::{Api, Made, NewToken};

/// The issuer `vault_token`.
pub struct VaultToken;

const KIND: &str = "vault_token";

/// Vault counts from a moment before the answer.
const SLACK: u64 = 60;

const PERMISSIONS: &[Permission] = &[
    Permission {
        name: "update on auth/token/create-orphan",
        needed: "to mint, where no `role` is set; with `sudo` for policies that the provider's own token lacks",
    },
    Permission {
        name: "update on auth/token/create/<role>",
        needed: "to mint, where `role` is set",
    },
    Permission {
        name: "update on auth/token/lookup-accessor",
        needed: "to see whether a token still exists",
    },
    Permission {
        name: "update on auth/token/revoke-accessor",
        needed: "to revoke",
    },
];

const FORMATS: &[Format] = &[
    Format {
        name: "Vault token",
        is_id: false,
        find: |text| prefixed(text, "hvs.", is_base64url, 24..=256),
    },
    Format {
        name: "Vault batch token",
        is_id: false,
        find: |text| prefixed(text, "hvb.", is_base64url, 100..=512),
    },
    Format {
        name: "OpenBao token",
        is_id: false,
        // Many a word of a program begins so, but none is so long and so mixed.
        find: |text| {
            let mut found = prefixed(text, "s.", is_of_a_word, 24..=24);
            found.retain(|found| {
                let has = |is: fn(&u8) -> bool| text[found.at.clone()][2..].iter().any(is);
                has(u8::is_ascii_digit)
                    && has(u8::is_ascii_lowercase)
                    && has(u8::is_ascii_uppercase)
            });
            found
        },
    },
];

#[async_trait]
impl IssuerKind for VaultToken {
    fn name(&self) -> &'static str {
        KIND
    }

    fn description(&self) -> &'static str {
        "Tokens of HashiCorp Vault or OpenBao, orphans that outlive the session of the provider. The id of a key is its accessor. \
         At least one of `role` and `policies` is set, and exactly one of `ttl` and `period`. See the guide \
         [Vault and OpenBao](../guides/vault.md)."
    }

    fn attributes(&self) -> Attributes {
        attributes([
            (
                "role",
                text(
                    "Name of a role of `auth/token/roles`, which decides what a token may do. It has to make orphans.",
                ),
            ),
            (
                "policies",
                optional(
                    list_of(AttributeType::String),
                    "What a token may do, by the names of policies. With a `role`: a part of what that allows.",
                ),
            ),
            vault::namespace_attribute("the tokens"),
            ("ttl", text(&ttl_words("a token"))),
            (
                "period",
                text(
                    "In place of `ttl`: a token lasts as long as somebody renews it within each such time. Nobody uses a staged \
                     token yet, so have the consumer renew both, or make it longer than `stage_before`.",
                ),
            ),
            ("display_name", text("Name in the audit log.")),
            metadata_attribute("a token"),
        ])
    }

    fn identity(&self) -> &'static [&'static str] {
        &["namespace"]
    }

    fn example(&self) -> BTreeMap<String, ValueAny> {
        let text = |text: &str| ValueAny::String(text.into());
        BTreeMap::from([
            (
                "policies".to_owned(),
                ValueAny::List(vec![text("payments")]),
            ),
            ("ttl".to_owned(), text("120d")),
        ])
    }

    fn formats(&self) -> &'static [Format] {
        FORMATS
    }

    fn permissions(&self) -> &'static [Permission] {
        PERMISSIONS
    }

    fn import_id(&self) -> Option<&'static str> {
        Some("<accessor>")
    }

    fn connect(&self, settings: &Settings, context: &Context) -> Result<Box<dyn Issuer>> {
        let policies: Vec<String> = settings
            .strings("policies")
            .into_iter()
            .map(str::to_owned)
            .collect();
        let role = settings
            .string("role")
            .map(|_| vault::path(settings, "role"))
            .transpose()?;
        if role.is_none() && policies.is_empty() {
            return Err(settings.wrong(
                "policies",
                "What the tokens may do is missing",
                format!("Set policies or role, or both. {DROPPED}"),
            ));
        }
        let namespace = vault::namespace(settings)?;
        Ok(Box::new(Tokens {
            api: Api {
                client: vault::client(context)?,
                namespace,
            },
            life: Life::read(settings)?,
            role,
            policies,
            display_name: settings.string("display_name").map(str::to_owned),
            metadata: metadata(settings)?,
        }))
    }

    /// A token of the namespace of the provider.
    async fn import(&self, accessor: &str, context: &Context) -> Result<Imported> {
        let api = Api {
            client: vault::client(context)?,
            namespace: None,
        };
        let created = api.created(accessor).await.map_err(|refusal| {
            refusal.explain(format!("Token {accessor} could not be looked at"))
        })?;
        let created_at = created.ok_or_else(|| {
            Error::new(
                Kind::NotFound,
                format!("Vault has no token with the accessor {accessor:?}"),
                "It may be of another namespace than that of the provider, or have ended. Nothing was imported: correct the id.",
            )
        })?;
        Ok(Imported {
            account: None,
            settings: BTreeMap::new(),
            key_id: accessor.to_owned(),
            created_at,
            status: KeyStatus::Active,
        })
    }
}

/// How a token ends by itself.
#[derive(Clone, Copy, Debug)]
enum Life {
    /// After this time.
    For(Duration),
    /// After this time without anybody who renews it.
    Renewed(Duration),
}

impl Life {
    fn read(settings: &Settings<'_>) -> Result<Self> {
        let life = match (settings.duration("ttl")?, settings.duration("period")?) {
            (Some(ttl), None) => Self::For(ttl),
            (None, Some(period)) => Self::Renewed(period),
            (Some(_), Some(_)) => {
                return Err(settings.wrong(
                    "period",
                    "There are two ends",
                    "Both ttl and period are set. Keep the one that is meant.",
                ));
            }
            (None, None) => {
                return Err(settings.wrong(
                    "ttl",
                    "ttl is missing",
                    format!("Vault would choose an end by itself. Set ttl or period. {DROPPED}"),
                ));
            }
        };
        match life.length().is_zero() {
            false => Ok(life),
            true => {
                let name = if matches!(life, Self::For(_)) {
                    "ttl"
                } else {
                    "period"
                };
                Err(settings.wrong(
                    name,
                    format!("{name} is zero"),
                    "Vault makes no orphan without an end. Give a time.",
                ))
            }
        }
    }

    fn length(self) -> Duration {
        match self {
            Self::For(length) | Self::Renewed(length) => length,
        }
    }
}

struct Tokens {
    api: Api,
    role: Option<String>,
    policies: Vec<String>,
    life: Life,
    display_name: Option<String>,
    metadata: BTreeMap<String, String>,
}

#[async_trait]
impl Issuer for Tokens {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            describes: true,
            label: Label::Name,
            key_ids: true,
            probe: true,
            expiry: match self.life {
                Life::For(ttl) => Some(ttl),
                Life::Renewed(_) => None,
            },
            valid_at_mint: true,
            ..Capabilities::default()
        }
    }

    fn account(&self) -> String {
        match self.api.namespace() {
            name if name.is_empty() => KIND.to_owned(),
            name => format!("{KIND} {name}"),
        }
    }

    async fn lock(&self) -> Result<String> {
        let cluster = self.api.client.cluster_id().await?;
        Ok(format!("{KIND} {cluster} {}", self.api.namespace()))
    }

    fn ahead(&self) -> i64 {
        self.api.client.ahead()
    }

    async fn mint(&self, token: &str) -> Result<Minted> {
        let new = NewToken {
            role: self.role.as_deref(),
            policies: &self.policies,
            ttl: matches!(self.life, Life::For(_)).then(|| self.life.length()),
            period: matches!(self.life, Life::Renewed(_)).then(|| self.life.length()),
            display_name: self.display_name.as_deref(),
            metadata: marked(&self.metadata, token),
        };
        let made =
            self.api
                .create(&new)
                .await
                .map_err(|refusal| match refusal.outcome_unknown {
                    true => {
                        let error =
                            refusal.explain("It is not certain whether a token was created");
                        Error {
                            kind: Kind::Uncertain,
                            detail: format!(
                                "{} If one was, nobody has it, and it ends by itself within {}.",
                                error.detail,
                                self.life.length()
                            ),
                            ..error
                        }
                    }
                    false => refusal.explain("No token was created"),
                })?;
        if let Some(fault) = self.fault(&made) {
            return Err(self.take_back(&made, fault).await);
        }
        Ok(Minted {
            key_id: Some(made.accessor),
            secret: made.secret,
            created_at: None,
        })
    }

    async fn describe(&self, key_id: &str) -> Result<KeyStatus> {
        match self.api.exists(key_id).await {
            Ok(true) => Ok(KeyStatus::Active),
            Ok(false) => Ok(KeyStatus::Missing),
            Err(refusal) => Err(refusal.explain(format!("Token {key_id} could not be looked at"))),
        }
    }

    async fn probe(&self, _: Option<&str>, secret: &Secret) -> Result<Probe> {
        match self.api.look_at_itself(secret).await {
            Ok(()) => Ok(Probe::Accepted),
            // It is one, although it may not even look at itself: Vault itself says so, which no proxy in between would.
            Err(refusal)
                if refusal.meaning == Meaning::Forbidden && refusal.is("permission denied") =>
            {
                Ok(Probe::Accepted)
            }
            Err(refusal) if refusal.meaning == Meaning::Unknown => {
                Ok(Probe::Refused(format!("Vault answered {}", refusal.code)))
            }
            Err(refusal) => Err(refusal.explain("A token could not be tried")),
        }
    }

    async fn revoke(&self, key: KeyRef<'_>, _: Option<KeyRef<'_>>) -> Result<Revoked> {
        let accessor = key.key_id.ok_or_else(|| {
            Error::new(
                Kind::Other,
                "A token of Vault has no accessor",
                "The state is incomplete. Run terraform apply -refresh-only.",
            )
        })?;
        match self.api.revoke(accessor).await {
            Ok(true) => Ok(Revoked::Ended),
            Ok(false) => Ok(Revoked::NotFound),
            Err(refusal) => Err(refusal.explain(format!("Token {accessor} could not be revoked"))),
        }
    }

    fn import_id(&self, key_id: &str) -> Option<String> {
        let is_usual = self.api.namespace.is_none();
        is_usual.then(|| key_id.to_owned())
    }

    fn cli(&self, key_id: &str) -> Option<Cli> {
        let by = |what: &str| {
            let namespace = match self.api.namespace() {
                name if name.is_empty() => name,
                name => format!(" -namespace={name}"),
            };
            format!("vault token {what}{namespace} -accessor {key_id}")
        };
        Some(Cli {
            look: by("lookup"),
            delete: by("revoke"),
        })
    }
}

impl Tokens {
    /// Why a token would not last as long as it is needed, or could not be ended before.
    fn fault(&self, made: &Made) -> Option<String> {
        let asked = self.life.length().as_secs();
        let of_role = self.role.as_deref().unwrap_or_default();
        if made.accessor.is_empty() {
            return Some(format!(
                "The role {of_role:?} makes batch tokens, which nobody can look at or revoke. Set token_type = \"service\" on that \
                 role, or leave role out."
            ));
        }
        if made.uses > 0 {
            return Some(format!(
                "It could be used {} times, and to prove it takes some of them: the role {of_role:?} sets token_num_uses. Set that \
                 to 0, or leave role out.",
                made.uses
            ));
        }
        if !made.orphan {
            return Some(format!(
                "It would die together with the token of the provider, for the role {of_role:?} makes no orphans. Set orphan = true \
                 on that role, or leave role out."
            ));
        }
        (made.seconds > 0 && made.seconds + SLACK < asked).then(|| {
            format!(
                "It would end after {}, not after {}: the role, or max_lease_ttl of the method token or of the server, allows no \
                 more. Raise that (vault auth tune -max-lease-ttl=… token), or lower what is asked for and the policy of the key.",
                Duration::from_secs(made.seconds),
                self.life.length()
            )
        })
    }

    /// A token that is of no use is revoked before anybody has it.
    async fn take_back(&self, made: &Made, fault: String) -> Error {
        let outcome = match made.accessor.as_str() {
            "" => format!("It ends by itself within {}.", self.life.length()),
            accessor => match self.api.revoke(accessor).await {
                Ok(_) => "It was revoked again.".to_owned(),
                Err(refusal) => {
                    let error = refusal.explain(format!(
                        "It could not be revoked again; its accessor is {accessor}"
                    ));
                    error.to_string()
                }
            },
        };
        Error::new(
            Kind::Invalid,
            "Vault made a token that cannot be managed",
            format!("{fault} {outcome}"),
        )
    }
}
