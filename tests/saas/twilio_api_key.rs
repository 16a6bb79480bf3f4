use crate::acceptance::secrecy::Watch;
use crate::support::keys::Config;
use crate::support::service::Service;
use crate::support::twilio::{self, State, TOKEN, account};
use crate::support::workspace::Workspace;

fn config() -> Config {
    Config::new().issuer(&issuer(""))
}

fn issuer(more: &str) -> String {
    format!(
        r#"{{ twilio_api_key = {{ account_sid = "{}"{more} }} }}"#,
        account()
    )
}

fn provider(url: &str) -> String {
    format!("provider \"apikey\" {{\n  twilio = {{ endpoint = {url:?} }}\n}}\n")
}

/// A workspace that finds the credentials where Twilio's own tools do.
fn workspace(site: &Service<State>, config: Config) -> Workspace {
    let ws = Workspace::with(&config.beside(&provider(&site.url())).text());
    ws.env("TWILIO_ACCOUNT_SID", &account())
        .env("TWILIO_AUTH_TOKEN", TOKEN);
    ws
}

/// What is delivered, the primary first, and that nothing else lives at Twilio.
fn in_order(ws: &Workspace, site: &Service<State>) -> Vec<String> {
    let document = ws.delivered("k.json");
    let state = site.state();
    let mut ids = Vec::new();
    for slot in ["primary", "secondary"] {
        let Some(id) = document[slot]["key_id"].as_str() else {
            continue;
        };
        let secret = state.keys.get(id).map(|key| key.secret.as_str());
        assert_eq!(secret, document[slot]["secret"].as_str(), "{slot} {id}");
        ids.push(id.to_owned());
    }
    let mut sorted = ids.clone();
    sorted.sort();
    assert_eq!(state.keys.keys().cloned().collect::<Vec<_>>(), sorted);
    ids
}

#[test]
fn a_key_of_either_sort_lives_its_whole_life_and_its_secrets_stay_where_they_were_delivered() {
    for more in ["", r#", permissions = ["/twilio/messaging/messages/read"]"#] {
        let site = twilio::start();
        let ws = workspace(&site, config().issuer(&issuer(more)));
        let mut watch = Watch::over(&ws).knowing(TOKEN);
        watch.saw(ws.plan()).saw(ws.apply_plan());
        let first = in_order(&ws, &site);
        assert_eq!(first.len(), 1);
        assert!(site.state().keys[&first[0]].name.starts_with("apikey-"));
        assert_eq!(
            site.state().keys[&first[0]].policy.is_some(),
            !more.is_empty()
        );
        ws.plan().ok().code(0);

        ws.advance("80s");
        watch.saw(ws.plan()).saw(ws.apply_plan());
        let staged = in_order(&ws, &site);
        assert_eq!(staged[0], first[0]);
        ws.advance("20s");
        watch.saw(ws.plan()).saw(ws.apply_plan());
        assert_eq!(in_order(&ws, &site), [staged[1].clone(), first[0].clone()]);
        ws.advance("30s");
        watch.saw(ws.plan()).saw(ws.apply_plan());
        assert_eq!(in_order(&ws, &site), [staged[1].clone()]);
        ws.plan().ok().code(0);
        watch.saw(ws.destroy()).nothing_leaked();
        assert!(site.state().keys.is_empty());
    }
}

#[test]
fn a_key_whose_mint_was_not_answered_is_known_by_its_name_and_revoked_again_at_once() {
    let site = twilio::start();
    let ws = workspace(&site, config());
    let stranger = site.state().create("of somebody else", None);
    site.state().mints_to_lose = 1;
    ws.apply().failed().complains(&[
        "not certain whether an API key was created",
        "with the label of this mint",
        "revoked again, and nothing has changed",
    ]);
    let left: Vec<String> = site.state().keys.keys().cloned().collect();
    assert_eq!(left, std::slice::from_ref(&stranger));

    ws.apply().ok();
    assert!(site.state().keys.remove(&stranger).is_some());
    assert_eq!(in_order(&ws, &site).len(), 1);
    ws.plan().ok().code(0);
}

#[test]
fn all_pages_of_both_styles_are_read_and_busy_times_waited_for() {
    for more in ["", r#", permissions = ["/twilio/messaging/messages/read"]"#] {
        let site = twilio::start();
        for number in 0..5 {
            site.state().create(&format!("other {number}"), None);
        }
        site.state().page = 2;
        let ws = workspace(&site, config().issuer(&issuer(more)));
        ws.apply().ok();
        site.state().throttles = 1;
        site.state().lists = 0;
        // A key on the last page is there.
        ws.plan().ok().code(0);
        assert_eq!(site.state().lists, 3);
    }
}

