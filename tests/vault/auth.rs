use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;

use apikey::error::Kind;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tf_provider::value::ValueAny;
use tokio_rustls::rustls::SignatureScheme;
use tokio_rustls::rustls::crypto::ring::sign::any_eddsa_type;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;

use super::{block, context, fields, store, text, unique};
use crate::support::child;
use crate::support::fake::{Fake, Reply};
use crate::support::moto::Moto;
use crate::support::openbao::OpenBao;

fn policy(path: &str) -> String {
    format!("path \"secret/data/{path}\" {{ capabilities = [\"create\", \"read\", \"update\"] }}")
}

/// A provider block that logs in.
fn logging_in(url: &str, method: &str, settings: &[(&str, &str)]) -> super::Fields {
    let settings = settings.iter();
    let settings = settings.map(|(name, value)| ((*name).to_owned(), text(value)));
    let method = (method.to_owned(), ValueAny::Map(settings.collect()));
    fields(&[
        ("address", text(url)),
        ("auth", ValueAny::Map(BTreeMap::from([method]))),
    ])
}

/// Whether the block gets in far enough to see that nothing stands at a path.
async fn looks(block: super::Fields, path: &str) -> apikey::error::Result<()> {
    let place = [("mount", text("secret")), ("path", text(path))];
    let store = store(&context(block), &place)?;
    store.check(None).await
}

#[tokio::test]
async fn an_approle_logs_in_again_when_its_session_is_gone() {
    let (bao, name) = (OpenBao::shared(), unique("logs-in"));
    bao.admin(
        "POST",
        &format!("sys/policies/acl/{name}"),
        json!({ "policy": policy(&name) }),
    );
    bao.role(
        &name,
        json!({ "token_policies": [name], "token_ttl": "20m" }),
    );
    let made = bao.admin(
        "POST",
        &format!("auth/approle/role/{name}/secret-id"),
        json!({}),
    );
    let secret_id = made["data"]["secret_id"].as_str().unwrap();
    let role_id = bao.role_id(&name);
    let settings = [("role_id", role_id.as_str()), ("secret_id", secret_id)];
    let context = context(logging_in(&bao.url(), "approle", &settings));
    let store = store(
        &context,
        &[("mount", text("secret")), ("path", text(&name))],
    )
    .unwrap();
    store.check(None).await.unwrap();
    // Every session of the role ends.
    bao.admin(
        "POST",
        "sys/leases/revoke-prefix/auth/approle/login",
        json!({}),
    );
    store.check(None).await.unwrap();

    let wrong = logging_in(
        &bao.url(),
        "approle",
        &[("role_id", &role_id), ("secret_id", "made-up")],
    );
    let refused = looks(wrong, &name).await.unwrap_err();
    assert_eq!(refused.kind, Kind::Denied);
    assert!(
        refused.to_string().contains("invalid role or secret ID"),
        "{refused}"
    );
    assert!(!refused.to_string().contains("made-up"), "{refused}");
}

/// A token that is signed with a key of its own, and the key for whoever checks it.
fn signed(algorithm: &str, claims: &Value) -> (String, String) {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!(
        "{}.{}",
        part(&json!({ "alg": algorithm, "typ": "JWT" })),
        part(claims)
    );
    let signer = any_eddsa_type(&PrivatePkcs8KeyDer::from(key.serialize_der())).unwrap();
    let signer = signer.choose_scheme(&[SignatureScheme::ED25519]).unwrap();
    let signature = signer.sign(text.as_bytes()).unwrap();
    (
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature)),
        key.public_key_pem(),
    )
}

#[tokio::test]
async fn a_token_of_a_pipeline_logs_in() {
    let bao = OpenBao::start();
    bao.enable("jwt");
    let now = apikey::clock::Clock::system().now().unix();
    let claims = json!({ "iss": "https://ci.example.com", "sub": "main", "aud": "vault", "iat": now, "exp": now + 600 });
    let (token, key) = signed("EdDSA", &claims);
    let config = json!({ "jwt_validation_pubkeys": [key], "jwt_supported_algs": ["EdDSA"] });
    bao.admin("POST", "auth/jwt/config", config);
    bao.admin(
        "POST",
        "sys/policies/acl/ci",
        json!({ "policy": policy("ci") }),
    );
    let role = json!({
        "role_type": "jwt", "user_claim": "sub", "bound_audiences": ["vault"], "bound_subject": "main", "token_policies": ["ci"]
    });
    bao.admin("POST", "auth/jwt/role/ci", role);

    let block = logging_in(&bao.url(), "jwt", &[("role", "ci"), ("token", &token)]);
    looks(block, "ci").await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, format!("{token}\n")).unwrap();
    let file = file.display().to_string();
    looks(
        logging_in(&bao.url(), "jwt", &[("role", "ci"), ("token_file", &file)]),
        "ci",
    )
    .await
    .unwrap();

    let (forged, _) = signed("EdDSA", &claims);
    let refused = looks(
        logging_in(&bao.url(), "jwt", &[("role", "ci"), ("token", &forged)]),
        "ci",
    )
    .await
    .unwrap_err();
    assert_eq!(refused.summary, "The login to Vault failed");
    assert!(!refused.to_string().contains(&forged), "{refused}");
}

