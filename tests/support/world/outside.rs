//! The issuer and the stores of the world, as the provider reaches them.

use std::time::Duration as Time;

use apikey::context::{Connector, Context};
use apikey::deployments::{Occasion, Progress, Target, Wanted, is_required};
use apikey::domain::capabilities::{Capabilities, LastUse, Listing};
use apikey::duration::Duration;
use apikey::error::{Error, Kind, Result};
use apikey::issuers::{Issuer, IssuerKind, KeyRef, KeyStatus, Listed, Minted, Probe, Revoked, Use};
use apikey::ledger::guard;
use apikey::ledger::outbox::Message;
use apikey::notify::{Destination, Trouble};
use apikey::secret::Secret;
use apikey::settings::Settings;
use apikey::stores::{
    Document, DocumentKey, Found, Observation, Receipt, Store, StoreKind, Version,
    Written as Outcome,
};
use async_trait::async_trait;

use super::{World, Written};

#[async_trait]
impl Connector for World {
    fn issuer(&self, _: &dyn IssuerKind, _: &Settings, _: &Context) -> Result<Box<dyn Issuer>> {
        Ok(Box::new(self.clone()))
    }

    fn store(&self, _: &dyn StoreKind, settings: &Settings, _: &Context) -> Result<Box<dyn Store>> {
        Ok(Box::new(Place {
            world: self.clone(),
            name: settings.required_string("path")?.to_owned(),
        }))
    }

    fn deployment(&self, settings: &Settings, _: &Context) -> Result<Wanted> {
        Ok(Wanted {
            target: Box::new(self.clone()),
            required: is_required(settings),
            timeout: Duration::from_secs(60),
        })
    }

    async fn tell(
        &self,
        _: &Destination,
        message: &Message,
        _: Time,
        _: &Context,
    ) -> Result<(), Trouble> {
        self.breathe().await;
        let heard = self.state().hear(message);
        self.breathe().await;
        heard
    }
}

/// What reads the key anew: by what it was told when it was asked last.
#[async_trait]
impl Target for World {
    fn place(&self) -> String {
        "web".into()
    }

    async fn start(&self, occasion: &Occasion) -> Result<Option<String>> {
        self.breathe().await;
        guard::confirm().await?;
        self.refuse_latecomers("a deployment");
        self.state().deploy(&occasion.fingerprint)?;
        self.breathe().await;
        self.answer(
            "deploy",
            Kind::Uncertain,
            Some(occasion.fingerprint.clone()),
        )
    }

    async fn look(&self, occasion: &Occasion) -> Result<Progress> {
        let mut state = self.state();
        state.call("look web")?;
        Ok(match state.shown == occasion.id {
            true => Progress::Done,
            false => Progress::Failed("another one has taken its place".into()),
        })
    }
}

#[async_trait]
impl Issuer for World {
    fn account(&self) -> String {
        "the account".into()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            limit: Some(2),
            listing: Listing::Whole,
            last_use: Some(LastUse::default()),
            key_ids: true,
            probe: true,
            serialised: !self.state().shared,
            valid_at_mint: true,
            ..Capabilities::default()
        }
    }

    async fn check(&self) -> Result<()> {
        self.state().call("check issuer")
    }

    async fn mint(&self, _: &str) -> Result<Minted> {
        self.breathe().await;
        guard::confirm().await?;
        self.refuse_latecomers("a mint");
        let minted = self.state().mint()?;
        self.breathe().await;
        self.answer("mint", Kind::Uncertain, minted)
    }

    async fn list(&self) -> Result<Vec<Listed>> {
        let mut state = self.state();
        state.call("list")?;
        let is_shown = |id: &String| !state.unlisted.contains(id);
        let live = state.issued.iter();
        let live = live.filter(|(id, issued)| issued.live && is_shown(id));
        let listed = live.map(|(id, issued)| Listed {
            key_id: id.clone(),
            created_at: Some(issued.created_at),
            label: None,
            last_used: None,
            status: KeyStatus::Active,
        });
        Ok(listed.collect())
    }

    async fn last_use(&self, id: &str) -> Result<Option<Use>> {
        let mut state = self.state();
        state.call("last used")?;
        Ok(state.last_used.get(id).copied().map(Use::at))
    }

    async fn probe(&self, id: Option<&str>, secret: &Secret) -> Result<Probe> {
        let mut state = self.state();
        state.call("probe")?;
        if state.refuse_probes {
            return Ok(Probe::Refused("not now".into()));
        }
        match id.and_then(|id| state.issued.get_mut(id)) {
            Some(issued) if issued.live && issued.secret == secret.expose() => {
                issued.proved = true;
                Ok(Probe::Accepted)
            }
            _ => Ok(Probe::Refused("no such key".into())),
        }
    }

    async fn revoke(&self, key: KeyRef<'_>, _: Option<KeyRef<'_>>) -> Result<Revoked> {
        self.breathe().await;
        guard::confirm().await?;
        self.refuse_latecomers("a revocation");
        self.state().revoke(key.key_id.unwrap_or_default())?;
        self.breathe().await;
        self.answer("revoke", Kind::Unavailable, Revoked::Ended)
    }
}

