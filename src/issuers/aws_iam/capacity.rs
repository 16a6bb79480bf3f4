//! Whether a user has room for more keys. Whose the keys in the way are, and so what to do about them, is not known here.

use super::api::ListedKey;
use crate::error::{Error, Kind, Result};
use crate::issuers::{Crowd, Stranger};

/// What IAM allows a user. It cannot be raised, and inactive keys count.
pub(super) const KEYS_PER_USER: usize = 2;

/// Fails if the user has no room for one more key.
pub(super) fn room_for_one(user: &str, keys: &[ListedKey], owned: &[String]) -> Result<()> {
    if keys.len() < KEYS_PER_USER {
        return Ok(());
    }
    let listed: Vec<String> = keys
        .iter()
        .map(|key| format!("{} ({})", key.id, about(key)))
        .collect();
    Err(Error::new(
        Kind::Limit,
        format!("User {user} already has two access keys"),
        format!(
            "They are {}. IAM allows a user two, inactive ones included. {}",
            listed.join(" and "),
            ownership(keys, owned)
        ),
    ))
}

/// The keys that leave no room for two of the resource that owns `owned`.
pub(super) fn crowd(user: &str, keys: &[ListedKey], owned: &[String]) -> Option<Crowd> {
    let others: Vec<Stranger> = keys
        .iter()
        .filter(|key| !owned.contains(&key.id))
        .map(|key| Stranger {
            key_id: key.id.clone(),
            about: about(key),
            look: format!(
                "aws iam get-access-key-last-used --access-key-id {}",
                key.id
            ),
            delete: format!(
                "aws iam delete-access-key --user-name {user} --access-key-id {}",
                key.id
            ),
        })
        .collect();
    (!others.is_empty()).then_some(Crowd {
        limit: KEYS_PER_USER,
        others,
    })
}

fn ownership(keys: &[ListedKey], owned: &[String]) -> String {
    let ours: Vec<&str> = keys
        .iter()
        .map(|key| key.id.as_str())
        .filter(|id| owned.iter().any(|owned| owned == id))
        .collect();
    match ours[..] {
        [] => "This resource owns neither.".to_owned(),
        [only] => format!("This resource owns only {only}."),
        _ => "This resource owns both; one of them must be revoked before another can be created."
            .to_owned(),
    }
}

fn about(key: &ListedKey) -> String {
    format!("{}, created {}", key.status.to_lowercase(), key.created_at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instant::Instant;

    fn keys() -> [ListedKey; 2] {
        [("AKIAONE", "Active"), ("AKIATWO", "Inactive")].map(|(id, status)| ListedKey {
            id: id.into(),
            status: status.into(),
            created_at: Instant::from_unix(0),
        })
    }

    fn owned(ids: &[&str]) -> Vec<String> {
        ids.iter().map(|id| (*id).to_owned()).collect()
    }

    #[test]
    fn one_key_leaves_room_for_another() {
        assert!(room_for_one("ci", &keys()[..1], &[]).is_ok());
    }

    #[test]
    fn a_full_user_is_explained_by_who_owns_what() {
        for (ids, words) in [
            (&[][..], "owns neither"),
            (&["AKIAONE"], "owns only AKIAONE"),
            (&["AKIAONE", "AKIATWO"], "owns both"),
        ] {
            let error = room_for_one("ci", &keys(), &owned(ids)).unwrap_err();
            assert_eq!(error.kind, Kind::Limit);
            assert!(error.detail.contains(words), "{error}");
            assert!(
                error
                    .detail
                    .contains("AKIATWO (inactive, created 1970-01-01T00:00:00Z)")
            );
            assert!(
                !error.detail.contains("delete"),
                "whose they are is not known here: {error}"
            );
        }
    }

    #[test]
    fn every_key_of_somebody_else_takes_the_room_of_a_rotation() {
        assert_eq!(crowd("ci", &keys()[..1], &owned(&["AKIAONE"])), None);
        let crowd = crowd("ci", &keys(), &owned(&["AKIAONE"])).unwrap();
        let ids: Vec<&str> = crowd.others.iter().map(|it| it.key_id.as_str()).collect();
        assert_eq!(ids, ["AKIATWO"]);
        assert!(
            crowd.others[0]
                .delete
                .ends_with("--user-name ci --access-key-id AKIATWO")
        );
    }
}
