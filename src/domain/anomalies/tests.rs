use super::*;
use crate::domain::keys::{KeyMark, Slot, Status};
use crate::domain::usage::RecordedCall;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// So many seconds after the watermark, which is a midnight.
fn at(second: i64) -> Instant {
    Instant::from_unix(1_769_904_000 + second)
}

fn call(second: i64) -> RecordedCall {
    RecordedCall {
        at: at(second),
        service: "s3".into(),
        operation: "ListBuckets".into(),
        error_code: None,
        address: Some("192.0.2.7".into()),
        user_agent: None,
    }
}

fn denied(second: i64) -> RecordedCall {
    RecordedCall {
        error_code: Some("Client.UnauthorizedOperation".into()),
        ..call(second)
    }
}

fn in_region(region: &str, mut calls: Vec<RecordedCall>) -> Record {
    calls.sort_by_key(|call| std::cmp::Reverse(call.at));
    Record {
        region: region.into(),
        calls,
        is_complete: true,
    }
}

/// Four calls at four hours of each of so many days before the watermark, and these after it.
fn after(days: i64, calls: &[RecordedCall]) -> Vec<Record> {
    let usual = (1..=days).flat_map(|day| (8..12).map(move |hour| call(hour * HOUR - day * DAY)));
    let mut usual: Vec<RecordedCall> = usual.collect();
    usual.extend_from_slice(calls);
    vec![in_region("eu-central-1", usual)]
}

fn known(key_id: &str) -> KeyRecord {
    KeyRecord {
        slot: Slot::Primary,
        status: Status::Live,
        ..KeyRecord::minted(
            KeyMark::new(Some(key_id.into()), None),
            "apply",
            at(-90 * DAY),
        )
    }
}

fn watch() -> Watch {
    Watch {
        since: at(0),
        allow: Allow::default(),
        volume_factor: 3,
        denied_calls: 5,
        proof: Some("sts"),
    }
}

fn judged_by(records: &[Record], watch: &Watch) -> Judgement {
    let known = known("KEY");
    let key = Watched {
        key_id: "KEY",
        known: Some(&known),
        records,
    };
    judge(&[key], watch)
}

/// What was found, as `kind name calls`.
fn words(judgement: &Judgement) -> Vec<String> {
    let word = |it: &Anomaly| {
        let name = it.name.iter().map(String::as_str);
        let all = [it.kind.to_string()]
            .into_iter()
            .chain(name.map(str::to_owned));
        all.chain([it.calls.to_string()])
            .collect::<Vec<_>>()
            .join(" ")
    };
    judgement.anomalies.iter().map(word).collect()
}

fn found(records: &[Record]) -> Vec<String> {
    words(&judged_by(records, &watch()))
}

/// At an hour at which it is used.
const USUAL: i64 = 9 * HOUR;

#[test]
fn a_call_as_those_before_it_is_nothing_and_of_another_service_region_or_network_it_is_new() {
    let usual = call(USUAL);
    assert_eq!(
        found(&after(28, std::slice::from_ref(&usual))),
        [] as [&str; 0]
    );
    let nearby = RecordedCall {
        address: Some("192.0.2.200".into()),
        ..usual.clone()
    };
    assert_eq!(found(&after(28, &[nearby])), [] as [&str; 0]);
    let other = RecordedCall {
        service: "iam".into(),
        address: Some("198.51.100.20".into()),
        ..usual.clone()
    };
    let mut records = after(28, &[other.clone(), other.clone()]);
    records.push(in_region("ap-south-1", vec![usual]));
    let judgement = judged_by(&records, &watch());
    assert_eq!(
        words(&judgement),
        [
            "new_service iam 2",
            "new_region ap-south-1 1",
            "new_network 198.51.100.0/24 2"
        ]
    );
    assert_eq!(
        judgement.anomalies[0].to_string(),
        "2 calls with key KEY from 2026-02-01T09:00:00Z to 2026-02-01T09:00:00Z: service iam was not called before."
    );

    // Whether it is new or not, it is known when that was done last.
    let last = |kind, name: &str| judgement.habits.get(&(kind, name.into(), "KEY".into()));
    assert_eq!(last(Kind::NewService, "iam"), Some(&at(USUAL)));
    assert_eq!(last(Kind::NewRegion, "ap-south-1"), Some(&at(USUAL)));
    assert_eq!(last(Kind::NewService, "s3"), Some(&at(USUAL)));
    assert_eq!(last(Kind::NewNetwork, "192.0.2.0/24"), Some(&at(USUAL)));
    assert_eq!(judgement.habits.len(), 6);

    // What is allowed is never new.
    let texts = |text: &str| vec![text.to_owned()];
    let network = |text| Source::parse(text).unwrap();
    let allow = |network: &str| Allow {
        services: texts("iam"),
        regions: texts("ap-south-1"),
        networks: vec![Source::parse(network).unwrap()],
    };
    let with = |allow| words(&judged_by(&records, &Watch { allow, ..watch() }));
    assert_eq!(with(allow("198.51.0.0/16")), [] as [&str; 0]);
    assert_eq!(with(allow("198.51.100.20")), [] as [&str; 0]);
    assert_eq!(
        with(allow("198.51.100.21")),
        ["new_network 198.51.100.0/24 2"]
    );
    assert_eq!(
        network("cloudformation.amazonaws.com"),
        Source::Service("cloudformation.amazonaws.com".into())
    );
    assert_eq!(Source::parse("198.51.100.0/33"), None);
    assert_eq!(Source::parse("our office"), None);
}

