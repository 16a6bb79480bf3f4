use std::collections::BTreeSet;

use apikey::context::Context;
use apikey::duration::Duration;
use apikey::error::Kind;
use apikey::issuers::{Issuer, KeyRef, KeyStatus, Probe, Revoked};
use apikey::secret::Secret;
use serde_json::Value;
use tf_provider::value::ValueAny;

use super::{deploying, issuer, text};
use crate::support::google::{Google, PAYMENTS};

fn payments(context: &Context) -> Box<dyn Issuer> {
    let settings = [("service_account_id", text(PAYMENTS))];
    issuer(context, "google_service_account_key", &settings)
}

/// The same, whose key pairs are made here.
fn uploading(context: &Context) -> Box<dyn Issuer> {
    let settings = [
        ("service_account_id", text(PAYMENTS)),
        ("upload", ValueAny::Bool(true)),
    ];
    issuer(context, "google_service_account_key", &settings)
}

fn token() -> String {
    "a".repeat(64)
}

#[tokio::test]
async fn a_key_is_a_credentials_file_in_one_line_that_google_accepts_until_it_is_revoked() {
    let google = Google::start();
    let context = deploying(&google);
    for keys in [payments(&context), uploading(&context)] {
        let minted = keys.mint(&token()).await.unwrap();
        let id = minted.key_id.unwrap();
        let file: Value = serde_json::from_str(minted.secret.expose()).unwrap();
        assert!(!minted.secret.expose().contains('\n'));
        assert_eq!(file["type"], "service_account");
        assert_eq!(file["private_key_id"], id.as_str());
        assert_eq!(file["client_email"], PAYMENTS);
        assert_eq!(file["project_id"], "payments-prod");
        let probe = async || keys.probe(Some(&id), &minted.secret).await.unwrap();
        assert_eq!(probe().await, Probe::Accepted);
        let listed = keys.list().await.unwrap();
        assert_eq!(listed.len(), 1, "those of Google itself are left out");
        assert_eq!(listed[0].key_id, id);
        assert_eq!(listed[0].status, KeyStatus::Active);
        assert_eq!(minted.created_at, listed[0].created_at);

        let revoked = keys.revoke(KeyRef::of_id(&id), None).await.unwrap();
        assert_eq!(revoked, Revoked::Ended);
        assert_eq!(
            probe().await,
            Probe::Refused("Google answered invalid_grant".into())
        );
        let again = keys.revoke(KeyRef::of_id(&id), None).await.unwrap();
        assert_eq!(again, Revoked::NotFound);
    }
}

#[tokio::test]
async fn a_key_is_disabled_before_it_is_deleted_and_deleted_where_it_may_not_be_disabled() {
    let google = Google::start();
    let context = deploying(&google);
    let keys = payments(&context);
    for denied in [false, true] {
        let id = keys.mint(&token()).await.unwrap().key_id.unwrap();
        if denied {
            google
                .state()
                .denied
                .insert("iam.serviceAccountKeys.disable");
        }
        google.state().requests.clear();
        let revoked = keys.revoke(KeyRef::of_id(&id), None).await.unwrap();
        assert_eq!(revoked, Revoked::Ended);
        let name = format!("/iam/v1/projects/-/serviceAccounts/{PAYMENTS}/keys/{id}");
        let expected = [format!("POST {name}:disable"), format!("DELETE {name}")];
        assert_eq!(google.state().requests, expected);
    }
    assert!(google.key_ids().is_empty());
}

#[tokio::test]
async fn the_private_part_of_an_uploaded_key_is_never_sent_and_a_lost_answer_loses_no_key() {
    let google = Google::start();
    let context = deploying(&google);
    let keys = uploading(&context);
    google.state().lost = Some("keys:upload");
    let minted = keys.mint(&token()).await.unwrap();
    let id = minted.key_id.unwrap();
    assert_eq!(google.key_ids(), BTreeSet::from([id.clone()]));
    let probe = keys.probe(Some(&id), &minted.secret).await.unwrap();
    assert_eq!(probe, Probe::Accepted);
    let requests = google.state().requests.clone();
    let uploads = requests.iter().filter(|it| it.ends_with("keys:upload"));
    assert_eq!(uploads.count(), 1);
}

