//! A real API server of Kubernetes with its etcd, on 127.0.0.1.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread::sleep;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair, SanType};
use tempfile::TempDir;

use super::{ADMIN, DEPLOYER};

/// Where `scripts/test.sh` says that both programs are.
const PROGRAMS: &str = "APIKEY_KUBERNETES";

/// The name in the certificate beside the address.
pub const OTHER_NAME: &str = "kubernetes.test";

/// Started in the shell so that both end with the test process, however that ends.
const SCRIPT: &str = r#"
"$1/etcd" --data-dir etcd --listen-client-urls "http://127.0.0.1:$2" --advertise-client-urls "http://127.0.0.1:$2" \
  --listen-peer-urls "http://127.0.0.1:$3" --log-level error & etcd=$!
"$1/kube-apiserver" --etcd-servers="http://127.0.0.1:$2" --bind-address=127.0.0.1 --secure-port="$4" \
  --tls-cert-file=server.crt --tls-private-key-file=server.key --client-ca-file=ca.crt \
  --service-account-issuer=https://kubernetes.default.svc --service-account-key-file=sa.pub \
  --service-account-signing-key-file=sa.key --token-auth-file=tokens.csv --authorization-mode=RBAC \
  --disable-admission-plugins=ServiceAccount --service-cluster-ip-range=10.0.0.0/24 & server=$!
cat >/dev/null
kill $server; wait $server
kill $etcd; wait $etcd
"#;

pub struct Real {
    _shell: Child,
    port: u16,
    pub authority: String,
    /// A certificate of the administrator with its key.
    pub certificate: (String, String),
    _folder: TempDir,
}

impl Real {
    /// The server that all tests of a process share; `None`, and why, where it was not built.
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Real>> = OnceLock::new();
        SHARED
            .get_or_init(|| Some(Self::start(&programs()?)))
            .as_ref()
    }

    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    fn start(programs: &Path) -> Self {
        // Another process may take a free port first; then the next ones are tried.
        let started = (0..3).find_map(|_| Self::try_start(programs));
        started.expect("the API server of Kubernetes starts")
    }

    fn try_start(programs: &Path) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let (authority, certificate) = write_certificates(folder.path());
        let tokens = format!("{ADMIN},admin,1,system:masters\n{DEPLOYER},deployer,2\n");
        fs::write(folder.path().join("tokens.csv"), tokens).unwrap();
        let ports = free_ports();
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let shell = Command::new("sh")
            .args(["-c", SCRIPT, "kubernetes"])
            .arg(programs)
            .args(ports.map(|port| port.to_string()))
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let real = Self {
            _shell: shell,
            port: ports[2],
            authority,
            certificate,
            _folder: folder,
        };
        real.is_ready().then_some(real)
    }

    /// It answers some time before it is ready.
    fn is_ready(&self) -> bool {
        (0..600).any(|_| {
            sleep(Duration::from_millis(100));
            TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok() && self.says_ready()
        })
    }

    fn says_ready(&self) -> bool {
        let asked = std::thread::scope(|scope| {
            scope
                .spawn(|| {
                    let runtime = tokio::runtime::Builder::new_current_thread()
                        .enable_all()
                        .build()
                        .unwrap();
                    runtime.block_on(async {
                        let _ = rustls::crypto::ring::default_provider().install_default();
                        let authority =
                            reqwest::Certificate::from_pem(self.authority.as_bytes()).unwrap();
                        let client = reqwest::Client::builder()
                            .no_proxy()
                            .tls_certs_only([authority]);
                        let request = client
                            .build()
                            .unwrap()
                            .get(format!("{}/readyz", self.url()));
                        let answer = request.bearer_auth(ADMIN).send().await;
                        answer.is_ok_and(|answer| answer.status().is_success())
                    })
                })
                .join()
        });
        asked.unwrap()
    }
}

/// Where the programs are, unless the tests are to do without.
fn programs() -> Option<PathBuf> {
    let given = std::env::var_os(PROGRAMS).filter(|path| !path.is_empty());
    if let Some(path) = given {
        return Some(path.into());
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = Command::new(root.join("scripts/get-kubernetes.sh"))
        .env("APIKEY_BUILD_KUBERNETES", "no")
        .output()
        .ok()?;
    if found.status.success() {
        return Some(String::from_utf8(found.stdout).unwrap().trim().into());
    }
    let why = String::from_utf8_lossy(&found.stderr);
    eprintln!(
        "Skipped: what needs a real API server of Kubernetes. {}",
        why.trim()
    );
    None
}

fn free_ports() -> [u16; 3] {
    let free = [(); 3].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
    free.map(|listener| listener.local_addr().unwrap().port())
}

/// An authority, a certificate of the server by it and one of the administrator, and the keys for service accounts. The
/// authority and the administrator's pair are told.
fn write_certificates(folder: &Path) -> (String, (String, String)) {
    let put = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
        .distinguished_name
        .push(DnType::CommonName, "authority of a test");
    let authority = params.self_signed(&key).unwrap();
    put("ca.crt", &authority.pem());

    let server_key = KeyPair::generate().unwrap();
    let mut server = CertificateParams::new(vec![OTHER_NAME.to_owned()]).unwrap();
    server
        .subject_alt_names
        .push(SanType::IpAddress(Ipv4Addr::LOCALHOST.into()));
    put(
        "server.crt",
        &server
            .signed_by(&server_key, &authority, &key)
            .unwrap()
            .pem(),
    );
    put("server.key", &server_key.serialize_pem());

    let admin_key = KeyPair::generate().unwrap();
    let mut admin = CertificateParams::default();
    admin.distinguished_name.push(DnType::CommonName, "admin");
    admin
        .distinguished_name
        .push(DnType::OrganizationName, "system:masters");
    let admin = admin.signed_by(&admin_key, &authority, &key).unwrap().pem();

    let accounts = KeyPair::generate().unwrap();
    put("sa.key", &accounts.serialize_pem());
    put("sa.pub", &accounts.public_key_pem());
    (authority.pem(), (admin, admin_key.serialize_pem()))
}
