//! A person's word that a key was revoked, and how far it is believed: as far as nothing else says otherwise.

use crate::domain::finding::{Finding, Status};
use crate::domain::situation::Situation;
use crate::domain::slots::Slots;

/// What trying a key told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tried {
    /// It works.
    Accepted,
    /// It does not, in the words that a server has for a key that it does not accept.
    Refused,
    /// It was not accepted, in words that may mean something else.
    Declined,
    /// Whoever accepts keys gave no answer.
    Silent,
    /// Nobody can try it.
    Never,
}

/// Why a key counts as alive although a person says that it was revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Doubt {
    /// It works.
    Works,
    /// It can be tried, but not now.
    Unanswered,
    /// Everybody uses it, and nobody can try it.
    Leads,
}

/// A key that counts as alive although a person says that it was revoked.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Doubted {
    /// What people call it.
    pub key: String,
    /// Why.
    pub doubt: Doubt,
}

/// Whether the word is believed.
pub fn is_believed(tried: Tried, leads: bool) -> Result<(), Doubt> {
    match tried {
        Tried::Refused | Tried::Declined => Ok(()),
        Tried::Accepted => Err(Doubt::Works),
        Tried::Silent => Err(Doubt::Unanswered),
        Tried::Never if leads => Err(Doubt::Leads),
        Tried::Never => Ok(()),
    }
}

/// Whether a retiring key of which nobody says anything was revoked: whoever accepts its successor refuses it. Whoever refuses
/// both says nothing.
pub fn tells_its_end(retiring: Tried, primary: Tried) -> bool {
    retiring == Tried::Refused && primary == Tried::Accepted
}

/// An id that does not belong where a person says which keys are revoked.
pub(super) fn a_person_may_be_wrong(situation: &Situation, _: &Slots) -> Option<Finding> {
    let reasons = doubts(situation);
    (!reasons.is_empty()).then(|| Finding::new(Status::Pending, reasons.join("; ")))
}

/// The primary is tried before a person is asked to revoke the key beside it: it may be the one that was revoked.
pub(super) fn the_primary_is_refused(situation: &Situation, slots: &Slots) -> Option<Finding> {
    let hand = situation
        .by_hand
        .filter(|_| situation.facts.primary_refused)?;
    let retiring = slots.retiring()?.label();
    let primary = slots.primary.label();
    let reason = format!(
        "primary key {primary} is REFUSED where it is tried, so retiring key {retiring} may be the only one that works: do not \
         revoke it before that is mended; if {primary} was revoked, {} and change rotation_trigger",
        hand.bring
    );
    Some(Finding::new(Status::Blocked, reason))
}

/// What is to be said of each doubted key, as clauses.
pub fn doubts(situation: &Situation) -> Vec<String> {
    let Some(hand) = situation.by_hand else {
        return Vec::new();
    };
    let tell = |doubted: &Doubted| {
        let (confirm, key) = (hand.confirm, &doubted.key);
        match doubted.doubt {
            Doubt::Works => format!(
                "{confirm} names key {key}, which is accepted where it is tried: it is NOT revoked and stays; {}, or take its id \
                 out of {confirm}",
                hand.revoke
            ),
            Doubt::Unanswered => format!(
                "{confirm} names key {key}, which cannot be tried now: it stays until it is refused"
            ),
            Doubt::Leads => format!(
                "{confirm} names key {key}, which is the primary and which nobody can try: it stays, since a word alone ends no key \
                 that everybody uses; take its id out of {confirm}, or, if it was revoked, {} and change rotation_trigger",
                hand.bring
            ),
        }
    };
    situation.facts.doubted.iter().map(tell).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_believed_as_far_as_nothing_else_says_otherwise() {
        use Tried::*;
        for (tried, of_the_primary, of_another) in [
            (Accepted, Err(Doubt::Works), Err(Doubt::Works)),
            (Refused, Ok(()), Ok(())),
            (Declined, Ok(()), Ok(())),
            (Silent, Err(Doubt::Unanswered), Err(Doubt::Unanswered)),
            (Never, Err(Doubt::Leads), Ok(())),
        ] {
            assert_eq!(is_believed(tried, true), of_the_primary, "{tried:?}");
            assert_eq!(is_believed(tried, false), of_another, "{tried:?}");
        }
    }

    #[test]
    fn a_key_is_revoked_if_it_alone_is_refused_in_words_that_mean_nothing_else() {
        use Tried::*;
        for retiring in [Accepted, Refused, Declined, Silent, Never] {
            for primary in [Accepted, Refused, Declined, Silent, Never] {
                let expected = (retiring, primary) == (Refused, Accepted);
                assert_eq!(tells_its_end(retiring, primary), expected);
            }
        }
    }
}
