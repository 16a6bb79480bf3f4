//! An administrator who is refused, and a server that is down: errors, and nothing is forgotten.

use super::world::World;

#[test]
fn a_refused_administrator_is_an_error_and_the_key_stays_in_the_state() {
    let world = World::new().created();
    let (before, ids) = (world.ws.state(), world.ids());
    let id = world.admin_key.id.clone();

    world.run_as(&id, "made-up-canary-wrong-secret-of-the-admin");
    for refused in [
        world.ws.plan(),
        world.ws.apply(),
        world.ws.apply_with(&["-refresh-only"]),
        world.ws.destroy(),
    ] {
        assert!(!refused.text().contains("made-up-canary"));
        let phrases = ["payments", "SignatureDoesNotMatch", id.as_str()];
        refused.failed().complains(&phrases);
        assert_eq!(world.ws.state(), before);
    }

    world.cloud.delete_key(&world.admin, &id);
    world.run_as(&id, &world.admin_key.secret);
    let refused = world.ws.apply_with(&["-refresh-only"]).failed();
    refused.complains(&["payments", "InvalidClientTokenId", &id]);
    assert_eq!(world.ws.state(), before);

    assert_eq!(world.ids(), ids);
    let fresh = world.cloud.create_key(&world.admin);
    world.run_as(&fresh.id, &fresh.secret);
    world.ws.plan().ok().code(0);
}

#[test]
fn a_server_that_is_down_is_an_error_and_the_key_stays_in_the_state() {
    let world = World::new().created();
    let before = world.ws.state();
    world
        .write(
            &world
                .config()
                .beside(r#"provider "apikey" { aws = { max_retries = 2 } }"#),
        )
        .ws
        .env("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
    for down in [world.ws.plan(), world.ws.apply(), world.ws.destroy()] {
        down.failed()
            .complains(&["payments", "127.0.0.1:1 did not answer"]);
        assert_eq!(world.ws.state(), before);
    }
    world.ws.env("AWS_ENDPOINT_URL", &world.cloud.url());
    world.ws.plan().ok().code(0);
}
