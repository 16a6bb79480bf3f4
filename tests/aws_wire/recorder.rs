//! A proxy that reads along: it makes itself a certificate of a private authority for every host, writes down what was
//! asked of whom and by whom, and lets moto answer. What it is asked directly, without a proxy, are the metadata services.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rustls::{ServerConnection, StreamOwned};

use super::request::Request;
use super::services;
use crate::support::authority::Authority;

/// One end of a connection that hangs must not hang the test.
const PATIENCE: Duration = Duration::from_secs(30);

pub struct Recorder {
    port: u16,
    world: Arc<World>,
}

/// What the connections share.
pub struct World {
    moto: String,
    authority: Authority,
    seen: Mutex<Vec<String>>,
    /// Whose sessions the keys are that were handed out.
    sessions: Mutex<BTreeMap<String, String>>,
}

impl Recorder {
    /// Before this server.
    pub fn start(moto: &str) -> Self {
        let world = Arc::new(World {
            moto: moto.trim_start_matches("http://").to_owned(),
            authority: Authority::new(),
            seen: Mutex::default(),
            sessions: Mutex::default(),
        });
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::clone(&world);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let world = Arc::clone(&shared);
                // A client that goes away says nothing wrong about another.
                thread::spawn(move || world.serve(stream));
            }
        });
        Self { port, world }
    }

    /// Where it answers, as a proxy and by itself.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The certificate of its authority, in PEM.
    pub fn authority(&self) -> String {
        self.world.authority.pem()
    }

    /// What was asked since the last time: each sort of request once, sorted.
    pub fn take(&self) -> Vec<String> {
        let mut seen = std::mem::take(&mut *self.world.seen.lock().unwrap());
        seen.sort();
        seen.dedup();
        seen
    }
}

impl World {
    fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(PATIENCE))?;
        let request = Request::read(&mut stream)?;
        if request.method != "CONNECT" {
            let answer = self.answer(&request, None)?;
            return stream.write_all(&answer);
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
        let host = request.target.split(':').next().unwrap_or_default();
        let connection =
            ServerConnection::new(self.authority.server(host)).map_err(io::Error::other)?;
        let mut stream = StreamOwned::new(connection, stream);
        // A client that does not trust the authority ends here.
        let request = Request::read(&mut stream)?;
        let answer = self.answer(&request, Some(host))?;
        stream.write_all(&answer)?;
        stream.conn.send_close_notify();
        stream.flush()
    }

    fn answer(&self, request: &Request, host: Option<&str>) -> io::Result<Vec<u8>> {
        let line = request.line(host, |id| self.session(id));
        self.seen.lock().unwrap().push(line);
        if let Some(answer) = services::answer(request, host) {
            return Ok(answer.into_bytes());
        }
        // One request a connection: the server closes it, and with it ours.
        let mut upstream = TcpStream::connect(&self.moto)?;
        upstream.set_read_timeout(Some(PATIENCE))?;
        // Moto stands for what is behind a gateway.
        let plain = String::from_utf8_lossy(&request.bytes).replacen(" /aws", " /", 1);
        match request.path().starts_with("/aws") {
            true => upstream.write_all(plain.replacen(" // ", " / ", 1).as_bytes())?,
            false => upstream.write_all(&request.bytes)?,
        }
        let mut answer = Vec::new();
        upstream.read_to_end(&mut answer)?;
        self.remember(request, &String::from_utf8_lossy(&answer));
        Ok(answer)
    }

    /// The name of whoever signs with this key.
    fn session(&self, id: &str) -> String {
        let sessions = self.sessions.lock().unwrap();
        sessions.get(id).cloned().unwrap_or_else(|| id.to_owned())
    }

    fn remember(&self, request: &Request, answer: &str) {
        let role = request.parameter("RoleArn");
        let id = answer
            .split_once("<AccessKeyId>")
            .and_then(|(_, rest)| rest.split('<').next());
        if let (Some(role), Some(id)) = (role, id) {
            let name = role.rsplit('/').next().unwrap_or_default();
            let mut sessions = self.sessions.lock().unwrap();
            sessions.insert(id.to_owned(), format!("role/{name}"));
        }
    }
}
