//! What is written under which names, and in which order.

use std::collections::BTreeSet;

use crate::secret::Secret;
use crate::stores::document::Layout;
use crate::stores::variables::{self, Names};
use crate::stores::{Document, DocumentKey};

const PRIMARY: usize = 0;
const SECONDARY: usize = 1;
const PRIMARY_ID: usize = 2;
const SECONDARY_ID: usize = 3;
const GENERATION: usize = 4;

/// How a document lies in secrets.
pub enum Content {
    Variables(Names),
    Json(Layout, Names),
}

/// One secret that is written, or taken away where it is there.
pub struct Step {
    pub name: String,
    pub value: Option<Secret>,
}

impl Content {
    /// What the names begin with.
    pub fn names(&self) -> &Names {
        match self {
            Self::Variables(names) | Self::Json(_, names) => names,
        }
    }

    /// All names that are its own.
    pub fn all(&self) -> BTreeSet<String> {
        let names = self.names();
        match self {
            Self::Variables(_) => (0..variables::SUFFIXES.len())
                .map(|index| names.variable(index))
                .collect(),
            Self::Json(..) => [names.prefix().to_owned(), self.mark()].into(),
        }
    }

    /// The one that stands there if a key does.
    pub fn leader(&self) -> String {
        match self {
            Self::Variables(names) => names.variable(PRIMARY),
            Self::Json(_, names) => names.prefix().to_owned(),
        }
    }

    /// The one by which they are known to be ours: nobody can tell by their values.
    pub fn mark(&self) -> String {
        self.names().variable(GENERATION)
    }

    /// The steps to a document, in an order in which there is a slot at any moment whose id and secret belong together and
    /// work. The mark comes first. Then the new secondary, which the new primary takes the place of when it is written; a
    /// secondary that is no more goes last.
    pub fn steps(&self, document: &Document) -> Vec<Step> {
        let generation = document.generation.unwrap_or_default().to_string();
        let mark = Step {
            name: self.mark(),
            value: Some(Secret::new(generation)),
        };
        let names = self.names();
        let slot = |key: Option<&DocumentKey>, secret: usize, id: usize| {
            let secret_value = key.map(|key| key.secret.duplicate());
            let id_value = key.and_then(|key| key.key_id.clone()).map(Secret::new);
            [(id, id_value), (secret, secret_value)].map(|(index, value)| Step {
                name: names.variable(index),
                value,
            })
        };
        let rest: Vec<Step> = match self {
            Self::Json(layout, _) => vec![Step {
                name: self.leader(),
                value: Some(Secret::new(layout.render(document).to_string())),
            }],
            Self::Variables(_) => {
                let first = slot(Some(&document.primary), PRIMARY, PRIMARY_ID);
                let second = slot(document.secondary.as_ref(), SECONDARY, SECONDARY_ID);
                match document.secondary {
                    Some(_) => second.into_iter().chain(first).collect(),
                    None => first.into_iter().chain(second).collect(),
                }
            }
        };
        std::iter::once(mark).chain(rest).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stores::document::tests::document;

    fn steps(content: &Content, secondary: Option<&str>) -> Vec<String> {
        let shown = |step: Step| match step.value {
            Some(value) => format!("{}={}", step.name, value.expose()),
            None => format!("-{}", step.name),
        };
        content
            .steps(&document(secondary))
            .into_iter()
            .map(shown)
            .collect()
    }

    #[test]
    fn a_new_secondary_is_there_before_the_primary_changes_and_an_old_one_goes_last() {
        let content = Content::Variables(Names::new("K"));
        assert_eq!(
            steps(&content, Some("two")),
            [
                "K_GENERATION=2",
                "K_SECONDARY_ID=two",
                "K_SECONDARY=made-up-two",
                "K_PRIMARY_ID=one",
                "K_PRIMARY=made-up-one"
            ]
        );
        assert_eq!(
            steps(&content, None),
            [
                "K_GENERATION=2",
                "K_PRIMARY_ID=one",
                "K_PRIMARY=made-up-one",
                "-K_SECONDARY_ID",
                "-K_SECONDARY"
            ]
        );
    }

    #[test]
    fn as_json_there_is_one_secret_and_the_mark() {
        let content = Content::Json(Layout::Slots, Names::new("K"));
        let steps = steps(&content, Some("two"));
        assert_eq!(steps.len(), 2);
        assert!(steps[1].starts_with("K={") && steps[1].contains("made-up-two"));
        assert_eq!(
            content.all().into_iter().collect::<Vec<_>>(),
            ["K", "K_GENERATION"]
        );
    }
}
