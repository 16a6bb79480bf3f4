//! A door before the server that turns some requests away, loses the answers to others, and lets everything else pass.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, SystemTime};

use apikey::instant::Instant;
use chrono::{DateTime, TimeDelta, Utc};

use crate::support::forms::forms;

/// One end of a connection that hangs must not hang the test.
const PATIENCE: Duration = Duration::from_secs(30);

pub struct Door {
    port: u16,
    mood: Arc<Mutex<Mood>>,
    secrets: Secrets,
    operations: Arc<Mutex<Vec<String>>>,
    ahead: Arc<AtomicI64>,
}

/// Secrets that passed.
type Secrets = Arc<Mutex<Vec<String>>>;

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
    /// Those that hold this text are refused, in words that repeat them and every secret that passed, in every form.
    Echoes(&'static str),
    /// Those that hold one of these texts are said to be done and are not.
    Pretends(&'static [&'static str]),
    /// Three in ten fare badly, each in the way that this number tells.
    Storms(u64),
}

/// What becomes of one request.
#[derive(Clone, Copy)]
enum Fate {
    Passes,
    Refused,
    Echoed,
    Pretended,
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
        let secrets = Secrets::default();
        let passed = Arc::clone(&secrets);
        let operations = Arc::<Mutex<Vec<String>>>::default();
        let asked = Arc::clone(&operations);
        let ahead = Arc::new(AtomicI64::new(0));
        let clock = Arc::clone(&ahead);
        thread::spawn(move || {
            for stream in listener.incoming().take(5000).flatten() {
                let (server, mood) = (server.clone(), Arc::clone(&shared));
                let (passed, asked) = (Arc::clone(&passed), Arc::clone(&asked));
                let clock = Arc::clone(&clock);
                thread::spawn(move || pass(stream, &server, &mood, &passed, &asked, &clock));
            }
        });
        Self {
            port,
            mood,
            secrets,
            operations,
            ahead,
        }
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

    /// Refuses requests with this text and repeats in the answer what it knows.
    pub fn echo(&self, with: &'static str) {
        self.set(Mood::Echoes(with));
    }

    /// The names of the operations that were asked for since the last time.
    pub fn take_operations(&self) -> Vec<String> {
        std::mem::take(&mut *self.operations.lock().unwrap())
    }

