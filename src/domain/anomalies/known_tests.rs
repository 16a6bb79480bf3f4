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
        habits: Habits::new(),
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

    // Nor when both are read each day, and each reads newer calls than the other.
    let mut surveys = vec![(iam(0, 10), 20)];
    for day in 0..60 {
        surveys.push((allows.clone(), day * DAY + 30));
        surveys.push((iam(day * DAY + 40, day * DAY + 50), day * DAY + 60));
    }
    let (known, events) = after(&surveys);
    assert_eq!(events, ["noticed", "allowed"]);
    assert_eq!(known[0].allowed_at, Some(at(59 * DAY + 30)));

    // Calls that are all newer do, where nobody has allowed for it for a while.
    let late = 30 * DAY + 30;
    for (first, opened) in [(late - 1, 0), (late, 1)] {
        let (known, events) = after(&[
            (iam(0, 10), 20),
            (allows.clone(), 30),
            (iam(first, late), late),
        ]);
        assert_eq!(events.len(), 2 + opened, "{events:?}");
        assert_eq!(known[0].is_open(at(late)), opened == 1);
    }
}

#[test]
fn what_goes_on_for_so_long_that_it_is_no_news_stays_known() {
    let nothing = |day: i64, kind: Kind, name: &str| {
        let mut survey = survey(&[], Allow::default());
        let habit = (kind, name.to_owned(), "A".to_owned());
        survey.habits.insert(habit, at(day * DAY));
        (survey, day * DAY)
    };
    let begun =
        |kind: Kind, name: &str| (survey(&[anomaly(kind, name, 0, 10)], Allow::default()), 20);
    let days = |kind, name| (1..50).map(move |day| nothing(day, kind, name));
    let service = || std::iter::once(begun(Kind::NewService, "iam"));
    let surveys: Vec<_> = service().chain(days(Kind::NewService, "iam")).collect();
    let (known, events) = after(&surveys);
    assert_eq!(events, ["noticed"]);
    // The first day is over when the second has begun.
    assert_eq!((known[0].first_at, known[0].last_at), (at(0), at(49 * DAY)));
    assert!(known[0].is_open(at(79 * DAY - 1)));
    assert!(!known[0].is_open(at(79 * DAY)));

    // With another key or service, or at an hour that nobody can allow for, it does not.
    for (kind, name, other) in [
        (Kind::NewService, "iam", "sts"),
        (Kind::UnusualHour, "03:00 and 04:00", ""),
    ] {
        let surveys: Vec<_> = std::iter::once(begun(kind, name))
            .chain(days(Kind::NewService, other))
            .collect();
        assert!(!after(&surveys).0[0].is_open(at(31 * DAY)), "{kind}");
    }
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
