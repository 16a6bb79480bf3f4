//! A server that keys open, while it is told to accept them. The request of `verification` goes there.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

type Event = Box<dyn FnOnce() + Send>;

#[derive(Clone)]
pub struct Gate {
    port: u16,
    open: Arc<AtomicBool>,
    bearers: Arc<Mutex<Vec<String>>>,
    heads: Arc<Mutex<Vec<String>>>,
    event: Arc<Mutex<Option<Event>>>,
    dead: Arc<Mutex<Vec<String>>>,
}

impl Gate {
    pub fn open() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let gate = Self {
            port: listener.local_addr().unwrap().port(),
            open: Arc::new(AtomicBool::new(true)),
            bearers: Arc::default(),
            heads: Arc::default(),
            event: Arc::default(),
            dead: Arc::default(),
        };
        let server = gate.clone();
        thread::spawn(move || {
            for stream in listener.incoming().take(1000).flatten() {
                server.answer(stream);
            }
        });
        gate
    }

    pub fn accept(&self, accept: bool) {
        self.open.store(accept, Ordering::SeqCst);
    }

    /// Refuses one key from now on.
    pub fn revoke(&self, bearer: &str) {
        self.dead.lock().unwrap().push(bearer.to_owned());
    }

    /// Accepts again whatever was refused alone.
    pub fn forgive(&self) {
        self.dead.lock().unwrap().clear();
    }

    /// Something that happens while the next request is under way.
    pub fn meanwhile(&self, event: impl FnOnce() + Send + 'static) {
        *self.event.lock().unwrap() = Some(Box::new(event));
    }

    /// The secrets that knocked, in order.
    pub fn bearers(&self) -> Vec<String> {
        self.bearers.lock().unwrap().clone()
    }

    /// The heads of the requests, in order.
    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }

    /// The setting of a key that is proved here.
    pub fn setting(&self) -> String {
        format!(
            r#"verification = {{
    url         = "http://127.0.0.1:{}/whoami"
    headers     = {{ Authorization = "Bearer {{{{secret}}}}" }}
    timeout     = "2s"
    interval    = "1s"
    consecutive = 1
  }}"#,
            self.port
        )
    }

    fn answer(&self, mut stream: TcpStream) {
        let _ = stream.set_read_timeout(Some(Duration::from_secs(10)));
        let mut head = Vec::new();
        let mut chunk = [0; 4096];
        while !head.windows(4).any(|end| end == b"\r\n\r\n") {
            match stream.read(&mut chunk) {
                Ok(0) | Err(_) => return,
                Ok(count) => head.extend_from_slice(&chunk[..count]),
            }
        }
        if let Some(event) = self.event.lock().unwrap().take() {
            event();
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let bearer = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            let bearer = value.strip_prefix("Bearer ")?;
            name.eq_ignore_ascii_case("authorization")
                .then(|| bearer.to_owned())
        });
        let dead = self.dead.lock().unwrap().clone();
        let is_dead = bearer.as_ref().is_some_and(|bearer| dead.contains(bearer));
        self.bearers.lock().unwrap().extend(bearer);
        self.heads.lock().unwrap().push(head.clone());
        let status = match self.open.load(Ordering::SeqCst) && !is_dead {
            true => "200 OK",
            false => "401 Unauthorized",
        };
        let _ = write!(
            stream,
            "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
    }
}
