use std::fs;

use apikey::error::{Error, Kind};
use serde_json::{Value, json};
use tf_provider::value::ValueAny;

use super::{Fields, block, block_with, context, issuer, text};
use crate::support::google::{DEPLOY, Google, PAYMENTS, REFRESH_TOKEN, SUBJECT_TOKEN};

/// Lists the keys of the service account, as the owner of a token or with whatever the block says.
async fn call(block: Fields) -> Result<(), Error> {
    let context = context(block);
    let settings = [("service_account_id", text(PAYMENTS))];
    let keys = issuer(&context, "google_service_account_key", &settings);
    keys.list().await.map(drop)
}

/// Who made the last call.
fn caller(google: &Google) -> String {
    let state = google.state();
    let last = state
        .tokens
        .iter()
        .max_by_key(|(token, _)| token.rsplit('-').next().unwrap().parse::<u64>().unwrap());
    last.map(|(_, owner)| owner.clone()).unwrap_or_default()
}

fn tokens(google: &Google) -> usize {
    let state = google.state();
    let asked = state.requests.iter().filter(|it| *it == "POST /token");
    asked.count()
}

#[tokio::test]
async fn a_service_account_signs_in_once_for_all_calls() {
    let google = Google::start();
    let context = super::deploying(&google);
    let settings = [("service_account_id", text(PAYMENTS))];
    let keys = issuer(&context, "google_service_account_key", &settings);
    for _ in 0..3 {
        keys.list().await.unwrap();
    }
    assert_eq!(caller(&google), DEPLOY);
    assert_eq!(tokens(&google), 1);
}

#[tokio::test]
async fn credentials_may_stand_in_a_file() {
    let google = Google::start();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key.json");
    fs::write(&path, google.credentials()).unwrap();
    call(block_with(&google, &path.display().to_string()))
        .await
        .unwrap();
    assert_eq!(caller(&google), DEPLOY);
    let absent = call(block_with(&google, "/nowhere/key.json")).await;
    let error = absent.unwrap_err();
    assert_eq!(error.kind, Kind::Invalid);
    assert!(
        error.detail.contains("credentials of the provider block"),
        "{error}"
    );
}

#[tokio::test]
async fn a_key_that_is_disabled_is_refused_with_the_name_of_its_owner() {
    let google = Google::start();
    for key in google
        .state()
        .accounts
        .get_mut(DEPLOY)
        .unwrap()
        .keys
        .values_mut()
    {
        key.disabled = true;
    }
    let error = call(block_with(&google, &google.credentials()))
        .await
        .unwrap_err();
    assert_eq!(error.kind, Kind::Denied, "{error}");
    for part in ["invalid_grant", DEPLOY, "credentials of the provider block"] {
        assert!(error.to_string().contains(part), "{error}");
    }
    assert!(!error.to_string().contains("PRIVATE"), "{error}");
}

#[tokio::test]
async fn whoever_signed_in_with_gcloud_calls_on_the_quota_of_his_project() {
    let google = Google::start();
    let file = |token: &str| {
        json!({
            "type": "authorized_user",
            "client_id": "made-up",
            "client_secret": "made-up-client-secret",
            "refresh_token": token,
            "quota_project_id": "made-up-quota",
            "token_uri": format!("{}/token", google.url()),
        })
        .to_string()
    };
    call(block_with(&google, &file(REFRESH_TOKEN)))
        .await
        .unwrap();
    assert_eq!(caller(&google), "a person");
    assert_eq!(
        google.state().quota_project.as_deref(),
        Some("made-up-quota")
    );

    let revoked = call(block_with(&google, &file("made-up-canary"))).await;
    let error = revoked.unwrap_err();
    assert_eq!(error.kind, Kind::Denied);
    assert!(
        error
            .detail
            .contains("gcloud auth application-default login"),
        "{error}"
    );
    assert!(
        !format!("{error:?}").contains("made-up-canary"),
        "{error:?}"
    );
}

