//! Who uses a key: what `apikey_key_usage` tells, and what it does not.

use apikey::duration::Duration;
use apikey::instant::Instant;
use serde_json::{Value, json};

use crate::aws_life::cloud::EVERYTHING;
use crate::aws_life::world::World;
use crate::ledger::sql::{self, Place};
use crate::monitoring::ask;
use crate::support::cloudtrail::{self, Event, State};
use crate::support::keys::Config;
use crate::support::service::Service;
use crate::support::workspace::Workspace;

/// An access key of IAM, and an event history.
struct Watched {
    world: World,
    trail: Service<State>,
}

impl Watched {
    fn new() -> Self {
        Self::of(World::config)
    }

    fn of(config: impl Fn(&World) -> Config) -> Self {
        let trail = cloudtrail::start();
        let world = World::new();
        world.ws.env("AWS_ENDPOINT_URL_CLOUDTRAIL", &trail.url());
        world.write(&config(&world)).ws.apply().ok();
        Self { world, trail }
    }

    /// Asks for what CloudTrail has on record as well.
    fn asks(&self, events: &str) -> &Self {
        self.world.write(
            &self
                .world
                .config()
                .beside(&source(&format!("events = {{ {events} }}"))),
        );
        self
    }

    fn told(&self) -> Value {
        self.world.ws.apply().ok();
        told(&self.world.ws.state())
    }

    /// Calls with the key, one a minute, the last one just now.
    fn called(&self, region: &str, many: u64, event: impl Fn(Event) -> Event) {
        let now = self.world.ws.now();
        let key_id = self.world.key().text("primary.key_id");
        let calls = (0..many).map(|number| {
            event(Event {
                at: now - Duration::from_mins(number),
                key_id: key_id.clone(),
                service: "s3".into(),
                operation: "ListBuckets".into(),
                error_code: None,
                address: "192.0.2.7".into(),
            })
        });
        let calls: Vec<Event> = calls.collect();
        let mut state = self.trail.state();
        let all = state.regions.entry(region.into()).or_default();
        all.extend(calls);
        all.sort_by_key(|event| std::cmp::Reverse(event.at));
    }

    /// The regions that were asked since the last time, once for each page.
    fn asked(&self) -> Vec<String> {
        let mut asked = std::mem::take(&mut self.trail.state().asked);
        asked.sort();
        asked
    }
}

fn source(events: &str) -> String {
    format!(
        "data \"apikey_key_usage\" \"it\" {{\n  issuer = apikey_managed.k.issuer\n  key_id = apikey_managed.k.primary.key_id\n  \
         {events}\n}}\n\noutput \"it\" {{\n  value = data.apikey_key_usage.it\n}}\n"
    )
}

fn told(state: &Value) -> Value {
    state["outputs"]["it"]["value"].clone()
}

fn blind_spots(told: &Value) -> String {
    told["blind_spots"].to_string()
}