#[test]
fn a_network_is_told_without_its_last_part_and_a_service_that_calls_by_its_name() {
    let from = |address: &str| {
        let call = RecordedCall {
            address: Some(address.into()),
            ..call(USUAL)
        };
        found(&after(28, &[call]))
    };
    assert_eq!(from("2001:db8:7:8::1"), ["new_network 2001:db8:7::/48 1"]);
    assert_eq!(
        from("athena.amazonaws.com"),
        ["new_network athena.amazonaws.com 1"]
    );
}

#[test]
fn an_hour_is_unusual_if_no_day_of_two_weeks_has_a_call_in_it() {
    let night = call(3 * HOUR + 59 * MINUTE);
    let of = |days| judged_by(&after(days, std::slice::from_ref(&night)), &watch());
    assert_eq!(words(&of(28)), ["unusual_hour 03:00 and 04:00 1"]);
    assert_eq!(
        found(&after(28, &[call(8 * HOUR), call(12 * HOUR - 1)])),
        [] as [&str; 0]
    );
    // A hundred calls are needed as well: few of them leave most hours empty.
    let few = of(24);
    assert_eq!(
        (words(&few), few.not_judged),
        (vec![], vec![Kind::UnusualHour])
    );
    assert_eq!(of(25).not_judged, []);
}

#[test]
fn a_day_is_unusual_with_several_times_the_calls_of_the_busiest_day_before() {
    // The busiest day has ten.
    let before: Vec<_> = (0..6).map(|it| call(USUAL - DAY + it)).collect();
    let of = |many: i64, factor| {
        let calls: Vec<_> = (0..many)
            .map(|it| call(USUAL + it))
            .chain(before.clone())
            .collect();
        let watch = Watch {
            volume_factor: factor,
            ..watch()
        };
        words(&judged_by(&after(28, &calls), &watch))
    };
    assert_eq!(of(30, 3), [] as [&str; 0]);
    assert_eq!(of(31, 3), ["unusual_volume 31"]);
    assert_eq!(of(31, 4), [] as [&str; 0]);
    // A handful is no volume, however little there was before.
    let calls = |many| (0..many).map(|it| call(USUAL + it)).collect::<Vec<_>>();
    assert_eq!(found(&after(28, &calls(20))), [] as [&str; 0]);
    assert_eq!(found(&after(28, &calls(21))), ["unusual_volume 21"]);
    // Two days are not one.
    let two_days: Vec<_> = (0..31).map(|it| call(USUAL + it % 2 * DAY)).collect();
    assert_eq!(
        found(&after(28, &[two_days, before].concat())),
        [] as [&str; 0]
    );
}

#[test]
fn denied_calls_are_a_burst_if_they_are_near_to_each_other() {
    let calls = |apart: i64, many: i64| {
        (0..many)
            .map(|it| denied(USUAL + it * apart))
            .collect::<Vec<_>>()
    };
    assert_eq!(found(&after(28, &calls(MINUTE, 4))), [] as [&str; 0]);
    assert_eq!(found(&after(28, &calls(150, 5))), ["denied_burst 5"]);
    assert_eq!(found(&after(28, &calls(151, 5))), [] as [&str; 0]);
    // Those that are far from the others are not of it, and other errors are none of these.
    let late = denied(USUAL + 2 * HOUR);
    let judgement = judged_by(&after(28, &[calls(150, 7), vec![late]].concat()), &watch());
    assert_eq!(words(&judgement), ["denied_burst 7"]);
    assert_eq!(judgement.anomalies[0].last_at, at(USUAL + 900));
    let other = calls(MINUTE, 9).into_iter().map(|call| RecordedCall {
        error_code: Some("NoSuchBucket".into()),
        ..call
    });
    assert_eq!(
        found(&after(28, &other.collect::<Vec<_>>())),
        [] as [&str; 0]
    );
    // It needs nothing to compare with.
    assert_eq!(found(&after(0, &calls(MINUTE, 5))), ["denied_burst 5"]);
}

