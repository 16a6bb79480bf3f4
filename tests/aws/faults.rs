//! Faults that moto does not have: throttling, outages, lost answers, pages.

use std::time::Duration;

use apikey::context::Context;
use apikey::engine::account::Account;
use apikey::error::Kind;
use apikey::http::{Http, Patience};
use apikey::issuers::{KeyRef, KeyStatus, Probe};
use apikey::secret::Secret;
use apikey::stores::{Document, DocumentKey, Version};
use tf_provider::value::ValueAny;
use tokio_util::sync::CancellationToken;

use super::{block, context, fields, import, issuer, keys_of, store, text};
use crate::support::fake::{Fake, Reply};
use crate::support::golden::error_reads;

const ID: &str = "AKIAIOSFODNN7EXAMPLE";

fn reached(fake: &Fake, max_retries: i64) -> Context {
    let mut block = block(&fake.url(), "AKIATEST", "made-up-admin-canary");
    block.insert("max_retries".into(), ValueAny::Number(max_retries));
    context(block)
}

fn listed(ids: &[&str], marker: Option<&str>) -> Reply {
    let members: String = ids
        .iter()
        .map(|id| {
            format!(
                "<member><UserName>ci</UserName><AccessKeyId>{id}</AccessKeyId>\
                 <Status>Active</Status><CreateDate>2026-11-22T20:41:12Z</CreateDate></member>"
            )
        })
        .collect();
    let marker = match marker {
        Some(marker) => format!("<IsTruncated>true</IsTruncated><Marker>{marker}</Marker>"),
        None => "<IsTruncated>false</IsTruncated>".to_owned(),
    };
    Reply::of(
        200,
        format!(
            "<ListAccessKeysResponse><ListAccessKeysResult>\
             <AccessKeyMetadata>{members}</AccessKeyMetadata>{marker}</ListAccessKeysResult>\
             </ListAccessKeysResponse>"
        ),
    )
}

fn created() -> Reply {
    Reply::of(
        200,
        format!(
            "<CreateAccessKeyResponse><CreateAccessKeyResult><AccessKey><UserName>ci</UserName>\
             <AccessKeyId>{ID}</AccessKeyId><Status>Active</Status><SecretAccessKey>made-up-canary\
             </SecretAccessKey></AccessKey></CreateAccessKeyResult></CreateAccessKeyResponse>"
        ),
    )
}

fn refused(status: u16, code: &str, headers: &[&str]) -> Reply {
    let headers = headers.iter().map(|line| (*line).to_owned()).collect();
    let body = format!(
        "<ErrorResponse><Error><Code>{code}</Code><Message>You sent made-up-admin-canary and \
         made-up-canary</Message></Error></ErrorResponse>"
    );
    Reply::Answer(status, headers, body)
}

fn calls(fake: &Fake, operation: &str) -> usize {
    let action = format!("Action={operation}&");
    let requests = fake.requests();
    requests
        .iter()
        .filter(|request| request.contains(&action))
        .count()
}

async fn key_status(keys: &Account) -> Option<KeyStatus> {
    keys.inspect(&[ID.to_owned()]).await.unwrap()[0]
}

#[tokio::test]
async fn every_page_of_a_list_is_read() {
    let fake = Fake::start([
        listed(&["AKIAOTHER"], Some("page 2&amp;")),
        listed(&[ID], None),
    ]);
    let keys = keys_of(&reached(&fake, 0), "ci");
    assert_eq!(key_status(&keys).await, Some(KeyStatus::Active));
    assert!(fake.requests()[1].contains("Marker=page+2%26"));
}

#[tokio::test]
async fn a_key_that_the_list_lacks_for_a_moment_is_not_missing() {
    let fake = Fake::start([listed(&[], None), listed(&[ID], None)]);
    let keys = keys_of(&reached(&fake, 0), "ci");
    assert_eq!(key_status(&keys).await, Some(KeyStatus::Active));
}