#[tokio::test]
async fn a_service_account_logs_in() {
    let bao = OpenBao::start();
    bao.enable("kubernetes");
    let user =
        json!({ "username": "system:serviceaccount:ci:terraform", "uid": "made-up", "groups": [] });
    let review = json!({
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "status": { "authenticated": true, "user": user }
    });
    let kubernetes = Fake::start([Reply::Answer(
        201,
        vec!["Content-Type: application/json".into()],
        review.to_string(),
    )]);
    let claims = json!({
        "iss": "kubernetes/serviceaccount", "sub": "system:serviceaccount:ci:terraform",
        "kubernetes.io/serviceaccount/namespace": "ci", "kubernetes.io/serviceaccount/service-account.name": "terraform",
        "kubernetes.io/serviceaccount/service-account.uid": "made-up",
    });
    // Kubernetes alone judges the signature; OpenBao wants an algorithm that Kubernetes uses.
    let (token, _) = signed("RS256", &claims);
    let authority = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let config = json!({
        "kubernetes_ca_cert": authority.cert.pem(), "kubernetes_host": kubernetes.url(), "token_reviewer_jwt": token, "disable_local_ca_jwt": true,
        "disable_iss_validation": true
    });
    bao.admin("POST", "auth/kubernetes/config", config);
    bao.admin(
        "POST",
        "sys/policies/acl/ci",
        json!({ "policy": policy("ci") }),
    );
    let role = json!({
        "bound_service_account_names": ["terraform"], "bound_service_account_namespaces": ["ci"], "token_policies": ["ci"]
    });
    bao.admin("POST", "auth/kubernetes/role/ci", role);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, token).unwrap();
    let file = file.display().to_string();
    looks(
        logging_in(
            &bao.url(),
            "kubernetes",
            &[("role", "ci"), ("token_file", &file)],
        ),
        "ci",
    )
    .await
    .unwrap();
    assert!(kubernetes.requests()[0].contains("tokenreviews"));
}

