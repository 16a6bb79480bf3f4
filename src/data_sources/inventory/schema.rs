//! The attributes of the inventory.

use tf_provider::schema::AttributeType;

use crate::schema::{Attributes, attributes, computed, optional};

/// What can be asked.
pub fn inputs() -> Attributes {
    let texts = [
        ("name", "Only keys of managed keys of this name."),
        ("workspace", "Only keys of this workspace."),
        ("group", "Only keys of this group."),
        ("environment", "Only keys of this environment."),
        (
            "owner",
            "Only keys of this owner. See also `without_owner`.",
        ),
        ("policy", "Only keys under the policy of this name."),
        ("issuer", "Only keys of this issuer, such as `aws_iam`."),
        (
            "status",
            "Only keys that are `live`, `revoked`, or marked `orphaned`.",
        ),
        (
            "older_than",
            "Only keys that were minted at least so long ago, such as `90d`.",
        ),
        (
            "unused_for",
            "Only keys that nobody used for so long, such as `30d`, as far as their issuer was asked and tells. A \
             key without a reported use counts from its mint.",
        ),
        (
            "sort_by",
            "`created_at`, `environment`, `last_used_at`, `name`, `owner` or `rotation_due_at`. Default: `created_at`. \
             What is not set comes first.",
        ),
        (
            "page_token",
            "`next_page_token` of the page before, for the same question.",
        ),
    ];
    let flags = [
        ("without_owner", "`true` for only keys that nobody owns."),
        (
            "orphaned",
            "`true` for only keys that belong to no resource: marked as such, or minted by an apply that is over without any \
             state ever holding them. An apply that ended counts after a day, for the next refresh confirms its \
             keys.",
        ),
        ("descending", "`true` to sort the other way round."),
    ];
    let text = texts.map(|(name, about)| (name.to_owned(), optional(AttributeType::String, about)));
    let flag = flags.map(|(name, about)| (name.to_owned(), optional(AttributeType::Bool, about)));
    let limit = optional(
        AttributeType::Number,
        "How many keys to return at most, from 0 to 10000. Default: `1000`. `total` counts the others too.",
    );
    let limit = [("limit".to_owned(), limit)];
    text.into_iter().chain(flag).chain(limit).collect()
}

/// What is answered.
pub fn outputs() -> Attributes {
    let columns = COLUMNS.map(|(name, about)| {
        let kind = match name {
            "orphaned" => AttributeType::Bool,
            _ => AttributeType::String,
        };
        (name.to_owned(), computed(kind, about))
    });
    attributes([
        (
            "keys",
            computed(
                AttributeType::AttributeList(columns.into_iter().collect()),
                "The keys, in the order asked for.",
            ),
        ),
        (
            "total",
            computed(
                AttributeType::Number,
                "How many keys there are, on this page and all others; `10000` stands for as many or more.",
            ),
        ),
        (
            "next_page_token",
            computed(
                AttributeType::String,
                "Where the next page begins; null if this is the last one.",
            ),
        ),
    ])
}

/// What is told of each key.
const COLUMNS: [(&str, &str); 25] = [
    ("resource_id", "`id` of the `apikey_managed`."),
    ("name", "Its `name`."),
    ("workspace", "Its workspace, as far as known."),
    ("issuer", "The issuer, such as `aws_iam`."),
    ("account", "The account at the issuer."),
    ("key_id", "Public id of the key, where it has one."),
    (
        "mark",
        "`sha256:` and six digits, which tell keys without an id apart.",
    ),
    ("group", "The group."),
    ("environment", "The environment."),
    ("owner", "The owner."),
    ("policy", "The name of the policy."),
    ("slot", "`primary`, `staged`, `retiring` or `none`."),
    ("status", "`live`, `revoked` or `orphaned`."),
    (
        "orphaned",
        "Whether it belongs to no resource; see the filter.",
    ),
    (
        "resource_status",
        "`status` of the `apikey_managed` when it was last seen.",
    ),
    ("rotation_due_at", "When the primary key is due."),
    ("created_at", "When it was minted, or first seen."),
    ("delivered_at", "Since when it is in every delivery."),
    ("verified_at", "When it was last proved to work."),
    ("promoted_at", "When it became primary."),
    ("retired_at", "When it stopped being primary."),
    ("revoked_at", "When it was revoked."),
    (
        "last_used_at",
        "When its issuer last saw it in use, as far as anybody asked.",
    ),
    (
        "unexpected_use",
        "What of its use is otherwise than `expected_usage` says. Null if nothing is, or if nobody asked.",
    ),
    (
        "anomalies",
        "What is unusual in its calls, as `apikey_key_usage` has found it. Null if nothing is, if nobody asked, or if it is revoked.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::inventory::Listed;

    #[test]
    fn every_column_is_described() {
        assert_eq!(COLUMNS.map(|(name, _)| name), Listed::COLUMNS);
    }
}
