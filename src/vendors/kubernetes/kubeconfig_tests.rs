use std::fs;

use super::*;
use crate::vendors::kubernetes::settings::Config;

const CONFIG: &str = r#"
apiVersion: v1
kind: Config
current-context: prod
preferences: {}
contexts:
- name: prod
  context: { cluster: one, user: ci, namespace: x }
- name: empty
  context: {}
clusters:
- name: one
  cluster:
    server: https://one.example.com:6443
    certificate-authority: ca.pem
    tls-server-name: kubernetes
- name: open
  cluster: { server: "https://x", insecure-skip-tls-verify: true }
users:
- name: ci
  user: { token: made-up-token }
- name: plugin
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1
      command: bin/get-token
      args: [--cluster, one]
      env: [{ name: REGION, value: eu }]
      interactiveMode: Never
- name: older
  user: { exec: { apiVersion: client.authentication.k8s.io/v1alpha1, command: x } }
- name: dropped
  user: { auth-provider: { name: gcp } }
- name: half
  user: { client-certificate-data: bWFkZS11cA== }
- name: file
  user: { token: made-up-token, tokenFile: token, as: "" }
- name: blank
  user: { token: "", tokenFile: "", username: "" }
- name: pair
  user: { client-certificate-data: bWFkZS11cA==, client-key-data: bWFkZS11cA== }
"#;

fn found(text: &str, config: Config) -> Result<Access> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    fs::write(&path, text).unwrap();
    fs::write(folder.path().join("ca.pem"), "made-up-authority").unwrap();
    access(&[path], &config)
}

fn with(edit: impl FnOnce(&mut Config)) -> Config {
    let mut config = Config::default();
    edit(&mut config);
    config
}

fn user(name: &str) -> Config {
    with(|config| config.user = Some(name.to_owned()))
}

#[test]
fn the_current_context_leads_to_a_cluster_and_a_user() {
    let access = found(CONFIG, Config::default()).ok().unwrap();
    assert_eq!(access.server, "https://one.example.com:6443");
    assert_eq!(access.authorities.as_deref(), Some("made-up-authority"));
    assert_eq!(access.server_name.as_deref(), Some("kubernetes"));
    assert!(
        matches!(access.credentials, Credentials::Token(token) if token.expose() == "made-up-token")
    );
    assert_eq!(access.who, "user \"ci\" of the kubeconfig");
}

#[test]
fn a_plugin_starts_beside_the_file_that_names_it() {
    let access = found(CONFIG, user("plugin")).ok().unwrap();
    let Credentials::Exec(exec) = access.credentials else {
        panic!();
    };
    assert_eq!(exec.args, ["--cluster", "one"]);
    assert_eq!(exec.env["REGION"], "eu");
    assert!(exec.folder.is_some() && !exec.provide_cluster_info);
}

#[test]
fn a_token_that_is_renewed_in_a_file_goes_before_one_that_stands_still_and_what_is_blank_is_none() {
    let access = found(CONFIG, user("file")).ok().unwrap();
    assert!(matches!(access.credentials, Credentials::TokenFile(path) if path.ends_with("token")));
    let access = found(CONFIG, user("blank")).ok().unwrap();
    assert!(matches!(access.credentials, Credentials::Nothing));
}

#[test]
fn credentials_of_the_settings_take_the_place_of_all_that_the_kubeconfig_has() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    fs::write(&path, CONFIG).unwrap();
    fs::write(folder.path().join("ca.pem"), "made-up-authority").unwrap();
    let mut config = user("pair");
    config.files = vec![path];
    config.token = Some(Secret::new("made-up-other".to_owned()));
    let access = Access::find(&config).ok().unwrap();
    assert!(access.certificate.is_none());
    assert!(
        matches!(access.credentials, Credentials::Token(token) if token.expose() == "made-up-other")
    );
}

#[test]
fn what_is_written_in_base64_is_read() {
    let access = found(CONFIG, user("pair")).ok().unwrap();
    let (certificate, key) = access.certificate.unwrap();
    assert_eq!((certificate.as_str(), key.expose()), ("made-up", "made-up"));
}

#[test]
fn what_cannot_be_followed_is_told_and_nothing_of_the_file_is_shown() {
    let cluster = |name: &str| with(|config| config.cluster = Some(name.to_owned()));
    let context = |name: &str| with(|config| config.context = Some(name.to_owned()));
    for (text, config, expected) in [
        (CONFIG, cluster("open"), "is not to be checked"),
        (CONFIG, cluster("two"), "has no cluster \"two\""),
        (CONFIG, context("two"), "has no context \"two\""),
        (CONFIG, context("empty"), "names no cluster"),
        (CONFIG, user("nobody"), "has no user \"nobody\""),
        (CONFIG, user("dropped"), "auth-provider"),
        (CONFIG, user("half"), "half of a client certificate"),
        (CONFIG, user("older"), "v1alpha1"),
        (
            "clusters: [\ntoken: made-up-token",
            Config::default(),
            "is not understood",
        ),
        (
            "users: made-up-token",
            Config::default(),
            "is not understood",
        ),
        ("", Config::default(), "names no cluster"),
    ] {
        let error = found(text, config).err().unwrap();
        assert!(error.summary.contains(expected), "{error}");
        assert!(!error.to_string().contains("made-up-token"), "{error}");
    }
}

#[test]
fn of_several_files_the_first_that_has_a_name_counts() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let cluster = |server: &str| {
        format!("clusters: [{{ name: one, cluster: {{ server: \"https://{server}\" }} }}]\n")
    };
    fs::write(path("a"), cluster("a")).unwrap();
    let rest = "contexts: [{ name: x, context: { cluster: one } }]\ncurrent-context: x\n";
    fs::write(path("b"), format!("{}{rest}", cluster("b"))).unwrap();
    let files = [path("missing"), path("a"), path("b")];
    let access = access(&files, &Config::default()).ok().unwrap();
    assert_eq!(access.server, "https://a");
}
