//! A server that repeats every secret in every form, and terminals that must not obey it.

use std::fs;
use std::path::Path;

use super::door::Door;
use super::world::World;
use crate::support::forms::assert_hidden;

/// Everything that is in the workspace: state, ledger, plans, logs.
fn files(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| match path.is_dir() {
            true => files(&path),
            false => vec![(path.display().to_string(), fs::read(&path).unwrap())],
        })
        .collect()
}

#[test]
fn a_secret_that_aws_repeats_in_any_form_is_shown_nowhere() {
    for call in [
        "secretsmanager.CreateSecret",
        "secretsmanager.GetSecretValue",
        "Action=ListAccessKeys",
        "Action=CreateAccessKey",
        "Action=GetCallerIdentity",
    ] {
        let world = World::new();
        let door = Door::before(&world.cloud.url());
        door.knows(&world.admin_key.secret);
        let ws = &world.ws;
        ws.env("AWS_ENDPOINT_URL", &door.url())
            .env("TF_LOG", "TRACE")
            .env("TF_LOG_PATH", &ws.path("trace.log").display().to_string());
        door.echo(call);
        let refused = ws.run(&["apply", "-auto-approve", "-no-color"]).failed();
        assert!(world.ids().is_empty(), "{call}: the key was taken back");
        assert!(ws.find_key("k").is_none(), "{call}");
        assert!(world.document().is_null(), "{call}");
        let said = format!("{}{}", refused.stdout, refused.stderr);
        assert!(said.contains("Error: "), "{call}: {said}");
        assert!(!said.contains('\u{1b}'), "{call}: {said}");
        let secrets = door.secrets();
        assert!(secrets.len() >= 2, "{call}: admin and signature are known");
        let mut places = files(&ws.path(""));
        places.push((format!("what {call} printed"), said.into_bytes()));
        for secret in &secrets {
            for (place, bytes) in &places {
                assert_hidden(place, bytes, secret);
            }
        }
    }
}
