//! How a key is doing, in one word and one sentence. Changes only at edges, so a refresh settles.

use crate::domain::finding::Finding;
use crate::domain::rules::{findings, revocations};
use crate::domain::situation::Situation;
use crate::domain::slots::{Role, Slots};

pub use crate::domain::finding::Status;

/// The status at `situation.now`, and why: the gravest of what was found, and all of the reasons.
pub fn status(situation: &Situation) -> (Status, String) {
    let Some(slots) = situation.slots else {
        return (Status::Pending, "no key exists yet".into());
    };
    let mut found: Vec<Finding> = findings(situation);
    found.extend(revocations(situation));
    found.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let worst = found.first().map(|finding| finding.severity);
    if worst == Some(Status::Compromised) {
        // What helps a key that is well otherwise would keep a compromised one in use; what is unfinished holds it up.
        found.retain(|finding| matches!(finding.severity, Status::Compromised | Status::Pending));
    }
    let mut reasons: Vec<String> = found.into_iter().map(|finding| finding.reason).collect();
    if reasons.is_empty() {
        reasons.push(quiet(situation, slots));
    }
    (worst.unwrap_or(Status::Ok), reasons.join("; "))
}

fn quiet(situation: &Situation, slots: &Slots) -> String {
    let policy = situation.policy;
    let due_at = slots.due_at(policy);
    match slots.secondary.as_ref().map(|secondary| secondary.role) {
        Some(Role::Retiring) => match slots.revoke_after(policy) {
            Some(at) => format!("the retiring key is revoked after {at}"),
            None => format!("rotation is due at {due_at}"),
        },
        _ if policy.paused => {
            format!("the policy is paused; without that, rotation is due at {due_at}")
        }
        None => format!("the next key is staged at {}", slots.stage_at(policy)),
        Some(Role::Staged) => format!("the staged key is promoted at {due_at}"),
    }
}
