//! The dashboards for Grafana: on the metrics in Prometheus, and on a ledger in PostgreSQL.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::{Value, json};

use super::exporters::read_by;
use super::rules::{metrics_in, reported};
use super::{Said, an_apply_fails, ask, shipped};
use crate::support::keys::Config;
use crate::support::postgres::Postgres;
use crate::support::programs;

/// Reads dashboards and writes them again: what a model does not know is missing then.
const MODELS: &str = "
import sys, json
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard
register_default_plugins()
def kept(told, read, path):
    if isinstance(told, dict):
        for name, value in told.items():
            assert value is None or name in read, f'{path}.{name}'
            kept(value, read.get(name), f'{path}.{name}')
    elif isinstance(told, list):
        assert len(told) == len(read), path
        for number, parts in enumerate(zip(told, read)):
            kept(*parts, f'{path}[{number}]')
    else:
        assert told == read, f'{path}: {told} is read as {read}'
for line in sys.stdin:
    told = json.loads(line)
    read = Dashboard.from_json(told)
    for panel in read.panels:
        assert not isinstance(panel.options, dict), f'nobody knows a panel {panel.type_val}'
    kept(told, json.loads(JSONEncoder().encode(read)), told['uid'])
    print(told['uid'])
";

const NAMES: [&str; 2] = ["prometheus", "postgresql"];

