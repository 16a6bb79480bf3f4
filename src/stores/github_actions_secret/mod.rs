//! Secrets of GitHub Actions: of a repository, an environment or an organization. They can be written and never read, so that
//! a change by somebody else is told by when they were written.
//!
//! Here is what a delivery does. What it writes, and in which order, is in `steps`, the calls are in `api`.

mod api;
mod settings;
mod steps;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tf_provider::value::ValueAny;

use super::{
    Capabilities, Document, Foreign, Found, Observation, Receipt, Store, StoreKind, Version,
    WriteScope, Written, fits,
};
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::http::Refusal;
use crate::issuers::Permission;
use crate::schema::Attributes;
use crate::settings::Settings;
use crate::vendors::github;

use api::{Api, Stamps};
use settings::Place;

/// The store `github_actions_secret`.
pub struct GithubActionsSecret;

const KIND: &str = "github_actions_secret";

/// What one secret can hold.
const LARGEST: usize = 48 * 1024;

impl StoreKind for GithubActionsSecret {
    fn name(&self) -> &'static str {
        KIND
    }

    fn description(&self) -> &'static str {
        "Secrets of GitHub Actions, of a repository, an environment or an organization. Nobody can read them back: a resource \
         needs another delivery that can be read, or `store_secret_in_state`. They are written one after the other, in an order \
         in which a workflow finds a slot that works at any moment. Needs the permission `Secrets` (of an environment \
         `Environments`), read and write."
    }

    fn attributes(&self) -> Attributes {
        settings::attributes()
    }

    fn example(&self) -> BTreeMap<String, ValueAny> {
        let repository = ValueAny::String("acme/payments".into());
        BTreeMap::from([("repository".to_owned(), repository)])
    }

    fn permissions(&self) -> &'static [Permission] {
        PERMISSIONS
    }

    fn connect(&self, settings: &Settings, context: &Context) -> Result<Box<dyn Store>> {
        let client = github::client(context)?;
        let place = Place::read(settings, client.owner())?;
        Ok(Box::new(Target {
            api: Api::new(client, &place.scope),
            place,
            done: context.shared(|| Ok(Done::default()))?,
        }))
    }
}

const PERMISSIONS: &[Permission] = &[
    Permission {
        name: "Secrets (write)",
        needed: "to deliver to a repository or an organization; read is part of it (classic tokens: repo, admin:org)",
    },
    Permission {
        name: "Environments (write)",
        needed: "to deliver to an environment",
    },
];

/// The last write of each place in this run: what cannot be read back is not written twice.
#[derive(Default)]
struct Done(Mutex<HashMap<String, (String, Version)>>);

struct Target {
    place: Place,
    api: Api,
    done: Arc<Done>,
}

#[async_trait]
impl Store for Target {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            readable: false,
            size_limit: Some(LARGEST),
            versions: true,
            ..Capabilities::default()
        }
    }

    fn place(&self) -> String {
        format!(
            "{} ({})",
            self.place.holder(),
            self.place.content.names().prefix()
        )
    }

    fn write_scope(&self) -> WriteScope {
        WriteScope::part(self.place.holder(), self.place.content.names().prefix())
    }

    async fn identity(&self) -> Result<String> {
        Ok(format!("{} at {}", self.place(), self.api.host()))
    }

    async fn check(&self, seen: Option<&Observation>) -> Result<()> {
        if seen.is_none() {
            self.look().await?;
        }
        let recipient = self.api.recipient().await;
        recipient.map(drop).map_err(|refusal| self.unseen(refusal))
    }

    async fn observe(&self) -> Result<Observation> {
        let there = self.look().await?;
        Ok(Observation {
            found: self.understand(&there),
            version: version(&there),
        })
    }

    async fn write(&self, document: &Document, token: &str, expected: &Version) -> Result<Written> {
        let steps = self.place.content.steps(document);
        for value in steps.iter().filter_map(|step| step.value.as_ref()) {
            fits(value.expose(), Some(LARGEST), &self.place())?;
        }
        let before = self.look().await?;
        let now = version(&before);
        if self.done.has(&self.place(), token, &now) {
            return Ok(done(now));
        }
        self.refuse_another(&now, expected)?;
        let recipient = self
            .api
            .recipient()
            .await
            .map_err(|refusal| self.unseen(refusal))?;
        for step in &steps {
            let outcome = match &step.value {
                Some(value) => self.api.put(&step.name, value, &recipient).await,
                None if before.contains_key(&step.name) => self.api.delete(&step.name).await,
                None => Ok(()),
            };
            outcome.map_err(|refusal| {
                refusal.explain(format!(
                    "{}: {} could not be written",
                    self.place(),
                    step.name
                ))
            })?;
        }
        let after = self.look().await?;
        if steps
            .iter()
            .any(|step| step.value.is_some() != after.contains_key(&step.name))
        {
            return Err(self.meddled());
        }
        let now = version(&after);
        self.done.note(self.place(), token, &now);
        Ok(done(now))
    }

    async fn remove(&self, expected: &Version) -> Result<()> {
        let there = self.look().await?;
        if there.is_empty() {
            return Ok(());
        }
        if let Found::Foreign(foreign) = self.understand(&there) {
            return Err(self.not_ours(&foreign));
        }
        self.refuse_another(&version(&there), expected)?;
        // Whoever still reads finds the secondary while the primary is there; the mark goes last, so that the rest is ours.
        let content = &self.place.content;
        let (leader, mark) = (content.leader(), content.mark());
        let mut names: Vec<&String> = there.keys().filter(|name| **name != mark).collect();
        names.sort_by_key(|name| **name == leader);
        for name in names {
            self.delete(name).await?;
        }
        // A secret that the token may not delete can be answered like one that is not there.
        if self.look().await?.keys().any(|name| *name != mark) {
            return Err(self.meddled());
        }
        self.delete(&mark).await
    }
}

