//! Whose certificates are trusted. Nothing ever switches the check of them off.

use super::settings::{Config, of_environment};
use crate::error::{Error, Kind, Path, Result};
use crate::http::{Authorities, Http, Network};
use crate::vendors::environment::expanded;

/// Where authorities are named.
const TRUST: &str = "the file of ca_cert_file in the vault block, or of BAO_CACERT or VAULT_CACERT";

/// The client of the provider, with the certificates that are set for Vault.
pub fn http(usual: &Http, config: &Config) -> Result<Http> {
    let named = |given: &Option<String>, attribute, variable| match given {
        Some(place) => Some((place.clone(), attribute)),
        None => of_environment(variable),
    };
    // As the command lines have it: a file goes before a directory.
    let pem = match named(&config.ca_cert_file, "ca_cert_file", "CACERT") {
        Some((file, by)) => Some((read(&file, by)?, file, by)),
        None => match named(&config.ca_cert_dir, "ca_cert_dir", "CAPATH") {
            Some((folder, by)) => Some((read_all(&folder, by)?, folder, by)),
            None => None,
        },
    };
    let authorities = pem.map(|(pem, place, by)| {
        Authorities::from_pem(&pem).ok_or_else(|| wrong(&place, by, "holds no certificate"))
    });
    Ok(usual.through(Network {
        authorities: authorities.transpose()?,
        trust: TRUST,
        ..Network::default()
    }))
}

fn read(file: &str, by: &str) -> Result<Vec<u8>> {
    std::fs::read(expanded(file))
        .map_err(|problem| wrong(file, by, &format!("cannot be read: {problem}")))
}

fn read_all(folder: &str, by: &str) -> Result<Vec<u8>> {
    let unread = |problem: std::io::Error| wrong(folder, by, &format!("cannot be read: {problem}"));
    let mut pem = Vec::new();
    for entry in std::fs::read_dir(expanded(folder)).map_err(unread)? {
        let path = entry.map_err(unread)?.path();
        if path.is_file() {
            pem.extend(std::fs::read(path).map_err(unread)?);
            pem.push(b'\n');
        }
    }
    Ok(pem)
}

fn wrong(place: &str, by: &str, problem: &str) -> Error {
    let error = Error::new(
        Kind::Invalid,
        "The certificates for Vault could not be read",
        format!("{by} names {place:?}, which {problem}. Name certificates in PEM, or unset it."),
    );
    match by.starts_with("ca_cert") {
        true => error.at(Path::root("vault").attribute(by)),
        false => error,
    }
}
