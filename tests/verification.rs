use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use apikey::engine::verification::{Verdict, Verification};
use apikey::error::{Kind, Path};
use apikey::http::Http;
use apikey::issuers::Probe;
use apikey::secret::Secret;
use apikey::settings::Settings;
use tf_provider::value::ValueAny;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::support::child::inside;

/// Holds what JSON, forms and Basic authentication write differently.
const CANARY: &str = "made-up+canary/\"quoted\"=";

type Answer = fn(&str) -> String;

/// A server on this machine that gives every request to `answer` and remembers it.
struct Server {
    address: String,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = seen.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, answer, log.clone()));
            }
        });
        Self { address, seen }
    }

    fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

async fn serve(mut stream: TcpStream, answer: Answer, seen: Arc<Mutex<Vec<String>>>) {
    let mut request = String::new();
    let mut buffer = [0; 4096];
    while !complete(&request) {
        let count = stream.read(&mut buffer).await.unwrap_or(0);
        if count == 0 {
            return;
        }
        request.push_str(&String::from_utf8_lossy(&buffer[..count]));
    }
    let text = answer(&request);
    seen.lock().unwrap().push(request);
    let _ = stream.write_all(text.as_bytes()).await;
}

fn complete(request: &str) -> bool {
    let Some((head, body)) = request.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head.lines().find_map(|line| {
        line.to_ascii_lowercase()
            .strip_prefix("content-length: ")?
            .parse()
            .ok()
    });
    body.len() >= length.unwrap_or(0)
}

