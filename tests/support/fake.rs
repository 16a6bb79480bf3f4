//! A small HTTP server that answers as told, and misbehaves as told.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crate::support::forms::forms;

/// What happens to one request.
#[derive(Clone)]
pub enum Reply {
    /// A status, header lines and a body.
    Answer(u16, Vec<String>, String),
    /// A status, and the whole request in every form.
    Echo(u16),
    /// An answer that never ends: the same bytes again and again, with a pause between them.
    Endless(Vec<u8>, Duration),
    /// The request is read and the connection closed without an answer.
    Reset,
    /// The request is read and nothing comes for a while.
    Silence(Duration),
}

/// A running server. Requests beyond the script get the last reply again.
pub struct Fake {
    port: u16,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Reply {
    /// An answer without special headers.
    pub fn of(status: u16, body: impl Into<String>) -> Self {
        Self::Answer(status, Vec::new(), body.into())
    }
}

impl Fake {
    /// A server that goes through the script.
    pub fn start(script: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        let mut script: VecDeque<Reply> = script.into_iter().collect();
        thread::spawn(move || {
            for stream in listener.incoming().take(1000).flatten() {
                let reply = match script.len() {
                    1 => script[0].clone(),
                    _ => script.pop_front().unwrap(),
                };
                let seen = Arc::clone(&seen);
                thread::spawn(move || serve(stream, &reply, &seen));
            }
        });
        Self { port, requests }
    }

    /// Where it answers.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The requests so far: head and body.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

fn serve(mut stream: TcpStream, reply: &Reply, seen: &Mutex<Vec<String>>) {
    let request = read(&mut stream);
    seen.lock().unwrap().push(request.clone());
    match reply {
        Reply::Echo(status) => {
            let body = forms(&request).join("\n");
            serve_answer(&mut stream, *status, "", &body);
        }
        Reply::Endless(bytes, pause) => {
            let mut sent = write!(stream, "HTTP/1.1 200 x\r\nConnection: close\r\n\r\n");
            while sent.is_ok() {
                sent = stream.write_all(bytes).and_then(|()| stream.flush());
                thread::sleep(*pause);
            }
        }
        Reply::Reset => {}
        Reply::Silence(length) => thread::sleep(*length),
        Reply::Answer(status, headers, body) => {
            let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
            serve_answer(&mut stream, *status, &headers, body);
        }
    }
}

fn serve_answer(stream: &mut TcpStream, status: u16, headers: &str, body: &str) {
    let _ = write!(
        stream,
        "HTTP/1.1 {status} x\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n{body}",
        body.len()
    );
}

/// One request: head and body.
pub fn read(stream: &mut TcpStream) -> String {
    let _ = stream.set_read_timeout(Some(Duration::from_secs(10)));
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    while !whole(&bytes) {
        match stream.read(&mut chunk) {
            Ok(0) | Err(_) => break,
            Ok(count) => bytes.extend_from_slice(&chunk[..count]),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn whole(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head.to_lowercase().lines().find_map(|line| {
        let length = line.strip_prefix("content-length:")?;
        length.trim().parse::<usize>().ok()
    });
    body.len() >= length.unwrap_or(0)
}
