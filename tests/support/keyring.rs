//! An API of keys in memory. How it speaks is a function: each API has its own.

use std::io::Write;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

use serde_json::{Map, Value, json};

use crate::support::fake::read;

/// What keys say of their creation, in seconds since 1970.
pub const CREATED: i64 = 1_767_225_600;

/// A key.
#[derive(Clone, Debug)]
pub struct Key {
    pub id: String,
    pub secret: String,
    /// The name, note or description that it was given.
    pub name: String,
    /// Whose it is.
    pub owner: String,
    pub created: i64,
    pub used: Option<i64>,
}

/// What there is, and how the API speaks.
pub struct World {
    pub keys: Vec<Key>,
    pub minted: usize,
    pub requests: Vec<Request>,
    /// Answers to be given in place of the next ones; an empty one is a connection that is lost after the work is done.
    pub troubles: Vec<Option<(u16, Value)>>,
    url: String,
    speak: Speak,
}

pub type Answer = (u16, Value);

/// What an API answers; `None` for what it does not know.
pub type Speak = fn(&mut World, &Request) -> Option<Answer>;

/// A request, taken apart.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    /// Its path, undone of escapes in each step.
    pub steps: Vec<String>,
    pub query: Map<String, Value>,
    pub head: String,
    /// A JSON body, or the fields of a form.
    pub body: Value,
}

/// A running server.
#[derive(Clone)]
pub struct Keyring {
    port: u16,
    world: Arc<Mutex<World>>,
}

impl Keyring {
    pub fn start(speak: Speak) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let world = World {
            keys: Vec::new(),
            minted: 0,
            requests: Vec::new(),
            troubles: Vec::new(),
            url: format!("http://127.0.0.1:{port}"),
            speak,
        };
        let keyring = Self {
            port,
            world: Arc::new(Mutex::new(world)),
        };
        let world = Arc::clone(&keyring.world);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let world = Arc::clone(&world);
                thread::spawn(move || serve(stream, &world));
            }
        });
        keyring
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    /// The secrets of the keys that there are, sorted.
    pub fn secrets(&self) -> Vec<String> {
        let mut secrets: Vec<String> = self
            .world()
            .keys
            .iter()
            .map(|key| key.secret.clone())
            .collect();
        secrets.sort();
        secrets
    }
}

impl World {
    /// Where the server is.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// Makes a key. Ids are numbers in a text, secrets are told apart by them.
    pub fn mint(&mut self, name: &Value, owner: &str) -> Key {
        self.minted += 1;
        let key = Key {
            id: (9_007_199_254_740_992 + self.minted).to_string(),
            secret: format!("made-up-secret-{}", self.minted),
            name: name.as_str().unwrap_or_default().to_owned(),
            owner: owner.to_owned(),
            created: CREATED + i64::try_from(self.minted).unwrap(),
            used: None,
        };
        self.keys.push(key.clone());
        key
    }

    /// The keys of an owner, each in the words of the API.
    pub fn list(&self, owner: &str, word: impl Fn(&Key) -> Value) -> Vec<Value> {
        self.keys
            .iter()
            .filter(|key| key.owner == owner)
            .map(word)
            .collect()
    }

    /// Ends a key; whether there was one.
    pub fn end(&mut self, id: &str) -> bool {
        let before = self.keys.len();
        self.keys.retain(|key| key.id != id);
        self.keys.len() < before
    }

    /// Whether some key has this secret; it is used by that.
    pub fn accepts(&mut self, secret: &str) -> bool {
        let found = self.keys.iter_mut().find(|key| key.secret == secret);
        found.is_some_and(|key| {
            key.used = Some(CREATED + 100);
            true
        })
    }
}

impl Request {
    pub fn header(&self, name: &str) -> String {
        let found = self.head.lines().find_map(|line| {
            let (there, value) = line.split_once(':')?;
            there
                .eq_ignore_ascii_case(name)
                .then(|| value.trim().to_owned())
        });
        found.unwrap_or_default()
    }

    /// The token of `Authorization: Bearer …`.
    pub fn bearer(&self) -> String {
        let header = self.header("authorization");
        header
            .strip_prefix("Bearer ")
            .unwrap_or_default()
            .to_owned()
    }

    pub fn text<'a>(&'a self, pointer: &str) -> &'a str {
        self.body
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// Method and steps, to be matched.
    pub fn route(&self) -> (&str, Vec<&str>) {
        (
            &self.method,
            self.steps.iter().map(String::as_str).collect(),
        )
    }
}

fn serve(mut stream: TcpStream, world: &Mutex<World>) {
    let request = parse(&read(&mut stream));
    let mut world = world.lock().unwrap();
    world.requests.push(request.clone());
    let speak = world.speak;
    let trouble = match world.troubles.is_empty() {
        true => None,
        false => Some(world.troubles.remove(0)),
    };
    let (status, body) = match trouble {
        Some(Some(answer)) => answer,
        Some(None) => {
            speak(&mut world, &request);
            return;
        }
        None => {
            let answer = speak(&mut world, &request);
            answer.unwrap_or((404, json!({ "message": "There is no such thing." })))
        }
    };
    drop(world);
    let body = match body {
        Value::Null => String::new(),
        body => body.to_string(),
    };
    let _ = write!(
        stream,
        "HTTP/1.1 {status} x\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
}

fn parse(text: &str) -> Request {
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
    let mut words = head.split_whitespace();
    let method = words.next().unwrap_or_default().to_owned();
    let target = words.next().unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let body = match body {
        "" => Value::Null,
        body => serde_json::from_str(body).unwrap_or_else(|_| Value::Object(pairs(body))),
    };
    Request {
        method,
        steps: path.split('/').skip(1).map(plain).collect(),
        query: pairs(query),
        head: head.to_owned(),
        body,
    }
}

fn pairs(text: &str) -> Map<String, Value> {
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .map(|(name, value)| (plain(name), plain(value).into()))
        .collect()
}

fn plain(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = (*first == b'%')
            .then(|| {
                after
                    .get(..2)
                    .and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok())
            })
            .flatten();
        (bytes, rest) = match escaped {
            Some(byte) => ([bytes, vec![byte]].concat(), &after[2..]),
            None => (
                [bytes, vec![if *first == b'+' { b' ' } else { *first }]].concat(),
                after,
            ),
        };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
