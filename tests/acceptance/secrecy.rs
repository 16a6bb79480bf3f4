//! A secret is where it was delivered, and nowhere else.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::fake::{Fake, Reply};
use crate::support::forms::assert_hidden;
use crate::support::keys::Config;
use crate::support::outcome::Outcome;
use crate::support::workspace::Workspace;
use crate::support::zip;

/// Every file below a directory.
fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| {
            if path.is_dir() {
                files(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

/// Remembers everything that was printed, and fails if a secret is in it or in any file but the delivered one.
pub struct Watch<'a> {
    ws: &'a Workspace,
    delivered: Vec<String>,
    secrets: Vec<String>,
    printed: Vec<(String, String)>,
}

impl<'a> Watch<'a> {
    /// Watches the secrets that are delivered to `k.json`.
    pub fn over(ws: &'a Workspace) -> Self {
        Self {
            ws,
            delivered: vec!["k.json".into()],
            secrets: Vec::new(),
            printed: Vec::new(),
        }
    }

    /// Secrets are delivered to this file too.
    pub fn also(mut self, file: &str) -> Self {
        self.delivered.push(file.into());
        self
    }

    /// A secret that may be in no file at all.
    pub fn knowing(mut self, secret: &str) -> Self {
        self.secrets.push(secret.into());
        self
    }

    pub fn saw(&mut self, outcome: Outcome) -> &mut Self {
        let outcome = outcome.ok();
        let all = format!("{}{}", outcome.stdout, outcome.stderr);
        self.printed.push((outcome.command, all));
        let slots = ["primary", "secondary"];
        for (file, slot) in self
            .delivered
            .iter()
            .flat_map(|file| slots.map(|slot| (file, slot)))
        {
            let secret = self.ws.secret(file, slot);
            if !secret.is_empty() && !self.secrets.contains(&secret) {
                self.secrets.push(secret);
            }
        }
        self
    }

    #[track_caller]
    pub fn nothing_leaked(&self) {
        for (command, printed) in &self.printed {
            self.is_not_in(printed.as_bytes(), command);
        }
        for path in files(&self.ws.path("")) {
            if self.delivered.iter().any(|file| path.ends_with(file)) {
                continue;
            }
            let bytes = fs::read(&path).unwrap();
            self.is_not_in(&bytes, &path.display().to_string());
            if bytes.starts_with(b"PK") {
                for (name, content) in zip::entries(&bytes) {
                    self.is_not_in(&content, &format!("{} / {name}", path.display()));
                }
            }
        }
    }

    #[track_caller]
    fn is_not_in(&self, bytes: &[u8], place: &str) {
        for secret in &self.secrets {
            let plain = secret.as_bytes();
            // Private data stands in the state in Base64, which hides a text unless it is decoded.
            let found = bytes.windows(plain.len()).any(|window| window == plain);
            assert!(!found, "a secret is in {place}");
        }
    }
}

#[test]
fn a_secret_is_in_no_state_plan_log_or_output() {
    let ws = Workspace::with(&Config::new().text());
    ws.env("TF_LOG", "TRACE");
    ws.env("TF_LOG_PATH", ws.path("trace.log").to_str().unwrap());
    let mut watch = Watch::over(&ws);
    for wait in ["0s", "80s", "20s", "30s"] {
        ws.advance(wait);
        watch
            .saw(ws.plan())
            .saw(ws.run(&["show", "-json", "saved.tfplan"]));
        watch.nothing_leaked();
        watch.saw(ws.apply_plan()).saw(ws.run(&["show", "-json"]));
        watch.nothing_leaked();
    }
    assert_eq!(watch.secrets.len(), 2, "both keys were watched");
    for private in private_data(&ws) {
        watch.is_not_in(&private, "private data");
    }
    let log = fs::read_to_string(ws.path("trace.log")).unwrap();
    assert!(
        log.contains("[TRACE]") && log.contains("minted"),
        "the log is there and holds ours"
    );

    // An altered delivery is quoted nowhere either.
    let mut document = ws.delivered("k.json");
    document["primary"]["secret"] = "made-up-canary-of-somebody-else".into();
    fs::write(ws.path("k.json"), document.to_string()).unwrap();
    watch.saw(ws.plan()).saw(ws.apply());
    assert_eq!(watch.secrets.len(), 3);
    watch.nothing_leaked();
}

/// The private data of every object in the state, decoded.
fn private_data(ws: &Workspace) -> Vec<Vec<u8>> {
    use base64::Engine;
    let state = ws.state();
    let resources = state["resources"].as_array().unwrap().iter();
    resources
        .filter_map(|resource| resource["instances"][0]["private"].as_str())
        .map(|text| {
            base64::engine::general_purpose::STANDARD
                .decode(text)
                .unwrap()
        })
        .collect()
}

#[test]
fn a_verification_that_is_repeated_in_every_form_shows_nothing() {
    let server = Fake::start([Reply::Echo(401)]);
    let (body, header) = (
        "made-up+body/canary-of-ours",
        "made-up-header/canary+of-ours",
    );
    let verification = format!(
        r#"verification = {{
    url         = "{}/check"
    method      = "POST"
    headers     = {{ "Content-Type" = "application/json" }}
    headers_wo  = {{ X-Admin = "{header}" }}
    body_wo     = "{{\"key\":\"{{{{secret}}}}\",\"mine\":\"{body}\"}}"
    timeout     = "2s"
    interval    = "1s"
    consecutive = 1
  }}"#,
        server.url()
    );
    let ws = Workspace::with(&Config::new().with(&verification).text());
    ws.env("TF_LOG", "TRACE");
    ws.env("TF_LOG_PATH", ws.path("trace.log").to_str().unwrap());
    let refused = ws.run(&["apply", "-auto-approve", "-no-color"]).failed();
    assert!(
        refused.text().contains("HTTP 401 Unauthorized"),
        "{}",
        refused.text()
    );
    assert!(ws.find_key("k").is_none());
    assert!(!ws.path("k.json").exists());
    let sent = server.requests().remove(0);
    let key = sent
        .split("\"key\":\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    assert!(key.starts_with("acme_") && sent.contains(body), "{sent}");
    let said = format!("{}{}", refused.stdout, refused.stderr);
    for secret in [&key["acme_".len()..], body, header] {
        assert_hidden("what was printed", said.as_bytes(), secret);
        for path in files(&ws.path(""))
            .iter()
            .filter(|path| !path.ends_with("main.tf"))
        {
            assert_hidden(
                &path.display().to_string(),
                &fs::read(path).unwrap(),
                secret,
            );
        }
    }
}

#[test]
fn no_name_and_no_document_commands_the_terminal() {
    let ws = Workspace::with(&Config::new().name(r"pay\u001b[2Jments\u202e").text());
    let plain = |args: &[&str]| ws.run(&[args, &["-no-color"]].concat());
    let created = plain(&["apply", "-auto-approve"]).ok();
    let document = r#"{"primary":{"key_id":"x\u001b]0;gone\u0007","secret":"made-up-canary"},"secondary":null}"#;
    fs::write(ws.path("k.json"), document).unwrap();
    let planned = plain(&["plan"]).ok();
    assert!(
        planned.stdout.contains(r"pay\u{1b}[2Jments\u{202e}"),
        "{planned}"
    );
    for said in [created, planned] {
        let odd = |it: char| it.is_control() && it != '\n' || it == '\u{202e}';
        assert!(
            !said.stdout.contains(odd) && !said.stderr.contains(odd),
            "{said}"
        );
    }
}

#[test]
fn the_delivered_file_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let ws = Config::new().retiring();
    let mode = fs::metadata(ws.path("k.json"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let left: Vec<_> = files(&ws.path(""))
        .into_iter()
        .filter(|path| path.to_string_lossy().contains(".apikey"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}
