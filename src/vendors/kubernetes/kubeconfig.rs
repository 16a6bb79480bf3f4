//! Kubeconfigs, merged as `kubectl` does: of several files, the first that has a name counts.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::access::{Access, Credentials, read};
use super::exec::Exec;
use super::settings::Config;
use crate::error::{Error, Kind, Result};
use crate::secret::Secret;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", default)]
#[derive(Default)]
struct File {
    current_context: Option<String>,
    clusters: Option<Vec<Named<Wrapped>>>,
    contexts: Option<Vec<Named<Wrapped>>>,
    users: Option<Vec<Named<Wrapped>>>,
}

#[derive(Deserialize)]
struct Named<T> {
    name: String,
    #[serde(flatten)]
    value: T,
}

/// What stands under the word of its list.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Wrapped {
    cluster: Option<Cluster>,
    context: Option<Context>,
    user: Option<User>,
}

#[derive(Clone, Deserialize, Default)]
#[serde(rename_all = "kebab-case", default)]
struct Cluster {
    server: Option<String>,
    certificate_authority: Option<String>,
    certificate_authority_data: Option<String>,
    insecure_skip_tls_verify: Option<bool>,
    tls_server_name: Option<String>,
    proxy_url: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Context {
    cluster: Option<String>,
    user: Option<String>,
}

#[derive(Clone, Deserialize, Default)]
#[serde(rename_all = "kebab-case", default)]
struct User {
    client_certificate: Option<String>,
    client_certificate_data: Option<String>,
    client_key: Option<String>,
    client_key_data: Option<Zeroizing<String>>,
    token: Option<Zeroizing<String>>,
    #[serde(rename = "tokenFile")]
    token_file: Option<String>,
    username: Option<String>,
    password: Option<Zeroizing<String>>,
    exec: Option<ExecOf>,
    auth_provider: Option<serde::de::IgnoredAny>,
    r#as: Option<String>,
}

#[derive(Clone, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct ExecOf {
    api_version: String,
    command: String,
    args: Option<Vec<String>>,
    env: Option<Vec<Variable>>,
    provide_cluster_info: bool,
}

#[derive(Clone, Deserialize)]
struct Variable {
    name: String,
    value: String,
}

/// All files, each with the folder that its relative paths start at.
struct Files(Vec<(PathBuf, File)>);

/// How the cluster is reached that the kubeconfigs and the settings name.
pub fn access(paths: &[PathBuf], config: &Config) -> Result<Access> {
    let files = Files::read(paths)?;
    let context = files.context(config)?;
    let cluster = config.cluster.as_ref().or(context.cluster.as_ref());
    let user = config.user.as_ref().or(context.user.as_ref());
    let mut access = Access::default();
    if let Some(name) = cluster {
        files.reach(name, &mut access)?;
    }
    if let Some(name) = user {
        files.identify(name, &mut access)?;
    }
    match access.server.is_empty() && config.host.is_none() {
        true => Err(wrong(
            "The kubeconfig names no cluster",
            "Choose a context that has one (config_context or KUBE_CTX), or set a current-context.",
        )),
        false => Ok(access),
    }
}

impl Files {
    fn read(paths: &[PathBuf]) -> Result<Self> {
        let mut files = Vec::new();
        for path in paths {
            // Of several files, some may not be there.
            if paths.len() > 1 && !path.exists() {
                continue;
            }
            let text = Zeroizing::new(read(path, "The kubeconfig")?);
            let file: Option<File> = serde_saphyr::from_str(&text).map_err(|error| {
                // The words of the error may repeat what stands in the file.
                let line = error
                    .location()
                    .map_or(String::new(), |at| format!(" in line {}", at.line()));
                wrong(
                    "The kubeconfig is not understood",
                    format!(
                        "{} is no kubeconfig{line}. Check it with kubectl config view.",
                        path.display()
                    ),
                )
            })?;
            let folder = path.parent().unwrap_or(Path::new("")).to_owned();
            files.push((folder, file.unwrap_or_default()));
        }
        match files.is_empty() {
            true => Err(wrong(
                "No kubeconfig was found",
                format!("None of these files is there: {}.", listed(paths)),
            )),
            false => Ok(Self(files)),
        }
    }

    fn find(
        &self,
        name: &str,
        list: fn(&File) -> Option<&Vec<Named<Wrapped>>>,
    ) -> Option<(&Path, &Wrapped)> {
        self.0.iter().find_map(|(folder, file)| {
            let named = list(file)?.iter().find(|named| named.name == name)?;
            Some((folder.as_path(), &named.value))
        })
    }

    fn context(&self, config: &Config) -> Result<&Context> {
        static NONE: Context = Context {
            cluster: None,
            user: None,
        };
        let current = || {
            self.0
                .iter()
                .find_map(|(_, file)| file.current_context.as_ref())
        };
        let current = config
            .context
            .as_ref()
            .or_else(current)
            .filter(|name| !name.is_empty());
        let Some(name) = current else {
            return Ok(&NONE);
        };
        let found = self.find(name, |file| file.contexts.as_ref());
        let context = found.and_then(|(_, it)| it.context.as_ref());
        context.ok_or_else(|| missing("context", name, "config_context (KUBE_CTX)"))
    }

