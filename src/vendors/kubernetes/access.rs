//! Where the cluster is, whom to trust, and who calls: worked out from the settings, a kubeconfig, or the pod this runs in.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::exec::{Cluster, Exec};
use super::settings::Config;
use super::{kubeconfig, pod};
use crate::error::{Error, Kind, Result};
use crate::secret::Secret;

/// How a cluster is reached.
#[derive(Default)]
pub struct Access {
    /// The URL of the API server, as it was written.
    pub server: String,
    /// Whom to trust, in PEM.
    pub authorities: Option<String>,
    /// Certificate and key in PEM.
    pub certificate: Option<(String, Secret)>,
    pub server_name: Option<String>,
    pub proxy: Option<String>,
    pub credentials: Credentials,
    /// Whose the credentials are, for people.
    pub who: String,
}

/// What a request carries.
#[derive(Default)]
pub enum Credentials {
    /// Nothing, or the certificate alone.
    #[default]
    Nothing,
    Token(Secret),
    /// Read for each call.
    TokenFile(PathBuf),
    Basic(String, Secret),
    Exec(Exec),
}

impl Access {
    /// What the settings lead to. What the block or the environment says goes before a kubeconfig.
    pub fn find(config: &Config) -> Result<Self> {
        config.settled()?;
        let mut access = match (config.files.as_slice(), &config.host) {
            ([], None) => return with_credentials(pod::access()?, config),
            ([], Some(_)) => Self::default(),
            (files, _) => kubeconfig::access(files, config)?,
        };
        if let Some(host) = &config.host {
            access.server = host.clone();
        }
        if let Some(authorities) = &config.authorities {
            access.authorities = Some(authorities.clone());
        }
        access.server_name = config.server_name.clone().or(access.server_name);
        access.proxy = config.proxy.clone().or(access.proxy);
        with_credentials(access, config)
    }

    /// For an exec plugin.
    pub fn cluster(&self) -> Cluster {
        Cluster {
            server: self.server.clone(),
            tls_server_name: self.server_name.clone(),
            certificate_authority_data: self.authorities.as_ref().map(|pem| STANDARD.encode(pem)),
            proxy_url: self.proxy.clone(),
        }
    }
}

/// Whoever is named by the settings calls, and nobody beside: a server takes the certificate of a request before its token.
fn with_credentials(mut access: Access, config: &Config) -> Result<Access> {
    let pair = match (&config.client_certificate, &config.client_key) {
        (Some(certificate), Some(key)) => Some((certificate.clone(), key.duplicate())),
        (None, None) => None,
        _ => {
            return Err(Error::new(
                Kind::Invalid,
                "Half of a client certificate is set",
                "client_certificate and client_key belong together, as do KUBE_CLIENT_CERT_DATA and KUBE_CLIENT_KEY_DATA. Set \
                 both or neither.",
            ));
        }
    };
    if pair.is_some() || config.exec.is_some() || config.token.is_some() {
        access.who = "the client certificate".to_owned();
        access.certificate = pair;
        access.credentials = Credentials::Nothing;
    }
    if let Some(exec) = &config.exec {
        access.who = format!("the credentials of {:?} (exec)", exec.command);
        access.credentials = Credentials::Exec(exec.clone());
    }
    if let Some(token) = &config.token {
        access.who = "the token".to_owned();
        access.credentials = Credentials::Token(token.duplicate());
    }
    if access.who.is_empty() {
        access.who = "a caller without credentials".to_owned();
    }
    Ok(access)
}

/// The text of a file.
pub fn read(path: &Path, what: &str) -> Result<String> {
    std::fs::read_to_string(path).map_err(|error| {
        Error::new(
            Kind::Invalid,
            format!("{what} cannot be read"),
            format!(
                "{}: {error}. Check the path and who may read it.",
                path.display()
            ),
        )
    })
}
