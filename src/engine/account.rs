//! One account at an issuer, as everybody in this process sees it: one list of its keys for all, kept in step with what is
//! done here. What follows from the list is worked out here, once for every issuer.

mod lost_mint;
mod revoking;
mod sight;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{Mutex as AsyncMutex, OnceCell};

use crate::context::Context;
use crate::domain::capabilities::Capabilities;
use crate::engine::account_lock::Tenure;
use crate::error::{Error, Kind, Result};
use crate::http::Http;
use crate::instant::Instant;
use crate::issuers::{ByHand, Cli, Issuer, KeyStatus, Listed, Minted, Probe, Use};
use crate::secret::Secret;

/// How often a list that may be late is read again before a key that it lacks counts as missing.
const REREADS: u64 = 2;

/// The issuer of one resource, and the account behind it that it may share with others.
pub struct Account {
    issuer: Box<dyn Issuer>,
    accounts: Arc<Accounts>,
    http: Arc<Http>,
    shared: OnceCell<Arc<Shared>>,
    /// As long as nobody asked which account it is, a look is for its own eyes.
    own: Arc<Shared>,
}

/// The accounts that this process works on, by the name that everybody locks them by.
#[derive(Default)]
pub struct Accounts(Mutex<HashMap<String, Weak<Shared>>>);

/// What is known of one account, for as long as somebody in this process works on it or looks at it.
pub(super) struct Shared {
    pub(super) name: String,
    list: AsyncMutex<Snapshot>,
    /// Of those who work on it.
    pub(super) tenure: Mutex<Weak<Tenure>>,
}

/// The keys as they were listed last.
#[derive(Clone, Default)]
struct Snapshot {
    keys: Option<Arc<Vec<Listed>>>,
    /// How often they were listed.
    number: u64,
}

impl Accounts {
    fn get(&self, name: &str) -> Arc<Shared> {
        // Entries are only ever added or taken out whole, so a panic elsewhere leaves nothing half done.
        let mut accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        accounts.retain(|_, account| account.strong_count() > 0);
        if let Some(shared) = accounts.get(name).and_then(Weak::upgrade) {
            return shared;
        }
        let shared = Arc::new(Shared::new(name.to_owned()));
        accounts.insert(name.to_owned(), Arc::downgrade(&shared));
        shared
    }
}

impl Shared {
    pub(super) fn new(name: String) -> Self {
        Self {
            name,
            list: AsyncMutex::default(),
            tenure: Mutex::default(),
        }
    }

    /// The account may have changed: what was listed so far counts no more.
    pub(super) async fn forget(&self) {
        self.list.lock().await.keys = None;
    }

