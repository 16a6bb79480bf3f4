//! Who may write where: two keys in one place would overwrite each other, and each may be the only copy.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

/// Stands between the names of things that are one place together.
pub const TOGETHER: &str = " + ";

/// What one delivery takes for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteScope {
    /// The things that are written together, such as `file /srv/app.env`: one, or a pair of parameters.
    things: Vec<String>,
    /// Another name of the same thing, that holds for this run only.
    also: Option<String>,
    /// The part of it, where several deliveries share it. `None` is all of it.
    part: Option<String>,
}

impl WriteScope {
    /// All of a thing.
    pub fn whole(name: String) -> Self {
        Self::all_of(vec![name])
    }

    /// All of several things that are written together.
    pub fn all_of(things: Vec<String>) -> Self {
        Self {
            things,
            also: None,
            part: None,
        }
    }

    /// One part of a thing that others may share.
    pub fn part(name: String, part: &str) -> Self {
        Self {
            part: Some(part.to_owned()),
            ..Self::whole(name)
        }
    }

    /// The same with another name of the thing.
    pub fn also(self, name: Option<String>) -> Self {
        Self { also: name, ..self }
    }

    /// Whether both cannot be written without harm.
    pub fn overlaps(&self, other: &Self) -> bool {
        let apart = self.part.is_some() && other.part.is_some() && self.part != other.part;
        self.names()
            .any(|name| other.names().any(|there| there == name))
            && !apart
    }

    /// Whether they have a thing in common, and are not the same things in the same order: whoever moves from one to the
    /// other would write over what it leaves.
    pub fn crosses(&self, other: &Self) -> bool {
        let has_several = self.things.len() > 1 || other.things.len() > 1;
        has_several && self.things != other.things && self.overlaps(other)
    }

    fn names(&self) -> impl Iterator<Item = &String> {
        self.things.iter().chain(&self.also)
    }
}

/// `file /srv/app.env (API_KEY)`
impl fmt::Display for WriteScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.things.join(TOGETHER);
        match &self.part {
            Some(part) => write!(f, "{name} ({part})"),
            None => f.write_str(&name),
        }
    }
}

/// The write scopes that the resources of one run have taken, with their owners, under each of their names.
#[derive(Debug, Default)]
pub struct Claims(Mutex<HashMap<String, Vec<(WriteScope, String)>>>);

impl Claims {
    /// Takes a write scope for `owner`. If it overlaps with one of another owner, that owner is the answer.
    pub fn take(&self, write_scope: WriteScope, owner: &str) -> Option<String> {
        // Entries are only ever added whole, so a panic elsewhere leaves nothing half done.
        let mut claims = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = |name: &String| claims.get(name).into_iter().flatten();
        let other = write_scope
            .names()
            .flat_map(taken)
            .find(|(taken, by)| by != owner && taken.overlaps(&write_scope))
            .map(|(_, by)| by.clone());
        if other.is_none() {
            for name in write_scope.names() {
                let entry = (write_scope.clone(), owner.to_owned());
                let there = claims.entry(name.clone()).or_default();
                if !there.contains(&entry) {
                    there.push(entry);
                }
            }
        }
        other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_lie_side_by_side_and_a_whole_overlaps_them() {
        let whole = WriteScope::whole("file x".into());
        let one = WriteScope::part("file x".into(), "ONE");
        let two = WriteScope::part("file x".into(), "TWO");
        let elsewhere = WriteScope::part("file y".into(), "ONE");
        assert!(whole.overlaps(&whole) && whole.overlaps(&one) && one.overlaps(&whole));
        assert!(one.overlaps(&one));
        assert!(!one.overlaps(&two) && !one.overlaps(&elsewhere) && !whole.overlaps(&elsewhere));
    }

    #[test]
    fn one_thing_is_known_under_both_of_its_names() {
        let named = |name: &str, also: &str| WriteScope::whole(name.into()).also(Some(also.into()));
        let claims = Claims::default();
        assert_eq!(claims.take(named("file x", "7:1"), "a"), None);
        assert_eq!(claims.take(named("file y", "7:2"), "b"), None);
        assert_eq!(
            claims.take(named("file z", "7:1"), "b"),
            Some("a".to_owned())
        );
        assert_eq!(
            claims.take(named("file x", "7:3"), "b"),
            Some("a".to_owned())
        );
    }

    #[test]
    fn pairs_cross_unless_they_are_the_same_or_have_nothing_in_common() {
        let all_of =
            |names: &[&str]| WriteScope::all_of(names.iter().map(|it| it.to_string()).collect());
        let pair = all_of(&["a", "b"]);
        for crossing in [&["a"][..], &["b"], &["b", "a"], &["b", "c"], &["a", "c"]] {
            assert!(
                pair.crosses(&all_of(crossing)) && all_of(crossing).crosses(&pair),
                "{crossing:?}"
            );
        }
        for apart in [&["a", "b"][..], &["c"], &["c", "d"]] {
            assert!(!pair.crosses(&all_of(apart)), "{apart:?}");
        }
        let (whole, part) = (
            WriteScope::whole("f".into()),
            WriteScope::part("f".into(), "P"),
        );
        assert!(
            !whole.crosses(&part),
            "one file in another format is ours to convert"
        );
    }

    #[test]
    fn a_part_is_found_whatever_lies_around_it() {
        let claims = Claims::default();
        for name in ["file w", "file x", "file y"] {
            for part in ["A", "M", "Z"] {
                let part = WriteScope::part(name.into(), part);
                assert_eq!(claims.take(part, &format!("owner of {name}")), None);
            }
        }
        let whole = WriteScope::whole("file x".into());
        assert_eq!(claims.take(whole, "b"), Some("owner of file x".to_owned()));
        let taken = WriteScope::part("file y".into(), "Z");
        assert_eq!(claims.take(taken, "b"), Some("owner of file y".to_owned()));
        let free = WriteScope::part("file y".into(), "B");
        assert_eq!(claims.take(free, "b"), None);
    }

    #[test]
    fn a_write_scope_goes_to_who_asks_first_and_may_be_asked_for_again() {
        let claims = Claims::default();
        let whole = || WriteScope::whole("file x".into());
        assert_eq!(claims.take(whole(), "a"), None);
        assert_eq!(claims.take(whole(), "a"), None);
        let part = WriteScope::part("file x".into(), "P");
        assert_eq!(claims.take(part, "b"), Some("a".to_owned()));
    }
}