/// OpenBao has no such method, so that the server is a stand-in; AWS, of which it asks whose request it is, is not.
#[tokio::test]
async fn a_request_that_is_signed_for_aws_logs_in() {
    let moto = Moto::start_guarded(3);
    let iam = |query: &str| raw(&moto.url(), &[], &format!("{query}&Version=2010-05-08"));
    assert!(iam("Action=CreateUser&UserName=ci").starts_with("HTTP/1.1 200"));
    let key = iam("Action=CreateAccessKey&UserName=ci");
    let policy = "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C%22Action%22%3A%22*%22%2C%22Resource%22%3A%22*%22%7D%5D%7D";
    iam(&format!(
        "Action=PutUserPolicy&UserName=ci&PolicyName=all&PolicyDocument={policy}"
    ));
    let part = |name: &str| {
        let (_, rest) = key.split_once(&format!("<{name}>")).unwrap();
        rest.split('<').next().unwrap().to_owned()
    };
    let session = json!({ "auth": { "client_token": "made-up-session", "lease_duration": 600 } });
    let vault = Fake::start([
        Reply::of(200, session.to_string()),
        Reply::of(404, r#"{"errors":[]}"#),
    ]);
    let mut block = logging_in(
        &vault.url(),
        "aws",
        &[
            ("role", "ci"),
            ("region", "eu-central-1"),
            ("server_id", "vault.example.com"),
        ],
    );
    block.insert("namespace".into(), text("team"));
    let aws = crate::aws::block(&moto.url(), &part("AccessKeyId"), &part("SecretAccessKey"));
    let vendors = BTreeMap::from([("vault".to_owned(), block), ("aws".to_owned(), aws)]);
    let context = apikey::context::Context::new(
        apikey::clock::Clock::system(),
        tokio_util::sync::CancellationToken::new(),
        vendors,
    );
    let store = store(&context, &[("mount", text("secret")), ("path", text("ci"))]).unwrap();
    store.observe().await.unwrap();

    let requests = vault.requests();
    assert!(
        requests[0].starts_with("POST /v1/auth/aws/login "),
        "{}",
        requests[0]
    );
    assert!(
        requests[0].contains("x-vault-namespace: team"),
        "{}",
        requests[0]
    );
    assert!(
        requests[1].contains("x-vault-token: made-up-session"),
        "{}",
        requests[1]
    );
    let (_, body) = requests[0].split_once("\r\n\r\n").unwrap();
    let login: Value = serde_json::from_str(body).unwrap();
    let decoded = |name: &str| {
        let bytes = STANDARD.decode(login[name].as_str().unwrap()).unwrap();
        String::from_utf8(bytes).unwrap()
    };
    assert_eq!(login["role"], "ci");
    assert_eq!(
        decoded("iam_request_body"),
        "Action=GetCallerIdentity&Version=2011-06-15"
    );
    let headers: BTreeMap<String, String> =
        serde_json::from_str(&decoded("iam_request_headers")).unwrap();
    assert!(
        headers["authorization"].contains("x-vault-aws-iam-server-id"),
        "{headers:?}"
    );
    let headers: Vec<String> = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    // AWS itself believes the signature, and no other.
    let answer = raw(
        &decoded("iam_request_url"),
        &headers,
        &decoded("iam_request_body"),
    );
    assert!(answer.contains(":user/ci"), "{answer}");
    let forged: Vec<String> = headers
        .iter()
        .map(|line| line.replace("vault.example.com", "other"))
        .collect();
    let answer = raw(
        &decoded("iam_request_url"),
        &forged,
        &decoded("iam_request_body"),
    );
    assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
}

/// A form that is posted as it stands.
fn raw(url: &str, headers: &[String], body: &str) -> String {
    let host = url.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = TcpStream::connect(host).unwrap();
    let mut head: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    if headers.is_empty() {
        head = "Content-Type: application/x-www-form-urlencoded\r\nAuthorization: AWS4-HMAC-SHA256 \
                Credential=x/20260101/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=x\r\n"
            .to_owned();
    }
    write!(
        stream,
        "POST / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{head}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[tokio::test]
async fn the_environment_is_read_as_the_command_lines_do_and_what_is_empty_is_not_set() {
    let server = Fake::start([Reply::of(404, r#"{"errors":[]}"#)]);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(".vault-token"), "made-up-of-the-file\n").unwrap();
    let home = folder.path().display().to_string();
    let url = server.url();
    let variables = [
        ("HOME", home.as_str()),
        ("BAO_ADDR", ""),
        ("VAULT_ADDR", &url),
        ("BAO_NAMESPACE", "own"),
        ("VAULT_NAMESPACE", "other"),
        ("BAO_TOKEN", " "),
        ("VAULT_TOKEN", ""),
    ];
    let test = "the_environment_is_read_as_the_command_lines_do_and_what_is_empty_is_not_set";
    if !child::inside(module_path!(), test, &variables) {
        let requests = server.requests();
        assert!(
            requests[0].contains("x-vault-namespace: own"),
            "{}",
            requests[0]
        );
        assert!(
            requests[0].contains("x-vault-token: made-up-of-the-file"),
            "{}",
            requests[0]
        );
        return;
    }
    let store = store(
        &context(super::Fields::new()),
        &[("mount", text("secret")), ("path", text("x"))],
    )
    .unwrap();
    store.observe().await.unwrap();
}

#[tokio::test]
async fn a_server_that_cannot_serve_says_so() {
    for (reply, says) in [
        (
            Reply::of(503, r#"{"errors":["Vault is sealed"]}"#),
            "unsealed",
        ),
        (
            Reply::Answer(
                307,
                vec!["Location: https://other.example.com/".into()],
                String::new(),
            ),
            "standby",
        ),
        (
            Reply::of(404, "<html>no such page</html>"),
            "no answer of Vault",
        ),
    ] {
        let server = Fake::start([reply]);
        let patience = apikey::http::Patience {
            busy: std::time::Duration::from_secs(1),
            ..Default::default()
        };
        let http =
            apikey::http::Http::with_patience(tokio_util::sync::CancellationToken::new(), patience);
        let context = context(block(&server.url(), "made-up")).with_http(http);
        let store = store(&context, &[("mount", text("secret")), ("path", text("x"))]).unwrap();
        let refused = store.observe().await.unwrap_err();
        assert_ne!(refused.kind, Kind::NotFound);
        assert!(refused.detail.contains(says), "{refused}");
    }
}
