use apikey::error::Kind;
use apikey::issuers::{KeyRef, Probe};
use apikey::secret::Secret;
use serde_json::{Value, json};
use tf_provider::value::ValueAny;

use super::{admin, block, context, issuer, text, unique};
use crate::aws_life::door::Door;
use crate::support::fake::{Fake, Reply};
use crate::support::openbao::{OpenBao, ROOT};

fn a_role(settings: Value) -> String {
    let role = unique("role");
    OpenBao::shared().role(&role, settings);
    role
}

fn of(role: &str) -> Vec<(&'static str, ValueAny)> {
    vec![("role", text(role)), ("ttl", text("1h"))]
}

fn token() -> String {
    "a".repeat(64)
}

#[tokio::test]
async fn secret_ids_of_others_are_none_of_ours() {
    let bao = OpenBao::shared();
    let role = a_role(json!({}));
    bao.admin(
        "POST",
        &format!("auth/approle/role/{role}/secret-id"),
        json!({}),
    );
    let theirs = bao.accessors(&role)[0].clone();
    let account = issuer(&admin(), "vault_approle", &of(&role)).unwrap();
    let minted = account.mint(&token()).await.unwrap();
    let listed = account.list().await.unwrap().unwrap();
    let ids: Vec<_> = listed.iter().map(|key| Some(key.key_id.clone())).collect();
    assert_eq!(ids, [minted.key_id]);
    assert!(account.holder(&theirs).await.unwrap().is_some());
}

#[tokio::test]
async fn a_mint_whose_answer_was_lost_is_taken_back_and_a_secret_id_of_the_same_moment_is_not() {
    let bao = OpenBao::shared();
    let role = a_role(json!({}));
    let door = Door::before(&bao.url());
    let account = issuer(
        &context(block(&door.url(), ROOT)),
        "vault_approle",
        &of(&role),
    )
    .unwrap();
    account.check(&[]).await.unwrap();
    bao.admin(
        "POST",
        &format!("auth/approle/role/{role}/secret-id"),
        json!({}),
    );
    let theirs = bao.accessors(&role);
    door.lose("apikey-mint");
    let lost = account.mint(&token()).await.unwrap_err();
    assert_eq!(lost.kind, Kind::Unavailable, "{lost}");
    assert!(lost.detail.contains("revoked again"), "{lost}");
    assert_eq!(bao.accessors(&role), theirs);
}

#[tokio::test]
async fn a_role_whose_secret_ids_wear_out_is_refused_before_a_mint() {
    for (settings, says) in [
        (json!({ "secret_id_num_uses": 5 }), "secret_id_num_uses"),
        (
            json!({ "bind_secret_id": false, "token_bound_cidrs": "127.0.0.1/32" }),
            "bind_secret_id",
        ),
    ] {
        let role = a_role(settings);
        let account = issuer(&admin(), "vault_approle", &of(&role)).unwrap();
        let refused = account.check(&[]).await.unwrap_err();
        assert_eq!(refused.kind, Kind::Invalid);
        assert!(refused.to_string().contains(says), "{refused}");
    }
    let account = issuer(&admin(), "vault_approle", &of("nobody")).unwrap();
    assert_eq!(account.check(&[]).await.unwrap_err().kind, Kind::NotFound);
}

#[tokio::test]
async fn a_secret_id_that_would_last_longer_than_its_role_allows_is_not_made() {
    let role = a_role(json!({ "secret_id_ttl": "30m" }));
    for ttl in ["1h", "0s"] {
        let entries = [("role", text(&role)), ("ttl", text(ttl))];
        let account = issuer(&admin(), "vault_approle", &entries).unwrap();
        let refused = account.mint(&token()).await.unwrap_err();
        assert!(refused.summary.contains("ttl is too long"), "{refused}");
    }
    assert!(OpenBao::shared().accessors(&role).is_empty());
}

