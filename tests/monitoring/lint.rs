//! `lint`, and the warning of the provider itself.

use super::ask;
use crate::support::keys::Config;
use crate::support::workspace::Workspace;

fn misspelt() -> Config {
    Config::new().deliveries(r#"{ app = { file = { path = "k.json" }, requird = false } }"#)
}

#[test]
fn a_name_that_terraform_drops_is_told_by_plan_and_validate_with_its_place() {
    let ws = Workspace::with(&misspelt().text());
    let told = [
        "main.tf:",
        "apikey_managed.k: deliveries.app has no \"requird\"",
        "Did you mean required?",
    ];
    ws.run(&["validate", "-json"])
        .ok()
        .says("deliveries.app has no");
    ws.plan().ok().warns(&told);
    ws.apply().ok().warns(&told);
    ws.write(&Config::new().text())
        .plan()
        .ok()
        .does_not_warn("names what does not exist");
}

#[test]
fn a_pipeline_ends_with_3() {
    let ws = Workspace::with(&misspelt().text());
    ask(&ws, &["lint"]).code(3).says(&[
        "main.tf:",
        ": apikey_managed.k: deliveries.app has no \"requird\"",
    ]);
    let rows = ask(&ws, &["lint", "--json"]).code(3).json();
    assert_eq!(
        (&rows[0]["name"], &rows[0]["nearest"]),
        (&"requird".into(), &"required".into())
    );
    ws.write(&Config::new().text());
    ask(&ws, &["lint"]).code(0);
    ask(&ws, &["lint", "nowhere"])
        .code(1)
        .says(&["Not looked at: nowhere"]);
    std::fs::create_dir(ws.path("empty")).unwrap();
    ask(&ws, &["lint", "empty"])
        .code(1)
        .says(&["Not looked at: empty: there is no configuration in it"]);
    std::fs::write(ws.path("broken.tf"), "apikey {{{").unwrap();
    ask(&ws, &["lint"])
        .code(1)
        .says(&["Not looked at: ", "broken.tf"]);
}
