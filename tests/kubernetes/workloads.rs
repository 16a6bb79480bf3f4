//! The pods of a workload are restarted.

use std::collections::BTreeMap;

use apikey::clock::Clock;
use apikey::context::Context;
use apikey::deployments::{self, Occasion, Progress};
use apikey::error::Path;
use apikey::instant::Instant;
use apikey::settings::Settings;
use serde_json::{Value, json};
use tf_provider::value::ValueAny;
use tokio_util::sync::CancellationToken;

use super::text;
use crate::support::kubernetes::{ADMIN, Cluster};
use crate::support::service::{Answer, Asked, Service, json as answer, nothing};

const RESTARTED: &str = "/spec/template/metadata/annotations/kubectl.kubernetes.io~1restartedAt";

/// What a restart asks of a workload, of which a controller has seen the generation that its status tells.
async fn restart(context: &Context, namespace: &str, roll_out: impl FnOnce()) -> [Progress; 2] {
    let fields = [("namespace", text(namespace)), ("name", text("web"))];
    let fields: BTreeMap<String, ValueAny> = fields
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    let entry = BTreeMap::from([("kubernetes".to_owned(), ValueAny::Map(fields))]);
    let settings = Settings::new(Path::root("web"), &entry);
    let target = deployments::connect(&settings, context).unwrap().target;
    let occasion = Occasion {
        name: "payments".into(),
        generation: 2,
        fingerprint: String::new(),
        requested_at: Instant::parse("2026-11-26T12:00:00Z").unwrap(),
        id: None,
    };
    target.start(&occasion).await.unwrap();
    let before = target.look(&occasion).await.unwrap();
    roll_out();
    [before, target.look(&occasion).await.unwrap()]
}

fn unseen() -> Progress {
    Progress::Running("its controller has not seen the restart yet".into())
}

fn rolled_out(generation: &Value) -> Value {
    json!({ "observedGeneration": generation, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1 })
}

#[tokio::test]
async fn a_workload_is_restarted_and_done_when_its_pods_are_new() {
    let object =
        json!({ "metadata": { "generation": 1 }, "spec": {}, "status": rolled_out(&json!(1)) });
    let server = Service::start(object, |object: &mut Value, asked: &Asked| -> Answer {
        let is_ours = asked.path == "/apis/apps/v1/namespaces/prod/deployments/web";
        match asked.method.as_str() {
            _ if !is_ours || asked.bearer() != Some(ADMIN) => nothing(404),
            "PATCH" => {
                assert_eq!(asked.header("content-type"), "application/merge-patch+json");
                object["spec"] = asked.json()["spec"].clone();
                object["metadata"]["generation"] = json!(2);
                answer(200, object)
            }
            _ => answer(200, object),
        }
    });
    let block = [("host", text(&server.url())), ("token", text(ADMIN))];
    let block = block.map(|(name, value)| (name.to_owned(), value)).into();
    let blocks = BTreeMap::from([("kubernetes".to_owned(), block)]);
    let context = Context::new(Clock::system(), CancellationToken::new(), blocks);
    let roll_out = || server.state()["status"] = rolled_out(&json!(2));
    assert_eq!(
        restart(&context, "prod", roll_out).await,
        [unseen(), Progress::Done]
    );
    assert_eq!(
        server.state().pointer(RESTARTED),
        Some(&json!("2026-11-26T12:00:00Z"))
    );
}

/// A real API server without controllers: the test is the controller.
#[tokio::test]
async fn a_real_server_takes_the_restart() {
    let Some(cluster) = Cluster::real() else {
        return;
    };
    let namespace = cluster.namespace("restarts");
    let folder = format!("/apis/apps/v1/namespaces/{namespace}/deployments");
    let path = format!("{folder}/web");
    let template = json!({
        "metadata": { "labels": { "app": "web" } },
        "spec": { "containers": [{ "name": "web", "image": "web" }] },
    });
    let workload = json!({
        "metadata": { "name": "web" },
        "spec": { "selector": { "matchLabels": { "app": "web" } }, "template": template },
    });
    let (status, answer) = cluster.ask("POST", &folder, "application/json", &workload);
    assert_eq!(status, 201, "{answer}");
    let roll_out = || {
        let (_, object) = cluster.ask("GET", &path, "", &Value::Null);
        assert_eq!(
            object.pointer(RESTARTED),
            Some(&json!("2026-11-26T12:00:00Z"))
        );
        let patch = json!({ "status": rolled_out(&object["metadata"]["generation"]) });
        let (status, answer) = cluster.ask(
            "PATCH",
            &format!("{path}/status"),
            "application/merge-patch+json",
            &patch,
        );
        assert_eq!(status, 200, "{answer}");
    };
    let seen = restart(&cluster.context(ADMIN), &namespace, roll_out).await;
    assert_eq!(seen, [unseen(), Progress::Done]);
}
