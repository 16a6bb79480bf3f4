//! GitHub's issues, as far as the script asks for them. A test holds them against the schema that GitHub publishes.

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
        self.open_about(title, None);
    }

    /// The same with a text, and gives its number.
    pub fn open_about(&self, title: &str, body: Option<&str>) -> usize {
        let mut issues = self.issues.lock().unwrap();
        let number = issues.len() + 1;
        let sent = json!({ "title": title, "body": body, "labels": ["apikey-overdue"] });
        issues.push(issue(number, &sent));
        number
    }

    /// Opens a pull request, which is an issue too, with the label of the script.
    pub fn open_pull_request(&self, title: &str) -> usize {
        let number = self.open_about(title, None);
        let url = format!("{}/pulls/{number}", url_of("repos"));
        let of = |suffix: &str| format!("https://github.com/acme/keys/pull/{number}{suffix}");
        self.issues.lock().unwrap()[number - 1]["pull_request"] = json!({
            "url": url, "html_url": of(""), "diff_url": of(".diff"), "patch_url": of(".patch"),
        });
        number
    }

    /// Every issue as it is told.
    pub fn told(&self) -> Value {
        self.issues.lock().unwrap().clone().into()
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
            let issue = issue(issues.len() + 1, &sent());
            issues.push(issue.clone());
            (201, issue)
        }
        ("PATCH", number) => {
            let number: usize = number[1..].parse().unwrap();
            for (name, value) in sent().as_object().unwrap() {
                issues[number - 1][name] = value.clone();
            }
            if issues[number - 1]["state"] == "closed" {
                issues[number - 1]["closed_at"] = AT.into();
            }
            (200, issues[number - 1].clone())
        }
        ("GET", query) => {
            let page: usize = query.rsplit_once("&page=").unwrap().1.parse().unwrap();
            // Newest first.
            let all = issues.iter().rev();
            let open = all.filter(|issue| issue["state"] == "open");
            let open: Vec<_> = open.skip((page - 1) * 100).take(100).cloned().collect();
            (200, open.into())
        }
        _ => (405, Value::Null),
    }
}

const AT: &str = "2026-01-01T00:00:00Z";

fn url_of(what: &str) -> String {
    format!("https://api.github.com/{what}/acme/keys")
}

/// What was sent, with all that the schema `issue` demands.
fn issue(number: usize, sent: &Value) -> Value {
    let url = format!("{}/issues/{number}", url_of("repos"));
    let labels = sent["labels"].as_array().unwrap().iter();
    json!({
        "id": 7_000_000_000_u64 + number as u64,
        "node_id": format!("I_{number}"),
        "url": url,
        "repository_url": url_of("repos"),
        "labels_url": format!("{url}/labels{{/name}}"),
        "comments_url": format!("{url}/comments"),
        "events_url": format!("{url}/events"),
        "html_url": format!("https://github.com/acme/keys/issues/{number}"),
        "number": number,
        "state": "open",
        "state_reason": null,
        "title": sent["title"],
        "body": sent["body"],
        "user": user("somebody"),
        "labels": labels.map(label).collect::<Vec<_>>(),
        "assignee": null,
        "assignees": [],
        "milestone": null,
        "locked": false,
        "active_lock_reason": null,
        "comments": 0,
        "closed_at": null,
        "created_at": AT,
        "updated_at": AT,
        "author_association": "NONE",
    })
}

/// It is sent as a name and told as this.
fn label(name: &Value) -> Value {
    json!({
        "id": 208_045_946,
        "node_id": "LA_1",
        "url": format!("{}/labels/{}", url_of("repos"), name.as_str().unwrap()),
        "name": name,
        "description": null,
        "color": "ededed",
        "default": false,
    })
}

fn user(login: &str) -> Value {
    let of = |what: &str| format!("https://api.github.com/users/{login}{what}");
    json!({
        "login": login,
        "id": 1,
        "node_id": "U_1",
        "avatar_url": format!("https://avatars.githubusercontent.com/{login}"),
        "gravatar_id": "",
        "url": of(""),
        "html_url": format!("https://github.com/{login}"),
        "followers_url": of("/followers"),
        "following_url": of("/following{/other_user}"),
        "gists_url": of("/gists{/gist_id}"),
        "starred_url": of("/starred{/owner}{/repo}"),
        "subscriptions_url": of("/subscriptions"),
        "organizations_url": of("/orgs"),
        "repos_url": of("/repos"),
        "events_url": of("/events{/privacy}"),
        "received_events_url": of("/received_events"),
        "type": "User",
        "site_admin": false,
    })
}
