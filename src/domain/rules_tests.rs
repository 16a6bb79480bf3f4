//! A table of situations, each a sentence, and the moves that follow.

use super::Move::{self, *};
use crate::domain::deployments::Deployment;
use crate::domain::emergency::Emergency;
use crate::domain::expected::Expected;
use crate::domain::offboarding::Offboarded;
use crate::domain::planner::{decide_at, first_due};
use crate::domain::policy::{Draft, OnDrift, Policy};
use crate::domain::situation::{Copy, Facts, Hold, Repair, Seen, Situation, Why};
use crate::domain::slots::{Key, Role, Secondary, Slots};
use crate::duration::Duration;
use crate::error::Path;
use crate::instant::Instant;
use crate::secret::Fingerprint;

// Interval 100s, staged 20s before, delivered for 5s, grace 10s, held until 70s after the swap.
pub(in crate::domain) const DUE: i64 = 1_100;

pub(in crate::domain) fn policy() -> Policy {
    let secs = |seconds| Some(Duration::from_secs(seconds));
    let draft = Draft {
        name: "p".into(),
        rotation_interval: secs(100),
        stage_before: secs(20),
        propagation_delay: secs(5),
        grace_period: secs(10),
        ..Draft::default()
    };
    Policy::new(draft, &Path::default()).unwrap()
}

pub(in crate::domain) fn at(seconds: i64) -> Instant {
    Instant::from_unix(seconds)
}

fn key(name: &str, promoted: Option<i64>) -> Key {
    Key {
        key_id: Some(name.into()),
        fingerprint: Some(Fingerprint::recorded(name)),
        created_at: at(1_000),
        delivered_at: Some(at(1_000)),
        verified_at: None,
        promoted_at: promoted.map(at),
        retired_at: None,
    }
}

pub(in crate::domain) fn single() -> Slots {
    Slots::first(key("one", Some(1_000)))
}

pub(in crate::domain) fn staged(delivered: Option<i64>) -> Slots {
    let mut slots = single();
    slots.secondary = Some(Secondary {
        role: Role::Staged,
        key: Key {
            delivered_at: delivered.map(at),
            verified_at: Some(at(1_081)),
            ..key("two", None)
        },
    });
    slots
}

pub(in crate::domain) fn retiring() -> Slots {
    let mut slots = staged(Some(1_081));
    slots.promote_staged(at(DUE), true);
    slots
}

#[derive(Clone, Debug)]
pub(in crate::domain) struct Case {
    pub policy: Policy,
    pub slots: Option<Slots>,
    pub facts: Facts,
    pub repairs: Vec<Repair>,
    pub deployments: Vec<Deployment>,
    pub requested: bool,
    pub environment: Option<String>,
    pub offboarded: Option<Offboarded>,
    pub expected: Option<Expected>,
    pub emergency: Option<Emergency>,
    pub pending: Vec<String>,
    pub in_order: bool,
    pub removals: Vec<String>,
}

impl Case {
    pub fn new(slots: Slots) -> Self {
        Self {
            policy: policy(),
            slots: Some(slots),
            facts: Facts::default(),
            repairs: Vec::new(),
            deployments: Vec::new(),
            requested: false,
            environment: None,
            offboarded: None,
            expected: None,
            emergency: None,
            pending: Vec::new(),
            in_order: true,
            removals: Vec::new(),
        }
    }

    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    pub fn situation(&self, now: i64) -> Situation<'_> {
        Situation {
            name: "k",
            group: "stripe",
            environment: self.environment.as_deref(),
            policy: &self.policy,
            slots: self.slots.as_ref(),
            facts: &self.facts,
            repairs: &self.repairs,
            deployments: &self.deployments,
            any_in_order: self.in_order,
            pending_removals: &self.removals,
            delivered: false,
            rolled_back: false,
            rotation_requested: self.requested,
            offboarded: self.offboarded.as_ref(),
            expected: self.expected.as_ref(),
            emergency: self.emergency.as_ref(),
            pending_revocations: &self.pending,
            must_verify: true,
            by_hand: None,
            now: at(now),
        }
    }

    pub fn moves(&self, now: i64) -> Vec<Move> {
        decide_at(&self.situation(now), at(now)).moves
    }
}

