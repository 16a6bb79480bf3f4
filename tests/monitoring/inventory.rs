//! `inventory`: every key, also on more than one page, and as files for others.

use super::ask;
use crate::support::keys::Config;

#[test]
fn dead_keys_are_listed_and_columns_are_those_of_the_data_source() {
    let ws = Config::new().with(r#"owner = "alice""#).retiring();
    ws.advance("30s").apply().ok();
    let said = ask(&ws, &["inventory", "--format", "json"]).code(0);
    let rows = said.json();
    let told: Vec<_> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            (
                row["slot"].as_str().unwrap(),
                row["status"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(told, [("none", "revoked"), ("primary", "live")]);
    assert_eq!(rows[0].as_object().unwrap().len(), 25);
    ask(&ws, &["inventory", "--status", "revoked"])
        .code(0)
        .says(&["1 key by"]);
    ask(&ws, &["inventory", "--without-owner"])
        .code(0)
        .says(&["0 keys by"]);
    ask(&ws, &["inventory", "--older-than", "1m"])
        .code(0)
        .says(&["1 key by"]);
}

#[test]
fn a_file_for_a_spreadsheet_calculates_nothing() {
    let ws = Config::new()
        .with(r#"owner = "=HYPERLINK(\"x\")""#)
        .created();
    let said = ask(&ws, &["inventory", "--format", "csv"]).code(0);
    let mut lines = said.stdout.lines();
    assert!(
        lines
            .next()
            .unwrap()
            .starts_with("resource_id,name,workspace,")
    );
    assert!(
        lines.next().unwrap().contains(r#""'=HYPERLINK(""x"")""#),
        "{}",
        said.stdout
    );
    assert_eq!(lines.next(), None);
}

#[test]
fn a_pipeline_is_told_of_a_ledger_that_is_not_there() {
    let ws = crate::support::workspace::Workspace::new();
    ask(&ws, &["inventory"])
        .code(1)
        .says(&["There is no ledger"]);
    ask(&ws, &["inventory", "--owner", "a", "--without-owner"]).code(2);
}
