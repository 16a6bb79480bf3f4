//! A server that stands in for Google Cloud: tokens, IAM, Secret Manager and API Keys in memory, after the discovery documents,
//! with the limits and the errors of the real ones. It gives tokens only for what a known key has signed, and takes calls only
//! with a token that it gave.

mod api_keys;
mod iam;
mod secrets;
mod tokens;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

use apikey::clock::Clock;
use apikey::duration::Duration;
use reqwest::Url;
use serde_json::{Value, json};

pub use api_keys::ApiKey;
pub use iam::{Account, Key};
pub use secrets::Secret;

use crate::support::fake::read;

/// The project of everything here.
pub const PROJECT: &str = "payments-prod";

/// The service account whose keys are minted.
pub const PAYMENTS: &str = "payments@payments-prod.iam.gserviceaccount.com";

/// The service account that the provider runs as.
pub const DEPLOY: &str = "deploy@payments-prod.iam.gserviceaccount.com";

/// What a gcloud user has.
pub const REFRESH_TOKEN: &str = "made-up-refresh-token";

/// What another identity provider gave a workload.
pub const SUBJECT_TOKEN: &str = "made-up-subject-token";

type Event = Box<dyn FnOnce(&mut State) + Send>;

#[derive(Default)]
pub struct State {
    pub accounts: BTreeMap<String, Account>,
    /// Secrets by their whole name.
    pub secrets: BTreeMap<String, Secret>,
    pub api_keys: BTreeMap<String, ApiKey>,
    /// Who has which token.
    pub tokens: BTreeMap<String, String>,
    /// Permissions that nobody has.
    pub denied: BTreeSet<&'static str>,
    /// Whether the organisation forbids keys.
    pub forbids_keys: bool,
    /// How long a key lives that Google makes, where the organisation has it end them.
    pub key_life: Option<Duration>,
    /// How many looks an operation of API Keys takes.
    pub looks: usize,
    /// The next request that contains this is carried out and gets no answer.
    pub lost: Option<&'static str>,
    /// Happens before the next request that contains this.
    pub meanwhile: Option<(&'static str, Event)>,
    /// `POST /secretmanager/v1/…`, in order.
    pub requests: Vec<String>,
    /// The header for the quota of the last call.
    pub quota_project: Option<String>,
    operations: BTreeMap<String, usize>,
    count: u64,
    url: String,
}

#[derive(Clone)]
pub struct Google {
    port: u16,
    state: Arc<Mutex<State>>,
}

/// A request, taken apart.
pub struct Request {
    method: String,
    path: String,
    query: BTreeMap<String, String>,
    body: String,
    bearer: Option<String>,
    head: String,
}

/// A status and a document.
pub struct Answer(u16, Value);

impl Google {
    pub fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let google = Self {
            port,
            state: Arc::new(Mutex::new(State {
                url: format!("http://127.0.0.1:{port}"),
                ..State::default()
            })),
        };
        for email in [DEPLOY, PAYMENTS] {
            let account = Account::default();
            google.state().accounts.insert(email.to_owned(), account);
        }
        google.state().add_deploy_key();
        let state = Arc::clone(&google.state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&state);
                thread::spawn(move || serve(stream, &state));
            }
        });
        google
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// The endpoints, as settings of the provider block.
    pub fn endpoints(&self) -> BTreeMap<&'static str, String> {
        endpoints(&self.url())
    }

    /// The document that stands in a secret.
    pub fn document(&self, secret_id: &str) -> Value {
        let state = self.state();
        let secret = state.secrets.get(&secret_name(secret_id));
        let newest = secret.and_then(|secret| secret.versions.last());
        newest.map_or(Value::Null, |version| {
            serde_json::from_slice(&version.data).unwrap_or_default()
        })
    }

    /// The states of the versions of a secret, from the first on.
    pub fn version_states(&self, secret_id: &str) -> Vec<&'static str> {
        let state = self.state();
        let versions = &state.secrets[&secret_name(secret_id)].versions;
        versions.iter().map(|version| version.state).collect()
    }

    /// Ids of the keys of the service account, in order.
    pub fn key_ids(&self) -> BTreeSet<String> {
        self.state().accounts[PAYMENTS]
            .keys
            .keys()
            .cloned()
            .collect()
    }
}