pub(in crate::domain) fn broken(case: &mut Case) {
    case.repairs.push(Repair::new("app", Why::Missing));
}

pub(in crate::domain) fn in_use(case: &mut Case) {
    case.facts.hold = Some(Hold::InUse);
}

fn untold(case: &mut Case) {
    case.facts.hold = Some(Hold::Untold("nobody answers".into()));
}

pub(in crate::domain) fn primary_gone(case: &mut Case) {
    case.facts.primary = Seen::Gone;
}

fn primary_off(case: &mut Case) {
    case.facts.primary = Seen::Inactive;
}

pub(in crate::domain) fn primary_lost(case: &mut Case) {
    case.facts.primary_copy = Copy::Lost;
}

fn both_lost(case: &mut Case) {
    primary_lost(case);
    case.facts.secondary_copy = Copy::Lost;
}

fn secondary_gone(case: &mut Case) {
    case.facts.secondary = Seen::Gone;
}

pub(in crate::domain) fn rotate_on_drift(case: &mut Case) {
    case.policy.on_drift = OnDrift::Rotate;
}

pub(in crate::domain) fn paused(case: &mut Case) {
    case.policy.paused = true;
}

pub(in crate::domain) fn no_delay(case: &mut Case) {
    case.policy.propagation_delay = Duration::ZERO;
}

pub(in crate::domain) fn requested(case: &mut Case) {
    case.requested = true;
}

pub(in crate::domain) fn imported(case: &mut Case) {
    if let Some(slots) = &mut case.slots {
        slots.primary.fingerprint = None;
    }
}

pub(in crate::domain) fn unverified(case: &mut Case) {
    let secondary = case
        .slots
        .as_mut()
        .and_then(|slots| slots.secondary.as_mut());
    secondary.unwrap().key.verified_at = None;
}

