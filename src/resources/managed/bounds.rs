//! How long a text may be that people give to a key. Every one of them is in each line of the ledger, in plans and in
//! errors. What an issuer or a store takes is for them to say.

use crate::error::{Error, Path};
use crate::resources::managed::model::ManagedState;
use crate::settings::{LONGEST_NAME, too_long};

/// The longest text that is no name, in characters.
const LONGEST_TEXT: usize = 4096;
/// The longest value of a label, in characters.
const LONGEST_LABEL: usize = 1024;
/// The most labels of one key.
const MOST_LABELS: usize = 100;

/// Every text that is too long.
pub fn excesses(config: &ManagedState) -> Vec<Error> {
    let texts = [
        ("name", &config.name, LONGEST_NAME),
        ("group", &config.group, LONGEST_NAME),
        ("environment", &config.environment, LONGEST_NAME),
        ("owner", &config.owner, LONGEST_NAME),
        ("description", &config.description, LONGEST_TEXT),
        ("rotation_trigger", &config.rotation_trigger, LONGEST_TEXT),
    ];
    let texts = texts.into_iter().filter_map(|(name, value, most)| {
        too_long(Path::root(name), name, value.as_deref_option()?, most)
    });
    let deliveries = config.deliveries.as_ref_option().into_iter().flatten();
    let deliveries = deliveries.filter_map(|(name, _)| {
        let what = "The name of a delivery";
        too_long(Path::root("deliveries"), what, name, LONGEST_NAME)
    });
    texts.chain(deliveries).chain(labels(config)).collect()
}

fn labels(config: &ManagedState) -> Vec<Error> {
    let path = || Path::root("labels");
    let Some(labels) = config.labels.as_ref_option() else {
        return Vec::new();
    };
    if labels.len() > MOST_LABELS {
        let count = labels.len();
        return vec![Error::invalid(
            path(),
            "Too many labels",
            format!("There are {count}; {MOST_LABELS} are the most that a key can have."),
        )];
    }
    let long = labels.iter().filter_map(|(name, value)| {
        too_long(path(), "The name of a label", name, LONGEST_NAME).or_else(|| {
            let value = value.as_deref_option()?;
            too_long(path().key(name), "The label", value, LONGEST_LABEL)
        })
    });
    long.collect()
}
