use std::fs;

use super::REPOSITORY;
use crate::support::forms::assert_hidden;
use crate::support::github::{Github, TOKEN};
use crate::support::workspace::Workspace;

fn workspace(github: &Github, deliveries: &str) -> Workspace {
    let ws = Workspace::new();
    ws.env("GITHUB_BASE_URL", &github.url())
        .env("GITHUB_TOKEN", TOKEN);
    ws.write(&workspace_text(deliveries));
    ws
}

fn workspace_text(deliveries: &str) -> String {
    format!(
        r#"
resource "apikey_rotation_policy" "p" {{
  name              = "fast"
  rotation_interval = "100s"
  stage_before      = "20s"
  propagation_delay = "5s"
  grace_period      = "30s"
}}

resource "apikey_managed" "k" {{
  name       = "payments"
  policy     = apikey_rotation_policy.p
  issuer     = {{ generated = {{ prefix = "acme" }} }}
  deliveries = {{ {deliveries} }}
}}
"#
    )
}

const CI: &str = r#"ci = { github_actions_secret = { repository = "acme/payments" } }"#;
const FILE: &str = r#"app = { file = { path = "k.json" } }"#;

#[test]
fn a_generated_key_lives_in_secrets_of_a_workflow_beside_a_file() {
    let github = Github::start();
    let ws = workspace(&github, &format!("{CI}\n{FILE}"));
    ws.env("TF_LOG", "TRACE");
    ws.env("TF_LOG_PATH", ws.path("trace.log").to_str().unwrap());
    let mut secrets = Vec::new();
    let mut printed = String::new();
    for wait in ["0s", "80s", "20s", "30s"] {
        let applied = ws.advance(wait).apply().ok();
        printed += &format!("{}{}", applied.stdout, applied.stderr);
        let values = github.values(REPOSITORY);
        for (slot, name) in [
            ("primary", "API_KEY_PRIMARY"),
            ("secondary", "API_KEY_SECONDARY"),
        ] {
            let there = values.get(name).cloned().unwrap_or_default();
            assert_eq!(there, ws.secret("k.json", slot), "{slot} after {wait}");
            if !there.is_empty() && !secrets.contains(&there) {
                secrets.push(there);
            }
        }
        ws.plan().ok().code(0);
    }
    // The names of what is there can be read, although no value can.
    github.forget(REPOSITORY);
    ws.plan().ok().code(2).warns(&["is gone from its store"]);
    ws.apply_plan().ok();
    let written = github.values(REPOSITORY)["API_KEY_PRIMARY"].clone();
    assert_eq!(written, ws.secret("k.json", "primary"));
    assert_eq!(secrets.len(), 2);
    let files = ["terraform.tfstate", "trace.log"].map(|name| fs::read(ws.path(name)).unwrap());
    for secret in secrets.iter().map(String::as_str).chain([TOKEN]) {
        for bytes in files.iter().map(Vec::as_slice).chain([printed.as_bytes()]) {
            assert_hidden("what was printed or kept", bytes, secret);
        }
    }
    ws.destroy().ok();
    assert!(github.values(REPOSITORY).is_empty());
}

#[test]
fn what_cannot_be_read_back_is_no_only_delivery() {
    let github = Github::start();
    let ws = workspace(&github, CI);
    ws.plan()
        .failed()
        .reads("delivery-that-cannot-be-read-back");
    assert!(github.values(REPOSITORY).is_empty());
}

#[test]
fn a_secret_of_somebody_else_is_refused_before_a_key_is_minted() {
    let github = Github::start();
    github.put(REPOSITORY, "API_KEY_PRIMARY", "made-up-of-somebody");
    let ws = workspace(&github, &format!("{CI}\n{FILE}"));
    ws.apply()
        .failed()
        .reads("workflow-secret-of-somebody-else");
    assert_eq!(
        github.values(REPOSITORY)["API_KEY_PRIMARY"],
        "made-up-of-somebody"
    );
    assert!(!ws.path("k.json").exists());
}

