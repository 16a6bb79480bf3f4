//! The calls of one role.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::{StreamExt, TryStreamExt, stream};
use reqwest::Method;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::json;
use zeroize::Zeroizing;

use crate::duration::Duration;
use crate::http::{Call, Refusal, Repeat};
use crate::instant::Instant;
use crate::issuers::vault::{mint_of, seconds};
use crate::issuers::{KeyStatus, Listed};
use crate::secret::Secret;
use crate::vendors::vault::{Looked, VaultClient, call};

/// The list names nothing but accessors; so many of them are looked at at once.
const AT_ONCE: usize = 16;

/// What was told of accessors: it never changes, so it is asked for once in a run. `None` for a secret id of somebody else.
#[derive(Default)]
pub(super) struct Known(Mutex<HashMap<(String, String), Option<Origin>>>);

/// Where a secret id of ours comes from.
#[derive(Clone)]
struct Origin {
    created_at: Instant,
    /// The mark of its mint.
    mint: String,
}

/// The calls.
pub(super) struct Api {
    pub client: Arc<VaultClient>,
    pub known: Arc<Known>,
    pub namespace: Option<String>,
    pub mount: String,
    pub role: String,
}

/// What a new secret id is to be.
pub(super) struct NewSecretId<'a> {
    pub metadata: BTreeMap<String, String>,
    pub ttl: Duration,
    pub cidr_list: &'a [String],
}

/// What a role says of its secret ids.
#[derive(Deserialize)]
pub(super) struct RoleSettings {
    pub bind_secret_id: bool,
    #[serde(default)]
    pub secret_id_num_uses: u64,
}

#[derive(Deserialize)]
struct Answer<T> {
    data: T,
}

#[derive(Deserialize)]
struct Created {
    secret_id: Zeroizing<String>,
    secret_id_accessor: String,
}

#[derive(Deserialize)]
struct Accessors {
    keys: Vec<String>,
}

#[derive(Deserialize)]
struct About {
    creation_time: Instant,
    metadata: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
struct RoleId {
    role_id: String,
}

#[derive(Deserialize)]
struct LoggedIn {
    auth: Session,
}

#[derive(Deserialize)]
struct Session {
    client_token: Zeroizing<String>,
}

impl Api {
    /// Namespace, mount and role in one.
    pub fn whole(&self) -> String {
        let namespace = self.client.namespace(self.namespace.as_deref());
        let place = format!("auth/{}/role/{}", self.mount, self.role);
        match namespace.as_str() {
            "" => place,
            namespace => format!("{namespace}/{place}"),
        }
    }

    fn path(&self, of: &str) -> String {
        format!("/auth/{}/role/{}{of}", self.mount, self.role)
    }

    fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    /// The role; `None` if there is none of this name.
    pub async fn role(&self) -> Result<Option<RoleSettings>, Refusal> {
        let path = self.path("");
        let operation = format!("GET {}", &path[1..]);
        let get = quoted(Call::get(&operation, &path));
        match self
            .client
            .look::<Answer<RoleSettings>>(self.namespace(), &get)
            .await?
        {
            Looked::There(role) => Ok(Some(role.data)),
            _ => Ok(None),
        }
    }

    /// Creates a secret id. Never sent again unless the server surely did nothing.
    pub async fn create(&self, new: &NewSecretId<'_>) -> Result<(String, Secret), Refusal> {
        let path = self.path("/secret-id");
        let operation = format!("POST {}", &path[1..]);
        // Vault wants the metadata as a text.
        let mut body =
            json!({ "metadata": json!(new.metadata).to_string(), "ttl": seconds(new.ttl) });
        if !new.cidr_list.is_empty() {
            body["cidr_list"] = json!(new.cidr_list);
        }
        let call = call(&operation, Method::POST, &path, &body, Repeat::IfUntouched)?;
        let created: Answer<Created> = self.client.json(self.namespace(), &call).await?;
        let Created {
            secret_id,
            secret_id_accessor,
        } = created.data;
        Ok((
            secret_id_accessor,
            Secret::new(secret_id.as_str().to_owned()),
        ))
    }

    /// Every secret id of the role that was made here.
    pub async fn list(&self) -> Result<Vec<Listed>, Refusal> {
        let path = self.path("/secret-id");
        let operation = format!("LIST {}", &path[1..]);
        let list = Call {
            query: &[("list", "true")],
            ..quoted(Call::get(&operation, &path))
        };
        let accessors = match self
            .client
            .look::<Answer<Accessors>>(self.namespace(), &list)
            .await?
        {
            Looked::There(list) => list.data.keys,
            _ => Vec::new(),
        };
        let looks = stream::iter(accessors).map(async |accessor| {
            let origin = self.origin(&accessor).await?;
            Ok::<_, Refusal>(origin.map(|origin| Listed {
                key_id: accessor,
                created_at: Some(origin.created_at),
                label: Some(origin.mint),
                last_used: None,
                status: KeyStatus::Active,
            }))
        });
        let listed: Vec<Option<Listed>> = looks.buffered(AT_ONCE).try_collect().await?;
        Ok(listed.into_iter().flatten().collect())
    }

