//! dev, then staging, then prod: three states on three machines, and one ledger.

use tempfile::TempDir;

use crate::support::fake::{Fake, Reply};
use crate::support::keys::Config;
use crate::support::postgres::Postgres;
use crate::support::workspace::Workspace;

const K: &str = "apikey_managed.k";

const ORDER: &str = r#"environment_order = ["dev", "staging", "prod"]"#;

/// Three directories that share a ledger.
struct Team {
    ledger: String,
    _home: Option<TempDir>,
}

impl Team {
    fn on_a_file() -> Self {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("ledger.db").display().to_string();
        Self {
            ledger: format!("{{ url = \"sqlite://{file}\" }}"),
            _home: Some(home),
        }
    }

    fn on_a_server() -> Self {
        let (url, schema) = (Postgres::shared().url(), Postgres::schema());
        Self {
            ledger: format!("{{ url = \"{url}\", schema = \"{schema}\" }}"),
            _home: None,
        }
    }

    fn config(&self, environment: &str) -> Config {
        Config::new()
            .name(&format!("stripe-{environment}"))
            .and_policy(ORDER)
            .and_policy(r#"soak_time = "20s""#)
            .with(r#"group = "stripe""#)
            .with(&format!("environment = {environment:?}"))
            .beside(&format!(
                "provider \"apikey\" {{ ledger = {} }}",
                self.ledger
            ))
    }

    /// A machine of one environment, on which the first key was just made.
    fn in_(&self, environment: &str) -> Workspace {
        let ws = Workspace::with(&self.config(environment).text());
        ws.apply().ok();
        ws
    }
}

fn generation(ws: &Workspace) -> u64 {
    ws.key("k").generation()
}

fn all_at(machines: &[&Workspace], at: &str) {
    for ws in machines {
        ws.at(at).apply().ok();
    }
}

const STAGED_AT: &str = "2026-01-01T00:01:20Z";
const DUE_AT: &str = "2026-01-01T00:01:40Z";
const SOAKED_AT: &str = "2026-01-01T00:02:00Z";

#[track_caller]
fn goes_in_order(team: &Team) {
    let [dev, staging, prod] = ["dev", "staging", "prod"].map(|name| team.in_(name));
    all_at(&[&prod, &staging, &dev], STAGED_AT);
    // The last one runs first, and waits.
    all_at(&[&prod, &staging], DUE_AT);
    assert_eq!((generation(&prod), generation(&staging)), (1, 1));
    let blocked = prod.plan().ok().code(0);
    blocked
        .warns(&[
            "stripe-prod: key is blocked",
            "before its turn (environment_order)",
            "staging: stripe-staging",
            "has not been promoted since 2026-01-01T00:00:00Z",
        ])
        .reads_warnings("gate-that-is-closed");
    assert_eq!(prod.key("k").status(), "blocked");

    all_at(&[&dev, &staging], DUE_AT);
    assert_eq!((generation(&dev), generation(&staging)), (2, 1));
    staging
        .plan()
        .ok()
        .code(0)
        .warns(&["dev: stripe-dev", "soaks until 2026-01-01T00:02:00Z"])
        .reads_warnings("gate-that-soaks");

    all_at(&[&prod, &staging], SOAKED_AT);
    assert_eq!((generation(&staging), generation(&prod)), (2, 1));
    // A refresh is not needed to see that the soak is over.
    prod.apply().ok();
    prod.at("2026-01-01T00:02:20Z");
    prod.plan_with(&["-refresh=false"]).ok().code(2);
    assert_eq!(prod.change(K).after("last_action"), "promote");
    prod.apply_plan().ok();
    assert_eq!(generation(&prod), 2);
}

#[test]
fn a_key_is_promoted_after_the_environment_before_it_has_soaked() {
    goes_in_order(&Team::on_a_file());
}

#[test]
fn three_states_may_share_a_ledger_on_a_server() {
    goes_in_order(&Team::on_a_server());
}

#[test]
fn a_blocked_key_that_is_overdue_stays_overdue_and_an_emergency_waits_for_nobody() {
    let team = Team::on_a_file();
    let [_staging, prod] = ["staging", "prod"].map(|name| team.in_(name));
    let config = team.config("prod").and_policy(r#"alert_after = "10s""#);
    prod.at(STAGED_AT).write(&config.text()).apply().ok();
    prod.at("2026-01-01T00:10:00Z").apply().ok();
    assert_eq!(prod.key("k").status(), "overdue");
    assert!(
        prod.key("k")
            .text("status_reason")
            .contains("before its turn")
    );
    assert_eq!(generation(&prod), 1);

    let old = prod.secret("k.json", "primary");
    let declared = crate::emergency::declared("INC-1");
    prod.write(&config.with(&declared).text()).apply().ok();
    assert_eq!(generation(&prod), 2);
    assert_ne!(prod.secret("k.json", "primary"), old);
}

#[test]
fn every_key_of_a_group_in_one_environment_is_waited_for() {
    let team = Team::on_a_file();
    let [staging, prod] = ["staging", "prod"].map(|name| team.in_(name));
    let second = team.config("staging").name("stripe-second").text();
    let second = Workspace::with(&second);
    second.apply().ok();
    all_at(&[&prod, &staging], STAGED_AT);
    staging.at(DUE_AT).apply().ok();
    assert_eq!(generation(&staging), 2, "there is no dev to wait for");
    prod.at(SOAKED_AT).apply().ok();
    assert_eq!(generation(&prod), 1);
    let reason = prod.key("k").text("status_reason");
    assert!(reason.contains("staging: stripe-second"), "{reason}");
}

#[test]
fn a_key_without_a_lower_environment_goes_on_and_says_that_it_sees_none() {
    let team = Team::on_a_file();
    let prod = team.in_("prod");
    prod.at(STAGED_AT).apply().ok();
    let planned = prod.at(DUE_AT).plan().ok().code(2);
    planned
        .warns(&["stripe-prod: promote"])
        .warns(&[
            "promoted without a look at every environment before it",
            "no key of group \"stripe\"",
        ])
        .reads_warnings("gate-that-sees-no-other-environment");
    prod.apply_plan().ok();
    assert_eq!(generation(&prod), 2);

    let disabled = Config::new()
        .and_policy(ORDER)
        .with(r#"environment = "prod""#)
        .beside("provider \"apikey\" { ledger = { disabled = true } }");
    let ws = disabled.staged();
    ws.advance("20s");
    ws.run(&["apply", "-refresh-only", "-auto-approve", "-json"])
        .ok();
    let reason = ws.key("k").text("status_reason");
    assert!(reason.contains("there is no ledger"), "{reason}");
    ws.plan().ok().reads_warnings("gate-without-a-ledger");
    ws.apply_plan().ok();
    assert_eq!(generation(&ws), 2);
}

#[test]
fn a_gate_that_closed_since_the_plan_keeps_the_key_where_it_is() {
    let team = Team::on_a_file();
    let [staging, prod] = ["staging", "prod"].map(|name| team.in_(name));
    all_at(&[&prod, &staging], STAGED_AT);
    staging.at(DUE_AT).apply().ok();
    prod.at(SOAKED_AT).plan().ok().code(2);
    // Somebody takes the delivery of staging away, and a refresh notes that it is not well.
    let (file, aside) = (staging.path("k.json"), staging.path("aside.json"));
    std::fs::rename(&file, &aside).unwrap();
    staging.at(SOAKED_AT);
    staging.apply_with(&["-refresh-only"]).ok();
    assert_eq!(staging.key("k").status(), "blocked");
    prod.apply_plan()
        .failed()
        .complains(&[
            "stripe-prod",
            "another environment comes first",
            "is blocked",
        ])
        .reads("gate-that-closed-since-the-plan");
    assert_eq!(generation(&prod), 1);

    std::fs::rename(&aside, &file).unwrap();
    staging.apply().ok();
    prod.apply().ok();
    assert_eq!(generation(&prod), 2);
}

#[test]
fn what_fails_in_an_environment_goes_no_further() {
    let team = Team::on_a_file();
    let gateway = Fake::start([Reply::of(200, "{}")]);
    let proved = format!(
        r#"verification = {{ url = {:?}, headers = {{ Authorization = "Bearer {{{{secret}}}}" }}, consecutive = 1, timeout = "1s" }}"#,
        gateway.url()
    );
    let config = team.config("staging").with(&proved);
    let staging = Workspace::with(&config.text());
    staging.apply().ok();
    let prod = team.in_("prod");
    let refusing = Fake::start([Reply::of(401, "{}")]);
    staging.write(&config.text().replace(&gateway.url(), &refusing.url()));
    prod.at(STAGED_AT).apply().ok();
    drop(staging.at(STAGED_AT).apply());
    drop(staging.at(DUE_AT).apply());
    assert_eq!(staging.key("k").status(), "blocked");
    prod.at(SOAKED_AT).apply().ok();
    assert_eq!((generation(&staging), generation(&prod)), (1, 1));
    prod.plan()
        .ok()
        .code(0)
        .warns(&["staging: stripe-staging", "has not been promoted"]);

    // It is mended, and soaks.
    let old = std::fs::read(staging.path("k.json")).unwrap();
    staging.write(&config.text());
    staging.at(SOAKED_AT).apply().ok();
    prod.apply().ok();
    assert_eq!((generation(&staging), generation(&prod)), (2, 1));
    // Somebody puts the old document back: nothing has soaked until the new one stands there again.
    std::fs::write(staging.path("k.json"), old).unwrap();
    staging.at("2026-01-01T00:02:20Z");
    staging.apply_with(&["-refresh-only"]).ok();
    assert_eq!(staging.key("k").status(), "pending");
    prod.at("2026-01-01T00:02:20Z")
        .plan()
        .ok()
        .code(0)
        .warns(&["staging: stripe-staging", "is pending"]);
    staging.apply().ok();
    prod.apply().ok();
    assert_eq!(generation(&prod), 2);
}

#[test]
fn a_name_that_says_another_environment_is_told_of() {
    let team = Team::on_a_file();
    let config = team.config("staging").name("stripe_prod_key");
    let ws = Workspace::with(&config.text());
    ws.plan()
        .ok()
        .warns(&["stripe_prod_key: its name says prod, its environment is staging"])
        .reads_warnings("name-that-says-another-environment");
}
