//! How a key is doing, in one word and one sentence. Changes only at edges, so a refresh settles.

use crate::domain::planner;
use crate::domain::policy::OnDrift;
use crate::domain::rules::Move;
use crate::domain::situation::{Copy, Seen, Situation, Why};
use crate::domain::slots::{Role, Slots};

/// How a managed key is doing, mildest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// Nothing to do.
    Ok,
    /// Rotation comes up within `notice_period`.
    Notice,
    /// A step is due: the next apply takes it.
    Due,
    /// Something is unfinished: a delivery, or a revocation that failed.
    Pending,
    /// The next step cannot be taken; the reason says why.
    Blocked,
    /// Rotation is past due by `alert_after`.
    Overdue,
}

impl Status {
    /// The word in the state.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Notice => "notice",
            Self::Due => "due",
            Self::Pending => "pending",
            Self::Blocked => "blocked",
            Self::Overdue => "overdue",
        }
    }
}

/// The status at `situation.now`, and why.
pub fn status(situation: &Situation) -> (Status, String) {
    let Some(slots) = situation.slots else {
        return (Status::Pending, "no key exists yet".into());
    };
    let findings = [
        overdue(situation, slots),
        blocked(situation, slots),
        pending(situation, slots),
        due(situation, slots),
        notice(situation, slots),
    ];
    let mut worst = Status::Ok;
    let mut reasons = Vec::new();
    for (status, reason) in findings.into_iter().flatten() {
        worst = worst.max(status);
        reasons.push(reason);
    }
    if reasons.is_empty() {
        reasons.push(quiet(situation, slots));
    }
    (worst, reasons.join("; "))
}

fn overdue(situation: &Situation, slots: &Slots) -> Option<(Status, String)> {
    let due_at = slots.due_at(situation.policy);
    let overdue = situation.now >= due_at + situation.policy.alert_after;
    overdue.then(|| {
        (
            Status::Overdue,
            format!("rotation is overdue since {due_at}"),
        )
    })
}

fn blocked(situation: &Situation, slots: &Slots) -> Option<(Status, String)> {
    let facts = situation.facts;
    let primary = slots.primary.label();
    let reason = if is_cured_by_itself(situation) {
        return None;
    } else if facts.primary == Seen::Gone {
        format!("primary key {primary} no longer exists at the issuer")
    } else if facts.primary == Seen::Inactive {
        format!("primary key {primary} was deactivated at the issuer")
    } else if facts.primary_copy == Copy::Lost {
        format!("no delivery holds the secret of primary key {primary} any more")
    } else if let Some(staged) = unverified(situation, slots) {
        format!("staged key {staged} failed its verification and is not promoted")
    } else if held(situation, slots) {
        format!(
            "retiring key {} is still in use and kept until {} at the latest",
            slots.retiring()?.label(),
            slots.hold_ends_at(situation.policy)?
        )
    } else {
        return None;
    };
    Some((
        Status::Blocked,
        format!("{reason}{}", way_out(situation, slots)),
    ))
}

/// What keeps the policy from replacing an unusable primary.
fn way_out(situation: &Situation, slots: &Slots) -> String {
    match slots.retiring() {
        Some(retiring)
            if situation.policy.on_drift == OnDrift::Rotate && is_unusable(situation) =>
        {
            let until = slots
                .revoke_after(situation.policy)
                .map_or_else(String::new, |at| format!(" before {at}"));
            format!(
                ", and it cannot be replaced beside retiring key {}{until}: make it usable again, or delete one of \
                 the two at the issuer",
                retiring.label()
            )
        }
        _ => String::new(),
    }
}

fn is_unusable(situation: &Situation) -> bool {
    situation.facts.primary != Seen::Present || situation.facts.primary_copy == Copy::Lost
}

/// The next apply replaces the unusable primary.
fn is_cured_by_itself(situation: &Situation) -> bool {
    let cures = |next: &Move| matches!(next, Move::Promote | Move::Replace);
    is_unusable(situation)
        && planner::decide_at(situation, situation.now)
            .moves
            .iter()
            .any(cures)
}

