//! A workload of Kubernetes: its pods are restarted as `kubectl rollout restart` does, so that they read what was delivered.

use std::sync::Arc;

use async_trait::async_trait;
use reqwest::Method;
use serde::Deserialize;
use serde_json::json;
use strum::{Display, EnumString, VariantNames};
use zeroize::Zeroizing;

use super::{Occasion, Progress, Target};
use crate::context::Context;
use crate::error::Result;
use crate::http::{Body, Call, Refusal, Repeat};
use crate::settings::Settings;
use crate::vendors::kubernetes::{Client, client};

/// What `kubectl` writes, so that whoever ignores its restarts ignores these.
const RESTARTED: &str = "kubectl.kubernetes.io/restartedAt";

const MERGE: &str = "application/merge-patch+json";

#[derive(Clone, Copy, Debug, Default, Display, EnumString, PartialEq, Eq, VariantNames)]
enum Sort {
    #[default]
    Deployment,
    StatefulSet,
    DaemonSet,
}

/// A workload.
pub(super) struct Workload {
    client: Arc<Client>,
    sort: Sort,
    namespace: String,
    name: String,
}

/// What the server says of a workload of any sort.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Object {
    metadata: Metadata,
    spec: Spec,
    status: Status,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Metadata {
    generation: i64,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Spec {
    replicas: Option<i64>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    observed_generation: i64,
    replicas: i64,
    updated_replicas: i64,
    available_replicas: i64,
    desired_number_scheduled: i64,
    updated_number_scheduled: i64,
    number_available: i64,
    conditions: Vec<Condition>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Condition {
    #[serde(rename = "type")]
    sort: String,
    status: String,
    reason: String,
}

impl Workload {
    pub fn read(settings: &Settings, context: &Context) -> Result<Self> {
        let sort = settings.one_of("kind", Sort::VARIANTS)?;
        let name = |field: &str| {
            let text = settings.required_string(field)?;
            let fits = |byte: u8| {
                byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte)
            };
            match !text.is_empty() && text.bytes().all(fits) {
                true => Ok(text.to_owned()),
                false => Err(settings.wrong(
                    field,
                    format!("{field} is not valid"),
                    format!("{text:?} names nothing in Kubernetes: names have lower-case letters, digits, \"-\" and \".\"."),
                )),
            }
        };
        Ok(Self {
            client: client(context)?,
            // Every listed word is one.
            sort: sort.and_then(|word| word.parse().ok()).unwrap_or_default(),
            namespace: name("namespace")?,
            name: name("name")?,
        })
    }

    fn resource(&self) -> String {
        format!("{}s", self.sort.to_string().to_lowercase())
    }

    async fn call(&self, method: Method, verb: &str, body: Body) -> Result<Object, Refusal> {
        let resource = self.resource();
        let path = format!(
            "/apis/apps/v1/namespaces/{}/{resource}/{}",
            self.namespace, self.name
        );
        let operation = format!("{verb} {resource}");
        let call = Call {
            body,
            may_be_quoted: true,
            ..Call::new(&operation, method, &path, Repeat::Freely)
        };
        self.client.call(&call).await
    }
}

#[async_trait]
impl Target for Workload {
    fn place(&self) -> String {
        format!("kubernetes {} {}/{}", self.sort, self.namespace, self.name)
    }

    async fn start(&self, occasion: &Occasion) -> Result<Option<String>> {
        let at = occasion.requested_at.to_string();
        let patch = json!({
            "spec": { "template": { "metadata": { "annotations": { RESTARTED: at } } } }
        });
        let body = Body::new(MERGE, Zeroizing::new(patch.to_string()));
        let patched = self.call(Method::PATCH, "patch", body).await;
        patched.map_err(|no| no.explain(format!("{} could not be restarted", self.place())))?;
        Ok(None)
    }

    async fn look(&self, _: &Occasion) -> Result<Progress> {
        let seen = self.call(Method::GET, "get", Body::default()).await;
        let object =
            seen.map_err(|no| no.explain(format!("{} could not be looked at", self.place())))?;
        Ok(judge(self.sort, &object))
    }
}

/// As `kubectl rollout status` has it: the controller has seen the change, every pod is new, none is left of the old ones,
/// and all are available.
fn judge(sort: Sort, object: &Object) -> Progress {
    let Object {
        metadata,
        spec,
        status,
    } = object;
    if status.observed_generation < metadata.generation {
        return Progress::Running("its controller has not seen the restart yet".into());
    }
    let mut conditions = status.conditions.iter();
    let gave_up = |it: &Condition| {
        it.sort == "Progressing" && it.status == "False" && it.reason == "ProgressDeadlineExceeded"
    };
    if conditions.any(gave_up) {
        return Progress::Failed(
            "its pods do not become available (ProgressDeadlineExceeded)".into(),
        );
    }
    let replicas = spec.replicas.unwrap_or(1);
    let (wanted, updated, available, old) = match sort {
        Sort::DaemonSet => (
            status.desired_number_scheduled,
            status.updated_number_scheduled,
            status.number_available,
            0,
        ),
        Sort::Deployment | Sort::StatefulSet => (
            replicas,
            status.updated_replicas,
            status.available_replicas,
            (status.replicas - status.updated_replicas).max(0),
        ),
    };
    match updated >= wanted && available >= wanted && old == 0 {
        true => Progress::Done,
        false => Progress::Running(format!(
            "{updated} of {wanted} pods are new, {available} are available, {old} old ones are left"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(sort: Sort, generation: i64, status: serde_json::Value) -> Progress {
        let object = json!({
            "metadata": { "generation": generation },
            "spec": { "replicas": 2 },
            "status": status,
        });
        judge(sort, &serde_json::from_value(object).unwrap())
    }

    #[test]
    fn it_is_done_when_every_pod_is_new_and_available() {
        let done = json!({
            "observedGeneration": 3, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2,
            "desiredNumberScheduled": 2, "updatedNumberScheduled": 2, "numberAvailable": 2,
        });
        for sort in [Sort::Deployment, Sort::StatefulSet, Sort::DaemonSet] {
            assert_eq!(seen(sort, 3, done.clone()), Progress::Done, "{sort}");
            let unseen = seen(sort, 4, done.clone());
            assert!(matches!(unseen, Progress::Running(_)), "{sort}: {unseen:?}");
            for field in [
                "updatedReplicas",
                "availableReplicas",
                "updatedNumberScheduled",
                "numberAvailable",
            ] {
                let mut status = done.clone();
                status[field] = json!(1);
                let concerns = field.ends_with("Replicas") != (sort == Sort::DaemonSet);
                let expected = matches!(seen(sort, 3, status), Progress::Running(_));
                assert_eq!(expected, concerns, "{sort} {field}");
            }
        }
        let mut surplus = done.clone();
        surplus["replicas"] = json!(3);
        assert!(matches!(
            seen(Sort::Deployment, 3, surplus),
            Progress::Running(_)
        ));
        let mut stuck = done;
        stuck["conditions"] = json!([{ "type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded" }]);
        assert!(matches!(
            seen(Sort::Deployment, 3, stuck),
            Progress::Failed(_)
        ));
    }
}
