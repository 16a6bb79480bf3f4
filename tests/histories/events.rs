//! What can happen to a key.

use proptest::collection::vec;
use proptest::prelude::*;

use super::config::{DELIVERIES, OFFBOARDED, OWNERS};

#[derive(Clone, Debug)]
pub enum Event {
    Wait(u32),
    /// A plan, some seconds, and its apply.
    Apply {
        refresh: bool,
        late: u32,
        faults: u64,
        refuse_probes: bool,
        /// The key is rotated by the action between the plan and its apply.
        between: bool,
        end: End,
    },
    /// The ledger is lost or found again.
    LoseLedger(bool),
    /// The ledger is replaced by a fresh one.
    FreshLedger,
    Refresh {
        faults: u64,
    },
    Edit(Edit),
    Tamper(Tamper),
    Destroy {
        faults: u64,
    },
    /// The state of so many changes ago is put back.
    Restore(usize),
    /// The state is copied to another workspace.
    Copy,
    /// From now on the other workspace is applied.
    Switch,
    /// The environment points somewhere else, or home again.
    Travel(bool),
    /// A place can be neither read nor written, or can be again.
    Fail(usize, bool),
    /// The action rotates the key.
    RotateNow {
        faults: u64,
    },
    /// The key of the environment before is promoted, and whether it is well after that.
    PromoteBefore(bool),
}

/// How an apply ends.
#[derive(Clone, Copy, Debug, Default)]
pub struct End {
    /// After how many moments it is killed.
    pub killed: Option<u32>,
    /// After how many looks into the ledger it is suspended; when it wakes up, another apply has gone on.
    pub suspended: Option<u32>,
    /// It comes to its end, but Terraform never hears of it.
    pub unacknowledged: bool,
    /// Of which effects the answer is lost.
    pub lost: u64,
}

#[derive(Clone, Debug)]
pub enum Edit {
    Rename,
    Policy(usize),
    Paused(bool),
    OnDrift(usize),
    Trigger,
    /// One of the sets of deliveries.
    Deliveries(usize),
    StoreInState(bool),
    /// None, a required deployment, or one that is not.
    Deployment(Option<bool>),
    HoldWhileUsed(bool),
    /// A new emergency: whether the key is revoked first, and whether the other slot is compromised too.
    Emergency {
        revoke_first: bool,
        all: bool,
        /// It goes on without the ledger.
        break_glass: bool,
    },
    /// The block is taken out, whether or not anything was done.
    NoEmergency,
    /// One of the owners.
    Owner(usize),
    /// One of the lists of owners who have left.
    Offboarded(usize),
    /// Whether another environment comes first.
    Ordered(bool),
    /// Whether the key is expected to be used.
    Expected(bool),
    /// Whether a rotation is announced some time before.
    Announced(bool),
}

#[derive(Clone, Debug)]
pub enum Tamper {
    Alter(usize),
    Erase(usize),
    DropSecondary(usize),
    KillPrimary,
    KillSecondary,
    UseSecondary,
}

pub fn events() -> impl Strategy<Value = Vec<Event>> {
    let refuses = prop::bool::weighted(0.1);
    let between = prop::bool::weighted(0.1);
    let applies = (any::<bool>(), late(), faults(), refuses, between, ends());
    let apply =
        applies.prop_map(
            |(refresh, late, faults, refuse_probes, between, end)| Event::Apply {
                refresh,
                late,
                faults,
                refuse_probes,
                between,
                end,
            },
        );
    vec(
        prop_oneof![
            3 => (0u32..120).prop_map(Event::Wait),
            1 => (100u32..5_000).prop_map(Event::Wait),
            8 => apply,
            1 => faults().prop_map(|faults| Event::Refresh { faults }),
            2 => edits().prop_map(Event::Edit),
            1 => tampers().prop_map(Event::Tamper),
            1 => prop::bool::weighted(0.3).prop_map(Event::LoseLedger),
            1 => Just(Event::FreshLedger),
            1 => mishaps(),
            1 => prop::bool::weighted(0.3).prop_flat_map(|rare| match rare {
                true => faults().prop_map(|faults| Event::Destroy { faults }).boxed(),
                false => Just(Event::Wait(20)).boxed(),
            }),
        ],
        1..24,
    )
}

/// What Terraform does not see.
fn mishaps() -> impl Strategy<Value = Event> {
    prop_oneof![
        2 => (0usize..6).prop_map(Event::Restore),
        1 => Just(Event::Copy),
        1 => Just(Event::Switch),
        1 => (0usize..3, any::<bool>()).prop_map(|(place, fails)| Event::Fail(place, fails)),
        1 => prop::bool::weighted(0.3).prop_map(Event::Travel),
        2 => faults().prop_map(|faults| Event::RotateNow { faults }),
        2 => any::<bool>().prop_map(Event::PromoteBefore),
    ]
}

fn ends() -> impl Strategy<Value = End> {
    let lost = (any::<u64>(), any::<u64>()).prop_map(|(a, b)| a & b);
    prop_oneof![
        5 => Just(End::default()),
        2 => (0u32..40).prop_map(|moment| End {
            killed: Some(moment),
            ..End::default()
        }),
        1 => (0u32..20).prop_map(|moment| End {
            suspended: Some(moment),
            ..End::default()
        }),
        1 => Just(End {
            unacknowledged: true,
            ..End::default()
        }),
        1 => lost.prop_map(|lost| End {
            lost,
            ..End::default()
        }),
    ]
}

fn late() -> impl Strategy<Value = u32> {
    prop_oneof![3 => Just(0u32), 2 => 1u32..60, 1 => 60u32..1_000]
}

fn faults() -> impl Strategy<Value = u64> {
    let sparse = (any::<u64>(), any::<u64>(), any::<u64>()).prop_map(|(a, b, c)| a & b & c);
    prop_oneof![6 => Just(0u64), 4 => sparse, 1 => any::<u64>()]
}

fn edits() -> impl Strategy<Value = Edit> {
    prop_oneof![
        Just(Edit::Rename),
        (0usize..4).prop_map(Edit::Policy),
        any::<bool>().prop_map(Edit::Paused),
        (0usize..3).prop_map(Edit::OnDrift),
        Just(Edit::Trigger),
        (0usize..DELIVERIES.len()).prop_map(Edit::Deliveries),
        any::<bool>().prop_map(Edit::StoreInState),
        any::<Option<bool>>().prop_map(Edit::Deployment),
        any::<bool>().prop_map(Edit::HoldWhileUsed),
        emergencies(),
        Just(Edit::NoEmergency),
        (0..OWNERS.len()).prop_map(Edit::Owner),
        (0..OFFBOARDED.len()).prop_map(Edit::Offboarded),
        any::<bool>().prop_map(Edit::Ordered),
        any::<bool>().prop_map(Edit::Expected),
        any::<bool>().prop_map(Edit::Announced),
    ]
}

fn emergencies() -> impl Strategy<Value = Edit> {
    let asked = (any::<bool>(), any::<bool>(), any::<bool>());
    asked.prop_map(|(revoke_first, all, break_glass)| Edit::Emergency {
        revoke_first,
        all,
        break_glass,
    })
}

fn tampers() -> impl Strategy<Value = Tamper> {
    prop_oneof![
        (0usize..3).prop_map(Tamper::Alter),
        (0usize..3).prop_map(Tamper::Erase),
        (0usize..3).prop_map(Tamper::DropSecondary),
        Just(Tamper::KillPrimary),
        Just(Tamper::KillSecondary),
        Just(Tamper::UseSecondary),
    ]
}
