//! Servers of other people, installed by `scripts/setup.sh`. A test that needs one which is not there is skipped by name.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

/// Started in the shell so that it ends with the test process, however that ends: the shell waits for the end of its
/// standard input and then stops the one server it started.
const SCRIPT: &str = "\"$@\" & server=$!; cat >/dev/null; kill $server; wait $server";

/// A running server; stopped when dropped.
pub struct Program {
    shell: Child,
    pub port: u16,
}

/// Where a program is: on the PATH, or where `scripts/setup.sh` puts it.
pub fn find(name: &str) -> Option<PathBuf> {
    let target = Path::new(env!("CARGO_BIN_EXE_terraform-provider-apikey"))
        .ancestors()
        .nth(2)?;
    let installed = [
        "python/bin",
        "node/node_modules/.bin",
        "debian/usr/bin",
        "debian/bin",
        "cargo/bin",
        "go/bin",
    ]
    .map(|folder| target.join(folder));
    let found = on_the_path(name)
        .chain(installed.map(|folder| folder.join(name)))
        .find(|program| program.is_file());
    if found.is_none() {
        not_installed(name);
    }
    found
}

/// A Python that has a module: of several, not all have what `scripts/setup.sh` installs.
pub fn python_with(module: &str) -> Option<PathBuf> {
    let found = on_the_path("python3").find(|python| {
        let mut import = Command::new(python);
        import
            .args(["-c", &format!("import {module}")])
            .stderr(Stdio::null());
        import.status().is_ok_and(|status| status.success())
    });
    if found.is_none() {
        not_installed(module);
    }
    found
}

/// Says what this test leaves out, past whoever keeps the words of tests that pass to himself.
pub fn skip(what: &str) {
    let test = std::thread::current();
    let test = test.name().unwrap_or("a test");
    let _ = writeln!(
        std::io::stderr(),
        "{test} is skipped, or a part of it: {what}"
    );
}

/// The same of something that `scripts/setup.sh` installs.
pub fn not_installed(what: &str) {
    skip(&format!(
        "{what} is not installed; scripts/setup.sh test installs it where it can."
    ));
}

fn on_the_path(name: &str) -> impl Iterator<Item = PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    folders.into_iter().map(move |folder| folder.join(name))
}

/// A port that is free now.
pub fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

impl Program {
    /// Starts a program in a folder, and waits until it answers at the port.
    pub fn start(program: &Path, arguments: &[&str], folder: &Path, port: u16) -> Self {
        let mut command = Command::new("sh");
        command
            .args(["-c", SCRIPT, "server"])
            .arg(program)
            .args(arguments);
        command
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let server = Self {
            shell: command.spawn().unwrap(),
            port,
        };
        let ready = (0..600).any(|_| {
            let answers = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok();
            if !answers {
                sleep(Duration::from_millis(200));
            }
            answers
        });
        assert!(ready, "{} does not answer", program.display());
        server
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Asks it for something, and gives the status and the JSON that came back.
    pub fn ask(&self, method: &str, path: &str, token: &str, body: &Value) -> (u16, Value) {
        let (status, text) = self.exchange(method, path, token, body);
        (status, serde_json::from_str(&text).unwrap_or_default())
    }

    /// The text of a page.
    pub fn page(&self, path: &str) -> String {
        self.exchange("GET", path, "", &Value::Null).1
    }

    fn exchange(&self, method: &str, path: &str, token: &str, body: &Value) -> (u16, String) {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).unwrap();
        // To an older version of HTTP nobody answers in chunks. Some read a body wherever its length is said.
        let body = match body {
            Value::Null => "\r\n".to_owned(),
            body => {
                let body = body.to_string();
                format!(
                    "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len()
                )
            }
        };
        let authorization = match token {
            "" => String::new(),
            token => format!("Authorization: Bearer {token}\r\n"),
        };
        write!(
            stream,
            "{method} {path} HTTP/1.0\r\nHost: 127.0.0.1:{}\r\n{authorization}Connection: close\r\n{body}",
            self.port
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
        let status = head
            .split_whitespace()
            .nth(1)
            .and_then(|status| status.parse().ok());
        (status.unwrap_or_default(), body.to_owned())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}
