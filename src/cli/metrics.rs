//! `metrics`: the same as numbers, for whoever watches.

use std::fmt::{self, Display, Formatter};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::keys::{Keys, health};
use super::{Named, output, wait};
use crate::error::{Error, Kind, Result};
use crate::health::metrics::Measured;
use crate::health::{Trail, datadog, openmetrics, otlp, prometheus};
use crate::printable::print_clean;
use crate::secret::Secret;
use crate::telemetry::receiver::Receiver;

const EXAMPLES: &str = "\
Examples:
  terraform-provider-apikey metrics --out /var/lib/node_exporter/textfile/apikey.prom
  terraform-provider-apikey metrics --push http://pushgateway.example.com:9091/metrics/job/apikey
  terraform-provider-apikey metrics --format otlp --push http://localhost:4318
  DD_API_KEY=… terraform-provider-apikey metrics --format datadog --push https://api.datadoghq.com";

/// What the ledger says of every managed key, as metrics.
///
/// A key for whoever takes them comes from the environment, for what an argument says every process of this machine can read:
/// OTEL_EXPORTER_OTLP_HEADERS for otlp, DD_API_KEY for datadog. Ends with 0, and with 1 if the ledger cannot be read, knows no key,
/// or nobody took the metrics. An audit trail that is broken is a metric, not a failure.
#[derive(Args, Debug)]
#[command(before_help = EXAMPLES)]
pub struct Asked {
    #[command(flatten)]
    named: Named,
    /// How they are written.
    #[arg(long, default_value = "prometheus")]
    format: Format,
    /// Write them to this file, whole or not at all; in place of what is there only if that was written by this command. It names keys and owners, and everybody may read it, for an
    /// exporter runs as somebody else.
    #[arg(long, value_name = "FILE", conflicts_with = "push")]
    out: Option<PathBuf>,
    /// Hand them to this address: the group of a Pushgateway, in place of what is there; a receiver of OTLP over HTTP; the API of
    /// a site of Datadog.
    #[arg(long, value_name = "URL")]
    push: Option<String>,
    /// A file that holds user:password for the Pushgateway.
    #[arg(long, value_name = "FILE", requires = "push")]
    login: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// The text format 0.0.4 of Prometheus.
    Prometheus,
    /// OpenMetrics 1.0.
    Openmetrics,
    /// OTLP 1 in JSON, for OpenTelemetry.
    Otlp,
    /// Series of Datadog: one body in each line.
    Datadog,
}

pub(super) fn run(asked: &Asked) -> Result<ExitCode> {
    let receiver = asked
        .push
        .as_deref()
        .map(|url| receiver(asked, url))
        .transpose()?;
    asked.out.as_deref().map_or(Ok(()), refuse_to_lose)?;
    let (ledger, health) = health(&asked.named, &Keys::default())?;
    let verdict = wait(ledger.verify(None))?;
    let trail = Trail {
        is_intact: verdict.broken.is_none(),
        events: verdict.sound,
    };
    let told = Told {
        format: asked.format,
        measured: Measured {
            health: &health,
            history: &wait(ledger.history())?,
            trail: Some(trail),
        },
    };
    match (&asked.out, receiver) {
        (Some(file), _) => output::write(file, &told, output::Readers::Everybody)?,
        (None, Some(receiver)) => {
            for body in told.bodies() {
                wait(receiver.take(body))?;
            }
        }
        (None, None) => print_clean(&told),
    }
    Ok(ExitCode::SUCCESS)
}

/// What is measured, in a format. It is written as it is made: the text of ten thousand keys is tens of megabytes.
struct Told<'h> {
    format: Format,
    measured: Measured<'h>,
}

impl Told<'_> {
    /// What each request holds.
    fn bodies(&self) -> Vec<String> {
        let families = self.measured.families();
        match self.format {
            Format::Datadog => datadog::texts(families, self.measured.health.now),
            _ => vec![self.to_string()],
        }
    }
}

impl Display for Told<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (families, now) = (self.measured.families(), self.measured.health.now);
        match self.format {
            Format::Prometheus => prometheus::write(f, families),
            Format::Openmetrics => openmetrics::write(f, families),
            Format::Otlp => writeln!(f, "{}", otlp::text(families, now)),
            Format::Datadog => writeln!(f, "{}", datadog::texts(families, now).join("\n")),
        }
    }
}

/// A slip of the hand must not replace a file that holds something else.
fn refuse_to_lose(file: &Path) -> Result<()> {
    const BEGINS: [&str; 4] = [
        "# HELP apikey_",
        "# TYPE apikey_",
        "{\"resourceMetrics\":",
        "{\"series\":",
    ];
    let mut head = Vec::new();
    let read = std::fs::File::open(file).and_then(|there| there.take(64).read_to_end(&mut head));
    let is_ours = BEGINS
        .iter()
        .any(|begin| head.starts_with(begin.as_bytes()));
    match read {
        // What cannot be read is not replaced either.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Ok(_) if is_ours || head.is_empty() => Ok(()),
        _ => Err(Error::new(
            Kind::Invalid,
            "The metrics are not written",
            format!(
                "{}: what is there are no metrics of this command. Name another file, or delete it yourself.",
                file.display()
            ),
        )),
    }
}

/// Who takes them. Asked before the ledger is: a key that is missing is told at once.
fn receiver(asked: &Asked, url: &str) -> Result<Receiver> {
    let login = asked.login.as_deref().map(login).transpose()?;
    if login.is_some() && matches!(asked.format, Format::Otlp | Format::Datadog) {
        return Err(Error::new(
            Kind::Invalid,
            "--login is for a Pushgateway",
            "OTLP takes its headers from OTEL_EXPORTER_OTLP_HEADERS, and Datadog its key from DD_API_KEY. Remove --login.",
        ));
    }
    match asked.format {
        Format::Prometheus => Receiver::gateway(url, login.as_ref(), prometheus::CONTENT_TYPE),
        Format::Openmetrics => Receiver::gateway(url, login.as_ref(), openmetrics::CONTENT_TYPE),
        Format::Otlp => Receiver::otlp(url, otlp::CONTENT_TYPE, otlp::PATH),
        Format::Datadog => Receiver::datadog(url, datadog::CONTENT_TYPE, datadog::PATH),
    }
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
