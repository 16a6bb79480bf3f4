//! A rotation without an apply: it cannot write the state, so the ledger has to tell the next refresh.
//!
//! That refresh finds an apply that ended and of which no state heard, and documents that hold exactly its keys; so it
//! lets the state follow (see [`crate::engine::recover`]). What it could not follow is refused here.

use crate::context::Context;
use crate::domain::moves::Move;
use crate::domain::planner::Decision;
use crate::domain::policy::Policy;
use crate::domain::situation::{Copy, Seen};
use crate::domain::slots::{Key, Slots};
use crate::domain::steps::{Content, Step, Subject};
use crate::engine::managed::DeliveryRecord;
use crate::engine::observe::{Copies, observe};
use crate::engine::run::stale::check_not_stale;
use crate::engine::run::{Progress, Run, Watcher};
use crate::error::{Error, Kind, Path, Result};
use crate::ledger::guard::Guard;
use crate::resources::managed::connect;
use crate::resources::managed::deploying;
use crate::resources::managed::gates;
use crate::resources::managed::model::{ManagedState, Private};
use crate::resources::managed::read::{named, policy};
use crate::resources::managed::records::Records;
use crate::settings::Settings;

/// What came of it.
pub struct Rotated {
    /// What people call the new primary.
    pub primary: String,
    /// What people call the old one, which is the secondary now.
    pub retiring: String,
    /// When the old one may be revoked.
    pub revoke_after: String,
    /// What a person should know.
    pub warnings: Vec<Error>,
}

/// What speaks against a rotation outside an apply, as far as the state tells.
pub fn refusal(state: &ManagedState, context: &Context) -> Option<Error> {
    let refuse = |path: &str, what: &str, next: &str| {
        let summary = format!("{}: {what}", state.label());
        let error = Error::new(Kind::Invalid, summary, next);
        Some(error.at(Path::root("key").attribute(path)))
    };
    if state.primary.as_ref_option().is_none() {
        return refuse("primary", "there is no key to rotate", "Apply first.");
    }
    if let Some(secondary) = state.secondary.as_ref_option() {
        let role = secondary.role.as_deref_option().unwrap_or_default();
        let what = format!("the secondary slot holds a {role} key");
        return refuse(
            "secondary",
            &what,
            "A rotation needs that slot for the old primary. Apply until it is empty (a staged key is promoted when its \
             time comes, a retiring one revoked), or set rotation_trigger in the resource, which works with a staged key.",
        );
    }
    if connect::entries(&state.deliveries).next().is_none() || state.stores_secrets() {
        return refuse(
            "store_secret_in_state",
            "its secret is in the state, which an action cannot write",
            "Set rotation_trigger in the resource instead.",
        );
    }
    if has_write_only_settings(state) {
        return refuse(
            "verification",
            "its verification needs write-only values, which an action does not get",
            "Set rotation_trigger in the resource instead.",
        );
    }
    if deploying::hold_promotions(state) {
        return refuse(
            "deployments",
            "it has deployments that are required before a promotion",
            "An action waits for none. Set rotation_trigger in the resource instead.",
        );
    }
    if policy(state).is_some_and(|policy| policy.paused) {
        return refuse(
            "policy",
            "its policy is paused",
            "Set paused = false in the policy first.",
        );
    }
    if !context.ledger.remembers() {
        return refuse(
            "id",
            "there is no ledger",
            "Without a ledger the state could never learn of the new key. Enable the ledger of the provider, or set \
             rotation_trigger in the resource.",
        );
    }
    None
}

/// A version is there only beside a write-only value; the values themselves are in no state.
pub(super) fn has_write_only_settings(state: &ManagedState) -> bool {
    let Some(fields) = state.verification.as_ref_option() else {
        return false;
    };
    let settings = Settings::new(Path::root("verification"), fields);
    let inner = settings.object("basic_auth");
    let versions = ["headers_wo_version", "body_wo_version"].map(|name| settings.integer(name));
    let password = inner.and_then(|inner| inner.integer("password_wo_version"));
    versions
        .into_iter()
        .flatten()
        .chain(password)
        .next()
        .is_some()
}

/// Mints, delivers, verifies and swaps in a new key. The old one stays valid as secondary.
pub async fn rotate(
    mut state: ManagedState,
    context: &Context,
    watcher: &Watcher,
) -> Result<Rotated> {
    if let Some(refusal) = refusal(&state, context) {
        return Err(refusal);
    }
    let done = swap(&mut state, context, watcher).await;
    done.map_err(|error| named(&state, error))
}

