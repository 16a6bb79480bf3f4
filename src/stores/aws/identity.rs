//! What a place is, whatever names it: one name in one account and region.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use crate::error::{Error, Kind, Result};
use crate::vendors::aws::{Service, Session};

/// What AWS said about the places that were asked for. A name stays with its place, so that nothing here gets old.
#[derive(Default)]
pub struct Identities {
    known: Mutex<HashMap<String, String>>,
    /// Why STS could not be reached.
    unreachable: OnceLock<Error>,
}

impl Identities {
    /// What a place is, if AWS said so before.
    pub fn get(&self, place: &str) -> Option<String> {
        self.known().get(place).cloned()
    }

    /// AWS named a place: `arn:aws:secretsmanager:eu-central-1:123456789012:secret:prod/payments-AbCdEf`.
    pub fn note(&self, place: &str, kind: &str, arn: &str, name: &str) {
        if let Some(identity) = Self::of_arn(kind, arn, name) {
            self.known().insert(place.to_owned(), identity);
        }
    }

    /// What a place is that has this ARN.
    pub fn of_arn(kind: &str, arn: &str, name: &str) -> Option<String> {
        let mut parts = arn.split(':').skip(3);
        let (region, account) = (parts.next()?, parts.next()?);
        Some(text(kind, account, region, name))
    }

    /// What a name is, whether or not there is such a place yet. Asks as little as possible: an answer of AWS that named
    /// it tells all, and the account is asked for once. Where STS is out of reach, `look` finds the place and notes it.
    pub async fn of_name(
        &self,
        session: &Session,
        service: Service,
        (place, kind, name): (&str, &str, &str),
        look: impl Future<Output = Result<()>>,
    ) -> Result<String> {
        if let Some(known) = self.get(place) {
            return Ok(known);
        }
        let region = session.region_of(service).await?;
        match self.account(session).await {
            Ok(account) => Ok(text(kind, account, &region, name)),
            Err(error) => {
                look.await?;
                self.get(place).ok_or(error)
            }
        }
    }

    /// A network without a way to STS is waited for once, not for every place.
    async fn account<'a>(&self, session: &'a Session) -> Result<&'a str> {
        if let Some(error) = self.unreachable.get() {
            return Err(error.clone());
        }
        let asked = session.account_id().await;
        if let Err(error) = &asked
            && error.kind == Kind::Unavailable
        {
            self.unreachable.get_or_init(|| error.clone());
        }
        asked
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, String>> {
        // Entries are only ever added whole, so a panic elsewhere leaves nothing half done.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn text(kind: &str, account: &str, region: &str, name: &str) -> String {
    format!("{kind} {name} ({account}, {region})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_remembered_for_the_place_that_was_asked_for() {
        let arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:x-AbCdEf";
        let identities = Identities::default();
        identities.note(arn, "aws_secrets_manager", arn, "x");
        let known = identities.get(arn).unwrap();
        assert_eq!(known, "aws_secrets_manager x (123456789012, eu-west-1)");
        identities.note("x", "aws_secrets_manager", "", "x");
        assert_eq!(identities.get("x"), None);
    }
}
