//! The pod that this runs in: its service account, and the API server beside it.

use std::path::Path;

use super::access::{Access, Credentials, read};
use crate::error::{Error, Kind, Result};
use crate::vendors::environment::variable;

const FOLDER: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// How the cluster of this pod is reached. The token is read again for each call, for it is replaced every hour.
pub fn access() -> Result<Access> {
    let (Some(host), Some(port)) = (
        variable("KUBERNETES_SERVICE_HOST"),
        variable("KUBERNETES_SERVICE_PORT"),
    ) else {
        return Err(nowhere());
    };
    let folder = Path::new(FOLDER);
    let host = match host.contains(':') {
        true => format!("[{host}]"),
        false => host,
    };
    let token = folder.join("token");
    if !token.exists() {
        return Err(nowhere());
    }
    Ok(Access {
        server: format!("https://{host}:{port}"),
        authorities: Some(read(
            &folder.join("ca.crt"),
            "the certificates of the cluster",
        )?),
        credentials: Credentials::TokenFile(token),
        who: "the service account of this pod".to_owned(),
        ..Access::default()
    })
}

fn nowhere() -> Error {
    Error::new(
        Kind::Invalid,
        "No Kubernetes cluster is named",
        "Nothing says where it is, and this does not run in a pod with a service account. Set host or config_path in the \
         kubernetes block of the provider, or KUBE_HOST or KUBE_CONFIG_PATH in the environment. As in hashicorp/kubernetes, \
         ~/.kube/config is only read where it is named.",
    )
}
