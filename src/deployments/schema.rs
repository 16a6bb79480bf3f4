//! The attributes of one entry of `deployments`. Each costs every plan of every key, so there are few.

use tf_provider::schema::{Attribute, AttributeType};

use crate::schema::{Attributes, attributes as table, optional, required, sensitive, string_map};

/// The attribute of a service of Amazon ECS.
pub(super) const AWS_ECS: &str = "aws_ecs";

/// The attribute of a workload of Kubernetes.
pub(super) const KUBERNETES: &str = "kubernetes";

/// What an entry holds.
pub fn attributes() -> Attributes {
    table([
        (
            "request",
            nested(
                request(),
                "Any API: the request that starts consumers anew. Placeholders in `url`, the values of headers and `body`: \
                 `{{name}}`, `{{generation}}`, `{{fingerprint}}` (of the key that is to be read) and `{{requested_at}}`. \
                 There is none for the secret: consumers read it where it was delivered.",
            ),
        ),
        (
            "poll",
            nested(
                poll(),
                "How `request` is known to be done: a GET with the same headers, repeated until its answer says so. Without it, \
                 a request that succeeded is done.",
            ),
        ),
        (
            AWS_ECS,
            nested(
                table([
                    (
                        "cluster",
                        text("Name or ARN of the cluster. Default: `default`."),
                    ),
                    ("service", must("Name or ARN of the service.")),
                    (
                        "region",
                        text("Region, in place of that of the provider block."),
                    ),
                ]),
                "A service of Amazon ECS: a new deployment is forced, with the credentials of the provider block `aws`, and is done \
                 when it is the only one whose tasks run.",
            ),
        ),
        (
            KUBERNETES,
            nested(
                table([
                    ("namespace", must("Namespace of the workload.")),
                    ("name", must("Name of the workload.")),
                    (
                        "kind",
                        text("`Deployment` (default), `StatefulSet` or `DaemonSet`."),
                    ),
                ]),
                "A workload of the cluster of the provider block `kubernetes`: its pods are restarted as `kubectl rollout restart` \
                 does, and it is done when all of them are new and available.",
            ),
        ),
        (
            "required",
            optional(
                AttributeType::Bool,
                "Whether a staged key becomes primary, and the key before it is revoked, only once this is done. Default: `true`. \
                 A retiring key is kept no longer than `max_grace_period` for it; an emergency waits once, as long as `timeout`; a \
                 `rotation_trigger` that was changed while it was failing already does not wait.",
            ),
        ),
        (
            "timeout",
            text(
                "How long an apply waits for it. Default `10m`. What is not done by then is looked at by the next apply, \
                 which asks again if it is not done.",
            ),
        ),
    ])
}

fn request() -> Attributes {
    table([
        (
            "url",
            must("Where it goes: `https`, or `http` on this machine. Redirects are not followed."),
        ),
        ("method", text("`POST` (default), `PUT`, `PATCH` or `GET`.")),
        ("headers", optional(string_map(), "Headers by name.")),
        (
            "headers_wo",
            sensitive(optional(
                string_map(),
                "More headers, for values that no plan or state may hold, such as the credential of the request.",
            )),
        ),
        (
            "body",
            text(
                "Body. If the header `Content-Type` says JSON or a form, what is put in is escaped for it.",
            ),
        ),
        (
            "id",
            text(
                "JSON pointer to the id that the answer gives to what was started, such as `/id`: `{{id}}` in the `url` of `poll`.",
            ),
        ),
    ])
}

fn poll() -> Attributes {
    table([
        (
            "url",
            must("Address, with the placeholders of the request, and `{{id}}`."),
        ),
        (
            "until",
            required(
                string_map(),
                "What the answer says when it is done, by JSON pointer: `{ \"/status\" = \"completed\" }`. All of them must match.",
            ),
        ),
        (
            "fails_if",
            optional(
                string_map(),
                "The same for what will not be done any more: one of them that matches while `until` does not ends the wait.",
            ),
        ),
    ])
}

fn nested(fields: Attributes, words: &str) -> Attribute {
    optional(AttributeType::AttributeSingle(fields), words)
}

fn text(words: &str) -> Attribute {
    optional(AttributeType::String, words)
}

fn must(words: &str) -> Attribute {
    required(AttributeType::String, words)
}
