//! What a move does, effect by effect. The order is the safety: it is data, so that it can be read and tested.

use crate::domain::moves::Move;

/// One effect of a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Everything that can fail without an effect: reach, permissions, room at the issuer, writable places.
    Check,
    /// Reads the secrets that exist from deliveries that can be read back.
    Fetch,
    /// Creates a key at the issuer.
    Mint,
    /// Writes both slots to every delivery.
    Deliver(Content),
    /// Takes ended deliveries away, and what creates wrote that were cut off.
    Withdraw,
    /// Proves that a key works.
    Verify(Subject),
    /// Makes consumers read what is delivered.
    Deploy,
    /// The new or staged key becomes primary.
    SwapIn,
    /// Deactivates and deletes the key in the secondary slot.
    RevokeSecondary,
    /// Tries failed revocations again.
    RevokePending,
    /// Deactivates and deletes the primary, although nothing has taken its place.
    RevokePrimary,
}

/// What a delivery writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// The slots as they are.
    Current,
    /// The new key as primary; the old primary after it, where it can still be used.
    NewFirst,
    /// The primary, and the new key as secondary.
    NewSecond,
    /// The staged key as primary, the old primary as secondary.
    Swapped,
    /// The primary alone.
    PrimaryAlone,
}

/// Which key is proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The key that was minted in this apply and is to become primary at once.
    New,
    /// The key that was minted in this apply and will wait.
    NewlyStaged,
    /// The key in the secondary slot, which was minted by an earlier apply.
    Staged,
}

/// When a new key can be proved to work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// As soon as it is minted: whoever accepts it knows it by then.
    Minted,
    /// Only once it is delivered: whoever accepts it reads it there.
    Delivered,
}

/// The effects of a move, in order.
pub fn steps(next: Move, proof: Proof) -> &'static [Step] {
    use Step::*;
    match (next, proof) {
        (Move::Create, Proof::Minted) => &[
            Check,
            Mint,
            Verify(Subject::New),
            Deliver(Content::NewFirst),
            SwapIn,
            Withdraw,
        ],
        (Move::Create, Proof::Delivered) => &[
            Check,
            Mint,
            Deliver(Content::NewFirst),
            Verify(Subject::New),
            SwapIn,
            Withdraw,
        ],
        (Move::Deliver, _) => &[Fetch, Deliver(Content::Current), Withdraw],
        (Move::Stage, _) => &[
            Check,
            Fetch,
            Mint,
            Deliver(Content::NewSecond),
            Verify(Subject::NewlyStaged),
        ],
        (Move::Verify, _) => &[Fetch, Verify(Subject::Staged)],
        (Move::Deploy, _) => &[Deploy],
        (Move::Promote, _) => &[
            Fetch,
            Verify(Subject::Staged),
            Deliver(Content::Swapped),
            SwapIn,
        ],
        (Move::Replace, Proof::Minted) => &[
            Check,
            Fetch,
            Mint,
            Verify(Subject::New),
            Deliver(Content::NewFirst),
            SwapIn,
        ],
        (Move::Replace, Proof::Delivered) => &[
            Check,
            Fetch,
            Mint,
            Deliver(Content::NewFirst),
            Verify(Subject::New),
            SwapIn,
        ],
        (Move::Revoke | Move::Discard | Move::Contain, _) => {
            &[Fetch, Deliver(Content::PrimaryAlone), RevokeSecondary]
        }
        (Move::RevokePending, _) => &[RevokePending],
        (Move::RevokePrimary, _) => &[Fetch, RevokePrimary],
    }
}

#[cfg(test)]
mod tests {
    use strum::VariantArray;

    use super::*;

    fn all() -> impl Iterator<Item = (Move, Proof)> {
        let proofs = [Proof::Minted, Proof::Delivered];
        proofs
            .into_iter()
            .flat_map(|proof| Move::VARIANTS.iter().map(move |next| (*next, proof)))
    }

    fn position((next, proof): (Move, Proof), wanted: impl Fn(&Step) -> bool) -> Option<usize> {
        steps(next, proof).iter().position(wanted)
    }

    fn leads_with_a_new_key(step: &Step) -> bool {
        matches!(step, Step::Deliver(Content::NewFirst | Content::Swapped))
    }

    #[test]
    fn nothing_is_minted_before_everything_that_can_fail_was_checked() {
        for (next, proof) in all().filter(|(next, _)| next.mints()) {
            assert_eq!(steps(next, proof)[0], Step::Check, "{next:?}");
            assert!(position((next, proof), |step| *step == Step::Mint) > Some(0));
        }
    }

    #[test]
    fn a_key_is_verified_and_delivered_before_it_becomes_primary() {
        for case in all() {
            if let Some(swap) = position(case, |step| *step == Step::SwapIn) {
                assert!(position(case, |step| matches!(step, Step::Verify(_))) < Some(swap));
                assert!(position(case, |step| matches!(step, Step::Deliver(_))) < Some(swap));
            }
        }
    }

    #[test]
    fn no_document_leads_with_a_key_that_could_have_been_verified_before() {
        for (next, proof) in all() {
            let Some(led) = position((next, proof), leads_with_a_new_key) else {
                continue;
            };
            let verified = position((next, proof), |step| matches!(step, Step::Verify(_)));
            let possible = proof == Proof::Minted || next == Move::Promote;
            assert_eq!(verified < Some(led), possible, "{next:?} {proof:?}");
        }
    }

    #[test]
    fn a_key_leaves_the_stores_before_it_is_revoked() {
        for next in [Move::Revoke, Move::Discard, Move::Contain] {
            let steps = steps(next, Proof::Minted);
            assert_eq!(steps.last(), Some(&Step::RevokeSecondary));
            assert_eq!(steps[1], Step::Deliver(Content::PrimaryAlone));
        }
    }

    #[test]
    fn repairing_a_delivery_never_mints_or_revokes() {
        for next in [Move::Deliver, Move::Verify, Move::Deploy] {
            let effect = |step: &Step| matches!(step, Step::Mint | Step::RevokeSecondary);
            assert!(position((next, Proof::Minted), effect).is_none());
        }
    }
}
