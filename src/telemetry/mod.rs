//! Metrics that the provider itself hands over at the end of a run, so that a pipeline needs no step of its own for it.
//!
//! Once for each process that was configured, when the command line ends it: a plan and an apply are two. Nothing waits longer than
//! [`PATIENCE`] for it and nothing fails by it; who watches sees that nothing came.

pub mod receiver;

use std::sync::OnceLock;
use std::time::Duration;

use tf_provider::schema::AttributeType;
use tokio::time::timeout;

use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::health::metrics::Measured;
use crate::health::{datadog, otlp, prometheus};
use crate::ledger::inventory::{MOST_COUNTED, Query};
use crate::ledger::sql::Database;
use crate::schema::{Attributes, attributes, optional, required};
use crate::settings::Settings;
use receiver::Receiver;

/// The name of the attribute.
pub const NAME: &str = "telemetry";

/// What the documentation says of it.
pub const DESCRIPTION: &str = "Hands metrics over at the end of each run, as the command `metrics` does by hand. Never fails a run. See the \
                               guide [Seeing how keys are doing](guides/monitoring.md).";

/// The command line gives a plugin two seconds to end.
const PATIENCE: Duration = Duration::from_millis(1200);

const FORMATS: [&str; 3] = ["datadog", "otlp", "prometheus"];

/// What is handed over, and to whom.
struct Telemetry {
    receiver: Receiver,
    format: &'static str,
    ledger: Database,
    clock: Clock,
}

/// There is one configuration in a process.
static CONFIGURED: OnceLock<Telemetry> = OnceLock::new();

/// The attributes inside it.
pub fn schema() -> Attributes {
    attributes([
        (
            "push",
            required(
                AttributeType::String,
                "The URL of the group of a Pushgateway, of a receiver of OTLP over HTTP, or of the API of a site of Datadog. A key comes \
                 from the environment: `OTEL_EXPORTER_OTLP_HEADERS`, `DD_API_KEY`.",
            ),
        ),
        (
            "format",
            optional(
                AttributeType::String,
                "`prometheus` for a Pushgateway, `otlp` or `datadog`. Default: `otlp`.",
            ),
        ),
    ])
}

/// What is wrong with the settings.
pub fn check(settings: Option<&Settings>) -> Result<()> {
    let Some(settings) = settings else {
        return Ok(());
    };
    let format = format(settings)?;
    let url = settings.required_string("push")?;
    // A key that is not there yet may be there when it is needed.
    Receiver::check(url, format == "prometheus").map_err(|error| error.at(settings.path_of("push")))
}

/// Remembers what is to be handed over at the end. An error says why nothing will be.
pub fn configure(
    settings: Option<&Settings>,
    ledger: Option<Database>,
    clock: Clock,
) -> Result<()> {
    // What is not known yet is known to the apply.
    let Some(settings) = settings.filter(|settings| settings.wholly_known()) else {
        return Ok(());
    };
    let format = format(settings)?;
    let url = settings.required_string("push")?;
    let receiver = match format {
        "datadog" => Receiver::datadog(url, datadog::CONTENT_TYPE, datadog::PATH),
        "prometheus" => Receiver::gateway(url, None, prometheus::CONTENT_TYPE),
        _ => Receiver::otlp(url, otlp::CONTENT_TYPE, otlp::PATH),
    };
    let ledger = ledger.ok_or_else(|| {
        Error::new(
            Kind::Invalid,
            "There is no ledger, so there are no metrics",
            "Remove telemetry, or disabled = true from ledger.",
        )
    })?;
    let telemetry = Telemetry {
        receiver: receiver?,
        format,
        ledger,
        clock,
    };
    // A second configuration of the same process is the same one.
    let _ = CONFIGURED.set(telemetry);
    Ok(())
}

fn format(settings: &Settings) -> Result<&'static str> {
    Ok(settings.one_of("format", &FORMATS)?.unwrap_or("otlp"))
}

/// Hands over what was configured, if anything was. Called when the last call is over.
pub fn push_at_the_end() {
    let Some(telemetry) = CONFIGURED.get() else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let Ok(runtime) = runtime else { return };
    let pushed = runtime.block_on(async { timeout(PATIENCE, telemetry.push()).await });
    match pushed {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "no metrics were handed over"),
        Err(_) => tracing::warn!("metrics were not taken in time"),
    }
    // What is still under way is given up.
    runtime.shutdown_background();
}

impl Telemetry {
    /// All but the audit trail: to walk along it takes too long.
    async fn push(&self) -> Result<()> {
        let everything = Query::all(self.clock.now(), MOST_COUNTED);
        let health = self.ledger.health(&everything).await?;
        let history = self.ledger.history().await?;
        let measured = Measured {
            health: &health,
            history: &history,
            trail: None,
        };
        let bodies = match self.format {
            "datadog" => datadog::texts(measured.families(), health.now),
            "prometheus" => vec![prometheus::text(measured.families())],
            _ => vec![otlp::text(measured.families(), health.now)],
        };
        for body in bodies {
            self.receiver.take(body).await?;
        }
        Ok(())
    }
}
