//! The fields of `verification`, as Terraform and the documentation see them. What they may hold is for `config` to say.

use tf_provider::schema::AttributeType;

use crate::schema::{self, Attributes, optional, required, string_map};

/// Every apply reads what is write-only anew, so a version changes nothing but what people see.
const VERSION: &str = "Raise it when the write-only value changes, so that the plan shows it.";

/// The fields of `verification`.
pub fn attributes() -> Attributes {
    let text = AttributeType::String;
    schema::attributes([
        (
            "url",
            required(
                text.clone(),
                "Where the request goes: `https`, or `http` on this machine. Without placeholders, for addresses end up in \
                 logs. Redirects are not followed.",
            ),
        ),
        (
            "method",
            optional(
                text.clone(),
                "`GET` (default), `HEAD`, `POST`, `PUT`, `PATCH` or `OPTIONS`.",
            ),
        ),
        (
            "headers",
            optional(
                string_map(),
                "Headers by name, with placeholders in the values: `{ Authorization = \"Bearer {{secret}}\" }`.",
            ),
        ),
        (
            "headers_wo",
            schema::sensitive(optional(
                string_map(),
                "More headers, for values that no plan or state may hold, such as a credential of your own beside the key.",
            )),
        ),
        (
            "headers_wo_version",
            optional(AttributeType::Number, VERSION),
        ),
        (
            "basic_auth",
            optional(
                AttributeType::AttributeSingle(schema::attributes([
                    (
                        "username",
                        required(text.clone(), "User name, with placeholders."),
                    ),
                    (
                        "password",
                        optional(
                            text.clone(),
                            "Password, with placeholders. Exactly one of `password` and `password_wo` is set.",
                        ),
                    ),
                    (
                        "password_wo",
                        schema::sensitive(optional(
                            text.clone(),
                            "The same, for a password that no plan or state may hold.",
                        )),
                    ),
                    (
                        "password_wo_version",
                        optional(AttributeType::Number, VERSION),
                    ),
                ])),
                "HTTP Basic authentication, such as `{ username = \"{{key_id}}\", password = \"{{secret}}\" }`.",
            ),
        ),
        (
            "body",
            optional(
                text.clone(),
                "Body, with placeholders. If the header `Content-Type` says JSON or a form, what is put in is escaped for it.",
            ),
        ),
        (
            "body_wo",
            schema::sensitive(optional(
                text.clone(),
                "The same, for a body that no plan or state may hold. At most one of `body` and `body_wo` is set.",
            )),
        ),
        ("body_wo_version", optional(AttributeType::Number, VERSION)),
        (
            "expected_status",
            optional(
                schema::list_of(AttributeType::Number),
                "The status codes that mean that the key was accepted. Default: 200 to 299.",
            ),
        ),
        (
            "timeout",
            optional(
                text.clone(),
                "How long the whole proof may take. Default `60s`.",
            ),
        ),
        (
            "request_timeout",
            optional(text.clone(), "How long one answer may take. Default `10s`."),
        ),
        (
            "interval",
            optional(text, "The pause between two attempts. Default `2s`."),
        ),
        (
            "consecutive",
            optional(
                AttributeType::Number,
                "How many successes in a row prove the key. Default `3`.",
            ),
        ),
    ])
}
