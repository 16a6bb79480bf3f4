//! The HTTP client as AWS is reached with it.

use super::environment::{expanded, variable};
use super::settings;
use super::shared::Shared;
use crate::error::{Error, Kind, Path, Result};
use crate::http::{Authorities, Http, Network, Proxies};

/// Where authorities are named.
const TRUST: &str = "the file of custom_ca_bundle in the aws block, of AWS_CA_BUNDLE, or of ca_bundle in the profile";

/// The client of the provider, with the proxies and the certificates that are set for AWS.
pub fn http(usual: &Http, block: &settings::Network, shared: &Shared) -> Result<Http> {
    let bundle = match &block.ca_bundle {
        Some(file) => Some((file.clone(), "custom_ca_bundle")),
        None => variable("AWS_CA_BUNDLE")
            .map(|file| (file, "AWS_CA_BUNDLE"))
            .or_else(|| Some((shared.setting("ca_bundle")?.to_owned(), "ca_bundle"))),
    };
    let authorities = bundle
        .map(|(file, by)| authorities(&file, by))
        .transpose()?;
    Ok(usual.through(Network {
        proxies: Proxies {
            http: block.http_proxy.clone(),
            https: block.https_proxy.clone(),
            except: block.no_proxy.clone(),
        },
        authorities,
        trust: TRUST,
        ..Network::default()
    }))
}

fn authorities(file: &str, named_by: &str) -> Result<Authorities> {
    let wrong = |problem: String| {
        let error = Error::new(
            Kind::Invalid,
            "The certificates for AWS could not be read",
            format!(
                "{named_by} names {file:?}, which {problem}. Name a file with certificates in PEM, or unset it."
            ),
        );
        match named_by {
            "custom_ca_bundle" => error.at(Path::root("aws").attribute(named_by)),
            _ => error,
        }
    };
    let pem = std::fs::read(expanded(file));
    let pem = pem.map_err(|problem| wrong(format!("cannot be read: {problem}")))?;
    Authorities::from_pem(&pem).ok_or_else(|| wrong("holds no certificate".to_owned()))
}