fn unverified<'a>(situation: &Situation, slots: &'a Slots) -> Option<&'a str> {
    let staged = slots.staged()?;
    (situation.must_verify && staged.verified_at.is_none()).then(|| staged.label())
}

fn held(situation: &Situation, slots: &Slots) -> bool {
    let policy = situation.policy;
    let over = slots
        .revoke_after(policy)
        .is_some_and(|at| situation.now >= at);
    let ended = slots
        .hold_ends_at(policy)
        .is_some_and(|at| situation.now >= at);
    over && !ended && situation.facts.retiring_in_use
}

fn pending(situation: &Situation, slots: &Slots) -> Option<(Status, String)> {
    if slots.primary.fingerprint.is_none() && situation.has_writes_to_repair() {
        let key = slots.primary.label();
        return Some((
            Status::Pending,
            format!(
                "key {key} was imported without its secret, so its deliveries are filled by the next rotation"
            ),
        ));
    }
    let mut parts: Vec<String> = situation
        .repairs
        .iter()
        .map(|repair| {
            let what = match repair.why {
                Why::Added => "was added",
                Why::Moved => "has new settings",
                Why::Removed => "was removed",
                Why::Missing => "is gone from its store",
                Why::Altered => "was changed behind our back",
                Why::Failed => "could not be written",
            };
            format!("delivery {:?} {what}", repair.name)
        })
        .collect();
    if !situation.pending_revocations.is_empty() {
        let orphans = &situation.facts.orphans;
        parts.extend(
            situation
                .pending_revocations
                .iter()
                .map(|id| match orphans.contains(id) {
                    true => format!("{id} was left behind by an apply that did not finish"),
                    false => format!("{id} could not be revoked yet"),
                }),
        );
    }
    (!parts.is_empty()).then(|| (Status::Pending, parts.join("; ")))
}

fn due(situation: &Situation, slots: &Slots) -> Option<(Status, String)> {
    let policy = situation.policy;
    let due_at = slots.due_at(policy);
    if situation.now >= due_at {
        let pause = if policy.paused {
            ", but the policy is paused"
        } else {
            ""
        };
        return Some((
            Status::Due,
            format!("rotation is due since {due_at}{pause}"),
        ));
    }
    let moves = planner::decide_at(situation, situation.now).moves;
    let reason = match moves
        .iter()
        .find(|next| !matches!(next, Move::Deliver | Move::RevokePending))?
    {
        Move::Stage => format!("a new key is to be staged since {}", slots.stage_at(policy)),
        Move::Promote => "the staged key is ready to be promoted".into(),
        Move::Revoke => format!(
            "retiring key {} is to be revoked since {}",
            slots.retiring()?.label(),
            slots.revoke_after(policy)?
        ),
        Move::Discard => format!("staged key {} is unusable", slots.staged()?.label()),
        Move::Replace => format!("primary key {} is unusable", slots.primary.label()),
        Move::Create | Move::Deliver | Move::RevokePending => return None,
    };
    Some((Status::Due, reason))
}

fn notice(situation: &Situation, slots: &Slots) -> Option<(Status, String)> {
    let policy = situation.policy;
    let due_at = slots.due_at(policy);
    let near = !policy.notice_period.is_zero()
        && situation.now < due_at
        && situation.now >= due_at - policy.notice_period;
    near.then(|| (Status::Notice, format!("rotation is due at {due_at}")))
}

fn quiet(situation: &Situation, slots: &Slots) -> String {
    let policy = situation.policy;
    let due_at = slots.due_at(policy);
    match slots.secondary.as_ref().map(|secondary| secondary.role) {
        None => format!("the next key is staged at {}", slots.stage_at(policy)),
        Some(Role::Staged) => format!("the staged key is promoted at {due_at}"),
        Some(Role::Retiring) => match slots.revoke_after(policy) {
            Some(at) => format!("the retiring key is revoked after {at}"),
            None => format!("rotation is due at {due_at}"),
        },
    }
}