#[test]
fn keys_share_a_baseline_and_each_finding_names_its_own() {
    let (old, new) = (
        after(28, &[call(USUAL), call(USUAL + HOUR)]),
        after(0, &[call(USUAL)]),
    );
    let mut retired = known("OLD");
    retired.retired_at = Some(at(USUAL));
    let fresh = known("NEW");
    let key = |key_id, known, records| Watched {
        key_id,
        known: Some(known),
        records,
    };
    let judgement = judge(
        &[key("NEW", &fresh, &new), key("OLD", &retired, &old)],
        &watch(),
    );
    // At the very instant it was primary still.
    assert_eq!(words(&judgement), ["retired_key 1"]);
    assert_eq!(judgement.anomalies[0].key_id, "OLD");
    assert_eq!(judgement.not_judged, []);

    // Whoever does not know the key cannot tell whether it is retired.
    let stranger = Watched {
        key_id: "OLD",
        known: None,
        records: &old,
    };
    let judgement = judge(&[stranger], &watch());
    assert_eq!(words(&judgement), [] as [&str; 0]);
    assert_eq!(judgement.not_judged, [Kind::RetiredKey]);
    assert!(judgement.reasons[0].contains("ledger"), "{judgement:?}");
}

#[test]
fn a_key_that_is_proved_to_work_calls_by_itself() {
    let mut known = known("KEY");
    known.verified_at = Some(at(USUAL));
    let of = |service: &str, second, known: &KeyRecord| {
        let call = RecordedCall {
            service: service.into(),
            ..call(second)
        };
        let records = after(28, &[call]);
        let key = Watched {
            key_id: "KEY",
            known: Some(known),
            records: &records,
        };
        words(&judge(&[key], &watch()))
    };
    assert_eq!(of("sts", USUAL - 15 * MINUTE, &known), [] as [&str; 0]);
    assert_eq!(of("sts", USUAL + 15 * MINUTE, &known), [] as [&str; 0]);
    assert_eq!(
        of("sts", USUAL + 16 * MINUTE, &known),
        ["new_service sts 1"]
    );
    // Another service proves nothing.
    assert_eq!(of("iam", USUAL, &known), ["new_service iam 1"]);
    known.verified_at = None;
    assert_eq!(of("sts", USUAL, &known), ["new_service sts 1"]);
    known.created_at = at(USUAL);
    assert_eq!(of("sts", USUAL + MINUTE, &known), [] as [&str; 0]);
}

#[test]
fn a_baseline_of_too_few_calls_or_days_finds_nothing_and_says_so() {
    let strange = RecordedCall {
        service: "iam".into(),
        ..call(USUAL)
    };
    let of = |days| judged_by(&after(days, std::slice::from_ref(&strange)), &watch());
    let every = [
        Kind::NewService,
        Kind::NewRegion,
        Kind::NewNetwork,
        Kind::UnusualHour,
        Kind::UnusualVolume,
    ];
    for days in [0, 4, 7] {
        let judgement = of(days);
        assert_eq!(
            (words(&judgement), &judgement.not_judged[..]),
            (vec![], &every[..])
        );
    }
    assert_eq!(
        of(7).reasons,
        [
            "The baseline has 28 calls over 6 days, which are too few to tell new_service (20 calls over 7 days), new_region (20 \
          calls over 7 days), new_network (20 calls over 7 days), unusual_hour (100 calls over 14 days), unusual_volume (20 calls \
          over 7 days)."
        ]
    );
    assert_eq!(words(&of(8)), ["new_service iam 1"]);
    assert_eq!(of(8).not_judged, [Kind::UnusualHour]);

    // Where not all was read, the baseline begins where reading did.
    let mut records = after(28, std::slice::from_ref(&strange));
    records[0].is_complete = false;
    assert_eq!(words(&judged_by(&records, &watch())), ["new_service iam 1"]);
    let cut = Record {
        is_complete: false,
        ..in_region("eu-west-3", vec![call(USUAL), call(USUAL - 3 * DAY)])
    };
    records.push(cut.clone());
    let judgement = judged_by(&records, &watch());
    assert_eq!((words(&judgement), judgement.is_drowned), (vec![], false));
    records[1].calls.truncate(1);
    assert!(judged_by(&records, &watch()).is_drowned);
}