#[test]
fn each_situation_has_its_moves() {
    let nothing = Case::new(single()).with(|case| case.slots = None);
    let single = || Case::new(single());
    let staged = || Case::new(staged(Some(1_081)));
    let retiring = || Case::new(retiring());
    let pending = |case: &mut Case| case.pending.push("old".into());
    let table: Vec<(&str, Case, i64, &[Move])> = vec![
        ("nothing exists yet", nothing, 0, &[Create]),
        ("a young key is left alone", single(), 1_079, &[]),
        (
            "staging begins exactly when it is due",
            single(),
            1_080,
            &[Stage],
        ),
        (
            "after missed applies one key is staged, not two",
            single(),
            9_999,
            &[Stage],
        ),
        (
            "a staged key waits for the due date",
            staged(),
            DUE - 1,
            &[],
        ),
        (
            "a staged key is promoted when due",
            staged(),
            DUE,
            &[Promote],
        ),
        (
            "a staged key that is not delivered everywhere waits",
            Case::new(self::staged(None)),
            DUE,
            &[],
        ),
        (
            "a staged key waits until it was delivered long enough",
            Case::new(self::staged(Some(DUE))),
            DUE + 4,
            &[],
        ),
        (
            "a staged key that was delivered long enough is promoted",
            Case::new(self::staged(Some(DUE))),
            DUE + 5,
            &[Promote],
        ),
        (
            "without a delay a due key is staged and promoted at once",
            single().with(no_delay),
            DUE,
            &[Stage, Promote],
        ),
        (
            "without a delay a key is still staged early",
            single().with(no_delay),
            1_080,
            &[Stage],
        ),
        ("a retiring key has its grace", retiring(), DUE + 9, &[]),
        (
            "a retiring key is revoked after its grace",
            retiring(),
            DUE + 10,
            &[Revoke],
        ),
        (
            "a retiring key in use is held",
            retiring().with(in_use),
            DUE + 69,
            &[],
        ),
        ("a hold ends", retiring().with(in_use), DUE + 70, &[Revoke]),
        (
            "a retiring key of whose use nobody can tell is held",
            retiring().with(untold),
            DUE + 69,
            &[],
        ),
        (
            "and that hold ends as well",
            retiring().with(untold),
            DUE + 70,
            &[Revoke],
        ),
        (
            "a retiring key that is gone leaves its slot at once",
            retiring().with(secondary_gone),
            DUE + 1,
            &[Revoke],
        ),
        (
            "a retiring key that is gone makes room although the primary was switched off",
            retiring().with(secondary_gone).with(primary_off),
            DUE + 1,
            &[Revoke],
        ),
        (
            "a retiring key that is gone stays in the documents where no other key could be written",
            retiring().with(secondary_gone).with(primary_lost),
            DUE + 500,
            &[Replace],
        ),
        (
            "what works and an apply left behind is not written over for a retiring key that is gone",
            retiring()
                .with(secondary_gone)
                .with(primary_gone)
                .with(left_behind),
            DUE + 1,
            &[],
        ),
        (
            "a retiring key that was switched off has its grace",
            retiring().with(|case| case.facts.secondary = Seen::Inactive),
            DUE + 9,
            &[],
        ),
        (
            "a long expired retiring key is revoked and the next is staged",
            retiring(),
            DUE + 500,
            &[Revoke, Stage],
        ),
        (
            "a missed rotation takes one apply without a delay, whatever the slot still held",
            retiring().with(no_delay),
            DUE + 100,
            &[Revoke, Stage, Promote],
        ),
        (
            "the slot that a retiring key leaves is filled only when it is time",
            retiring().with(no_delay),
            DUE + 80,
            &[Revoke, Stage],
        ),
        (
            "without a grace the old key is revoked by the apply that promotes the new one",
            staged().with(|case| case.policy.grace_period = Duration::ZERO),
            DUE,
            &[Promote, Revoke],
        ),
        (
            "without a grace a key that may be in use is held all the same",
            staged().with(|case| {
                case.policy.grace_period = Duration::ZERO;
                case.policy.revoke_only_if_unused_for = Duration::from_secs(5);
            }),
            DUE,
            &[Promote],
        ),
        (
            "a staged key that has not passed its verification is verified by whatever apply comes next",
            staged().with(unverified),
            1_082,
            &[Verify],
        ),
        (
            "a paused policy verifies what is staged",
            staged().with(unverified).with(paused),
            9_999,
            &[Verify],
        ),
        (
            "a staged key is copied to a new delivery before it is verified",
            staged().with(unverified).with(broken),
            1_082,
            &[Deliver, Verify],
        ),
        (
            "a promotion verifies by itself",
            staged().with(unverified),
            DUE,
            &[Promote],
        ),
        (
            "a request replaces a staged key that never passed",
            staged().with(unverified).with(requested),
            1_082,
            &[Discard, Stage],
        ),
        (
            "a request without a delay replaces it and promotes the next",
            staged().with(unverified).with(requested).with(no_delay),
            1_082,
            &[Discard, Stage, Promote],
        ),
        (
            "a request of a paused policy discards nothing",
            staged().with(unverified).with(requested).with(paused),
            1_082,
            &[Verify],
        ),
        (
            "a broken delivery comes before everything else, and everything else after it",
            retiring().with(broken),
            DUE + 500,
            &[Deliver, Revoke, Stage],
        ),
        (
            "a broken delivery cannot be repaired without a copy",
            single().with(broken).with(primary_lost),
            1_010,
            &[],
        ),
        (
            "a delivery can be taken away without a copy",
            single().with(primary_lost).with(|case| {
                broken(case);
                case.repairs[0].why = Why::Removed;
            }),
            1_010,
            &[Deliver],
        ),
        (
            "a paused policy stages nothing",
            single().with(paused),
            9_999,
            &[],
        ),
        (
            "a paused policy promotes nothing",
            staged().with(paused),
            9_999,
            &[],
        ),
        (
            "a paused policy still revokes",
            retiring().with(paused),
            DUE + 500,
            &[Revoke],
        ),
        (
            "a request stages at once",
            single().with(requested),
            1_010,
            &[Stage],
        ),
        (
            "a request without a delay rotates at once",
            single().with(requested).with(no_delay),
            1_010,
            &[Stage, Promote],
        ),
        (
            "a request does not shorten a grace",
            retiring().with(requested),
            DUE + 1,
            &[],
        ),
        (
            "a request promotes a key that is staged and ready",
            staged().with(requested),
            1_090,
            &[Promote],
        ),
        (
            "a vanished primary is only told of",
            single().with(primary_gone),
            1_010,
            &[],
        ),
        (
            "a vanished primary is replaced if the policy says so",
            single().with(primary_gone).with(rotate_on_drift),
            1_010,
            &[Replace],
        ),
        (
            "a vanished primary gives way to the staged key",
            staged().with(primary_gone).with(rotate_on_drift),
            1_085,
            &[Promote],
        ),
        (
            "a vanished primary is replaced beside a retiring key",
            retiring().with(primary_gone).with(rotate_on_drift),
            DUE + 1,
            &[Replace],
        ),
        (
            "a lost primary that lives would be a third key beside a retiring one",
            retiring().with(primary_lost).with(rotate_on_drift),
            DUE + 1,
            &[],
        ),
        (
            "a lost primary is replaced once the retiring key beside it is gone",
            retiring()
                .with(primary_lost)
                .with(rotate_on_drift)
                .with(secondary_gone),
            DUE + 1,
            &[Replace],
        ),
        (
            "a lost primary is replaced once the retiring key beside it has had its grace",
            retiring().with(primary_lost).with(rotate_on_drift),
            DUE + 500,
            &[Revoke, Replace],
        ),
        (
            "a staged key makes room for the replacement when both secrets are lost",
            staged().with(both_lost).with(rotate_on_drift),
            1_085,
            &[Discard, Replace],
        ),
        (
            "two lost secrets are replaced when due whatever the policy says",
            staged().with(both_lost),
            DUE,
            &[Discard, Replace],
        ),
        (
            "two lost secrets are only told of before the key is due",
            staged().with(both_lost),
            1_085,
            &[],
        ),
        (
            "a lost primary is replaced once the retiring key beside it has had its grace",
            retiring().with(primary_lost).with(rotate_on_drift),
            DUE + 500,
            &[Revoke, Replace],
        ),
        (
            "a lost primary beside a retiring key in use waits",
            retiring()
                .with(primary_lost)
                .with(rotate_on_drift)
                .with(in_use),
            DUE + 20,
            &[],
        ),
        (
            "a staged key is promoted when due although the primary is lost",
            staged().with(primary_lost),
            DUE,
            &[Promote],
        ),
        (
            "a lost secret is replaced if the policy says so",
            single().with(primary_lost).with(rotate_on_drift),
            1_010,
            &[Replace],
        ),
        (
            "a retiring key is not revoked while its successor is gone",
            retiring().with(primary_gone),
            DUE + 500,
            &[],
        ),
        (
            "a retiring key is not revoked while its successor is lost",
            retiring().with(primary_lost),
            DUE + 500,
            &[],
        ),
        (
            "a staged key that vanished makes room for another",
            staged().with(|case| case.facts.secondary = Seen::Gone),
            1_085,
            &[Discard, Stage],
        ),
        (
            "a staged key whose secret is lost makes room for another",
            staged().with(|case| case.facts.secondary_copy = Copy::Lost),
            1_085,
            &[Discard, Stage],
        ),
        (
            "a failed revocation is tried again before the room at the issuer is needed",
            single()
                .with(pending)
                .with(primary_lost)
                .with(rotate_on_drift),
            1_010,
            &[RevokePending, Replace],
        ),
        (
            "a failed revocation is tried again",
            single().with(pending),
            1_010,
            &[RevokePending],
        ),
        (
            "a failed revocation does not stop the rotation",
            single().with(pending),
            1_080,
            &[RevokePending, Stage],
        ),
        (
            "an imported key is not touched before it is due",
            single().with(imported).with(broken),
            1_090,
            &[],
        ),
        (
            "an imported key without its secret is replaced when due",
            single().with(imported).with(broken),
            DUE,
            &[Replace],
        ),
    ];
    for (sentence, case, now, expected) in table {
        assert_eq!(case.moves(now), expected, "{sentence}");
    }
}