    /// Says that requests with one of these texts are done, and does nothing.
    pub fn pretend(&self, with: &'static [&'static str]) {
        self.set(Mood::Pretends(with));
    }

    /// From now on the clock of the server seems to be ahead by so many seconds.
    pub fn ahead(&self, seconds: i64) {
        self.ahead.store(seconds, Ordering::SeqCst);
    }

    /// Another secret that it knows.
    pub fn knows(&self, secret: &str) -> &Self {
        self.secrets.lock().unwrap().push(secret.to_owned());
        self
    }

    /// The secrets that it knows.
    pub fn secrets(&self) -> Vec<String> {
        self.secrets.lock().unwrap().clone()
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
            Self::Pretends(with) => match with.iter().any(|text| request.contains(text)) {
                true => Fate::Pretended,
                false => Fate::Passes,
            },
            Self::Echoes(with) => match request.contains(*with) {
                true => Fate::Echoed,
                false => Fate::Passes,
            },
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

fn pass(
    mut client: TcpStream,
    server: &str,
    mood: &Mutex<Mood>,
    secrets: &Secrets,
    operations: &Mutex<Vec<String>>,
    ahead: &AtomicI64,
) -> io::Result<()> {
    client.set_read_timeout(Some(PATIENCE))?;
    let request = read(&mut client)?;
    let asked = operation(&String::from_utf8_lossy(&request));
    operations.lock().unwrap().extend(asked.clone());
    let fate = mood
        .lock()
        .unwrap()
        .fate(&String::from_utf8_lossy(&request));
    match fate {
        Fate::Refused => {
            let body = r#"{"__type":"LimitExceededException","Message":"too many versions"}"#;
            return answer(&mut client, 400, body);
        }
        Fate::Echoed => {
            let words = repeated(&String::from_utf8_lossy(&request), secrets);
            return answer(&mut client, 400, &words);
        }
        Fate::Pretended => {
            let done = format!("<{}Response/>", asked.unwrap_or_default());
            return answer(&mut client, 200, &done);
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
    upstream.write_all(&for_once(&request))?;
    match fate {
        Fate::Unanswered => {
            io::copy(&mut upstream, &mut io::sink())?;
        }
        _ => {
            let mut answer = Vec::new();
            upstream.read_to_end(&mut answer)?;
            learn(&String::from_utf8_lossy(&answer), secrets);
            let ahead = ahead.load(Ordering::SeqCst);
            if ahead != 0 {
                answer = shifted(&String::from_utf8_lossy(&answer), ahead).into_bytes();
            }
            client.write_all(&answer)?;
        }
    };
    Ok(())
}

/// A request that is the only one of its connection.
fn for_once(request: &[u8]) -> Vec<u8> {
    let end = request
        .windows(2)
        .position(|pair| pair == b"\r\n")
        .unwrap_or_default();
    [&request[..end], b"\r\nConnection: close", &request[end..]].concat()
}

/// The operation that a request of either protocol names.
fn operation(request: &str) -> Option<String> {
    let of_json = || request.split_once("x-amz-target: ")?.1.split_once('.');
    let (_, rest) = request.split_once("Action=").or_else(of_json)?;
    Some(
        rest.chars()
            .take_while(char::is_ascii_alphanumeric)
            .collect(),
    )
}

/// The answer as if the clock of the server were ahead: its date, and the dates of the keys that it lists.
fn shifted(answer: &str, seconds: i64) -> String {
    let now = DateTime::<Utc>::from(SystemTime::now()) + TimeDelta::seconds(seconds);
    let date = now.format("%a, %d %b %Y %H:%M:%S GMT");
    let lines = answer
        .split("\r\n")
        .map(|line| match line.starts_with("Date: ") {
            true => format!("Date: {date}"),
            false => line.to_owned(),
        });
    let mut parts = Vec::new();
    for part in lines.collect::<Vec<_>>().join("\r\n").split("<CreateDate>") {
        let shifted = part.split_once("</CreateDate>").map(|(date, rest)| {
            // The fraction of the second stays, and with it the length of the answer.
            let (_, fraction) = date.split_at("2026-01-01T00:00:00".len());
            let date = Instant::parse(date).unwrap().unix() + seconds;
            let date = Instant::from_unix(date).to_string();
            format!(
                "{}{fraction}</CreateDate>{rest}",
                date.trim_end_matches('Z')
            )
        });
        parts.push(shifted.unwrap_or_else(|| part.to_owned()));
    }
    parts.join("<CreateDate>")
}

fn learn(answer: &str, secrets: &Secrets) {
    let new = answer
        .split_once("<SecretAccessKey>")
        .and_then(|(_, rest)| rest.split_once("</SecretAccessKey>"));
    let new = new.map(|(secret, _)| secret.to_owned());
    secrets.lock().unwrap().extend(new);
}

/// An error of AWS, in the protocol of the request, whose words are what was sent and what is known. Its code is no code.
fn repeated(request: &str, secrets: &Secrets) -> String {
    let signature = request.split("Signature=").nth(1).unwrap_or_default();
    let signature = signature.lines().next().unwrap_or_default().to_owned();
    let known = secrets.lock().unwrap().clone();
    // Signatures of other requests are not repeated: nobody who gets this answer knows them.
    let said = known.iter().filter(|it| it.len() == 40).chain([&signature]);
    let words: Vec<String> = said.flat_map(|secret| forms(secret)).collect();
    secrets.lock().unwrap().push(signature.clone());
    let words = format!("\u{1b}[31m{}", words.join("\n"));
    match request.contains("x-amz-json") {
        true => serde_json::json!({ "__type": known[0], "Message": words }).to_string(),
        false => format!(
            "<ErrorResponse><Error><Code>InvalidInput</Code><Message><![CDATA[{words}]]></Message></Error></ErrorResponse>"
        ),
    }
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
