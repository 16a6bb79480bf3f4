//! A door before the server that turns some requests away, loses the answers to others, and lets everything else pass.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// One end of a connection that hangs must not hang the test.
const PATIENCE: Duration = Duration::from_secs(30);

pub struct Door {
    port: u16,
    mood: Arc<Mutex<Mood>>,
}

/// What happens to requests.
#[derive(Clone, Default)]
enum Mood {
    #[default]
    Open,
    /// Those that hold the one text and not the other are refused.
    Refuses {
        with: &'static str,
        without: &'static str,
    },
    /// The next that holds this text gets through, but its answer does not come back.
    Loses(&'static str),
    /// Three in ten fare badly, each in the way that this number tells.
    Storms(u64),
}

/// What becomes of one request.
#[derive(Clone, Copy)]
enum Fate {
    Passes,
    Refused,
    Throttled,
    Fails,
    Unavailable,
    Reset,
    Slow,
    Unanswered,
}

impl Door {
    /// An open door before this address.
    pub fn before(url: &str) -> Self {
        let server = url.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let mood = Arc::new(Mutex::new(Mood::Open));
        let shared = Arc::clone(&mood);
        thread::spawn(move || {
            for stream in listener.incoming().take(5000).flatten() {
                let (server, mood) = (server.clone(), Arc::clone(&shared));
                thread::spawn(move || pass(stream, &server, &mood));
            }
        });
        Self { port, mood }
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
        self.set(Mood::Refuses { with, without });
    }

    /// Lets the next request with this text through and loses its answer.
    pub fn lose(&self, with: &'static str) {
        self.set(Mood::Loses(with));
    }

    /// Whether there still is an answer to be lost.
    pub fn is_waiting(&self) -> bool {
        matches!(*self.mood.lock().unwrap(), Mood::Loses(_))
    }

    /// From now on three requests in ten are throttled, fail, are cut off, take long, or get no answer.
    pub fn storm(&self, seed: u64) {
        self.set(Mood::Storms(seed));
    }

    pub fn open(&self) {
        self.set(Mood::Open);
    }

    fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }
}

impl Mood {
    fn fate(&mut self, request: &str) -> Fate {
        match self {
            Self::Open => Fate::Passes,
            Self::Refuses { with, without } => {
                match request.contains(*with) && !request.contains(*without) {
                    true => Fate::Refused,
                    false => Fate::Passes,
                }
            }
            Self::Loses(with) if request.contains(*with) => {
                *self = Self::Open;
                Fate::Unanswered
            }
            Self::Loses(_) => Fate::Passes,
            Self::Storms(chance) => {
                // Any generator does, as long as it gives the same again for the same seed.
                *chance = chance
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                match (*chance >> 33) % 20 {
                    0 => Fate::Throttled,
                    1 => Fate::Fails,
                    2 => Fate::Unavailable,
                    3 => Fate::Reset,
                    4 => Fate::Slow,
                    5 => Fate::Unanswered,
                    _ => Fate::Passes,
                }
            }
        }
    }
}

fn pass(mut client: TcpStream, server: &str, mood: &Mutex<Mood>) -> io::Result<()> {
    client.set_read_timeout(Some(PATIENCE))?;
    let request = read(&mut client)?;
    let fate = mood
        .lock()
        .unwrap()
        .fate(&String::from_utf8_lossy(&request));
    match fate {
        Fate::Refused => {
            let body = r#"{"__type":"LimitExceededException","Message":"too many versions"}"#;
            return answer(&mut client, 400, body);
        }
        Fate::Throttled => return answer(&mut client, 429, ""),
        Fate::Fails => return answer(&mut client, 500, ""),
        Fate::Unavailable => return answer(&mut client, 503, ""),
        Fate::Reset => return Ok(()),
        Fate::Slow => thread::sleep(Duration::from_millis(700)),
        Fate::Passes | Fate::Unanswered => {}
    }
    // One request a connection: the server closes it, and with it ours.
    let mut upstream = TcpStream::connect(server)?;
    upstream.set_read_timeout(Some(PATIENCE))?;
    upstream.write_all(&request)?;
    match fate {
        Fate::Unanswered => io::copy(&mut upstream, &mut io::sink())?,
        _ => io::copy(&mut upstream, &mut client)?,
    };
    Ok(())
}

fn answer(client: &mut TcpStream, status: u16, body: &str) -> io::Result<()> {
    write!(
        client,
        "HTTP/1.1 {status} x\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
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
