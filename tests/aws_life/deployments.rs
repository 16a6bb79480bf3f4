//! What reads a key in Amazon ECS is started anew before the key leads.

use serde_json::json;

use super::cloud::EVERYTHING;
use super::world::World;
use crate::aws::unique;

#[test]
fn a_service_of_ecs_reads_each_key_before_the_next_step_is_taken() {
    let world = World::new();
    let (cluster, task) = (unique("cluster"), unique("task"));
    let ecs = |operation: &str, input| world.cloud.ecs(operation, input);
    ecs("CreateCluster", json!({ "clusterName": cluster }));
    let container = json!({ "name": "web", "image": "web", "memory": 128 });
    let definition = json!({ "family": task, "containerDefinitions": [container] });
    ecs("RegisterTaskDefinition", definition);
    // No task runs in this server.
    let service = json!({
        "cluster": cluster, "serviceName": "web", "taskDefinition": task, "desiredCount": 0,
    });
    ecs("CreateService", service);
    let running = || {
        let asked = json!({ "cluster": cluster, "services": ["web"] });
        let told = ecs("DescribeServices", asked);
        told["services"][0]["deployments"][0]["id"].clone()
    };
    let deploying = format!(
        r#"deployments = {{ web = {{ aws_ecs = {{ cluster = {cluster:?}, service = "web" }} }} }}"#
    );
    world.write(&world.config().with(&deploying));
    world.ws.apply().ok();
    let mut seen = vec![running()];
    for (wait, action) in [("80s", "stage+deploy"), ("20s", "promote+deploy")] {
        world.ws.advance(wait).apply().ok();
        assert_eq!(world.key().text("last_action"), action);
        assert_eq!(world.key().status(), "ok");
        assert!(!seen.contains(&running()), "{action} deploys nothing");
        seen.push(running());
    }
    world.in_order();

    // Without its permission the key waits, and says for what.
    world.cloud.deny(&world.admin, r#""ecs:UpdateService""#);
    let staged = world.ws.advance("80s").apply().ok();
    staged.warns(&["deployment \"web\"", "ecs:UpdateService"]);
    world.ws.advance("20s").apply();
    let reason = world.key().reason();
    assert!(
        reason.contains("before deployment \"web\" is done"),
        "{reason}"
    );
    world.cloud.allow(&world.admin, EVERYTHING);
    world.ws.apply().ok();
    world.ws.apply().ok();
    assert_eq!(world.key().generation(), 3);
    world.ws.destroy().ok();
}
