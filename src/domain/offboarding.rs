//! The owner of a key has left: it is rotated once for that, with the grace of its policy, and asks for a new owner until it
//! has one.

use crate::domain::finding::{Finding, Status};
use crate::domain::situation::Situation;
use crate::domain::slots::Slots;

/// An owner who has left, as far as it concerns one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offboarded {
    /// Who.
    pub owner: String,
    /// The key is still to be rotated for it.
    pub is_new: bool,
    /// The key has this owner still, or again: it needs another one.
    pub stays: bool,
    /// What the policy says of the owner now.
    pub listed: Listed,
}

/// What `offboarded_owners` says of an owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listed {
    /// It names the owner.
    Named,
    /// It names nobody: the source of the list may have failed, so that says nothing.
    Empty,
    /// Whatever it says: the key was rotated for one who left, and has had no owner since.
    Ownerless,
}

/// Whether the owners of a key have left. `owners` are the one that it has and, in a plan, the one that it had; `list` is
/// `offboarded_owners`; `rotated_for` is the owner for whom it was rotated last.
pub fn offboarded(
    owners: [Option<&str>; 2],
    list: Option<&[String]>,
    rotated_for: Option<&str>,
) -> Option<Offboarded> {
    let [current, former] = owners;
    let named = list.unwrap_or_default();
    let has_left = |owner: &str| named.iter().any(|name| name == owner);
    let of = |owner: &str, listed| Offboarded {
        owner: owner.to_owned(),
        is_new: listed == Listed::Named && rotated_for != Some(owner),
        stays: current == Some(owner),
        listed,
    };
    match (current, former) {
        (Some(owner), _) if has_left(owner) => Some(of(owner, Listed::Named)),
        // Whoever left goes on knowing the key although its owner is another one from now on.
        (_, Some(owner)) if has_left(owner) && rotated_for != Some(owner) => {
            Some(of(owner, Listed::Named))
        }
        (Some(owner), _)
            if list.is_some_and(<[String]>::is_empty) && rotated_for == Some(owner) =>
        {
            Some(of(owner, Listed::Empty))
        }
        (None, _) => rotated_for.map(|owner| Offboarded {
            stays: true,
            ..of(owner, Listed::Ownerless)
        }),
        _ => None,
    }
}

impl Offboarded {
    /// That the owner has left, and what the key needs.
    pub fn asks(&self, policy: &str) -> String {
        let owner = &self.owner;
        match self.listed {
            Listed::Named => {
                format!("owner {owner:?} is offboarded (policy {policy}): give the key a new owner")
            }
            Listed::Empty => format!(
                "owner {owner:?} was offboarded, and offboarded_owners of policy {policy} is empty now, which is not taken \
                 for everybody being back, for its source may have failed: give the key a new owner"
            ),
            Listed::Ownerless => format!(
                "the key was rotated because owner {owner:?} had left, and nobody owns it now: give it a new owner"
            ),
        }
    }

    /// Why a rotation is due.
    pub fn makes_due(&self) -> String {
        format!(
            "owner {:?} is offboarded, which makes a rotation due now",
            self.owner
        )
    }
}

/// Somebody has to answer for it.
pub(super) fn the_owner_has_left(situation: &Situation, _: &Slots) -> Option<Finding> {
    let offboarded = situation.offboarded.filter(|it| it.stays)?;
    let reason = offboarded.asks(&situation.policy.name);
    Some(Finding::new(Status::Notice, reason))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::moves::Move;
    use crate::domain::rules::tests::{Case, retiring, single};
    use crate::domain::status::status;

    fn list(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    /// Whether a rotation is due for it, and whether it asks for a new owner.
    fn judged(
        owner: Option<&str>,
        former: Option<&str>,
        names: Option<&[&str]>,
        rotated_for: Option<&str>,
    ) -> Option<(bool, bool)> {
        let names = names.map(list);
        offboarded([owner, former], names.as_deref(), rotated_for).map(|it| (it.is_new, it.stays))
    }

    #[test]
    fn a_key_is_rotated_once_for_an_owner_who_left_and_asks_until_it_has_another() {
        let left = Some(&["bob"][..]);
        let bob = Some("bob");
        assert_eq!(judged(bob, bob, left, None), Some((true, true)));
        assert_eq!(judged(bob, bob, left, bob), Some((false, true)));
        assert_eq!(judged(Some("eve"), Some("eve"), left, bob), None);
        assert_eq!(judged(None, None, left, None), None);
        assert_eq!(judged(bob, bob, None, bob), None);
    }

    #[test]
    fn a_new_owner_in_the_same_plan_keeps_no_key_from_being_rotated() {
        let left = Some(&["bob"][..]);
        let (bob, eve) = (Some("bob"), Some("eve"));
        assert_eq!(judged(eve, bob, left, None), Some((true, false)));
        assert_eq!(judged(None, bob, left, None), Some((true, false)));
        assert_eq!(judged(eve, bob, left, bob), None);
    }

    #[test]
    fn a_key_without_an_owner_asks_for_one_whatever_the_list_says() {
        let bob = Some("bob");
        let lists: [Option<&[&str]>; 4] = [None, Some(&[]), Some(&["bob"]), Some(&["eve"])];
        for names in lists {
            assert_eq!(
                judged(None, bob, names, bob),
                Some((false, true)),
                "{names:?}"
            );
            assert_eq!(
                judged(None, None, names, bob),
                Some((false, true)),
                "{names:?}"
            );
        }
        assert_eq!(judged(None, None, Some(&[]), None), None);
    }

    #[test]
    fn an_empty_list_brings_nobody_back_and_one_without_the_owner_does() {
        let bob = Some("bob");
        assert_eq!(judged(bob, bob, Some(&[]), bob), Some((false, true)));
        assert_eq!(judged(bob, bob, Some(&[]), None), None);
        assert_eq!(judged(bob, bob, Some(&["eve"]), bob), None);
    }

    #[test]
    fn the_rotation_keeps_its_grace_and_waits_for_its_slot() {
        let left = offboarded([Some("bob"), None], Some(&list(&["bob"])), None);
        let case = |slots| {
            Case::new(slots).with(|case| {
                case.requested = true;
                case.offboarded.clone_from(&left);
            })
        };
        assert_eq!(case(single()).moves(1_010), [Move::Stage]);
        assert_eq!(case(retiring()).moves(1_101), []);
        let (word, reason) = status(&case(single()).situation(1_010));
        assert_eq!(word, Status::Due);
        assert!(reason.contains("is offboarded, which makes a rotation due now"));
        assert!(reason.contains("give the key a new owner"));
    }
}