impl Target {
    async fn delete(&self, name: &str) -> Result<()> {
        let deleted = self.api.delete(name).await;
        deleted.map_err(|refusal| {
            refusal.explain(format!("{}: {name} could not be deleted", self.place()))
        })
    }

    async fn look(&self) -> Result<Stamps> {
        let there = self.api.stamps(&self.place.content.all()).await;
        there.map_err(|refusal| self.unseen(refusal))
    }

    /// Nobody can tell by the values whose they are. The mark alone, or with some that were written after it, is what a write
    /// left that did not come to its end.
    fn understand(&self, there: &Stamps) -> Found {
        let content = &self.place.content;
        let mark = content.mark();
        let Some(first) = there.keys().find(|name| **name != mark) else {
            return Found::Nothing;
        };
        match there.contains_key(&mark) {
            false => Found::hidden(format!(
                "there is a secret {first} but none of the name {mark}, which is delivered with it"
            )),
            true if there.contains_key(&content.leader()) => Found::Opaque,
            true => Found::Nothing,
        }
    }

    fn not_ours(&self, foreign: &Foreign) -> Error {
        Error::new(
            Kind::Stale,
            format!("{} is not ours to remove", self.place()),
            format!(
                "At GitHub, {foreign}. Nothing was changed there. Delete it by hand, or deliver to another place."
            ),
        )
    }

    fn unseen(&self, refusal: Refusal) -> Error {
        super::unseen(refusal.explain(format!(
            "The secrets of {} could not be listed",
            self.place.holder()
        )))
    }

    fn refuse_another(&self, now: &Version, expected: &Version) -> Result<()> {
        match now == expected {
            true => Ok(()),
            false => Err(Error::new(
                Kind::Stale,
                format!("{} was changed in the meantime", self.place()),
                "Somebody else wrote one of its secrets, or deleted it, since this apply looked at it. It was left as it is. Plan \
                 again.",
            )),
        }
    }

    fn meddled(&self) -> Error {
        Error::new(
            Kind::Stale,
            format!("{} does not hold what it should by now", self.place()),
            "Somebody else deleted or made one of its secrets at the same time. Find out who does, then plan again.",
        )
    }
}

impl Done {
    fn has(&self, place: &str, token: &str, now: &Version) -> bool {
        // Entries are only ever replaced whole, so a panic elsewhere leaves nothing half done.
        let done = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        done.get(place)
            .is_some_and(|(last, version)| last == token && version == now)
    }

    fn note(&self, place: String, token: &str, now: &Version) {
        let mut done = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        done.insert(place, (token.to_owned(), now.clone()));
    }
}

/// When they were written, by GitHub's clock, to the second.
fn version(there: &Stamps) -> Version {
    if there.is_empty() {
        return Version::Absent;
    }
    let stamps: Vec<String> = there
        .iter()
        .map(|(name, stamp)| format!("{name}@{stamp}"))
        .collect();
    Version::Of(stamps.join(" "))
}

fn done(content: Version) -> Written {
    let version = match &content {
        Version::Of(text) => Some(text.clone()),
        Version::Absent => None,
    };
    Written::Done(Receipt { content, version })
}