#[tokio::test]
async fn calls_count_on_the_project_that_is_billed_if_asked_for() {
    let google = Google::start();
    let mut block = block_with(&google, &google.credentials());
    block.insert("user_project_override".to_owned(), ValueAny::Bool(true));
    call(block.clone()).await.unwrap();
    assert_eq!(
        google.state().quota_project.as_deref(),
        Some("payments-prod")
    );
    block.insert("billing_project".to_owned(), text("made-up-billed"));
    call(block).await.unwrap();
    assert_eq!(
        google.state().quota_project.as_deref(),
        Some("made-up-billed")
    );
}

fn federated(google: &Google, source: Value) -> Value {
    json!({
        "type": "external_account",
        "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/ci/providers/ci",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": format!("{}/sts/v1/token", google.url()),
        "credential_source": source,
    })
}

#[tokio::test]
async fn a_workload_shows_the_token_of_its_own_provider_from_a_file_or_a_url() {
    let google = Google::start();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    fs::write(&path, format!("{SUBJECT_TOKEN}\n")).unwrap();
    let url = format!("{}/subject", google.url());
    let format = json!({ "type": "json", "subject_token_field_name": "value" });
    for source in [
        json!({ "file": path }),
        json!({ "url": url, "headers": { "Authorization": "made-up" }, "format": format }),
    ] {
        let file = federated(&google, source).to_string();
        call(block_with(&google, &file)).await.unwrap();
        assert_eq!(caller(&google), "a workload");
    }

    fs::write(&path, "made-up-canary").unwrap();
    let file = federated(&google, json!({ "file": path })).to_string();
    let error = call(block_with(&google, &file)).await.unwrap_err();
    assert_eq!(error.kind, Kind::Denied, "{error}");
    assert!(error.detail.contains("workload identity"), "{error}");
    assert!(
        !format!("{error:?}").contains("made-up-canary"),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_workload_acts_as_a_service_account_where_its_configuration_says_so() {
    let google = Google::start();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    fs::write(&path, SUBJECT_TOKEN).unwrap();
    let mut file = federated(&google, json!({ "file": path }));
    let url = format!(
        "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/{DEPLOY}:generateAccessToken"
    );
    file["service_account_impersonation_url"] = url.into();
    call(block_with(&google, &file.to_string())).await.unwrap();
    assert_eq!(caller(&google), DEPLOY);
}

#[tokio::test]
async fn a_source_that_is_not_understood_is_named() {
    let google = Google::start();
    let file = federated(
        &google,
        json!({ "executable": { "command": "made-up-canary" } }),
    );
    let error = call(block_with(&google, &file.to_string()))
        .await
        .unwrap_err();
    assert_eq!(error.kind, Kind::Invalid);
    assert!(error.detail.contains("executable"), "{error}");
    assert!(!error.detail.contains("made-up-canary"), "{error}");
}

#[tokio::test]
async fn the_provider_acts_as_another_service_account_if_it_may() {
    let google = Google::start();
    let mut block = block_with(&google, &google.credentials());
    let other = "rotation@payments-prod.iam.gserviceaccount.com";
    block.insert("impersonate_service_account".to_owned(), text(other));
    call(block.clone()).await.unwrap();
    assert_eq!(caller(&google), other);

    google
        .state()
        .denied
        .insert("iam.serviceAccounts.getAccessToken");
    let error = call(block).await.unwrap_err();
    assert_eq!(error.kind, Kind::Denied);
    for part in [other, DEPLOY, "iam.serviceAccounts.getAccessToken"] {
        assert!(error.to_string().contains(part), "{part}: {error}");
    }
}

#[tokio::test]
async fn an_access_token_is_used_as_it_is_and_said_to_have_run_out() {
    let google = Google::start();
    let token = google.state().token_of("a pipeline");
    call(block(&google.url(), &token)).await.unwrap();
    assert_eq!(tokens(&google), 0);
    let error = call(block(&google.url(), "made-up-canary"))
        .await
        .unwrap_err();
    assert_eq!(error.kind, Kind::Denied);
    assert!(
        error.detail.contains("access_token of the provider block"),
        "{error}"
    );
    assert!(
        !format!("{error:?}").contains("made-up-canary"),
        "{error:?}"
    );
}
