//! One cell of the matrix: a later moment, an older state, and how it is put back and applied.

use std::fs;

use serde_json::Value;

use super::files;
use super::judge::Judge;
use super::life::{LEDGER, Life, Moment};
use super::site::Site;
use crate::support::outcome::Outcome;
use crate::support::workspace::Workspace;

/// What there is of the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ledger {
    /// It saw the newest state.
    Intact,
    /// It knows what the last apply did, and saw no state that holds it.
    Unacknowledged,
    /// Its file was deleted.
    Deleted,
    /// The provider is told to do without.
    Disabled,
    /// It was put back together with the state.
    Older,
}

impl Ledger {
    /// Whether it knows of what happened last.
    fn knows_the_end(self) -> bool {
        matches!(self, Self::Intact | Self::Unacknowledged)
    }
}

/// How the older state is put back, and what is done then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// With a higher serial, and applied.
    Refreshed,
    /// With a higher serial, and applied without a refresh.
    Unrefreshed,
    /// As it was, and a plan is applied that was saved then.
    SavedPlan,
    /// As the state of a new workspace, which is applied.
    NewWorkspace,
}

pub const LEDGERS: [Ledger; 5] = [
    Ledger::Intact,
    Ledger::Unacknowledged,
    Ledger::Deleted,
    Ledger::Disabled,
    Ledger::Older,
];
pub const WAYS: [Way; 4] = [
    Way::Refreshed,
    Way::Unrefreshed,
    Way::SavedPlan,
    Way::NewWorkspace,
];

#[derive(Clone, Copy, Debug)]
pub struct Cell {
    /// The moment that the state is of.
    pub older: usize,
    /// The moment that the world is of.
    pub later: usize,
    pub ledger: Ledger,
    pub way: Way,
}

/// What came of a cell that is in order.
#[derive(Debug)]
pub enum Ending {
    /// The state followed, and the key came to rest.
    Followed,
    /// It was refused with this text, and going on like this brought the key to rest.
    Refused(String, &'static str),
}

/// Where the state of the new workspace is.
const OTHER: &str = "terraform.tfstate.d/other/terraform.tfstate";
const WITHOUT: &str = r#"provider "apikey" { ledger = { disabled = true } }"#;

impl Cell {
    /// Puts the state back, applies, and judges; then goes on until the key is at rest.
    pub fn play(&self, life: &Life) -> Result<Ending, String> {
        let later = &life.moments[self.later];
        life.go_back_to(later);
        self.set_ledger(life);
        self.put_back(life);
        let mut judge = Judge::at(life, self.later);
        let applied = self.apply(life);
        judge
            .look()
            .map_err(|violation| format!("{violation}\n{applied}"))?;
        if applied.code == 0 {
            self.settle(life, &mut judge)?;
            return Ok(Ending::Followed);
        }
        judge
            .nothing_changed()
            .map_err(|violation| format!("{violation}\n{applied}"))?;
        let refusal = errors(&applied);
        let gone_on = self.go_on(life, &mut judge);
        let how = gone_on.map_err(|why| format!("{why}\nit had been refused: {refusal}"))?;
        Ok(Ending::Refused(refusal, how))
    }

    fn set_ledger(&self, life: &Life) {
        let ws = life.site.ws();
        let (older, later) = (&life.moments[self.older], &life.moments[self.later]);
        let ledger = ws.path(LEDGER);
        match self.ledger {
            Ledger::Intact => {}
            Ledger::Unacknowledged => files::put_back(&later.unacknowledged, &ledger),
            Ledger::Deleted => fs::remove_dir_all(ledger).unwrap(),
            Ledger::Disabled => {
                fs::remove_dir_all(ledger).unwrap();
                ws.write(&later.config.clone().beside(WITHOUT).text());
            }
            Ledger::Older => files::put_back(&older.files.join(LEDGER), &ledger),
        }
    }

    fn put_back(&self, life: &Life) {
        let ws = life.site.ws();
        let older = &life.moments[self.older];
        match self.way {
            Way::Refreshed | Way::Unrefreshed => put_state(ws, older, "terraform.tfstate"),
            Way::SavedPlan => {
                for file in ["terraform.tfstate", "saved.tfplan"] {
                    let _ = fs::remove_file(ws.path(file));
                }
                fs::copy(
                    older.files.join("terraform.tfstate"),
                    ws.path("terraform.tfstate"),
                )
                .unwrap();
                fs::copy(&older.next, ws.path("saved.tfplan")).unwrap();
            }
            Way::NewWorkspace => {
                put_state(ws, older, "old.tfstate");
                ws.begin_workspace("other", "old.tfstate");
            }
        }
    }

