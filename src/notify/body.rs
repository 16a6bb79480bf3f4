//! What a message looks like in the words of each destination.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::domain::notices::{Event, Told};
use crate::health::datadog::NONE;

/// The longest summary that PagerDuty takes.
const SUMMARY: usize = 1024;
/// The longest section that Slack takes, with room for what escapes make longer.
const SECTION: usize = 2400;
/// The longest text that Datadog takes.
const TEXT: usize = 4000;

/// Standard Webhooks: thin, and the facts by name.
pub fn webhook(told: &Told) -> Value {
    json!({
        "type": format!("key.{}", told.event),
        "timestamp": told.at,
        "data": told,
    })
}

/// Blocks of Slack, with a text for notifications.
pub fn slack(told: &Told) -> Value {
    let facts = told.facts().into_iter();
    let lines: Vec<String> = facts
        .map(|(name, value)| format!("*{name}:* {}", escaped(&value)))
        .collect();
    let headline = escaped(&told.headline());
    let section = |text: &str| json!({"type": "section", "text": {"type": "mrkdwn", "text": text}});
    json!({
        "text": headline,
        "blocks": [
            section(&format!("*{}*", shortened(&headline, SECTION))),
            section(&shortened(&lines.join("\n"), SECTION)),
        ],
    })
}

/// An adaptive card for a workflow of Teams.
pub fn teams(told: &Told) -> Value {
    let facts = told.facts().into_iter();
    let facts: Vec<Value> = facts
        .map(|(title, value)| json!({"title": title, "value": shortened(&value, SECTION)}))
        .collect();
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "body": [
                    {"type": "TextBlock", "text": told.headline(), "wrap": true, "weight": "bolder"},
                    {"type": "FactSet", "facts": facts},
                ],
            },
        }],
    })
}

/// An event of Datadog. It is dated when it arrives, for one that is older than 18 hours is refused; the text says when it was.
/// What has a beginning and an end is one story there.
pub fn datadog(told: &Told, resource_id: &str) -> Value {
    let facts = told.facts().into_iter();
    let lines: Vec<String> = facts
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    let alert_type = match told.event {
        _ if told.is_over => "success",
        Event::Emergency | Event::Failed => "error",
        Event::Blocked => "warning",
        Event::Notice | Event::Staged | Event::Promoted | Event::Revoked => "info",
    };
    let tag = |name: &str, value: &str| format!("{name}:{}", value.replace(',', "_"));
    let about = [
        ("group", &told.about.group),
        ("environment", &told.about.environment),
        ("owner", &told.about.owner),
    ];
    let about = about.map(|(name, value)| tag(name, value.as_deref().unwrap_or(NONE)));
    let tags = [
        tag("name", &told.name),
        tag("workspace", &told.workspace),
        tag("issuer", &told.issuer),
        tag("event", &told.event.to_string()),
    ];
    json!({
        "title": told.headline(),
        "text": shortened(&lines.join("\n"), TEXT),
        "alert_type": alert_type,
        "aggregation_key": dedup_key(told, resource_id),
        "tags": tags.into_iter().chain(about).collect::<Vec<_>>(),
        "source_type_name": "apikey",
    })
}

/// The path and the body for PagerDuty: what somebody has to do something about is an event, which its end resolves; the rest is
/// a change, which pages nobody.
pub fn pagerduty(told: &Told, resource_id: &str, routing_key: &str) -> (&'static str, Value) {
    let severity = match told.event {
        Event::Emergency => Some("critical"),
        Event::Failed => Some("error"),
        Event::Blocked => Some("warning"),
        Event::Notice | Event::Staged | Event::Promoted | Event::Revoked => None,
    };
    let source = format!("apikey/{}/{}", told.workspace, told.name);
    let details: serde_json::Map<String, Value> = told
        .facts()
        .into_iter()
        .map(|(name, value)| (name.to_owned(), Value::from(value)))
        .collect();
    let mut payload = json!({
        "summary": shortened(&told.headline(), SUMMARY),
        "source": source,
        "timestamp": told.at,
        "custom_details": details,
    });
    let links: Vec<Value> = told
        .guide_url
        .iter()
        .map(|url| json!({"href": url, "text": "what to do"}))
        .collect();
    let Some(severity) = severity else {
        let change = json!({"routing_key": routing_key, "payload": payload, "links": links});
        return ("/v2/change/enqueue", change);
    };
    payload["severity"] = severity.into();
    let action = match told.is_over {
        true => "resolve",
        false => "trigger",
    };
    let event = json!({
        "routing_key": routing_key,
        "event_action": action,
        "dedup_key": dedup_key(told, resource_id),
        "payload": payload,
        "links": links,
        "client": "terraform-provider-apikey",
    });
    ("/v2/enqueue", event)
}