    pub(super) fn tenure(&self) -> MutexGuard<'_, Weak<Tenure>> {
        self.tenure.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Account {
    /// An issuer whose account is shared with all others of this provider that mean the same one.
    pub fn new(issuer: Box<dyn Issuer>, context: &Context) -> Result<Self> {
        Ok(Self {
            own: Arc::new(Shared::new(issuer.account())),
            issuer,
            accounts: context.shared(|| Ok(Accounts::default()))?,
            http: context.http(),
            shared: OnceCell::new(),
        })
    }

    /// What the issuer can do.
    pub fn capabilities(&self) -> Capabilities {
        self.issuer.capabilities()
    }

    /// The name for messages, see [`Issuer::account`].
    pub fn account(&self) -> String {
        self.issuer.account()
    }

    /// The one name that everybody locks it by, see [`Issuer::lock`].
    pub async fn lock(&self) -> Result<String> {
        Ok(self.shared().await?.name.clone())
    }

    /// See [`Issuer::ahead`].
    pub fn ahead(&self) -> i64 {
        self.issuer.ahead()
    }

    /// How many keys it holds at most.
    pub fn limit(&self) -> Option<usize> {
        self.capabilities().limit
    }

    /// Everything that can fail before a mint and can be asked without trying: reach, permissions to look, room for one
    /// more key ([`Kind::Limit`] if there is none). `owned` are the ids that the resource already has.
    pub async fn check(&self, owned: &[String]) -> Result<()> {
        self.issuer.check().await?;
        let able = self.capabilities();
        if !able.lists() {
            return Ok(());
        }
        let keys = self.known().await?;
        match able.limit {
            Some(limit) if keys.len() >= limit => Err(full(&self.here().name, limit, &keys, owned)),
            _ => Ok(()),
        }
    }

    /// Keys of others that leave no room for the two that a rotation of the resource needs, with the limit; `None` if
    /// there is room, or no limit that could be met.
    pub async fn crowd(&self, owned: &[String]) -> Result<Option<(usize, Vec<Listed>)>> {
        let able = self.capabilities();
        let Some(limit) = able.limit.filter(|_| able.lists()) else {
            return Ok(None);
        };
        let keys = self.known_or_none().await?;
        let others = keys.iter().filter(|key| !owned.contains(&key.key_id));
        let others: Vec<Listed> = others.cloned().collect();
        Ok((others.len() + 2 > limit && !others.is_empty()).then_some((limit, others)))
    }

    /// Every key of the account, whoever made it; `None` if the issuer cannot list them.
    pub async fn list(&self) -> Result<Option<Arc<Vec<Listed>>>> {
        match self.capabilities().lists() {
            true => self.known_or_none().await.map(Some),
            false => Ok(None),
        }
    }

    /// What the issuer says of each of these keys, in the same order; `None` where it cannot say.
    pub async fn inspect(&self, key_ids: &[String]) -> Result<Vec<Option<KeyStatus>>> {
        let able = self.capabilities();
        if able.lists() {
            let is_complete = |keys: &[Listed]| key_ids.iter().all(|id| find(keys, id).is_some());
            let keys = self.list_until(is_complete).await?;
            let status = |id: &String| find(&keys, id).map_or(KeyStatus::Missing, |key| key.status);
            return Ok(key_ids.iter().map(|id| Some(status(id))).collect());
        }
        let mut answers = Vec::new();
        for id in key_ids {
            answers.push(match able.describes {
                true => Some(self.issuer.describe(id).await?),
                false => None,
            });
        }
        Ok(answers)
    }

    /// See [`Issuer::by_hand`].
    pub fn by_hand(&self) -> Option<ByHand> {
        self.issuer.by_hand()
    }

    /// See [`Issuer::holder`].
    pub async fn holder(&self, key_id: &str) -> Result<Option<String>> {
        self.issuer.holder(key_id).await
    }

    /// When the list says that a key was last used; `None` where it does not say, or lacks the key. Asks nobody: it is as old as the list.
    pub async fn listed_use(&self, key_id: &str) -> Option<Option<Instant>> {
        let keys = self.here().list.lock().await.keys.clone()?;
        find(&keys, key_id)?.last_used
    }

    /// See [`Issuer::last_use`].
    pub async fn last_use(&self, key_id: &str) -> Result<Option<Use>> {
        self.issuer.last_use(key_id).await
    }

    /// See [`Issuer::probe`].
    pub async fn probe(&self, key_id: Option<&str>, secret: &Secret) -> Result<Probe> {
        self.issuer.probe(key_id, secret).await
    }

    /// See [`Issuer::mint`]. Where the answer was lost, the list may tell of the key.
    pub async fn mint(&self, token: &str) -> Result<Minted> {
        let lists = self.capabilities().lists();
        let before = match lists {
            true => self.known().await?,
            false => Arc::default(),
        };
        let minted = self.issuer.mint(token).await;
        match minted {
            Ok(minted) => {
                self.note_minted(&minted).await;
                Ok(minted)
            }
            Err(error) if lists && error.kind == Kind::Uncertain => {
                Err(self.lost_mint(token, &before, error).await)
            }
            Err(error) => Err(error),
        }
    }

    /// By which id one of its keys is imported, see [`Issuer::import_id`].
    pub fn import_id(&self, key_id: &str) -> Option<String> {
        self.issuer.import_id(key_id)
    }

    /// How a person looks after one of its keys, see [`Issuer::cli`].
    pub fn cli(&self, key_id: &str) -> Option<Cli> {
        self.issuer.cli(key_id)
    }

    /// The account as all others see it who mean the same one.
    pub(super) async fn shared(&self) -> Result<&Arc<Shared>> {
        let find = async || Ok(self.accounts.get(&self.issuer.lock().await?));
        self.shared.get_or_try_init(find).await
    }

    fn here(&self) -> &Shared {
        self.shared.get().unwrap_or(&self.own)
    }

    async fn note_minted(&self, minted: &Minted) {
        // Whoever lists times will want this one too.
        let Some(id) = minted
            .key_id
            .as_ref()
            .filter(|_| minted.created_at.is_some())
        else {
            self.here().forget().await;
            return;
        };
        self.note(|keys| {
            keys.push(Listed {
                key_id: id.clone(),
                created_at: minted.created_at,
                label: None,
                last_used: None,
                status: KeyStatus::Active,
            });
        })
        .await;
    }

    /// The list, after something was done here.
    async fn note(&self, change: impl FnOnce(&mut Vec<Listed>)) {
        let mut list = self.here().list.lock().await;
        if let Some(keys) = &mut list.keys {
            change(Arc::make_mut(keys));
        }
    }

    /// The list as it is known; asked for only if it is not. Whoever asks meanwhile waits for the same answer.
    async fn known(&self) -> Result<Arc<Vec<Listed>>> {
        let mut list = self.here().list.lock().await;
        match &list.keys {
            Some(keys) => Ok(Arc::clone(keys)),
            None => self.ask(&mut list).await,
        }
    }

    /// An account that is gone has no keys.
    async fn known_or_none(&self) -> Result<Arc<Vec<Listed>>> {
        sight::none_if_gone(self.known().await)
    }

    async fn ask(&self, list: &mut Snapshot) -> Result<Arc<Vec<Listed>>> {
        let listed = self.issuer.list().await;
        let keys = Arc::new(listed.map_err(|error| self.out_of_sight(error))?);
        list.keys = Some(Arc::clone(&keys));
        list.number += 1;
        Ok(keys)
    }

    /// The list, read again a few times while it is not `complete`.
    async fn list_until(&self, complete: impl Fn(&[Listed]) -> bool) -> Result<Arc<Vec<Listed>>> {
        let known = self.here().list.lock().await.keys.clone();
        match known.filter(|keys| complete(keys)) {
            Some(keys) => Ok(keys),
            None => self.list_again(complete).await,
        }
    }

    /// The same for a list that is known to be too old.
    async fn list_again(&self, complete: impl Fn(&[Listed]) -> bool) -> Result<Arc<Vec<Listed>>> {
        let lag = self.capabilities().list_lag.as_secs();
        let mut rereads = match lag {
            0 => REREADS,
            _ => 0,
        };
        let mut seen = self.here().list.lock().await.number;
        loop {
            let (keys, number) = self.newer_than(seen).await?;
            if complete(&keys) || rereads == REREADS {
                return Ok(keys);
            }
            let pause = Duration::from_secs(lag / REREADS);
            self.http.wait(pause).await?;
            seen = number;
            rereads += 1;
        }
    }

    /// A list that was asked for after the one of this number: by us, or by somebody else meanwhile.
    async fn newer_than(&self, seen: u64) -> Result<(Arc<Vec<Listed>>, u64)> {
        let mut list = self.here().list.lock().await;
        if let (Some(keys), true) = (&list.keys, list.number > seen) {
            return Ok((Arc::clone(keys), list.number));
        }
        let keys = sight::none_if_gone(self.ask(&mut list).await)?;
        Ok((keys, list.number))
    }
}

fn find<'a>(keys: &'a [Listed], id: &str) -> Option<&'a Listed> {
    keys.iter().find(|key| key.key_id == id)
}

