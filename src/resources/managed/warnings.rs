//! What a plan warns of beside its step: keys that end with their resource, edits with consequences.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use tf_provider::Diagnostics;
use tf_provider::value::Value;

use crate::context::Context;
use crate::domain::announce::{Announcement, enumerated};
use crate::domain::policy::OnDestroy;
use crate::domain::situation::Situation;
use crate::resources::managed::connect;
use crate::resources::managed::model::{Fields, ManagedState, Private};
use crate::resources::managed::read::policy;

/// A destroy says which keys die.
pub fn destroyed(diags: &mut Diagnostics, prior: &ManagedState, private: &Private) {
    if let Some(end) = End::of(prior, private) {
        warn(diags, end.of_a_destroy());
    }
}

/// The end of a resource: its keys, and where they are.
struct End {
    name: String,
    keys: Vec<String>,
    places: String,
    retains: bool,
    /// Nobody but a person can revoke them.
    by_hand: bool,
    /// Emergencies that are not over, with their keys.
    open: Vec<String>,
}

impl End {
    /// `None` if there is no key.
    fn of(prior: &ManagedState, private: &Private) -> Option<Self> {
        let managed = prior.managed(private).ok()?;
        let slots = managed.slots?;
        let slots = [Some(&slots.primary), slots.secondary_key()];
        let labels = slots
            .into_iter()
            .flatten()
            .map(|key| key.label().to_owned());
        let places: Vec<&str> = connect::entries(&prior.deliveries)
            .map(|(name, _)| name.as_str())
            .collect();
        let left = managed.former.iter().map(|former| former.place.as_str());
        let left: Vec<&str> = left.collect();
        Some(Self {
            name: prior.label().to_owned(),
            keys: labels.chain(managed.pending_revocations).collect(),
            places: match places[..] {
                [] => "the state".into(),
                [only] => format!("delivery {only}"),
                _ => format!("the deliveries {}", enumerated(&places)),
            } + &match left[..] {
                [] => String::new(),
                // They are not emptied yet.
                _ => format!(", and in {}", enumerated(&left)),
            },
            by_hand: connect::issuer(&prior.issuer).is_ok_and(|(kind, _)| kind.is_by_hand()),
            open: private
                .incidents
                .iter()
                .filter(|incident| !incident.has_ended())
                .map(|it| format!("EMERGENCY {} of {}", it.id, enumerated(&it.labels())))
                .collect(),
            retains: policy(prior).is_some_and(|policy| policy.on_destroy == OnDestroy::Retain),
        })
    }

    fn of_a_destroy(&self) -> Announcement {
        let Self { name, places, .. } = self;
        let keys = enumerated(&self.keys);
        let is_one = self.keys.len() == 1;
        let (stay, them, noun) = match is_one {
            true => ("stays", "it", "the key"),
            false => ("stay", "them", "keys"),
        };
        match self.retains {
            true => Announcement {
                summary: match self.open.is_empty() {
                    true => format!("{name}: {noun} {} left behind", verb(is_one)),
                    false => format!("{name}: a COMPROMISED key is left behind alive"),
                },
                detail: format!(
                    "on_destroy is retain: {keys} {stay} valid and {stay} in {places}. Nothing rotates or revokes {them} \
                     any more; the ledger lists {them} as orphaned.{}",
                    self.what_goes_on()
                ),
            },
            false if self.by_hand => Announcement {
                summary: format!("{name}: {noun} {} left to a person", verb(is_one)),
                detail: format!(
                    "This destroys the resource and takes {keys} out of {places}. A person is to revoke {them} at the vendor: \
                     until then, whoever has a copy can go on using {them}."
                ),
            },
            false => Announcement {
                summary: format!("{name}: {noun} {} revoked", verb(is_one)),
                detail: format!(
                    "This destroys the resource. At once it revokes {keys} and takes {them} out of {places}. Whatever \
                     still uses {them} stops working."
                ),
            },
        }
    }

    /// Whoever retains a compromised key must know that he does.
    fn what_goes_on(&self) -> String {
        let open: Vec<&str> = self.open.iter().map(String::as_str).collect();
        match open[..] {
            [] => String::new(),
            _ => format!(
                " {} is NOT over: whoever else has a copy goes on using it, and after this destroy nothing tells of it any more. \
                 Apply the emergency first, or revoke the key at the issuer; a key without an id is to be taken out of every place.",
                enumerated(&open)
            ),
        }
    }

