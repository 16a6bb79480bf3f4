//! What people read: status and reason of a key, and the warning of a plan.

use super::*;
use crate::domain::planner::decide_at;
use crate::domain::rules::tests::*;
use crate::domain::situation::Copy;

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
            "k: staged key two has not passed its verification and is not promoted before it does. This apply verifies \
             staged key two; one stays primary.",
            "blocked: staged key two has not passed its verification and is not promoted before it does",
        ],
    );
    is_told(
        &unverified.with(requested),
        1_082,
        &[
            "k: discard and stage",
            "k: staged key two has not passed its verification. This apply revokes staged key two, which nothing uses yet. \
             A change of rotation_trigger makes a rotation due now. This apply mints a new key and delivers it as secondary; \
             one stays primary.",
            "blocked: staged key two has not passed its verification and is not promoted before it does; staged key two \
             has not passed its verification; a change of rotation_trigger makes a rotation due now, and staged key two is \
             promoted from 1970-01-01T00:18:06Z on (propagation_delay)",
        ],
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
    let lost = Case::new(single()).with(|case| case.facts.primary_copy = Copy::Lost);
    is_told(
        &lost,
        1_001,
        &[
            "k: key is blocked",
            "no delivery holds the secret of primary key one any more.",
            "blocked: no delivery holds the secret of primary key one any more",
        ],
    );
    is_told(
        &lost.with(rotate_on_drift),
        1_001,
        &[
            "k: replace",
            "k: no delivery holds the secret of primary key one any more. This apply mints a new key that becomes \
             primary at once.",
            "due: no delivery holds the secret of primary key one any more",
        ],
    );
}
