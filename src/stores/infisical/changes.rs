//! Approval requests that are about a folder: which are open, and what became of the others. Some versions show them to people
//! alone and not to machine identities.

use serde::Deserialize;
use zeroize::Zeroizing;

use super::Folder;
use crate::domain::approval::{Change, Outcome};
use crate::http::{Call, Refusal};
use crate::stores::variables::Values;

const REQUESTS: &str = "/api/v1/secret-approval-requests";

/// So many requests are listed, and so many of an environment looked into: those that ended long ago matter to nobody.
const LISTED: &str = "50";
const LOOKED_INTO: usize = 20;

#[derive(Deserialize)]
struct Listed {
    approvals: Vec<Summary>,
}

#[derive(Deserialize)]
struct Summary {
    id: String,
    environment: String,
}

#[derive(Deserialize)]
struct Answer {
    approval: Request,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    id: String,
    slug: Option<String>,
    status: String,
    has_merged: bool,
    secret_path: String,
    #[serde(default)]
    reviewers: Vec<Reviewer>,
    commits: Vec<Commit>,
}

#[derive(Deserialize)]
struct Reviewer {
    status: String,
}

/// What a request changes in one secret.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Commit {
    op: String,
    secret_key: String,
    secret_value: Option<Zeroizing<String>>,
    #[serde(default)]
    secret_value_hidden: bool,
}

impl Request {
    /// A reviewer who says no does not close it, and may still say yes.
    fn outcome(&self) -> Outcome {
        let mut reviewers = self.reviewers.iter();
        match (self.has_merged, self.status.as_str()) {
            (true, _) => Outcome::Made,
            (false, "open") if !reviewers.any(|reviewer| reviewer.status == "rejected") => {
                Outcome::Open
            }
            _ => Outcome::Rejected,
        }
    }
}

impl Folder {
    /// Those that touch the variables of this place, newest first.
    pub(super) async fn approval_requests(&self) -> Result<Vec<Change>, Refusal> {
        let stands = self.look().await?.values;
        let call = Call {
            query: &[
                ("projectId", &self.project),
                // What older versions call it.
                ("workspaceId", &self.project),
                ("environment", &self.environment),
                ("limit", LISTED),
            ],
            ..Call::get("GET secret-approval-requests", REQUESTS)
        };
        let listed: Listed = self.infisical.read_answer(&call).await?;
        let here = listed
            .approvals
            .into_iter()
            .filter(|request| request.environment == self.environment);
        let mut changes = Vec::new();
        for request in here.take(LOOKED_INTO) {
            changes.extend(self.approval_request(&request.id, &stands).await?);
        }
        Ok(changes)
    }

    async fn approval_request(&self, id: &str, stands: &Values) -> Result<Option<Change>, Refusal> {
        let path = format!("{REQUESTS}/{id}");
        let call = Call::get("GET secret-approval-request", &path);
        let Answer { approval: request } = self.infisical.read_answer(&call).await?;
        if request.secret_path != self.path {
            return Ok(None);
        }
        let name = request.slug.as_ref().unwrap_or(&request.id);
        let (name, outcome) = (format!("change request {name}"), request.outcome());
        let asked = self
            .after(request.commits, stands)
            .and_then(|values| self.names.understand(values).asked());
        Ok(asked.map(|asked| Change {
            name,
            asked,
            outcome,
        }))
    }

    /// The variables once a request is merged; `None` if it touches none, or hides what it makes of them.
    fn after(&self, commits: Vec<Commit>, stands: &Values) -> Option<Values> {
        let mut values = stands.clone();
        let mut touches = false;
        for commit in commits {
            let Some(index) = self.names.index_of(commit.secret_key.as_bytes()) else {
                continue;
            };
            touches = true;
            values[index] = match (commit.op.as_str(), commit.secret_value) {
                ("delete", _) => None,
                (_, Some(value)) if !commit.secret_value_hidden => Some(value),
                _ => return None,
            };
        }
        touches.then_some(values)
    }
}