#[tokio::test]
async fn a_secret_id_for_other_machines_is_proved_without_a_login() {
    let role = a_role(json!({}));
    let mut entries = of(&role);
    entries.push(("cidr_list", ValueAny::List(vec![text("10.0.0.0/8")])));
    let account = issuer(&admin(), "vault_approle", &entries).unwrap();
    let minted = account.mint(&token()).await.unwrap();
    let probe = async || {
        account
            .probe(minted.key_id.as_deref(), &minted.secret)
            .await
            .unwrap()
    };
    assert_eq!(probe().await, Probe::Accepted);
    account
        .revoke(KeyRef::of_id(minted.key_id.as_deref().unwrap()), None)
        .await
        .unwrap();
    assert!(matches!(probe().await, Probe::Refused(_)));
}

#[tokio::test]
async fn a_probe_leaves_no_token_behind() {
    let bao = OpenBao::start();
    bao.role("app", json!({}));
    let account = issuer(
        &context(block(&bao.url(), ROOT)),
        "vault_approle",
        &of("app"),
    )
    .unwrap();
    let minted = account.mint(&token()).await.unwrap();
    let tokens = || {
        let listed = bao.admin("GET", "auth/token/accessors?list=true", Value::Null);
        listed["data"]["keys"].as_array().unwrap().len()
    };
    let before = tokens();
    account
        .probe(minted.key_id.as_deref(), &minted.secret)
        .await
        .unwrap();
    assert_eq!(tokens(), before);
}

#[tokio::test]
async fn a_token_outlives_the_one_that_made_it() {
    let bao = OpenBao::shared();
    let parent = bao.admin("POST", "auth/token/create", json!({ "policies": ["root"] }));
    let parent = parent["auth"]["client_token"].as_str().unwrap();
    let entries = [
        ("policies", ValueAny::List(vec![text("default")])),
        ("ttl", text("1h")),
    ];
    let account = issuer(&context(block(&bao.url(), parent)), "vault_token", &entries).unwrap();
    let minted = account.mint(&token()).await.unwrap();
    bao.admin("POST", "auth/token/revoke", json!({ "token": parent }));
    assert!(!bao.knows(parent));
    assert!(bao.knows(minted.secret.expose()));
}

#[tokio::test]
async fn a_token_that_would_not_last_is_taken_back() {
    let bao = OpenBao::shared();
    let role = unique("children");
    let settings = json!({ "allowed_policies": "default", "orphan": false });
    bao.admin("POST", &format!("auth/token/roles/{role}"), settings);
    for (entries, says) in [
        (
            vec![("role", text(&role)), ("ttl", text("1h"))],
            "makes no orphans",
        ),
        (
            vec![
                ("policies", ValueAny::List(vec![text("default")])),
                ("ttl", text("200d")),
            ],
            "max_lease_ttl",
        ),
    ] {
        let account = issuer(&admin(), "vault_token", &entries).unwrap();
        let refused = account.mint(&token()).await.unwrap_err();
        assert_eq!(refused.kind, Kind::Invalid, "{refused}");
        assert!(refused.detail.contains(says), "{refused}");
        assert!(
            refused.detail.ends_with("It was revoked again."),
            "{refused}"
        );
    }
}

#[tokio::test]
async fn a_token_that_nobody_could_end_or_that_wears_out_is_refused() {
    let bao = OpenBao::shared();
    for (settings, says, becomes) in [
        (
            json!({ "allowed_policies": "default", "orphan": true, "token_type": "batch", "renewable": false }),
            "batch tokens",
            "It ends by itself within 1h.",
        ),
        (
            json!({ "allowed_policies": "default", "orphan": true, "token_num_uses": 30 }),
            "used 30 times",
            "It was revoked again.",
        ),
    ] {
        let role = unique("odd");
        bao.admin("POST", &format!("auth/token/roles/{role}"), settings);
        let entries = [("role", text(&role)), ("ttl", text("1h"))];
        let account = issuer(&admin(), "vault_token", &entries).unwrap();
        let refused = account.mint(&token()).await.unwrap_err();
        assert!(refused.detail.contains(says), "{refused}");
        assert!(refused.detail.ends_with(becomes), "{refused}");
    }
}

