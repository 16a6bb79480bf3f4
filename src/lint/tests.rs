use tokio_util::sync::CancellationToken;

use super::*;

fn catalogue() -> Catalogue {
    crate::provider::registry(CancellationToken::new()).catalogue()
}

fn found(text: &str) -> Vec<(usize, usize, String, String, Option<String>)> {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("main.tf"), text).unwrap();
    let report = lint(home.path(), &catalogue());
    assert_eq!(report.unread, Vec::<String>::new());
    let tell = |it: Finding| (it.line, it.column, it.object, it.name, it.nearest);
    report.findings.into_iter().map(tell).collect()
}

fn one(path: &str, name: &str, nearest: Option<&str>) -> (String, String, Option<String>) {
    (path.into(), name.into(), nearest.map(str::to_owned))
}

#[test]
fn a_name_in_an_object_that_no_attribute_has_is_found_with_its_place() {
    let text = r#"
resource "apikey_managed" "k" {
  name       = "k"
  nonsense   = "the command line tells of this one"
  deliveries = {
    app = { file = { path = "k.json", frmat = "env" }, requird = false }
  }
  issuer = { generated = { prefx = "acme" } }
}"#;
    assert_eq!(
        found(text),
        [
            (
                6,
                39,
                "deliveries.app.file".into(),
                "frmat".into(),
                Some("format".into())
            ),
            (
                6,
                56,
                "deliveries.app".into(),
                "requird".into(),
                Some("required".into())
            ),
            (
                8,
                28,
                "issuer.generated".into(),
                "prefx".into(),
                Some("prefix".into())
            ),
        ]
    );
}

#[test]
fn what_is_right_or_calculated_or_somebody_elses_is_left_alone() {
    let text = r#"
resource "apikey_managed" "k" {
  deliveries = merge(var.more, { for name in var.names : name => { file = { path = "${name}.json" } } })
  issuer     = { (var.issuer) = { user_name = "x" } }
  verification = var.verification
}
resource "aws_instance" "i" {
  tags = { apikey = "no attribute of ours" }
}
locals {
  delivery = { nonsense = true }
}"#;
    assert_eq!(found(text), []);
}

#[test]
fn objects_are_found_behind_functions_conditions_and_loops() {
    for value in [
        r#"merge(var.more, { app = { flie = {} } })"#,
        r#"var.on ? { app = { flie = {} } } : {}"#,
        r#"({ app = { flie = {} } })"#,
        r#"{ for name in var.names : name => { flie = { path = name } } }"#,
        r#"{ "app" = { "flie" = { path = "x" } } }"#,
    ] {
        let text = format!("resource \"apikey_managed\" \"k\" {{\n  deliveries = {value}\n}}\n");
        let found = found(&text);
        assert_eq!(found.len(), 1, "{value}: {found:?}");
        assert_eq!(
            (&found[0].3, &found[0].4),
            (&"flie".to_owned(), &Some("file".to_owned())),
            "{value}"
        );
    }
}

#[test]
fn the_provider_block_and_actions_are_looked_through_as_well() {
    let text = r#"
provider "apikey" {
  ledger = { ulr = "sqlite://x.db" }
  http = { hub = { base_url = "https://x", creat = {} } }
}
"#;
    let found: Vec<_> = found(text)
        .into_iter()
        .map(|(_, _, a, b, c)| (a, b, c))
        .collect();
    assert_eq!(
        found,
        [
            one("ledger", "ulr", Some("url")),
            one("http.hub", "creat", Some("create"))
        ]
    );
}