    fn reach(&self, name: &str, access: &mut Access) -> Result<()> {
        let found = self.find(name, |file| file.clusters.as_ref());
        let found = found.and_then(|(folder, it)| Some((folder, it.cluster.as_ref()?)));
        let (folder, cluster) = found
            .ok_or_else(|| missing("cluster", name, "config_context_cluster (KUBE_CTX_CLUSTER)"))?;
        if cluster.insecure_skip_tls_verify == Some(true) {
            return Err(wrong(
                format!("The certificate of cluster {name:?} is not to be checked"),
                "The kubeconfig says insecure-skip-tls-verify: true, and whoever stands between could read every key. Put the \
                 certificate of the cluster into certificate-authority-data, or into cluster_ca_certificate of the provider.",
            ));
        }
        access.server = cluster.server.clone().unwrap_or_default();
        access.server_name = cluster.tls_server_name.clone();
        access.proxy = cluster.proxy_url.clone();
        access.authorities = content(
            folder,
            cluster.certificate_authority_data.as_deref(),
            cluster.certificate_authority.as_deref(),
            "certificate-authority",
        )?
        .map(|pem| pem.to_string());
        Ok(())
    }

    fn identify(&self, name: &str, access: &mut Access) -> Result<()> {
        let found = self.find(name, |file| file.users.as_ref());
        let found = found.and_then(|(folder, it)| Some((folder, it.user.as_ref()?)));
        let (folder, user) = found.ok_or_else(|| {
            missing(
                "user",
                name,
                "config_context_auth_info (KUBE_CTX_AUTH_INFO)",
            )
        })?;
        refuse_unsupported(name, user)?;
        access.who = format!("user {name:?} of the kubeconfig");
        let certificate = user.client_certificate_data.as_deref();
        let certificate = content(
            folder,
            certificate,
            user.client_certificate.as_deref(),
            "client-certificate",
        )?;
        let key = user.client_key_data.as_ref().map(|data| data.as_str());
        let key = content(folder, key, user.client_key.as_deref(), "client-key")?;
        access.certificate = match (certificate, key) {
            (Some(certificate), Some(key)) => {
                Some((certificate.to_string(), Secret::new(key.to_string())))
            }
            (None, None) => None,
            _ => {
                return Err(wrong(
                    format!("User {name:?} of the kubeconfig has half of a client certificate"),
                    "client-certificate and client-key belong together, as files or as data. Write both or neither.",
                ));
            }
        };
        access.credentials = credentials(folder, user);
        Ok(())
    }
}

fn credentials(folder: &Path, user: &User) -> Credentials {
    let secret = |text: &Zeroizing<String>| Secret::new(text.to_string());
    // A file is replaced before its token ends; one that stands beside it is what was in it once.
    if let Some(file) = user.token_file.as_ref().filter(|file| !file.is_empty()) {
        return Credentials::TokenFile(folder.join(file));
    }
    if let Some(token) = user.token.as_ref().filter(|token| !token.is_empty()) {
        return Credentials::Token(secret(token));
    }
    let name = user.username.as_ref().filter(|name| !name.is_empty());
    if let (Some(name), Some(password)) = (name, &user.password) {
        return Credentials::Basic(name.clone(), secret(password));
    }
    match &user.exec {
        Some(exec) => {
            let env = exec.env.iter().flatten();
            Credentials::Exec(Exec {
                api_version: exec.api_version.clone(),
                command: exec.command.clone(),
                args: exec.args.clone().unwrap_or_default(),
                env: env.map(|it| (it.name.clone(), it.value.clone())).collect(),
                folder: Some(folder.to_owned()),
                provide_cluster_info: exec.provide_cluster_info,
            })
        }
        None => Credentials::Nothing,
    }
}

fn refuse_unsupported(name: &str, user: &User) -> Result<()> {
    let refused = |what: &str, instead: &str| {
        Err(wrong(
            format!("User {name:?} of the kubeconfig uses {what}"),
            instead,
        ))
    };
    if user.auth_provider.is_some() {
        return refused(
            "auth-provider",
            "Kubernetes has dropped it. Use an exec plugin.",
        );
    }
    if user.r#as.as_ref().is_some_and(|name| !name.is_empty()) {
        return refused(
            "as",
            "Whoever is named there is not impersonated. Use credentials of the user that is meant.",
        );
    }
    match &user.exec {
        Some(exec) if !Exec::is_version(&exec.api_version) => refused(
            &format!("an exec plugin of apiVersion {:?}", exec.api_version),
            "Use client.authentication.k8s.io/v1 or client.authentication.k8s.io/v1beta1.",
        ),
        _ => Ok(()),
    }
}

/// What stands in the kubeconfig as base64, or in the file that it names.
fn content(
    folder: &Path,
    data: Option<&str>,
    file: Option<&str>,
    what: &str,
) -> Result<Option<Zeroizing<String>>> {
    let filled = |text: &&str| !text.is_empty();
    if let Some(data) = data.filter(filled) {
        let odd = || {
            wrong(
                format!("{what}-data of the kubeconfig is not understood"),
                "It is no text in base64.",
            )
        };
        let decoded = Zeroizing::new(STANDARD.decode(data.trim()).map_err(|_| odd())?);
        let text = std::str::from_utf8(&decoded).map_err(|_| odd())?;
        return Ok(Some(Zeroizing::new(text.to_owned())));
    }
    let path = file.filter(filled).map(|file| folder.join(file));
    let read = path.map(|path| read(&path, &format!("{what} of the kubeconfig")));
    Ok(read.transpose()?.map(Zeroizing::new))
}

fn missing(what: &str, name: &str, setting: &str) -> Error {
    wrong(
        format!("The kubeconfig has no {what} {name:?}"),
        format!("Check the name in {setting} and in the context, and which files are read."),
    )
}

fn listed(paths: &[PathBuf]) -> String {
    let paths: Vec<String> = paths
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    paths.join(", ")
}

fn wrong(summary: impl Into<String>, detail: impl Into<String>) -> Error {
    Error::new(Kind::Invalid, summary, detail)
}

#[cfg(test)]
#[path = "kubeconfig_tests.rs"]
mod tests;
