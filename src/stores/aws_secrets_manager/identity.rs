//! What a secret is, whatever names it: one name in one account and region.

use super::{KIND, SecretPlace};
use crate::error::Result;
use crate::stores::Store;
use crate::stores::aws::Identities;
use crate::vendors::aws::Service;

/// How many characters AWS adds to the name of a secret in its ARN, after a hyphen.
const SUFFIX: usize = 6;

impl SecretPlace {
    pub(super) async fn find_identity(&self) -> Result<String> {
        if self.place.is_arn() {
            return self.identity_of_arn().await;
        }
        let place = self.place();
        let named = (place.as_str(), KIND, self.place.secret_id.as_str());
        let look = async { self.describe().await.map(drop) };
        let (identities, session) = (&self.api.identities, &self.api.session);
        identities
            .of_name(session, Service::SecretsManager, named, look)
            .await
    }

    /// An ARN may have been written with or without what AWS adds to the name. The secret itself tells; where it
    /// does not exist or cannot be asked, what looks like an addition is one.
    async fn identity_of_arn(&self) -> Result<String> {
        let known = || self.api.identities.get(&self.place());
        if let Some(known) = known() {
            return Ok(known);
        }
        let described = self.describe().await;
        if let Some(known) = known() {
            return Ok(known);
        }
        let arn = &self.place.secret_id;
        let written = arn.splitn(7, ':').nth(6).unwrap_or_default();
        let identity = Identities::of_arn(KIND, arn, without_suffix(written));
        identity.map_or_else(|| described.and(Err(self.no_such_arn())), Ok)
    }
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
}