/// How a key stands and since when it exists.
pub fn about(key: &Listed) -> String {
    let status = match key.status {
        KeyStatus::Active => "active",
        KeyStatus::Inactive => "inactive",
        KeyStatus::Missing => "gone",
    };
    match key.created_at {
        Some(at) => format!("{status}, created {at}"),
        None => status.to_owned(),
    }
}

/// More keys than this are counted, not named.
const NAMED: usize = 5;

fn full(account: &str, limit: usize, keys: &[Listed], owned: &[String]) -> Error {
    let mut listed: Vec<String> = keys
        .iter()
        .take(NAMED)
        .map(|key| format!("{} ({})", key.key_id, about(key)))
        .collect();
    if keys.len() > NAMED {
        listed.push(format!("{} more", keys.len() - NAMED));
    }
    Error::new(
        Kind::Limit,
        format!("{account} already has {} keys", keys.len()),
        format!(
            "They are {}. It may have {limit}, those that are switched off included. {}",
            listed.join(" and "),
            ownership(keys, owned)
        ),
    )
}

fn ownership(keys: &[Listed], owned: &[String]) -> String {
    let ours = keys.iter().filter(|key| owned.contains(&key.key_id));
    let ours: Vec<&str> = ours.map(|key| key.key_id.as_str()).collect();
    match ours.as_slice() {
        [] => "This resource owns none of them.".to_owned(),
        all if all.len() == keys.len() => {
            "This resource owns all of them; one must be revoked before another can be created."
                .to_owned()
        }
        some => format!("This resource owns only {}.", some.join(" and ")),
    }
}

#[cfg(test)]
#[path = "account_tests.rs"]
mod tests;
