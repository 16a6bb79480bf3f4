use std::fs;
use std::path::Path;

use apikey::error::{Error, Kind, Result};
use apikey::stores::Store;
use serde_json::{Value, json};

use super::{connect, document, text, token};
use crate::support::kubernetes::{Cluster, DEPLOYER};
use crate::support::{remove_now, write_over};

/// The role that people copy from the docs, in a namespace of its own.
fn role(namespace: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/kubernetes/role.yaml");
    let text = fs::read_to_string(path)
        .unwrap()
        .replace("payments", namespace);
    serde_saphyr::from_str(&text).unwrap()
}

fn grant(cluster: &Cluster, namespace: &str, role: &Value) {
    let path = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}");
    let (status, answer) = cluster.ask("POST", &format!("{path}/roles"), "application/json", role);
    assert_eq!(status, 201, "{answer}");
    let binding = json!({
        "metadata": { "name": "deliver" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": role["metadata"]["name"] },
        "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "deployer" }],
    });
    let (status, answer) = cluster.ask(
        "POST",
        &format!("{path}/rolebindings"),
        "application/json",
        &binding,
    );
    assert_eq!(status, 201, "{answer}");
}

fn place(cluster: &Cluster, namespace: &str) -> Box<dyn Store> {
    let settings = [("namespace", text(namespace)), ("name", text("api-key"))];
    connect(&cluster.context(DEPLOYER), &settings).unwrap()
}

/// From the first look to the last.
async fn live(store: &dyn Store) -> Result<()> {
    store.check(None).await?;
    write_over(store, &document("one", None, 1), &token()).await?;
    store.check(None).await?;
    write_over(store, &document("two", Some("one"), 2), &token()).await?;
    remove_now(store).await
}

/// What is refused, once the role does not take effect before the binding is known to the server.
async fn settled(cluster: &Cluster, namespace: &str) -> Result<()> {
    let mut last = Ok(());
    for _ in 0..50 {
        last = place(cluster, namespace).observe().await.map(drop);
        if last.is_ok() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    last
}

#[tokio::test]
async fn the_role_of_the_guide_is_enough() {
    let Some(cluster) = Cluster::real() else {
        return;
    };
    let namespace = cluster.namespace("role");
    grant(&cluster, &namespace, &role(&namespace));
    settled(&cluster, &namespace).await.unwrap();
    live(place(&cluster, &namespace).as_ref()).await.unwrap();
    assert!(cluster.secret(&namespace, "api-key").is_null());

    // Of no other Secret anything is seen.
    let settings = [("namespace", text(&namespace)), ("name", text("other"))];
    let other = connect(&cluster.context(DEPLOYER), &settings).unwrap();
    assert_eq!(other.observe().await.unwrap_err().kind, Kind::Denied);
}

#[tokio::test]
async fn every_verb_of_the_role_is_needed_and_the_one_that_is_missing_is_named() {
    let Some(cluster) = Cluster::real() else {
        return;
    };
    for verb in ["patch", "create", "delete"] {
        let namespace = cluster.namespace("without");
        let mut role = role(&namespace);
        for rule in role["rules"].as_array_mut().unwrap() {
            rule["verbs"]
                .as_array_mut()
                .unwrap()
                .retain(|it| it != verb);
        }
        role["rules"]
            .as_array_mut()
            .unwrap()
            .retain(|rule| rule["verbs"] != json!([]));
        grant(&cluster, &namespace, &role);
        settled(&cluster, &namespace).await.unwrap();
        let refused: Error = live(place(&cluster, &namespace).as_ref())
            .await
            .unwrap_err();
        assert_eq!(refused.kind, Kind::Denied, "{verb}: {refused}");
        assert!(
            refused
                .detail
                .contains(&format!("the verb \"{verb}\" on secrets")),
            "{verb}: {refused}"
        );
        let there = cluster.secret(&namespace, "api-key");
        assert_eq!(there.is_null(), verb == "create", "{verb}: {there}");
    }
}

#[tokio::test]
async fn a_cluster_whose_namespaces_may_not_be_read_is_told_by_its_url() {
    let Some(cluster) = Cluster::real() else {
        return;
    };
    let identity = place(&cluster, "default").identity().await.unwrap();
    assert!(identity.contains(&cluster.url()), "{identity}");
}
