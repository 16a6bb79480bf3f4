//! The schema of `apikey_secret`.

use tf_provider::schema::{AttributeType, Block, Description, Schema};

use crate::resources::managed::schema::stores;
use crate::schema::{Attributes, attributes, computed, optional, required, sensitive};

/// The whole schema.
pub fn schema() -> Schema {
    Schema {
        version: 0,
        block: Block {
            attributes: fields(),
            description: Description::markdown(
                "The current keys of an `apikey_managed`, read from one of its deliveries: for a provider or a write-only \
                 attribute that needs the key in this very run. No state and no plan holds what it reads. It reads only, \
                 and never mints; there is nothing to renew and nothing to close.",
            ),
            ..Block::default()
        },
    }
}

fn fields() -> Attributes {
    let text = || AttributeType::String;
    let key = || {
        AttributeType::AttributeSingle(attributes([
            (
                "key_id",
                computed(
                    text(),
                    "The public id, where the key has one and the document has room for it.",
                ),
            ),
            ("secret", sensitive(computed(text(), "The secret."))),
            (
                "fingerprint",
                computed(
                    text(),
                    "The mark of the secret, as the state of the `apikey_managed` has it.",
                ),
            ),
        ]))
    };
    attributes([
        (
            "delivery",
            required(
                AttributeType::AttributeSingle(stores()),
                "Where to read: one entry of `deliveries` of the `apikey_managed`, such as \
                 `apikey_managed.payments.deliveries[\"app\"]`.",
            ),
        ),
        (
            "fingerprint",
            optional(
                text(),
                "The key that is expected as primary: `apikey_managed.payments.primary.fingerprint`. While that is not \
                 known, in the plan that creates or replaces the key, nothing is read before the apply. A document that \
                 does not hold the key is an error, not the source of an old key. If it is the staged key of the \
                 document, it is given as `primary` and the other one as `secondary`.",
            ),
        ),
        ("primary", computed(key(), "The key to use.")),
        (
            "secondary",
            computed(key(), "The key before or after it; null if there is none."),
        ),
        (
            "generation",
            computed(
                AttributeType::Number,
                "Counts promotions; null where the layout of the document has no room for it.",
            ),
        ),
        (
            "rotated_at",
            computed(
                text(),
                "When the document's primary became primary; null where the layout of the document has no room for it.",
            ),
        ),
    ])
}
