//! The attributes of a policy, in the resource and inside `apikey_managed`. What they may hold is for `values` to say.

use tf_provider::schema::{Attribute, AttributeType};

use crate::resources::rotation_policy::{emergency_attributes, route_attributes};
use crate::schema::{Attributes, attributes, computed, defaulted, list_of, optional, required};

/// Every attribute but `id` and `name`, with its description. `paused` is the only one that is no string.
const SETTINGS: [(&str, &str); 14] = [
    (
        "tier",
        "Class of the keys: `high_privilege` (30d, at most 60d), `standard` (90d, at most 90d) or `low_risk` (180d, at most 180d). Sets `rotation_interval` where that is not given, and limits it where it is.",
    ),
    (
        "rotation_interval",
        "How long a key is primary before it is rotated, such as `90d`, `36h`, `1h30m` or `20s`. Required unless `tier` is set. So that a scheduled run which starts a little early does not miss it, a step of the schedule counts as due a hundredth of the interval before its date, in whole minutes and at most 1h: 1h for `90d`, 14m for `1d`, nothing for an interval below 100 minutes.",
    ),
    (
        "stage_before",
        "How long before the due date the new key is minted and delivered as secondary. Default: 7d, or a tenth of the interval if that is shorter. Together with `grace_period` it must fit into `rotation_interval`.",
    ),
    (
        "propagation_delay",
        "How long a staged key must have been delivered before it is promoted; `0s` stages and promotes in one apply when rotation is due. At most `stage_before`. Default: 1h, or `stage_before` if that is shorter.",
    ),
    (
        "grace_period",
        "How long the old key stays valid after the swap. Default: 24h, or a quarter of the interval if that is shorter.",
    ),
    (
        "revoke_only_if_unused_for",
        "Holds the revocation of the old key while its issuer reports a use within this time. Default: `0s`, which is off. \
         The time by which the issuer may report late comes on top; a use that cannot be read holds too. Only issuers that \
         report uses can hold.",
    ),
    (
        "max_grace_period",
        "The end of any hold, counted from the swap. Default: 7 times `grace_period`.",
    ),
    (
        "notice_period",
        "How long before the due date plans begin to warn, and `notifications` tell whoever wants to know. Default: `0s`, which is off.",
    ),
    (
        "alert_after",
        "How long after the due date `status` turns to `overdue`. Default: 30d.",
    ),
    (
        "soak_time",
        "How long a key must have been primary in one environment of `environment_order` before the next environment follows. Default: 24h.",
    ),
    (
        "paused",
        "Nothing is staged or promoted. `due` and `overdue` still show, and keys in their grace period are still revoked. Default: `false`.",
    ),
    (
        "on_drift",
        "What to do when the primary key vanished or was switched off at its issuer, or no delivery holds its secret any more: `warn` on every plan, `rotate` to a new key, or fail with an `error`. Default: `warn`.",
    ),
    (
        "on_leak",
        "What to do when an alert in `leaks_wo` of a key is about a key that lives: `warn` on every plan, or `rotate`, which handles it as an `emergency` whose id is that of the alert. See the guide [Leaks](../guides/leaks.md). Default: `warn`.",
    ),
    (
        "on_destroy",
        "What happens to the keys when a managed key is destroyed: `revoke` them and take them out of the stores, or `retain` everything. Read from the state, so a change must be applied before the destroy. Default: `revoke`.",
    ),
];

const OFFBOARDED_OWNERS: &str = "Owners who have left. Every key of theirs under this policy is due at once, with the grace of \
    the policy, and its plans ask for a new owner until it has one; it is rotated once for each owner. An empty list is not \
    taken for everybody being back, one without the owner is. A list that is not known yet, and one that becomes null, are \
    errors. See the guide [Offboarding](../guides/offboarding.md).";

const ENVIRONMENT_ORDER: &str = "The environments, such as `[\"dev\", \"staging\", \"prod\"]`: a key is promoted only after the \
    key of the same `group` in the nearest environment before it was promoted since this key was, is well, and has soaked for \
    `soak_time`. What the others did is read from the ledger, which all of them have to share. A key whose primary does not \
    work and an `emergency` wait for nobody. See the guide [Environments](../guides/environments.md).";

const REQUIRE_OWNER: &str = "Every key under this policy must have an `owner`. Default: `false`.";

const EMERGENCY: &str = "Every key under this policy is compromised: each is replaced and revoked in one apply, as with \
    `emergency` of `apikey_managed`. A key that comes under the policy later is replaced too, so take the \
    block out once the emergency is over. To take it out before anything was done calls it off.";

const NOTIFICATIONS: &str = "Who is told what happens to the keys, by the name that the block `notifications` of the provider \
    gives the destination. The addresses are there and not here because they are secrets, and a policy stands in the state. \
    Each event is sent once, by an apply; what could not be sent is tried again by the next one. It needs the ledger: without \
    one nothing is sent. See the guide [Notifications](../guides/notifications.md).";

/// The attributes of the resource: what is not given is filled in and shown.
pub fn resource_attributes() -> Attributes {
    with_settings(computed(AttributeType::String, "The name."), defaulted)
}

/// The attributes of `policy` in `apikey_managed`: the same, none of them filled in.
pub fn nested_attributes() -> Attributes {
    let id = optional(
        AttributeType::String,
        "Ignored; there so that a whole `apikey_rotation_policy` fits.",
    );
    with_settings(id, optional)
}

fn with_settings(id: Attribute, make: fn(AttributeType, &str) -> Attribute) -> Attributes {
    let name = required(
        AttributeType::String,
        "Name of the policy, shown in plans and errors.",
    );
    let settings = SETTINGS.into_iter().map(|(name, text)| {
        let kind = match name {
            "paused" => AttributeType::Bool,
            _ => AttributeType::String,
        };
        (name.to_owned(), make(kind, text))
    });
    let own = attributes([("id", id), ("name", name)]);
    let emergency = optional(
        AttributeType::AttributeSingle(emergency_attributes()),
        EMERGENCY,
    );
    let owners = optional(list_of(AttributeType::String), OFFBOARDED_OWNERS);
    let owner = optional(AttributeType::Bool, REQUIRE_OWNER);
    let order = optional(list_of(AttributeType::String), ENVIRONMENT_ORDER);
    let routes = AttributeType::AttributeMap(route_attributes());
    let notifications = optional(routes, NOTIFICATIONS);
    own.into_iter()
        .chain(settings)
        .chain([
            ("emergency".to_owned(), emergency),
            ("offboarded_owners".to_owned(), owners),
            ("require_owner".to_owned(), owner),
            ("environment_order".to_owned(), order),
            ("notifications".to_owned(), notifications),
        ])
        .collect()
}
