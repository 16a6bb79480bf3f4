//! The life of one key, and each moment of it kept: the directory with state and ledger, the plan that was made next,
//! the issuer and the documents.

use std::fs;
use std::path::PathBuf;

use apikey::instant::Instant;
use tempfile::TempDir;

use super::files;
use super::site::{ADDED, Delivered, MOVED, Outside, Site};
use crate::support::action;
use crate::support::keys::Config;
use crate::support::moto::Recording;

/// Where the ledger lies in the directory.
pub const LEDGER: &str = ".terraform/apikey";

pub struct Life {
    pub site: Site,
    pub on_drift: &'static str,
    pub moments: Vec<Moment>,
    shelf: TempDir,
}

pub struct Moment {
    pub name: &'static str,
    pub now: Instant,
    pub config: Config,
    pub outside: Outside,
    /// The secondary is the primary of before, in its grace period.
    pub retires: bool,
    /// The directory, after a refresh that changed nothing.
    pub files: PathBuf,
    /// The ledger before that refresh, when no state was seen to hold what the apply made.
    pub unacknowledged: PathBuf,
    /// The plan that was made next, and when.
    pub next: PathBuf,
    pub planned_at: Instant,
    recording: Option<Recording>,
}

impl Life {
    /// Creates a key and leads it through two rotations, an added and a moved delivery, and a rotation by an action, of
    /// which the state does not know.
    pub fn lived(site: Site, on_drift: &'static str) -> Self {
        let mut life = Self {
            site,
            on_drift,
            moments: Vec::new(),
            shelf: tempfile::tempdir().unwrap(),
        };
        life.steps("0s", "created", None);
        life.steps("80s", "staged", None);
        life.steps("20s", "promoted", None);
        life.steps("30s", "at rest", None);
        life.steps("50s", "staged again", None);
        life.steps("20s", "promoted again", None);
        life.steps("30s", "at rest again", None);
        life.steps("5s", "delivery added", Some(ADDED));
        life.steps("5s", "delivery moved", Some(MOVED));
        life.is_rotated_by_the_action("41s");
        life
    }

    pub fn last(&self) -> usize {
        self.moments.len() - 1
    }

    /// Every key that was in a document up to a moment, in the order of their appearance.
    pub fn keys_until(&self, moment: usize) -> Vec<Delivered> {
        let mut keys: Vec<Delivered> = Vec::new();
        for moment in &self.moments[..=moment] {
            let new = moment.outside.delivered().into_iter();
            let new: Vec<_> = new.filter(|key| !keys.contains(key)).collect();
            keys.extend(new);
        }
        keys
    }

    /// Puts everything back to a moment.
    pub fn go_back_to(&self, moment: &Moment) {
        files::put_back(&moment.files, self.site.ws().home());
        self.site.replay(moment.recording.as_ref());
        self.site.ws().at(&moment.now.to_string());
        assert_eq!(self.site.outside(), moment.outside, "{}", moment.name);
    }

    fn steps(&mut self, later: &str, name: &'static str, more: Option<&str>) {
        let config = self.site.config(more);
        let config = config.and_policy(&format!("on_drift = {:?}", self.on_drift));
        let ws = self.site.ws();
        ws.write(&config.text()).advance(later);
        ws.plan().ok().code(2);
        let planned = ws.plan_file();
        ws.apply_plan().ok();
        let phase = ws.key("k").phase();
        self.keeps_plan(planned);
        self.keeps(name, config, phase == "retiring");
    }

    fn is_rotated_by_the_action(&mut self, later: &str) {
        let ws = self.site.ws();
        ws.advance(later);
        ws.plan().ok().code(2);
        let planned = ws.plan_file();
        action::rotate_now(ws);
        self.keeps_plan(planned);
        let config = self.moments[self.last()].config.clone();
        self.keeps("rotated by the action", config, true);
    }

    /// The plan that was made after the last moment.
    fn keeps_plan(&mut self, plan: Vec<u8>) {
        let now = self.site.ws().now();
        if let Some(before) = self.moments.last_mut() {
            fs::write(&before.next, plan).unwrap();
            before.planned_at = now;
        }
    }

    fn keeps(&mut self, name: &'static str, config: Config, retires: bool) {
        let ws = self.site.ws();
        let on_shelf = |what: &str| self.shelf.path().join(format!("{name}, {what}"));
        let unacknowledged = on_shelf("ledger");
        files::copy(&ws.path(LEDGER), &unacknowledged);
        let is_last = name == "rotated by the action";
        if !is_last {
            ws.plan().ok().code(0);
        }
        let files = on_shelf("directory");
        files::copy(ws.home(), &files);
        let outside = self.site.outside();
        assert!(outside.primary().is_some(), "{name}: {outside:?}");
        self.moments.push(Moment {
            name,
            now: ws.now(),
            config,
            outside,
            retires,
            files,
            unacknowledged,
            next: on_shelf("next.tfplan"),
            planned_at: ws.now(),
            recording: self.site.recording(),
        });
    }
}
