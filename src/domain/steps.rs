//! What a move does, effect by effect. The order is the safety: it is data, so that it can be read and tested.

use crate::domain::rules::Move;

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
    /// Takes ended deliveries away.
    Withdraw,
    /// Proves that a key works.
    Verify(Subject),
    /// The new or staged key becomes primary.
    SwapIn,
    /// Deactivates and deletes the key in the secondary slot.
    RevokeSecondary,
    /// Tries failed revocations again.
    RevokePending,
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
    /// The key in the secondary slot, about to become primary.
    Staged,
}

/// The effects of a move, in order.
pub fn steps(next: Move) -> &'static [Step] {
    use Step::*;
    match next {
        Move::Create => &[
            Check,
            Mint,
            Deliver(Content::NewFirst),
            Verify(Subject::New),
            SwapIn,
        ],
        Move::Deliver => &[Fetch, Deliver(Content::Current), Withdraw],
        Move::Stage => &[
            Check,
            Fetch,
            Mint,
            Deliver(Content::NewSecond),
            Verify(Subject::NewlyStaged),
        ],
        Move::Promote => &[
            Fetch,
            Verify(Subject::Staged),
            Deliver(Content::Swapped),
            SwapIn,
        ],
        Move::Replace => &[
            Check,
            Fetch,
            Mint,
            Deliver(Content::NewFirst),
            Verify(Subject::New),
            SwapIn,
        ],
        Move::Revoke | Move::Discard => &[Fetch, Deliver(Content::PrimaryAlone), RevokeSecondary],
        Move::RevokePending => &[RevokePending],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: [Move; 8] = [
        Move::Create,
        Move::Deliver,
        Move::Revoke,
        Move::RevokePending,
        Move::Discard,
        Move::Stage,
        Move::Promote,
        Move::Replace,
    ];

    fn position(next: Move, wanted: impl Fn(&Step) -> bool) -> Option<usize> {
        steps(next).iter().position(wanted)
    }

    #[test]
    fn nothing_is_minted_before_everything_that_can_fail_was_checked() {
        for next in EVERY.into_iter().filter(|next| next.mints()) {
            assert_eq!(steps(next)[0], Step::Check, "{next:?}");
            assert!(position(next, |step| *step == Step::Mint) > Some(0));
        }
    }

    #[test]
    fn a_key_is_verified_and_delivered_before_it_becomes_primary() {
        for next in EVERY {
            if let Some(swap) = position(next, |step| *step == Step::SwapIn) {
                assert!(position(next, |step| matches!(step, Step::Verify(_))) < Some(swap));
                assert!(position(next, |step| matches!(step, Step::Deliver(_))) < Some(swap));
            }
        }
    }

    #[test]
    fn a_key_leaves_the_stores_before_it_is_revoked() {
        for next in [Move::Revoke, Move::Discard] {
            assert_eq!(steps(next).last(), Some(&Step::RevokeSecondary));
            assert_eq!(steps(next)[1], Step::Deliver(Content::PrimaryAlone));
        }
    }

    #[test]
    fn repairing_a_delivery_never_mints_or_revokes() {
        assert!(
            position(Move::Deliver, |step| matches!(
                step,
                Step::Mint | Step::RevokeSecondary
            ))
            .is_none()
        );
    }
}
