//! The schema of `apikey_managed`. Issuers and stores come from their tables.

use tf_provider::schema::{AttributeType, Block, Description, Schema};

use crate::deployments;
use crate::engine::verification;
use crate::issuers;
use crate::resources::managed::expected;
use crate::resources::rotation_policy;
use crate::schema::{
    Attributes, attributes, computed, defaulted, list_of, optional, required, sensitive, string_map,
};
use crate::stores;

/// The version of the schema.
pub const VERSION: i64 = 0;

/// The whole schema.
pub fn schema() -> Schema {
    Schema {
        version: VERSION,
        block: Block {
            attributes: inputs().into_iter().chain(outputs()).collect(),
            description: Description::markdown(
                "One API key over its whole life: minted at an issuer, delivered to secret stores as primary and \
                 secondary, verified, swapped when its policy says so, and revoked after its grace period. Nothing \
                 runs between applies: every plan proposes the one next step, every apply takes it.",
            ),
            ..Block::default()
        },
    }
}

fn inputs() -> Attributes {
    let string = || AttributeType::String;
    attributes([
        (
            "name",
            required(string(), "Name of the key, shown in plans and errors."),
        ),
        (
            "group",
            defaulted(
                string(),
                "The same logical key across environments. Default: `name`.",
            ),
        ),
        (
            "environment",
            optional(string(), "Where the key is used, such as `dev` or `prod`."),
        ),
        ("owner", optional(string(), "Who answers for the key.")),
        ("description", optional(string(), "What the key is for.")),
        ("labels", optional(string_map(), "Labels of your own.")),
        (
            "policy",
            required(
                AttributeType::AttributeSingle(rotation_policy::nested_attributes()),
                "The policy: a whole `apikey_rotation_policy`, so that an edit of it reaches this key in the same plan.",
            ),
        ),
        (
            "issuer",
            required(
                AttributeType::AttributeSingle(issuers()),
                "Where the keys are minted and revoked: exactly one of the issuers below.",
            ),
        ),
        (
            "deliveries",
            optional(
                AttributeType::AttributeMap(stores()),
                "Where both slots are delivered, by a name of your choice: exactly one of the stores below for each.",
            ),
        ),
        (
            "deployments",
            optional(
                AttributeType::AttributeMap(deployments::attributes()),
                "What makes consumers read what was delivered, by a name of your choice: asked after a new key was staged, promoted \
                 or put in place of a compromised one, and waited for. Each has exactly one of `request`, `aws_ecs` and \
                 `kubernetes`. See the guide [Deployments](../guides/deployments.md).",
            ),
        ),
        (
            "verification",
            optional(
                AttributeType::AttributeSingle(verification::attributes()),
                "An HTTP request that proves a new key, for an issuer without a check of its own. A key that fails it is never promoted.",
            ),
        ),
        (
            "store_secret_in_state",
            defaulted(
                AttributeType::Bool,
                "Keeps the secrets in the state, as `primary.secret` and `secondary.secret`. Default: `true` only when there is no delivery.",
            ),
        ),
        (
            "existing_secret_wo",
            sensitive(optional(
                string(),
                "The secret of a key that exists already: it is taken over and delivered, and nothing is minted. For an imported key, whose issuer never shows the secret again, and for the first key of an issuer that gives its keys no ids, such as `generated`. Rotations mint as ever; what is given here is looked at again only when the version changes.",
            )),
        ),
        (
            "existing_secret_wo_version",
            optional(
                AttributeType::Number,
                "Raise it to hand in `existing_secret_wo` again: after every delivery has lost the secret of the primary, for example. The secret must be that of a key of this resource.",
            ),
        ),
        (
            "rotation_trigger",
            optional(
                string(),
                "A change from one value to another makes the rotation due at once. Setting it for the first time, of which the plan warns, or removing it rotates nothing.",
            ),
        ),
        (
            "expected_usage",
            optional(
                AttributeType::AttributeSingle(expected::nested()),
                "How the key is used. What its issuer tells that is otherwise is a warning of the plan, shows as `notice`, and is \
                 written to the audit trail once: another service or region, a key that is used after another took its place, a \
                 primary that nobody uses. Costs a request for each key and refresh, unless the list of keys tells. See the guide \
                 [Keys in use](../guides/usage.md).",
            ),
        ),
        (
            "leaks_wo",
            optional(
                string_map(),
                "What scanners of secrets have found: the ids of alerts that are open, each with the `fingerprint` of the secret \
                 that it is about, such as `data.apikey_leaks.acme.open`. An alert about a key of this resource that lives is \
                 treated as `on_leak` of the policy says; the others are ignored. Null, and no such attribute, says that \
                 nothing is known of leaks: what was open stays so, and with `on_leak = \"rotate\"` the plan warns. `{}` says \
                 that there are none. See the guide [Leaks](../guides/leaks.md).",
            ),
        ),
        (
            "emergency",
            optional(
                AttributeType::AttributeSingle(rotation_policy::emergency_attributes()),
                "The key is compromised: one apply replaces it and revokes it, without grace, and waits for no pause, no \
                 schedule and no delivery that was failing before. Once that is done the block may stay or go: its `id` \
                 is handled once. To take it out before calls the emergency off. See the guide [Emergency](../guides/emergency.md).",
            ),
        ),
    ])
}

