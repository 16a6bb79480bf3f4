//! A value that turns out to be null in the apply, where one is required.

use crate::support::keys::Config;

#[test]
fn a_null_that_only_the_apply_knows_is_refused_and_changes_nothing() {
    for (setting, words) in [
        ("policy     = apikey_rotation_policy.p", "policy is null"),
        (r#"name       = "payments""#, "name is null"),
    ] {
        let source = |input: &str| {
            Config::new().beside(&format!(
                "resource \"terraform_data\" \"source\" {{\n  input = {input:?}\n}}"
            ))
        };
        let ws = source("one").created();
        let (name, value) = setting.split_once(" = ").unwrap();
        let later = format!("{name} = terraform_data.source.output == \"two\" ? null : {value}");
        let config = source("two").text();
        assert!(config.contains(setting), "{config}");
        ws.write(&config.replacen(setting, &later, 1));
        let (before, document) = (ws.key("k").0, ws.delivered("k.json"));

        ws.plan().ok().code(2);
        let refused = ws.apply_plan().failed();
        assert!(!refused.text().contains("bug in the provider"), "{refused}");
        refused.complains(&[words]);
        assert_eq!(ws.key("k").0, before);
        assert_eq!(ws.delivered("k.json"), document);

        ws.write(&source("two").text());
        ws.plan().ok().code(0);
    }
}
