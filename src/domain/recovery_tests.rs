use std::collections::BTreeSet;

use strum::IntoEnumIterator;

use super::*;
use crate::domain::keys::{ResourceRef, Slot};
use crate::domain::notices::Audience;

const NOW: i64 = 1_000_000;

fn key(id: &str) -> KeyMark {
    KeyMark::new(Some(id.to_owned()), None)
}

fn intent(effect: Effect, about: Option<KeyMark>) -> Intent {
    Intent {
        id: format!("{effect:?}"),
        apply: "apply".into(),
        resource: ResourceRef::default(),
        issuer: "aws_iam".into(),
        account: "aws_iam user ci".into(),
        effect,
        action: "stage".into(),
        key: about,
        audience: Audience::default(),
        place: None,
        known: vec!["before".into()],
        private_data: None,
        at: Instant::from_unix(NOW),
        fence: None,
    }
}

fn record(id: Option<&str>, confirmed: bool) -> KeyRecord {
    let key = KeyMark {
        key_id: id.map(str::to_owned),
        mark: Some("sha256:abcdef".into()),
    };
    let at = Instant::from_unix(NOW);
    KeyRecord {
        slot: Slot::Primary,
        confirmed_at: confirmed.then_some(at),
        ..KeyRecord::minted(key, "apply", at)
    }
}

fn listed(id: &str, seconds_after: i64) -> Listed {
    Listed {
        key_id: id.into(),
        created_at: Some(Instant::from_unix(NOW + seconds_after)),
        label: None,
        last_used: None,
        status: crate::issuers::KeyStatus::Active,
    }
}

/// What is known in a case; nothing by default.
#[derive(Default)]
struct Case {
    held: Vec<KeyMark>,
    keys: Vec<KeyRecord>,
    open: Vec<Intent>,
    listed: Option<Vec<Listed>>,
    known: Vec<KeyRecord>,
    now: Option<i64>,
    local: bool,
    brought: bool,
    ahead: i64,
    repeated: bool,
    /// The audit trail knows nothing of what is open.
    unsealed: bool,
}

impl Case {
    fn with<T>(self, ask: impl FnOnce(&Evidence) -> T) -> T {
        let memory = Memory {
            places: Default::default(),
            private_data: None,
            generation: None,
            workspace: None,
            account: None,
            more: false,
            incidents: Vec::new(),
            keys: self.keys,
            sealed: match self.unsealed {
                true => BTreeSet::new(),
                false => Effect::iter().map(|effect| format!("{effect:?}")).collect(),
            },
            open: self.open,
            alive: BTreeSet::new(),
        };
        ask(&Evidence {
            held: &self.held,
            memory: &memory,
            listed: self.listed.as_deref(),
            local: self.local,
            brought: self.brought,
            ahead: self.ahead,
            known: &self.known,
            repeated: self.repeated,
            now: Instant::from_unix(self.now.unwrap_or(NOW + 3_600)),
        })
    }

    fn verdict(self, intent: Intent) -> Verdict {
        self.with(|evidence| evidence.judge(&intent))
    }

    fn untracked(self) -> Vec<Untracked> {
        self.with(|evidence| evidence.judge_untracked())
    }
}

fn settled(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Settled(_))
}

#[test]
fn a_mint_that_never_happened_is_settled() {
    let case = Case {
        listed: Some(vec![listed("before", -9_000)]),
        ..Case::default()
    };
    assert!(settled(case.verdict(intent(Effect::Mint, None))));
}

#[test]
fn the_one_key_that_appeared_since_a_mint_began_is_its_orphan() {
    let case = Case {
        listed: Some(vec![listed("before", -9_000), listed("new", 3)]),
        ..Case::default()
    };
    let verdict = case.verdict(intent(Effect::Mint, None));
    assert_eq!(verdict, Verdict::Orphans(vec![key("new")]));
}

#[test]
fn a_key_that_appeared_long_after_a_mint_is_somebody_elses() {
    for seconds in [-3_600, 3_600] {
        let case = Case {
            listed: Some(vec![listed("theirs", seconds)]),
            ..Case::default()
        };
        assert!(settled(case.verdict(intent(Effect::Mint, None))));
    }
}

