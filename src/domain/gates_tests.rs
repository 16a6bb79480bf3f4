//! Gates between environments, each a sentence.

use super::*;
use crate::domain::moves::Move;
use crate::domain::rules::tests::{Case, DUE, at, policy, staged};
use crate::domain::situation::Seen;
use crate::domain::status::status;
use crate::duration::Duration;

fn gated() -> Policy {
    let order = ["dev", "staging", "prod"].map(str::to_owned);
    Policy {
        environment_order: Some(order.to_vec()),
        soak_time: Duration::from_secs(20),
        ..policy()
    }
}

fn peer(environment: &str, promoted_at: i64) -> Peer {
    Peer {
        name: "stripe".into(),
        workspace: "w".into(),
        environment: environment.into(),
        status: "ok".into(),
        promoted_at: Some(at(promoted_at)),
    }
}

/// The gate of the key in prod at a moment; it was promoted last at 1000.
fn at_prod(peers: Vec<Peer>, now: i64) -> Gate {
    let place = Place {
        group: "stripe",
        environment: Some("prod"),
    };
    gate(&gated(), place, &Peers::Seen(peers), at(1_000), at(now))
}

fn says(gate: &Gate, phrase: &str) -> bool {
    match gate {
        Gate::Open => false,
        Gate::Blind(why) => why.contains(phrase),
        Gate::Closed { by, .. } => by.contains(phrase),
    }
}

#[test]
fn it_opens_once_the_environment_before_it_was_promoted_in_this_cycle_and_has_soaked() {
    let early = at_prod(vec![peer("staging", 900)], 1_200);
    assert!(says(
        &early,
        "staging: stripe (workspace w) has not been promoted since"
    ));
    let soaking = at_prod(vec![peer("staging", 1_100)], 1_110);
    assert!(says(&soaking, "soaks until"));
    let Gate::Closed { until, .. } = soaking else {
        panic!("open")
    };
    assert_eq!(until, Some(at(1_120)));
    assert_eq!(at_prod(vec![peer("staging", 1_100)], 1_120), Gate::Open);
}

#[test]
fn the_environment_before_it_is_the_nearest_that_has_a_key() {
    let dev = peer("dev", 1_100);
    let soaking = at_prod(vec![dev.clone()], 1_110);
    assert!(says(&soaking, "dev: stripe (workspace w) was promoted"));
    let skipped = at_prod(vec![dev.clone()], 1_120);
    assert!(matches!(skipped, Gate::Blind(_)));
    assert!(says(&skipped, "in staging, so") && says(&skipped, "waits for dev alone"));
    let misspelt = at_prod(vec![dev.clone(), peer("Staging", 900)], 1_120);
    assert!(says(
        &misspelt,
        "one in \"Staging\", which the order does not name"
    ));
    let both = at_prod(vec![dev, peer("staging", 900)], 1_120);
    assert!(says(&both, "staging"));
    let blind = at_prod(vec![], 1_120);
    assert!(says(
        &blind,
        "no key of group \"stripe\" in dev and staging"
    ));
    assert!(matches!(blind, Gate::Blind(_)));
}

#[test]
fn several_keys_of_one_group_and_environment_are_all_waited_for() {
    let other = |promoted| Peer {
        name: "stripe2".into(),
        ..peer("staging", promoted)
    };
    let late = at_prod(vec![peer("staging", 1_100), other(1_110)], 1_121);
    assert!(says(&late, "stripe2"));
    let never = at_prod(vec![peer("staging", 1_110), other(900)], 1_121);
    assert!(says(&never, "stripe2") && says(&never, "has not been promoted"));
    let done = at_prod(vec![peer("staging", 1_100), other(1_101)], 1_121);
    assert_eq!(done, Gate::Open);
}

#[test]
fn a_key_that_is_not_well_where_it_was_promoted_keeps_the_gate_closed() {
    for status in UNWELL {
        let unwell = Peer {
            status: status.into(),
            ..peer("staging", 1_100)
        };
        assert!(says(&at_prod(vec![unwell], 1_200), status));
    }
}

#[test]
fn what_cannot_be_seen_is_said_and_not_pretended() {
    let place = Place {
        group: "stripe",
        environment: Some("prod"),
    };
    let told = |peers| gate(&gated(), place, &peers, at(1_000), at(1_200));
    assert!(matches!(told(Peers::NoLedger), Gate::Blind(_)));
    assert!(matches!(told(Peers::Unreachable), Gate::Closed { .. }));
    assert!(matches!(told(Peers::NotAsked), Gate::Closed { .. }));
    let nowhere = Place {
        environment: None,
        ..place
    };
    let peers = Peers::Seen(Vec::new());
    let without = gate(&gated(), nowhere, &peers, at(1_000), at(1_200));
    assert!(matches!(without, Gate::Blind(_)));
    let first = Place {
        environment: Some("dev"),
        ..place
    };
    let open = gate(&gated(), first, &Peers::NotAsked, at(1_000), at(1_200));
    assert_eq!(open, Gate::Open);
}

fn due_in_prod(peers: Vec<Peer>) -> Case {
    Case::new(staged(Some(1_081))).with(|case| {
        case.policy = gated();
        case.environment = Some("prod".into());
        case.facts.peers = Peers::Seen(peers);
    })
}

#[test]
fn a_key_that_is_due_is_blocked_by_name_and_goes_on_when_the_gate_opens() {
    let case = due_in_prod(vec![peer("staging", 1_100)]);
    assert_eq!(case.moves(DUE + 5), []);
    let (word, reason) = status(&case.situation(DUE + 5));
    assert_eq!(word, Status::Blocked);
    assert!(reason.contains("staging: stripe") && reason.contains("soaks until"));
    assert_eq!(case.moves(1_120), [Move::Promote]);
    // The instant of the decision is the one at which the gate opens, however late one asks.
    let decided = crate::domain::planner::first_due(&case.situation(DUE), at(1_500));
    assert_eq!(
        (decided.at, decided.moves),
        (at(1_120), vec![Move::Promote])
    );
}

#[test]
fn a_blocked_key_that_is_overdue_stays_overdue() {
    let case = due_in_prod(vec![peer("staging", 900)]).with(|case| {
        case.policy.alert_after = Duration::from_secs(10);
    });
    let (word, reason) = status(&case.situation(DUE + 10));
    assert_eq!(word, Status::Overdue);
    assert!(reason.contains("before its turn"));
}

#[test]
fn a_primary_that_does_not_work_waits_for_no_other_environment() {
    let case = due_in_prod(vec![peer("staging", 900)]).with(|case| {
        case.facts.primary = Seen::Gone;
    });
    assert_eq!(case.moves(DUE + 5)[0], Move::Promote);
}
