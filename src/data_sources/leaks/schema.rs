//! What `apikey_leaks` is asked and what it answers.

use tf_provider::schema::{Attribute, AttributeType};
use tf_provider::value::ValueAny;

use super::recognise::Recognised;
use crate::schema::{Attributes, attributes, computed, list_of, optional, string_map};

/// What is asked.
pub fn inputs() -> Attributes {
    let text = |about: &str| optional(AttributeType::String, about);
    let texts = |about: &str| optional(list_of(AttributeType::String), about);
    attributes([
        (
            "repository",
            text(
                "Alerts of this repository, such as `acme/payments`. Exactly one of `repository`, `organization` and `enterprise`.",
            ),
        ),
        (
            "organization",
            text("Alerts of every repository of this organization that the credentials may see."),
        ),
        (
            "enterprise",
            text("Alerts of every repository of this enterprise that the credentials may see."),
        ),
        (
            "state",
            text("`open`, `resolved` or `all`. Default: `open`."),
        ),
        (
            "secret_types",
            texts(
                "Only alerts of these types, such as `aws_secret_access_key`; a type that GitHub calls generic is found only if it \
                 is named here. Every alert of them is told with its fingerprint, so that keys which no ledger knows can be \
                 found: name types of keys that are random, and none of passwords. Default: the types that GitHub lists by itself.",
            ),
        ),
        (
            "fingerprints",
            texts(
                "Fingerprints of keys to look for beside those that the ledger knows, such as \
                 `apikey_managed.payments.primary.fingerprint` of another configuration.",
            ),
        ),
        (
            "required",
            optional(
                AttributeType::Bool,
                "Whether a failure to read the alerts is an error. With `false` it is a warning, and everything that is told here is \
                 null, which is not the same as empty. Default: `true`.",
            ),
        ),
    ])
}

/// What is answered.
pub fn outputs() -> Attributes {
    attributes([
        (
            "open",
            computed(
                string_map(),
                "The alerts that are open, by their URLs, each with the fingerprint of the key that it is about: for `leaks_wo` of \
                 `apikey_managed`.",
            ),
        ),
        (
            "alerts",
            computed(
                AttributeType::AttributeList(columns()),
                "The alerts about managed keys.",
            ),
        ),
        (
            "total",
            computed(
                AttributeType::Number,
                "How many alerts were looked at, those about other secrets included.",
            ),
        ),
    ])
}

fn columns() -> Attributes {
    let text = |about: &str| -> Attribute { computed(AttributeType::String, about) };
    attributes([
        (
            "url",
            text("Where people see it. It tells the alert from all others."),
        ),
        (
            "number",
            computed(AttributeType::Number, "Its number in its repository."),
        ),
        ("state", text("`open` or `resolved`.")),
        (
            "resolution",
            text("How it was resolved, such as `revoked`."),
        ),
        ("created_at", text("When it was opened.")),
        ("resolved_at", text("When it was resolved.")),
        (
            "secret_type",
            text("What GitHub takes the secret for, such as `aws_secret_access_key`."),
        ),
        ("secret_type_display_name", text("The same for people.")),
        (
            "validity",
            text(
                "Whether it works, as far as GitHub has tried: `active`, `inactive` or `unknown`.",
            ),
        ),
        (
            "publicly_leaked",
            computed(AttributeType::Bool, "Whether it was found in public."),
        ),
        (
            "fingerprint",
            text("Fingerprint of the key, as `primary.fingerprint` has it."),
        ),
        (
            "name",
            text("`name` of the `apikey_managed`, where the ledger knows it."),
        ),
        ("workspace", text("Its workspace.")),
        ("key_id", text("Public id of the key, where it has one.")),
        (
            "key_status",
            text(
                "`live`, `revoked` or `orphaned`, as the ledger knows; null where it does not know the key.",
            ),
        ),
    ])
}

/// One alert.
pub fn row(it: &Recognised) -> ValueAny {
    let text = |text: Option<String>| text.map_or(ValueAny::Null, ValueAny::String);
    let alert = &it.alert;
    let key = it.key.as_ref();
    let values = [
        ("url", text(Some(alert.html_url.clone()))),
        ("number", ValueAny::Number(alert.number)),
        ("state", text(Some(alert.state.clone()))),
        ("resolution", text(alert.resolution.clone())),
        ("created_at", text(alert.created_at.clone())),
        ("resolved_at", text(alert.resolved_at.clone())),
        ("secret_type", text(alert.secret_type.clone())),
        (
            "secret_type_display_name",
            text(alert.secret_type_display_name.clone()),
        ),
        ("validity", text(alert.validity.clone())),
        (
            "publicly_leaked",
            alert.publicly_leaked.map_or(ValueAny::Null, ValueAny::Bool),
        ),
        ("fingerprint", text(Some(it.fingerprint.to_string()))),
        ("name", text(key.map(|(whose, _)| whose.name.clone()))),
        (
            "workspace",
            text(key.map(|(whose, _)| whose.workspace.clone())),
        ),
        (
            "key_id",
            text(key.and_then(|(_, record)| record.key.key_id.clone())),
        ),
        (
            "key_status",
            text(key.map(|(_, record)| record.status.to_string())),
        ),
    ];
    let pairs = values.map(|(name, value)| (name.to_owned(), value));
    ValueAny::Map(pairs.into())
}
