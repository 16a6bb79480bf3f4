//! The way to a cluster: its address, whom to trust, through which proxy, and under which name.

use reqwest::Url;

use super::access::Access;
use crate::error::{Error, Kind, Result};
use crate::http::{
    Alias, Authorities, ClientCertificate, Network, Proxies, is_encrypted_or_local, proxy_url,
};

/// How the server is reached. Under another name, that name takes the place of the host in its URL.
pub fn network(access: &Access, base: &mut Url) -> Result<Network> {
    let authorities = match &access.authorities {
        Some(pem) => Some(Authorities::from_pem(pem.as_bytes()).ok_or_else(|| {
            wrong(
                "The certificates of the Kubernetes cluster are not understood",
                "cluster_ca_certificate (certificate-authority in a kubeconfig) holds certificates in PEM. Check that it is whole.",
            )
        })?),
        None => None,
    };
    let certificate = match &access.certificate {
        Some((certificate, key)) => Some(
            ClientCertificate::from_pem(certificate, key.expose()).ok_or_else(|| {
                wrong(
                    "The client certificate for Kubernetes is not understood",
                    "client_certificate and client_key are one certificate and its key in PEM. Check that both are whole.",
                )
            })?,
        ),
        None => None,
    };
    let proxy = match &access.proxy {
        Some(text) => Some(proxy_url(text).ok_or_else(|| {
            wrong(
                "proxy_url is not valid",
                "It is no URL of an http or https proxy.",
            )
        })?),
        None => None,
    };
    Ok(Network {
        proxies: match &proxy {
            None => Proxies::default(),
            Some(url) => Proxies {
                http: Some(url.to_string()),
                https: Some(url.to_string()),
                except: Some(String::new()),
            },
        },
        authorities,
        trust: "cluster_ca_certificate of the kubernetes block, or into certificate-authority-data of the kubeconfig",
        certificate,
        alias: alias(access, base, proxy.is_some())?,
    })
}

fn alias(access: &Access, base: &mut Url, has_proxy: bool) -> Result<Option<Alias>> {
    let Some(name) = access.server_name.as_ref().filter(|name| !name.is_empty()) else {
        return Ok(None);
    };
    if has_proxy {
        return Err(wrong(
            "tls_server_name does not go with proxy_url",
            "A server whose certificate has another name is reached directly. Remove one of the two.",
        ));
    }
    let host = base
        .host_str()
        .unwrap_or_default()
        .trim_matches(['[', ']'])
        .to_owned();
    // Nobody is asked where an address leads to, so that one would be called itself.
    let is_name = base.set_host(Some(name)).is_ok() && base.domain().is_some();
    if !is_name {
        return Err(wrong(
            "tls_server_name is not valid",
            format!("{name:?} is no name of a host."),
        ));
    }
    Ok(Some(Alias {
        name: name.clone(),
        host,
    }))
}

/// The URL of the server. Without a scheme it is one of https, and only this machine may be asked in the clear.
pub fn server(text: &str) -> Result<Url> {
    let text = match text.contains("://") {
        true => text.to_owned(),
        false => format!("https://{text}"),
    };
    let url = Url::parse(&text).ok().filter(|url| {
        matches!(url.scheme(), "http" | "https") && url.has_host() && url.username().is_empty()
    });
    match url {
        None => Err(wrong(
            "The address of the Kubernetes API server is not valid",
            format!(
                "{text:?} is no URL such as \"https://203.0.113.5:6443\". It comes from host, KUBE_HOST or the kubeconfig."
            ),
        )),
        Some(url) if !is_encrypted_or_local(&url) => Err(wrong(
            "The Kubernetes API server would be asked in the clear",
            format!(
                "{url} is not https, and whoever stands between could read every key. Write the URL of https."
            ),
        )),
        Some(url) => Ok(url),
    }
}

fn wrong(summary: &str, detail: impl Into<String>) -> Error {
    Error::new(Kind::Invalid, summary, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_asked_over_https_except_on_this_machine() {
        assert_eq!(
            server("10.0.0.1:6443").unwrap().as_str(),
            "https://10.0.0.1:6443/"
        );
        assert!(server("http://127.0.0.1:8080").is_ok());
        assert!(server("https://rancher.example.com/k8s/clusters/c-1").is_ok());
        for odd in [
            "http://10.0.0.1:6443",
            "ftp://x",
            "https://u:p@x",
            "https://",
        ] {
            assert!(server(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn another_name_takes_the_place_of_the_host() {
        let access = Access {
            server_name: Some("kubernetes.default".to_owned()),
            ..Access::default()
        };
        let mut base = server("https://10.0.0.1:6443/x").unwrap();
        let alias = alias(&access, &mut base, false).unwrap().unwrap();
        assert_eq!(base.as_str(), "https://kubernetes.default:6443/x");
        assert_eq!(alias.host, "10.0.0.1");
        assert!(super::alias(&access, &mut base, true).is_err());
        for odd in ["10.0.0.2", "a b"] {
            let access = Access {
                server_name: Some(odd.to_owned()),
                ..Access::default()
            };
            assert!(super::alias(&access, &mut base, false).is_err(), "{odd}");
        }
    }
}
