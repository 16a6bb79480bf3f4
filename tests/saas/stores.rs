use crate::support::keys::Config;
use crate::support::workspace::Workspace;
use crate::support::{doppler, infisical};

pub fn in_doppler() -> Config {
    let delivery = r#"{ app = { doppler = { project = "payments", config = "prd" } } }"#;
    Config::new().deliveries(delivery)
}

pub fn in_infisical() -> Config {
    let delivery = format!(
        r#"{{ app = {{ infisical = {{ project_id = "{}", environment = "prod" }} }} }}"#,
        infisical::PROJECT
    );
    Config::new().deliveries(&delivery)
}

/// A workspace that delivers to a config of Doppler.
pub fn to_doppler(url: &str) -> Workspace {
    let ws = Workspace::with(&in_doppler().text());
    ws.env("DOPPLER_API_HOST", url)
        .env("DOPPLER_TOKEN", doppler::TOKEN);
    ws
}

/// A workspace that delivers to a folder of Infisical.
pub fn to_infisical(url: &str) -> Workspace {
    let ws = Workspace::with(&in_infisical().text());
    ws.env("INFISICAL_HOST", url)
        .env("INFISICAL_UNIVERSAL_AUTH_CLIENT_ID", infisical::CLIENT_ID)
        .env(
            "INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET",
            infisical::CLIENT_SECRET,
        );
    ws
}

/// The whole life of a key, seen through the variables that readers get.
fn lives(ws: &Workspace, read: impl Fn(&str) -> String) {
    let slots = || {
        [
            read("API_KEY_PRIMARY"),
            read("API_KEY_SECONDARY"),
            read("API_KEY_GENERATION"),
        ]
    };
    ws.apply().ok();
    let [first, none, _] = slots();
    assert!(first.starts_with("acme_") && none.is_empty());
    ws.plan().ok().code(0);
    ws.advance("80s").apply().ok();
    let [primary, second, generation] = slots();
    assert_eq!((primary, generation), (first.clone(), "1".to_owned()));
    ws.advance("20s").apply().ok();
    assert_eq!(slots(), [second.clone(), first, "2".to_owned()]);
    ws.advance("30s").apply().ok();
    assert_eq!(slots(), [second, String::new(), "2".to_owned()]);
    ws.plan().ok().code(0);
    ws.destroy().ok();
    assert_eq!(slots().concat(), "");
}

#[test]
fn a_key_lives_in_doppler_beside_the_secrets_of_others() {
    let site = doppler::start();
    lives(&to_doppler(&site.url()), |name| {
        site.state().secrets.get(name).cloned().unwrap_or_default()
    });
    assert_eq!(site.state().secrets["STRIPE"], "made-up-other");
    assert_eq!(site.state().secrets.len(), 1);
}

#[test]
fn a_key_lives_in_infisical_beside_the_secrets_of_others() {
    let site = infisical::start();
    lives(&to_infisical(&site.url()), |name| {
        site.state().secrets.get(name).cloned().unwrap_or_default()
    });
    assert_eq!(site.state().secrets["STRIPE"], "made-up-other");
    assert_eq!(site.state().secrets.len(), 1);
}

/// Doppler compares by itself what was seen, so nothing is lost between the look and the write.
#[test]
fn what_somebody_writes_at_the_same_moment_is_not_written_over() {
    let site = doppler::start();
    let ws = to_doppler(&site.url());
    ws.apply().ok();
    ws.advance("80s");
    site.state().rival = Some(("API_KEY_PRIMARY".to_owned(), "made-up-rival".to_owned()));
    ws.apply().failed().complains(&["changed in the meantime"]);
    assert_eq!(site.state().secrets["API_KEY_PRIMARY"], "made-up-rival");
}

#[test]
fn values_that_are_withheld_are_not_written_over() {
    let site = infisical::start();
    let ws = to_infisical(&site.url());
    ws.apply().ok();
    site.state().hides = true;
    let before = site.state().writes;
    ws.advance("80s").apply();
    assert_eq!(site.state().writes, before);
}