#[test]
fn however_late_one_asks_the_decision_stays_the_same() {
    for case in [
        Case::new(single()),
        Case::new(single()).with(no_delay),
        Case::new(staged(Some(1_081))),
        Case::new(retiring()),
        Case::new(retiring()).with(in_use),
    ] {
        let from = 1_000;
        let ask = |until: i64| first_due(&case.situation(from), at(until));
        let first = (from..20_000)
            .map(ask)
            .find(|decision| !decision.moves.is_empty());
        let first = first.expect("something becomes due");
        for later in [
            first.at.unix(),
            first.at.unix() + 1,
            5_000,
            20_000,
            9_999_999,
        ] {
            assert_eq!(ask(later), first);
        }
    }
}

#[test]
fn a_clock_that_runs_backwards_brings_nothing_forward() {
    let case = Case::new(single());
    let decision = first_due(&case.situation(1_050), at(900));
    assert!(decision.moves.is_empty());
}

/// A delivery that cannot be read or written since then.
fn failing(case: &mut Case, since: i64) -> &mut Repair {
    case.repairs.push(Repair {
        failing_since: Some(at(since)),
        holds_primary: true,
        ..Repair::new("app", Why::Unreadable)
    });
    case.repairs.last_mut().unwrap()
}

pub(in crate::domain) fn failing_beside_another(case: &mut Case) {
    failing(case, 1_050);
}

