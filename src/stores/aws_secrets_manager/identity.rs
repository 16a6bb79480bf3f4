//! What a secret is, whatever names it: one name in one account and region.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use super::SecretPlace;
use crate::error::{Error, Kind, Result};
use crate::vendors::aws::Service;

/// How many characters AWS adds to the name of a secret in its ARN, after a hyphen.
const SUFFIX: usize = 6;

/// What AWS said about the secrets that were asked for, by region and id. A name stays with its secret, so that nothing
/// here gets old.
#[derive(Default)]
pub(super) struct Identities {
    known: Mutex<Known>,
    /// Why STS could not be reached.
    unreachable: OnceLock<Error>,
}

type Known = HashMap<(Option<String>, String), String>;

impl Identities {
    pub fn get(&self, region: Option<&str>, secret_id: &str) -> Option<String> {
        let key = (region.map(str::to_owned), secret_id.to_owned());
        self.known().get(&key).cloned()
    }

    pub fn note(&self, region: Option<&str>, secret_id: &str, arn: &str, name: &str) {
        if let Some(identity) = of_arn(arn, name) {
            let key = (region.map(str::to_owned), secret_id.to_owned());
            self.known().insert(key, identity);
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // Entries are only ever added whole, so a panic elsewhere leaves nothing half done.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SecretPlace {
    /// Asks as little as possible: an answer of AWS that named the secret tells all, and the account is asked for once.
    pub(super) async fn find_identity(&self) -> Result<String> {
        if let Some(known) = self.api.known_identity() {
            return Ok(known);
        }
        if self.place.is_arn() {
            return self.identity_of_arn().await;
        }
        let wanted = self.place.region.as_deref();
        let region = self.api.client.region_of(Service::SecretsManager, wanted);
        let region = region.await?;
        match self.account().await {
            Ok(account) => Ok(text(account, &region, &self.place.secret_id)),
            // Where STS is out of reach the secret itself tells its account, if it exists.
            Err(error) => {
                self.describe().await?;
                self.api.known_identity().ok_or(error)
            }
        }
    }

    /// A network without a way to STS is waited for once, not for every secret.
    async fn account(&self) -> Result<&str> {
        let unreachable = &self.api.identities.unreachable;
        if let Some(error) = unreachable.get() {
            return Err(error.clone());
        }
        let asked = self.caller.account_id().await;
        if let Err(error) = &asked
            && error.kind == Kind::Unavailable
        {
            unreachable.get_or_init(|| error.clone());
        }
        asked
    }

    /// An ARN may have been written with or without what AWS adds to the name. The secret itself tells; where it
    /// does not exist or cannot be asked, what looks like an addition is one.
    async fn identity_of_arn(&self) -> Result<String> {
        let described = self.describe().await;
        if let Some(known) = self.api.known_identity() {
            return Ok(known);
        }
        let arn = &self.place.secret_id;
        let written = arn.splitn(7, ':').nth(6).unwrap_or_default();
        let identity = of_arn(arn, without_suffix(written));
        identity.map_or_else(|| described.and(Err(self.no_such_arn())), Ok)
    }
}

/// `arn:aws:secretsmanager:eu-central-1:123456789012:secret:prod/payments-AbCdEf`
fn of_arn(arn: &str, name: &str) -> Option<String> {
    let mut parts = arn.split(':').skip(3);
    let (region, account) = (parts.next()?, parts.next()?);
    Some(text(account, region, name))
}

fn text(account: &str, region: &str, name: &str) -> String {
    format!("aws_secrets_manager {name} ({account}, {region})")
}

fn without_suffix(name: &str) -> &str {
    match name.rsplit_once('-') {
        Some((before, after))
            if after.len() == SUFFIX && after.bytes().all(|byte| byte.is_ascii_alphanumeric()) =>
        {
            before
        }
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_aws_adds_to_a_name_is_not_part_of_it() {
        for (written, name) in [
            ("prod/payments-AbCdEf", "prod/payments"),
            ("prod/payments", "prod/payments"),
            ("prod-eu", "prod-eu"),
            ("a-b-AbCdEf", "a-b"),
            ("a-AbCd_f", "a-AbCd_f"),
        ] {
            assert_eq!(without_suffix(written), name);
        }
    }

    #[test]
    fn an_answer_is_remembered_for_the_name_that_was_asked_for() {
        let arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:x-AbCdEf";
        let identities = Identities::default();
        identities.note(Some("eu-west-1"), arn, arn, "x");
        let known = identities.get(Some("eu-west-1"), arn).unwrap();
        assert_eq!(known, "aws_secrets_manager x (123456789012, eu-west-1)");
        assert_eq!(identities.get(None, arn), None);
        identities.note(None, "x", "", "x");
        assert_eq!(identities.get(None, "x"), None);
    }
}
