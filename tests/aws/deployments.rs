//! A service of Amazon ECS is deployed anew.

use apikey::deployments::{self, Occasion, Progress, Wanted};
use apikey::error::{Kind, Path};
use apikey::instant::Instant;
use apikey::settings::Settings;
use apikey::vendors::aws::{self, Json, Service};
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use tf_provider::value::ValueAny;

use super::{Fields, fields, open, text, unique};
use crate::support::fake::{Fake, Reply};
use crate::support::golden::error_reads;
use crate::support::moto::Moto;

fn wanted(context: &apikey::context::Context, cluster: &str, service: &str) -> Wanted {
    let ecs = fields(&[("cluster", text(cluster)), ("service", text(service))]);
    let entry: Fields = fields(&[("aws_ecs", ValueAny::Map(ecs))]);
    deployments::connect(&Settings::new(Path::root("web"), &entry), context).unwrap()
}

async fn administer(context: &apikey::context::Context, operation: &str, input: Value) {
    let call = Json {
        service: Service::Ecs,
        region: None,
        operation,
        input: &input,
        secrets: &[],
    };
    let client = aws::client(context).unwrap();
    let done: Result<IgnoredAny, _> = client.json(call).await;
    done.unwrap();
}

#[tokio::test]
async fn a_service_is_deployed_anew_and_done_when_that_very_deployment_is() {
    let context = open(&Moto::shared().url());
    let (cluster, task) = (unique("cluster"), unique("task"));
    administer(&context, "CreateCluster", json!({ "clusterName": cluster })).await;
    let container = json!({ "name": "web", "image": "web", "memory": 128 });
    let definition = json!({ "family": task, "containerDefinitions": [container] });
    administer(&context, "RegisterTaskDefinition", definition).await;
    for (name, count) in [("idle", 0), ("busy", 2)] {
        let service = json!({
            "cluster": cluster, "serviceName": name, "taskDefinition": task, "desiredCount": count,
        });
        administer(&context, "CreateService", service).await;
    }
    let mut occasion = Occasion {
        name: "payments".into(),
        generation: 2,
        fingerprint: String::new(),
        requested_at: Instant::from_unix(0),
        id: None,
    };
    let idle = wanted(&context, &cluster, "idle").target;
    occasion.id = idle.start(&occasion).await.unwrap();
    assert_eq!(idle.look(&occasion).await.unwrap(), Progress::Done);
    // Somebody else deploys: whether its tasks are new, nobody knows.
    idle.start(&occasion).await.unwrap();
    let replaced = idle.look(&occasion).await.unwrap();
    assert!(matches!(replaced, Progress::Failed(_)), "{replaced:?}");

    // No task runs in this server, so this one never comes about.
    let busy = wanted(&context, &cluster, "busy").target;
    occasion.id = busy.start(&occasion).await.unwrap();
    let running = busy.look(&occasion).await.unwrap();
    assert_eq!(
        running,
        Progress::Running("0 of 2 tasks run anew, and 0 old ones".into())
    );

    let nobody = wanted(&context, &cluster, "nobody").target;
    let error = nobody.start(&occasion).await.unwrap_err();
    assert!(
        error
            .summary
            .contains(&format!("aws_ecs {cluster}/nobody could not be deployed")),
        "{error}"
    );
    assert_ne!(error.kind, Kind::Unavailable);
    let nowhere = wanted(&context, "nowhere", "web").target;
    let error = nowhere.start(&occasion).await.unwrap_err();
    error_reads("ecs-service-that-is-nowhere", &error);
}

#[tokio::test]
async fn a_service_whose_tasks_others_start_is_refused() {
    let fake = Fake::start([Reply::of(200, r#"{"service":{"deployments":[]}}"#)]);
    let service = wanted(&open(&fake.url()), "apps", "web").target;
    let occasion = Occasion {
        name: "payments".into(),
        generation: 2,
        fingerprint: String::new(),
        requested_at: Instant::from_unix(0),
        id: None,
    };
    let error = service.start(&occasion).await.unwrap_err();
    error_reads("ecs-service-without-a-deployment-of-its-own", &error);
}