fn optional_failing(case: &mut Case) {
    failing(case, 1_050).required = false;
}

/// The only delivery cannot be looked at.
fn nothing_can_be_read(case: &mut Case) {
    failing(case, DUE + 1);
    case.in_order = false;
    case.facts.primary_copy = Copy::Unseen;
    case.facts.secondary_copy = Copy::Unseen;
}

/// It was rolled back to an older document and cannot be written.
fn lagging(case: &mut Case) {
    failing(case, DUE + 1).holds_primary = false;
}

fn asked_at(seconds: i64) -> impl Fn(&mut Case) {
    move |case| {
        if let Some(slots) = &mut case.slots {
            slots.requested_at = Some(at(seconds));
        }
    }
}

pub(in crate::domain) fn left_over(case: &mut Case) {
    case.removals.push("file /srv/old.json".into());
}

#[test]
fn deliveries_that_fail_hold_up_what_they_must_and_nothing_else() {
    let single = || Case::new(single());
    let staged = || Case::new(staged(Some(1_081)));
    let retiring = || Case::new(retiring());
    let table: Vec<(&str, Case, i64, &[Move])> = vec![
        (
            "a key is staged although a required delivery fails",
            single().with(failing_beside_another),
            1_080,
            &[Deliver, Stage],
        ),
        (
            "a staged key waits for a required delivery that fails",
            staged().with(failing_beside_another),
            9_999,
            &[Deliver],
        ),
        (
            "a staged key does not wait for a delivery that is not required",
            staged().with(optional_failing),
            DUE,
            &[Deliver, Promote],
        ),
        (
            "a key is not staged and promoted at once while a required delivery fails",
            single().with(no_delay).with(failing_beside_another),
            DUE,
            &[Deliver, Stage],
        ),
        (
            "a delivery that is repaired has the staged key for a while before it is promoted",
            staged().with(broken),
            DUE,
            &[Deliver],
        ),
        (
            "without a delay a repair and a promotion take one apply",
            staged().with(broken).with(no_delay),
            DUE,
            &[Deliver, Promote],
        ),
        (
            "a request does not wait for what was failing already",
            staged().with(failing_beside_another).with(requested),
            1_090,
            &[Deliver, Promote],
        ),
        (
            "a request of an earlier apply does not wait for what was failing before it",
            staged().with(failing_beside_another).with(asked_at(1_060)),
            1_090,
            &[Deliver, Promote],
        ),
        (
            "a request waits for what began to fail after it",
            staged().with(failing_beside_another).with(asked_at(1_040)),
            1_090,
            &[Deliver],
        ),
        (
            "a request without a delay rotates past what was failing already",
            single()
                .with(no_delay)
                .with(failing_beside_another)
                .with(requested),
            1_060,
            &[Deliver, Stage, Promote],
        ),
        (
            "a request waits for a delivery that is added in the same apply",
            staged().with(requested).with(|case| {
                case.repairs.push(Repair::new("new", Why::Added));
            }),
            1_090,
            &[Deliver],
        ),
        (
            "a retiring key is revoked after its grace although a delivery fails that holds its successor",
            retiring().with(failing_beside_another),
            DUE + 10,
            &[Deliver, Revoke],
        ),
        (
            "a retiring key that is gone waits for a delivery in which its successor can be seen",
            retiring().with(nothing_can_be_read).with(secondary_gone),
            DUE + 10,
            &[],
        ),
        (
            "a retiring key waits for a required delivery that lost its successor and cannot be written",
            retiring().with(lagging),
            DUE + 69,
            &[Deliver],
        ),
        (
            "a required delivery that lost the successor holds no revocation beyond max_grace_period",
            retiring().with(lagging),
            DUE + 70,
            &[Deliver, Revoke],
        ),
        (
            "a delivery that is not required holds no revocation",
            retiring().with(|case| {
                lagging(case);
                case.repairs[0].required = false;
            }),
            DUE + 10,
            &[Deliver, Revoke],
        ),
        (
            "what was failing before the promotion holds no revocation",
            retiring().with(|case| {
                failing(case, DUE).holds_primary = false;
            }),
            DUE + 10,
            &[Deliver, Revoke],
        ),
        (
            "a retiring key is kept while no delivery can be seen to hold its successor",
            retiring().with(nothing_can_be_read),
            DUE + 69,
            &[],
        ),
        (
            "a delivery that cannot be read holds no revocation beyond max_grace_period",
            retiring().with(nothing_can_be_read),
            DUE + 70,
            &[Revoke],
        ),
        (
            "a key whose successor is in no delivery is never revoked",
            retiring().with(|case| {
                nothing_can_be_read(case);
                case.repairs[0].holds_primary = false;
            }),
            DUE + 500,
            &[],
        ),
        (
            "nothing is minted while no delivery can be read",
            single().with(nothing_can_be_read).with(rotate_on_drift),
            9_999,
            &[],
        ),
        (
            "a request mints nothing while no delivery can be read",
            single().with(nothing_can_be_read).with(requested),
            1_090,
            &[],
        ),
        (
            "nothing is minted while no delivery can be written",
            single()
                .with(failing_beside_another)
                .with(|case| case.in_order = false),
            9_999,
            &[Deliver],
        ),
        (
            "a staged key is kept while its copies cannot be seen",
            staged().with(nothing_can_be_read),
            1_090,
            &[],
        ),
        (
            "a former place is emptied beside what is due",
            single().with(left_over),
            1_080,
            &[Deliver, Stage],
        ),
        (
            "a former place is tried again by every apply",
            single().with(left_over),
            1_010,
            &[Deliver],
        ),
        (
            "a former place is emptied after the key that replaces a lost one is delivered",
            single()
                .with(left_over)
                .with(primary_lost)
                .with(rotate_on_drift),
            1_010,
            &[Replace, Deliver],
        ),
        (
            "a primary that is gone is not copied before it is replaced",
            single()
                .with(broken)
                .with(primary_gone)
                .with(rotate_on_drift),
            1_010,
            &[Replace],
        ),
    ];
    for (sentence, case, now, expected) in table {
        assert_eq!(case.moves(now), expected, "{sentence}");
    }
}