/// What `issuer` holds.
pub fn issuers() -> Attributes {
    issuers::all()
        .map(|kind| {
            let nested = AttributeType::AttributeSingle(kind.attributes());
            (kind.name().to_owned(), optional(nested, kind.description()))
        })
        .collect()
}

/// What an entry of `deliveries` holds.
pub fn stores() -> Attributes {
    let source = optional(
        AttributeType::Bool,
        "Copy secrets from this delivery when they are needed again. Default: the first readable one by name.",
    );
    let required = optional(
        AttributeType::Bool,
        "Whether a new key becomes primary only once it was delivered here. Default: `true`. A delivery that is not \
         required holds up nothing when it cannot be read or written; every apply tries it again. A required one keeps \
         a retired key no longer than `max_grace_period`, and does not hold up a `rotation_trigger` that was changed \
         while it was failing already.",
    );
    let overwrite = optional(
        AttributeType::Bool,
        "Replace what stands at this place although this provider did not write it, such as a placeholder. Default: \
         `false`, and anything but an empty value is left as it is. In a shared `dotenv` file only the lines of this \
         delivery are ever replaced. Under `create_before_destroy` it lets the new key take the place of the one that it \
         replaces. A key that the ledger or the issuer knows as the live one of another resource is never replaced; where \
         neither knows it, the plan of a new key warns.",
    );
    let lost_place = optional(
        AttributeType::String,
        "The place that this delivery was written to, as `delivery_status` names it, if it is gone for good with all that stood \
         there: a cluster that was built anew under the same address. The keys then go to where the settings lead now, which \
         is refused otherwise. It means this one place, so it may stay.",
    );
    stores::all()
        .map(|kind| {
            let nested = AttributeType::AttributeSingle(kind.attributes());
            (kind.name().to_owned(), optional(nested, kind.description()))
        })
        .chain([
            ("source".to_owned(), source),
            ("required".to_owned(), required),
            ("overwrite".to_owned(), overwrite),
            ("lost_place".to_owned(), lost_place),
        ])
        .collect()
}