#[tokio::test]
async fn a_secret_id_that_has_ended_and_is_listed_still_stops_nobody() {
    let bao = OpenBao::shared();
    let role = a_role(json!({}));
    let path = format!("auth/approle/role/{role}/secret-id");
    bao.admin("POST", &path, json!({ "ttl": "1s" }));
    let account = issuer(&admin(), "vault_approle", &of(&role)).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(2500));
    let listed = account.list().await.unwrap().unwrap();
    assert!(listed.is_empty(), "{:?}", bao.accessors(&role));
}

#[tokio::test]
async fn a_token_that_may_not_even_look_at_itself_is_one() {
    let bao = OpenBao::shared();
    let role = unique("bare");
    let settings =
        json!({ "allowed_policies": "bare", "orphan": true, "token_no_default_policy": true });
    bao.admin(
        "POST",
        "sys/policies/acl/bare",
        json!({ "policy": "path \"nothing\" { capabilities = [\"read\"] }" }),
    );
    bao.admin("POST", &format!("auth/token/roles/{role}"), settings);
    let entries = [
        ("role", text(&role)),
        ("policies", ValueAny::List(vec![text("bare")])),
        ("ttl", text("1h")),
    ];
    let account = issuer(&admin(), "vault_token", &entries).unwrap();
    let minted = account.mint(&token()).await.unwrap();
    let id = minted.key_id.as_deref();
    assert!(!bao.knows(minted.secret.expose()));
    assert_eq!(
        account.probe(id, &minted.secret).await.unwrap(),
        Probe::Accepted
    );
    account
        .revoke(KeyRef::of_id(id.unwrap()), None)
        .await
        .unwrap();
    assert!(matches!(
        account.probe(id, &minted.secret).await.unwrap(),
        Probe::Refused(_)
    ));
}

#[tokio::test]
async fn a_proxy_that_says_403_proves_no_token() {
    let proxy = Fake::start([Reply::of(403, "<html>Forbidden</html>")]);
    let entries = [
        ("policies", ValueAny::List(vec![text("default")])),
        ("ttl", text("1h")),
    ];
    let account = issuer(&context(block(&proxy.url(), ROOT)), "vault_token", &entries).unwrap();
    let token = Secret::new("made-up".into());
    let probe = account.probe(Some("one"), &token).await;
    assert_eq!(probe.unwrap_err().kind, Kind::Denied);
}

#[tokio::test]
async fn settings_that_cannot_be_meant_are_blamed_on_their_attribute() {
    let policies = || ("policies", ValueAny::List(vec![text("default")]));
    for (kind, entries, path) in [
        (
            "vault_approle",
            vec![("ttl", text("1h"))],
            "vault_approle.role",
        ),
        (
            "vault_approle",
            vec![("role", text("x"))],
            "vault_approle.ttl",
        ),
        (
            "vault_approle",
            vec![("role", text("a/../b")), ("ttl", text("1h"))],
            "vault_approle.role",
        ),
        (
            "vault_token",
            vec![("ttl", text("1h"))],
            "vault_token.policies",
        ),
        ("vault_token", vec![policies()], "vault_token.ttl"),
        (
            "vault_token",
            vec![policies(), ("ttl", text("0s"))],
            "vault_token.ttl",
        ),
        (
            "vault_token",
            vec![policies(), ("ttl", text("1h")), ("period", text("1h"))],
            "vault_token.period",
        ),
    ] {
        let error = issuer(&admin(), kind, &entries).err().unwrap();
        assert_eq!(error.path.to_string(), path, "{error}");
    }
}