#[test]
fn what_is_held_up_by_a_delivery_is_blocked_and_says_by_which() {
    let reason = |case: &Case, now: i64| {
        let (status, reason) = crate::domain::status::status(&case.situation(now));
        (status.word(), reason)
    };
    let staged = || {
        Case::new(staged(Some(1_081))).with(|case| {
            let secondary = case
                .slots
                .as_mut()
                .and_then(|slots| slots.secondary.as_mut());
            secondary.unwrap().key.verified_at = Some(at(1_081));
        })
    };
    let waiting = staged().with(failing_beside_another);
    let (word, text) = reason(&waiting, DUE);
    assert_eq!(word, "blocked");
    assert!(
        text.contains("delivery \"app\" is in order, which is required"),
        "{text}"
    );
    let kept = Case::new(retiring()).with(nothing_can_be_read);
    let (word, text) = reason(&kept, DUE + 10);
    assert_eq!(word, "blocked");
    assert!(
        text.contains("no delivery can be seen to hold its successor"),
        "{text}"
    );
    let optional = staged().with(optional_failing);
    let (word, text) = reason(&optional, 1_090);
    assert_eq!(word, "pending");
    assert!(text.contains("(not required) cannot be read"), "{text}");
}

/// A key that an apply left behind, beside what else there is to do.
pub(in crate::domain) fn left_behind(case: &mut Case) {
    case.pending.push("left".into());
    case.facts.orphans.push("left".into());
}

