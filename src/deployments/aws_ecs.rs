//! A service of Amazon ECS: a new deployment of what it runs is forced, so that its tasks start anew and read what was
//! delivered.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::json;

use super::{Occasion, Progress, Target};
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::settings::Settings;
use crate::vendors::aws::{self, Access, Session};

/// A service.
pub(super) struct Service {
    session: Session,
    cluster: String,
    service: String,
}

#[derive(Deserialize)]
struct Updated {
    service: Description,
}

#[derive(Deserialize)]
struct Described {
    #[serde(default)]
    services: Vec<Description>,
}

#[derive(Deserialize)]
struct Description {
    #[serde(default)]
    deployments: Vec<Deployment>,
}

/// One deployment of a service, as ECS writes it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Deployment {
    id: String,
    status: String,
    /// Only a service whose deployments ECS controls has it.
    rollout_state: Option<String>,
    #[serde(default)]
    running_count: i64,
    #[serde(default)]
    desired_count: i64,
}

impl Service {
    pub fn read(settings: &Settings, context: &Context) -> Result<Self> {
        let cluster = settings.string("cluster").unwrap_or("default");
        Ok(Self {
            session: Session::new(&Access::read(settings)?, context)?,
            cluster: cluster.to_owned(),
            service: settings.required_string("service")?.to_owned(),
        })
    }

    fn explain(&self, what: &str, refusal: crate::http::Refusal) -> Error {
        refusal.explain(format!("{} could not be {what}", self.place()))
    }
}

#[async_trait]
impl Target for Service {
    fn place(&self) -> String {
        format!("aws_ecs {}/{}", self.cluster, self.service)
    }

    async fn start(&self, _: &Occasion) -> Result<Option<String>> {
        let input = json!({
            "cluster": self.cluster,
            "service": self.service,
            "forceNewDeployment": true,
        });
        let asked = self
            .session
            .call(aws::Service::Ecs, "UpdateService", &input, &[]);
        let updated: Updated = asked.await.map_err(|no| self.explain("deployed", no))?;
        let mut deployments = updated.service.deployments.into_iter();
        let ours = deployments.find(Deployment::leads);
        match ours {
            Some(deployment) => Ok(Some(deployment.id)),
            None => Err(Error::new(
                Kind::Other,
                format!("{} has no deployment of its own", self.place()),
                "Its tasks are started by something else, such as CodeDeploy. Use request with the API of that.",
            )),
        }
    }

    async fn look(&self, occasion: &Occasion) -> Result<Progress> {
        let input = json!({ "cluster": self.cluster, "services": [self.service] });
        let asked = self
            .session
            .call(aws::Service::Ecs, "DescribeServices", &input, &[]);
        let described: Described = asked.await.map_err(|no| self.explain("looked at", no))?;
        match described.services.first() {
            Some(service) => Ok(judge(&service.deployments, occasion.id.as_deref())),
            None => Ok(Progress::Failed("there is no such service any more".into())),
        }
    }
}

impl Deployment {
    fn leads(&self) -> bool {
        self.status == "PRIMARY"
    }

    fn is_complete(&self) -> bool {
        let counts = self.running_count >= self.desired_count;
        let state = self.rollout_state.as_deref();
        state.map_or(counts, |state| state == "COMPLETED")
    }
}

/// Ours leads, is complete, and no task of an earlier one runs. After a rollback another one leads and is complete, whose
/// tasks may be the old ones.
fn judge(deployments: &[Deployment], ours: Option<&str>) -> Progress {
    let ours = deployments.iter().find(|it| Some(it.id.as_str()) == ours);
    let Some(ours) = ours.filter(|it| it.leads() || it.rollout_state.as_deref() == Some("FAILED"))
    else {
        return Progress::Failed("another deployment has taken its place".into());
    };
    if ours.rollout_state.as_deref() == Some("FAILED") {
        return Progress::Failed("ECS gave it up: its tasks do not become healthy".into());
    }
    let old: i64 = deployments
        .iter()
        .filter(|it| it.id != ours.id)
        .map(|it| it.running_count)
        .sum();
    match ours.is_complete() && old == 0 {
        true => Progress::Done,
        false => Progress::Running(format!(
            "{} of {} tasks run anew, and {old} old ones",
            ours.running_count, ours.desired_count
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deployment(id: &str, status: &str, state: &str, running: i64) -> Deployment {
        Deployment {
            id: id.into(),
            status: status.into(),
            rollout_state: (!state.is_empty()).then(|| state.into()),
            running_count: running,
            desired_count: 2,
        }
    }

    #[test]
    fn it_is_done_when_it_leads_is_complete_and_nothing_old_runs() {
        let running = |old| Progress::Running(format!("2 of 2 tasks run anew, and {old} old ones"));
        let replaced = Progress::Failed("another deployment has taken its place".into());
        let gave_up = Progress::Failed("ECS gave it up: its tasks do not become healthy".into());
        let cases = [
            (
                vec![deployment("new", "PRIMARY", "COMPLETED", 2)],
                Progress::Done,
            ),
            // Without a word of ECS the tasks are counted.
            (vec![deployment("new", "PRIMARY", "", 2)], Progress::Done),
            (
                vec![
                    deployment("new", "PRIMARY", "COMPLETED", 2),
                    deployment("old", "ACTIVE", "COMPLETED", 1),
                ],
                running(1),
            ),
            (
                vec![deployment("new", "PRIMARY", "IN_PROGRESS", 2)],
                running(0),
            ),
            (
                vec![deployment("new", "PRIMARY", "FAILED", 0)],
                gave_up.clone(),
            ),
            // A rollback leads and is complete, and its tasks may be those from before.
            (
                vec![
                    deployment("old", "PRIMARY", "COMPLETED", 2),
                    deployment("new", "ACTIVE", "FAILED", 0),
                ],
                gave_up,
            ),
            (
                vec![deployment("later", "PRIMARY", "COMPLETED", 2)],
                replaced.clone(),
            ),
            (
                vec![
                    deployment("later", "PRIMARY", "IN_PROGRESS", 0),
                    deployment("new", "ACTIVE", "COMPLETED", 2),
                ],
                replaced,
            ),
        ];
        for (deployments, expected) in cases {
            assert_eq!(judge(&deployments, Some("new")), expected);
        }
    }
}
