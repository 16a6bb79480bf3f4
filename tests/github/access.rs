use std::fs;
use std::path::Path;
use std::process::Command;

use apikey::clock::Clock;
use apikey::context::Context;
use apikey::error::Kind;
use tf_provider::value::ValueAny;
use tokio_util::sync::CancellationToken;

use super::{REPOSITORY, connect, document, payments, text, token};
use crate::support::github::{Github, INSTALLED};
use crate::support::write_over;

fn context(github: &Github, more: &[(&str, ValueAny)]) -> Context {
    let own = [("base_url", text(&github.url()))];
    let block = own
        .iter()
        .chain(more)
        .map(|(name, value)| ((*name).to_owned(), value.clone()));
    let blocks = [("github".to_owned(), block.collect())].into();
    Context::new(Clock::system(), CancellationToken::new(), blocks)
}

#[tokio::test]
async fn a_wrong_token_a_missing_right_and_a_name_that_is_not_seen_are_three_things() {
    let github = Github::start();
    let wrong = payments(&context(&github, &[("token", text("made-up-canary"))]));
    let error = wrong.observe().await.unwrap_err();
    assert_eq!(error.kind, Kind::Denied);
    assert!(
        error.detail.contains("does not accept the token"),
        "{error}"
    );
    assert!(!error.to_string().contains("made-up-canary"), "{error}");

    github.state().read_only.insert(REPOSITORY.to_owned());
    let store = payments(&github.context());
    store.check(None).await.unwrap();
    let error = write_over(store.as_ref(), &document("one", None, 1), &token(1))
        .await
        .unwrap_err();
    assert_eq!(error.kind, Kind::Denied);
    assert!(
        error
            .detail
            .contains("the repository permission Secrets (write)"),
        "{error}"
    );
    assert!(!error.to_string().contains("made-up-canary"), "{error}");

    // It may be there and be hidden, so it is never one without secrets.
    let hidden = connect(&github.context(), &[("repository", text("acme/hidden"))]);
    for error in [hidden.observe().await.map(drop), hidden.check(None).await] {
        let error = error.unwrap_err();
        assert_eq!(error.kind, Kind::Denied, "{error}");
        assert!(error.detail.contains("may not see"), "{error}");
    }
}

/// GitHub tells a limit with the status of a refusal.
#[tokio::test]
async fn a_limit_is_waited_for_and_is_no_refusal() {
    let github = Github::start();
    let message = r#"{"message":"You have exceeded a secondary rate limit."}"#;
    let limited = |header: &str| (403, vec![header.to_owned()], message.to_owned());
    github.state().first = vec![
        limited("Retry-After: 1"),
        limited("X-RateLimit-Remaining: 0"),
    ];
    payments(&github.context()).observe().await.unwrap();
    assert_eq!(github.state().asked.len(), 3);

    github.state().first = vec![limited("Retry-After: 3600")];
    let error = payments(&github.context()).observe().await.unwrap_err();
    assert_eq!(error.kind, Kind::Unavailable);
    assert!(error.detail.contains("rate limit exceeded"), "{error}");
    assert!(error.detail.contains("3600 seconds"), "{error}");
}

#[tokio::test]
async fn without_credentials_it_is_said_how_to_give_some() {
    let github = Github::start();
    let error = payments(&context(&github, &[("token", text(""))]))
        .observe()
        .await;
    // A variable of this machine may have given one.
    if std::env::var_os("GITHUB_TOKEN").is_none() {
        let error = error.unwrap_err();
        assert!(error.detail.contains("GITHUB_TOKEN"), "{error}");
        assert!(github.state().asked.is_empty());
    }
}

/// The key is made for the test: one in the checkout would look like a leaked one.
fn rsa_key(folder: &Path) -> Option<String> {
    let path = folder.join("app.pem");
    let made = Command::new("openssl")
        .args(["genrsa", "-traditional", "-out"])
        .arg(&path)
        .arg("2048")
        .output();
    if !made.is_ok_and(|made| made.status.success()) {
        eprintln!("Skipped: what needs the key of a GitHub app. openssl is missing.");
        return None;
    }
    Some(fs::read_to_string(path).unwrap())
}

fn app(pem: &str) -> ValueAny {
    let fields = [("id", "1"), ("installation_id", "2"), ("pem_file", pem)];
    ValueAny::Map(
        fields
            .map(|(name, value)| (name.to_owned(), text(value)))
            .into(),
    )
}

#[tokio::test]
async fn an_app_signs_who_it_is_and_asks_once_for_a_token() {
    let folder = tempfile::tempdir().unwrap();
    let Some(pem) = rsa_key(folder.path()) else {
        return;
    };
    let github = Github::start();
    // As a variable of a pipeline holds it.
    let context = context(&github, &[("app_auth", app(&pem.replace('\n', "\\n")))]);
    let store = payments(&context);
    write_over(store.as_ref(), &document("one", None, 1), &token(1))
        .await
        .unwrap();
    let statements = github.state().statements.clone();
    assert_eq!(statements.len(), 1, "one token served all calls");
    assert_ne!(statements[0], INSTALLED);
    assert!(is_signed(folder.path(), &statements[0]));
}

/// By another implementation than ours.
fn is_signed(folder: &Path, statement: &str) -> bool {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let (text, signature) = statement.rsplit_once('.').unwrap();
    let claims = text.split_once('.').unwrap().1;
    let claims: serde_json::Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    assert_eq!(claims["iss"], "1");
    fs::write(
        folder.join("signature"),
        URL_SAFE_NO_PAD.decode(signature).unwrap(),
    )
    .unwrap();
    fs::write(folder.join("text"), text).unwrap();
    let openssl = |arguments: &[&str]| {
        let run = Command::new("openssl")
            .args(arguments)
            .current_dir(folder)
            .output()
            .unwrap();
        run.status.success()
    };
    openssl(&["rsa", "-in", "app.pem", "-pubout", "-out", "public.pem"])
        && openssl(&[
            "dgst",
            "-sha256",
            "-verify",
            "public.pem",
            "-signature",
            "signature",
            "text",
        ])
}

#[tokio::test]
async fn a_key_of_an_app_that_is_none_is_not_shown() {
    let github = Github::start();
    let context = context(
        &github,
        &[("app_auth", app("/home/made-up-canary/app.pem"))],
    );
    let error = payments(&context).observe().await.unwrap_err();
    assert_eq!(error.kind, Kind::Invalid);
    assert!(error.detail.contains("not its path"), "{error}");
    assert!(!error.to_string().contains("made-up-canary"), "{error}");
    assert!(github.state().asked.is_empty());
}
