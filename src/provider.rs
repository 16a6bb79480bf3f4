//! The provider: its schema, its configuration, and the table of what it serves.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Once};

use async_trait::async_trait;
use tf_provider::schema::{AttributeType, Block, Description, Schema};
use tf_provider::value::{ValueAny, ValueEmpty};
use tf_provider::{Diagnostics, Provider};
use tokio_util::sync::CancellationToken;

use crate::actions::resolve_leak::ResolveLeak;
use crate::actions::revoke::Revoke;
use crate::actions::rotate_now::RotateNow;
use crate::clock::{self, Clock};
use crate::context::{Context, SharedContext};
use crate::data_sources::incident::IncidentSource;
use crate::data_sources::inventory::InventorySource;
use crate::data_sources::key_usage::KeyUsageSource;
use crate::data_sources::leaks::LeaksSource;
use crate::ephemeral::secret::SecretReader;
use crate::error::Result;
use crate::functions::fingerprint::Fingerprint;
use crate::functions::next_rotation::NextRotation;
use crate::functions::parse_duration::ParseDuration;
use crate::functions::scan_pattern::ScanPattern;
use crate::functions::verify_checksum::VerifyChecksum;
use crate::issuers::http as declared;
use crate::ledger::disabled::Disabled;
use crate::ledger::{Ledger, config as ledger, workspace};
use crate::lint::lint;
use crate::notify;
use crate::protocol::Registry;
use crate::resources::diagnostics;
use crate::resources::identities::{ManagedIdentity, PolicyIdentity};
use crate::resources::managed::ManagedKey;
use crate::resources::managed::list::KeyList;
use crate::resources::managed::moves::Moves;
use crate::resources::rotation_policy::RotationPolicy;
use crate::schema::optional;
use crate::settings::known;
use crate::telemetry;
use crate::vendors::VENDORS;

/// Everything that the binary serves. `stop` is cancelled when a person asks to stop.
pub fn registry(stop: CancellationToken) -> Registry {
    let context = SharedContext::offline();
    Registry::new(ApiKeyProvider {
        context: context.clone(),
        stop,
    })
    .resource("apikey_rotation_policy", RotationPolicy)
    .data_source("apikey_incident", IncidentSource::new(context.clone()))
    .data_source("apikey_inventory", InventorySource::new(context.clone()))
    .data_source("apikey_key_usage", KeyUsageSource::new(context.clone()))
    .data_source("apikey_leaks", LeaksSource::new(context.clone()))
    .identity("apikey_rotation_policy", PolicyIdentity)
    .resource("apikey_managed", ManagedKey::new(context.clone()))
    .identity("apikey_managed", ManagedIdentity)
    .moves("apikey_managed", Moves::new(context.clone()))
    .list_resource("apikey_managed", KeyList::new(context.clone()))
    .ephemeral_resource("apikey_secret", SecretReader::new(context.clone()))
    .action("apikey_resolve_leak", ResolveLeak::new(context.clone()))
    .action("apikey_revoke", Revoke::new(context.clone()))
    .action("apikey_rotate_now", RotateNow::new(context))
    .function("fingerprint", Fingerprint)
    .function("next_rotation", NextRotation)
    .function("parse_duration", ParseDuration)
    .function("scan_pattern", ScanPattern)
    .function("verify_checksum", VerifyChecksum)
}

/// The schema of the provider block.
pub fn schema() -> Schema {
    Schema {
        version: 0,
        block: Block {
            attributes: VENDORS
                .iter()
                .map(|vendor| (vendor.name, (vendor.attributes)(), vendor.description))
                .chain([
                    (ledger::NAME, ledger::schema(), ledger::DESCRIPTION),
                    (telemetry::NAME, telemetry::schema(), telemetry::DESCRIPTION),
                ])
                .map(|(name, attributes, description)| {
                    let nested = AttributeType::AttributeSingle(attributes);
                    (name, nested, description)
                })
                .chain([
                    (
                        declared::NAME,
                        AttributeType::AttributeMap(declared::declaration()),
                        declared::DESCRIPTION,
                    ),
                    (
                        notify::NAME,
                        AttributeType::AttributeMap(notify::attributes()),
                        notify::DESCRIPTION,
                    ),
                ])
                .map(|(name, nested, description)| (name.to_owned(), optional(nested, description)))
                .collect(),
            description: Description::markdown(
                "Owns the whole life of API keys: mints them, delivers them to secret stores, verifies, rotates and \
                 revokes them. Every setting is optional; what is not set comes from the environment variables and \
                 files that the vendor's own tools read.",
            ),
            ..Block::default()
        },
    }
}