#[test]
fn a_key_that_the_ledger_knows_from_elsewhere_is_not_the_orphan_of_a_mint() {
    let case = Case {
        listed: Some(vec![listed("theirs", 3)]),
        known: vec![record(Some("theirs"), true)],
        ..Case::default()
    };
    assert!(settled(case.verdict(intent(Effect::Mint, None))));
}

#[test]
fn a_key_that_the_state_holds_is_not_the_orphan_of_a_mint() {
    let case = Case {
        listed: Some(vec![listed("ours", 3)]),
        held: vec![key("ours")],
        ..Case::default()
    };
    assert!(settled(case.verdict(intent(Effect::Mint, None))));
}

/// Its revocation was cut off before it could say that it was done.
#[test]
fn a_mint_whose_key_is_gone_does_not_claim_the_next_one() {
    let revoke = |known: &[&str]| Intent {
        known: known.iter().map(|id| (*id).to_owned()).collect(),
        ..intent(Effect::Revoke, Some(key("orphan")))
    };
    let verdict = |known: &[&str], listed: Vec<Listed>| {
        let case = Case {
            listed: Some(listed),
            open: vec![revoke(known)],
            ..Case::default()
        };
        case.verdict(intent(Effect::Mint, None))
    };
    let theirs = || vec![listed("theirs", 60)];
    assert!(settled(verdict(&["Mint"], theirs())));
    let claimed = Verdict::Orphans(vec![key("theirs")]);
    assert_eq!(verdict(&["another"], theirs()), claimed);
    let both = vec![listed("orphan", 3), listed("theirs", 60)];
    assert!(!settled(verdict(&["Mint"], both)), "it is not gone");
}

#[test]
fn two_keys_that_appeared_since_a_mint_are_left_alone_and_told() {
    let case = Case {
        listed: Some(vec![listed("one", 3), listed("two", 4)]),
        ..Case::default()
    };
    let verdict = case.verdict(intent(Effect::Mint, None));
    assert_eq!(verdict, Verdict::Unclear(vec!["one".into(), "two".into()]));
}

fn labelled(id: &str, seconds_after: i64, label: &str) -> Listed {
    Listed {
        label: Some(label.to_owned()),
        ..listed(id, seconds_after)
    }
}

#[test]
fn a_key_that_carries_the_token_of_a_mint_is_its_orphan_whatever_the_clocks_say() {
    let minted = intent(Effect::Mint, None);
    let ours = format!("apikey {}", minted.id);
    for seconds_after in [-80_000, 3, 80_000] {
        let case = Case {
            listed: Some(vec![
                labelled("theirs", 3, "by hand"),
                labelled("ours", seconds_after, &ours),
                labelled("another", 4, "by hand"),
            ]),
            ..Case::default()
        };
        let verdict = case.verdict(intent(Effect::Mint, None));
        assert_eq!(verdict, Verdict::Orphans(vec![key("ours")]));
    }
}

#[test]
fn a_key_with_another_label_did_not_come_of_a_mint() {
    let case = Case {
        listed: Some(vec![
            labelled("theirs", 3, "by hand"),
            labelled("another", 3, ""),
        ]),
        ..Case::default()
    };
    assert!(settled(case.verdict(intent(Effect::Mint, None))));
}

#[test]
fn a_key_without_a_time_or_a_label_is_told_of() {
    let timeless = Listed {
        created_at: None,
        ..listed("one", 0)
    };
    let case = Case {
        listed: Some(vec![timeless]),
        ..Case::default()
    };
    let verdict = case.verdict(intent(Effect::Mint, None));
    assert_eq!(verdict, Verdict::Unclear(vec!["one".into()]));
}

#[test]
fn what_no_sealed_event_attests_leads_to_no_revocation() {
    for (effect, named, known) in [
        (Effect::Mint, None, &[][..]),
        (Effect::Revoke, Some(key("theirs")), &[]),
        (Effect::Apply, None, &["theirs".to_owned()]),
    ] {
        let put_in = Intent {
            known: known.to_vec(),
            ..intent(effect, named)
        };
        let case = Case {
            listed: Some(vec![listed("theirs", 3)]),
            open: vec![put_in.clone()],
            unsealed: true,
            ..Case::default()
        };
        assert!(settled(case.verdict(put_in)), "{effect:?}");
    }
    for open in [vec![intent(Effect::Apply, None)], Vec::new()] {
        let case = Case {
            keys: vec![KeyRecord {
                minted: false,
                ..record(Some("theirs"), false)
            }],
            open,
            listed: Some(vec![listed("theirs", 3)]),
            ..Case::default()
        };
        assert!(matches!(&case.untracked()[..], [Untracked::Unattested(_)]));
    }
}

