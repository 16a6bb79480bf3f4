//! Emergencies of keys whose documents or whose state at the issuer somebody has changed by hand.

use crate::aws_life::world::World;
use crate::emergency::{block, declared};

fn retiring() -> World {
    World::new().created().staged().promoted()
}

#[test]
fn a_key_that_a_person_has_switched_off_already_makes_room_and_the_one_that_still_works_stays() {
    let world = retiring();
    let (primary, secret) = world.delivered("primary");
    let (old, old_secret) = world.delivered("secondary");
    world.cloud.deactivate_key(&world.user, &primary);
    world.write(&world.config().with(&declared("INC-1")));
    let planned = world.ws.plan().ok().code(2);
    planned.warns(&[
        &format!("To make room for a new key, this apply revokes primary key {primary}, which was switched off"),
        "In all 1 key is revoked, 1 key is minted.",
    ]);
    world.ws.apply_plan().ok();
    world.in_order();
    assert!(!world.cloud.accepts(&primary, &secret));
    assert!(!world.ids().contains(&primary));
    assert!(world.cloud.accepts(&old, &old_secret), "it keeps its grace");
    assert_eq!(world.key().status(), "ok");
    world.ws.plan().ok().code(0);
}

#[test]
fn a_key_that_a_person_has_deleted_already_is_replaced_in_either_order() {
    for order in ["replace_first", "revoke_first"] {
        let world = World::new().created();
        let (primary, _) = world.delivered("primary");
        world.cloud.delete_key(&world.user, &primary);
        world.write(&world.config().with(&block("INC-1", order, "all")));
        world.takes("emergency");
        assert_eq!(world.key().generation(), 2);
        assert_eq!(world.key().status(), "ok");
        world.ws.plan().ok().code(0);
    }
}

#[test]
fn revoke_first_waits_for_no_document_that_somebody_has_turned_back() {
    let world = retiring();
    let held = ["primary", "secondary"].map(|slot| world.delivered(slot));
    let mut document = world.document();
    let primary = document["primary"].take();
    document["primary"] = document["secondary"].take();
    document["secondary"] = primary;
    world
        .cloud
        .overwrite(&world.secret_id, &document.to_string());
    world.write(&world.config().with(&block("INC-1", "revoke_first", "all")));
    world.takes("emergency");
    for (id, secret) in held {
        assert!(!world.cloud.accepts(&id, &secret), "{id}");
    }
    assert_eq!(world.key().status(), "ok");
    world.ws.plan().ok().code(0);
}

#[test]
fn a_pair_of_parameters_leads_with_the_new_key_and_holds_no_other() {
    for order in ["replace_first", "revoke_first"] {
        let names = ["/prod/payments", "/prod/payments/next"].map(crate::aws::unique);
        let place = format!(
            r#"{{ app = {{ aws_ssm_parameter = {{ name = "{}", secondary_name = "{}" }} }} }}"#,
            names[0], names[1]
        );
        let world = World::new();
        let config = world.config().deliveries(&place);
        world.write(&config);
        world.ws.apply().ok();
        world.ws.advance("80s").apply().ok();
        world.ws.advance("20s").apply().ok();
        let old = world.ids();
        assert_eq!((old.len(), world.key().phase().as_str()), (2, "retiring"));
        world.write(&config.with(&block("INC-1", order, "all")));
        world.ws.apply().ok();
        let [first, second] = names.map(|name| {
            let value = &world.cloud.parameter(&name)["Value"];
            let document: serde_json::Value =
                serde_json::from_str(value.as_str().unwrap_or("null")).unwrap();
            ["key_id", "secret"].map(|part| document[part].as_str().unwrap_or_default().to_owned())
        });
        assert_eq!(world.ids(), [first[0].as_str()], "{order}");
        assert!(!old.contains(&first[0]), "{order}");
        assert!(world.cloud.accepts(&first[0], &first[1]), "{order}");
        assert_eq!(second, ["", ""], "{order}");
        assert_eq!(world.key().status(), "ok");
        world.ws.plan().ok().code(0);
    }
}
