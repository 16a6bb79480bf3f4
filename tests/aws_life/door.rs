//! A door before the server that turns some requests away, and lets everything else pass.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// One end of a connection that hangs must not hang the test.
const PATIENCE: Duration = Duration::from_secs(30);

pub struct Door {
    port: u16,
    refused: Arc<Mutex<Option<Refused>>>,
}

/// Requests that hold the one text and not the other.
#[derive(Clone)]
struct Refused {
    with: &'static str,
    without: &'static str,
}

impl Door {
    /// An open door before this address.
    pub fn before(url: &str) -> Self {
        let server = url.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let refused = Arc::new(Mutex::new(None));
        let state: Arc<Mutex<Option<Refused>>> = Arc::clone(&refused);
        thread::spawn(move || {
            for stream in listener.incoming().take(1000).flatten() {
                let (server, refused) = (server.clone(), state.lock().unwrap().clone());
                thread::spawn(move || pass(stream, &server, refused.as_ref()));
            }
        });
        Self { port, refused }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// No value gets into a secret any more.
    pub fn shut(&self) {
        self.refuse(r#""SecretString":"#, "\0");
    }

    /// Turns requests away that hold the one text and not the other.
    pub fn refuse(&self, with: &'static str, without: &'static str) {
        *self.refused.lock().unwrap() = Some(Refused { with, without });
    }

    pub fn open(&self) {
        *self.refused.lock().unwrap() = None;
    }
}

impl Refused {
    fn hits(&self, request: &str) -> bool {
        request.contains(self.with) && !request.contains(self.without)
    }
}

fn pass(mut client: TcpStream, server: &str, refused: Option<&Refused>) -> io::Result<()> {
    client.set_read_timeout(Some(PATIENCE))?;
    let request = read(&mut client)?;
    let text = String::from_utf8_lossy(&request);
    if refused.is_some_and(|refused| refused.hits(&text)) {
        let body = r#"{"__type":"LimitExceededException","Message":"too many versions"}"#;
        return write!(
            client,
            "HTTP/1.1 400 x\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
    }
    // One request a connection: the server closes it, and with it ours.
    let mut upstream = TcpStream::connect(server)?;
    upstream.set_read_timeout(Some(PATIENCE))?;
    upstream.write_all(&request)?;
    io::copy(&mut upstream, &mut client)?;
    Ok(())
}

fn read(client: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut request = Vec::new();
    let mut chunk = [0; 4096];
    while !whole(&request) {
        match client.read(&mut chunk)? {
            0 => break,
            count => request.extend_from_slice(&chunk[..count]),
        }
    }
    Ok(request)
}

fn whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head.to_lowercase().lines().find_map(|line| {
        let length = line.strip_prefix("content-length:")?;
        length.trim().parse::<usize>().ok()
    });
    body.len() >= length.unwrap_or(0)
}
