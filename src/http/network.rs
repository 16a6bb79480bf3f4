//! How the outside is reached: through which proxy, and whose certificates are trusted.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Certificate, ClientBuilder, Identity, NoProxy, Proxy, Url};
use zeroize::Zeroizing;

use super::transport::is_on_this_machine;

/// What a vendor's settings say about the network. The default is what the environment and the machine say.
#[derive(Clone, Debug, Default)]
pub struct Network {
    /// The proxies.
    pub proxies: Proxies,
    /// Who is trusted in place of the authorities of the machine.
    pub authorities: Option<Authorities>,
    /// Where such authorities are named.
    pub trust: &'static str,
    /// What this side shows of itself, where the other one asks.
    pub certificate: Option<ClientCertificate>,
    /// Another name that the other side has in its certificate.
    pub alias: Option<Alias>,
}

/// A certificate of this side with its key.
#[derive(Clone)]
pub struct ClientCertificate(Identity);

impl ClientCertificate {
    /// Reads a certificate and its key in PEM; none if they are not both there.
    pub fn from_pem(certificate: &str, key: &str) -> Option<Self> {
        let both = Zeroizing::new(format!("{certificate}\n{key}"));
        Identity::from_pem(both.as_bytes()).ok().map(Self)
    }
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[client certificate]")
    }
}

/// A host that is asked under another name, which its certificate has. Such a host is reached directly.
#[derive(Clone, Debug)]
pub struct Alias {
    /// The name that URLs have, and the certificate.
    pub name: String,
    /// Where the host really is.
    pub host: String,
}

impl Resolve for Alias {
    fn resolve(&self, name: Name) -> Resolving {
        let host = match name.as_str().eq_ignore_ascii_case(&self.name) {
            true => self.host.clone(),
            false => name.as_str().to_owned(),
        };
        Box::pin(async move {
            // The port is that of the URL.
            let found = tokio::net::lookup_host((host, 0)).await?;
            Ok(Box::new(found.collect::<Vec<_>>().into_iter()) as Addrs)
        })
    }
}

/// Proxies, as URLs. What is not set is as the environment says.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    /// For plain http; for https too where nothing names one for it.
    pub http: Option<String>,
    /// For https.
    pub https: Option<String>,
    /// What is reached without one, as in `NO_PROXY`.
    pub except: Option<String>,
}

/// Certificates of authorities.
#[derive(Clone, Debug)]
pub struct Authorities(Vec<Certificate>);

impl Authorities {
    /// Reads certificates in PEM; none if there are none.
    pub fn from_pem(pem: &[u8]) -> Option<Self> {
        let certificates = Certificate::from_pem_bundle(pem).ok()?;
        (!certificates.is_empty()).then_some(Self(certificates))
    }
}

impl Network {
    /// A client for what is near, which no proxy reaches, or for everything else.
    pub(super) fn client(&self, builder: ClientBuilder, is_near: bool) -> ClientBuilder {
        let builder = match &self.authorities {
            Some(Authorities(certificates)) => builder.tls_certs_only(certificates.iter().cloned()),
            None => builder,
        };
        let builder = match &self.certificate {
            Some(ClientCertificate(identity)) => builder.identity(identity.clone()),
            None => builder,
        };
        match &self.alias {
            Some(alias) => builder.no_proxy().dns_resolver(alias.clone()),
            None if is_near => builder.no_proxy(),
            None => self.proxies.client(builder),
        }
    }
}

impl Proxies {
    fn client(&self, builder: ClientBuilder) -> ClientBuilder {
        if self.http.is_none() && self.https.is_none() && self.except.is_none() {
            // The client reads the environment by itself.
            return builder;
        }
        let set = |own: &Option<String>, name| own.clone().or_else(|| variable(name));
        let http = set(&self.http, "HTTP_PROXY");
        let https = set(&self.https, "HTTPS_PROXY").or_else(|| http.clone());
        let except = set(&self.except, "NO_PROXY").and_then(|list| NoProxy::from_string(&list));
        let http = http.and_then(|url| Proxy::http(proxy_url(&url)?).ok());
        let https = https.and_then(|url| Proxy::https(proxy_url(&url)?).ok());
        let proxies = http.into_iter().chain(https);
        proxies.fold(builder.no_proxy(), |builder, proxy| {
            builder.proxy(proxy.no_proxy(except.clone()))
        })
    }
}

/// The URL of a proxy; without a scheme it is one of plain http.
pub fn proxy_url(text: &str) -> Option<Url> {
    let text = match text.contains("://") {
        true => text.to_owned(),
        false => format!("http://{text}"),
    };
    let url = Url::parse(&text).ok()?;
    (matches!(url.scheme(), "http" | "https") && url.has_host()).then_some(url)
}

/// A variable of the environment, in either spelling.
fn variable(name: &str) -> Option<String> {
    [name.to_lowercase(), name.to_owned()]
        .into_iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|text| !text.is_empty())
}

/// Whether an address is on this machine or on its own link, where no proxy can be meant: metadata services above all.
pub fn is_near(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    is_on_this_machine(url)
        || host == "metadata.google.internal"
        || match address {
            Ok(IpAddr::V4(address)) => address.is_link_local(),
            Ok(IpAddr::V6(address)) => address.is_unicast_link_local() || is_metadata(address),
            Err(_) => false,
        }
}

/// The metadata services of AWS over IPv6 are all in `fd00:ec2::/32`.
fn is_metadata(address: Ipv6Addr) -> bool {
    address.segments()[..2] == [0xfd00, 0x0ec2]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_near_is_reached_without_a_proxy() {
        for (url, expected) in [
            ("http://127.0.0.1:5000/", true),
            ("http://localhost/", true),
            ("http://[::1]/", true),
            ("http://169.254.169.254/latest", true),
            ("http://169.254.170.2/", true),
            ("http://[fd00:ec2::254]/", true),
            ("http://[fe80::1]/", true),
            ("http://metadata.google.internal/", true),
            ("http://10.0.0.1/", false),
            ("https://iam.amazonaws.com/", false),
            ("https://[2001:db8::1]/", false),
        ] {
            assert_eq!(is_near(&Url::parse(url).unwrap()), expected, "{url}");
        }
    }

    #[test]
    fn a_proxy_is_a_url_and_plain_http_if_it_does_not_say() {
        assert_eq!(
            proxy_url("proxy:3128").unwrap().as_str(),
            "http://proxy:3128/"
        );
        assert!(proxy_url("https://u:p@proxy").is_some());
        for odd in ["socks5://proxy", "ftp://proxy", "http://", "a b"] {
            assert!(proxy_url(odd).is_none(), "{odd}");
        }
    }

    #[test]
    fn a_file_without_certificates_is_none() {
        assert!(Authorities::from_pem(b"").is_none());
        // Put together here, so that no scanner takes it for a key.
        let another = [
            "-----BEGIN PRIVATE",
            "KEY-----\nAAAA\n-----END PRIVATE",
            "KEY-----\n",
        ];
        assert!(Authorities::from_pem(another.join(" ").as_bytes()).is_none());
    }
}
