//! The server of the toys: keys and places in memory, over HTTP.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::json;

use crate::support::fake::read;

const CREATED: &str = "2026-01-01T00:00:00Z";

#[derive(Default)]
pub struct State {
    /// Secrets by id.
    pub keys: BTreeMap<String, String>,
    /// Contents and versions by path.
    pub places: BTreeMap<String, (String, u64)>,
    minted: u64,
    pub lists: usize,
}

#[derive(Clone)]
pub struct Server {
    port: u16,
    state: Arc<Mutex<State>>,
}

impl Server {
    pub fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let server = Self {
            port: listener.local_addr().unwrap().port(),
            state: Arc::default(),
        };
        let state = Arc::clone(&server.state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&state);
                thread::spawn(move || serve(stream, &state));
            }
        });
        server
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// The document at a place.
    pub fn document(&self, place: &str) -> serde_json::Value {
        let state = self.state();
        let there = state.places.get(place);
        there.map_or(serde_json::Value::Null, |(text, _)| {
            serde_json::from_str(text).unwrap()
        })
    }
}

fn serve(mut stream: TcpStream, state: &Mutex<State>) {
    let request = read(&mut stream);
    let Some((head, body)) = request.split_once("\r\n\r\n") else {
        return;
    };
    let mut words = head.split_whitespace();
    let (method, path) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let header = |name: &str| {
        head.lines().find_map(|line| {
            let (there, value) = line.split_once(':')?;
            there
                .eq_ignore_ascii_case(name)
                .then(|| value.trim().to_owned())
        })
    };
    let (status, version, body) = answer(&mut state.lock().unwrap(), method, path, body, header);
    let version = version.map_or_else(String::new, |version| format!("ETag: v{version}\r\n"));
    let _ = write!(
        stream,
        "HTTP/1.1 {status} x\r\nContent-Length: {}\r\nConnection: close\r\n{version}\r\n{body}",
        body.len()
    );
}

type Answer = (u16, Option<u64>, String);

fn answer(
    state: &mut State,
    method: &str,
    path: &str,
    body: &str,
    header: impl Fn(&str) -> Option<String>,
) -> Answer {
    let no = |status: u16| {
        (
            status,
            None,
            json!({ "error": { "message": "no" } }).to_string(),
        )
    };
    match (method, path.split('/').collect::<Vec<_>>().as_slice()) {
        ("POST", ["", "keys"]) => {
            if state.keys.len() >= 5 {
                return no(402);
            }
            state.minted += 1;
            let (id, secret) = (
                format!("toy{}", state.minted),
                format!("made-up-{}", state.minted),
            );
            state.keys.insert(id.clone(), secret.clone());
            let key = json!({ "id": id, "created_at": CREATED, "secret": secret });
            (201, None, key.to_string())
        }
        ("GET", ["", "keys"]) => {
            state.lists += 1;
            let keys = state
                .keys
                .keys()
                .map(|id| json!({ "id": id, "created_at": CREATED }));
            (200, None, keys.collect::<serde_json::Value>().to_string())
        }
        ("DELETE", ["", "keys", id]) => match state.keys.remove(*id) {
            Some(_) => (204, None, String::new()),
            None => no(404),
        },
        ("GET", ["", "keys", id]) => match state.keys.contains_key(*id) {
            true => (
                200,
                None,
                json!({ "id": id, "created_at": CREATED }).to_string(),
            ),
            false => no(404),
        },
        // Ends the key that is named, or all but the one that is to live on.
        ("POST", ["", "promote"]) => {
            let body: serde_json::Value = serde_json::from_str(body).unwrap();
            let is = |name: &str, secret: &String| body[name] == secret.as_str();
            state.keys.retain(|_, secret| match body["key"].is_null() {
                true => is("survivor", secret),
                false => !is("key", secret),
            });
            (204, None, String::new())
        }
        ("GET", ["", "me"]) => {
            let bearer = header("authorization").unwrap_or_default();
            let is_known = |secret: &String| bearer == format!("Bearer {secret}");
            match state.keys.values().any(is_known) {
                true => (200, None, "{}".to_owned()),
                false => no(401),
            }
        }
        (method, ["", "places", ..]) => place(state, method, path, body, header("if-match")),
        _ => no(404),
    }
}

fn place(
    state: &mut State,
    method: &str,
    path: &str,
    body: &str,
    expected: Option<String>,
) -> Answer {
    let there = state.places.get(path).cloned();
    let version = there
        .as_ref()
        .map_or("none".to_owned(), |(_, version)| format!("v{version}"));
    let is_expected = expected.is_none_or(|expected| expected == version);
    match (method, there) {
        ("GET", Some((text, version))) => (200, Some(version), text),
        // The very same write again.
        ("PUT", Some((text, version))) if text == body => (200, Some(version), String::new()),
        ("PUT" | "DELETE", Some(_) | None)
            if !is_expected && (method == "PUT" || version != "none") =>
        {
            (412, None, String::new())
        }
        ("PUT", there) => {
            let version = there.map_or(1, |(_, version)| version + 1);
            state
                .places
                .insert(path.to_owned(), (body.to_owned(), version));
            (200, Some(version), String::new())
        }
        ("DELETE", Some(_)) => {
            state.places.remove(path);
            (204, None, String::new())
        }
        _ => (404, None, String::new()),
    }
}
