use async_trait::async_trait;
use reqwest::header::HeaderMap;
use reqwest::{Request, StatusCode, Url};
use zeroize::Zeroizing;

use super::*;
use crate::error::{Kind, Result};
use crate::http::{Answer, Call, Failure, Refusal, Repeat, Used, Vendor, read};
use crate::secret::Secret;
use crate::vendors::aws::error_body::error_body;

/// What the client adds to the table of codes.
struct Iam;

#[async_trait]
impl Vendor for Iam {
    fn name(&self) -> &str {
        "AWS"
    }

    async fn base(&self) -> Result<Url> {
        unreachable!("nothing is sent")
    }

    async fn authorize(&self, _: &mut Request, _: &[u8]) -> Result<Used> {
        unreachable!("nothing is sent")
    }

    fn error_body(&self, answer: &Answer) -> ErrorBody {
        error_body(answer)
    }

    fn meaning(&self, error: &ErrorBody, status: u16) -> Meaning {
        meaning(error, status)
    }

    fn is_code(&self, code: &str) -> bool {
        is_code(code)
    }

    fn permission(&self, _: &Call<'_>) -> String {
        "iam:CreateAccessKey".to_owned()
    }

    fn advice(&self, meaning: Meaning, asked: &Asked<'_>, wait: Option<Duration>) -> String {
        advice(meaning, asked, wait)
    }
}

fn refused(status: u16, body: &str) -> Failure<Refusal> {
    let answer = Answer {
        status: StatusCode::from_u16(status).unwrap(),
        headers: HeaderMap::new(),
        body: Zeroizing::new(body.as_bytes().to_vec()),
    };
    read_of("ListAccessKeys", answer)
}

fn read_of(operation: &str, answer: Answer) -> Failure<Refusal> {
    let used = Used {
        who: "access key AKIAONE".to_owned(),
        hidden: vec![Secret::new("made-up-canary".into())],
    };
    let call = Call {
        may_be_quoted: may_be_quoted(operation),
        ..Call::new(operation, reqwest::Method::POST, "", Repeat::Freely)
    };
    read(&Iam, &call, &used, &answer)
}

#[test]
fn a_call_that_carries_or_returns_a_secret_is_told_of_in_our_words_alone() {
    let body = |code: &str| format!(r#"{{"__type":"{code}","message":"your value was made-up"}}"#);
    let answer = |text: &str| Answer {
        status: StatusCode::BAD_REQUEST,
        headers: HeaderMap::new(),
        body: Zeroizing::new(text.as_bytes().to_vec()),
    };
    for operation in [
        "PutSecretValue",
        "CreateAccessKey",
        "AssumeRole",
        "SomethingNew",
    ] {
        for (code, shown) in [
            (
                "ValidationException",
                "AWS answered ValidationException. The call was",
            ),
            (
                "LimitExceededException",
                "AWS answered LimitExceededException. Remove",
            ),
            ("made-up-code", "AWS answered HTTP 400. The call was"),
        ] {
            let error = read_of(operation, answer(&body(code))).error.explain("x");
            assert!(error.detail.starts_with(shown), "{error}");
            assert!(!format!("{error:?}").contains("made-up"), "{error}");
        }
    }
    let unknown = body("InvalidClientTokenId");
    let error = read_of("ListAccessKeys", answer(&unknown))
        .error
        .explain("x");
    assert!(!error.to_string().contains("made-up"), "{error}");
}

/// Whose policy it is matters: the identity that is told of may be allowed everything.
#[test]
fn a_role_that_is_not_handed_out_is_told_of_with_both_sides() {
    for (operation, code, told) in [
        (
            "AssumeRole",
            "AccessDenied",
            &[
                "a policy of access key AKIAONE has to allow",
                "the trust policy of the role",
                "external_id",
            ][..],
        ),
        (
            "AssumeRoleWithWebIdentity",
            "AccessDenied",
            &["its trust policy does not fit the token", "aud and sub"],
        ),
        (
            "AssumeRoleWithWebIdentity",
            "InvalidIdentityToken",
            &["exactly the issuer of the token", "client IDs"],
        ),
        (
            "AssumeRoleWithWebIdentity",
            "ExpiredTokenException",
            &["The token has ended"],
        ),
    ] {
        let body = format!(r#"{{"__type":"{code}","message":""}}"#);
        let answer = Answer {
            status: StatusCode::BAD_REQUEST,
            headers: HeaderMap::new(),
            body: Zeroizing::new(body.into_bytes()),
        };
        let error = read_of(operation, answer).error.explain("x");
        for words in told {
            assert!(error.detail.contains(words), "{operation} {code}: {error}");
        }
        assert!(!error.detail.contains("Sign in again"), "{error}");
    }
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
    for (status, body, kind, transient, outcome_unknown) in [
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
            (
                failure.error.kind,
                failure.transient,
                failure.outcome_unknown
            ),
            (kind, transient, outcome_unknown),
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
    assert_eq!(refusal.meaning, Meaning::Skewed);
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
