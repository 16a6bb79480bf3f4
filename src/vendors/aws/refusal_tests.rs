use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use zeroize::Zeroizing;

use super::*;

fn refused(status: u16, body: &str) -> Failure<Refusal> {
    let answer = Answer {
        status: StatusCode::from_u16(status).unwrap(),
        headers: HeaderMap::new(),
        body: Zeroizing::new(body.as_bytes().to_vec()),
    };
    let asked = Asked {
        permission: "iam:CreateAccessKey",
        credentials: "access key AKIAONE",
    };
    read(&answer, &asked, &[&Secret::new("made-up-canary".into())])
}

#[test]
fn the_code_decides_whatever_the_status() {
    let xml = |code: &str| {
        format!(
            "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code>\
             <Message>no</Message></Error></ErrorResponse>"
        )
    };
    let json = |code: &str| format!(r#"{{"__type":"a.b#{code}","Message":"no"}}"#);
    for (status, body, kind, passing, maybe_done) in [
        (400, xml("NoSuchEntity"), Kind::NotFound, false, false),
        (
            404,
            json("ResourceNotFoundException"),
            Kind::NotFound,
            false,
            false,
        ),
        (
            400,
            json("ResourceNotFoundException"),
            Kind::NotFound,
            false,
            false,
        ),
        (409, xml("LimitExceeded"), Kind::Limit, false, false),
        (403, xml("AccessDenied"), Kind::Denied, false, false),
        (
            400,
            json("AccessDeniedException"),
            Kind::Denied,
            false,
            false,
        ),
        (400, xml("Throttling"), Kind::Unavailable, true, false),
        (429, "slow down".into(), Kind::Unavailable, true, false),
        (500, xml("ServiceFailure"), Kind::Unavailable, true, true),
        (
            502,
            "<html>bad gateway</html>".into(),
            Kind::Unavailable,
            true,
            true,
        ),
        (503, String::new(), Kind::Unavailable, true, true),
        (
            400,
            json("InvalidParameterException"),
            Kind::Other,
            false,
            false,
        ),
    ] {
        let failure = refused(status, &body);
        assert_eq!(
            (failure.error.kind, failure.passing, failure.maybe_done),
            (kind, passing, maybe_done),
            "{status} {body}"
        );
    }
}

#[test]
fn an_echoed_secret_is_not_shown() {
    let body = r#"{"__type":"ValidationException","message":"bad value made-up-canary"}"#;
    let error = refused(400, body).error.explain("It failed");
    assert!(!format!("{error} {error:?}").contains("made-up-canary"));
    assert!(error.detail.contains("bad value [secret]"), "{error}");
}

#[test]
fn a_wrong_clock_is_told_from_a_wrong_key() {
    let body = "<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code><Message>Signature \
                expired: 20260101T000000Z is now earlier than \
                20260102T000000Z</Message></Error></ErrorResponse>";
    let refusal = refused(403, body).error;
    assert!(refusal.is_skewed_clock());
    assert!(
        refusal
            .explain("x")
            .detail
            .contains("clock of this machine")
    );
}

#[test]
fn a_denial_names_the_permission_and_the_credentials() {
    let body = r#"{"__type":"AccessDeniedException","Message":"no."}"#;
    let error = refused(400, body).error.explain("Key not created");
    assert!(
        error
            .detail
            .contains("Access key AKIAONE is not allowed to call iam:CreateAccessKey"),
        "{error}"
    );
}