#[test]
fn a_key_that_somebody_deleted_is_missed() {
    let site = twilio::start();
    let ws = workspace(&site, config());
    ws.apply().ok();
    let id = in_order(&ws, &site).remove(0);
    site.state().keys.clear();
    ws.plan().ok();
    ws.apply_plan().ok();
    let reason = ws.key("k").text("status_reason");
    assert!(
        reason.contains(&id) && reason.contains("no longer exists"),
        "{reason}"
    );
}

/// Twilio says of an account that somebody may not see that it is not there.
#[test]
fn the_keys_of_an_account_that_is_out_of_sight_are_not_taken_for_gone() {
    let site = twilio::start();
    let ws = workspace(&site, config());
    ws.apply().ok();
    let before = ws.state();
    site.state().is_hidden = true;
    ws.destroy().failed().complains(&[
        "could not be listed",
        "Nothing follows from it about its keys",
    ]);
    assert_eq!(ws.state(), before);
    site.state().is_hidden = false;
    ws.destroy().ok();
    assert!(site.state().keys.is_empty());
}

#[test]
fn an_imported_key_is_the_one_that_was_named() {
    let site = twilio::start();
    let id = site.state().create("by hand", None);
    let ws = workspace(&site, config());
    ws.import("apikey_managed.k", &format!("twilio_api_key:{id}"))
        .ok();
    assert_eq!(ws.key("k").text("primary.key_id"), id);
    let unknown = format!("SK{:032x}", 77);
    ws.run(&["state", "rm", "apikey_managed.k"]).ok();
    let failed = ws.import("apikey_managed.k", &format!("twilio_api_key:{unknown}"));
    let text = failed.failed().text();
    assert!(text.contains("cannot be imported"), "{text}");
}

/// Twilio says the same of a key that may not manage keys as of one that is dead.
#[test]
fn credentials_that_may_not_manage_keys_are_told_why() {
    let site = twilio::start();
    let key = site.state().create("standard", None);
    let secret = site.state().keys[&key].secret.clone();
    let ws = workspace(&site, config());
    ws.env("TWILIO_AUTH_TOKEN", "")
        .env("TWILIO_API_KEY", &key)
        .env("TWILIO_API_KEY_SECRET", &secret);
    let failed = ws.apply().failed();
    failed.complains(&[
        "could not be listed",
        "Twilio answered 20003",
        "Main API key, which is made in the Console",
        "TWILIO_API_KEY",
    ]);
    assert_eq!(site.state().keys.len(), 1);

    ws.env("TWILIO_API_KEY", "")
        .env("TWILIO_API_KEY_SECRET", "");
    ws.apply()
        .failed()
        .complains(&["No credentials for Twilio", "TWILIO_ACCOUNT_SID"]);
}

#[test]
fn wrong_settings_are_refused_with_their_place() {
    for (settings, block, phrases) in [
        (
            r#"account_sid = "AC1""#,
            "",
            &["account_sid is not valid", "32 hexadecimal"][..],
        ),
        ("", "", &["account_sid"]),
        (
            &format!(r#"account_sid = "{}", permissions = []"#, account()),
            "",
            &["permissions is empty", "Standard key"],
        ),
        (
            &format!(
                r#"account_sid = "{}", permissions = ["messages read"]"#,
                account()
            ),
            "",
            &[
                "permissions is not valid",
                "/twilio/messaging/messages/read",
            ],
        ),
        (
            &format!(r#"account_sid = "{}""#, account()),
            "\n    auth_token = \"made-up-canary\"\n    api_key    = \"SK1\"\n  ",
            &["Twilio is to be reached as two", "auth_token and api_key"],
        ),
        (
            &format!(r#"account_sid = "{}""#, account()),
            r#"endpoint = "http://twilio.example.com""#,
            &["endpoint in the twilio block is not valid", "plain http"],
        ),
    ] {
        let provider = format!("provider \"apikey\" {{\n  twilio = {{ {block} }}\n}}\n");
        let issuer = format!("{{ twilio_api_key = {{ {settings} }} }}");
        let ws = Workspace::with(&Config::new().issuer(&issuer).beside(&provider).text());
        let refused = ws.plan().failed();
        // The command line shows the lines of the configuration that are to blame; the words are ours.
        assert!(!refused.to_string().contains("made-up-canary"), "{refused}");
        refused.complains(phrases);
    }
}