    fn of_a_replacement(&self) -> Announcement {
        let told = self.of_a_destroy();
        Announcement {
            summary: format!("{} if this replaces {}", told.summary, self.name),
            detail: format!(
                "The state holds {} already, at the same issuer and with the same deliveries. If this plan replaces it \
                 (taint, another address): {} To rotate without a gap, change rotation_trigger instead.",
                self.name, told.detail
            ),
        }
    }
}

fn verb(is_one: bool) -> &'static str {
    match is_one {
        true => "is",
        false => "are",
    }
}

/// The resources that this run has seen in the state, by name. Terraform plans a replacement that a person asked for as
/// a plain creation; only what was planned or read before tells that keys end with it. (Of `-replace` it shows no warning
/// all the same; of a tainted object, or one under a new address, it does.)
#[derive(Default)]
struct InState(Mutex<BTreeMap<String, Vec<Seen>>>);

struct Seen {
    issuer: Value<Fields>,
    deliveries: Value<BTreeMap<String, Value<Fields>>>,
    warning: Announcement,
}

/// Remembers for the rest of the run that a state holds these keys.
pub fn note_in_state(state: &ManagedState, private: &Private, context: &Context) {
    let (Some(end), Ok(noted)) = (
        End::of(state, private),
        context.shared(|| Ok(InState::default())),
    ) else {
        return;
    };
    let seen = Seen {
        issuer: state.issuer.clone(),
        deliveries: state.deliveries.clone(),
        warning: end.of_a_replacement(),
    };
    // Entries are only ever added whole, so a panic elsewhere leaves nothing half done.
    let mut noted = noted.0.lock().unwrap_or_else(PoisonError::into_inner);
    let alike = noted.entry(end.name).or_default();
    alike.retain(|other| other.deliveries != seen.deliveries);
    alike.push(seen);
}

/// A creation with the name, the issuer and the deliveries of a resource in the state may replace it.
pub fn maybe_replaced(diags: &mut Diagnostics, planned: &ManagedState, context: &Context) {
    let Ok(noted) = context.shared(|| Ok(InState::default())) else {
        return;
    };
    let noted = noted.0.lock().unwrap_or_else(PoisonError::into_inner);
    let seen = noted.get(planned.label()).into_iter().flatten();
    let mut alike =
        seen.filter(|seen| seen.issuer == planned.issuer && seen.deliveries == planned.deliveries);
    if let Some(seen) = alike.next() {
        warn(diags, seen.warning.clone());
    }
}

/// An edit of the owner changes who is asked, not who knows the keys. One who has left knows none that came after them.
pub fn new_owner(
    diags: &mut Diagnostics,
    prior: &ManagedState,
    planned: &ManagedState,
    private: &Private,
    situation: &Situation,
) {
    let owner = |state: &ManagedState| state.owner.as_deref_option().map(str::to_owned);
    let (Some(old), new, Some(slots)) = (owner(prior), owner(planned), situation.slots) else {
        return;
    };
    let knows_none = private.rotated_for.as_ref() == Some(&old) && slots.secondary.is_none();
    if Some(&old) == new.as_ref() || situation.rotation_requested || knows_none {
        return;
    }
    let new = new.map_or("nobody".into(), |new| format!("{new:?}"));
    let key = slots.primary.label();
    let detail = format!(
        "Whoever could read {key} until now can still use it: a change of owner changes no key. If {old:?} is not to use it \
         any more, change rotation_trigger from one value to another."
    );
    let summary = format!(
        "{}: its owner changes from {old:?} to {new}",
        situation.name
    );
    warn(diags, Announcement { summary, detail });
}

/// The first value of a trigger is what the next one is compared with.
pub fn first_trigger(diags: &mut Diagnostics, prior: &ManagedState, planned: &ManagedState) {
    if prior.rotation_trigger.is_null() && planned.rotation_trigger.is_value() {
        let name = planned.label();
        let summary = format!("{name}: nothing is rotated by the first value of rotation_trigger");
        let detail = "Only a change from one value to another makes a rotation due. Apply this one, and then change it. A key in \
                      the wrong hands needs no trigger: declare an emergency.";
        warn(
            diags,
            Announcement {
                summary,
                detail: detail.to_owned(),
            },
        );
    }
}

/// What is added where an edit makes something due that this plan does not do yet.
pub const SHOWS_LATER: &str =
    "This apply does not take the step, which shows in the plan after it.";

fn warn(diags: &mut Diagnostics, told: Announcement) {
    diags.root_warning(told.summary, told.detail);
}
