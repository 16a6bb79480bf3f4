use super::*;
use crate::domain::announce;
use crate::domain::planner;
use crate::domain::retiring::hold;
use crate::domain::rules::tests::{Case, at, retiring, single};
use crate::domain::situation::Hold;
use crate::domain::status::status;

const ABLE: LastUse = LastUse {
    lag: Duration::from_secs(10),
    tells_where: true,
    in_list: false,
    proof: Some("sts"),
};

/// It leads since 1000 s, and may be idle for 30.
fn expected() -> Expected {
    let names = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
    Expected {
        services: names(&["s3", "sqs"]),
        regions: names(&["eu-central-1"]),
        max_idle: Some(Duration::from_secs(30)),
    }
}

fn used(second: i64, service: &str, region: &str) -> Use {
    Use {
        at: at(second),
        service: Some(service.into()),
        region: Some(region.into()),
    }
}

/// What is odd, as `kind name`, each with its instant.
fn words(found: &[Oddity]) -> Vec<(String, i64)> {
    let word = |it: &Oddity| format!("{} {}", it.kind, it.name.as_deref().unwrap_or_default());
    found
        .iter()
        .map(|it| (word(it).trim().to_owned(), it.at.unix()))
        .collect()
}

fn judged(slots: &Slots, key: &Key, told: Option<&Use>, now: i64) -> Vec<(String, i64)> {
    words(&expected().judge(slots, key, told, &[], ABLE, at(now)))
}

fn row(word: &str, second: i64) -> (String, i64) {
    (word.into(), second)
}

#[test]
fn a_use_of_another_service_or_in_another_region_is_odd_and_each_is_told_apart() {
    let slots = single();
    let of = |told: &Use| judged(&slots, &slots.primary, Some(told), 2_000 + 20);
    assert_eq!(of(&used(2_000, "s3", "eu-central-1")), []);
    assert_eq!(
        of(&used(2_000, "ec2", "eu-central-1")),
        [row("service ec2", 2_000)]
    );
    assert_eq!(
        of(&used(2_000, "ec2", "us-east-1")),
        [row("service ec2", 2_000), row("region us-east-1", 2_000)]
    );
    // An issuer that does not tell where says nothing odd.
    assert_eq!(of(&Use::at(at(2_000))), []);
}

#[test]
fn what_was_seen_once_stays_known_with_the_instant_at_which_it_was_first_seen() {
    let slots = single();
    let mut known = Vec::new();
    for told in [
        used(2_000, "ec2", "eu-central-1"),
        used(2_010, "s3", "eu-central-1"),
        used(2_020, "ec2", "eu-central-1"),
    ] {
        known = expected().judge(&slots, &slots.primary, Some(&told), &known, ABLE, at(2_030));
        assert_eq!(words(&known), [row("service ec2", 2_000)]);
    }
    let wider = Expected {
        services: None,
        ..expected()
    };
    let told = used(2_020, "ec2", "eu-central-1");
    assert_eq!(
        wider.judge(&slots, &slots.primary, Some(&told), &known, ABLE, at(2_030)),
        []
    );
}

#[test]
fn a_primary_that_nobody_uses_is_odd_only_once_its_issuer_would_have_told() {
    let slots = single();
    let since = slots.last_rotated_at().unix();
    let of = |told: Option<&Use>, now: i64| judged(&slots, &slots.primary, told, now);
    assert_eq!(of(None, since + 40), []);
    assert_eq!(of(None, since + 41), [row("unused", since)]);
    let before = used(since - 5, "s3", "eu-central-1");
    assert_eq!(of(Some(&before), since + 41), [row("unused", since)]);
    let after = used(since + 20, "s3", "eu-central-1");
    assert_eq!(of(Some(&after), since + 60), []);
    assert_eq!(of(Some(&after), since + 61), [row("idle", since + 20)]);
}

#[test]
fn a_silence_that_has_ended_is_forgotten() {
    let slots = single();
    let since = slots.last_rotated_at().unix();
    let silent = expected().judge(&slots, &slots.primary, None, &[], ABLE, at(since + 41));
    let used = used(since + 41, "s3", "eu-central-1");
    let now = at(since + 50);
    assert_eq!(
        expected().judge(&slots, &slots.primary, Some(&used), &silent, ABLE, now),
        []
    );
}

#[test]
fn a_retired_key_is_odd_if_it_is_used_after_another_took_its_place() {
    let slots = retiring();
    let old = slots.retiring().unwrap();
    let retired = old.retired_at.unwrap().unix();
    let of = |second: i64| {
        let told = used(second, "s3", "eu-central-1");
        judged(&slots, old, Some(&told), retired + 9_000)
    };
    assert_eq!(of(retired), []);
    assert_eq!(of(retired + 1), [row("retired", retired + 1)]);
    // Nobody is to use it any more, so silence is as it should be.
    assert_eq!(judged(&slots, old, None, retired + 9_000), []);
}

#[test]
fn the_proof_that_a_key_works_is_nobody_elses_use() {
    let mut slots = single();
    slots.primary.verified_at = Some(at(5_000));
    let of = |told: Use| judged(&slots, &slots.primary, Some(&told), 5_030);
    let unused = [row("unused", slots.last_rotated_at().unix())];
    assert_eq!(of(used(4_999, "sts", "us-east-1")), unused);
    assert_eq!(of(Use::at(at(4_999))), unused);
    assert_eq!(
        of(used(4_999, "iam", "eu-central-1")),
        [row("service iam", 4_999)]
    );
    assert_eq!(
        of(used(5_020 + 60, "sts", "eu-central-1")),
        [row("service sts", 5_080)]
    );
}

