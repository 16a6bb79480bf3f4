//! Whether a key that a person brings is one that nobody has yet.

use crate::domain::keys::{KeyRecord, ResourceRef, Slot, Status};
use crate::domain::slots::Slots;
use crate::secret::Fingerprint;

/// What speaks against a key may lie here.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// The id of the resource that it is brought to; empty before it has one.
    pub resource: &'a str,
    /// The keys that the resource has.
    pub slots: Option<&'a Slots>,
    /// Those that it has given up, and that are not revoked yet.
    pub pending: &'a [String],
    /// Those that a person says are revoked.
    pub revoked: &'a [String],
    /// What the ledger knows of a key with this id.
    pub recorded: &'a [(ResourceRef, KeyRecord)],
}

/// Why a key is no new one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Old<'a> {
    /// It has the secret of this key of the resource.
    Secret(&'a str),
    /// Another key of the resource has its id.
    Id,
    /// It was given up.
    GivenUp,
    /// A person says that it is revoked.
    SaidRevoked,
    /// It was revoked.
    Revoked,
    /// It is in use by another resource.
    HeldBy(&'a ResourceRef),
}

/// What speaks against a key of this id and mark. One that an apply took and did not come to its end with, or that its resource
/// left behind, is as good as new.
pub fn speaks_against<'a>(id: &str, mark: &Fingerprint, known: &Known<'a>) -> Option<Old<'a>> {
    let slots = known.slots.into_iter();
    let keys = slots.flat_map(|slots| [Some(&slots.primary), slots.secondary_key()]);
    let keys: Vec<_> = keys.flatten().collect();
    if let Some(key) = keys
        .iter()
        .find(|key| key.fingerprint.as_ref() == Some(mark))
    {
        return Some(Old::Secret(key.label()));
    }
    let is_id = |other: &String| other == id;
    let mut ids = keys.iter().filter_map(|key| key.key_id.as_ref());
    if ids.any(is_id) {
        return Some(Old::Id);
    }
    if known.revoked.iter().any(is_id) {
        return Some(Old::SaidRevoked);
    }
    if known.pending.iter().any(is_id) {
        return Some(Old::GivenUp);
    }
    let recorded = known.recorded.iter();
    let mut held = recorded.filter(|(_, record)| was_held(record));
    held.find_map(|(owner, record)| match record.status {
        Status::Revoked => Some(Old::Revoked),
        Status::Live if owner.id != known.resource => Some(Old::HeldBy(owner)),
        Status::Live | Status::Orphaned => None,
    })
}

/// A state had it, as far as the ledger can tell: what is known of a mint alone may be that of an apply that failed.
fn was_held(record: &KeyRecord) -> bool {
    record.confirmed_at.is_some() || record.slot != Slot::None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::keys::KeyMark;
    use crate::domain::rules::tests::{at, single};
    use crate::secret::Secret;

    fn record(
        id: &str,
        status: Status,
        slot: Slot,
        is_confirmed: bool,
    ) -> (ResourceRef, KeyRecord) {
        let owner = ResourceRef {
            id: id.to_owned(),
            ..ResourceRef::default()
        };
        let minted = KeyRecord::minted(KeyMark::new(Some("rk_1".into()), None), "apply", at(0));
        let record = KeyRecord {
            status,
            slot,
            confirmed_at: is_confirmed.then(|| at(0)),
            ..minted
        };
        (owner, record)
    }

    #[test]
    fn a_key_is_new_unless_somebody_has_it_or_it_came_to_its_end() {
        use Status::{Live, Orphaned, Revoked};
        let owner = record("other", Live, Slot::Primary, true).0;
        let held = Some(Old::HeldBy(&owner));
        for (what, id, status, slot, is_confirmed, expected) in [
            (
                "in use elsewhere",
                "other",
                Live,
                Slot::Primary,
                true,
                held.clone(),
            ),
            (
                "in use, not refreshed yet",
                "other",
                Live,
                Slot::Primary,
                false,
                held.clone(),
            ),
            ("pending elsewhere", "other", Live, Slot::None, true, held),
            (
                "a create that failed",
                "other",
                Live,
                Slot::None,
                false,
                None,
            ),
            (
                "left behind by a destroy",
                "other",
                Orphaned,
                Slot::None,
                true,
                None,
            ),
            (
                "its own, and an older state",
                "ours",
                Live,
                Slot::Staged,
                true,
                None,
            ),
            (
                "revoked",
                "other",
                Revoked,
                Slot::None,
                true,
                Some(Old::Revoked),
            ),
            (
                "its own, revoked",
                "ours",
                Revoked,
                Slot::None,
                true,
                Some(Old::Revoked),
            ),
            ("never taken", "ours", Revoked, Slot::None, false, None),
        ] {
            let recorded = [record(id, status, slot, is_confirmed)];
            let known = Known {
                resource: "ours",
                slots: None,
                pending: &[],
                revoked: &[],
                recorded: &recorded,
            };
            let mark = Secret::new("made-up".into()).fingerprint();
            assert_eq!(speaks_against("rk_1", &mark, &known), expected, "{what}");
        }
    }

    #[test]
    fn what_the_resource_itself_knows_speaks_against_a_key() {
        let slots = single();
        let (own, of_own) = (
            slots.primary.key_id.clone().unwrap(),
            slots.primary.fingerprint.clone().unwrap(),
        );
        let ids = ["rk_1".to_owned()];
        let known = Known {
            resource: "ours",
            slots: Some(&slots),
            pending: &[],
            revoked: &[],
            recorded: &[],
        };
        let mark = Secret::new("made-up".into()).fingerprint();
        let of = |id: &str, mark, known: Known| {
            speaks_against(id, mark, &known).map(|old| format!("{old:?}"))
        };
        assert_eq!(of("rk_1", &mark, known), None);
        assert_eq!(of("rk_1", &of_own, known), Some(format!("Secret({own:?})")));
        assert_eq!(of(&own, &mark, known), Some("Id".into()));
        let pending = Known {
            pending: &ids,
            ..known
        };
        assert_eq!(of("rk_1", &mark, pending), Some("GivenUp".into()));
        let said = Known {
            revoked: &ids,
            ..known
        };
        assert_eq!(of("rk_1", &mark, said), Some("SaidRevoked".into()));
    }
}
