//! A server of a test's own that keeps what it is told: what it answers is a function of its state and the request.

use std::io::Write;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

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

/// The status, header lines, and the body.
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
        // A URL is the decoder at hand.
        let url = reqwest::Url::parse(&format!("http://x/?{query}")).ok()?;
        let headers = lines.filter_map(|line| line.split_once(':'));
        Some(Self {
            method: method.to_owned(),
            path: path.to_owned(),
            query: url.query_pairs().into_owned().collect(),
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
    let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    let _ = write!(
        stream,
        "HTTP/1.1 {status} x\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n{body}",
        body.len()
    );
}
