//! `leaks_wo`: what scanners of secrets have found, as a configuration passes it in. It is in no state, so that an alert about
//! one key is no change of all the others; what follows from it is.

use std::collections::BTreeMap;

use tf_provider::Diagnostics;
use tf_provider::value::Value;

use crate::context::Context;
use crate::domain::emergency::leak::{self, Alerts};
use crate::domain::emergency::{Declared, Emergency, Incident};
use crate::domain::policy::OnLeak;
use crate::domain::slots::Slots;
use crate::engine::journal;
use crate::engine::managed::Managed;
use crate::error::{Error, Path};
use crate::ledger::leaks::{Leak, PASSED_IN, Survey};
use crate::resources::diagnostics;
use crate::resources::managed::copied;
use crate::resources::managed::model::ManagedState;
use crate::resources::managed::read::named;
use crate::secret::Fingerprint;
use crate::settings::{LONGEST_NAME, too_long};

/// The ids of open alerts with the fingerprints of what they are about.
pub type Leaks = Value<BTreeMap<String, Value<String>>>;

/// Whether every alert is known.
pub fn are_known(leaks: &Leaks) -> bool {
    match leaks {
        Value::Unknown => false,
        Value::Null => true,
        Value::Value(alerts) => alerts.values().all(|found| !found.is_unknown()),
    }
}

/// What is no alert. Anything else would look like one that is about none of our keys.
pub fn faults(config: &ManagedState) -> Vec<Error> {
    let alerts = config.leaks_wo.as_ref_option().into_iter().flatten();
    let fault = |(alert, found): (&String, &Value<String>)| {
        let path = Path::root("leaks_wo").key(alert);
        let mark = match found {
            Value::Unknown => return None,
            found => found.as_deref_option().unwrap_or_default(),
        };
        if alert.trim().is_empty() {
            let detail =
                "By its id an alert is handled once and never again. Give it one, such as its URL.";
            return Some(Error::invalid(path, "An alert needs an id", detail));
        }
        if !Fingerprint::is_whole(mark) {
            // Not what stands there in its place: that may be the secret itself.
            let detail = format!(
                "What stands beside {alert:?} is not what fingerprint of a key looks like: sha256: and 12 hexadecimal digits. \
                 Pass on data.apikey_leaks.<name>.open, calculate it with provider::apikey::fingerprint, or take it from \
                 primary.fingerprint of the key: inventory and scan show the first 6 digits alone."
            );
            return Some(Error::invalid(path, "An alert has no fingerprint", detail));
        }
        too_long(path, "The id of an alert", alert, LONGEST_NAME)
    };
    alerts.filter_map(fault).collect()
}

/// What is to be handled as an emergency.
pub fn declared(state: &ManagedState, known: &[Incident], slots: Option<&Slots>) -> Vec<Declared> {
    match on_leak(state) {
        OnLeak::Warn => Vec::new(),
        OnLeak::Rotate => leak::declared(&alerts(state), known, slots),
    }
}

/// Keys that have leaked and that nothing is done about.
pub fn warn(
    diags: &mut Diagnostics,
    planned: &ManagedState,
    managed: &Managed,
    emergency: Option<&Emergency>,
) {
    let name = planned.label();
    let alerts = alerts(planned);
    for (alert, key) in leak::leaked(&alerts, managed.slots.as_ref()) {
        if emergency.is_some_and(|emergency| emergency.has(key)) {
            continue;
        }
        let label = key.label();
        let way_on = match on_leak(planned) {
            OnLeak::Warn => {
                "To replace and revoke it in one apply, set on_leak = \"rotate\" in the policy, or declare an emergency in \
                 this resource"
            }
            OnLeak::Rotate => {
                "An apply has revoked a key under the id of this alert before, so nothing is done: declare an emergency in \
                 this resource"
            }
        };
        diags.root_warning(
            format!("{name}: key {label} HAS LEAKED and works"),
            format!(
                "A scanner of secrets has found it, and the alert is open: {alert}. Whoever reads it there can use it. \
                 {way_on}."
            ),
        );
    }
}

/// The ledger hears of what is passed in about this key, so that `status` and the metrics do: which scanner has said it does not
/// matter to them.
pub async fn note(
    diags: &mut Diagnostics,
    prior: &ManagedState,
    config: &ManagedState,
    managed: &Managed,
    context: &Context,
) {
    if config.leaks_wo.is_null() || !are_known(&config.leaks_wo) {
        return;
    }
    let alerts = alerts(config);
    let leaked = leak::leaked(&alerts, managed.slots.as_ref());
    let open = leaked.into_iter().filter_map(|(alert, key)| {
        Some(Leak {
            alert: alert.to_owned(),
            mark: journal::mark(key).mark?,
            validity: None,
            found_at: None,
        })
    });
    let id = prior.id.as_deref_option().unwrap_or_default();
    let source = format!("{PASSED_IN}{id}");
    let open: Vec<Leak> = open.collect();
    let is_any = !open.is_empty();
    let noted = async {
        let known = context.ledger.open_leaks().await?.into_iter();
        let known = known.filter(|(of, _)| *of == source);
        // What is still passed in is not over, although its key may have left the slots.
        let over = known.filter(|(_, known)| !alerts.contains_key(&known.alert));
        let mut over: Vec<_> = over.map(|(of, known)| (of, known.alert)).collect();
        // Whoever has a copy of the state says nothing of what is known where the keys belong.
        if !over.is_empty() && copied::owner(id, context).await?.is_some() {
            over.clear();
        }
        let survey = Survey { over, source, open };
        let now = context.clock.now();
        context.ledger.note_leaks(&survey, now).await
    };
    if let Err(mut error) = noted.await
        && is_any
    {
        error.detail += " So status and the metrics do not tell of the leak.";
        diagnostics::warn(diags, named(prior, error));
    }
}

/// The policy relies on alerts, and there is nothing to tell of any.
pub fn warn_of_not_looking(diags: &mut Diagnostics, planned: &ManagedState) {
    if on_leak(planned) == OnLeak::Warn || !planned.leaks_wo.is_null() {
        return;
    }
    diags.root_warning(
        format!("{}: nothing is known of leaks", planned.label()),
        "The policy says on_leak = \"rotate\", and leaks_wo is null: it is not set, or what it comes from could not be read. A \
         key that has leaked is not noticed by this plan. Set it to data.apikey_leaks.<name>.open, or to {} for a key that no \
         scanner looks for.",
    );
}

fn on_leak(state: &ManagedState) -> OnLeak {
    let policy = state.policy.as_ref_option();
    let word = policy.and_then(|policy| policy.on_leak.as_deref_option());
    word.and_then(|word| word.parse().ok()).unwrap_or_default()
}

/// What is sound of them; what is not is refused by [`faults`].
fn alerts(state: &ManagedState) -> Alerts {
    let alerts = state.leaks_wo.as_ref_option().into_iter().flatten();
    let read = |(alert, found): (&String, &Value<String>)| {
        let found = found.as_deref_option()?;
        Some((alert.clone(), Fingerprint::recorded(found)))
    };
    alerts.filter_map(read).collect()
}