#[test]
fn a_key_that_was_left_behind_leaves_the_documents_before_it_is_revoked() {
    let altered = Repair::new("app", Why::Altered);
    let case = Case::new(single()).with(left_behind);
    let case = case.with(|case| case.repairs.push(altered));
    assert_eq!(case.moves(1_010), [Deliver, RevokePending]);
}

#[test]
fn a_key_that_was_left_behind_makes_room_for_the_next() {
    let case = Case::new(single()).with(left_behind);
    assert_eq!(case.moves(1_085), [RevokePending, Stage]);
}

#[test]
fn where_the_primary_is_gone_a_key_that_was_left_behind_works_until_its_successor_does() {
    let gone = |case: &mut Case| {
        case.facts.primary = Seen::Gone;
        case.repairs.push(Repair::new("app", Why::Altered));
    };
    let case = Case::new(single()).with(left_behind).with(gone);
    assert_eq!(case.moves(1_010), []);
    let rotating = case.with(|case| case.policy.on_drift = OnDrift::Rotate);
    assert_eq!(rotating.moves(1_010), [Replace, RevokePending]);
}

/// Every ten days, staged a day before, in the runs of a daily schedule.
fn ten_days() -> Policy {
    let draft = Draft {
        name: "p".into(),
        rotation_interval: Some(Duration::from_days(10)),
        stage_before: Some(Duration::from_days(1)),
        ..Draft::default()
    };
    Policy::new(draft, &Path::default()).unwrap()
}

#[test]
fn a_run_that_starts_a_little_early_is_not_too_early() {
    const DAY: i64 = 86_400;
    let case = Case::new(single()).with(|case| case.policy = ten_days());
    assert_eq!(case.moves(1_000 + 9 * DAY - 3_601), []);
    assert_eq!(case.moves(1_000 + 9 * DAY - 3_600), [Stage]);
    let staged = Case::new(staged(Some(1_000 + 9 * DAY))).with(|case| case.policy = ten_days());
    assert_eq!(staged.moves(1_000 + 10 * DAY - 3_601), []);
    assert_eq!(staged.moves(1_000 + 10 * DAY - 3_600), [Promote]);
}

#[test]
fn what_protects_applications_is_never_shortened() {
    const DAY: i64 = 86_400;
    let late = 1_000 + 10 * DAY;
    let staged = Case::new(staged(Some(late))).with(|case| case.policy = ten_days());
    assert_eq!(staged.moves(late + 3_599), []);
    let mut slots = self::staged(Some(1_081));
    slots.promote_staged(at(late), true);
    let retiring = Case::new(slots).with(|case| case.policy = ten_days());
    assert_eq!(retiring.moves(late + DAY - 1), []);
    assert_eq!(retiring.moves(late + DAY), [Revoke]);
}