fn outputs() -> Attributes {
    let string = || AttributeType::String;
    attributes([
        (
            "id",
            computed(string(), "Stable for the life of the resource."),
        ),
        (
            "primary",
            computed(
                AttributeType::AttributeSingle(key()),
                "The key in use: consumers try it first.",
            ),
        ),
        (
            "secondary",
            computed(
                AttributeType::AttributeSingle(key()),
                "The key before or after it: staged and waiting to be promoted, or retiring. Consumers try it when the primary is refused.",
            ),
        ),
        (
            "phase",
            computed(string(), "`single`, `staged` or `retiring`."),
        ),
        (
            "status",
            computed(
                string(),
                "`ok`; `notice`: rotation comes up, or there is something to know, such as a use that `expected_usage` does not list; `due`: the next apply takes a step, or the reason says what a due rotation waits for; `pending`: a delivery or revocation is unfinished; `blocked`: the next step cannot be taken; `overdue`: past due by `alert_after`; `compromised`: an `emergency` is declared, and a compromised key still works, or nothing has taken its place.",
            ),
        ),
        ("status_reason", computed(string(), "Why, in a sentence.")),
        (
            "generation",
            computed(AttributeType::Number, "Counts promotions, starting at 1."),
        ),
        (
            "last_action",
            computed(
                string(),
                "The step that the last apply took. In a plan, the step that this apply takes: `create`, `deliver`, `stage`, `verify`, `promote`, `revoke`, `replace`, `discard` (a staged key is revoked), `revoke_pending` (revocations that failed are tried again), `emergency` (whatever an `emergency` asks for), or several of them joined by `+`, in their order; `deploy` where nothing but a deployment is asked for again. `import` or `move` before the first of them.",
            ),
        ),
        (
            "last_rotated_at",
            computed(string(), "When the primary became primary. RFC 3339, UTC."),
        ),
        (
            "next_stage_at",
            computed(string(), "When the next key is staged."),
        ),
        (
            "rotation_due_at",
            computed(string(), "When the next rotation is due."),
        ),
        (
            "pending_revocations",
            computed(
                list_of(string()),
                "Ids of keys whose revocation failed; every apply tries again.",
            ),
        ),
        (
            "pending_removals",
            computed(
                list_of(string()),
                "Places that deliveries have left and that may still hold keys; every apply tries again to empty them, \
                 as soon as what takes their place is written.",
            ),
        ),
        (
            "delivery_status",
            computed(
                AttributeType::AttributeMap(delivery_status()),
                "What was delivered, by the name of the delivery.",
            ),
        ),
        (
            "notified_at",
            computed(
                string(),
                "When an apply of this key last told somebody something (`notifications` of the policy). In a plan: this apply \
                 may.",
            ),
        ),
    ])
}

fn key() -> Attributes {
    let string = || AttributeType::String;
    attributes([
        (
            "key_id",
            computed(string(), "The public id at the issuer, where it gives one."),
        ),
        (
            "role",
            computed(string(), "`primary`, `staged` or `retiring`."),
        ),
        (
            "fingerprint",
            computed(
                string(),
                "`sha256:` and the first 12 hexadecimal digits of the SHA-256 of the secret. Null for an imported key.",
            ),
        ),
        ("created_at", computed(string(), "When it was minted.")),
        (
            "delivered_at",
            computed(
                string(),
                "Since when it is in every delivery that is in order; a required one that is repaired starts it anew.",
            ),
        ),
        (
            "verified_at",
            computed(
                string(),
                "When it was last proved to work. Null where nothing can prove it.",
            ),
        ),
        ("promoted_at", computed(string(), "When it became primary.")),
        (
            "retired_at",
            computed(string(), "When it stopped being primary."),
        ),
        (
            "revoke_after",
            computed(string(), "When its grace period ends."),
        ),
        (
            "secret",
            sensitive(computed(
                string(),
                "The secret; null unless `store_secret_in_state`.",
            )),
        ),
    ])
}

fn delivery_status() -> Attributes {
    let string = || AttributeType::String;
    attributes([
        (
            "version",
            computed(
                string(),
                "The store's version of it, where it has versions.",
            ),
        ),
        (
            "fingerprint",
            computed(string(), "Mark of the primary secret that was written."),
        ),
        (
            "delivered_at",
            computed(string(), "When it was last written."),
        ),
        (
            "state",
            computed(
                string(),
                "`delivered`; `lingering`: the same, and what stood there before can still be read, such as a former version that \
                 could not be disabled; `failed`: it could not be written; `awaiting_approval`: it was written, and a person has to approve \
                 that first; `rejected`: a person said no; `unreadable`: it could not be looked at, so nothing is \
                 known of what stands there; `elsewhere`: its settings lead to another place than the one it was written to, and \
                 nobody has looked there; `missing` or `altered`: somebody else deleted or changed it.",
            ),
        ),
        (
            "reason",
            computed(
                string(),
                "What the store said when it could not be read or written, or when what stood there before could not be taken away.",
            ),
        ),
        (
            "failing_since",
            computed(string(), "Since when it cannot be read or written."),
        ),
        (
            "place",
            computed(
                string(),
                "What the place turned out to be when it was written: the account, region and name of a secret, the path \
                 of a file without links. A delivery whose settings lead elsewhere later is refused.",
            ),
        ),
        (
            "asked_for",
            computed(
                list_of(string()),
                "Changes that a person has to approve, the newest last: the marks of the keys that each puts there, the \
                 primary first.",
            ),
        ),
    ])
}
