use crate::acceptance::secrecy::Watch;
use crate::support::keys::Config;
use crate::support::service::Service;
use crate::support::stripe::{self, ACCOUNT, LIVE, State, TEST};
use crate::support::workspace::Workspace;

fn workspace(site: &Service<State>, key: &str) -> Workspace {
    let issuer =
        format!(r#"{{ stripe = {{ account = "{ACCOUNT}", permissions = ["charge_read"] }} }}"#);
    let provider = format!(
        "provider \"apikey\" {{\n  stripe = {{ endpoint = {:?} }}\n}}\n",
        site.url()
    );
    let config = Config::new().issuer(&issuer).beside(&provider);
    let ws = Workspace::with(&config.text());
    ws.env("STRIPE_API_KEY", key);
    ws
}

/// What is delivered, the primary first, and that nothing else lives at Stripe.
fn in_order(ws: &Workspace, site: &Service<State>) -> Vec<String> {
    let document = ws.delivered("k.json");
    let state = site.state();
    let slots = ["primary", "secondary"].map(|slot| &document[slot]);
    let there = slots.into_iter().filter(|slot| slot["key_id"].is_string());
    let ids: Vec<String> = there
        .map(|slot| {
            let id = slot["key_id"].as_str().unwrap();
            assert_eq!(state.keys[id].secret, slot["secret"].as_str().unwrap());
            id.to_owned()
        })
        .collect();
    let mut sorted = ids.clone();
    sorted.sort();
    assert_eq!(state.alive(), sorted);
    ids
}

#[test]
fn a_key_of_either_mode_lives_its_whole_life_and_its_secrets_stay_where_they_were_delivered() {
    for key in [TEST, LIVE] {
        let site = stripe::start();
        let ws = workspace(&site, key);
        let mut watch = Watch::over(&ws).knowing(key);
        watch.saw(ws.plan()).saw(ws.apply_plan());
        let first = in_order(&ws, &site);
        assert_eq!(site.state().keys[&first[0]].is_live, key == LIVE);
        ws.plan().ok().code(0);
        ws.advance("80s");
        watch.saw(ws.plan()).saw(ws.apply_plan());
        let staged = in_order(&ws, &site);
        ws.advance("20s");
        watch.saw(ws.plan()).saw(ws.apply_plan());
        assert_eq!(in_order(&ws, &site), [staged[1].clone(), first[0].clone()]);
        ws.advance("30s");
        // An expired key is accepted for some seconds more.
        site.state().grace = 2;
        watch.saw(ws.plan()).saw(ws.apply_plan());
        assert_eq!(in_order(&ws, &site), [staged[1].clone()]);
        assert_eq!(site.state().grace, 0);
        ws.plan().ok().code(0);
        watch.saw(ws.destroy()).nothing_leaked();
        assert!(site.state().alive().is_empty());
    }
}

#[test]
fn a_key_whose_answer_was_lost_or_cannot_be_opened_is_found_by_its_name_and_expired_at_once() {
    for is_lost in [true, false] {
        let site = stripe::start();
        let ws = workspace(&site, LIVE);
        let stranger = site.state().create("of somebody else", true);
        site.state().page = 1;
        match is_lost {
            true => site.state().mints_to_lose = 1,
            false => site.state().spoilt = 1,
        }
        ws.apply()
            .failed()
            .complains(&["revoked again, and nothing has changed"]);
        assert_eq!(site.state().alive(), [stranger]);
    }
}

/// Stripe says "not found" of all that is not open to somebody, which must not look like keys that are gone.
#[test]
fn an_app_that_lost_its_approval_changes_nothing_and_is_told_who_may() {
    let site = stripe::start();
    let ws = workspace(&site, TEST);
    ws.apply().ok();
    let before = in_order(&ws, &site);
    let elsewhere = site.state().create("of live mode", true);
    site.state().is_closed = true;
    ws.advance("80s");
    for failed in [ws.apply(), ws.destroy()] {
        failed
            .failed()
            .complains(&["approved Stripe App", "uses the issuer manual"]);
    }
    site.state().keys.remove(&elsewhere);
    assert_eq!(in_order(&ws, &site), before);

    // With the key of the other mode in the environment, none of its keys would be listed.
    site.state().is_closed = false;
    ws.env("STRIPE_API_KEY", LIVE);
    ws.apply().failed();
    assert_eq!(in_order(&ws, &site), before);
    ws.env("STRIPE_API_KEY", TEST);
    ws.apply().ok();
}

#[test]
fn an_imported_key_is_the_one_that_was_named() {
    let site = stripe::start();
    let id = site.state().create("by hand", false);
    let ws = workspace(&site, TEST);
    ws.import("apikey_managed.k", &format!("stripe:{ACCOUNT}/{id}"))
        .ok();
    assert_eq!(ws.key("k").text("primary.key_id"), id);
}