#[test]
fn json_is_read_like_hcl_with_its_places_its_arrays_and_its_comments() {
    let home = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(home.path().join(name), text).unwrap();
    std::fs::create_dir(home.path().join("keys")).unwrap();
    write(
        "main.tf.json",
        r#"{
  "//": "apikey",
  "provider": { "apikey": [{ "ledger": { "ulr": "sqlite://x.db" } }] },
  "resource": [{ "apikey_managed": { "k": {
    "name": "k",
    "deliveries": { "app": { "//": "ours", "file": { "path": "${path.root}/k.json" }, "requird": false } }
  } } }],
  "module": { "keys": { "source": "./keys" } }
}
"#,
    );
    let list = r#"{ "list": { "apikey_managed": { "all": { "provider": "apikey", "config": { "issuer": { "generatd": {} } } } } } }"#;
    write("keys/all.tfquery.json", list);
    let report = lint(home.path(), &catalogue());
    assert_eq!(report.unread, Vec::<String>::new());
    let found: Vec<_> = report
        .findings
        .into_iter()
        .map(|it| (it.line, it.column, it.block, it.object, it.name))
        .collect();
    let row = |line, column, block: &str, object: &str, name: &str| {
        (
            line,
            column,
            block.to_owned(),
            object.to_owned(),
            name.to_owned(),
        )
    };
    assert_eq!(
        found,
        [
            row(1, 88, "apikey_managed.all", "issuer", "generatd"),
            row(3, 42, "provider apikey", "ledger", "ulr"),
            row(6, 87, "apikey_managed.k", "deliveries.app", "requird"),
        ]
    );
}

/// As the CDK for Terraform and other generators write it.
#[test]
fn json_of_a_generator_is_read_with_its_templates_its_escapes_and_its_repeated_names() {
    let home = tempfile::tempdir().unwrap();
    let text = r#"{
  "resource": {
    "apikey_managed": { "one": {
      "owner": "${join(\"-\", [\"team\", var.name])} \ud83d\ude00 \/",
      "deliveries": { "${var.app}": { "file": { "path": "a", "${var.x}": 1 }, "optionl": true } }
    } },
    "apikey_managed": { "two": { "issuer": { "generatd": {} } } }
  }
}"#;
    std::fs::write(home.path().join("cdk.tf.json"), text).unwrap();
    let report = lint(home.path(), &catalogue());
    assert_eq!(report.unread, Vec::<String>::new());
    let found = report.findings.into_iter();
    let found: Vec<_> = found
        .map(|it| (it.line, it.block, it.object, it.name))
        .collect();
    let row = |line, block: &str, object: &str, name: &str| {
        (line, block.to_owned(), object.to_owned(), name.to_owned())
    };
    assert_eq!(
        found,
        [
            row(5, "apikey_managed.one", "deliveries.…", "optionl"),
            row(7, "apikey_managed.two", "issuer", "generatd"),
        ]
    );
    std::fs::write(home.path().join("cdk.tf.json"), "{\n \"module\": {},\n}").unwrap();
    let unread = lint(home.path(), &catalogue()).unread;
    assert!(
        unread[0].ends_with("line 2: it is no JSON that can be read"),
        "{unread:?}"
    );
}

#[test]
fn a_directory_without_a_configuration_was_not_looked_at() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("notes.json"), "{}").unwrap();
    let report = lint(home.path(), &catalogue());
    assert!(
        report.unread[0].ends_with("there is no configuration in it"),
        "{report:?}"
    );
}

#[test]
fn modules_are_followed_and_what_cannot_be_read_is_told() {
    let home = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let file = home.path().join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    };
    let key = "resource \"apikey_managed\" \"k\" {\n  issuer = { generatd = {} }\n}\n";
    write("main.tf", "module \"keys\" {\n  source = \"./keys\"\n}\n");
    write(
        "keys/main.tf",
        &format!("{key}\nmodule \"self\" {{\n  source = \"../keys\"\n}}\n"),
    );
    write("keys/broken.tf", "resource \"apikey_managed\" {{{");
    write("other/main.tf", key);
    let report = lint(home.path(), &catalogue());
    assert_eq!(report.findings.len(), 1, "{report:?}");
    assert!(
        report.findings[0].file.ends_with("keys/main.tf"),
        "{report:?}"
    );
    assert_eq!(report.unread.len(), 1, "{report:?}");
    assert!(report.unread[0].contains("broken.tf"), "{report:?}");

    write(
        ".terraform/modules/modules.json",
        r#"{"Modules":[{"Key":"o","Source":"x","Dir":"other"}]}"#,
    );
    assert_eq!(lint(home.path(), &catalogue()).findings.len(), 2);
}
