use apikey::context::Context;
use apikey::error::Kind;
use apikey::issuers::{Issuer, KeyRef, Revoked};
use serde_json::json;
use tf_provider::value::ValueAny;

use super::{deploying, issuer, text, try_issuer};
use crate::support::google::{Google, PROJECT};

fn keys(context: &Context) -> Box<dyn Issuer> {
    let targets = vec![text("maps-backend.googleapis.com")];
    let settings = [
        ("project", text(PROJECT)),
        ("display_name", text("Payments")),
        ("api_targets", ValueAny::List(targets)),
    ];
    issuer(context, "google_api_key", &settings)
}

fn token() -> String {
    "0123456789abcdef".repeat(4)
}

const ID: &str = "apikey-0123456789abcdef01234567";

#[tokio::test]
async fn a_key_has_the_id_that_was_chosen_and_its_restrictions_and_is_waited_for() {
    let google = Google::start();
    google.state().looks = 1;
    let context = deploying(&google);
    let keys = keys(&context);
    let minted = keys.mint(&token()).await.unwrap();
    assert_eq!(minted.key_id.as_deref(), Some(ID));
    {
        let state = google.state();
        let key = &state.api_keys[ID];
        assert_eq!(minted.secret.expose(), key.text);
        let restrictions = json!({ "apiTargets": [{ "service": "maps-backend.googleapis.com" }] });
        assert_eq!(
            key.document,
            json!({
                "displayName": "Payments",
                "restrictions": restrictions,
                "annotations": { "terraform-provider-apikey": token() },
            })
        );
    }
    let listed = keys.list().await.unwrap().remove(0);
    assert_eq!(listed.key_id, ID);
    assert_eq!(listed.came_of(&token()), Some(true));
    let revoke = async || keys.revoke(KeyRef::of_id(ID), None).await.unwrap();
    assert_eq!(revoke().await, Revoked::Ended);
    assert!(keys.list().await.unwrap().is_empty());
    assert_eq!(revoke().await, Revoked::NotFound, "it is kept for 30 days");
}

#[tokio::test]
async fn a_lost_answer_loses_no_key_for_it_is_found_by_its_id() {
    let google = Google::start();
    let context = deploying(&google);
    let keys = keys(&context);
    keys.list().await.unwrap();
    google.state().lost = Some("POST /apikeys");
    let minted = keys.mint(&token()).await.unwrap();
    assert_eq!(minted.key_id.as_deref(), Some(ID));
    assert_eq!(google.state().api_keys.len(), 1);
    assert_eq!(minted.secret.expose(), google.state().api_keys[ID].text);
}

#[tokio::test]
async fn a_key_whose_text_may_not_be_read_is_taken_back() {
    let google = Google::start();
    let context = deploying(&google);
    let keys = keys(&context);
    google.state().denied.insert("apikeys.keys.getKeyString");
    let error = keys.mint(&token()).await.unwrap_err();
    assert_eq!(error.kind, Kind::Denied, "{error}");
    assert!(
        error.detail.contains("apikeys.keys.getKeyString"),
        "{error}"
    );
    assert!(google.state().api_keys[ID].deleted);

    google.state().api_keys.clear();
    google.state().denied.insert("apikeys.keys.delete");
    let error = keys.mint(&token()).await.unwrap_err();
    assert_eq!(error.kind, Kind::Uncertain, "{error}");
}

#[tokio::test]
async fn a_project_is_named_by_its_id() {
    let google = Google::start();
    let context = deploying(&google);
    let settings = [("project", text("123456789012"))];
    let error = try_issuer(&context, "google_api_key", &settings)
        .err()
        .unwrap();
    assert_eq!(error.path.to_string(), "issuer.google_api_key.project");
}
