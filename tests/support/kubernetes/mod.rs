//! A cluster of a test's own: a real API server with etcd where it was built (`scripts/get-kubernetes.sh`), and a small fake of
//! what the provider asks of one everywhere.

mod fake;
mod real;

use std::collections::BTreeMap;

use apikey::clock::Clock;
use apikey::context::Context;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};
use tf_provider::value::ValueAny;
use tokio_util::sync::CancellationToken;

pub use fake::Fake;
pub use real::Real;

/// Who may do everything.
pub const ADMIN: &str = "made-up-token-of-the-admin";

/// Who may do what the real cluster's roles give.
pub const DEPLOYER: &str = "made-up-token-of-the-deployer";

pub enum Cluster {
    Fake(Fake),
    Real(&'static Real),
}

impl Cluster {
    pub fn fake() -> Self {
        Self::Fake(Fake::start())
    }

    pub fn as_fake(&self) -> &Fake {
        match self {
            Self::Fake(fake) => fake,
            Self::Real(_) => panic!("it is a real one"),
        }
    }

    /// `None`, and why, where none was built.
    pub fn real() -> Option<Self> {
        Real::shared().map(Self::Real)
    }

    /// The fake, and the real one where it was built.
    pub fn all() -> Vec<Self> {
        std::iter::once(Self::fake()).chain(Self::real()).collect()
    }

    pub fn name(&self) -> &'static str {
        match self {
            Self::Fake(_) => "the fake",
            Self::Real(_) => "Kubernetes",
        }
    }

    pub fn url(&self) -> String {
        match self {
            Self::Fake(fake) => fake.url(),
            Self::Real(real) => real.url(),
        }
    }

    /// Whom to trust, in PEM.
    pub fn authority(&self) -> Option<&str> {
        match self {
            Self::Fake(_) => None,
            Self::Real(real) => Some(&real.authority),
        }
    }

    /// The provider block for whoever has this token.
    pub fn block(&self, token: &str) -> BTreeMap<String, ValueAny> {
        let text = |text: &str| ValueAny::String(text.into());
        let mut block = BTreeMap::from([
            ("host".to_owned(), text(&self.url())),
            ("token".to_owned(), text(token)),
        ]);
        if let Some(pem) = self.authority() {
            block.insert("cluster_ca_certificate".to_owned(), text(pem));
        }
        block
    }

    /// The same in the environment.
    pub fn environment(&self, token: &str) -> Vec<(&'static str, String)> {
        let authority = self
            .authority()
            .map(|pem| ("KUBE_CLUSTER_CA_CERT_DATA", pem.to_owned()));
        [("KUBE_HOST", self.url()), ("KUBE_TOKEN", token.to_owned())]
            .into_iter()
            .chain(authority)
            .collect()
    }

    pub fn context(&self, token: &str) -> Context {
        let blocks = BTreeMap::from([("kubernetes".to_owned(), self.block(token))]);
        Context::new(Clock::system(), CancellationToken::new(), blocks)
    }

    /// A namespace that nobody else has.
    pub fn namespace(&self, name: &str) -> String {
        let name = format!("{name}-{}", unique());
        self.create_namespace(&name);
        name
    }

    pub fn create_namespace(&self, name: &str) {
        let body = json!({ "metadata": { "name": name } });
        let (status, answer) = self.ask("POST", "/api/v1/namespaces", "application/json", &body);
        assert_eq!(status, 201, "{answer}");
    }

    /// What is stored as a Secret; null if there is none.
    pub fn secret(&self, namespace: &str, name: &str) -> Value {
        let path = format!("/api/v1/namespaces/{namespace}/secrets/{name}");
        let (status, object) = self.ask("GET", &path, "", &Value::Null);
        if status == 200 { object } else { Value::Null }
    }

    /// The decoded values of a Secret.
    pub fn data(&self, namespace: &str, name: &str) -> BTreeMap<String, String> {
        let object = self.secret(namespace, name);
        let data = object["data"].as_object().into_iter().flatten();
        let decoded = |value: &Value| STANDARD.decode(value.as_str().unwrap()).unwrap();
        data.map(|(key, value)| (key.clone(), String::from_utf8(decoded(value)).unwrap()))
            .collect()
    }

    /// Another person with other tools.
    pub fn create(&self, namespace: &str, manager: &str, object: Value) {
        let path = format!("/api/v1/namespaces/{namespace}/secrets?fieldManager={manager}");
        let (status, answer) = self.ask("POST", &path, "application/json", &object);
        assert_eq!(status, 201, "{answer}");
    }

    pub fn edit(&self, namespace: &str, name: &str, manager: &str, patch: Value) {
        let path = format!("/api/v1/namespaces/{namespace}/secrets/{name}?fieldManager={manager}");
        let (status, answer) = self.ask("PATCH", &path, "application/merge-patch+json", &patch);
        assert_eq!(status, 200, "{answer}");
    }

    /// Asks as the administrator.
    pub fn ask(&self, method: &str, path: &str, content_type: &str, body: &Value) -> (u16, Value) {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let url = format!("{}{path}", self.url());
        let (content_type, body) = (content_type.to_owned(), body.clone());
        let authority = self.authority().map(str::to_owned);
        // Apart, for the caller may be in a runtime already.
        let asking = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async move {
                let _ = rustls::crypto::ring::default_provider().install_default();
                let mut client = reqwest::Client::builder().no_proxy();
                if let Some(pem) = authority {
                    client = client
                        .tls_certs_only([reqwest::Certificate::from_pem(pem.as_bytes()).unwrap()]);
                }
                let mut request = client
                    .build()
                    .unwrap()
                    .request(method, url)
                    .bearer_auth(ADMIN);
                if !body.is_null() {
                    request = request
                        .header("Content-Type", content_type)
                        .body(body.to_string());
                }
                let answer = request.send().await.unwrap();
                (
                    answer.status().as_u16(),
                    answer.json().await.unwrap_or_default(),
                )
            })
        });
        asking.join().unwrap()
    }
}

/// In base64.
pub fn encoded(text: &str) -> String {
    STANDARD.encode(text)
}

/// Another number each time, in every process.
fn unique() -> String {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    format!(
        "{}-{}",
        std::process::id(),
        COUNT.fetch_add(1, Ordering::Relaxed)
    )
}