/// The endpoints at a server.
pub fn endpoints(url: &str) -> BTreeMap<&'static str, String> {
    BTreeMap::from([
        (
            "secret_manager_custom_endpoint",
            format!("{url}/secretmanager/v1/"),
        ),
        ("iam_custom_endpoint", format!("{url}/iam/v1/")),
        (
            "iam_credentials_custom_endpoint",
            format!("{url}/iamcredentials/v1/"),
        ),
        ("apikeys_custom_endpoint", format!("{url}/apikeys/v2/")),
    ])
}

pub fn secret_name(secret_id: &str) -> String {
    format!("projects/{PROJECT}/secrets/{secret_id}")
}

/// An error as the services of Google write it.
pub fn error_text(status: u16, code: &str, message: &str) -> String {
    json!({ "error": { "code": status, "message": message, "status": code } }).to_string()
}

fn no(status: u16, code: &str, message: &str) -> Answer {
    let text = error_text(status, code, message);
    Answer(status, serde_json::from_str(&text).unwrap())
}

fn missing(what: &str) -> Answer {
    no(404, "NOT_FOUND", &format!("{what} not found."))
}

impl State {
    fn next(&mut self) -> u64 {
        self.count += 1;
        self.count
    }

    /// Refuses who may not.
    fn permits(&self, permission: &str) -> Option<Answer> {
        self.denied.contains(permission).then(|| {
            let message =
                format!("Permission '{permission}' denied on resource (or it may not exist).");
            no(403, "PERMISSION_DENIED", &message)
        })
    }
}

fn now() -> String {
    Clock::system().now().to_string()
}

fn serve(mut stream: TcpStream, state: &Mutex<State>) {
    let Some(request) = Request::parse(&read(&mut stream)) else {
        return;
    };
    let mut state = state.lock().unwrap();
    let line = format!("{} {}", request.method, request.path);
    state.requests.push(line.clone());
    if state
        .meanwhile
        .as_ref()
        .is_some_and(|(part, _)| line.contains(part))
    {
        let (_, event) = state.meanwhile.take().unwrap();
        event(&mut state);
    }
    let Answer(status, body) = answer(&mut state, &request);
    if state.lost.is_some_and(|part| line.contains(part)) {
        state.lost = None;
        return;
    }
    drop(state);
    let body = body.to_string();
    let _ = write!(
        stream,
        "HTTP/1.1 {status} x\r\nContent-Type: application/json\r\nMetadata-Flavor: Google\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    );
}

fn answer(state: &mut State, request: &Request) -> Answer {
    if let Some(answer) = tokens::answer(state, request) {
        return answer;
    }
    let owner = request.bearer.as_ref().and_then(|it| state.tokens.get(it));
    if owner.is_none() {
        return no(
            401,
            "UNAUTHENTICATED",
            "Request had invalid authentication credentials. Expected OAuth 2 access token.",
        );
    }
    state.quota_project = request.header("x-goog-user-project");
    let path = request.path.as_str();
    if let Some(path) = path.strip_prefix("/secretmanager/v1/") {
        secrets::answer(state, request, path)
    } else if let Some(path) = path.strip_prefix("/iam/v1/") {
        iam::answer(state, request, path)
    } else if let Some(path) = path.strip_prefix("/apikeys/v2/") {
        api_keys::answer(state, request, path)
    } else {
        no(
            404,
            "NOT_FOUND",
            "The requested URL was not found on this server.",
        )
    }
}

impl Request {
    fn parse(text: &str) -> Option<Self> {
        let (head, body) = text.split_once("\r\n\r\n")?;
        let mut words = head.split_whitespace();
        let (method, target) = (words.next()?, words.next()?);
        let url = Url::parse(&format!("http://here{target}")).ok()?;
        let mut request = Self {
            method: method.to_owned(),
            path: url.path().replace("%40", "@"),
            query: url.query_pairs().into_owned().collect(),
            body: body.to_owned(),
            bearer: None,
            head: head.to_owned(),
        };
        let authorization = request.header("authorization");
        request.bearer = authorization.and_then(|it| it.strip_prefix("Bearer ").map(str::to_owned));
        Some(request)
    }

    fn header(&self, name: &str) -> Option<String> {
        self.head.lines().find_map(|line| {
            let (there, value) = line.split_once(':')?;
            let is_it = there.eq_ignore_ascii_case(name);
            is_it.then(|| value.trim().to_owned())
        })
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    fn form(&self) -> BTreeMap<String, String> {
        let url = Url::parse(&format!("http://here/?{}", self.body)).unwrap();
        url.query_pairs().into_owned().collect()
    }
}
