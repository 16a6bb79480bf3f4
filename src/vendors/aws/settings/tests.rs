use tf_provider::value::ValueAny;

use super::*;
use crate::error::Path;

fn text(value: &str) -> ValueAny {
    ValueAny::String(value.into())
}

fn read(entries: &[(&str, ValueAny)]) -> Result<Config> {
    let fields: BTreeMap<String, ValueAny> = entries
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect();
    Config::read(Some(&Settings::new(Path::root("aws"), &fields)))
}

#[test]
fn a_wrong_block_is_blamed_on_the_attribute() {
    let object = |name: &str, value: &str| ValueAny::Map([(name.to_owned(), text(value))].into());
    for (entries, path) in [
        (vec![("region", text("Frankfurt"))], "aws.region"),
        (vec![("sts_region", text("Frankfurt"))], "aws.sts_region"),
        (vec![("access_key", text("AKIA"))], "aws.secret_key"),
        (vec![("secret_key", text("made-up"))], "aws.access_key"),
        (vec![("token", text("made-up"))], "aws.access_key"),
        (
            vec![("max_retries", ValueAny::Number(-1))],
            "aws.max_retries",
        ),
        (
            vec![(
                "assume_role",
                ValueAny::List(vec![object("role_arn", "ci")]),
            )],
            "aws.assume_role[0].role_arn",
        ),
        (
            vec![(
                "assume_role",
                ValueAny::List(vec![object("session_name", "ci")]),
            )],
            "aws.assume_role[0].role_arn",
        ),
        (
            vec![("assume_role", ValueAny::List(vec![ValueAny::Null]))],
            "aws.assume_role[0]",
        ),
        (
            vec![("allowed_account_ids", ValueAny::List(vec![text("12345")]))],
            "aws.allowed_account_ids",
        ),
        (
            vec![
                (
                    "allowed_account_ids",
                    ValueAny::List(vec![text("123456789012")]),
                ),
                (
                    "forbidden_account_ids",
                    ValueAny::List(vec![text("210987654321")]),
                ),
            ],
            "aws.forbidden_account_ids",
        ),
        (
            vec![("endpoints", object("iam", "localhost:5000"))],
            "aws.endpoints.iam",
        ),
        (
            vec![("endpoints", object("iam", "http://10.0.0.1:5000"))],
            "aws.endpoints.iam",
        ),
        (
            vec![("endpoints", object("sts", "http://a:b@localhost/"))],
            "aws.endpoints.sts",
        ),
    ] {
        assert_eq!(read(&entries).unwrap_err().path.to_string(), path);
    }
}

#[test]
fn a_block_that_is_not_known_yet_is_not_judged_and_nothing_is_sent_with_it() {
    let config = read(&[("region", ValueAny::Unknown)]).unwrap();
    assert_eq!(config.settled().unwrap_err().kind, Kind::Unavailable);
    assert!(
        read(&[("region", text("eu-central-1"))])
            .unwrap()
            .settled()
            .is_ok()
    );
}

#[test]
fn an_empty_string_counts_as_not_set() {
    let config = read(&[("access_key", text("")), ("region", text(""))]).unwrap();
    assert!(config.key.is_none() && config.region.is_none());
    assert_eq!(config.max_retries, None);
}

#[test]
fn what_the_block_holds_does_not_print_its_secrets() {
    let config = read(&[
        ("access_key", text("AKIAONE")),
        ("secret_key", text("made-up-canary")),
        ("token", text("made-up-canary")),
    ])
    .unwrap();
    assert!(!format!("{config:?}").contains("made-up-canary"));
}