#[test]
fn the_calls_of_an_access_key_are_told_by_region_and_kind_and_nothing_of_its_callers_unless_that_is_asked_for()
 {
    let it = Watched::new();
    let now = it.world.ws.now();
    it.called("eu-west-3", 120, |event| event);
    it.called("eu-west-3", 2, |event| Event {
        operation: "DeleteBucket".into(),
        error_code: Some("AccessDenied".into()),
        at: event.at - Duration::from_hours(5),
        ..event
    });
    it.trail.state().throttles = 1;
    let told = it.asks(r#"regions = ["eu-west-3", "eu-north-1"]"#).told();
    // Three pages of one region, one of the other, and one that was turned away, at the plan or at the apply.
    assert_eq!(it.asked().len() % 4, 1);
    assert_eq!(
        told["calls"],
        json!([
            alike(
                "ListBuckets",
                Value::Null,
                120,
                now - Duration::from_mins(119),
                now
            ),
            alike(
                "DeleteBucket",
                json!("AccessDenied"),
                2,
                now - Duration::from_mins(301),
                now - Duration::from_hours(5)
            ),
        ])
    );
    assert_eq!(told["last_use_known"], true);
    assert_eq!(told["last_use"]["service"], "sts", "{told}");
    assert!(!it.world.ws.state().to_string().contains("192.0.2.7"));
    assert!(
        blind_spots(&told).contains("eu-west-3, eu-north-1"),
        "{told}"
    );
    it.world.ws.plan().ok().code(0);

    // The newest, and no more than was asked for.
    let told = it
        .asks(r#"regions = ["eu-west-3"], max_events = 60, show_addresses = true"#)
        .told();
    assert_eq!(told["calls"][0]["count"], 60);
    assert_eq!(told["calls"][0]["addresses"], json!(["192.0.2.7"]));
    assert_eq!(
        told["calls"][0]["user_agents"],
        json!(["made-up-agent/1.0"])
    );
    let oldest = now - Duration::from_mins(59);
    assert_eq!(
        told["regions"],
        json!([{ "name": "eu-west-3", "count": 60, "oldest_at": oldest.to_string(), "is_complete": false }])
    );
    assert!(
        blind_spots(&told).contains(&format!("eu-west-3 has more calls before {oldest}")),
        "{told}"
    );

    // What is older is not asked for.
    let told = it.asks(r#"regions = ["eu-west-3"], since = "2h""#).told();
    assert_eq!(told["calls"].as_array().unwrap().len(), 1, "{told}");
    assert_eq!(told["regions"][0]["is_complete"], true);

    // Where nobody says where to look, it is where the key was used last, where the provider is, and where IAM is.
    it.asked();
    it.asks("").told();
    let mut asked = it.asked();
    asked.dedup();
    assert_eq!(asked, ["eu-central-1", "us-east-1"]);

    it.asks(r#"regions = ["Frankfurt"]"#);
    it.world
        .ws
        .plan()
        .code(1)
        .complains(&["\"Frankfurt\" is not the name of an AWS region"])
        .reads("calls-of-a-region-that-is-none");
    it.asks("");
    it.trail.state().denies = true;
    it.world
        .ws
        .plan()
        .code(1)
        .complains(&[
            "could not be read from CloudTrail",
            "is not allowed to call cloudtrail:LookupEvents",
        ])
        .reads("calls-that-cloudtrail-does-not-tell");
}

fn alike(operation: &str, error: Value, count: u64, first: Instant, last: Instant) -> Value {
    json!({
        "service": "s3", "operation": operation, "region": "eu-west-3", "error_code": error, "count": count,
        "first_at": first.to_string(), "last_at": last.to_string(), "addresses": null, "user_agents": null,
    })
}

#[test]
fn calls_that_are_unlike_those_before_them_are_findings_of_the_plan_until_they_are_allowed_and_a_rotation_makes_nothing_new()
 {
    let rotated = |world: &World, generation: u8| {
        let trigger = format!("rotation_trigger = \"{generation}\"");
        world.config().policy(ON_REQUEST).with(&trigger)
    };
    let it = Watched::of(|world| rotated(world, 1));
    let ws = &it.world.ws;
    let asks = |generation, more: &str| {
        let regions = r#"regions = ["eu-central-1", "ap-south-1"]"#;
        let source = source(&format!("events = {{ {regions}, {more} }}"));
        it.world
            .write(&rotated(&it.world, generation).beside(&source));
    };
    let found = || {
        let told = it.told();
        let found = told["anomalies"].as_array().unwrap().iter();
        let found = found.map(|row| json!([row["kind"], row["name"], row["key_id"], row["count"]]));
        json!(found.collect::<Vec<_>>())
    };
    let old = it.world.key().text("primary.key_id");

    // Nobody can tell what is new for a key without a past.
    it.called("ap-south-1", 1, |event| event);
    asks(1, "anomalies = {}");
    let told = it.told();
    assert_eq!(told["anomalies"], json!([]));
    assert_eq!(
        told["not_judged"],
        json!([
            "new_service",
            "new_region",
            "new_network",
            "unusual_hour",
            "unusual_volume"
        ])
    );
    assert!(blind_spots(&told).contains("0 calls over 0 days"), "{told}");

    // Every eight hours of the eight days before the last two.
    let now = ws.now();
    it.called("eu-central-1", 24, |event| Event {
        at: now - Duration::from_hours(49) - now.since(event.at).times(8 * 60),
        ..event
    });
    it.called("eu-central-1", 5, |event| Event {
        service: "iam".into(),
        operation: "CreateUser".into(),
        error_code: Some("AccessDenied".into()),
        address: "198.51.100.9".into(),
        ..event
    });
    ws.plan().ok().warns(&[
        &old,
        "used in unusual ways",
        "service iam was not called before.",
        "nothing was called in region ap-south-1 before.",
        "nothing was called from 198.51.100.0/24 before.",
        "were denied, within minutes of each other.",
        "rotate the key if it was nobody of yours",
    ]);
    let all = json!([
        ["new_service", "iam", old, 5],
        ["new_region", "ap-south-1", old, 1],
        ["new_network", "198.51.100.0/24", old, 5],
        ["denied_burst", null, old, 5],
    ]);
    assert_eq!(found(), all);
    assert!(!ws.state().to_string().contains("198.51.100.9"));
    ws.plan().ok().code(0).warns(&["used in unusual ways"]);
    // So do status, inventory and metrics, and the trail once, whoever refreshes.
    ws.plan_with(&["-refresh-only"]).ok();
    assert_eq!(noticed(&it.world).len(), 4);
    let unusual = ask(ws, &["status", "--fail-on", "unusual"]).code(3);
    let unusual = unusual.says(&[
        &format!("primary key {old} was used"),
        "with service iam, which was not called before.",
        "from 198.51.100.0/24",
        "for many calls that were denied.",
        "LAST SEEN",
    ]);
    assert!(!unusual.stdout.contains("198.51.100.9"));
    ask(ws, &["metrics"]).says(&["kind=\"new_network\"} 1", "kind=\"denied_burst\"} 1"]);
    ask(ws, &["inventory", "--format", "json"]).says(&["in region ap-south-1"]);
    let allow = r#"anomalies = { allow = { services = ["iam"], regions = ["ap-south-1"], networks = ["198.51.0.0/16"] }, denied_calls = 6 }"#;
    asks(1, allow);
    ws.plan().ok().does_not_warn("unusual ways");
    assert_eq!(found(), json!([]));
    let seen = ask(ws, &["status", "--json"]).code(0).json()["keys"][0].clone();
    let kinds: Vec<_> = seen["anomalies"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["kind"])
        .collect();
    assert_eq!(kinds, ["denied_burst"]);
    assert_eq!(seen["seen_seconds_ago"], 0);

    // The next key is used as the one before it, and that one no more.
    asks(2, allow);
    it.world.takes("stage+promote");
    let proved = ws.now();
    ws.advance("1h");
    it.called("eu-central-1", 2, |event| event);
    it.called("eu-central-1", 1, |event| Event {
        service: "sts".into(),
        at: proved,
        ..event
    });
    assert_eq!(found(), json!([]));
    it.called("eu-central-1", 1, |event| Event {
        key_id: old.clone(),
        ..event
    });
    ws.plan()
        .ok()
        .warns(&[&old, "another key had taken its place."]);
    assert_eq!(found(), json!([["retired_key", null, old, 1]]));

    // What of the account cannot be read is not judged, and fails no plan: the calls of another key, the ledger.
    it.trail.state().denies_of = Some(old.clone());
    ws.plan().ok().warns(&[
        "are not judged",
        "is not allowed to call cloudtrail:LookupEvents",
        "whether there is new_service, new_region, new_network, unusual_hour, unusual_volume.",
    ]);
    it.trail.state().denies_of = None;

    // So many calls that the others are not read may be meant to hide something.
    asks(2, "max_events = 1, anomalies = {}");
    ws.plan()
        .ok()
        .warns(&["cannot be judged", "Raise events.max_events"]);
    for (wrong, complaint) in [
        (r#"since = "30d""#, "since leaves nothing to compare with"),
        ("denied_calls = 1", "denied_calls is not valid"),
        (
            r#"allow = { networks = ["10.0.0.0/33"] }"#,
            "networks is not valid",
        ),
    ] {
        asks(2, &format!("anomalies = {{ {wrong} }}"));
        ws.plan().code(1).complains(&[complaint]);
    }
    asks(2, allow);
    ws.env("APIKEY_LEDGER_URL", "postgres://127.0.0.1:1/apikey");
    ws.plan()
        .ok()
        .warns(&[
            "are not judged",
            "nobody can tell whether there is new_service",
        ])
        .reads_warnings("usage-that-is-not-judged");
}

#[test]
fn an_issuer_that_tells_nothing_is_no_key_that_was_never_used() {
    let config = Config::new().issuer(r#"{ generated = { prefix = "pay" } }"#);
    let of = |events: &str| {
        config
            .clone()
            .beside(&source(events).replace("apikey_managed.k.primary.key_id", "\"none\""))
    };
    let ws = of("").created();
    let said = told(&ws.state());
    assert_eq!(
        (&said["last_use"], &said["last_use_known"]),
        (&Value::Null, &json!(false))
    );
    assert!(
        blind_spots(&said).contains("does not tell when a key was last used"),
        "{said}"
    );
    assert_eq!(said["calls"], json!([]));
    ws.write(&of("events = {}").text());
    ws.plan()
        .code(1)
        .complains(&["has no calls on record", "Remove events"])
        .reads("usage-of-an-issuer-without-records");
    ws.write(&of(r#"events = { since = "91d", max_events = 5 }"#).text());
    ws.plan()
        .code(1)
        .complains(&["since is too long", "90d at most"])
        .reads("usage-of-too-long-ago");
    let held = r#"revoke_only_if_unused_for = "1d""#;
    let held = config.clone().policy(ON_REQUEST).and_policy(held);
    Workspace::with(&held.text())
        .plan()
        .ok()
        .code(2)
        .warns(&[
            "revoked whether or not it is still used",
            "grace_period alone counts",
        ])
        .reads_warnings("usage-that-nobody-tells");
    let expects = |usage: &str| config.clone().with(&format!("expected_usage = {usage}"));
    ws.write(&expects(r#"{ max_idle = "1d" }"#).text());
    ws.plan()
        .code(1)
        .complains(&["expected_usage", "does not tell when a key was last used"])
        .reads("usage-that-nobody-can-expect");
    ws.write(&expects(r#"{ max_idle = "soon" }"#).text());
    ws.plan().code(1).complains(&["max_idle is not valid"]);
    ws.write(&of("events = { max_events = 0 }").text());
    ws.plan()
        .code(1)
        .complains(&["max_events is not valid", "1 to 10000"])
        .reads("usage-of-no-events");
}

/// A rotation when it is asked for, in one apply.
const ON_REQUEST: &str = r#"
  rotation_interval = "30d"
  propagation_delay = "0s"
  grace_period      = "2d"
"#;

/// A key that is expected to be used with these services, in a generation that is asked for.
fn expecting(world: &World, services: &str, generation: u8) -> Config {
    let trigger = format!("rotation_trigger = \"{generation}\"");
    let usage = format!("expected_usage = {{ services = [{services}], max_idle = \"6h\" }}");
    world
        .config()
        .policy(ON_REQUEST)
        .with(&trigger)
        .with(&usage)
}

/// What the audit trail says of the use of keys.
fn noticed(world: &World) -> Vec<String> {
    let file = world.ws.path(".terraform/apikey/ledger.db");
    let text = "SELECT key_id, detail FROM events WHERE event = 'noticed' ORDER BY seq";
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime
        .block_on(sql::run(Place::File(&file), text))
        .unwrap()
}

#[test]
fn a_use_that_nobody_expects_a_retired_key_in_use_and_a_primary_that_nobody_uses_are_told_once_each()
 {
    let world = World::new();
    world.at_the_servers_time();
    let config = world.config().policy(ON_REQUEST);
    world.write(&config.clone().with("rotation_trigger = \"1\""));
    let world = world.created();
    let (old, secret) = world.delivered("primary");
    world.cloud.uses(&old, &secret);

    // Nobody asks when it was used where nobody wants to know.
    world
        .cloud
        .deny(&world.admin, r#""iam:GetAccessKeyLastUsed""#);
    let told = world.ws.plan().ok().code(0);
    told.does_not_warn("last use").does_not_warn(&old);
    world.write(&expecting(&world, "\"s3\"", 1)).ws.apply().ok();
    world.ws.plan().ok().code(0).warns(&[
        "Nobody can tell how key",
        &old,
        "not allowed to call iam:GetAccessKeyLastUsed",
    ]);
    world.ws.apply().ok();
    assert_eq!(world.key().status(), "notice");
    let untold = "its issuer does not tell how it is used";
    ask(&world.ws, &["status", "--fail-on", "unexpected"])
        .code(3)
        .says(&[&old, untold]);
    world.cloud.allow(&world.admin, EVERYTHING);

    let odd = "with service iam, which expected_usage does not list";
    for _ in 0..2 {
        world.ws.plan().ok().code(0).warns(&["payments", &old, odd]);
    }
    world.ws.apply().ok();
    assert_eq!(world.key().status(), "notice");
    assert_eq!(noticed(&world).len(), 2, "{:?}", noticed(&world));
    assert!(noticed(&world)[0].contains(untold));
    assert!(noticed(&world)[1].contains(odd));
    world.ws.apply_with(&["-refresh-only"]).ok();
    world.ws.plan_with(&["-refresh-only"]).ok().code(0);
    let page = ask(&world.ws, &["status", "--fail-on", "unexpected"]).code(3);
    assert!(page.stdout.contains(odd), "{}", page.stdout);
    assert!(!page.stdout.contains(untold), "{}", page.stdout);
    let metrics = ask(&world.ws, &["metrics"]).code(0).stdout;
    let value = |parts: &[&str]| {
        let mut lines = metrics.lines();
        let line = lines.find(|line| parts.iter().all(|part| line.contains(part)));
        line.and_then(|line| line.rsplit(' ').next())
            .map(str::to_owned)
    };
    let odd = value(&["apikey_usage_anomalies{", "kind=\"service\""]);
    assert_eq!(odd.as_deref(), Some("1"), "{metrics}");
    let status = ask(&world.ws, &["status", "--json"]).code(0).json();
    let used = status["keys"][0]["slots"][0]["last_used_at"]
        .as_str()
        .unwrap();
    let used = Instant::parse(used).unwrap().unix().to_string();
    let told = value(&["apikey_key_last_used_timestamp_seconds{", "primary"]);
    assert_eq!(told, Some(used), "{metrics}");

    // What is expected from now on is not told any more, in the very plan.
    world.write(&expecting(&world, "\"s3\", \"iam\"", 1));
    world
        .ws
        .plan()
        .ok()
        .does_not_warn("expected_usage does not list");
    world.ws.apply_plan().ok();
    world.ws.plan().ok().code(0).does_not_warn("expected_usage");
    ask(&world.ws, &["status", "--fail-on", "unexpected"]).code(0);

    // Somebody keeps using the old key, and nobody the new one.
    world.at_the_servers_time();
    world.write(&expecting(&world, "\"s3\", \"iam\"", 2));
    world.takes("stage+promote");
    let new = world.key().text("primary.key_id");
    std::thread::sleep(std::time::Duration::from_secs(2));
    world.cloud.uses(&old, &secret);
    world.at_the_servers_time();
    let late = "after another key took its place";
    world.ws.plan().ok().code(0).warns(&[
        "retiring key",
        &old,
        late,
        &format!("move whoever uses it to primary key {new}"),
    ]);
    world.ws.advance("11h").plan().ok().code(0).warns(&[
        &new,
        "was not used since",
        "max_idle",
        late,
    ]);
    let told = noticed(&world);
    assert_eq!(told.len(), 4, "{told:?}");
    assert!(
        told[2].starts_with(&old) && told[2].contains(late),
        "{told:?}"
    );
    assert!(told[3].starts_with(&new), "{told:?}");

    // The plan that revokes says when and where it was used last.
    let plan = world.ws.advance("48h").plan().ok().code(2);
    plan.warns(&[
        &format!("This apply revokes retiring key {old}. It was last used at"),
        "(iam in us-east-1), says its issuer",
    ])
    .warns(&["a key is not used as expected", late]);
    world.ws.apply_plan().ok();
    world.ws.plan().ok().code(0).does_not_warn(&old);
}
