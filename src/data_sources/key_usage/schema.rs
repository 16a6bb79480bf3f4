//! What is asked, and what is told.

use tf_provider::schema::AttributeType;

use crate::data_sources::{flag, number, rows, text, texts};
use crate::resources::managed::schema::issuers;
use crate::schema::{Attributes, attributes, computed, list_of, optional, required, write_only};

pub(super) fn inputs() -> Attributes {
    attributes([
        (
            "issuer",
            required(
                AttributeType::AttributeSingle(write_only::without(issuers())),
                "Where the key was minted, as in `apikey_managed`: usually `apikey_managed.….issuer`.",
            ),
        ),
        (
            "key_id",
            required(
                AttributeType::String,
                "The public id of the key, such as `apikey_managed.….primary.key_id`, or that of a key which was revoked.",
            ),
        ),
        (
            "events",
            optional(
                AttributeType::AttributeSingle(events()),
                "Asks for the calls that were made with the key, at an issuer that has them on record: `aws_iam`, by the event \
                 history of CloudTrail. Without it nothing of that is asked. CloudTrail takes two requests a second of an account in \
                 a region, each for 50 events; regions are read at the same time.",
            ),
        ),
    ])
}

fn events() -> Attributes {
    attributes([
        (
            "regions",
            optional(
                list_of(AttributeType::String),
                "Regions to look in. Default: that of the last use, that of the provider, and the one in which calls of IAM are \
                 recorded (`us-east-1`, or its like in other partitions).",
            ),
        ),
        (
            "since",
            optional(
                AttributeType::String,
                "How far back to look, `90d` at most. Default: `7d`, and `30d` with `anomalies`.",
            ),
        ),
        (
            "max_events",
            optional(
                AttributeType::Number,
                "How many calls of each region are read at most, the newest first. Default: `500`.",
            ),
        ),
        (
            "show_addresses",
            optional(
                AttributeType::Bool,
                "Whether to show the network addresses and the user agents of callers, which are personal data and end up in the \
                 state. Default: `false`.",
            ),
        ),
        (
            "anomalies",
            optional(
                AttributeType::AttributeSingle(anomalies()),
                "Judges the newest calls by those before them, the baseline; `{}` does so by the defaults. The other keys that the \
                 ledger knows in the account are asked for as well: they are part of the baseline, which so outlasts a rotation, \
                 and what is unusual of them is told too. Each finding is in `anomalies`, in a warning of the plan and, where the run \
                 may write there, in the ledger, which remembers it. What cannot be read is a warning, and is not judged.",
            ),
        ),
    ])
}

fn anomalies() -> Attributes {
    attributes([
        (
            "since",
            optional(
                AttributeType::String,
                "How far back calls are judged, the watermark. Those before it, back to `since` of `events`, are the baseline. Make \
                 it longer than the time between two runs. Default: `2d`.",
            ),
        ),
        (
            "allow",
            optional(
                AttributeType::AttributeSingle(allow()),
                "What is expected, whether or not it is in the baseline.",
            ),
        ),
        (
            "volume_factor",
            optional(
                AttributeType::Number,
                "A day of a key is unusual with more than so many times the calls of the busiest day of the baseline, and more \
                 than 20. Default: `3`.",
            ),
        ),
        (
            "denied_calls",
            optional(
                AttributeType::Number,
                "So many denied calls within ten minutes are a burst. Default: `5`.",
            ),
        ),
    ])
}

fn allow() -> Attributes {
    attributes([
        (
            "services",
            optional(list_of(AttributeType::String), "Services, such as `s3`."),
        ),
        (
            "regions",
            optional(
                list_of(AttributeType::String),
                "Regions, such as `eu-central-1`.",
            ),
        ),
        (
            "networks",
            optional(
                list_of(AttributeType::String),
                "Networks, such as `203.0.113.0/24`, single addresses, and services that call for somebody, such as \
                 `cloudformation.amazonaws.com`.",
            ),
        ),
    ])
}

pub(super) fn outputs() -> Attributes {
    attributes([
        (
            "last_use",
            computed(
                AttributeType::AttributeSingle(last_use()),
                "The last use. Null if there was none, or if it is not known: see `last_use_known`.",
            ),
        ),
        (
            "last_use_known",
            flag(
                "Whether the issuer tells the last use. Only then is a `last_use` of null a key that was never used.",
            ),
        ),
        (
            "calls",
            rows(
                calls(),
                "The calls on record, those together that are alike, with what was called last first.",
            ),
        ),
        (
            "regions",
            rows(regions(), "The regions that were looked in."),
        ),
        (
            "anomalies",
            rows(
                found(),
                "What is unusual, in the order of kinds, names and keys. Null without `events.anomalies`. An empty list is good news \
                 of what is not in `not_judged`.",
            ),
        ),
        (
            "not_judged",
            texts(
                "Kinds of anomalies of which nobody can tell whether there are any; `blind_spots` says why. Null without \
                 `events.anomalies`.",
            ),
        ),
        (
            "blind_spots",
            texts("What cannot be seen here, in sentences: silence proves nothing of it."),
        ),
    ])
}

fn last_use() -> Attributes {
    attributes([
        ("at", text("When.")),
        (
            "service",
            text("What was called, such as `s3`. Null where the issuer does not tell."),
        ),
        (
            "region",
            text("In which region. Null where the issuer does not tell."),
        ),
    ])
}

fn found() -> Attributes {
    attributes([
        (
            "kind",
            text(
                "`new_service`, `new_region`, `new_network`, `unusual_hour`, `unusual_volume`, `retired_key` (used after another \
                 took its place) or `denied_burst`.",
            ),
        ),
        (
            "name",
            text(
                "The service, the region, the network (as `/24` or `/48`, never an address) or the hour; null for other kinds.",
            ),
        ),
        ("key_id", text("The key that the calls were made with.")),
        ("count", number("How many there are.")),
        ("first_at", text("The first of them.")),
        ("last_at", text("The last of them.")),
        ("summary", text("The same in a sentence.")),
    ])
}

fn calls() -> Attributes {
    attributes([
        ("service", text("What was called, such as `s3`.")),
        (
            "operation",
            text("What was asked of it, such as `ListBuckets`."),
        ),
        ("region", text("In which region.")),
        (
            "error_code",
            text(
                "The error that they were answered with, such as `AccessDenied`; null for successes.",
            ),
        ),
        ("count", number("How many there are.")),
        ("first_at", text("The first of them.")),
        ("last_at", text("The last of them.")),
        (
            "addresses",
            texts(
                "Where they came from: network addresses, or services of AWS. Null without `show_addresses`.",
            ),
        ),
        (
            "user_agents",
            texts("What made them, as it calls itself. Null without `show_addresses`."),
        ),
    ])
}

fn regions() -> Attributes {
    attributes([
        ("name", text("The region.")),
        ("count", number("How many calls were read.")),
        ("oldest_at", text("The oldest of them.")),
        (
            "is_complete",
            flag(
                "Whether these are all calls on record since `since`. If not, raise `max_events`.",
            ),
        ),
    ])
}
