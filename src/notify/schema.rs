//! The attributes of the provider block `notifications`.

use tf_provider::schema::{Attribute, AttributeType};

use crate::schema::{Attributes, attributes, list_of, optional, sensitive};

/// What the block is for.
pub const DESCRIPTION: &str = "Who is told what happens to keys, by a name of your choice, each with exactly one sort of \
     destination. A policy says in its `notifications` who hears of what. Addresses and signing secrets are secrets: they stand \
     here because nothing keeps the configuration of a provider in a state; give them by ephemeral variables or resources, so \
     that a saved plan does not hold them either. See the guide [Notifications](guides/notifications.md).";

/// The attributes of one destination.
pub fn destination() -> Attributes {
    let text = |words: &str| optional(AttributeType::String, words);
    let secret = |words: &str| sensitive(text(words));
    attributes([
        (
            "slack",
            sort(
                attributes([(
                    "url",
                    secret("Address of the webhook. Whoever knows it can post. Required."),
                )]),
                "An incoming webhook of Slack.",
            ),
        ),
        (
            "teams",
            sort(
                attributes([(
                    "url",
                    secret(
                        "Address of the trigger \"When a Teams webhook request is received\". Required.",
                    ),
                )]),
                "A workflow of Microsoft Teams, which gets an adaptive card. It takes a message before it posts it, so that a \
                 message counts as sent although nobody may see it.",
            ),
        ),
        (
            "pagerduty",
            sort(
                attributes([
                    (
                        "routing_key",
                        secret("Integration key of an Events API v2 integration. Required."),
                    ),
                    (
                        "endpoint",
                        text(
                            "Where events are taken, such as `https://events.eu.pagerduty.com`. Default: \
                             `https://events.pagerduty.com`.",
                        ),
                    ),
                ]),
                "A service of PagerDuty. `failed`, `blocked` and `emergency` trigger an alert, which is resolved when they are \
                 over; everything else is a change event and pages nobody.",
            ),
        ),
        (
            "datadog",
            sort(
                attributes([
                    ("api_key", secret("API key of the organization. Required.")),
                    (
                        "endpoint",
                        text(
                            "The API of its site, such as `https://api.datadoghq.eu`. Default: `https://api.datadoghq.com`.",
                        ),
                    ),
                ]),
                "The events of Datadog, with the labels of the metrics as tags. What begins and ends is one story there.",
            ),
        ),
        (
            "webhook",
            sort(
                attributes([
                    ("url", secret("Address of the receiver. Required.")),
                    (
                        "signing_secrets",
                        sensitive(optional(
                            list_of(AttributeType::String),
                            "What each message is signed with: `whsec_` and 24 to 64 random bytes in base64. One, or the new \
                             and the old one while it is being rotated. Required.",
                        )),
                    ),
                ]),
                "Any receiver of Standard Webhooks. The same message has the same `webhook-id` however often it is sent.",
            ),
        ),
    ])
}

fn sort(attributes: Attributes, words: &str) -> Attribute {
    optional(AttributeType::AttributeSingle(attributes), words)
}