fn case(slots: Slots, label: &str, oddities: Vec<Oddity>, last: Use) -> Case {
    let watched = Watched {
        last: Some(last),
        oddities,
    };
    Case::new(slots).with(|case| {
        case.expected = Some(expected());
        case.facts.uses.insert(label.into(), watched);
    })
}

#[test]
fn what_is_odd_is_a_notice_that_names_the_key_and_does_nothing() {
    let slots = single();
    let label = slots.primary.label().to_owned();
    let odd = Oddity::new(Kind::Service, Some(&"ec2".to_owned()), at(1_001));
    let mut case = case(slots, &label, vec![odd], used(1_001, "ec2", "eu-central-1"));
    let (word, reason) = status(&case.situation(1_010));
    assert_eq!(word, Status::Notice);
    assert_eq!(
        reason,
        format!(
            "primary key {label} was used at 1970-01-01T00:16:41Z with service ec2, which expected_usage does not list: find \
             out who that was, and rotate the key if it was nobody of yours"
        )
    );
    assert_eq!(case.moves(1_010), []);
    // An edit counts in the plan in which it is made.
    let edited = case.expected.as_mut().unwrap();
    edited.services.as_mut().unwrap().push("ec2".into());
    assert_eq!(status(&case.situation(1_010)).0, Status::Ok);
}

#[test]
fn a_plan_that_holds_or_revokes_the_old_key_says_when_and_where_it_was_last_used() {
    let slots = retiring();
    let label = slots.retiring().unwrap().label().to_owned();
    let held = case(
        slots.clone(),
        &label,
        Vec::new(),
        used(1_112, "s3", "eu-west-1"),
    )
    .with(|case| case.facts.hold = Some(Hold::InUse));
    let told = announce::standing(&held.situation(1_115), at(1_115)).unwrap();
    let used = "was last used at 1970-01-01T00:18:32Z (s3 in eu-west-1), says its issuer.";
    assert!(told.detail.contains("is still in use"), "{}", told.detail);
    assert!(
        told.detail
            .ends_with(&format!("Retiring key {label} {used}")),
        "{}",
        told.detail
    );
    // The state says it without the instant, which moves on.
    assert!(!status(&held.situation(1_115)).1.contains("s3"));

    let quiet = held.with(|case| case.facts.hold = None);
    let situation = quiet.situation(1_120);
    let decision = planner::decide_at(&situation, at(1_120));
    let told = announce::announcement(&situation, &decision, at(1_120)).unwrap();
    assert!(
        told.detail.contains("This apply revokes"),
        "{}",
        told.detail
    );
    assert!(
        told.detail.contains(&format!("It {used}")),
        "{}",
        told.detail
    );

    let never = quiet.with(|case| case.facts.uses.values_mut().for_each(|it| it.last = None));
    let situation = never.situation(1_120);
    let told = announce::announcement(&situation, &decision, at(1_120)).unwrap();
    assert!(
        told.detail
            .contains("It was not seen in use by its issuer when it was last asked"),
        "{}",
        told.detail
    );
}

#[test]
fn what_an_issuer_may_not_have_told_yet_holds_a_retiring_key_and_so_does_what_it_cannot_tell() {
    let mut policy = Case::new(retiring()).policy;
    policy.revoke_only_if_unused_for = Duration::from_secs(60);
    let (last, late) = (Use::at(at(1_000)), Duration::from_secs(10));
    let of = |last: Option<&Use>, untold: Option<&str>, now: i64| {
        hold(last, untold, &policy, late, at(now))
    };
    let untold = Some(Hold::Untold("403".into()));
    assert_eq!(of(Some(&last), None, 1_069), Some(Hold::InUse));
    assert_eq!(of(Some(&last), None, 1_070), None);
    assert_eq!(of(Some(&last), Some("403"), 1_069), Some(Hold::InUse));
    assert_eq!(of(Some(&last), Some("403"), 1_070), untold);
    assert_eq!(of(None, Some("403"), 1_070), untold);
    assert_eq!(of(None, None, 1_070), None);
}

#[test]
fn that_an_issuer_does_not_tell_is_known_since_the_first_time_and_over_with_its_first_answer() {
    let slots = single();
    let untold = |second| Watched {
        last: None,
        oddities: vec![Oddity::untold(at(second))],
    };
    let watched = untold(1_001).and(untold(1_005));
    assert_eq!(words(&watched.oddities), [row("untold", 1_001)]);

    let label = slots.primary.label().to_owned();
    let mut case = Case::new(slots.clone()).with(|case| {
        case.facts.uses.insert(label, watched.clone());
    });
    assert_eq!(status(&case.situation(1_010)).0, Status::Ok);
    case.expected = Some(Expected::default());
    let (word, reason) = status(&case.situation(1_010));
    assert_eq!(word, Status::Notice);
    assert!(
        reason.contains("its issuer does not tell how it is used"),
        "{reason}"
    );

    let told = used(1_006, "s3", "eu-central-1");
    let known = &watched.oddities;
    let judged = expected().judge(&slots, &slots.primary, Some(&told), known, ABLE, at(1_010));
    assert_eq!(judged, []);
}
