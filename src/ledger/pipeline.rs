//! The run of a pipeline that a provider works in, as far as its variables say.

use reqwest::Url;

/// Variables that hold the address of the run itself.
const ADDRESSES: [&str; 5] = [
    "CI_JOB_URL",
    "CIRCLE_BUILD_URL",
    "BUILDKITE_BUILD_URL",
    "CODEBUILD_PUBLIC_BUILD_URL",
    "BUILD_URL",
];

/// The address of the run, without a login, a query or a fragment, which may hold a secret.
pub fn run() -> Option<String> {
    run_by(&|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
}

fn run_by(variable: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let github = || {
        Some(format!(
            "{}/{}/actions/runs/{}",
            variable("GITHUB_SERVER_URL")?,
            variable("GITHUB_REPOSITORY")?,
            variable("GITHUB_RUN_ID")?
        ))
    };
    let hcp = || {
        let workspace = variable("TFC_WORKSPACE_SLUG")?;
        let (organization, workspace) = workspace.split_once('/')?;
        let run = variable("TFC_RUN_ID")?;
        Some(format!(
            "https://app.terraform.io/app/{organization}/workspaces/{workspace}/runs/{run}"
        ))
    };
    let given = || ADDRESSES.iter().find_map(|name| variable(name));
    plain(&github().or_else(hcp).or_else(given)?)
}

fn plain(address: &str) -> Option<String> {
    let mut url = Url::parse(address).ok()?;
    if !matches!(url.scheme(), "http" | "https") {
        return None;
    }
    // Both fail only for a URL without a host.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    Some(url.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run_in(variables: &[(&str, &str)]) -> Option<String> {
        run_by(&|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn each_pipeline_says_it_in_its_own_words() {
        let github = [
            ("GITHUB_SERVER_URL", "https://github.com"),
            ("GITHUB_REPOSITORY", "example/keys"),
            ("GITHUB_RUN_ID", "7"),
        ];
        let github = run_in(&github).unwrap();
        assert_eq!(github, "https://github.com/example/keys/actions/runs/7");
        let hcp = [("TFC_WORKSPACE_SLUG", "acme/keys"), ("TFC_RUN_ID", "run-1")];
        let hcp = run_in(&hcp).unwrap();
        assert_eq!(
            hcp,
            "https://app.terraform.io/app/acme/workspaces/keys/runs/run-1"
        );
        assert_eq!(run_in(&[]), None);
    }

    #[test]
    fn what_may_hold_a_secret_is_left_out() {
        let run = |url| run_in(&[("CI_JOB_URL", url)]);
        let plain = run("https://user:canary@ci.example.com/jobs/7?token=canary#canary");
        assert_eq!(plain.unwrap(), "https://ci.example.com/jobs/7");
        assert_eq!(run("canary"), None);
        assert_eq!(run("file:///canary"), None);
    }
}