#[test]
fn a_revocation_of_a_key_that_the_state_holds_is_left_to_the_next_step() {
    let case = Case {
        held: vec![key("old")],
        listed: Some(vec![listed("old", -9)]),
        ..Case::default()
    };
    assert!(settled(
        case.verdict(intent(Effect::Revoke, Some(key("old"))))
    ));
}

#[test]
fn a_revocation_that_happened_is_settled() {
    let case = Case {
        listed: Some(Vec::new()),
        ..Case::default()
    };
    assert!(settled(
        case.verdict(intent(Effect::Revoke, Some(key("old"))))
    ));
}

#[test]
fn a_key_that_was_to_be_taken_back_and_still_lives_is_an_orphan() {
    let case = Case {
        listed: Some(vec![listed("new", 3)]),
        ..Case::default()
    };
    let verdict = case.verdict(intent(Effect::Revoke, Some(key("new"))));
    assert_eq!(verdict, Verdict::Orphans(vec![key("new")]));
}

#[test]
fn a_key_that_is_in_another_state_is_left_to_it() {
    let case = Case {
        listed: Some(vec![listed("theirs", -9_000)]),
        known: vec![record(Some("theirs"), true)],
        ..Case::default()
    };
    assert!(settled(
        case.verdict(intent(Effect::Revoke, Some(key("theirs"))))
    ));
}

#[test]
fn what_was_done_to_a_document_is_settled_by_reading_it_again() {
    for effect in [
        Effect::Deliver,
        Effect::Withdraw,
        Effect::Verify,
        Effect::Apply,
    ] {
        assert!(settled(Case::default().verdict(intent(effect, None))));
    }
}

#[test]
fn a_minted_key_of_an_apply_that_never_ended_is_an_orphan() {
    let case = Case {
        keys: vec![record(Some("new"), false)],
        open: vec![intent(Effect::Apply, None)],
        listed: Some(vec![listed("new", 3)]),
        ..Case::default()
    };
    assert!(matches!(&case.untracked()[..], [Untracked::Orphan(_)]));
}

#[test]
fn a_key_that_a_person_brought_to_an_apply_that_never_ended_is_never_revoked_for_it() {
    let case = Case {
        keys: vec![record(Some("new"), false)],
        open: vec![intent(Effect::Apply, None)],
        brought: true,
        ..Case::default()
    };
    assert!(matches!(&case.untracked()[..], [Untracked::Untaken(_)]));
}

#[test]
fn a_minted_key_of_an_apply_that_ended_unheard_may_be_followed() {
    let case = Case {
        keys: vec![record(Some("new"), false)],
        listed: Some(vec![listed("new", 3)]),
        ..Case::default()
    };
    assert!(matches!(
        &case.untracked()[..],
        [Untracked::Unacknowledged(_)]
    ));
}

#[test]
fn a_stray_key_that_the_issuer_no_longer_knows_is_gone() {
    for confirmed in [true, false] {
        let case = Case {
            keys: vec![record(Some("new"), confirmed)],
            listed: Some(Vec::new()),
            ..Case::default()
        };
        assert!(matches!(&case.untracked()[..], [Untracked::Gone(_)]));
    }
}

#[test]
fn a_key_that_a_state_once_held_is_reported_and_never_revoked() {
    let case = Case {
        keys: vec![record(Some("old"), true)],
        listed: Some(vec![listed("old", -9)]),
        ..Case::default()
    };
    assert!(matches!(&case.untracked()[..], [Untracked::Forgotten(_)]));
}

#[test]
fn a_key_without_an_id_leaves_nothing_to_revoke() {
    let case = Case {
        keys: vec![record(None, false)],
        open: vec![intent(Effect::Apply, None)],
        ..Case::default()
    };
    assert!(matches!(&case.untracked()[..], [Untracked::Gone(_)]));
}

