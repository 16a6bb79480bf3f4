//! The guide about tests: its files as they stand there, run by `terraform test`.

use std::fs;
use std::path::Path;

use crate::support::cli;
use crate::support::workspace::Workspace;

/// The blocks of HCL in the guide, in their order.
pub fn blocks() -> Vec<String> {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/guides/testing.md");
    let text = fs::read_to_string(guide).unwrap();
    let blocks = text.split("```hcl\n").skip(1);
    let blocks = blocks.map(|rest| rest.split("```").next().unwrap().to_owned());
    blocks.collect()
}

/// Mocks without the defaults of these attributes: OpenTofu refuses those that the configuration sets.
pub fn without(mocks: &str, configured: &[&str]) -> String {
    let default_of = |line: &str| {
        line.split_whitespace()
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    let lines = mocks.lines();
    let kept = lines.filter(|line| !configured.contains(&default_of(line).as_str()));
    kept.map(|line| format!("{line}\n")).collect()
}

/// With OpenTofu, as the guide has it for that: the mocks stand in the test itself.
fn workspace(mocks: &str) -> Workspace {
    let [_, mut test, configuration] = blocks().try_into().expect("three files");
    if cli::version().is_opentofu() {
        let folder = "  source = \"./tests/mocks\"\n";
        assert!(test.contains(folder));
        test = test.replace(folder, &without(mocks, &["tier"]));
    }
    let ws = Workspace::new();
    fs::create_dir_all(ws.path("tests/mocks")).unwrap();
    fs::write(ws.path("tests/mocks/apikey.tfmock.hcl"), mocks).unwrap();
    fs::write(ws.path("tests/keys.tftest.hcl"), test).unwrap();
    fs::write(ws.path("main.tf"), configuration).unwrap();
    ws
}

#[test]
fn the_mock_of_the_guide_is_usable() {
    let ws = workspace(&blocks()[0]);
    ws.run(&["test", "-no-color"])
        .ok()
        .says("1 passed, 0 failed");
    assert!(!ws.path("secrets").exists() && !ws.path(".terraform/apikey").exists());
}

/// Why the guide has defaults.
#[test]
fn a_mock_without_defaults_is_not() {
    let ws = workspace("");
    let output = ws.run(&["test", "-no-color"]).failed();
    assert!(output.text().contains("is not a duration"), "{output}");
}