/// Whatever a nested object has too much, the command line drops before anybody else sees it, so it is looked for in the files.
/// What cannot be read there is none of our business. Told once, by whatever is validated first: without a provider block,
/// `validate` asks the resources alone.
pub fn warn_of_dropped_names(diags: &mut Diagnostics) {
    static LOOKED: Once = Once::new();
    LOOKED.call_once(|| {
        let catalogue = registry(CancellationToken::new()).catalogue();
        let found = lint(Path::new("."), &catalogue).findings;
        let lines: Vec<String> = found
            .iter()
            .map(|found| {
                let file = found.file.strip_prefix(".").unwrap_or(&found.file);
                format!("{}:{}: {}", file.display(), found.line, found.sentence())
            })
            .collect();
        if !lines.is_empty() {
            diags.root_warning(
                "The configuration names what does not exist",
                lines.join("\n\n"),
            );
        }
    });
}

struct ApiKeyProvider {
    context: SharedContext,
    stop: CancellationToken,
}

#[async_trait]
impl Provider for ApiKeyProvider {
    type Config<'a> = BTreeMap<String, ValueAny>;
    type MetaState<'a> = ValueEmpty;

    fn schema(&self, _: &mut Diagnostics) -> Option<Schema> {
        Some(schema())
    }

    async fn validate<'a>(
        &self,
        diags: &mut Diagnostics,
        config: BTreeMap<String, ValueAny>,
    ) -> Option<()> {
        warn_of_dropped_names(diags);
        let stop = CancellationToken::new();
        if config.values().all(known) {
            let context = Context::new(Clock::system(), stop, blocks(config));
            for vendor in VENDORS {
                let fault = (vendor.check)(&context).err();
                fault
                    .into_iter()
                    .for_each(|fault| diagnostics::report(diags, fault));
            }
            let faults = declared::faults(&context).into_iter();
            let faults = faults.chain(notify::faults(&context));
            faults.for_each(|fault| diagnostics::report(diags, fault));
            let checks = [
                ledger::check(context.vendor(ledger::NAME).as_ref()),
                telemetry::check(context.vendor(telemetry::NAME).as_ref()),
            ];
            let faults = checks.into_iter().filter_map(Result::err);
            faults.for_each(|fault| diagnostics::report(diags, fault));
        }
        Some(())
    }

    async fn configure<'a>(
        &self,
        diags: &mut Diagnostics,
        _: String,
        config: BTreeMap<String, ValueAny>,
    ) -> Option<()> {
        let clock = match Clock::from_environment() {
            Ok(clock) => clock,
            Err(error) => {
                diagnostics::report(diags, error);
                return None;
            }
        };
        if let Some(at) = clock.overridden() {
            diags.root_warning(
                "The clock is set by hand",
                format!(
                    "{} says that it is {at}. Every decision about time follows it; unset it outside of tests.",
                    clock::OVERRIDE
                ),
            );
        }
        let awaited: Vec<String> = config
            .iter()
            .filter(|(name, value)| !known(value) && *name != telemetry::NAME)
            .map(|(name, _)| name.clone())
            .collect();
        if !awaited.is_empty() {
            warn_of_a_blind_plan(diags, &awaited);
        }
        let context = Context::new(clock, self.stop.clone(), blocks(config));
        let awaits_ledger = awaited.iter().any(|name| name == ledger::NAME);
        let ledger: Arc<dyn Ledger> = match awaits_ledger {
            true => Arc::new(Disabled),
            false => {
                let connected = ledger::connect(context.vendor(ledger::NAME).as_ref());
                diagnostics::collect(diags, connected)?
            }
        };
        if !awaits_ledger && let Err(error) = prepare_telemetry(&context) {
            diagnostics::warn(diags, error);
        }
        let context = context
            .with_ledger(ledger)
            .in_workspace(workspace::current())
            .awaiting(awaited);
        // A second configuration of the same process is the same one: Terraform configures once.
        self.context.configure(context);
        Some(())
    }
}

fn prepare_telemetry(context: &Context) -> Result<()> {
    let reader = ledger::reader(context.vendor(ledger::NAME).as_ref())?;
    let settings = context.vendor(telemetry::NAME);
    telemetry::configure(settings.as_ref(), reader, context.clock)
}

/// Says once, for everything that is planned, what is missing.
fn warn_of_a_blind_plan(diags: &mut Diagnostics, awaited: &[String]) {
    diags.root_warning(
        "The settings of the provider are not known yet",
        format!(
            "{} of the provider block comes from something that this apply changes. So nothing is looked up: keys are kept \
             as the state has them and planned from it, as with -refresh=false. The apply knows the settings, and looks \
             again before everything that it does. Keys that an unfinished apply left behind, it revokes as ever.",
            awaited.join(" and ")
        ),
    );
}

/// The blocks that were given, of the vendors and of the ledger. One that is unknown as a whole holds one field that is.
fn blocks(config: BTreeMap<String, ValueAny>) -> BTreeMap<String, BTreeMap<String, ValueAny>> {
    config
        .into_iter()
        .filter_map(|(name, value)| match value {
            ValueAny::Map(fields) => Some((name, fields)),
            ValueAny::Unknown => Some((name, BTreeMap::from([(String::new(), value)]))),
            _ => None,
        })
        .collect()
}
