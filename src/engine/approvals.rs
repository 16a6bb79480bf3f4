//! What became of changes that a person has to approve, see [`crate::domain::approval`]: asked of the vendor, and compared
//! with what stands there.

use crate::domain::approval::{self, Asked, Change, Outcome};
use crate::domain::slots::Slots;
use crate::engine::connections::Delivery;
use crate::engine::managed::{DeliveryRecord, DeliveryState};
use crate::error::{Error, Kind};
use crate::stores::{Document, Found};

/// So many changes of one place are remembered.
const MOST: usize = 4;

/// The changes of a place; `None` where nobody has to approve any, or nobody may look at them.
pub async fn changes(delivery: &Delivery) -> Option<Vec<Change>> {
    match delivery.store.capabilities().approval {
        true => delivery.store.changes().await,
        false => None,
    }
}

/// Whether this very change is asked for already: by what the vendor shows, or else by what is remembered.
pub async fn is_asked_for(
    delivery: &Delivery,
    record: Option<&DeliveryRecord>,
    asked: &Asked,
) -> bool {
    let is_remembered = || {
        let record = record.filter(|record| record.awaits_approval());
        record.is_some_and(|record| record.asked.last() == Some(asked))
    };
    match changes(delivery).await {
        Some(changes) => is_open(asked, &changes),
        None => is_remembered(),
    }
}

fn is_open(asked: &Asked, changes: &[Change]) -> bool {
    approval::told_of(asked, changes).is_some_and(Change::is_open)
}

/// What is said of a change that is not asked for again, in the words of the time when it was, where they are known.
pub fn still_awaited(place: &str, record: Option<&DeliveryRecord>) -> Error {
    let record = record.filter(|record| record.awaits_approval());
    let said = record.and_then(|record| record.reason.clone());
    Error::new(
        Kind::Awaiting,
        said.unwrap_or_else(|| format!("{place} is not changed yet: that awaits approval")),
        "Approve it there. It is not asked for again, and every plan looks whether it was approved.",
    )
}

/// Whether the keys that were asked for stand there.
pub fn stands(found: &Found, asked: &Asked) -> bool {
    found.asked().as_ref() == Some(asked)
}

/// What is known of the changes of a place that is looked at, where any were asked for that may be open.
pub async fn look(
    delivery: &Delivery,
    record: &DeliveryRecord,
    found: &Found,
) -> Option<Vec<Change>> {
    let stands = found.asked();
    let is_missing = |asked: &Asked| Some(asked) != stands.as_ref();
    match record.asked.iter().any(is_missing) {
        true => changes(delivery).await,
        false => None,
    }
}

impl DeliveryRecord {
    /// The newest change of this place, be it that it was made at once.
    pub fn asking(mut self, asked: Asked) -> Self {
        self.asked.retain(|known| *known != asked);
        self.asked.push(asked);
        let surplus = self.asked.len().saturating_sub(MOST);
        self.asked.drain(..surplus);
        self
    }

    /// What its vendor tells of the change that was asked for last, and of those before it.
    pub fn judged(mut self, found: &Found, changes: Option<&[Change]>) -> Self {
        let (Some(changes), Some(last)) = (changes, self.asked.last().cloned()) else {
            return self;
        };
        self.asked
            .retain(|asked| *asked == last || is_open(asked, changes) || stands(found, asked));
        let change = approval::told_of(&last, changes);
        let Some(change) = change.filter(|_| self.is_for_a_person()) else {
            return self;
        };
        let (state, what) = match change.outcome {
            Outcome::Open if self.awaits_approval() => return self,
            Outcome::Open => (DeliveryState::AwaitingApproval, "awaits approval"),
            Outcome::Rejected => (DeliveryState::Rejected, "was closed and not made"),
            // Something else stands there by now.
            Outcome::Made => (DeliveryState::Delivered, "was made"),
        };
        self.state = state;
        self.reason = Some(format!("{} {what}", change.name));
        self
    }

    /// The document that stands there is what was asked for, and lacks the key that is to go: it was approved.
    pub fn is_rid_of_the_retiring_key(&self, slots: &Slots, document: &Document) -> bool {
        let asked = document.asked();
        let is_told = self.is_for_a_person() || self.is_in_order();
        is_told
            && self.asked.last() == Some(&asked)
            && slots.retiring().is_some()
            && asked.leaves_alone(&slots.primary)
    }