fn dashboard(name: &str) -> Value {
    let text = std::fs::read_to_string(shipped(&format!("grafana/{name}.json"))).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn expressions(dashboard: &Value) -> Vec<String> {
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.flat_map(|panel| panel["targets"].as_array().unwrap());
    targets
        .map(|target| target["expr"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn the_models_of_grafana_know_every_setting() {
    let lines = NAMES.map(|name| format!("{}\n", dashboard(name))).concat();
    let Some(said) = read_by(MODELS, "grafana_foundation_sdk", &lines) else {
        return;
    };
    assert_eq!(said, "apikey-overview\napikey-ledger\n");
}

#[test]
fn panels_are_told_apart_and_none_lies_on_another() {
    for name in NAMES {
        let dashboard = dashboard(name);
        let panels = dashboard["panels"].as_array().unwrap();
        let (mut ids, mut cells) = (BTreeSet::new(), BTreeSet::new());
        for panel in panels {
            let title = &panel["title"];
            assert!(ids.insert(panel["id"].as_i64().unwrap()), "{title}");
            assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
            let at = |name: &str| panel["gridPos"][name].as_i64().unwrap();
            assert!(at("x") + at("w") <= 24, "{title}");
            for x in at("x")..at("x") + at("w") {
                for y in at("y")..at("y") + at("h") {
                    assert!(cells.insert((x, y)), "{title} lies on another");
                }
            }
        }
    }
}

#[test]
fn queries_ask_for_metrics_that_are_reported() {
    let asked = metrics_in(&expressions(&dashboard("prometheus")).join("\n"));
    let missing: Vec<_> = asked.difference(&reported()).cloned().collect();
    assert_eq!(missing, Vec::<String>::new());
}

#[test]
fn every_query_can_be_parsed() {
    let Some(promtool) = programs::find("promtool") else {
        return;
    };
    let rules: Vec<Value> = expressions(&dashboard("prometheus"))
        .iter()
        .enumerate()
        .map(|(number, expr)| {
            let expr = expr.replace("$environment", ".*").replace("$owner", ".*");
            json!({ "record": format!("panel:query:{number}"), "expr": expr })
        })
        .collect();
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("queries.yaml");
    // JSON is YAML.
    let groups = json!({ "groups": [{ "name": "dashboard", "rules": rules }] });
    std::fs::write(&file, groups.to_string()).unwrap();
    let mut command = Command::new(promtool);
    Said::from(
        command
            .args(["check", "rules"])
            .arg(&file)
            .output()
            .unwrap(),
    )
    .code(0);
}

/// What Grafana puts into a query: the choice of everything, the time that is looked at, and what its server calls now.
fn filled_in(query: &str, schema: &str, now: &str) -> String {
    let (before, after) = query.split_once("$__timeFilter(").unwrap_or((query, ""));
    let in_time = match after.split_once(')') {
        Some((column, rest)) => {
            format!("{before}{column} BETWEEN '2000-01-01' AND '2100-01-01'{rest}")
        }
        None => before.to_owned(),
    };
    in_time
        .replace("$schema", schema)
        .replace("$environment", "'prod', '-'")
        .replace("$owner", "'alice', '-'")
        .replace("now()", &format!("timestamptz '{now}'"))
}

/// A key that is overdue and whose apply has failed; two of nobody that are fine, but for a leak of one.
#[test]
fn every_query_of_the_dashboard_on_a_ledger_is_answered_by_one() {
    let (server, schema) = (Postgres::shared(), Postgres::schema());
    let ledger = format!(
        r#"provider "apikey" {{ ledger = {{ url = "{}", schema = "{schema}" }} }}"#,
        server.url()
    );
    let other = r#"
resource "apikey_rotation_policy" "slow" {
  name = "slow"
  tier = "standard"
}

resource "apikey_managed" "slow" {
  count      = 2
  name       = "slow-${count.index}"
  policy     = apikey_rotation_policy.slow
  issuer     = { generated = { prefix = "acme" } }
  deliveries = { app = { file = { path = "slow-${count.index}.json" } } }
}"#;
    let ws = Config::new()
        .and_policy(r#"alert_after = "200s""#)
        .with("environment = \"prod\"\n  owner = \"alice\"")
        .beside(&format!("{ledger}\n{other}"))
        .created();
    ws.advance("301s");
    an_apply_fails(&ws);
    let ask_server = |sql: &str| {
        let answer = Said::from(server.psql("apikey", sql)).code(0).stdout;
        answer.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    ask_server(&format!(
        "INSERT INTO {schema}.leaks (source, alert, mark, found_at, noted_at) \
         SELECT 'github', 'https://github.com/acme/1', mark, '{now}', '{now}' FROM {schema}.keys \
         JOIN {schema}.resources USING (resource_id) WHERE name = 'slow-0'",
        now = ws.now()
    ));

    let dashboard = dashboard("postgresql");
    let now = ws.now().to_string();
    let answers = |query: &Value| ask_server(&filled_in(query.as_str().unwrap(), &schema, &now));
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let told: BTreeMap<&str, Vec<String>> = panels
        .map(|panel| {
            (
                panel["title"].as_str().unwrap(),
                answers(&panel["targets"][0]["rawSql"]),
            )
        })
        .collect();
    for (title, rows) in [
        ("Overdue", &["1"][..]),
        ("Past due", &["1"]),
        ("Failing", &["1"]),
        ("Due within 7 days", &["0"]),
        ("Leaked", &["1"]),
        ("Keys by environment", &["-|2", "prod|1"]),
        ("Keys by owner", &["-|2", "alice|1"]),
        ("Last use", &[]),
    ] {
        assert_eq!(told[title], rows, "{title}");
    }
    let status = ask(
        &ws,
        &[
            "status",
            "--json",
            "--url",
            &server.url(),
            "--schema",
            &schema,
        ],
    );
    let status = status.code(0).json();
    for (line, key) in told["Rotations"]
        .iter()
        .zip(status["keys"].as_array().unwrap())
    {
        let cells: Vec<&str> = line.split('|').collect();
        let text = |name: &str| key[name].as_str().unwrap_or("-");
        assert_eq!(
            cells[..3],
            [text("name"), text("environment"), text("owner")]
        );
        assert_eq!(cells[4], text("status"), "{line}");
    }
    assert!(
        told["What failed"][0].contains("|payments|"),
        "{:?}",
        told["What failed"]
    );
    assert!(
        told["Failed effects"]
            .iter()
            .any(|line| line.contains("|apply|1"))
    );
    assert!(
        told["Rotations and revocations"]
            .iter()
            .any(|line| line.contains("|mint|"))
    );
    assert!(
        told["Open leaks"][0].contains("|slow-0|-|-|live"),
        "{:?}",
        told["Open leaks"]
    );
    assert!(told["Events"].len() > 3);
    // The trail is dated by the machine, whatever a test says that the time is.
    assert_eq!(told["Last event"].len(), 1);

    let variables = dashboard["templating"]["list"].as_array().unwrap().iter();
    let variables = variables.filter(|it| it["type"] == "query");
    let choices: Vec<_> = variables.map(|it| answers(&it["query"])).collect();
    assert_eq!(choices, [["-", "prod"], ["-", "alice"]]);
}
