use super::*;
use crate::domain::anomalies::Source;

const DAY: i64 = 86_400;

fn at(second: i64) -> Instant {
    Instant::from_unix(1_769_904_000 + second)
}

fn anomaly(kind: Kind, name: &str, first: i64, last: i64) -> Anomaly {
    Anomaly {
        kind,
        name: (!name.is_empty()).then(|| name.to_owned()),
        key_id: "A".into(),
        calls: 3,
        first_at: at(first),
        last_at: at(last),
    }
}

fn survey(found: &[Anomaly], allow: Allow) -> Survey {
    Survey {
        account: "account".into(),
        found: found.to_vec(),
        allow,
    }
}

fn services(names: &[&str]) -> Allow {
    Allow {
        services: names.iter().map(|name| (*name).to_owned()).collect(),
        ..Allow::default()
    }
}

fn networks(names: &[&str]) -> Allow {
    Allow {
        networks: names.iter().filter_map(|it| Source::parse(it)).collect(),
        ..Allow::default()
    }
}

/// A finding as it is after these surveys, each at its instant, and the events of them.
fn after(surveys: &[(Survey, i64)]) -> (Vec<Finding>, Vec<&'static str>) {
    let (mut known, mut events) = (Vec::<Finding>::new(), Vec::new());
    for (survey, second) in surveys {
        for (finding, event) in survey.changes(&known, at(*second)) {
            known.retain(|it| (it.kind, &it.name) != (finding.kind, &finding.name));
            known.push(finding);
            events.extend(event);
        }
    }
    (known, events)
}

#[test]
fn what_is_found_stays_known_when_nobody_reads_of_it_any_more_and_is_one_event() {
    let iam = |first, last| {
        survey(
            &[anomaly(Kind::NewService, "iam", first, last)],
            Allow::default(),
        )
    };
    let nothing = survey(&[], Allow::default());
    let (known, events) = after(&[
        (iam(0, 10), 20),
        (iam(0, 10), 30),
        (iam(5, 40), 50),
        (nothing.clone(), 5 * DAY),
    ]);
    assert_eq!(events, ["noticed"]);
    assert_eq!((known[0].first_at, known[0].last_at), (at(0), at(40)));
    assert!(known[0].is_open(at(29 * DAY)));
    assert!(!known[0].is_open(at(30 * DAY + 40)));

    // Long after that it is news again.
    let (known, events) = after(&[(iam(0, 10), 20), (iam(60 * DAY, 60 * DAY), 60 * DAY)]);
    assert_eq!(events, ["noticed", "noticed"]);
    assert_eq!(known[0].first_at, at(60 * DAY));
}

#[test]
fn what_somebody_allows_for_is_over_and_a_second_configuration_that_does_not_opens_nothing_again() {
    let iam = |first, last| {
        survey(
            &[anomaly(Kind::NewService, "iam", first, last)],
            Allow::default(),
        )
    };
    let allows = survey(&[], services(&["iam"]));
    let (known, events) = after(&[
        (iam(0, 10), 20),
        (allows.clone(), 30),
        (iam(0, 40), 50),
        (allows.clone(), 60),
    ]);
    assert_eq!(events, ["noticed", "allowed"]);
    assert_eq!(known[0].allowed_at, Some(at(30)));
    assert!(!known[0].is_open(at(60)));

    // Calls that are all newer do, where it is no longer allowed.
    let (known, events) = after(&[(iam(0, 10), 20), (allows, 30), (iam(31, 40), 50)]);
    assert_eq!(events, ["noticed", "allowed", "noticed"]);
    assert!(known[0].is_open(at(60)));
}

#[test]
fn only_what_covers_a_finding_as_a_whole_allows_for_it() {
    let found = [
        anomaly(Kind::NewNetwork, "198.51.100.0/24", 0, 10),
        anomaly(Kind::NewNetwork, "cloudformation.amazonaws.com", 0, 10),
        anomaly(Kind::DeniedBurst, "", 0, 10),
    ];
    let open = |allow: Allow| {
        let surveys = [
            (survey(&found, Allow::default()), 20),
            (survey(&[], allow), 30),
        ];
        let (known, _) = after(&surveys);
        known.iter().filter(|it| it.is_open(at(40))).count()
    };
    assert_eq!(open(Allow::default()), 3);
    assert_eq!(open(services(&["198.51.100.0/24"])), 3);
    assert_eq!(open(networks(&["198.51.100.9"])), 3);
    assert_eq!(open(networks(&["198.51.0.0/16"])), 2);
    assert_eq!(
        open(networks(&["198.51.0.0/16", "cloudformation.amazonaws.com"])),
        1
    );
}
