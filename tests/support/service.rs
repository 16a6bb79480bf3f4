//! A server of a test's own that keeps what it is told: what it answers is a function of its state and the request.

use std::io::Write;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::support::fake::read;

/// One request.
pub struct Asked {
    pub method: String,
    /// Without the query.
    pub path: String,
    pub query: Vec<(String, String)>,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

/// The status, header lines, and the body. A status of 0 closes the connection without a word.
pub type Answer = (u16, Vec<String>, String);

/// A running server.
pub struct Service<State> {
    port: u16,
    state: Arc<Mutex<State>>,
}

impl Asked {
    fn parse(text: &str) -> Option<Self> {
        let (head, body) = text.split_once("\r\n\r\n")?;
        let mut lines = head.lines();
        let mut words = lines.next()?.split_whitespace();
        let (method, target) = (words.next()?, words.next()?);
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let headers = lines.filter_map(|line| line.split_once(':'));
        Some(Self {
            method: method.to_owned(),
            path: path.to_owned(),
            query: pairs(query),
            headers: headers
                .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
                .collect(),
            body: body.to_owned(),
        })
    }

    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(there, _)| there == name);
        found.map_or("", |(_, value)| value)
    }

    pub fn query(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(there, _)| there == name);
        found.map(|(_, value)| value.as_str())
    }

    /// A field of a form.
    pub fn form(&self, name: &str) -> Option<String> {
        let mut pairs = pairs(&self.body).into_iter();
        pairs
            .find(|(there, _)| there == name)
            .map(|(_, value)| value)
    }

    pub fn bearer(&self) -> Option<&str> {
        self.header("authorization").strip_prefix("Bearer ")
    }

    /// User and password.
    pub fn basic(&self) -> Option<(String, String)> {
        let encoded = self.header("authorization").strip_prefix("Basic ")?;
        let text = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
        let (user, password) = text.split_once(':')?;
        Some((user.to_owned(), password.to_owned()))
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    /// The parts of the path.
    pub fn parts(&self) -> Vec<&str> {
        self.path.trim_matches('/').split('/').collect()
    }
}

impl<State: Send + 'static> Service<State> {
    pub fn start(state: State, answer: fn(&mut State, &Asked) -> Answer) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(state));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                thread::spawn(move || serve(stream, &state, answer));
            }
        });
        Self { port, state }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

fn serve<State>(
    mut stream: TcpStream,
    state: &Mutex<State>,
    answer: fn(&mut State, &Asked) -> Answer,
) {
    let Some(asked) = Asked::parse(&read(&mut stream)) else {
        return;
    };
    let (status, headers, body) = answer(&mut state.lock().unwrap(), &asked);
    if status == 0 {
        return;
    }
    let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    // "No content" has no length either.
    let length = match status {
        204 => String::new(),
        _ => format!("Content-Length: {}\r\n", body.len()),
    };
    let _ = write!(
        stream,
        "HTTP/1.1 {status} x\r\n{length}Connection: close\r\n{headers}\r\n{body}"
    );
}

/// An answer in JSON.
pub fn json(status: u16, body: &Value) -> Answer {
    let headers = vec!["Content-Type: application/json".to_owned()];
    (status, headers, body.to_string())
}

/// An answer without a body.
pub fn nothing(status: u16) -> Answer {
    (status, Vec::new(), String::new())
}

/// A query, or a form. A URL is the decoder at hand.
fn pairs(text: &str) -> Vec<(String, String)> {
    let url = reqwest::Url::parse(&format!("form:?{text}")).unwrap();
    url.query_pairs().into_owned().collect()
}
