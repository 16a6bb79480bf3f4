//! The credentials in use: resolved once, shared by every resource, and renewed before they expire.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;

use crate::clock::Clock;
use crate::secret::Secret;
use crate::vendors::wallet::Lasting;

/// Renewed this long before the end, so that no call is signed with what expires on its way.
const MARGIN: Duration = Duration::from_secs(120);

/// Holds the credentials of one client.
pub type Wallet = crate::vendors::wallet::Wallet<Held>;

/// Credentials and how to call them in a message.
#[derive(Debug)]
pub struct Held {
    /// For the signer.
    pub credentials: Credentials,
    /// `access key AKIA… (from profile "ci")`: public, for people.
    pub who: String,
    /// The ARN of whoever they belong to, where that was asked.
    pub arn: Option<String>,
    hidden: Vec<Secret>,
}

impl Held {
    /// Credentials that came from `origin`.
    pub fn new(credentials: Credentials, origin: &str) -> Self {
        let texts = [
            Some(credentials.secret_access_key()),
            credentials.session_token(),
        ];
        Self {
            who: format!("access key {} (from {origin})", credentials.access_key_id()),
            arn: None,
            hidden: texts
                .into_iter()
                .flatten()
                .map(|text| Secret::new(text.to_owned()))
                .collect(),
            credentials,
        }
    }

    /// What must never appear in a message.
    pub fn hidden(&self) -> impl Iterator<Item = &Secret> {
        self.hidden.iter()
    }

    /// Whether asking again may give other credentials.
    pub fn is_temporary(&self) -> bool {
        self.credentials.expiry().is_some()
    }
}

impl Lasting for Held {
    fn lasts(&self) -> bool {
        let expiry = self.credentials.expiry();
        expiry.is_none_or(|expiry| expiry > now() + MARGIN)
    }
}

/// The time for signatures and expiry. AWS compares it with its own, so an overridden clock has no say here.
pub fn now() -> SystemTime {
    let seconds = u64::try_from(Clock::system().now().unix()).unwrap_or_default();
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::sync::Arc;

    use super::*;
    use crate::error::{Error, Kind};

    fn held(expiry: Option<SystemTime>) -> Held {
        let key = Credentials::new("ASIAONE", "made-up-canary", None, expiry, "test");
        Held::new(key, "a test")
    }

    async fn resolutions(expiry: Option<SystemTime>) -> usize {
        let (wallet, count) = (Wallet::default(), Cell::new(0));
        for _ in 0..3 {
            let find = async {
                count.set(count.get() + 1);
                Ok(held(expiry))
            };
            wallet.get(find).await.unwrap();
        }
        count.get()
    }

    #[tokio::test]
    async fn credentials_are_resolved_once_and_renewed_before_they_expire() {
        assert_eq!(resolutions(None).await, 1);
        assert_eq!(
            resolutions(Some(now() + Duration::from_secs(3600))).await,
            1
        );
        assert_eq!(resolutions(Some(now() + Duration::from_secs(60))).await, 3);
    }

    #[tokio::test]
    async fn a_wrong_configuration_is_looked_at_once_and_an_outage_again() {
        for (kind, resolutions) in [(Kind::Invalid, 1), (Kind::Unavailable, 3)] {
            let (wallet, count) = (Wallet::default(), Cell::new(0));
            for _ in 0..3 {
                let find = async {
                    count.set(count.get() + 1);
                    Err(Error::new(kind, "no", "no"))
                };
                assert!(wallet.get(find).await.is_err());
            }
            assert_eq!(count.get(), resolutions, "{kind:?}");
        }
    }

    #[tokio::test]
    async fn whoever_waits_while_they_are_looked_for_shares_the_answer() {
        let (wallet, count) = (Wallet::default(), Cell::new(0));
        let look = || {
            wallet.get(async {
                count.set(count.get() + 1);
                tokio::task::yield_now().await;
                Err(Error::new(Kind::Unavailable, "no", "no"))
            })
        };
        let answers = tokio::join!(look(), look(), look());
        assert!(answers.0.is_err() && answers.1.is_err() && answers.2.is_err());
        assert_eq!(count.get(), 1);
    }

    #[tokio::test]
    async fn expired_credentials_are_forgotten_but_not_their_successors() {
        let wallet = Wallet::default();
        let old = wallet.get(async { Ok(held(None)) }).await.unwrap();
        wallet.forget(&old).await;
        let new = wallet.get(async { Ok(held(None)) }).await.unwrap();
        wallet.forget(&old).await;
        let again = wallet.get(async { Ok(held(None)) }).await.unwrap();
        assert!(Arc::ptr_eq(&new, &again));
    }

    #[test]
    fn held_credentials_do_not_print_their_secret() {
        assert!(!format!("{:?}", held(None)).contains("made-up-canary"));
    }
}