#[test]
fn a_repository_that_is_not_seen_is_refused_before_a_key_is_minted() {
    let github = Github::start();
    let ws = workspace(
        &github,
        &format!("{}\n{FILE}", CI.replace("payments", "hidden")),
    );
    ws.apply().failed().reads("repository-that-is-not-seen");
    assert!(!ws.path("k.json").exists());
}

/// One secret after the other is written, so that some may be when the next one fails.
#[test]
fn a_write_that_failed_half_way_is_made_up_for_by_the_next_apply() {
    let github = Github::start();
    let ws = workspace(&github, &format!("{CI}\n{FILE}"));
    ws.apply().ok();
    let before = github.values(REPOSITORY)["API_KEY_PRIMARY"].clone();
    github.state().frozen.insert("API_KEY_PRIMARY".to_owned());
    let staged = ws.advance("80s").apply().ok();
    assert!(
        staged
            .stdout
            .contains("API_KEY_PRIMARY could not be written"),
        "{}",
        staged.stdout
    );
    assert_eq!(ws.key("k").text("phase"), "staged");
    ws.advance("20s").apply().ok();
    assert_eq!(
        ws.secret("k.json", "primary"),
        before,
        "nobody is led by a key that is not everywhere"
    );
    github.state().frozen.clear();
    ws.apply().ok();
    let values = github.values(REPOSITORY);
    assert_eq!(values["API_KEY_PRIMARY"], before);
    assert_eq!(
        values["API_KEY_SECONDARY"],
        ws.secret("k.json", "secondary")
    );
    // From then on it is everywhere, and propagates.
    ws.advance("5s").apply().ok();
    let values = github.values(REPOSITORY);
    assert_eq!(values["API_KEY_PRIMARY"], ws.secret("k.json", "primary"));
    assert_eq!(
        values["API_KEY_SECONDARY"],
        ws.secret("k.json", "secondary")
    );
    assert_ne!(values["API_KEY_PRIMARY"], before);
    ws.plan().ok().code(0);
}

