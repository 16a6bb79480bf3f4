//! What must never happen, judged at every effect by what is there, whatever the state of Terraform says.

use super::{ELSEWHERE, Region, State, Written};

impl State {
    pub(super) fn accuse(&mut self, violation: String) {
        self.violations.push(violation);
    }

    pub(super) fn judge_revocation(&mut self, id: &str) {
        if !self.doomed.contains(id) {
            self.accuse(format!("{id} was revoked, which no plan showed"));
        }
        let deserted = self.wanted.iter().find(|place| {
            let written = self.places.get(*place).map(|written| &written.primary.0);
            self.successor.is_some() && written != Some(&self.successor) && self.is_read(place)
        });
        if let Some(place) = deserted {
            let violation = format!("{id} was revoked before its successor was in {place}");
            self.violations.push(violation);
        }
        let leads_in = self.wanted.iter().find(|place| {
            let leads = |written: &Written| written.primary.0.as_deref() == Some(id);
            let is_excused = self.excused.contains(*place);
            self.places.get(*place).is_some_and(leads) && self.is_read(place) && !is_excused
        });
        // One that was revoked before its apply was killed cuts nobody off again.
        let lives = self.issued.get(id).is_some_and(|issued| issued.live);
        let is_wrong =
            lives && !self.contains_first && (self.replaces_first || self.has_another(id));
        if let Some(place) = leads_in.filter(|_| is_wrong) {
            let violation = format!("{id} was revoked while it led in {place}");
            self.violations.push(violation);
        }
    }

    /// Whether a key that works leads somewhere where it is wanted and read. One that was minted since the plan may be taken
    /// back.
    pub(super) fn is_served(&self) -> bool {
        self.leads_with(|id| !self.fresh.contains(id))
    }

    /// No effect leaves whoever was served without any key, unless a person asked for that.
    pub(super) fn judge_service(&mut self, was_served: bool) {
        if was_served && !self.accepts_an_outage && !self.leads_with(|_| true) {
            let last = self.log.last().cloned().unwrap_or_default();
            self.accuse(format!("nobody is served after: {last}"));
        }
    }

    fn leads_with(&self, counts: impl Fn(&str) -> bool) -> bool {
        let mut wanted = self.wanted.iter().filter(|place| self.is_read(place));
        wanted.any(|place| {
            let primary = self.places.get(place).map(|written| &written.primary);
            primary.is_some_and(|key| self.is_live(key) && key.0.as_deref().is_some_and(&counts))
        })
    }

    /// Nobody gets a key from a place that fails, that somebody emptied, or that held none.
    fn is_read(&self, place: &str) -> bool {
        let is_unread = self.emptied.contains(place) || self.unread.contains(place);
        !is_unread && !self.failing.contains(place)
    }

    /// Whether a key works beside this one.
    fn has_another(&self, id: &str) -> bool {
        let mut others = self.issued.iter();
        others.any(|(other, issued)| issued.live && other != id)
    }

    pub(super) fn judge_write(&mut self, place: &str, written: &Written) {
        let second = written.secondary.as_ref();
        let has_better = second.is_some_and(|key| self.is_live(key));
        if self.was_revoked(&written.primary) && has_better {
            self.accuse(format!("{place} was written to lead with a revoked key"));
        }
        let former = self.places.get(place).map(|before| &before.primary);
        let was_better = former.is_some_and(|key| self.is_live(key) && self.is_verified(key));
        if was_better && !self.is_verified(&written.primary) {
            self.accuse(format!(
                "{place} was written to lead with a key without a proof"
            ));
        }
        let went_back = self.places.get(place).is_some_and(|before| {
            let undoes = self.is_done_with(before.primary.0.as_ref());
            before.generation > written.generation && self.is_live(&before.primary) && !undoes
        });
        if went_back {
            self.accuse(format!("{place} went back to an older generation"));
        }
        for id in written.ids() {
            let born = self.issued.get(&id).map(|issued| issued.born);
            if born.is_some_and(|born| (born == Region::Elsewhere) != place.ends_with(ELSEWHERE)) {
                self.accuse(format!("{id} was carried to another region: {place}"));
            }
        }
        self.judge_removal(place, &written.ids());
    }

    /// No live key loses its last copy with what stands at a place now, unless its end was shown.
    pub(super) fn judge_removal(&mut self, place: &str, kept: &[String]) {
        let Some(before) = self.places.get(place).filter(|_| !self.stored) else {
            return;
        };
        let has_copy = |id: &String| {
            let mut others = self.places.iter().filter(|(other, _)| *other != place);
            kept.contains(id) || others.any(|(_, written)| written.ids().contains(id))
        };
        let keys = [Some(&before.primary), before.secondary.as_ref()];
        let lost = keys.into_iter().flatten().find_map(|key| {
            let id = key.0.as_ref().filter(|_| self.is_live(key))?;
            (!self.is_done_with(Some(id)) && !has_copy(id)).then(|| id.clone())
        });
        if let Some(id) = lost {
            self.accuse(format!("live key {id} lost its last copy in {place}"));
        }
    }

    /// Whether the end of a key was shown, or it was minted in this very apply, which may take it back.
    fn is_done_with(&self, id: Option<&String>) -> bool {
        id.is_some_and(|id| self.doomed.contains(id) || self.pending.contains(id))
    }

    /// Whether the provider itself revoked it. What somebody else did is a matter of `on_drift`.
    fn was_revoked(&self, (id, _): &(Option<String>, String)) -> bool {
        let issued = id.as_ref().and_then(|id| self.issued.get(id));
        issued.is_some_and(|issued| issued.revoked)
    }

    fn is_verified(&self, (id, _): &(Option<String>, String)) -> bool {
        let issued = id.as_ref().and_then(|id| self.issued.get(id));
        issued.is_some_and(|issued| issued.proved)
    }

    /// Whether the issuer accepts this key with this secret.
    fn is_live(&self, (id, secret): &(Option<String>, String)) -> bool {
        let issued = id.as_ref().and_then(|id| self.issued.get(id));
        issued.is_some_and(|issued| issued.live && issued.secret == *secret)
    }
}
