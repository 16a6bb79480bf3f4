use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use apikey::clock::Clock;
use apikey::context::Context;
use apikey::error::{Kind, Result};
use tf_provider::value::ValueAny;
use tokio_util::sync::CancellationToken;

use super::{connect, text};
use crate::support::child;
use crate::support::kubernetes::{ADMIN, Cluster};

fn context(block: &[(&str, ValueAny)]) -> Context {
    let block = block
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()));
    let blocks = [("kubernetes".to_owned(), block.collect())].into();
    Context::new(Clock::system(), CancellationToken::new(), blocks)
}

/// Asks the cluster for something that nobody has.
async fn look(context: &Context) -> Result<()> {
    let settings = [
        ("namespace", text("default")),
        ("name", text("nobody-has-it")),
    ];
    connect(context, &settings)?.observe().await.map(drop)
}

fn script(folder: &Path, name: &str, body: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
    fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    path.display().to_string()
}

fn exec(command: &str) -> ValueAny {
    let version = text("client.authentication.k8s.io/v1");
    ValueAny::Map(
        [
            ("api_version".to_owned(), version),
            ("command".to_owned(), text(command)),
        ]
        .into(),
    )
}

fn credential(token: &str) -> String {
    format!(
        r#"{{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{{"token":"{token}"}}}}"#
    )
}

#[tokio::test]
async fn a_kubeconfig_leads_to_the_cluster_and_its_token_file_is_read_for_each_call() {
    for cluster in Cluster::all() {
        let folder = tempfile::tempdir().unwrap();
        let authority = match cluster.authority() {
            None => String::new(),
            Some(pem) => {
                fs::write(folder.path().join("ca.pem"), pem).unwrap();
                ", certificate-authority: ca.pem".to_owned()
            }
        };
        let kubeconfig = format!(
            "current-context: x\ncontexts: [{{ name: x, context: {{ cluster: x, user: x }} }}]\n\
             clusters: [{{ name: x, cluster: {{ server: \"{}\"{authority} }} }}]\n\
             users: [{{ name: x, user: {{ tokenFile: token }} }}]\n",
            cluster.url()
        );
        let path = folder.path().join("config");
        fs::write(&path, kubeconfig).unwrap();
        let token = folder.path().join("token");
        fs::write(&token, "made-up-old").unwrap();
        let context = context(&[("config_path", text(path.to_str().unwrap()))]);
        let refused = look(&context).await.unwrap_err();
        assert_eq!(refused.kind, Kind::Denied, "{}", cluster.name());
        assert!(
            refused.detail.contains("user \"x\" of the kubeconfig"),
            "{refused}"
        );
        fs::write(&token, format!("{ADMIN}\n")).unwrap();
        look(&context).await.unwrap();
    }
}

#[tokio::test]
async fn a_plugin_is_asked_once_and_again_when_its_token_is_refused() {
    let cluster = Cluster::fake();
    let folder = tempfile::tempdir().unwrap();
    let count = folder.path().join("count").display().to_string();
    let body = format!(
        "echo x >>{count}\ntest -n \"$KUBERNETES_EXEC_INFO\" || exit 1\n\
         case $(wc -l <{count}) in *1) echo '{}' ;; *) echo '{}' ;; esac",
        credential("made-up-ended"),
        credential(ADMIN)
    );
    let command = script(folder.path(), "plugin", &body);
    let context = context(&[("host", text(&cluster.url())), ("exec", exec(&command))]);
    look(&context).await.unwrap();
    look(&context).await.unwrap();
    assert_eq!(fs::read_to_string(&count).unwrap().lines().count(), 2);
}

#[tokio::test]
async fn a_plugin_that_fails_is_told_and_what_it_printed_is_not() {
    let folder = tempfile::tempdir().unwrap();
    for (name, body, expected) in [
        (
            "ends",
            "echo made-up-canary; echo made-up-canary >&2; exit 3",
            "exit status 3",
        ),
        (
            "other",
            "echo '{\"token\":\"made-up-canary\"}'",
            "something else than an ExecCredential",
        ),
        (
            "empty",
            "echo '{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"status\":{}}'",
            "neither a token nor",
        ),
    ] {
        let command = script(folder.path(), name, body);
        let context = context(&[
            ("host", text("http://127.0.0.1:1")),
            ("exec", exec(&command)),
        ]);
        let error = look(&context).await.unwrap_err();
        assert!(error.detail.contains(expected), "{error}");
        assert!(!error.to_string().contains("made-up-canary"), "{error}");
    }
}

#[tokio::test]
async fn a_client_certificate_and_another_name_lead_to_a_real_cluster() {
    let Some(Cluster::Real(real)) = Cluster::real() else {
        return;
    };
    let (certificate, key) = &real.certificate;
    let port = real.url().rsplit_once(':').unwrap().1.to_owned();
    let block = |host: &str, name: &str| {
        [
            ("host", text(&format!("https://{host}:{port}"))),
            ("tls_server_name", text(name)),
            ("cluster_ca_certificate", text(&real.authority)),
            ("client_certificate", text(certificate)),
            ("client_key", text(key)),
        ]
    };
    look(&context(&block("127.0.0.1", "kubernetes.test")))
        .await
        .unwrap();
    // The certificate has no such name.
    for (host, name) in [("localhost", ""), ("127.0.0.1", "kubernetes.example")] {
        let error = look(&context(&block(host, name))).await.unwrap_err();
        assert_eq!(error.kind, Kind::Unavailable, "{error}");
    }
    let mut untrusted = block("127.0.0.1", "kubernetes.test").to_vec();
    untrusted.retain(|(name, _)| *name != "cluster_ca_certificate");
    let error = look(&context(&untrusted)).await.unwrap_err();
    assert!(
        error
            .detail
            .contains("cluster_ca_certificate of the kubernetes block"),
        "{error}"
    );
}

#[test]
fn what_the_environment_says_is_used_and_what_is_empty_is_not_set() {
    if !child::inside(
        module_path!(),
        "what_the_environment_says_is_used_and_what_is_empty_is_not_set",
        &[
            ("KUBE_HOST", "http://127.0.0.1:1"),
            ("KUBE_TOKEN", ""),
            ("KUBE_CONFIG_PATH", ""),
        ],
    ) {
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let context = context(&[]);
    let settings = [("namespace", text("default")), ("name", text("x"))];
    let place = connect(&context, &settings).unwrap();
    // Nobody listens there, and nobody is asked for long.
    let error = runtime.block_on(async {
        tokio::time::timeout(std::time::Duration::from_millis(1500), place.observe()).await
    });
    assert!(
        error.is_err()
            || error
                .unwrap()
                .unwrap_err()
                .summary
                .contains("could not be read")
    );
}

#[test]
fn without_a_word_about_a_cluster_it_is_said_how_to_name_one() {
    if !child::inside(
        module_path!(),
        "without_a_word_about_a_cluster_it_is_said_how_to_name_one",
        &[("KUBE_HOST", "")],
    ) {
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let error = runtime.block_on(look(&context(&[]))).unwrap_err();
    assert!(
        error.summary.contains("No Kubernetes cluster is named"),
        "{error}"
    );
    assert!(error.detail.contains("KUBE_CONFIG_PATH"), "{error}");
}
