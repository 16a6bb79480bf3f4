//! When keys were last used, as their issuer tells. Each answer is a request of its own, so only what somebody wants to know
//! is asked for.

use crate::domain::capabilities::LastUse;
use crate::domain::expected::{Expected, Oddity, Uses, Watched};
use crate::domain::policy::Policy;
use crate::domain::retiring::{hold, judged_by_its_use};
use crate::domain::situation::Hold;
use crate::domain::slots::{Key, Slots};
use crate::domain::usage::Use;
use crate::engine::connections::Connections;
use crate::error::{Error, Kind, Result};
use crate::instant::Instant;

/// Who wants to know it, and what is known already.
pub struct Question<'a> {
    /// How the keys are expected to be used.
    pub expected: Option<&'a Expected>,
    /// What holds a retiring key that is used; `None` where nothing can.
    pub policy: Option<&'a Policy>,
    /// What was told before.
    pub known: &'a Uses,
    /// The time.
    pub now: Instant,
}

/// What is known now.
#[derive(Default)]
pub struct Answer {
    /// The last use of each key, and what is odd about it.
    pub uses: Uses,
    /// What keeps the retiring key.
    pub hold: Option<Hold>,
    /// What could not be told, and what cannot be true.
    pub warnings: Vec<Error>,
}

impl Question<'_> {
    /// Asks what is not in the list of the keys. Where nobody can tell, what was known stands.
    pub async fn put(&self, slots: &Slots, connections: &Connections) -> Answer {
        let mut answer = Answer::default();
        let Some(able) = connections.capabilities.last_use else {
            return answer;
        };
        let judged = self
            .policy
            .and_then(|policy| judged_by_its_use(slots, policy, self.now));
        let keys = [Some(&slots.primary), slots.retiring()];
        for key in keys.into_iter().flatten() {
            let is_judged = judged == Some(key);
            let told = match listed(key, able, connections).await {
                Some(last) => Some(Ok(last)),
                None if is_judged || self.expected.is_some() => last_use(key, connections).await,
                None => None,
            };
            let before = self.before(key);
            if let (true, Some(told), Some(policy)) = (is_judged, &told, self.policy) {
                let known = before.as_ref().and_then(|before| before.last.as_ref());
                answer.hold = held(told, known, policy, able, self.now);
            }
            let watched = match told {
                Some(Ok(last)) => {
                    let last = last.map(|last| last.by(self.now));
                    let before = before.unwrap_or_default();
                    answer
                        .warnings
                        .extend(backwards(key, last.as_ref(), &before));
                    Some(self.judged(slots, key, last, before, able))
                }
                Some(Err(error)) => {
                    let is_gone = error.kind == Kind::NotFound;
                    let unseen = (!is_gone || is_judged).then(|| unseen(key, error, is_judged));
                    answer.warnings.extend(unseen);
                    match is_gone {
                        true => before,
                        false => self.untold(before),
                    }
                }
                None => before,
            };
            if let Some(watched) = watched {
                answer.uses.insert(key.label().to_owned(), watched);
            }
        }
        answer
    }

    fn before(&self, key: &Key) -> Option<Watched> {
        let mut before = self.known.get(key.label())?.clone();
        before.last = before.last.map(|last| last.by(self.now));
        if self.expected.is_none() {
            before.oddities.clear();
        }
        Some(before)
    }

    /// What was seen before stands, and that nobody tells of it now is odd where something is expected.
    fn untold(&self, before: Option<Watched>) -> Option<Watched> {
        if self.expected.is_none() {
            return before;
        }
        let untold = Watched {
            last: None,
            oddities: vec![Oddity::untold(self.now)],
        };
        Some(before.unwrap_or_default().and(untold))
    }

    fn judged(
        &self,
        slots: &Slots,
        key: &Key,
        told: Option<Use>,
        before: Watched,
        able: LastUse,
    ) -> Watched {
        let told = Watched {
            last: told,
            oddities: Vec::new(),
        };
        let Watched { last, oddities } = told.and(before);
        let judge = |expected: &Expected| {
            expected.judge(slots, key, last.as_ref(), &oddities, able, self.now)
        };
        let oddities = self.expected.map(judge).unwrap_or_default();
        Watched { last, oddities }
    }
}

/// What keeps the retiring key right before it is revoked.
pub async fn before_the_revocation(
    slots: &Slots,
    connections: &Connections,
    policy: &Policy,
    known: &Uses,
    now: Instant,
) -> Option<Hold> {
    let able = connections.capabilities.last_use?;
    let key = judged_by_its_use(slots, policy, now)?;
    let told = last_use(key, connections).await?;
    let known = known.get(key.label());
    let known = known.and_then(|known| known.last.as_ref());
    held(&told, known, policy, able, now)
}

/// The newest use counts that was ever told.
fn held(
    told: &Result<Option<Use>>,
    known: Option<&Use>,
    policy: &Policy,
    able: LastUse,
    now: Instant,
) -> Option<Hold> {
    let last = told.as_ref().ok().and_then(Option::as_ref);
    let last = last.into_iter().chain(known).max_by_key(|last| last.at);
    let untold = told.as_ref().err().map(|error| error.summary.as_str());
    hold(last, untold, policy, able.lag, now)
}

/// What the list of the keys says, where it says when they were used.
async fn listed(key: &Key, able: LastUse, connections: &Connections) -> Option<Option<Use>> {
    let id = key.key_id.as_ref().filter(|_| able.in_list)?;
    let last = connections.issuer.listed_use(id).await?;
    Some(last.map(Use::at))
}

/// `None` of a key that has no id to ask by.
async fn last_use(key: &Key, connections: &Connections) -> Option<Result<Option<Use>>> {
    let id = key.key_id.as_ref()?;
    Some(connections.issuer.last_use(id).await)
}

fn unseen(key: &Key, error: Error, is_judged: bool) -> Error {
    let consequence = match is_judged {
        true => "The key is not revoked before that is known, or max_grace_period is over.",
        false => "Remove expected_usage if it is not to be compared.",
    };
    Error {
        summary: format!(
            "Nobody can tell how key {} is used: {}",
            key.label(),
            error.summary
        ),
        detail: format!(
            "{} What was seen of it before stands. {consequence}",
            error.detail
        ),
        ..error
    }
}

/// An issuer that forgets a use may have forgotten others.
fn backwards(key: &Key, told: Option<&Use>, before: &Watched) -> Option<Error> {
    let before = before.last.as_ref()?;
    let told = match told {
        Some(told) if told.at >= before.at => return None,
        Some(told) => format!("of one at {told}"),
        None => "of none at all".into(),
    };
    Some(Error::new(
        Kind::Other,
        format!("The last use of key {} went backwards", key.label()),
        format!(
            "Its issuer told of a use at {before} before, and tells {told} now. The newest that was ever told counts. Find out \
             why: as long as it forgets, what it says of this key proves little."
        ),
    ))
}