    /// Something else than what stands there was asked for, and a person has not agreed to it.
    pub fn is_to_change(&self, found: &Found) -> bool {
        let asked = self.asked.last().filter(|_| self.is_for_a_person());
        asked.is_some_and(|asked| !stands(found, asked))
    }

    /// The document that stands there was asked for once, and something else since.
    pub fn is_late(&self, found: &Found) -> bool {
        let mut earlier = self.asked.iter().rev().skip(1);
        found
            .asked()
            .is_some_and(|stands| earlier.any(|asked| *asked == stands))
    }
}

/// Warnings of changes that would put an older document in the place, or have done so.
pub fn outdated(
    name: &str,
    record: &DeliveryRecord,
    found: &Found,
    changes: Option<&[Change]>,
) -> Vec<Error> {
    let mut told = Vec::new();
    if record.is_late(found) {
        told.push(Error::new(
            Kind::Other,
            format!("delivery {name:?} holds an older document: a change was approved late"),
            "Something else was asked for since, so whoever reads it there may get a key that is dead or compromised. The plan \
             says what is done about it.",
        ));
    }
    let wanted = match record.is_in_order() {
        true => found.asked(),
        false => record.asked.last().cloned(),
    };
    let open = approval::outdated(wanted.as_ref(), changes.unwrap_or_default());
    told.extend(open.map(|change| {
        Error::new(
            Kind::Other,
            format!(
                "delivery {name:?}: {} is out of date and still open",
                change.name
            ),
            "Reject it: approved, it would put a key there that is dead or on its way out.",
        )
    }));
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(marks: &str, outcome: Outcome) -> Change {
        Change {
            name: "change request 7".into(),
            asked: Asked::recorded(marks),
            outcome,
        }
    }

    /// A record of which these changes were asked for, oldest first.
    fn waiting(asked: &[&str]) -> DeliveryRecord {
        let record = DeliveryRecord {
            state: DeliveryState::AwaitingApproval,
            ..DeliveryRecord::default()
        };
        let asked = asked.iter().map(|marks| Asked::recorded(marks));
        asked.fold(record, DeliveryRecord::asking)
    }

    #[test]
    fn a_change_is_what_its_vendor_says_and_open_where_nobody_may_look() {
        let judged = |outcome| {
            let changes = [change("b a", outcome)];
            waiting(&["b a"]).judged(&Found::Nothing, Some(&changes))
        };
        assert_eq!(judged(Outcome::Open).state, DeliveryState::AwaitingApproval);
        let rejected = judged(Outcome::Rejected);
        assert_eq!(rejected.state, DeliveryState::Rejected);
        assert!(rejected.reason.unwrap().starts_with("change request 7"));
        assert_eq!(judged(Outcome::Made).state, DeliveryState::Delivered);
        let unseen = waiting(&["b a"]).judged(&Found::Nothing, None);
        assert_eq!(unseen.state, DeliveryState::AwaitingApproval);

        let reopened = DeliveryRecord {
            state: DeliveryState::Rejected,
            ..waiting(&["b a"])
        };
        let open = [change("b a", Outcome::Open)];
        let reopened = reopened.judged(&Found::Nothing, Some(&open));
        assert_eq!(reopened.state, DeliveryState::AwaitingApproval);
    }

    #[test]
    fn what_was_asked_for_before_is_remembered_as_long_as_it_is_open() {
        let changes = [change("b a", Outcome::Open), change("a", Outcome::Open)];
        let record = waiting(&["a", "b a"]);
        let record = record.judged(&Found::Nothing, Some(&changes));
        assert_eq!(record.asked.len(), 2);
        let told = outdated("app", &record, &Found::Nothing, Some(&changes));
        assert_eq!(told.len(), 1);
        let closed = [changes[0].clone(), change("a", Outcome::Rejected)];
        let record = record.judged(&Found::Nothing, Some(&closed));
        assert_eq!(record.asked, [Asked::recorded("b a")]);
        assert!(outdated("app", &record, &Found::Nothing, Some(&closed)).is_empty());
        let many: Vec<String> = (0..9).map(|number| number.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(waiting(&many).asked.len(), MOST);
    }
}
