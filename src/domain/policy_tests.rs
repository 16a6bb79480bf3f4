use super::*;

fn draft(interval: &str) -> Draft {
    Draft {
        name: "p".into(),
        rotation_interval: Some(Duration::parse(interval).unwrap()),
        ..Draft::default()
    }
}

fn faults(draft: Draft) -> Vec<String> {
    let errors = Policy::new(draft, &Path::default()).unwrap_err();
    errors.iter().map(|error| error.path.to_string()).collect()
}

#[test]
fn defaults_follow_from_the_interval() {
    let policy = Policy::new(draft("90d"), &Path::default()).unwrap();
    assert_eq!(policy.stage_before, Duration::from_days(7));
    assert_eq!(policy.propagation_delay, Duration::from_hours(1));
    assert_eq!(policy.grace_period, Duration::from_hours(24));
    assert_eq!(policy.max_grace_period, Duration::from_days(7));
    assert_eq!(policy.alert_after, Duration::from_days(30));

    let short = Policy::new(draft("20s"), &Path::default()).unwrap();
    assert_eq!(short.stage_before, Duration::from_secs(2));
    assert_eq!(short.propagation_delay, Duration::from_secs(2));
    assert_eq!(short.grace_period, Duration::from_secs(5));
}

#[test]
fn a_tier_sets_the_interval_and_limits_an_explicit_one() {
    let tier = |interval: Option<&str>| Draft {
        name: "p".into(),
        tier: Some("high_privilege".into()),
        rotation_interval: interval.map(|text| Duration::parse(text).unwrap()),
        ..Draft::default()
    };
    let policy = Policy::new(tier(None), &Path::default()).unwrap();
    assert_eq!(policy.rotation_interval, Duration::from_days(30));
    assert!(Policy::new(tier(Some("60d")), &Path::default()).is_ok());
    let errors = Policy::new(tier(Some("61d")), &Path::default()).unwrap_err();
    assert!(errors[0].detail.contains("61d") && errors[0].detail.contains("60d"));
}

#[test]
fn an_unsound_policy_names_the_attribute() {
    let secs = |seconds| Some(Duration::from_secs(seconds));
    for (broken, attribute) in [
        (
            Draft {
                name: " ".into(),
                ..draft("1d")
            },
            "name",
        ),
        (
            Draft {
                tier: Some("high".into()),
                ..draft("1d")
            },
            "tier",
        ),
        (
            Draft {
                name: "p".into(),
                ..Draft::default()
            },
            "rotation_interval",
        ),
        (draft("0s"), "rotation_interval"),
        (
            Draft {
                grace_period: secs(10),
                stage_before: secs(11),
                ..draft("20s")
            },
            "grace_period",
        ),
        (
            Draft {
                propagation_delay: secs(9),
                ..draft("20s")
            },
            "propagation_delay",
        ),
        (
            Draft {
                max_grace_period: secs(1),
                ..draft("20s")
            },
            "max_grace_period",
        ),
        (
            Draft {
                notice_period: secs(20),
                ..draft("20s")
            },
            "notice_period",
        ),
    ] {
        assert_eq!(faults(broken), [attribute]);
    }
}

#[test]
fn grace_and_staging_may_fill_the_interval_exactly() {
    let exact = Draft {
        grace_period: Some(Duration::from_secs(10)),
        stage_before: Some(Duration::from_secs(10)),
        ..draft("20s")
    };
    assert!(Policy::new(exact, &Path::default()).is_ok());
}