async fn swap(state: &mut ManagedState, context: &Context, watcher: &Watcher) -> Result<Rotated> {
    let policy = policy(state).ok_or_else(|| {
        Error::invalid(
            Path::root("key").attribute("policy"),
            "No policy",
            "Apply first.",
        )
    })?;
    let mut private = Private::lost();
    let managed = state.managed(&private)?;
    let connections = connect::connections(state, context)?.with_places_of(&managed);
    let now = context.clock.now();
    let observed = observe(&managed, &connections, Copies::default(), now).await?;
    if let Some(error) = observed.unreadable.into_iter().next() {
        return Err(error);
    }
    let mut records = observed.deliveries.values();
    let in_order = records.all(DeliveryRecord::is_in_order);
    let facts = observed.facts;
    let usable = facts.primary == Seen::Present && facts.primary_copy == Copy::Available;
    if !in_order || !usable {
        return Err(Error::new(
            Kind::Stale,
            "What is there is not what the state says",
            "The primary key is gone or switched off, or a delivery does not hold it. Nothing was done. Refresh, and apply \
             what the plan shows.",
        ));
    }
    let decision = Decision::new(vec![Move::Stage, Move::Promote], now);
    let opened = Records::open(state, &managed, connections, &decision, false, context);
    let mut records = opened.await?;
    let mut run = records.run(state.label(), &policy, managed, facts.clone(), context);
    run.watcher = Some(watcher);
    run.progress = Progress::that_takes_back();
    let fresh = async {
        check_not_stale(&run, &decision.moves).await?;
        run.observe_places().await;
        run.refuse_newer().await?;
        gates::confirm(state, &run, &decision.moves, context).await
    };
    if let Err(error) = fresh.await {
        drop(run);
        records.abandon(&error).await;
        return Err(error);
    }
    let mut result = run.take(&decision.moves).await;
    if let Err(cause) = result {
        result = Err(take_back(&mut run, cause).await);
    }
    let (managed, warnings) = (run.managed, run.warnings);
    records.failure = result.as_ref().err().cloned();
    state.record(&managed, Some(&policy), None);
    private.facts = facts;
    let written = records.write(state, &private, context).await;
    result.and(written)?;
    let slots = managed.slots.as_ref();
    Ok(rotated(slots, &policy, warnings))
}

/// A rotation that does not come to its end leaves nothing behind: the documents hold the primary alone again, then the
/// new key is revoked.
async fn take_back(run: &mut Run<'_>, cause: Error) -> Error {
    if run.journal.guard().is_some_and(Guard::is_lost) {
        return cause;
    }
    let slots = run.managed.slots.as_ref();
    let Some((primary, staged)) = slots.and_then(|slots| Some((&slots.primary, slots.staged()?)))
    else {
        return cause;
    };
    let (primary, staged) = (primary.label().to_owned(), staged.label().to_owned());
    let undone = match run.take(&[Move::Discard]).await {
        Ok(()) if run.managed.pending_revocations.is_empty() => format!(
            "New key {staged} was taken out of the deliveries and revoked again. {primary} stays primary, and nothing else \
             has changed."
        ),
        Ok(()) => format!(
            "New key {staged} was taken out of the deliveries but could not be revoked. {primary} stays primary. The next \
             refresh finds the key, and the next apply revokes it."
        ),
        Err(error) => format!(
            "New key {staged} could not be taken back ({}) and stays as secondary; {primary} stays primary. The next \
             refresh finds the key.",
            error.summary
        ),
    };
    Error {
        detail: format!("{} {undone}", cause.detail),
        ..cause
    }
}

fn rotated(slots: Option<&Slots>, policy: &Policy, warnings: Vec<Error>) -> Rotated {
    let label = |key: Option<&Key>| key.map_or("(none)", Key::label).to_owned();
    Rotated {
        primary: label(slots.map(|slots| &slots.primary)),
        retiring: label(slots.and_then(Slots::retiring)),
        revoke_after: slots
            .and_then(|slots| slots.revoke_after(policy))
            .map_or_else(String::new, |at| at.to_string()),
        warnings,
    }
}

/// What a step does, for people; `None` if there is nothing to tell.
pub fn words(step: Step) -> Option<&'static str> {
    Some(match step {
        Step::Check => "looking at the issuer and the deliveries",
        Step::Fetch => "reading the key that is in use",
        Step::Mint => "minting a new key",
        Step::Deliver(Content::NewSecond) => "delivering the new key as secondary",
        Step::Deliver(Content::PrimaryAlone) => "taking the new key out of the deliveries",
        Step::Deliver(_) => "delivering the new key as primary and the old one as secondary",
        Step::Verify(Subject::NewlyStaged) => "verifying the new key",
        Step::RevokeSecondary => "revoking the new key",
        Step::SwapIn => "the new key is primary",
        Step::Verify(_)
        | Step::Withdraw
        | Step::Deploy
        | Step::RevokePending
        | Step::RevokePrimary => {
            return None;
        }
    })
}
