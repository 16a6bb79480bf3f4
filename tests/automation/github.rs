//! GitHub's issues, as far as the script asks for them.

use std::io::Write;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};

use crate::support::fake::read;

/// A server with the issues of one repository.
pub struct GitHub {
    port: u16,
    issues: Arc<Mutex<Vec<Value>>>,
}

impl GitHub {
    pub fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let issues = Arc::<Mutex<Vec<Value>>>::default();
        let all = Arc::clone(&issues);
        thread::spawn(move || {
            for mut stream in listener.incoming().take(1000).flatten() {
                answer(&mut stream, &mut all.lock().unwrap());
            }
        });
        Self { port, issues }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Opens an issue of somebody else, with the label of the script.
    pub fn open(&self, title: &str) {
        let mut issues = self.issues.lock().unwrap();
        let number = issues.len() + 1;
        issues.push(json!({
            "number": number, "title": title, "body": null, "state": "open", "labels": ["apikey-overdue"]
        }));
    }

    /// The titles of all issues, each with its state.
    pub fn issues(&self) -> Vec<(String, String)> {
        let issues = self.issues.lock().unwrap();
        let text = |issue: &Value, name: &str| issue[name].as_str().unwrap().to_owned();
        issues
            .iter()
            .map(|issue| (text(issue, "title"), text(issue, "state")))
            .collect()
    }

    pub fn body(&self, number: usize) -> String {
        self.issues.lock().unwrap()[number - 1]["body"]
            .as_str()
            .unwrap()
            .to_owned()
    }
}

fn answer(stream: &mut TcpStream, issues: &mut Vec<Value>) {
    let request = read(stream);
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let (status, answer) = match head.contains("Authorization: Bearer made-up-token") {
        false => (401, json!({ "message": "Bad credentials" })),
        true => serve(head, body, issues),
    };
    let text = answer.to_string();
    let length = text.len();
    let _ = write!(
        stream,
        "HTTP/1.1 {status} x\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{text}"
    );
}

fn serve(head: &str, body: &str, issues: &mut Vec<Value>) -> (u16, Value) {
    let mut words = head.split(' ');
    let (method, path) = (words.next().unwrap(), words.next().unwrap());
    let rest = path.strip_prefix("/repos/acme/keys/issues").unwrap();
    let sent = || serde_json::from_str::<Value>(body).unwrap();
    match (method, rest) {
        ("POST", "") => {
            let mut issue = sent();
            issue["number"] = (issues.len() + 1).into();
            issue["state"] = "open".into();
            issues.push(issue.clone());
            (201, issue)
        }
        ("PATCH", number) => {
            let number: usize = number[1..].parse().unwrap();
            for (name, value) in sent().as_object().unwrap() {
                issues[number - 1][name] = value.clone();
            }
            (200, issues[number - 1].clone())
        }
        ("GET", query) => {
            let page: usize = query.rsplit_once("&page=").unwrap().1.parse().unwrap();
            let open = issues.iter().filter(|issue| issue["state"] == "open");
            let open: Vec<_> = open.skip((page - 1) * 100).take(100).cloned().collect();
            (200, open.into())
        }
        _ => (405, Value::Null),
    }
}
