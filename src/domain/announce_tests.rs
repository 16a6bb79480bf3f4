//! What people read: status and reason of a key, and the warning of a plan.

use super::*;
use crate::domain::planner::decide_at;
use crate::domain::rules::tests::*;
use crate::domain::situation::{Copy, Seen};

fn told(case: &Case, now: i64) -> String {
    let situation = case.situation(now);
    let decision = decide_at(&situation, at(now));
    let told = announcement(&situation, &decision, at(now))
        .or_else(|| standing(&situation, at(now)))
        .map_or_else(String::new, |told| {
            format!("{}\n{}\n", told.summary, told.detail)
        });
    let (status, reason) = status(&situation);
    format!("{told}{}: {reason}", status.word())
}

#[track_caller]
fn is_told(case: &Case, now: i64, expected: &[&str]) {
    assert_eq!(told(case, now).lines().collect::<Vec<_>>(), expected);
}

#[test]
fn a_quiet_key_says_what_comes_next() {
    let single = Case::new(single());
    is_told(
        &single,
        1_001,
        &["ok: the next key is staged at 1970-01-01T00:18:00Z"],
    );
    is_told(
        &single.with(paused),
        1_001,
        &["ok: the policy is paused; without that, rotation is due at 1970-01-01T00:18:20Z"],
    );
    is_told(
        &Case::new(retiring()),
        DUE + 1,
        &["ok: the retiring key is revoked after 1970-01-01T00:18:30Z"],
    );
}

#[test]
fn staging_and_promoting_say_when_the_rotation_is_due() {
    is_told(
        &Case::new(single()),
        1_080,
        &[
            "k: stage",
            "k: rotation is due at 1970-01-01T00:18:20Z (policy p, every 1m40s). This apply mints a new key and \
             delivers it as secondary; one stays primary.",
            "due: rotation is due at 1970-01-01T00:18:20Z",
        ],
    );
    is_told(
        &Case::new(staged(Some(1_081))),
        DUE,
        &[
            "k: promote",
            "k: rotation is due since 1970-01-01T00:18:20Z (policy p, every 1m40s). This apply promotes staged key two \
             and keeps one until 10s after it.",
            "due: rotation is due since 1970-01-01T00:18:20Z",
        ],
    );
}

#[test]
fn several_moves_are_told_in_their_order_with_each_reason_once() {
    is_told(
        &Case::new(retiring()).with(no_delay),
        DUE + 100,
        &[
            "k: revoke and stage and promote",
            "k: the grace period of retiring key one ended at 1970-01-01T00:18:30Z. This apply revokes retiring key one. \
             Rotation is due since 1970-01-01T00:20:00Z (policy p, every 1m40s). This apply mints a new key and delivers \
             it as secondary; two stays primary until the new key is verified. This apply promotes the new key and keeps \
             two until 10s after it.",
            "due: the grace period of retiring key one ended at 1970-01-01T00:18:30Z; rotation is due since \
             1970-01-01T00:20:00Z",
        ],
    );
}

#[test]
fn an_overdue_rotation_is_overdue_once_and_only_the_warning_knows_by_how_long() {
    const MONTHS: i64 = DUE + 122 * 86_400 + 17;
    let single = Case::new(single());
    is_told(
        &single,
        MONTHS,
        &[
            "k: stage, overdue by 122d",
            "k: rotation is overdue since 1970-01-01T00:18:20Z (policy p, every 1m40s). This apply mints a new key and \
             delivers it as secondary; one stays primary.",
            "overdue: rotation is overdue since 1970-01-01T00:18:20Z",
        ],
    );
    is_told(
        &single.with(paused),
        MONTHS,
        &[
            "k: key is overdue by 122d",
            "rotation is overdue since 1970-01-01T00:18:20Z, but the policy is paused.",
            "overdue: rotation is overdue since 1970-01-01T00:18:20Z, but the policy is paused",
        ],
    );
}

#[test]
fn a_due_rotation_that_has_to_wait_says_for_what() {
    let mut slots = retiring();
    slots.requested_at = Some(at(DUE + 3));
    is_told(
        &Case::new(slots),
        DUE + 4,
        &[
            "k: key is due",
            "rotation is due since 1970-01-01T00:18:23Z, but the secondary slot holds retiring key one until \
             1970-01-01T00:18:30Z.",
            "due: rotation is due since 1970-01-01T00:18:23Z, but the secondary slot holds retiring key one until \
             1970-01-01T00:18:30Z",
        ],
    );
    is_told(
        &Case::new(staged(Some(DUE))),
        DUE + 4,
        &[
            "k: key is due",
            "rotation is due since 1970-01-01T00:18:20Z, and staged key two is promoted from 1970-01-01T00:18:25Z on \
             (propagation_delay).",
            "due: rotation is due since 1970-01-01T00:18:20Z, and staged key two is promoted from 1970-01-01T00:18:25Z on \
             (propagation_delay)",
        ],
    );
}

