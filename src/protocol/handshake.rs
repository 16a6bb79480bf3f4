//! What the command line tells a plugin in its environment, and the one line a plugin answers on stdout.

use std::io::{self, Write};
use std::ops::RangeInclusive;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::listener::Listener;

/// Proof that Terraform or OpenTofu started us. Not a secret: it only keeps people from waiting for nothing.
const COOKIE: (&str, &str) = (
    "TF_PLUGIN_MAGIC_COOKIE",
    "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2",
);
/// The version of go-plugin's own protocol.
const CORE_VERSION: u8 = 1;
/// The version of the provider protocol.
pub(super) const PROTOCOL_VERSION: u8 = 6;

/// Port 0 lets the system choose.
const ANY_PORT: RangeInclusive<u16> = 0..=0;

/// The environment as far as a plugin reads it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Environment {
    /// The certificate that the client will show; without one there is no TLS.
    pub(super) client_certificate: Option<String>,
    /// Where to put the Unix socket, if not among temporary files.
    pub(super) socket_directory: Option<PathBuf>,
    /// The ports to choose from where there is no Unix socket.
    pub(super) ports: RangeInclusive<u16>,
}

/// Why nothing can be served in this environment.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    /// A person started the binary.
    ByHand,
    /// The client speaks other versions only.
    Versions(String),
}

/// Whether Terraform or OpenTofu started this process.
pub(super) fn is_plugin(get: impl Fn(&str) -> Option<String>) -> bool {
    get(COOKIE.0).as_deref() == Some(COOKIE.1)
}

impl Environment {
    /// That of a process which no command line started.
    pub(super) fn unasked() -> Self {
        Self {
            client_certificate: None,
            socket_directory: None,
            ports: ANY_PORT,
        }
    }

    /// Reads variables through `get`, which gives `None` for what is not set.
    pub(super) fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, Unfit> {
        let get = |name: &str| get(name).filter(|value| !value.is_empty());
        if !is_plugin(get) {
            return Err(Unfit::ByHand);
        }
        // A client that names no versions leaves the choice to us.
        if let Some(versions) = get("PLUGIN_PROTOCOL_VERSIONS")
            && !versions
                .split(',')
                .any(|it| it.trim().parse() == Ok(PROTOCOL_VERSION))
        {
            return Err(Unfit::Versions(versions));
        }
        let port = |name: &str| get(name).and_then(|port| port.parse::<u16>().ok());
        let ports = match (port("PLUGIN_MIN_PORT"), port("PLUGIN_MAX_PORT")) {
            (Some(first), Some(last)) => first..=last,
            _ => ANY_PORT,
        };
        Ok(Self {
            client_certificate: get("PLUGIN_CLIENT_CERT"),
            socket_directory: get("PLUGIN_UNIX_SOCKET_DIR").map(PathBuf::from),
            ports,
        })
    }
}

/// Tells the client where we listen and which certificate to expect.
pub(super) fn announce(
    mut out: impl Write,
    listener: &Listener,
    certificate: Option<&[u8]>,
) -> io::Result<()> {
    let certificate = STANDARD_NO_PAD.encode(certificate.unwrap_or_default());
    let line = format!(
        "{CORE_VERSION}|{PROTOCOL_VERSION}|{}|{}|grpc|{certificate}\n",
        listener.network, listener.address,
    );
    out.write_all(line.as_bytes())?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(entries: &[(&str, &str)]) -> Result<Environment, Unfit> {
        Environment::read(|name| {
            let entry = entries.iter().find(|(key, _)| *key == name);
            entry.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn without_the_cookie_a_person_started_us() {
        assert_eq!(read(&[]), Err(Unfit::ByHand));
        assert_eq!(read(&[(COOKIE.0, "else")]), Err(Unfit::ByHand));
    }

    #[test]
    fn version_6_must_be_among_the_offered() {
        let offered = |versions| read(&[COOKIE, ("PLUGIN_PROTOCOL_VERSIONS", versions)]);
        assert!(offered("5,6").is_ok());
        assert_eq!(offered("4,5"), Err(Unfit::Versions("4,5".into())));
        assert_eq!(offered("16"), Err(Unfit::Versions("16".into())));
    }

    #[test]
    fn unreadable_ports_leave_the_choice_to_the_system() {
        let ports = [
            COOKIE,
            ("PLUGIN_MIN_PORT", "x"),
            ("PLUGIN_MAX_PORT", "70000"),
        ];
        assert_eq!(read(&ports).unwrap().ports, 0..=0);
    }
}