/// What a trigger and its resolution have in common.
fn dedup_key(told: &Told, resource_id: &str) -> String {
    let mut hash = Sha256::new();
    for part in [resource_id, &told.condition] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    format!("apikey-{}", &hex::encode(hash.finalize())[..32])
}

/// The three characters that mean something in Slack.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::notices::About;
    use crate::instant::Instant;

    fn told(event: Event, is_over: bool) -> Told {
        Told {
            event,
            is_over,
            at: Instant::from_unix(1_800_000_000),
            name: "pay<!channel>".into(),
            workspace: "default".into(),
            issuer: "generated".into(),
            about: About::default(),
            key: Some("sha256:0a1b2c".into()),
            reason: Some("a & b".into()),
            guide_url: Some("https://example.com/guide".into()),
            condition: "INC-1".into(),
        }
    }

    #[test]
    fn nobody_is_called_by_the_name_of_a_key_in_slack() {
        let text = slack(&told(Event::Staged, false)).to_string();
        assert!(text.contains("pay&lt;!channel&gt;") && text.contains("a &amp; b"));
        assert!(!text.contains("<!channel>"), "{text}");
    }

    /// A name and a reason may come from a vendor, or from whoever called a key so.
    #[test]
    fn nothing_that_people_read_moves_what_they_see() {
        let told = Told {
            name: "pay\u{1b}[2Jments".into(),
            reason: Some("a \u{202e}b\u{7}".into()),
            ..told(Event::Blocked, false)
        };
        let (_, page) = pagerduty(&told, "key_1", "made-up");
        for body in [
            slack(&told),
            teams(&told),
            page["payload"]["custom_details"].clone(),
        ] {
            let text = body.to_string();
            for odd in ["\\u001b", "\u{202e}", "\\u0007"] {
                assert!(!text.contains(odd), "{odd}: {text}");
            }
        }
    }

    #[test]
    fn what_needs_somebody_pages_and_is_resolved_by_its_end_and_the_rest_is_a_change() {
        let of = |event, is_over| pagerduty(&told(event, is_over), "key_1", "made-up");
        let (path, begun) = of(Event::Emergency, false);
        let (_, over) = of(Event::Emergency, true);
        assert_eq!(path, "/v2/enqueue");
        assert_eq!(begun["event_action"], "trigger");
        assert_eq!(begun["payload"]["severity"], "critical");
        assert_eq!(over["event_action"], "resolve");
        assert_eq!(begun["dedup_key"], over["dedup_key"]);
        let (path, change) = of(Event::Promoted, false);
        assert_eq!(path, "/v2/change/enqueue");
        assert!(change.get("event_action").is_none());
        assert_eq!(change["links"][0]["href"], "https://example.com/guide");
    }

    #[test]
    fn what_begins_and_ends_is_one_story_of_datadog_with_the_labels_of_the_metrics() {
        let mut begun = told(Event::Failed, false);
        begun.about.environment = Some("prod".into());
        let begun = datadog(&begun, "key_1");
        let over = datadog(&told(Event::Failed, true), "key_1");
        assert_eq!(
            (&begun["alert_type"], &over["alert_type"]),
            (&"error".into(), &"success".into())
        );
        assert_eq!(begun["aggregation_key"], over["aggregation_key"]);
        let tags = [
            "name:pay<!channel>",
            "workspace:default",
            "issuer:generated",
            "event:failed",
            "group:none",
            "environment:prod",
            "owner:none",
        ];
        assert_eq!(begun["tags"], json!(tags));
        assert!(
            begun["text"].as_str().unwrap().contains("reason: a & b\n"),
            "{begun}"
        );
    }

    #[test]
    fn what_is_too_long_is_cut_between_two_characters() {
        assert_eq!(shortened("äöü", 2), "äö…");
        assert_eq!(shortened("äöü", 3), "äöü");
    }
}