#[tokio::test]
async fn throttling_an_outage_and_a_lost_connection_are_waited_out_when_reading() {
    let fake = Fake::start([
        refused(400, "Throttling", &["Retry-After: 1"]),
        refused(500, "ServiceFailure", &[]),
        Reply::Reset,
        Reply::of(503, "upstream unavailable"),
        listed(&[ID], None),
    ]);
    let keys = keys_of(&reached(&fake, 9), "ci");
    assert_eq!(key_status(&keys).await, Some(KeyStatus::Active));
    assert_eq!(calls(&fake, "ListAccessKeys"), 5);
}

#[tokio::test]
async fn an_outage_that_lasts_is_unavailable_and_never_missing() {
    for reply in [
        refused(503, "ServiceUnavailable", &[]),
        refused(429, "Throttling", &["Retry-After: 3600"]),
        Reply::of(502, "<html>bad gateway</html>"),
        Reply::Reset,
    ] {
        let fake = Fake::start([reply]);
        let context = reached(&fake, 1);
        let keys = keys_of(&context, "ci");
        let secret = Secret::new("made-up-canary".into());
        // A call can only give away what it was signed with.
        let tried = keys.probe(Some(ID), &secret).await.unwrap_err();
        assert!(
            !format!("{tried} {tried:?}").contains("made-up-canary"),
            "{tried}"
        );
        assert_eq!(tried.kind, Kind::Unavailable, "{tried}");
        for error in [
            keys.check(&[]).await.unwrap_err(),
            keys.inspect(&[ID.to_owned()]).await.unwrap_err(),
            keys.last_use(ID).await.unwrap_err(),
            keys.revoke(KeyRef::of_id(ID), None).await.unwrap_err(),
            import(&context, ID).await.unwrap_err(),
        ] {
            assert_eq!(error.kind, Kind::Unavailable, "{error}");
            assert!(
                !format!("{error} {error:?}").contains("made-up-admin-canary"),
                "{error}"
            );
        }
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable() {
    let keys = keys_of(&reached_at("http://127.0.0.1:1"), "ci");
    let error = keys.check(&[]).await.unwrap_err();
    assert_eq!(error.kind, Kind::Unavailable);
    assert!(
        error.detail.contains("127.0.0.1:1 did not answer"),
        "{error}"
    );
}

fn reached_at(url: &str) -> Context {
    let mut block = block(url, "AKIATEST", "made-up-admin-canary");
    block.insert("max_retries".into(), ValueAny::Number(0));
    context(block)
}

#[tokio::test]
async fn a_mint_is_repeated_when_it_was_only_throttled() {
    let fake = Fake::start([
        listed(&[], None),
        refused(400, "Throttling", &[]),
        created(),
    ]);
    let minted = keys_of(&reached(&fake, 3), "ci")
        .mint("token")
        .await
        .unwrap();
    assert_eq!(minted.key_id.as_deref(), Some(ID));
    assert_eq!(calls(&fake, "CreateAccessKey"), 2);
}

#[tokio::test]
async fn a_mint_whose_answer_is_lost_is_not_repeated_and_names_the_key_it_left() {
    for (lost, name) in [
        (Reply::Reset, Some("aws-mint-whose-answer-was-lost")),
        (Reply::Silence(Duration::from_secs(5)), None),
        (
            refused(500, "ServiceFailure", &[]),
            Some("aws-mint-that-failed-within-aws"),
        ),
        (
            Reply::of(200, "<Odd/>"),
            Some("aws-mint-with-an-odd-answer"),
        ),
    ] {
        let fake = Fake::start([
            listed(&["AKIAOLD"], None),
            lost,
            listed(&["AKIAOLD", ID], None),
        ]);
        let patience = Patience {
            attempt: Duration::from_secs(1),
            ..Patience::default()
        };
        let http = Http::with_patience(CancellationToken::new(), patience);
        let context = reached(&fake, 5).with_http(http);
        let error = keys_of(&context, "ci").mint("token").await.unwrap_err();
        assert_eq!(calls(&fake, "CreateAccessKey"), 1);
        assert_eq!(calls(&fake, "DeleteAccessKey"), 0);
        let advice = format!("delete-access-key --user-name ci --access-key-id {ID}");
        assert!(error.detail.contains(&advice), "{error}");
        if let Some(name) = name {
            error_reads(name, &error);
        }
    }
}

#[tokio::test]
async fn a_mint_that_was_lost_on_the_way_there_says_that_no_key_was_left() {
    let fake = Fake::start([
        listed(&["AKIAOLD"], None),
        Reply::Reset,
        listed(&["AKIAOLD"], None),
    ]);
    let error = keys_of(&reached(&fake, 5), "ci")
        .mint("token")
        .await
        .unwrap_err();
    assert_eq!(calls(&fake, "CreateAccessKey"), 1);
    assert!(error.detail.contains("No new key has appeared"), "{error}");
    error_reads("aws-mint-that-left-no-key", &error);
}

#[tokio::test]
async fn a_key_made_a_moment_ago_is_revoked_even_if_iam_does_not_know_it_yet() {
    let gone = || refused(404, "NoSuchEntity", &[]);
    let done = |operation: &str| Reply::of(200, format!("<{operation}Response/>"));
    let fake = Fake::start([
        gone(),
        gone(),
        listed(&[ID], None),
        done("UpdateAccessKey"),
        done("DeleteAccessKey"),
    ]);
    keys_of(&reached(&fake, 0), "ci")
        .revoke(KeyRef::of_id(ID), None)
        .await
        .unwrap();
    assert_eq!(calls(&fake, "DeleteAccessKey"), 2);
}

#[tokio::test]
async fn a_key_is_deactivated_before_it_is_deleted() {
    let fake = Fake::start([
        Reply::of(200, "<UpdateAccessKeyResponse/>"),
        Reply::of(200, "<DeleteAccessKeyResponse/>"),
    ]);
    keys_of(&reached(&fake, 0), "ci")
        .revoke(KeyRef::of_id(ID), None)
        .await
        .unwrap();
    let requests = fake.requests();
    assert_eq!(requests.len(), 2);
    assert!(
        requests[0].contains("Action=UpdateAccessKey") && requests[0].contains("Status=Inactive")
    );
    assert!(requests[1].contains("Action=DeleteAccessKey"));
}

#[tokio::test]
async fn a_status_that_iam_may_invent_later_counts_as_inactive() {
    let Reply::Answer(status, headers, body) = listed(&[ID], None) else {
        unreachable!()
    };
    let body = body.replace("Active", "Expired");
    let fake = Fake::start([Reply::Answer(status, headers, body)]);
    let keys = keys_of(&reached(&fake, 0), "ci");
    assert_eq!(key_status(&keys).await, Some(KeyStatus::Inactive));
}

#[tokio::test]
async fn a_probe_is_refused_by_words_without_secrets_and_a_wrong_clock_proves_nothing() {
    let secret = Secret::new("made-up-canary".into());
    let fake = Fake::start([refused(403, "InvalidClientTokenId", &[])]);
    let probe = keys_of(&reached(&fake, 0), "ci")
        .probe(Some(ID), &secret)
        .await
        .unwrap();
    let Probe::Refused(words) = probe else {
        panic!("{probe:?}")
    };
    assert!(!words.contains("made-up-canary"), "{words}");

    let skewed = "<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code><Message>Signature not \
                  yet current</Message></Error></ErrorResponse>";
    let fake = Fake::start([Reply::of(403, skewed)]);
    let error = keys_of(&reached(&fake, 0), "ci")
        .probe(Some(ID), &secret)
        .await
        .unwrap_err();
    assert!(error.detail.contains("clock"), "{error}");
    error_reads("aws-clock-that-is-wrong", &error);
}

#[tokio::test]
async fn a_request_to_stop_ends_the_repeating() {
    let fake = Fake::start([refused(503, "ServiceUnavailable", &[])]);
    let stop = CancellationToken::new();
    let context = reached(&fake, 50).with_http(Http::new(stop.clone()));
    stop.cancel();
    assert!(keys_of(&context, "ci").check(&[]).await.is_err());
    assert_eq!(fake.requests().len(), 1);
}

#[tokio::test]
async fn a_key_is_not_called_missing_when_a_person_asks_to_stop_before_the_list_is_reread() {
    let fake = Fake::start([listed(&[], None)]);
    let stop = CancellationToken::new();
    let context = reached(&fake, 0).with_http(Http::new(stop.clone()));
    stop.cancel();
    let keys = keys_of(&context, "ci");
    let error = keys.inspect(&[ID.to_owned()]).await.unwrap_err();
    assert_eq!(error.kind, Kind::Unavailable);
}

#[tokio::test]
async fn a_write_that_fails_shows_nothing_of_what_was_written() {
    let key = |name: &str| DocumentKey {
        key_id: None,
        secret: Secret::new(format!("made-up-canary-{name}")),
    };
    let document = Document {
        primary: key("one"),
        secondary: Some(key("two")),
        generation: None,
        rotated_at: None,
    };
    let echo = r#"{"__type":"ValidationException","Message":"made-up-canary-one made-up-canary-two made-up-admin-canary"}"#;
    let fake = Fake::start([Reply::of(400, echo)]);
    let context = reached(&fake, 0);
    let place = store(&context, &[("secret_id", text("x"))]);
    let error = place
        .write(&document, &"a".repeat(64), &apikey::stores::Version::Absent)
        .await
        .unwrap_err();
    assert!(
        error.detail.contains("AWS answered ValidationException. "),
        "{error}"
    );
    assert!(!format!("{error} {error:?} {context:?}").contains("canary"));
}

fn written(name: &str) -> Document {
    Document {
        primary: DocumentKey {
            key_id: None,
            secret: Secret::new(format!("made-up-canary-{name}")),
        },
        secondary: None,
        generation: None,
        rotated_at: None,
    }
}

/// The description of a secret whose current version is this one, with more fields.
fn described(version: &str, more: &str) -> Reply {
    Reply::of(
        200,
        format!(
            r#"{{"ARN":"x","Name":"x","VersionIdsToStages":{{"{version}":["AWSCURRENT"]}}{more}}}"#
        ),
    )
}

fn value(version: &str) -> Reply {
    let value =
        format!(r#"{{"ARN":"x","Name":"x","VersionId":"{version}","SecretString":"{{}}"}}"#);
    Reply::of(200, value)
}

#[tokio::test]
async fn a_throttled_value_is_sent_again_and_what_a_look_has_told_is_not_asked_before_it() {
    let token = "a".repeat(64);
    let put = format!(r#"{{"VersionId":"{token}","VersionStages":["AWSCURRENT"]}}"#);
    let throttled = r#"{"__type":"ThrottlingException","Message":"Rate exceeded"}"#;
    let fake = Fake::start([
        value("seen"),
        described("seen", ""),
        Reply::of(400, throttled),
        Reply::of(200, put),
        described(&token, ""),
    ]);
    let place = store(&reached(&fake, 1), &[("secret_id", text("x"))]);
    let seen = place.observe().await.unwrap();
    let put = place.write(&written("one"), &token, &seen.version).await;
    put.unwrap();
    assert_eq!(fake.requests().len(), 5);
}

#[tokio::test]
async fn a_secret_of_an_aws_service_is_neither_checked_nor_written() {
    let owned = || described("seen", r#","OwningService":"rds""#);
    let fake = Fake::start([owned(), owned(), owned()]);
    let place = store(&reached(&fake, 0), &[("secret_id", text("x"))]);
    let seen = Version::Of("seen".to_owned());
    let write = place.write(&written("one"), &"a".repeat(64), &seen).await;
    for refused in [
        place.check(None).await,
        place.obstacle().await,
        write.map(drop),
    ] {
        let error = refused.unwrap_err();
        assert_eq!(error.kind, Kind::Invalid);
        error_reads("secret-of-an-aws-service", &error);
    }
    assert_eq!(fake.requests().len(), 3, "nothing was written");
}

#[tokio::test]
async fn a_new_secret_and_its_copies_are_made_with_the_keys_that_encrypt_them() {
    let fake = Fake::start([Reply::of(200, "{}")]);
    let copy = fields(&[
        ("region", text("eu-west-1")),
        ("kms_key_id", text("alias/copy")),
    ]);
    let settings = [
        ("secret_id", text("x")),
        ("kms_key_id", text("alias/app")),
        ("replica", ValueAny::List(vec![ValueAny::Map(copy)])),
    ];
    let place = store(&reached(&fake, 0), &settings);
    let (document, token) = (written("one"), "a".repeat(64));
    let made = place.write(&document, &token, &Version::Absent);
    made.await.unwrap();
    let request = fake.requests().remove(0);
    for sent in [
        "CreateSecret",
        r#""KmsKeyId":"alias/app""#,
        r#""AddReplicaRegions":[{"Region":"eu-west-1","KmsKeyId":"alias/copy"}]"#,
    ] {
        assert!(request.contains(sent), "{request}");
    }
}

#[tokio::test]
async fn a_copy_that_aws_could_not_make_fails_the_write_that_wants_it() {
    let token = "a".repeat(64);
    let failed = r#","ReplicationStatus":[{"Region":"eu-west-1","Status":"Failed","StatusMessage":"Key is disabled."}]"#;
    let put = format!(r#"{{"VersionId":"{token}","VersionStages":["AWSCURRENT"]}}"#);
    let fake = Fake::start([
        value("seen"),
        described("seen", ""),
        Reply::of(200, put),
        described(&token, failed),
    ]);
    let copy = fields(&[("region", text("eu-west-1"))]);
    let settings = [
        ("secret_id", text("x")),
        ("replica", ValueAny::List(vec![ValueAny::Map(copy)])),
    ];
    let place = store(&reached(&fake, 0), &settings);
    let seen = place.observe().await.unwrap();
    let write = place.write(&written("one"), &token, &seen.version).await;
    error_reads("secret-whose-copy-failed", &write.unwrap_err());
}

#[tokio::test]
async fn a_call_beside_the_value_that_is_refused_is_named() {
    let token = "a".repeat(64);
    let denied = || Reply::of(400, r#"{"__type":"AccessDeniedException","Message":"no"}"#);
    let put = format!(r#"{{"VersionId":"{token}","VersionStages":["AWSCURRENT"]}}"#);
    let older = format!(r#"{{"VersionId":"{token}","VersionStages":[]}}"#);
    let ours = r#","Tags":[{"Key":"terraform-provider-apikey","Value":"created"}]"#;
    let copied = r#","ReplicationStatus":[{"Region":"eu-west-1","Status":"InSync"}]"#;
    let deleted = r#","DeletedDate":1"#;
    let seen = Version::Of("seen".to_owned());
    let copy = fields(&[("region", text("eu-west-1"))]);
    let settings = [
        ("secret_id", text("x")),
        ("replica", ValueAny::List(vec![ValueAny::Map(copy)])),
    ];
    for (name, expected, answers) in [
        (
            "secret-that-may-not-be-created",
            &Version::Absent,
            vec![denied()],
        ),
        (
            "secret-that-may-not-be-restored",
            &Version::Absent,
            vec![
                Reply::of(400, r#"{"__type":"InvalidRequestException"}"#),
                described("seen", &format!("{ours}{deleted}")),
                denied(),
            ],
        ),
        (
            "secret-that-may-not-be-copied",
            &seen,
            vec![
                described("seen", ""),
                value("seen"),
                Reply::of(200, put),
                described(&token, ""),
                denied(),
            ],
        ),
        (
            "secret-whose-older-version-may-not-come-back",
            &seen,
            vec![
                described("seen", ""),
                value("seen"),
                Reply::of(200, older),
                denied(),
            ],
        ),
    ] {
        let fake = Fake::start(answers);
        let place = store(&reached(&fake, 0), &settings);
        let write = place.write(&written("one"), &token, expected).await;
        error_reads(name, &write.unwrap_err());
    }
    for (name, more, last) in [
        (
            "secret-whose-copies-may-not-be-deleted",
            copied,
            vec![denied()],
        ),
        ("secret-that-may-not-be-deleted", "", vec![denied()]),
    ] {
        let description = described("seen", &format!("{ours}{more}"));
        let fake = Fake::start([vec![description, value("seen")], last].concat());
        let place = store(&reached(&fake, 0), &settings);
        error_reads(name, &place.remove(&seen).await.unwrap_err());
    }
}

#[tokio::test]
async fn a_key_that_belongs_to_nobody_or_is_not_listed_any_more_is_not_imported() {
    let whose = |user: &str| {
        Reply::of(
            200,
            format!(
                "<GetAccessKeyLastUsedResponse><GetAccessKeyLastUsedResult>{user}<AccessKeyLastUsed>\
                 <ServiceName>N/A</ServiceName></AccessKeyLastUsed></GetAccessKeyLastUsedResult>\
                 </GetAccessKeyLastUsedResponse>"
            ),
        )
    };
    let me = || {
        Reply::of(
            200,
            "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/me</Arn>\
             </GetCallerIdentityResult></GetCallerIdentityResponse>",
        )
    };
    for (name, answers) in [
        ("aws-key-of-no-user", vec![whose(""), me()]),
        (
            "aws-key-that-is-not-listed",
            vec![
                whose("<UserName>ci</UserName>"),
                listed(&["AKIAOTHER"], None),
                me(),
            ],
        ),
    ] {
        let fake = Fake::start(answers);
        let error = import(&reached(&fake, 0), ID).await.unwrap_err();
        assert_eq!(error.kind, Kind::NotFound);
        error_reads(name, &error);
    }
}

#[tokio::test]
async fn a_caller_that_is_no_user_is_refused() {
    for who in ["root", "assumed-role/ci/session", "federated-user/x"] {
        let arn = format!("arn:aws:sts::123456789012:{who}");
        let fake = Fake::start([Reply::of(
            200,
            format!(
                "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>{arn}</Arn>\
                 </GetCallerIdentityResult></GetCallerIdentityResponse>"
            ),
        )]);
        let keys = issuer(&reached(&fake, 0), &[("caller", ValueAny::Bool(true))]);
        let error = keys.mint("token").await.unwrap_err();
        assert_eq!(error.kind, Kind::Invalid);
        assert!(error.detail.contains(&arn), "{error}");
        error_reads(
            &format!("aws-caller-that-is-{}", who.split('/').next().unwrap()),
            &error,
        );
        assert_eq!(fake.requests().len(), 1);
    }
}

#[tokio::test]
async fn an_identity_without_an_account_is_not_guessed() {
    let answer = "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>nobody</Arn></GetCallerIdentityResult>\
                  </GetCallerIdentityResponse>";
    let fake = Fake::start([Reply::of(200, answer)]);
    let error = keys_of(&reached(&fake, 0), "ci").lock().await.unwrap_err();
    error_reads("aws-identity-without-an-account", &error);
}

fn impatient(fake: &Fake) -> Context {
    let patience = Patience {
        attempt: Duration::from_secs(1),
        silent: Duration::from_secs(3),
        again: Duration::from_secs(1),
        busy: Duration::from_secs(3),
    };
    reached(fake, 50).with_http(Http::with_patience(CancellationToken::new(), patience))
}

#[tokio::test]
async fn a_server_that_hangs_is_left_and_the_error_says_what_was_waited_for() {
    for reply in [
        Reply::Silence(Duration::from_secs(60)),
        Reply::Endless(b"<!-- -->".to_vec(), Duration::from_millis(100)),
    ] {
        let fake = Fake::start([reply]);
        let keys = keys_of(&impatient(&fake), "ci");
        let error = keys.check(&[]).await.unwrap_err();
        assert_eq!(error.kind, Kind::Unavailable);
        for words in [
            "There was no whole answer within",
            "ListAccessKeys was tried",
        ] {
            assert!(error.detail.contains(words), "{error}");
        }
        let before = fake.requests().len();
        assert!(keys.check(&[]).await.is_err());
        assert_eq!(
            fake.requests().len(),
            before + 1,
            "it was silent for long enough"
        );
    }
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_not_read_to_its_end() {
    let fake = Fake::start([Reply::Endless(vec![b' '; 1 << 20], Duration::ZERO)]);
    let error = keys_of(&reached(&fake, 5), "ci")
        .check(&[])
        .await
        .unwrap_err();
    assert!(error.detail.contains("too large"), "{error}");
    assert_eq!(calls(&fake, "ListAccessKeys"), 1);
}
