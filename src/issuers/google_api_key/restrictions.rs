//! What a key may be used for, and by whom.

use serde_json::{Value, json};
use tf_provider::schema::AttributeType;

use crate::error::Result;
use crate::schema::{Attributes, attributes as table, list_of, optional};
use crate::settings::Settings;

/// Who may use a key. Google takes one of them.
const CLIENTS: [&str; 3] = ["allowed_ips", "allowed_referrers", "allowed_bundle_ids"];

pub(super) fn attributes() -> Attributes {
    let list = |words: &str| optional(list_of(AttributeType::String), words);
    table([
        (
            "api_targets",
            list(
                "Services that the keys may call, such as `maps-backend.googleapis.com`. Default: all that the project has enabled.",
            ),
        ),
        (
            "allowed_ips",
            list(
                "Addresses and networks that the keys may be used from. One of `allowed_ips`, `allowed_referrers` and \
                 `allowed_bundle_ids` at most. Default: any.",
            ),
        ),
        (
            "allowed_referrers",
            list("Web sites that the keys may be used on, such as `https://www.example.com/*`."),
        ),
        (
            "allowed_bundle_ids",
            list("iOS apps that the keys may be used in."),
        ),
    ])
}

/// In Google's words; `None` for a key without any.
pub(super) fn read(settings: &Settings) -> Result<Option<Value>> {
    let set: Vec<&str> = CLIENTS
        .into_iter()
        .filter(|name| !settings.strings(name).is_empty())
        .collect();
    if let [first, second, ..] = set[..] {
        return Err(settings.wrong(
            second,
            format!("{first} and {second} exclude each other"),
            "Google restricts a key to addresses, to web sites or to apps. Keep one of them, and mint another key for the others.",
        ));
    }
    let mut restrictions = json!({});
    let targets = settings.strings("api_targets");
    if !targets.is_empty() {
        let targets = targets.iter().map(|it| json!({ "service": it }));
        restrictions["apiTargets"] = targets.collect();
    }
    for (name, group, field) in [
        ("allowed_ips", "serverKeyRestrictions", "allowedIps"),
        (
            "allowed_referrers",
            "browserKeyRestrictions",
            "allowedReferrers",
        ),
        (
            "allowed_bundle_ids",
            "iosKeyRestrictions",
            "allowedBundleIds",
        ),
    ] {
        let values = settings.strings(name);
        if !values.is_empty() {
            restrictions[group] = json!({ field: values });
        }
    }
    Ok((restrictions != json!({})).then_some(restrictions))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tf_provider::value::ValueAny;

    use super::*;
    use crate::error::Path;

    fn read_of(names: &[&str]) -> Result<Option<Value>> {
        let list = || ValueAny::List(vec![ValueAny::String("x".into())]);
        let fields: BTreeMap<String, ValueAny> = names
            .iter()
            .map(|name| ((*name).to_owned(), list()))
            .collect();
        read(&Settings::new(Path::root("here"), &fields))
    }

    #[test]
    fn restrictions_are_written_as_google_reads_them() {
        assert_eq!(read_of(&[]).unwrap(), None);
        let both = read_of(&["api_targets", "allowed_ips"]).unwrap().unwrap();
        assert_eq!(
            both,
            json!({ "apiTargets": [{ "service": "x" }], "serverKeyRestrictions": { "allowedIps": ["x"] } })
        );
    }

    #[test]
    fn two_sorts_of_clients_are_refused_by_name() {
        let error = read_of(&["allowed_ips", "allowed_bundle_ids"]).unwrap_err();
        assert_eq!(error.path.to_string(), "here.allowed_bundle_ids");
    }
}
