//! Keys that a scanner of secrets has found where they should not be: an alert that is open about a key that lives.

use std::collections::{BTreeMap, BTreeSet};

use super::{Declared, Incident, Order, Which, keys, mark};
use crate::domain::slots::{Key, Slots};
use crate::secret::Fingerprint;

/// The alerts that are open, by their ids, with the fingerprint of what each of them has found.
pub type Alerts = BTreeMap<String, Fingerprint>;

/// What an emergency says of itself that nobody has declared.
const REASON: &str = "a scanner of secrets has found the key";

/// The keys in the slots that alerts are about.
pub fn leaked<'a>(alerts: &'a Alerts, slots: Option<&'a Slots>) -> Vec<(&'a str, &'a Key)> {
    let about = |(alert, found): (&'a String, &'a Fingerprint)| {
        let held = slots.into_iter().flat_map(keys);
        let held = held.filter(move |key| key.fingerprint.as_ref() == Some(found));
        held.map(move |key| (alert.as_str(), key))
    };
    alerts.iter().flat_map(about).collect()
}

impl Incident {
    /// An alert has begun it, and no person.
    pub fn is_of_an_alert(&self) -> bool {
        self.reason == REASON
    }
}

/// The alerts as emergencies: what is about a key in a slot, and what was begun, whatever has become of its alert: that one was
/// closed, or is not to be seen any more, revokes no key. The id of the emergency is that of the alert, so that none is handled
/// twice.
pub fn declared(alerts: &Alerts, known: &[Incident], slots: Option<&Slots>) -> Vec<Declared> {
    let leaked = leaked(alerts, slots);
    let emergency = |alert: &String| {
        let keys = match known.iter().find(|incident| incident.id == *alert) {
            Some(handled) if handled.contained_at.is_some() => return None,
            Some(begun) => begun.keys.clone(),
            None => {
                let about = leaked.iter().filter(|(id, _)| id == alert);
                about.map(|(_, key)| mark(key)).collect()
            }
        };
        (!keys.is_empty()).then(|| Declared {
            id: alert.clone(),
            reason: REASON.to_owned(),
            order: Order::ReplaceFirst,
            which: Which::Found(keys),
            break_glass: false,
        })
    };
    let begun = known.iter();
    let begun = begun.filter(|incident| incident.is_of_an_alert() && !incident.has_ended());
    let ids = alerts.keys().chain(begun.map(|incident| &incident.id));
    let ids: BTreeSet<&String> = ids.collect();
    ids.into_iter().filter_map(emergency).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::emergency::{contained, noted, open};
    use crate::domain::moves::Move::{self, *};
    use crate::domain::rules::tests::{Case, at, retiring, single, staged};

    /// Open alerts, each about the key of a name.
    fn alerts(about: &[(&str, &str)]) -> Alerts {
        let pairs = about.iter().map(|(alert, key)| {
            let found = Fingerprint::recorded(*key);
            ((*alert).to_owned(), found)
        });
        pairs.collect()
    }

    fn incidents(alerts: &Alerts, known: &[Incident], slots: &Slots) -> Vec<Incident> {
        let declared = declared(alerts, known, Some(slots));
        noted(&declared, known, Some(slots))
    }

    fn moves(alerts: &Alerts, known: &[Incident], slots: &Slots, now: i64) -> Vec<Move> {
        let declared = declared(alerts, known, Some(slots));
        let incidents = noted(&declared, known, Some(slots));
        let emergency = open(&incidents, Some(slots), &[]);
        let case = Case::new(slots.clone());
        case.with(|case| case.emergency = emergency).moves(now)
    }

    #[test]
    fn the_key_that_an_alert_is_about_is_replaced_and_revoked_and_no_other() {
        let of = |key: &str, slots: Slots, now| moves(&alerts(&[("a", key)]), &[], &slots, now);
        assert_eq!(of("one", single(), 1_010), [Replace, Contain]);
        assert_eq!(of("one", staged(Some(1_081)), 1_081), [Promote, Contain]);
        // Another one is due at once.
        assert_eq!(of("two", staged(Some(1_081)), 1_081), [Contain, Stage]);
        assert_eq!(of("one", retiring(), 1_100), [Contain]);
        assert_eq!(of("somebody else's", single(), 1_010), []);
        assert_eq!(moves(&Alerts::new(), &[], &single(), 1_010), []);
    }

    #[test]
    fn an_emergency_bears_the_id_of_its_alert() {
        let both = alerts(&[("a", "one"), ("b", "two"), ("c", "three")]);
        let ids = |known: Vec<Incident>| -> Vec<String> {
            known.into_iter().map(|incident| incident.id).collect()
        };
        assert_eq!(ids(incidents(&both, &[], &staged(None))), ["a", "b"]);
    }

    #[test]
    fn an_alert_that_was_handled_does_nothing_more_while_it_stays_open() {
        let alerts = alerts(&[("a", "one")]);
        let mut known = incidents(&alerts, &[], &single());
        let mut after = retiring();
        after.secondary = None;
        contained(&mut known, Some(&after), &[], at(1_101));
        assert!(known[0].contained_at.is_some());
        assert_eq!(declared(&alerts, &known, Some(&after)), []);
        assert_eq!(moves(&alerts, &known, &after, 1_101), []);
    }

    #[test]
    fn what_was_begun_goes_on_although_the_alert_is_closed_or_out_of_sight() {
        let mut known = incidents(&alerts(&[("a", "one")]), &[], &single());
        let none = Alerts::new();
        assert_eq!(moves(&none, &known, &retiring(), 1_101), [Contain]);
        assert_eq!(moves(&none, &known, &single(), 1_010), [Replace, Contain]);
        known[0].called_off_at = Some(at(1_005));
        assert_eq!(moves(&none, &known, &single(), 1_010), []);
    }
}
