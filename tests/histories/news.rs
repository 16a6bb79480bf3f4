//! What people are to be told: of everything that the ledger was told of, somebody hears in the end.

use std::collections::{BTreeMap, BTreeSet};

use apikey::domain::notices::Event;
use apikey::ledger::memory::Letter;
use apikey::notify;
use tf_provider::value::ValueAny;

use super::player::{Player, Violation};

/// The one destination, in the provider block and in the policy.
pub const TEAM: &str = "team";

/// As long as nobody waits for an answer.
const DAYS: i64 = 2 * 86_400;

/// The provider blocks.
pub fn vendors() -> BTreeMap<String, BTreeMap<String, ValueAny>> {
    let map = |name: &str, value| ValueAny::Map(BTreeMap::from([(name.to_owned(), value)]));
    let url = ValueAny::String("https://127.0.0.1/".into());
    let team = map("slack", map("url", url));
    let block = BTreeMap::from([(TEAM.to_owned(), team)]);
    BTreeMap::from([(notify::NAME.to_owned(), block)])
}

/// What somebody has to hear of.
#[derive(Default)]
pub struct News {
    expected: Vec<(String, Event, String)>,
    /// Keys that the ledger has seen in a slot, and of which resource.
    in_slots: BTreeMap<String, String>,
    /// Generations that a ledger knew that is gone, by resource. Nobody can tell of them any more.
    unknown: BTreeMap<String, i64>,
    /// And emergencies.
    unknown_emergencies: BTreeSet<String>,
}

impl News {
    fn expect(&mut self, resource: &str, event: Event, subject: impl Into<String>) {
        let news = (resource.to_owned(), event, subject.into());
        if !self.expected.contains(&news) {
            self.expected.push(news);
        }
    }
}

impl Player {
    /// The ledger is replaced by one that knows nothing, and what was told may be told again.
    pub fn wipe_the_ledger(&mut self) {
        self.ledger.wipe();
        let mut news = News::default();
        for kept in self.kept.iter().chain(&self.past) {
            let id = kept.state.id.as_deref_option().unwrap_or_default();
            let generation = kept.state.generation.as_option().unwrap_or_default();
            let known = news.unknown.entry(id.to_owned()).or_default();
            *known = generation.max(*known);
            let emergencies = kept.private.incidents.iter().map(|it| it.id.clone());
            news.unknown_emergencies.extend(emergencies);
        }
        self.news = news;
        self.rotated_for.clear();
        let mut state = self.world.state();
        state.heard.clear();
        state.concluded.clear();
    }

    /// What a refresh has seen stands in the ledger.
    pub fn note_the_news(&mut self) {
        let Some(kept) = self.kept.as_ref().filter(|_| !self.ledger.is_lost()) else {
            return;
        };
        let (Some(id), Ok(managed)) = (
            kept.state.id.as_deref_option(),
            kept.state.managed(&kept.private),
        ) else {
            return;
        };
        let generation = kept.state.generation.as_option().unwrap_or_default();
        // A first key becomes primary without being promoted.
        let told_from = self.news.unknown.get(id).copied().unwrap_or(1);
        if generation > told_from {
            self.news
                .expect(id, Event::Promoted, generation.to_string());
        }
        // A key that is created under an emergency is new: there is nothing to tell.
        let incidents = kept.private.incidents.iter();
        for incident in incidents.filter(|incident| !incident.keys.is_empty()) {
            if !self.news.unknown_emergencies.contains(&incident.id) {
                self.news.expect(id, Event::Emergency, &incident.id);
            }
        }
        let Some(slots) = managed.slots else { return };
        let staged = slots.staged().and_then(|key| key.key_id.clone());
        if let Some(staged) = staged {
            self.news.expect(id, Event::Staged, staged);
        }
        let keys = [Some(&slots.primary), slots.secondary_key()];
        for key_id in keys
            .into_iter()
            .flatten()
            .filter_map(|it| it.key_id.clone())
        {
            self.news.in_slots.insert(key_id, id.to_owned());
        }
    }

    /// Days later somebody applies another key, and everybody listens.
    pub async fn everybody_has_heard(&mut self) -> Result<(), Violation> {
        let revoked = self.revoked_from_slots();
        for (key, resource) in revoked {
            self.news.expect(&resource, Event::Revoked, key);
        }
        self.world.state().deaf = 0;
        self.now += DAYS;
        notify::send(&self.context()).await;
        self.no_violation()?;
        let letters = self.ledger.letters();
        if let Some(open) = letters.iter().find(|letter| letter.sent_at.is_none()) {
            return Err(format!("nobody was ever told: {open:?}"));
        }
        let is_lost = |(resource, event, subject): &&(String, Event, String)| {
            // What was done without the ledger is told once it is over.
            let over = format!("over {subject}");
            let is_it = |letter: &Letter| {
                letter.is_about(resource, *event, subject)
                    || letter.is_about(resource, *event, &over)
            };
            !letters.iter().any(is_it)
        };
        match self.news.expected.iter().find(is_lost) {
            Some(lost) => Err(format!("nobody was ever to be told: {lost:?}")),
            None => Ok(()),
        }
    }

    fn revoked_from_slots(&self) -> Vec<(String, String)> {
        let state = self.world.state();
        let is_revoked = |id: &String| state.issued.get(id).is_some_and(|issued| issued.revoked);
        let keys = self.news.in_slots.iter();
        let revoked = keys.filter(|(key, _)| is_revoked(key));
        revoked.map(|(key, id)| (key.clone(), id.clone())).collect()
    }
}
