//! `metrics`: the same as numbers, for whoever watches.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::keys::{Keys, health};
use super::push::push;
use super::{Named, output, wait};
use crate::error::{Error, Kind, Result};
use crate::health::metrics::families;
use crate::health::{Trail, openmetrics, prometheus};
use crate::printable::say_clean;
use crate::secret::Secret;

const EXAMPLES: &str = "\
Examples:
  terraform-provider-apikey metrics --out /var/lib/node_exporter/textfile/apikey.prom
  terraform-provider-apikey metrics --push http://pushgateway.example.com:9091/metrics/job/apikey";

/// What the ledger says of every managed key, as metrics.
///
/// Ends with 0, and with 1 if the ledger cannot be read, knows no key, or nobody took the metrics. An audit trail that is
/// broken is a metric, not a failure.
#[derive(Args, Debug)]
#[command(before_help = EXAMPLES)]
pub struct Asked {
    #[command(flatten)]
    named: Named,
    /// How they are written.
    #[arg(long, default_value = "prometheus")]
    format: Format,
    /// Write them to this file, whole or not at all. It names keys and owners, and everybody may read it, for an exporter
    /// runs as somebody else.
    #[arg(long, value_name = "FILE", conflicts_with = "push")]
    out: Option<PathBuf>,
    /// Put them to this group of a Pushgateway, in place of what is there.
    #[arg(long, value_name = "URL")]
    push: Option<String>,
    /// A file that holds user:password for the Pushgateway.
    #[arg(long, value_name = "FILE", requires = "push")]
    login: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// The text format 0.0.4 of Prometheus.
    Prometheus,
    /// OpenMetrics 1.0.
    Openmetrics,
}

pub(super) fn run(asked: &Asked) -> Result<ExitCode> {
    let (ledger, health) = health(&asked.named, &Keys::default())?;
    let verdict = wait(ledger.verify(None))?;
    let trail = Trail {
        is_intact: verdict.broken.is_none(),
        events: verdict.sound,
    };
    let families = families(&health, trail);
    let (text, content_type) = match asked.format {
        Format::Prometheus => (prometheus::text(&families), prometheus::CONTENT_TYPE),
        Format::Openmetrics => (openmetrics::text(&families), openmetrics::CONTENT_TYPE),
    };
    match (&asked.out, &asked.push) {
        (Some(file), _) => output::write(file, text.as_bytes(), output::Readers::Everybody)?,
        (None, Some(url)) => {
            let login = asked.login.as_deref().map(login).transpose()?;
            wait(push(url, login.as_ref(), content_type, text))?;
        }
        (None, None) => say_clean(text.trim_end()),
    }
    Ok(ExitCode::SUCCESS)
}

fn login(file: &Path) -> Result<Secret> {
    let read = std::fs::read_to_string(file).map(zeroize::Zeroizing::new);
    let text = read.map_err(|error| {
        Error::new(
            Kind::Invalid,
            "The file of --login cannot be read",
            format!("{}: {error}.", file.display()),
        )
    })?;
    Ok(Secret::new(text.trim().to_owned()))
}
