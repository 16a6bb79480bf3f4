//! A real PostgreSQL server on 127.0.0.1, with passwords and TLS.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::Duration;

use super::is_superuser;

/// Started in the shell so that it ends with the test process, however that ends: the shell waits for the end of its
/// standard input, stops the one server it started, and clears up.
const SCRIPT: &str = r#""$1" -D "$2/data" -p "$3" & server=$!; cat >/dev/null; kill -INT $server; wait $server; rm -rf "$2""#;

/// Nobody owns the server where the tests run as the superuser, whom PostgreSQL refuses.
const NOBODY: u32 = 65534;

/// The user of the tests, who may do everything.
pub const USER: &str = "apikey";
/// Made up, with characters that a URL has to escape, and long enough to be found again.
pub const PASSWORD: &str = "canary/pass:word@1";
/// The same in a URL.
pub const PASSWORD_IN_URL: &str = "canary%2Fpass%3Aword%401";

/// A running server.
pub struct Postgres {
    shell: Child,
    port: u16,
    home: PathBuf,
}

impl Postgres {
    /// The server that tests share; each uses a schema of its own.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// A URL of the database that the tests share, without TLS.
    pub fn url(&self) -> String {
        self.url_of("127.0.0.1", "apikey", "sslmode=disable")
    }

    /// A URL with another host name, database and options.
    pub fn url_of(&self, host: &str, database: &str, options: &str) -> String {
        let port = self.port;
        format!("postgres://{USER}:{PASSWORD_IN_URL}@{host}:{port}/{database}?{options}")
    }

    /// A schema that no other test uses.
    pub fn schema() -> String {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        format!(
            "test_{}_{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        )
    }

    /// The certificate of the authority behind the certificate of the server, which is for `localhost`.
    pub fn authority(&self) -> String {
        self.home.join("ca.pem").display().to_string()
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A server of one's own.
    pub fn start() -> Self {
        // Another process may take the free port first; then the next one is tried.
        let started = (0..3).find_map(|_| Self::try_start());
        started.expect("PostgreSQL starts")
    }

    fn try_start() -> Option<Self> {
        let home = tempfile::Builder::new()
            .prefix("apikey-postgres-")
            .tempdir()
            .unwrap()
            .keep();
        fs::write(home.join("password"), PASSWORD).unwrap();
        certificates(&home);
        if is_superuser() {
            for entry in fs::read_dir(&home).unwrap() {
                std::os::unix::fs::chown(entry.unwrap().path(), Some(NOBODY), Some(NOBODY))
                    .unwrap();
            }
            std::os::unix::fs::chown(&home, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        initialise(&home);
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let shell = as_somebody(Command::new("sh"))
            .args(["-c", SCRIPT, "postgres"])
            .args([program("postgres"), home.clone(), port.to_string().into()])
            .current_dir(&home)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self { shell, port, home };
        let ready = (0..300).any(|_| {
            sleep(Duration::from_millis(100));
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() && server.create_databases()
        });
        ready.then_some(server)
    }

    fn create_databases(&self) -> bool {
        ["apikey", "encrypted"].iter().all(|name| {
            let create = format!("CREATE DATABASE {name}");
            let made = self.psql("postgres", &create);
            made.status.success()
                || String::from_utf8_lossy(&made.stderr).contains("already exists")
        })
    }

    /// Runs SQL as a person would.
    pub fn psql(&self, database: &str, sql: &str) -> Output {
        Command::new(program("psql"))
            .args([
                "-h",
                "127.0.0.1",
                "-p",
                &self.port.to_string(),
                "-U",
                USER,
                "-d",
                database,
            ])
            .args(["-v", "ON_ERROR_STOP=1", "-X", "-A", "-t", "-c", sql])
            .env("PGPASSWORD", PASSWORD)
            .output()
            .unwrap()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

fn initialise(home: &Path) {
    let made = as_somebody(Command::new(program("initdb")))
        .arg("-D")
        .arg(home.join("data"))
        .args([
            "-U",
            USER,
            "-A",
            "scram-sha-256",
            "--no-sync",
            "-E",
            "UTF8",
            "--locale=C",
        ])
        .arg(format!("--pwfile={}", home.join("password").display()))
        .current_dir(home)
        .output()
        .unwrap();
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let place = home.display();
    let settings = format!(
        "listen_addresses = '127.0.0.1'\nunix_socket_directories = '{place}'\nfsync = off\nmax_connections = 300\n\
         ssl = on\nssl_cert_file = '{place}/server.pem'\nssl_key_file = '{place}/server.key'\n"
    );
    let access = "hostnossl encrypted all all reject\nhost all all all scram-sha-256\n";
    let conf = home.join("data/postgresql.conf");
    let conf_text = fs::read_to_string(&conf).unwrap();
    fs::write(&conf, conf_text + &settings).unwrap();
    fs::write(home.join("data/pg_hba.conf"), access).unwrap();
}

fn certificates(home: &Path) {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
    let authority_key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = authority.self_signed(&authority_key).unwrap();
    let key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let server = server.signed_by(&key, &authority, &authority_key).unwrap();
    fs::write(home.join("ca.pem"), authority.pem()).unwrap();
    fs::write(home.join("server.pem"), server.pem()).unwrap();
    fs::write(home.join("server.key"), key.serialize_pem()).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(home.join("server.key"), mode).unwrap();
}

fn as_somebody(mut command: Command) -> Command {
    if is_superuser() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

/// A program of the server: on the PATH, or where distributions hide it.
fn program(name: &str) -> PathBuf {
    let directories = std::env::var_os("PATH").unwrap_or_default();
    let mut found: Vec<PathBuf> = std::env::split_paths(&directories)
        .map(|directory| directory.join(name))
        .filter(|path| path.is_file())
        .collect();
    let hidden = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let mut hidden: Vec<PathBuf> = hidden
        .map(|version| version.path().join("bin").join(name))
        .filter(|path| path.is_file())
        .collect();
    hidden.sort();
    found.extend(hidden.pop());
    found.into_iter().next().unwrap_or_else(|| {
        panic!("{name} of PostgreSQL is missing: install it, such as with apt-get install postgresql-15")
    })
}