/// What is answered like something that is not there may be out of sight. If it counted as gone, the key would count as lost, and
/// another would be minted.
#[test]
fn a_place_that_cannot_be_seen_any_more_is_not_an_empty_one() {
    let (doppler, infisical) = (doppler::start(), infisical::start());
    for (ws, config) in [
        (to_doppler(&doppler.url()), in_doppler()),
        (to_infisical(&infisical.url()), in_infisical()),
    ] {
        ws.write(&config.and_policy(r#"on_drift = "rotate""#).text());
        ws.apply().ok();
        let mark = ws.key("k").text("primary.fingerprint");
        doppler.state().is_out_of_sight = true;
        infisical.state().is_out_of_sight = true;
        ws.plan().ok();
        ws.apply();
        assert_eq!(ws.key("k").text("delivery_status.app.state"), "unreadable");
        assert_eq!(ws.key("k").text("primary.fingerprint"), mark);
        ws.destroy().failed().complains(&["may not see it"]);
        doppler.state().is_out_of_sight = false;
        infisical.state().is_out_of_sight = false;
        ws.apply().ok();
        assert_eq!(ws.key("k").text("delivery_status.app.state"), "delivered");
        assert_eq!(ws.key("k").text("primary.fingerprint"), mark);
        ws.plan().ok().code(0);
    }
}

/// Projects of two workplaces may have one name.
#[test]
fn a_token_of_another_workplace_does_not_lead_to_the_same_place() {
    let site = doppler::start();
    let ws = to_doppler(&site.url());
    ws.apply().ok();
    let writes = site.state().writes;
    site.state().workplace = "another-workplace".to_owned();
    site.state().secrets.clear();
    ws.plan()
        .failed()
        .complains(&["another-workplace", "made-up-workplace"]);
    assert_eq!(site.state().writes, writes);
}

/// What a server of the same name at another address does not have is not gone.
#[test]
fn another_server_in_the_environment_is_refused_and_both_are_named() {
    let (here, there) = (infisical::start(), infisical::start());
    let ws = to_infisical(&here.url());
    ws.apply().ok();
    let (was, others) = (here.state().secrets.clone(), there.state().secrets.clone());
    let both = [&here.url(), &there.url()].map(|url| url.trim_start_matches("http://").to_owned());
    let both: Vec<&str> = both.iter().map(String::as_str).collect();

    ws.env("INFISICAL_HOST", &there.url());
    let refused = ws.advance("80s").plan().failed().complains(&both);
    refused.reads("delivery-at-another-server");
    let unrefreshed = ws.apply_with(&["-refresh=false"]);
    unrefreshed.failed().complains(&both);
    ws.destroy().failed().complains(&both);
    assert_eq!(there.state().secrets, others);
    assert_eq!(here.state().secrets, was);

    ws.env("INFISICAL_HOST", &here.url()).apply().ok();
    assert_eq!(ws.key("k").phase(), "staged");
}

/// What this provider writes says of which generation it is.
#[test]
fn a_value_that_somebody_else_put_in_place_of_the_primary_stays_unless_that_is_asked_for() {
    let site = doppler::start();
    let foreign = "made-up-foreign";
    let put = |name: &str| {
        site.state()
            .secrets
            .insert(name.to_owned(), foreign.to_owned())
    };
    put("API_KEY_PRIMARY");
    put("API_KEY_SECONDARY");
    let ws = to_doppler(&site.url());
    for refused in [ws.plan(), ws.apply()] {
        refused
            .failed()
            .complains(&["is not ours to overwrite", "overwrite = true"]);
    }
    assert_eq!(site.state().secrets["API_KEY_PRIMARY"], foreign);
    assert_eq!(site.state().secrets["API_KEY_SECONDARY"], foreign);

    let placeholder =
        r#"{ app = { doppler = { project = "payments", config = "prd" }, overwrite = true } }"#;
    ws.write(&Config::new().deliveries(placeholder).text());
    ws.apply().ok();
    assert_ne!(site.state().secrets["API_KEY_PRIMARY"], foreign);
}
