//! Whether a user has room for one more key, and what to do if not.

use super::api::ListedKey;
use crate::error::{Error, Kind, Result};

/// What IAM allows a user. It cannot be raised, and inactive keys count.
const KEYS_PER_USER: usize = 2;

pub(super) fn room_for_one(user: &str, keys: &[ListedKey], owned: &[String]) -> Result<()> {
    if keys.len() < KEYS_PER_USER {
        return Ok(());
    }
    let listed: Vec<String> = keys.iter().map(describe).collect();
    let (ours, others): (Vec<_>, Vec<_>) = keys.iter().partition(|key| owned.contains(&key.id));
    Err(Error::new(
        Kind::Limit,
        format!("User {user} already has two access keys"),
        format!(
            "They are {}. IAM allows a user two, inactive ones included. {}",
            listed.join(" and "),
            remedy(user, &ids(&ours), &ids(&others))
        ),
    ))
}

fn remedy(user: &str, ours: &[&str], others: &[&str]) -> String {
    let owner = match ours {
        [] => "This resource owns neither.".to_owned(),
        [only] => format!("This resource owns only {only}."),
        _ => "This resource owns both; one of them must be revoked before another can be created."
            .to_owned(),
    };
    if others.is_empty() {
        return owner;
    }
    format!(
        "{owner} Find out whether {} is still in use (aws iam get-access-key-last-used \
         --access-key-id {}), then import it into a resource or delete it (aws iam \
         delete-access-key --user-name {user} --access-key-id {}), or give this resource a user \
         of its own.",
        others.join(" or "),
        others[0],
        others[0]
    )
}

fn describe(key: &ListedKey) -> String {
    let status = key.status.to_lowercase();
    format!("{} ({status}, created {})", key.id, key.created_at)
}

fn ids<'a>(keys: &[&'a ListedKey]) -> Vec<&'a str> {
    keys.iter().map(|key| key.id.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instant::Instant;

    fn key(id: &str, status: &str) -> ListedKey {
        ListedKey {
            id: id.into(),
            status: status.into(),
            created_at: Instant::from_unix(0),
        }
    }

    fn refusal(owned: &[&str]) -> String {
        let keys = [key("AKIAONE", "Active"), key("AKIATWO", "Inactive")];
        let owned: Vec<String> = owned.iter().map(|id| (*id).to_owned()).collect();
        let error = room_for_one("ci", &keys, &owned).unwrap_err();
        assert_eq!(error.kind, Kind::Limit);
        error.to_string()
    }

    #[test]
    fn one_key_leaves_room_for_another() {
        assert!(room_for_one("ci", &[key("AKIAONE", "Active")], &[]).is_ok());
    }

    #[test]
    fn a_full_user_is_explained_by_who_owns_what() {
        for (owned, words) in [
            (vec![], "owns neither"),
            (vec!["AKIAONE"], "owns only AKIAONE"),
            (vec!["AKIAONE", "AKIATWO"], "owns both"),
        ] {
            let message = refusal(&owned);
            assert!(message.contains(words), "{message}");
            assert!(message.contains("AKIATWO (inactive, created 1970-01-01T00:00:00Z)"));
        }
        assert!(refusal(&["AKIAONE"]).contains("--access-key-id AKIATWO"));
    }
}