    /// Where a secret id comes from; `None` if it was made by somebody else, or is gone by now.
    async fn origin(&self, accessor: &str) -> Result<Option<Origin>, Refusal> {
        let name = (self.whole(), accessor.to_owned());
        if let Some(known) = self.known.entries().get(&name) {
            return Ok(known.clone());
        }
        let Some(about) = self.lookup_all(accessor).await? else {
            return Ok(None);
        };
        let mint = about.metadata.as_ref().and_then(mint_of);
        let origin = mint.map(|mint| Origin {
            created_at: about.creation_time,
            mint: mint.to_owned(),
        });
        self.known.entries().insert(name, origin.clone());
        Ok(origin)
    }

    /// When a secret id was created, whoever made it; `None` if the role has none of this accessor.
    pub async fn lookup(&self, accessor: &str) -> Result<Option<Instant>, Refusal> {
        let about = self.lookup_all(accessor).await?;
        Ok(about.map(|about| about.creation_time))
    }

    async fn lookup_all(&self, accessor: &str) -> Result<Option<About>, Refusal> {
        let about = self.of_accessor::<Answer<About>>("lookup", accessor).await;
        match about {
            // One that has ended is listed until Vault tidies up, and nothing is said of it.
            Ok(about) => Ok(about.map(|about| about.data)),
            Err(refusal) if refusal.is("failed to find accessor entry") => Ok(None),
            Err(refusal) => Err(refusal),
        }
    }

    /// Destroys a secret id.
    pub async fn destroy(&self, accessor: &str) -> Result<(), Refusal> {
        let destroyed = self.of_accessor::<IgnoredAny>("destroy", accessor).await;
        destroyed.map(drop)
    }

    async fn of_accessor<T: DeserializeOwned>(
        &self,
        what: &str,
        accessor: &str,
    ) -> Result<Option<T>, Refusal> {
        let path = self.path(&format!("/secret-id-accessor/{what}"));
        let operation = format!("POST {}", &path[1..]);
        let body = json!({ "secret_id_accessor": accessor });
        let call = call(&operation, Method::POST, &path, &body, Repeat::Freely)?;
        self.client
            .json_or_nothing(self.namespace(), &quoted(call))
            .await
    }

    /// The public half of a login.
    pub async fn role_id(&self) -> Result<String, Refusal> {
        let path = self.path("/role-id");
        let operation = format!("GET {}", &path[1..]);
        let get = Call::get(&operation, &path);
        let role: Answer<RoleId> = self.client.json(self.namespace(), &get).await?;
        Ok(role.data.role_id)
    }

    /// Logs in, and gives the token back at once.
    pub async fn log_in(&self, role_id: &str, secret: &Secret) -> Result<(), Refusal> {
        let path = format!("/auth/{}/login", self.mount);
        let operation = format!("POST {}", &path[1..]);
        let body = json!({ "role_id": role_id, "secret_id": secret.expose() });
        let login = Call {
            secrets: &[secret],
            ..call(&operation, Method::POST, &path, &body, Repeat::Freely)?
        };
        let who = "the secret id of this resource";
        let session: LoggedIn = self
            .client
            .logged_in_as(who, self.namespace(), &login)
            .await?;
        let token = Secret::new(session.auth.client_token.as_str().to_owned());
        let path = "/auth/token/revoke-self";
        let end = call(
            "POST auth/token/revoke-self",
            Method::POST,
            path,
            &json!({}),
            Repeat::Freely,
        )?;
        // A token that may not do that ends by its own time.
        let ended = self
            .client
            .end_session(&token, self.namespace(), &end)
            .await;
        if let Err(refusal) = ended {
            tracing::debug!(code = refusal.code, "the token of a probe ends by itself");
        }
        Ok(())
    }

    /// Whether the role has this secret id, whoever may use it.
    pub async fn is_known(&self, secret: &Secret) -> Result<bool, Refusal> {
        let path = self.path("/secret-id/lookup");
        let operation = format!("POST {}", &path[1..]);
        let body = json!({ "secret_id": secret.expose() });
        let call = Call {
            secrets: &[secret],
            ..call(&operation, Method::POST, &path, &body, Repeat::Freely)?
        };
        let known = self
            .client
            .json_or_nothing::<Answer<IgnoredAny>>(self.namespace(), &call)
            .await?;
        Ok(known.is_some())
    }
}

impl Known {
    fn entries(&self) -> MutexGuard<'_, HashMap<(String, String), Option<Origin>>> {
        // Entries are only ever added whole, so a panic elsewhere leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that neither carries nor returns a secret.
fn quoted(call: Call<'_>) -> Call<'_> {
    Call {
        may_be_quoted: true,
        ..call
    }
}