#[test]
fn a_staged_key_that_has_not_passed_is_verified_again() {
    let unverified = Case::new(staged(Some(1_081))).with(unverified);
    is_told(
        &unverified,
        1_082,
        &[
            "k: verify",
            "k: staged key two has not passed its verification and is not promoted before it does; if it never does, \
             change rotation_trigger from one value to another to stage another. This apply verifies staged key two; one \
             stays primary.",
            "blocked: staged key two has not passed its verification and is not promoted before it does; if it never does, \
             change rotation_trigger from one value to another to stage another",
        ],
    );
    is_told(
        &unverified.clone().with(requested),
        1_082,
        &[
            "k: discard and stage",
            "k: staged key two has not passed its verification. This apply revokes staged key two, which nothing uses yet. \
             A change of rotation_trigger makes a rotation due now. This apply mints a new key and delivers it as secondary; \
             one stays primary.",
            "due: staged key two has not passed its verification; a change of rotation_trigger makes a rotation due now",
        ],
    );
    is_told(
        &unverified.with(paused),
        1_082,
        &[
            "k: verify",
            "k: staged key two has not passed its verification and is not promoted before it does. This apply verifies \
             staged key two; one stays primary.",
            "blocked: staged key two has not passed its verification and is not promoted before it does",
        ],
    );
}

#[test]
fn a_promotion_of_a_key_that_has_not_passed_is_promised_only_if_it_does() {
    let late = |delivered| Case::new(staged(Some(delivered))).with(unverified);
    let (_, waits) = status(&late(DUE).situation(DUE + 4));
    assert!(
        waits.contains(
            "staged key two is promoted from 1970-01-01T00:18:25Z on (propagation_delay) if it has passed its \
             verification by then"
        ),
        "{waits}"
    );
    let promoted = told(&late(1_081), DUE);
    assert!(
        promoted.contains(
            "This apply promotes staged key two once it passes its verification and keeps one until 10s after it."
        ),
        "{promoted}"
    );
}

#[test]
fn keys_to_be_revoked_are_counted() {
    let pending = |case: &mut Case| case.pending = vec!["a".into(), "b".into(), "c".into()];
    is_told(
        &Case::new(single()).with(pending),
        1_001,
        &[
            "k: revoke pending",
            "k: key a could not be revoked yet; key b could not be revoked yet; key c could not be revoked yet. This \
             apply revokes a, b and c.",
            "pending: key a could not be revoked yet; key b could not be revoked yet; key c could not be revoked yet",
        ],
    );
}

#[test]
fn without_a_grace_nothing_is_kept() {
    let case = Case::new(staged(Some(1_081))).with(|case| {
        case.policy.grace_period = Duration::ZERO;
    });
    is_told(
        &case,
        DUE,
        &[
            "k: promote and revoke",
            "k: rotation is due since 1970-01-01T00:18:20Z (policy p, every 1m40s). This apply promotes staged key two; \
             one retires. Retiring key one has no grace period. This apply revokes retiring key one.",
            "due: rotation is due since 1970-01-01T00:18:20Z",
        ],
    );
}

#[test]
fn an_unusable_primary_is_blocked_unless_the_next_apply_cures_it() {
    let lost = Case::new(single()).with(primary_lost);
    const WAYS: &str = "no delivery holds the secret of primary key one any more: restore a document that holds it, hand \
                        its secret in again (existing_secret_wo with a higher existing_secret_wo_version), or have another \
                        key take its place (change rotation_trigger from one value to another or set on_drift = \
                        \"rotate\" in the policy)";
    is_told(
        &lost,
        1_001,
        &[
            "k: key is blocked",
            &format!("{WAYS}."),
            &format!("blocked: {WAYS}"),
        ],
    );
    is_told(
        &lost.with(rotate_on_drift),
        1_001,
        &[
            "k: replace",
            "k: no delivery holds the secret of primary key one any more. This apply mints a new key that becomes \
             primary at once and keeps one until 10s after it.",
            "due: no delivery holds the secret of primary key one any more",
        ],
    );
}