#[test]
fn a_key_that_the_state_holds_is_no_stray() {
    let case = Case {
        held: vec![key("new")],
        keys: vec![record(Some("new"), false)],
        ..Case::default()
    };
    assert!(case.untracked().is_empty());
}

#[test]
fn the_issuer_is_asked_only_if_something_is_in_doubt() {
    assert!(!Case::default().with(|evidence| needs_list(evidence.memory, evidence.held)));
    let quiet = Case {
        open: vec![intent(Effect::Deliver, None)],
        ..Case::default()
    };
    assert!(!quiet.with(|evidence| needs_list(evidence.memory, evidence.held)));
    let doubtful = Case {
        open: vec![intent(Effect::Mint, None)],
        ..Case::default()
    };
    assert!(doubtful.with(|evidence| needs_list(evidence.memory, evidence.held)));
}

#[test]
fn what_an_apply_had_promised_to_revoke_is_still_to_be_revoked() {
    let promise = || Intent {
        known: vec!["left".into()],
        ..intent(Effect::Apply, None)
    };
    let alive = Case {
        listed: Some(vec![listed("left", -9_000)]),
        ..Case::default()
    };
    assert_eq!(
        alive.verdict(promise()),
        Verdict::Orphans(vec![key("left")])
    );
    let dead = Case {
        listed: Some(Vec::new()),
        ..Case::default()
    };
    assert!(settled(dead.verdict(promise())));
}

#[test]
fn a_promise_to_revoke_a_key_that_a_state_holds_by_now_is_not_kept() {
    let case = Case {
        listed: Some(vec![listed("left", -9_000)]),
        known: vec![record(Some("left"), true)],
        ..Case::default()
    };
    let promise = Intent {
        known: vec!["left".into()],
        ..intent(Effect::Apply, None)
    };
    assert!(settled(case.verdict(promise)));
}

#[test]
fn a_mint_whose_request_may_still_arrive_is_left_open() {
    let case = Case {
        listed: Some(Vec::new()),
        now: Some(NOW + 30),
        ..Case::default()
    };
    assert_eq!(case.verdict(intent(Effect::Mint, None)), Verdict::Undecided);
}

#[test]
fn a_key_of_an_issuer_whose_clock_differs_is_still_the_one_that_was_lost() {
    for ahead in [-600, -300, 0, 300, 600] {
        let case = Case {
            listed: Some(vec![listed("before", -9_000), listed("lost", ahead + 5)]),
            ahead,
            ..Case::default()
        };
        let verdict = case.verdict(intent(Effect::Mint, None));
        assert_eq!(verdict, Verdict::Orphans(vec![key("lost")]), "{ahead}");
    }
}

#[test]
fn a_new_key_of_another_time_is_told_of_and_never_taken() {
    for seconds in [-800, -300, 300, 800] {
        let case = Case {
            listed: Some(vec![listed("before", -9_000), listed("odd", seconds)]),
            ..Case::default()
        };
        let verdict = case.verdict(intent(Effect::Mint, None));
        assert_eq!(verdict, Verdict::Unclear(vec!["odd".into()]), "{seconds}");
    }
}

#[test]
fn without_a_list_a_lost_mint_is_settled_only_where_its_key_can_exist_nowhere() {
    let local = Case {
        local: true,
        ..Case::default()
    };
    assert!(settled(local.verdict(intent(Effect::Mint, None))));
    let verdict = Case::default().verdict(intent(Effect::Mint, None));
    assert_eq!(verdict, Verdict::Unclear(Vec::new()));
}

#[test]
fn a_create_that_was_cut_off_is_closed_once_another_has_taken_its_place() {
    let create = || Intent {
        action: "create".into(),
        known: Vec::new(),
        ..intent(Effect::Apply, None)
    };
    let before = Case::default().verdict(create());
    assert_eq!(before, Verdict::Undecided);
    let after = Case {
        repeated: true,
        ..Case::default()
    };
    let settled = after.verdict(create());
    assert_eq!(settled, Verdict::Settled(Outcome::REPEATED));
    // Its end alone was not heard of: the state has its key.
    let held = Case {
        held: vec![key("AKIA1")],
        ..Case::default()
    };
    assert!(matches!(held.verdict(create()), Verdict::Settled(why) if why != Outcome::REPEATED));
}