#[tokio::test]
async fn a_lost_answer_to_a_creation_is_uncertain_and_not_tried_again() {
    let google = Google::start();
    let context = deploying(&google);
    let keys = payments(&context);
    // The token is at hand, so that the next answer is that of the creation.
    keys.list().await.unwrap();
    google.state().lost = Some("/keys");
    let error = keys.mint(&token()).await.unwrap_err();
    assert_eq!(error.kind, Kind::Uncertain, "{error}");
    assert_eq!(google.key_ids().len(), 1);
}

#[tokio::test]
async fn a_full_account_and_a_policy_against_keys_are_both_named() {
    let google = Google::start();
    let context = deploying(&google);
    let keys = payments(&context);
    google.state().forbids_keys = true;
    let error = keys.mint(&token()).await.unwrap_err();
    assert!(error.detail.contains("FAILED_PRECONDITION"), "{error}");
    assert!(
        error
            .detail
            .contains("iam.disableServiceAccountKeyCreation"),
        "{error}"
    );
    let uploaded = uploading(&context).mint(&token()).await;
    let error = uploaded.unwrap_err();
    assert!(
        error.detail.contains("iam.disableServiceAccountKeyUpload"),
        "{error}"
    );
    google.state().forbids_keys = false;

    google.state().fill_account();
    let error = keys.mint(&token()).await.unwrap_err();
    assert_eq!(error.kind, Kind::Limit, "{error}");
    assert!(error.detail.contains("10 keys"), "{error}");
}

#[tokio::test]
async fn the_credentials_file_of_another_key_proves_nothing() {
    let google = Google::start();
    let context = deploying(&google);
    let keys = payments(&context);
    let minted = keys.mint(&token()).await.unwrap();
    let probe = keys.probe(Some("0a1b"), &minted.secret).await.unwrap();
    assert!(matches!(probe, Probe::Refused(_)), "{probe:?}");
    let no_file = Secret::new("made-up-canary".to_owned());
    let error = keys.probe(Some("0a1b"), &no_file).await.unwrap_err();
    assert_eq!(error.kind, Kind::Invalid);
    assert!(!format!("{error:?}").contains("made-up-canary"));
}

#[tokio::test]
async fn an_account_that_is_gone_is_told_from_one_that_may_not_be_looked_at() {
    let google = Google::start();
    let context = deploying(&google);
    let keys = payments(&context);
    google.state().denied.insert("iam.serviceAccountKeys.list");
    let error = keys.list().await.unwrap_err();
    assert_eq!(error.kind, Kind::Denied);
    assert!(
        error.detail.contains("iam.serviceAccountKeys.list"),
        "{error}"
    );
    assert!(
        error
            .detail
            .contains("gcloud services enable iam.googleapis.com"),
        "{error}"
    );
    google.state().accounts.remove(PAYMENTS);
    google.state().denied.clear();
    assert_eq!(keys.list().await.unwrap_err().kind, Kind::NotFound);
}

#[tokio::test]
async fn a_key_that_google_ends_by_itself_is_taken_back_unless_it_lasts_as_long_as_was_said() {
    let google = Google::start();
    let context = deploying(&google);
    google.state().key_life = Some(Duration::from_secs(8 * 3600));
    for (ttl, is_right) in [(None, false), (Some("9h"), false), (Some("8h"), true)] {
        let mut settings = vec![("service_account_id", text(PAYMENTS))];
        settings.extend(ttl.map(|ttl| ("ttl", text(ttl))));
        let keys = issuer(&context, "google_service_account_key", &settings);
        let minted = keys.mint(&token()).await;
        assert_eq!(google.key_ids().len(), usize::from(is_right), "{ttl:?}");
        let Err(error) = minted else {
            assert!(is_right, "{ttl:?}");
            continue;
        };
        assert_eq!(error.kind, Kind::Invalid, "{error}");
        for part in ["iam.serviceAccountKeyExpiryHours", "8h", "deleted again"] {
            assert!(error.detail.contains(part), "{error}");
        }
    }
}
