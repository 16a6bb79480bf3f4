//! A command that hands out credentials for a cluster, as `kubectl` runs it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::process::Command;
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::error::{Error, Kind, Result};
use crate::instant::Instant;
use crate::secret::Secret;
use crate::settings::Settings;

/// It ends a command that waits for something.
const LONGEST: Duration = Duration::from_secs(60);

/// The versions in which a command can answer.
const VERSIONS: &[&str] = &[
    "client.authentication.k8s.io/v1",
    "client.authentication.k8s.io/v1beta1",
];

/// What to run. Its arguments and variables may hold secrets.
#[derive(Clone)]
pub struct Exec {
    pub api_version: String,
    pub command: String,
    pub args: Vec<String>,
    pub env: BTreeMap<String, String>,
    /// Where a relative command starts: beside the kubeconfig that names it.
    pub folder: Option<PathBuf>,
    /// Whether it is told of the cluster.
    pub provide_cluster_info: bool,
}

/// The credentials that it handed out.
pub struct Issued {
    pub token: Option<Secret>,
    /// Certificate and key.
    pub certificate: Option<(String, Secret)>,
    pub until: Option<Instant>,
}

/// The cluster, for a command that wants to know.
#[derive(Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Cluster {
    pub server: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_server_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate_authority_data: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy_url: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Info<'a> {
    api_version: &'a str,
    kind: &'static str,
    spec: InfoSpec<'a>,
}

#[derive(Serialize)]
struct InfoSpec<'a> {
    interactive: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<&'a Cluster>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExecCredential {
    api_version: String,
    status: Option<Status>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    expiration_timestamp: Option<String>,
    token: Option<String>,
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
}

impl Exec {
    /// Reads the block `exec`.
    pub fn read(settings: &Settings<'_>) -> Result<Self> {
        settings.required_string("api_version")?;
        let version = settings
            .one_of("api_version", VERSIONS)?
            .unwrap_or_default();
        let env = settings.string_map("env").into_iter();
        Ok(Self {
            api_version: version.to_owned(),
            command: settings.required_string("command")?.to_owned(),
            args: settings
                .strings("args")
                .into_iter()
                .map(str::to_owned)
                .collect(),
            env: env
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            folder: None,
            provide_cluster_info: false,
        })
    }

    /// Whether a command can answer in this version.
    pub fn is_version(text: &str) -> bool {
        VERSIONS.contains(&text)
    }

    /// Runs the command. What it prints may hold a secret and is never shown.
    pub async fn run(&self, cluster: &Cluster) -> Result<Issued> {
        let info = Info {
            api_version: &self.api_version,
            kind: "ExecCredential",
            spec: InfoSpec {
                interactive: false,
                cluster: self.provide_cluster_info.then_some(cluster),
            },
        };
        let info =
            serde_json::to_string(&info).map_err(|_| self.failed("cannot be told what for"))?;
        let running = Command::new(self.program())
            .args(&self.args)
            .envs(&self.env)
            .env("KUBERNETES_EXEC_INFO", info)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let output = match timeout(LONGEST, running).await {
            Err(_) => return Err(self.failed("took longer than a minute and was ended")),
            Ok(Err(_)) => return Err(self.failed("could not be started")),
            Ok(Ok(output)) => output,
        };
        let printed = Zeroizing::new(output.stdout);
        match output.status.code() {
            Some(0) => self.understand(&printed),
            Some(code) => Err(self.failed(&format!("ended with exit status {code}"))),
            None => Err(self.failed("was ended by a signal")),
        }
    }

    fn program(&self) -> PathBuf {
        let command = Path::new(&self.command);
        match &self.folder {
            Some(folder) if command.components().count() > 1 => folder.join(command),
            _ => command.to_owned(),
        }
    }

    fn understand(&self, printed: &[u8]) -> Result<Issued> {
        let credential: ExecCredential = serde_json::from_slice(printed)
            .map_err(|_| self.failed("printed something else than an ExecCredential"))?;
        if credential.api_version != self.api_version {
            return Err(self.failed("answered in another api_version than the one that is set"));
        }
        let status = credential
            .status
            .ok_or_else(|| self.failed("printed no status"))?;
        let certificate = status.client_certificate_data.zip(status.client_key_data);
        if status.token.is_none() && certificate.is_none() {
            return Err(
                self.failed("printed neither a token nor a client certificate with its key")
            );
        }
        let until = status.expiration_timestamp.as_deref();
        Ok(Issued {
            token: status.token.map(Secret::new),
            certificate: certificate.map(|(certificate, key)| (certificate, Secret::new(key))),
            until: until.and_then(Instant::parse),
        })
    }

    fn failed(&self, how: &str) -> Error {
        Error::new(
            Kind::Unavailable,
            "The credentials for Kubernetes could not be obtained",
            format!(
                "The command {:?} (exec) {how}. What it printed may hold a secret and is not shown; run it by hand to see \
                 it.",
                self.command
            ),
        )
    }
}