    fn apply(&self, life: &Life) -> Outcome {
        let ws = life.site.ws();
        match self.way {
            Way::Refreshed | Way::NewWorkspace => ws.apply(),
            Way::Unrefreshed => ws.apply_with(&["-refresh=false"]),
            Way::SavedPlan => {
                let planned_at = life.moments[self.older].planned_at;
                ws.at(&ws.now().max(planned_at).to_string());
                ws.apply_plan()
            }
        }
    }

    /// Does what a refusal says: plans again, or puts the newest state back.
    fn go_on(&self, life: &Life, judge: &mut Judge) -> Result<&'static str, String> {
        let ws = life.site.ws();
        if matches!(self.way, Way::Unrefreshed | Way::SavedPlan) {
            let again = ws.apply();
            judge.look()?;
            if again.code == 0 {
                self.settle(life, judge)?;
                return Ok("planned again");
            }
            judge.nothing_changed()?;
        }
        if self.way == Way::NewWorkspace {
            ws.run(&["workspace", "select", "default"]).ok();
        } else {
            put_state(ws, &life.moments[self.later], "terraform.tfstate");
        }
        let cell = Self {
            way: Way::Refreshed,
            ..*self
        };
        // The action wrote no state, so that without its ledger the newest state may be behind, too.
        if self.later == life.last() && !self.ledger.knows_the_end() {
            let applied = ws.apply();
            judge.look()?;
            if applied.code != 0 {
                judge.nothing_changed()?;
                cell.take_over(life, judge)?;
                return Ok("taken over");
            }
        }
        cell.settle(life, judge)?;
        Ok("newest state")
    }

    /// Forgets the key and takes over what is there: by import, or with its secret where there is nothing to import.
    fn take_over(&self, life: &Life, judge: &mut Judge) -> Result<(), String> {
        let ws = life.site.ws();
        let outside = life.site.outside();
        let primary = outside.primary().ok_or("no document leads with a key")?;
        ws.run(&["state", "rm", "apikey_managed.k"]).ok();
        judge.starts_anew();
        match life.site {
            Site::Cloud(_) => {
                let id = format!("aws_iam:{}", primary.label);
                let imported = ws.import("apikey_managed.k", &id);
                if imported.code != 0 {
                    return Err(format!("the import was refused: {imported}"));
                }
                // Only a refresh of a state that knows the deliveries finds the other key in them.
                ws.apply();
                ws.apply_with(&["-refresh-only"]);
            }
            Site::Files(_) => {
                let config = life.moments[self.later].config.clone();
                let config = config
                    .with(&format!("existing_secret_wo = {:?}", primary.secret))
                    .with("existing_secret_wo_version = 1");
                let config = match self.ledger {
                    Ledger::Disabled => config.beside(WITHOUT),
                    _ => config,
                };
                ws.write(&config.text());
            }
        }
        self.settle(life, judge)
    }

    /// Applies until the key is at rest.
    fn settle(&self, life: &Life, judge: &mut Judge) -> Result<(), String> {
        let ws = life.site.ws();
        let mut last = String::new();
        for _ in 0..6 {
            let applied = ws.apply();
            judge
                .look()
                .map_err(|violation| format!("{violation}\n{applied}"))?;
            if applied.code != 0 {
                return Err(format!("the key does not come to rest: {applied}"));
            }
            let key = self.key(ws).ok_or("the key is gone from the state")?;
            if key.phase() == "single" && ws.plan().code == 0 {
                let (id, mark) = (key.text("primary.key_id"), key.primary());
                return judge.is_at_rest(if id.is_empty() { &mark } else { &id });
            }
            last = format!("{} {} {}", key.phase(), key.status(), key.reason());
            ws.advance("30s");
        }
        Err(format!("the key does not come to rest: {last}"))
    }

    fn key(&self, ws: &Workspace) -> Option<crate::support::state::Key> {
        let file = match self.way {
            Way::NewWorkspace => OTHER,
            _ => "terraform.tfstate",
        };
        let state: Value = serde_json::from_slice(&fs::read(ws.path(file)).ok()?).unwrap();
        Workspace::key_in(&state, "k")
    }
}

/// The state of a moment with a higher serial than any that was there.
fn put_state(ws: &Workspace, moment: &Moment, file: &str) {
    let text = fs::read(moment.files.join("terraform.tfstate")).unwrap();
    let mut state: Value = serde_json::from_slice(&text).unwrap();
    state["serial"] = (ws.state()["serial"].as_u64().unwrap_or(0) + 100).into();
    fs::write(ws.path(file), state.to_string()).unwrap();
}

fn errors(applied: &Outcome) -> String {
    let errors = applied.errors().into_iter();
    let texts = errors.map(|error| format!("{}\n{}", error.summary, error.detail));
    texts.collect::<Vec<_>>().join("\n\n")
}
