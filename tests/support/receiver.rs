//! A receiver of webhooks that speaks TLS, as real ones do, with a certificate of an authority of its own.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use tempfile::TempDir;

/// What happens to one message.
#[derive(Clone, Copy, Debug)]
pub enum Answer {
    /// A status.
    Status(u16),
    /// It is read, and the connection breaks.
    Lost,
}

/// A message as it arrived.
#[derive(Clone, Debug)]
pub struct Arrived {
    pub id: String,
    pub timestamp: String,
    pub signature: String,
    pub body: String,
}

/// A running receiver. It takes everything that the script has no answer for.
pub struct Receiver {
    port: u16,
    home: TempDir,
    script: Arc<Mutex<VecDeque<Answer>>>,
    arrived: Arc<Mutex<Vec<Arrived>>>,
}

impl Receiver {
    pub fn start() -> Self {
        let home = tempfile::tempdir().unwrap();
        let config = Arc::new(server(home.path()));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (script, arrived) = (Arc::default(), Arc::default());
        let (answers, seen) = (Arc::clone(&script), Arc::clone(&arrived));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let config = Arc::clone(&config);
                let (answers, seen) = (Arc::clone(&answers), Arc::clone(&seen));
                thread::spawn(move || serve(stream, config, &answers, &seen));
            }
        });
        Self {
            port,
            home,
            script,
            arrived,
        }
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    /// The certificate of its authority.
    pub fn authority(&self) -> PathBuf {
        self.home.path().join("ca.pem")
    }

    /// What happens to the next messages.
    pub fn answers(&self, answers: &[Answer]) {
        self.script.lock().unwrap().extend(answers);
    }

    /// What arrived so far.
    pub fn arrived(&self) -> Vec<Arrived> {
        self.arrived.lock().unwrap().clone()
    }
}

fn server(home: &Path) -> ServerConfig {
    let authority_key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = authority.self_signed(&authority_key).unwrap();
    let key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let server = server.signed_by(&key, &authority, &authority_key).unwrap();
    std::fs::write(home.join("ca.pem"), authority.pem()).unwrap();
    let chain = vec![CertificateDer::from(server.der().to_vec())];
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let _ = rustls::crypto::ring::default_provider().install_default();
    ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap()
}

fn serve(
    stream: TcpStream,
    config: Arc<ServerConfig>,
    script: &Mutex<VecDeque<Answer>>,
    seen: &Mutex<Vec<Arrived>>,
) {
    let _ = stream.set_read_timeout(Some(Duration::from_secs(10)));
    let connection = ServerConnection::new(config).unwrap();
    let mut stream = StreamOwned::new(connection, stream);
    let Some(arrived) = read(&mut stream) else {
        return;
    };
    let answer = script.lock().unwrap().pop_front();
    seen.lock().unwrap().push(arrived);
    if let Answer::Status(status) = answer.unwrap_or(Answer::Status(200)) {
        let _ = write!(
            stream,
            "HTTP/1.1 {status} x\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
        );
        stream.conn.send_close_notify();
        let _ = stream.flush();
    }
}

fn read(stream: &mut impl Read) -> Option<Arrived> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let header = |name: &str| {
                let lines = head.lines().filter_map(|line| line.split_once(':'));
                let mut found = lines.filter(|(key, _)| key.eq_ignore_ascii_case(name));
                found.next().map(|(_, value)| value.trim().to_owned())
            };
            let length: usize = header("content-length")?.parse().ok()?;
            if body.len() >= length {
                return Some(Arrived {
                    id: header("webhook-id").unwrap_or_default(),
                    timestamp: header("webhook-timestamp").unwrap_or_default(),
                    signature: header("webhook-signature").unwrap_or_default(),
                    body: body.to_owned(),
                });
            }
        }
        match stream.read(&mut chunk) {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&chunk[..count]),
        }
    }
}
