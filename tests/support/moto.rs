//! A real moto server: IAM, STS and Secrets Manager on 127.0.0.1.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{LazyLock, OnceLock};
use std::thread::sleep;
use std::time::Duration;

use tempfile::TempDir;

/// Started in the shell so that it ends with the test process, however that ends: the shell waits for the
/// end of its standard input and then stops the one server it started.
const SCRIPT: &str = "moto_server -H 127.0.0.1 -p \"$1\" & server=$!; cat >/dev/null; \
     kill $server; wait $server";

/// A running server; stopped when dropped.
pub struct Moto {
    shell: Child,
    port: u16,
    free_calls: u32,
    _recorder: TempDir,
}

/// All requests to a server since its start. Each answer draws from the same source as the ids of keys, so that none can
/// be left out.
#[derive(Clone)]
pub struct Recording(String);

impl Moto {
    /// A server that anybody may call.
    pub fn start() -> Self {
        Self::start_with(None)
    }

    /// A server that lets this many calls pass and from then on checks signatures and policies.
    pub fn start_guarded(free_calls: u32) -> Self {
        Self::start_with(Some(free_calls))
    }

    /// The same, and it can go back to what it was at any moment: what it makes up is the same each time.
    pub fn start_recorded(free_calls: u32) -> Self {
        let moto = Self::start_guarded(free_calls);
        moto.tell("recorder/start-recording", "");
        moto.tell("seed?a=1", "");
        moto
    }

    /// What it has been through until now.
    pub fn recording(&self) -> Recording {
        Recording(self.tell("recorder/download-recording", ""))
    }

    /// Is again what it was then. What happens from now on is not recorded.
    pub fn replay(&self, recording: &Recording) {
        self.tell("recorder/stop-recording", "");
        self.tell("reset", "");
        self.tell("reset-auth", &self.free_calls.to_string());
        self.tell("recorder/upload-recording", &recording.0);
        self.tell("recorder/replay-recording", "");
    }

    /// Calls the interface by which the server itself is steered, and gives the answer.
    fn tell(&self, what: &str, body: &str) -> String {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).unwrap();
        let length = body.len();
        write!(
            stream,
            "POST /moto-api/{what} HTTP/1.0\r\nHost: 127.0.0.1:{}\r\nContent-Length: {length}\r\n\r\n{body}",
            self.port
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.contains(" 200 OK"), "{what}: {answer}");
        let (_, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
        body.to_owned()
    }

    /// The server that tests share which need no checks; each uses names of its own.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Moto> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// Where it answers.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn start_with(free_calls: Option<u32>) -> Self {
        static INSTALLED: LazyLock<bool> = LazyLock::new(is_installed);
        assert!(
            *INSTALLED,
            "moto_server is missing: pip install 'moto[server]'"
        );
        // Another process may take the free port first; then the next one is tried.
        let started = (0..3).find_map(|_| Self::try_start(free_calls));
        started.expect("moto_server starts")
    }

    fn try_start(free_calls: Option<u32>) -> Option<Self> {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let mut command = Command::new("sh");
        command
            .args(["-c", SCRIPT, "moto", &port.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let recorder = tempfile::tempdir().unwrap();
        command.env("MOTO_RECORDER_FILEPATH", recorder.path().join("calls"));
        if let Some(calls) = free_calls {
            command.env("INITIAL_NO_AUTH_ACTION_COUNT", calls.to_string());
        }
        let moto = Self {
            shell: command.spawn().unwrap(),
            port,
            free_calls: free_calls.unwrap_or_default(),
            _recorder: recorder,
        };
        let ready = (0..300).any(|_| {
            sleep(Duration::from_millis(100));
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
        });
        ready.then_some(moto)
    }
}

fn is_installed() -> bool {
    Command::new("moto_server")
        .arg("--help")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

impl Drop for Moto {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}
