//! The values of the provider block `kubernetes`, with the environment in the place of what it leaves out. Nothing is read
//! from files yet.

use std::path::PathBuf;

use super::exec::Exec;
use crate::error::{Error, Result};
use crate::secret::Secret;
use crate::settings::Settings;
use crate::vendors::environment::{expanded, filled, variable};

/// What the provider block and the environment say.
#[derive(Default)]
pub struct Config {
    pub host: Option<String>,
    pub token: Option<Secret>,
    pub authorities: Option<String>,
    pub client_certificate: Option<String>,
    pub client_key: Option<Secret>,
    pub server_name: Option<String>,
    pub proxy: Option<String>,
    /// Kubeconfigs, of which the first that has something counts.
    pub files: Vec<PathBuf>,
    pub context: Option<String>,
    pub user: Option<String>,
    pub cluster: Option<String>,
    pub exec: Option<Exec>,
    /// Why nothing may be sent with these settings: some of them are not known yet.
    awaited: Option<Error>,
}

impl Config {
    /// Reads the block; a provider without one gets what the environment says.
    pub fn read(block: Option<&Settings<'_>>, awaited: Option<Error>) -> Result<Self> {
        if awaited.is_some() {
            return Ok(Self {
                awaited,
                ..Self::default()
            });
        }
        let text = |name: &str, default: &str| {
            let given = block.and_then(|block| block.string(name)).and_then(filled);
            given.map(str::to_owned).or_else(|| variable(default))
        };
        Ok(Self {
            host: text("host", "KUBE_HOST"),
            token: text("token", "KUBE_TOKEN").map(Secret::new),
            authorities: text("cluster_ca_certificate", "KUBE_CLUSTER_CA_CERT_DATA"),
            client_certificate: text("client_certificate", "KUBE_CLIENT_CERT_DATA"),
            client_key: text("client_key", "KUBE_CLIENT_KEY_DATA").map(Secret::new),
            server_name: text("tls_server_name", "KUBE_TLS_SERVER_NAME"),
            proxy: text("proxy_url", "KUBE_PROXY_URL"),
            files: files(block)?,
            context: text("config_context", "KUBE_CTX"),
            user: text("config_context_auth_info", "KUBE_CTX_AUTH_INFO"),
            cluster: text("config_context_cluster", "KUBE_CTX_CLUSTER"),
            exec: block
                .and_then(|block| block.object("exec"))
                .map(|exec| Exec::read(&exec))
                .transpose()?,
            awaited: None,
        })
    }

    /// An error while some settings are not known yet.
    pub fn settled(&self) -> Result<()> {
        self.awaited.clone().map_or(Ok(()), Err)
    }
}

fn files(block: Option<&Settings<'_>>) -> Result<Vec<PathBuf>> {
    let one = block.and_then(|block| block.string("config_path"));
    let many = block.map_or(Vec::new(), |block| block.strings("config_paths"));
    let given: Vec<PathBuf> = one
        .into_iter()
        .chain(many.iter().copied())
        .filter_map(filled)
        .map(expanded)
        .collect();
    match block {
        Some(block) if one.is_some() && !many.is_empty() => Err(block.wrong(
            "config_paths",
            "config_path and config_paths are both set",
            "Write all paths into config_paths, and remove config_path.",
        )),
        _ if !given.is_empty() => Ok(given),
        _ => Ok(match variable("KUBE_CONFIG_PATHS") {
            Some(list) => std::env::split_paths(&list)
                .filter(|path| !path.as_os_str().is_empty())
                .map(|path| expanded(&path.to_string_lossy()))
                .collect(),
            None => variable("KUBE_CONFIG_PATH")
                .iter()
                .map(|path| expanded(path))
                .collect(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tf_provider::value::ValueAny;

    use super::*;
    use crate::error::Path;

    fn text(value: &str) -> ValueAny {
        ValueAny::String(value.into())
    }

    fn read(entries: &[(&str, ValueAny)]) -> Result<Config> {
        let fields: BTreeMap<String, ValueAny> = entries
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect();
        Config::read(
            Some(&Settings::new(Path::root("kubernetes"), &fields)),
            None,
        )
    }

    #[test]
    fn a_wrong_setting_is_blamed_on_its_attribute() {
        let exec = |entries: &[(&str, &str)]| {
            let fields = entries.iter().map(|(name, it)| ((*name).into(), text(it)));
            [("exec", ValueAny::Map(fields.collect()))]
        };
        let paths = ValueAny::List(vec![text("a")]);
        let v1 = "client.authentication.k8s.io/v1";
        for (entries, path) in [
            (
                &[("config_path", text("a")), ("config_paths", paths)][..],
                "kubernetes.config_paths",
            ),
            (&exec(&[("api_version", v1)]), "kubernetes.exec.command"),
            (&exec(&[("command", "x")]), "kubernetes.exec.api_version"),
            (
                &exec(&[("command", "x"), ("api_version", "v1alpha1")]),
                "kubernetes.exec.api_version",
            ),
        ] {
            let error = read(entries).err().unwrap();
            assert_eq!(error.path.to_string(), path, "{error}");
        }
    }

    #[test]
    fn paths_of_the_block_are_expanded() {
        let config = read(&[("config_path", text("/etc/kube/config"))])
            .ok()
            .unwrap();
        assert_eq!(config.files, [PathBuf::from("/etc/kube/config")]);
    }
}