#[test]
fn a_replacement_says_what_becomes_of_the_old_key() {
    let replaced = |case: Case, now| told(&case.with(rotate_on_drift), now);
    let gone = replaced(Case::new(single()).with(primary_gone), 1_001);
    assert!(
        gone.contains("becomes primary at once and drops one, which is gone."),
        "{gone}"
    );
    let without_grace = |case: &mut Case| case.policy.grace_period = Duration::ZERO;
    let retires = replaced(
        Case::new(single()).with(primary_lost).with(without_grace),
        1_001,
    );
    assert!(
        retires.contains("becomes primary at once; one retires."),
        "{retires}"
    );
    let imported = told(&Case::new(single()).with(imported), DUE);
    assert!(
        imported.contains(
            "becomes primary at once and keeps one until 10s after it: one was imported without its secret"
        ),
        "{imported}"
    );
}

#[test]
fn a_primary_that_was_switched_off_may_be_half_destroyed() {
    let off = Case::new(single()).with(|case| case.facts.primary = Seen::Inactive);
    let (_, reason) = status(&off.situation(1_001));
    assert_eq!(
        reason,
        "primary key one was deactivated at the issuer, by somebody or by a destroy or a revocation that failed half-way: \
         activate it again at the issuer, destroy the resource again if that is what failed, or have another key take its \
         place (change rotation_trigger from one value to another or set on_drift = \"rotate\" in the policy)"
    );
}

#[test]
fn a_retiring_key_that_is_gone_leaves_the_documents_at_once() {
    let gone = Case::new(retiring()).with(|case| case.facts.secondary = Seen::Gone);
    is_told(
        &gone,
        DUE + 1,
        &[
            "k: revoke",
            "k: retiring key one no longer exists at the issuer. This apply takes one out of the deliveries.",
            "due: retiring key one no longer exists at the issuer",
        ],
    );
}

#[test]
fn a_retiring_key_that_is_of_no_use_is_told_of_while_it_should_be() {
    let off = Case::new(retiring()).with(|case| case.facts.secondary = Seen::Inactive);
    let (word, reason) = status(&off.situation(DUE + 1));
    assert_eq!(
        (word, reason.as_str()),
        (
            Status::Notice,
            "retiring key one was deactivated at the issuer, by somebody or by a destroy or a revocation that failed \
             half-way, so that whoever still uses it is refused: activate it there for the rest of its grace, which ends at \
             1970-01-01T00:18:30Z, or move them to primary key two"
        )
    );
    let lost = Case::new(retiring()).with(|case| case.facts.secondary_copy = Copy::Lost);
    let (word, reason) = status(&lost.situation(DUE + 1));
    assert_eq!(
        (word, reason.as_str()),
        (
            Status::Notice,
            "no delivery holds retiring key one any more, so that whoever read it there has only primary key two; its \
             grace ends at 1970-01-01T00:18:30Z all the same"
        )
    );
    for case in [off, lost] {
        let over = told(&case, DUE + 10);
        assert!(
            over.contains("This apply revokes retiring key one."),
            "{over}"
        );
        assert!(!over.contains("whoever"), "{over}");
    }
}

#[test]
fn the_end_of_a_hold_says_that_the_key_was_in_use() {
    let (_, reason) = status(&Case::new(retiring()).with(in_use).situation(DUE + 70));
    assert_eq!(
        reason,
        "retiring key one was still in use when it was last looked at, and max_grace_period, which kept it, ended at \
         1970-01-01T00:19:30Z"
    );
}

#[test]
fn a_revocation_names_the_places_that_may_still_hold_the_key() {
    let with_a_failing_delivery = |slots| Case::new(slots).with(failing_beside_another);
    let known = told(&with_a_failing_delivery(retiring()), DUE + 10);
    assert!(
        known.contains(
            "This apply revokes retiring key one. Delivery \"app\" may still hold it, unless this apply can write there; \
             there it is of no use any more."
        ),
        "{known}"
    );
    let mut slots = retiring();
    slots.secondary.as_mut().unwrap().key.key_id = None;
    let of_nobody = with_a_failing_delivery(slots).with(left_over);
    let of_nobody = told(&of_nobody, DUE + 10);
    for words in [
        "Delivery \"app\" and file /srv/old.json may still hold it, unless",
        "whoever reads it there goes on accepting it",
        "The ledger calls it revoked all the same",
    ] {
        assert!(of_nobody.contains(words), "{words}: {of_nobody}");
    }
}