#[test]
fn who_may_see_the_secrets_of_an_organization_is_changed_by_the_apply_that_says_so() {
    let github = Github::start();
    let ci = |visibility: &str| {
        format!(
            r#"ci = {{ github_actions_secret = {{ organization = "acme", {visibility} }} }}
{FILE}"#
        )
    };
    let ws = workspace(&github, &ci(r#"visibility = "all""#));
    ws.apply().ok();
    let last = || github.state().bodies.last().unwrap()["visibility"].clone();
    assert_eq!(last(), "all");
    let narrowed = workspace_text(&ci(
        r#"visibility = "selected", selected_repository_ids = [7]"#,
    ));
    ws.write(&narrowed);
    ws.apply().ok();
    assert_eq!(last(), "selected");
    assert_eq!(github.values("orgs/acme/actions").len(), 2);
    ws.plan().ok().code(0);
}

/// Nobody can read what stands there, so it may be the only copy of a live key.
#[test]
fn secrets_that_somebody_else_wrote_are_left_alone_unless_that_is_asked_for() {
    let github = Github::start();
    let deliveries = |more: &str| {
        format!(
            r#"ci = {{ github_actions_secret = {{ repository = "acme/payments" }}{more} }}
{FILE}"#
        )
    };
    let first = workspace(&github, &deliveries(""));
    first.apply().ok();
    let theirs = github.values(REPOSITORY);

    let second = workspace(&github, &deliveries(""));
    let planned = second.plan().ok();
    planned.warns(&["holds values that nobody can read back", "overwrite = true"]);
    second
        .apply()
        .failed()
        .complains(&["holds values that nobody can read back"]);
    assert_eq!(github.values(REPOSITORY), theirs);
    // Nor by a delivery that is added to a key.
    second.write(&workspace_text(FILE));
    second.apply().ok();
    second.write(&workspace_text(&deliveries("")));
    second
        .plan()
        .failed()
        .complains(&["holds values that nobody can read back"]);
    assert_eq!(github.values(REPOSITORY), theirs);
    first.plan().ok().code(0);

    second.write(&workspace_text(&deliveries(", overwrite = true")));
    second.apply().ok();
    assert_eq!(
        github.values(REPOSITORY)["API_KEY_PRIMARY"],
        second.secret("k.json", "primary")
    );
}

/// Nobody can read what stands there, so all that tells an older state is when it was written.
#[test]
fn an_older_state_writes_nothing_over_secrets_that_it_did_not_write() {
    let github = Github::start();
    let ws = workspace(&github, CI);
    let text = workspace_text(CI).replace(
        "deliveries =",
        "store_secret_in_state = true\n  deliveries =",
    );
    ws.write(&text);
    ws.apply().ok();
    let older = ws.state();
    for wait in ["80s", "20s", "30s"] {
        ws.advance(wait).apply().ok();
    }
    let (newest, live) = (ws.state(), github.values(REPOSITORY));
    assert_eq!(ws.key("k").generation(), 2);
    fs::remove_dir_all(ws.path(".terraform/apikey")).unwrap();
    ws.put_back(&older);
    // The second key of the older state is due.
    for arguments in [&[][..], &["-refresh=false"]] {
        let refused = ws.advance("10s").apply_with(arguments).failed();
        refused.complains(&[
            "github_actions_secret acme/payments",
            "Restore the newest state",
        ]);
        assert_eq!(github.values(REPOSITORY), live, "{arguments:?}");
        assert_eq!(ws.key("k").generation(), 1);
    }
    ws.plan().failed().reads("older-state-of-workflow-secrets");
    ws.destroy().failed();
    assert_eq!(github.values(REPOSITORY), live);

    ws.put_back(&newest);
    ws.plan().ok().code(0);
    // What somebody wrote or took away there is seen, and is not ours to write over before it is gone.
    github.take(REPOSITORY, "API_KEY_GENERATION");
    github.put(REPOSITORY, "API_KEY_GENERATION", "7");
    ws.plan()
        .failed()
        .complains(&["was written or changed since"]);
    github.forget(REPOSITORY);
    ws.apply().ok();
    assert_eq!(github.values(REPOSITORY), live);
    ws.plan().ok().code(0);
}

/// The trail of the ledger tells of a write that the state has not heard of.
#[test]
fn an_older_state_follows_a_document_and_the_secrets_of_that_write() {
    let github = Github::start();
    let ws = workspace(&github, &format!("{CI}\n{FILE}"));
    ws.apply().ok();
    let older = ws.state();
    for wait in ["80s", "20s"] {
        ws.advance(wait).apply().ok();
    }
    let live = github.values(REPOSITORY);
    ws.put_back(&older);
    ws.apply().ok();
    assert_eq!(github.values(REPOSITORY), live);
    assert_eq!(ws.key("k").generation(), 2);
    ws.plan().ok().code(0);
}

/// The owner of its repository comes from the environment, and does not come any more.
#[test]
fn secrets_that_were_left_are_remembered_while_nothing_leads_to_them() {
    let github = Github::start();
    let ci = r#"ci = { github_actions_secret = { repository = "payments" } }"#;
    let ws = workspace(&github, &format!("{ci}\n{FILE}"));
    ws.env("GITHUB_OWNER", "acme").apply().ok();
    github.state().frozen.insert("API_KEY_PRIMARY".to_owned());
    ws.write(&workspace_text(FILE)).apply().ok();
    let was = github.values(REPOSITORY);
    assert!(was.contains_key("API_KEY_PRIMARY"));

    github.state().frozen.clear();
    let left = ws.env("GITHUB_OWNER", "").apply().ok();
    left.reads_warnings("former-delivery-that-cannot-be-reached");
    let pending = ws.key("k").at("pending_removals").to_string();
    assert!(pending.contains("payments"), "{pending}");
    // Whoever reads it there would go on to accept the key.
    let refused = ws.destroy().failed();
    refused.reads("destroy-beside-a-former-delivery-that-cannot-be-reached");
    assert_eq!(github.values(REPOSITORY), was);

    ws.env("GITHUB_OWNER", "acme").destroy().ok();
    assert!(github.values(REPOSITORY).is_empty());
}
