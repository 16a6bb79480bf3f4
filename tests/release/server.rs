//! Any file server with TLS, and TLS before a server that has none.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::support::authority::Authority;

/// One end of a connection that hangs must not hang the test.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where the answers come from.
#[derive(Clone)]
pub enum Source {
    Folder(PathBuf),
    /// A server without TLS, by its port.
    Behind(u16),
}

/// Serves one source on loopback as long as the tests run, and gives its port.
pub fn start(source: Source, authority: &Authority) -> u16 {
    let config = authority.server("localhost");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (config, source) = (Arc::clone(&config), source.clone());
            // A client that goes away says nothing wrong about another.
            thread::spawn(move || serve(stream, config, &source));
        }
    });
    port
}

fn serve(stream: TcpStream, config: Arc<ServerConfig>, source: &Source) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let connection = ServerConnection::new(config).map_err(io::Error::other)?;
    let mut stream = StreamOwned::new(connection, stream);
    let head = head(&mut stream)?;
    let answer = match source {
        Source::Folder(folder) => file(folder.join(path(&head).trim_start_matches('/'))),
        Source::Behind(port) => relay(*port, &head)?,
    };
    stream.write_all(&answer)?;
    stream.conn.send_close_notify();
    stream.flush()
}

/// Whoever installs sends no bodies.
fn head(stream: &mut impl Read) -> io::Result<String> {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        bytes.push(byte[0]);
    }
    String::from_utf8(bytes).map_err(io::Error::other)
}

fn path(head: &str) -> &str {
    let target = head.split(' ').nth(1).unwrap_or_default();
    target.split('?').next().unwrap_or_default()
}

fn file(path: PathBuf) -> Vec<u8> {
    let kind = match path.extension().and_then(|it| it.to_str()) {
        Some("json") => "application/json",
        _ => "application/octet-stream",
    };
    let (status, content) = match fs::read(&path) {
        Ok(content) => ("200 OK", content),
        Err(_) => ("404 Not Found", Vec::new()),
    };
    let length = content.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    [head.into_bytes(), content].concat()
}

/// One request a connection: the server closes it, and with it ours.
fn relay(port: u16, head: &str) -> io::Result<Vec<u8>> {
    let mut upstream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    upstream.set_read_timeout(Some(PATIENCE))?;
    let closing = head.replacen("\r\n", "\r\nConnection: close\r\n", 1);
    upstream.write_all(closing.as_bytes())?;
    let mut answer = Vec::new();
    upstream.read_to_end(&mut answer)?;
    Ok(answer)
}