struct Place {
    world: World,
    name: String,
}

#[async_trait]
impl Store for Place {
    fn capabilities(&self) -> apikey::stores::Capabilities {
        apikey::stores::Capabilities {
            readable: true,
            ..Default::default()
        }
    }

    fn place(&self) -> String {
        self.name.clone()
    }

    async fn identity(&self) -> Result<String> {
        self.world
            .state()
            .call(&format!("identify {}", self.name))?;
        Ok(self.stands_at())
    }

    async fn check(&self, _: Option<&Observation>) -> Result<()> {
        let place = self.stands_at();
        self.world.state().call(&format!("check {place}"))
    }

    async fn observe(&self) -> Result<Observation> {
        let place = self.stands_at();
        let mut state = self.world.state();
        state.call(&format!("read {place}"))?;
        let Some(written) = state.places.get(&place).cloned() else {
            return Ok(Observation::nothing());
        };
        let version = version(Some(&written));
        let key = |(key_id, secret): (Option<String>, String)| DocumentKey {
            key_id,
            secret: Secret::new(secret),
        };
        let document = Document {
            primary: key(written.primary),
            secondary: written.secondary.map(key),
            generation: Some(written.generation),
            rotated_at: None,
        };
        Ok(Observation {
            found: Found::Document(document),
            version,
        })
    }

    async fn write(&self, document: &Document, _: &str, expected: &Version) -> Result<Outcome> {
        self.world.breathe().await;
        guard::confirm().await?;
        self.world.refuse_latecomers("a write");
        self.refuse_another(expected)?;
        let place = self.stands_at();
        self.world.state().write(&place, document)?;
        self.world.breathe().await;
        let receipt = Receipt {
            content: version(self.world.state().places.get(&place)),
            version: None,
        };
        let written = self.world.answer("write", Kind::Unavailable, receipt);
        written.map(Outcome::Done)
    }

    async fn remove(&self, expected: &Version) -> Result<()> {
        self.world.breathe().await;
        guard::confirm().await?;
        self.world.refuse_latecomers("a removal");
        self.refuse_another(expected)?;
        let place = self.stands_at();
        self.world.state().remove(&place)?;
        self.world.breathe().await;
        self.world.answer("remove", Kind::Unavailable, ())
    }
}

impl Place {
    fn stands_at(&self) -> String {
        self.world.identity_of(&self.name)
    }

    fn refuse_another(&self, expected: &Version) -> Result<()> {
        let place = self.stands_at();
        let state = self.world.state();
        if version(state.places.get(&place)) == *expected {
            return Ok(());
        }
        let changed = format!("{place} was changed in the meantime");
        Err(Error::new(Kind::Stale, changed, "Plan again."))
    }
}

fn version(written: Option<&Written>) -> Version {
    written.map_or(Version::Absent, |written| {
        Version::of_bytes(format!("{written:?}").as_bytes())
    })
}