fn reply(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

fn text(value: &str) -> ValueAny {
    ValueAny::String(value.into())
}

fn map<const N: usize>(entries: [(&str, ValueAny); N]) -> ValueAny {
    ValueAny::Map(entries.map(|(name, value)| (name.to_owned(), value)).into())
}

fn verification<const N: usize>(url: &str, more: [(&str, ValueAny); N]) -> Verification {
    let mut fields = BTreeMap::from([
        ("url".to_owned(), text(url)),
        ("interval".to_owned(), text("1s")),
    ]);
    fields.extend(more.map(|(name, value)| (name.to_owned(), value)));
    let http = Arc::new(Http::new(CancellationToken::new()));
    let settings = Settings::new(Path::root("verification"), &fields);
    Verification::from_settings(&settings, http).unwrap()
}

fn bearer() -> (&'static str, ValueAny) {
    (
        "headers",
        map([("Authorization", text("Bearer {{secret}}"))]),
    )
}

async fn attempt(verification: &Verification) -> apikey::error::Result<Probe> {
    verification
        .attempt(Some("id-1"), &Secret::new(CANARY.into()))
        .await
}

async fn refusal(verification: &Verification) -> String {
    match attempt(verification).await.unwrap() {
        Probe::Refused(reason) => reason,
        Probe::Accepted => panic!("accepted"),
    }
}

#[tokio::test]
async fn the_key_arrives_in_headers_and_body_and_is_proved() {
    let server = Server::start(|_| reply("204 No Content", "")).await;
    let headers = map([
        ("X-Api-Key", text("{{key_id}}:{{secret}}")),
        ("Content-Type", text("application/json")),
    ]);
    let fields = [
        ("method", text("POST")),
        ("headers", headers),
        ("body", text("{\"key\":\"{{secret}}\"}")),
        ("consecutive", ValueAny::Number(2)),
    ];
    let verification = verification(&format!("{}/check?x=1", server.address), fields);
    // In a task of its own, as requests from Terraform are: the proof must be able to change threads.
    let proof = tokio::spawn(async move {
        let (secret, stop) = (Secret::new(CANARY.into()), CancellationToken::new());
        verification.verify(Some("id-1"), &secret, &stop).await
    });
    let proof = proof.await.unwrap().unwrap();
    assert!(proof.is_verified());
    assert_eq!(server.seen().len(), 2);
    for request in server.seen() {
        assert!(
            request.starts_with("POST /check?x=1 HTTP/1.1\r\n"),
            "{request}"
        );
        assert!(
            request.contains(&format!("x-api-key: id-1:{CANARY}\r\n")),
            "{request}"
        );
        assert!(
            request.ends_with("\r\n\r\n{\"key\":\"made-up+canary/\\\"quoted\\\"=\"}"),
            "{request}"
        );
    }
}

#[tokio::test]
async fn basic_authentication_carries_id_and_secret() {
    let server = Server::start(|_| reply("200 OK", "")).await;
    let pair = map([
        ("username", text("{{key_id}}")),
        ("password", text("{{secret}}")),
    ]);
    let verification = verification(&server.address, [("basic_auth", pair)]);
    assert_eq!(attempt(&verification).await, Ok(Probe::Accepted));
    // base64 of id-1: and the canary
    let expected = "authorization: Basic aWQtMTptYWRlLXVwK2NhbmFyeS8icXVvdGVkIj0=\r\n";
    assert!(server.seen()[0].contains(expected), "{}", server.seen()[0]);
}

#[tokio::test]
async fn of_an_answer_only_the_status_is_shown() {
    for (status, answer) in [
        (
            "401 Unauthorized",
            (|request| reply("401 made-up-canary", request)) as Answer,
        ),
        ("403 Forbidden", |request| {
            reply("403 made-up-canary", request)
        }),
        ("404 Not Found", |request| {
            reply("404 made-up-canary", request)
        }),
        ("422 Unprocessable Entity", |request| {
            reply("422 made-up-canary", request)
        }),
    ] {
        let server = Server::start(answer).await;
        let json = map([("Content-Type", text("application/json"))]);
        let body = (
            "body_wo",
            text("{\"k\":\"{{secret}}\",\"mine\":\"admin-canary\"}"),
        );
        let fields = [("method", text("POST")), ("headers", json), body];
        let verification = verification(&server.address, fields);
        let reason = refusal(&verification).await;
        assert!(reason.starts_with(&format!("HTTP {status}")), "{reason}");
        assert!(
            !format!("{reason} {verification:?}").contains("canary"),
            "{reason}"
        );
    }
}

#[tokio::test]
async fn a_busy_server_says_nothing_about_the_key() {
    for status in [
        "429 Too Many Requests",
        "503 Service Unavailable",
        "408 Request Timeout",
    ] {
        let answer: Answer = match &status[..3] {
            "429" => |_| reply("429 Too Many Requests", "slow down"),
            "503" => |_| reply("503 Service Unavailable", "slow down"),
            _ => |_| reply("408 Request Timeout", "slow down"),
        };
        let server = Server::start(answer).await;
        let error = attempt(&verification(&server.address, [bearer()]))
            .await
            .unwrap_err();
        assert_eq!(error.kind, Kind::Unavailable);
        assert!(
            error.detail.contains(status) && !error.detail.contains("slow down"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn only_the_expected_status_is_a_success() {
    let server = Server::start(|_| reply("200 OK", "")).await;
    let expected = (
        "expected_status",
        ValueAny::List(vec![ValueAny::Number(418), ValueAny::Number(503)]),
    );
    let reason = refusal(&verification(&server.address, [expected.clone(), bearer()])).await;
    assert!(reason.starts_with("HTTP 200 OK"), "{reason}");
    let server = Server::start(|_| reply("503 Service Unavailable", "")).await;
    assert_eq!(
        attempt(&verification(&server.address, [expected, bearer()])).await,
        Ok(Probe::Accepted)
    );
}

#[tokio::test]
async fn a_redirect_does_not_carry_the_key_away() {
    let server = Server::start(|request| match request.starts_with("GET /elsewhere") {
        true => reply("200 OK", ""),
        false => "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".into(),
    })
    .await;
    let reason = refusal(&verification(&server.address, [bearer()])).await;
    assert!(reason.contains("set the final address in url"), "{reason}");
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn nobody_there_is_unavailable_and_ends_with_the_bound() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/x?token=canary", listener.local_addr().unwrap());
    drop(listener);
    let fields = [
        bearer(),
        ("timeout", text("2s")),
        ("consecutive", ValueAny::Number(1)),
    ];
    let verification = verification(&url, fields);
    let secret = Secret::new(CANARY.into());
    let proof = verification
        .verify(None, &secret, &CancellationToken::new())
        .await
        .unwrap();
    assert_eq!(proof.verdict, Verdict::Unverified);
    let reason = proof.last_reason.unwrap();
    assert!(
        reason.contains("refused") && !reason.contains("canary"),
        "{reason}"
    );
}

#[tokio::test]
async fn a_server_that_never_answers_is_unavailable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let verification = verification(&url, [bearer(), ("request_timeout", text("1s"))]);
    let error = attempt(&verification).await.unwrap_err();
    assert_eq!(error.kind, Kind::Unavailable);
    let bound = "no whole answer within 1 seconds";
    assert!(error.detail.contains(bound), "{error}");
}

#[tokio::test]
async fn a_key_that_does_not_fit_a_header_is_refused_without_being_shown() {
    let verification = verification("http://127.0.0.1:9/", [bearer()]);
    let error = verification
        .attempt(None, &Secret::new("canary\r\nX-Evil: 1".into()))
        .await
        .unwrap_err();
    assert_eq!(error.kind, Kind::Invalid);
    assert!(
        error
            .summary
            .contains("does not fit in the header authorization"),
        "{error}"
    );
    assert!(!format!("{error:?}").contains("canary"));
}

#[tokio::test]
async fn a_missing_id_is_told_before_anything_is_sent() {
    let headers = map([("X-Key", text("{{key_id}}"))]);
    let verification = verification("http://127.0.0.1:9/", [("headers", headers)]);
    let error = verification
        .attempt(None, &Secret::new(CANARY.into()))
        .await
        .unwrap_err();
    assert!(
        error.detail.contains("{{key_id}} cannot be filled in"),
        "{error}"
    );
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_most_talkative_log_does_not_hold_the_secret() {
    // Whether anybody listens to a message is remembered for all threads: beside other tests it may be that nobody does.
    let test = "the_most_talkative_log_does_not_hold_the_secret";
    if !inside(module_path!(), test, &[]) {
        return;
    }
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let server = Server::start(|request| reply("401 Unauthorized", request)).await;
    refusal(&verification(
        &format!("{}/?token=canary", server.address),
        [bearer()],
    ))
    .await;
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(text.contains("verification answered"), "{text}");
    assert!(!text.contains("canary"), "{text}");
}
