//! Alerts of secret scanning, as the types of GitHub's published OpenAPI describe them (`secret-scanning-alert` and
//! `organization-secret-scanning-alert`): every property is there, in lists that go on from cursor to cursor.

use serde_json::{Value, json};

use crate::support::service::{Answer, Asked};

/// An alert, and the secret that it is about.
#[derive(Clone)]
pub struct Leak {
    pub repository: String,
    pub number: u64,
    pub secret: String,
    pub secret_type: String,
    pub validity: String,
    pub resolution: Option<String>,
    pub comment: Option<String>,
}

impl Leak {
    pub fn html_url(&self) -> String {
        let Self {
            repository, number, ..
        } = self;
        format!("https://github.com/{repository}/security/secret-scanning/{number}")
    }

    fn state(&self) -> &'static str {
        match self.resolution {
            None => "open",
            Some(_) => "resolved",
        }
    }

    fn shown(&self, is_hidden: bool, with_repository: bool) -> Value {
        let Self {
            repository, number, ..
        } = self;
        let api =
            format!("https://api.github.com/repos/{repository}/secret-scanning/alerts/{number}");
        let resolved_at = self.resolution.as_ref().map(|_| "2026-02-01T00:00:00Z");
        let mut alert = json!({
            "number": number,
            "created_at": "2026-01-01T00:00:00Z",
            "updated_at": resolved_at,
            "url": api,
            "html_url": self.html_url(),
            "locations_url": format!("{api}/locations"),
            "state": self.state(),
            "resolution": self.resolution,
            "resolved_at": resolved_at,
            "resolved_by": null,
            "resolution_comment": self.comment,
            "secret_type": self.secret_type,
            "secret_type_display_name": "Acme API key",
            "provider": null,
            "provider_slug": null,
            "secret": match is_hidden {
                true => Value::Null,
                false => json!(self.secret),
            },
            "push_protection_bypassed": false,
            "push_protection_bypassed_by": null,
            "push_protection_bypassed_at": null,
            "push_protection_bypass_request_reviewer": null,
            "push_protection_bypass_request_reviewer_comment": null,
            "push_protection_bypass_request_comment": null,
            "push_protection_bypass_request_html_url": null,
            "validity": self.validity,
            "publicly_leaked": false,
            "multi_repo": false,
            "is_base64_encoded": false,
            "first_location_detected": {
                "path": "src/config.py", "start_line": 1, "end_line": 1, "start_column": 1, "end_column": 9,
                "blob_sha": "a", "blob_url": "b", "commit_sha": "c", "commit_url": "d",
            },
            "has_more_locations": false,
            "assigned_to": null,
            "closure_request_comment": null,
            "closure_request_reviewer_comment": null,
            "closure_request_reviewer": null,
        });
        if with_repository {
            alert["repository"] = json!({ "full_name": repository });
        }
        alert
    }
}

/// What GitHub has found.
pub struct Alerts {
    pub all: Vec<Leak>,
    /// The most alerts on a page, whatever is asked for.
    pub page: usize,
    /// In place of every list: a status and a message.
    pub refusal: Option<(u16, &'static str)>,
    /// Whoever asks may not see the repositories.
    pub out_of_sight: bool,
    /// The custom patterns of organization acme.
    pub patterns: Vec<Value>,
}

impl Default for Alerts {
    fn default() -> Self {
        Self {
            all: Vec::new(),
            page: 100,
            refusal: None,
            out_of_sight: false,
            patterns: Vec::new(),
        }
    }
}

impl Alerts {
    /// GitHub finds a secret in a repository. Gives the address of the alert.
    pub fn find(&mut self, repository: &str, secret: &str) -> String {
        let leak = Leak {
            repository: repository.to_owned(),
            number: self.all.len() as u64 + 1,
            secret: secret.to_owned(),
            secret_type: "acme_api_key".to_owned(),
            validity: "unknown".to_owned(),
            resolution: None,
            comment: None,
        };
        let url = leak.html_url();
        self.all.push(leak);
        url
    }

    /// The answer to a request below `secret-scanning/alerts`; `None` for any other.
    pub fn answer(&mut self, asked: &Asked, path: &str) -> Option<Answer> {
        if let Some(id) = path.strip_prefix("orgs/acme/secret-scanning/custom-patterns") {
            return Some(self.pattern(asked, id.trim_start_matches('/')));
        }
        let (holder, rest) = path.split_once("/secret-scanning/alerts")?;
        if let Some((status, message)) = self.refusal {
            return Some(plain(status, json!({ "message": message })));
        }
        match rest.trim_matches('/') {
            "" => Some(self.list(asked, path, holder)),
            number => Some(self.one(asked, holder, number)),
        }
    }

    fn list(&self, asked: &Asked, path: &str, holder: &str) -> Answer {
        let repository = holder.strip_prefix("repos/");
        let is_wanted = |leak: &&Leak| {
            if self.out_of_sight {
                return false;
            }
            let types = asked.query("secret_type");
            repository.is_none_or(|name| name == leak.repository)
                && asked
                    .query("state")
                    .is_none_or(|state| state == leak.state())
                && types.is_none_or(|types| types.split(',').any(|it| it == leak.secret_type))
        };
        // Without `after`, GitHub goes on by number.
        let cursor = asked.query("after").expect("pages are asked for by cursor");
        let from = cursor.trim_start_matches("cursor:").parse().unwrap_or(0);
        let size: usize = asked.query("per_page").unwrap().parse().unwrap();
        let size = size.min(self.page);
        let all: Vec<&Leak> = self.all.iter().filter(is_wanted).collect();
        let is_hidden = asked.query("hide_secret") == Some("true");
        let shown: Vec<Value> = all
            .iter()
            .skip(from)
            .take(size)
            .map(|leak| leak.shown(is_hidden, repository.is_none()))
            .collect();
        let (status, mut headers, body) = plain(200, json!(shown));
        if from + size < all.len() {
            let kept = asked.query.iter().filter(|(name, _)| name != "after");
            let kept: Vec<String> = kept
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            let next = format!(
                "/api/v3/{path}?{}&after=cursor%3A{}",
                kept.join("&"),
                from + size
            );
            headers.push(format!("Link: <{next}>; rel=\"next\""));
        }
        (status, headers, body)
    }

    /// `secret-scanning-custom-pattern-to-create` and `-to-update` have these fields alone.
    fn pattern(&mut self, asked: &Asked, id: &str) -> Answer {
        const FIELDS: [&str; 4] = ["name", "pattern", "start_delimiter", "end_delimiter"];
        let body = asked.json();
        let is_sound = |fields: &Value| {
            let names = fields.as_object().unwrap().keys();
            let mut names = names.filter(|name| *name != "custom_pattern_version");
            names.all(|name| FIELDS.contains(&name.as_str())) && !fields["pattern"].is_null()
        };
        match (asked.method.as_str(), id) {
            ("GET", "") => plain(200, json!(self.patterns)),
            ("POST", "") if is_sound(&body["patterns"][0]) => {
                let mut made = body["patterns"][0].clone();
                made["id"] = json!(self.patterns.len() + 1);
                made["state"] = json!("unpublished");
                made["custom_pattern_version"] = json!("1");
                self.patterns.push(made.clone());
                plain(201, json!([made]))
            }
            ("PATCH", "1") if body["custom_pattern_version"] != "1" => plain(412, json!({})),
            ("PATCH", "1") if is_sound(&body) => {
                self.patterns[0]["pattern"] = body["pattern"].clone();
                plain(200, self.patterns[0].clone())
            }
            _ => plain(422, json!({ "message": "Validation Failed" })),
        }
    }

    fn one(&mut self, asked: &Asked, holder: &str, number: &str) -> Answer {
        let repository = holder.trim_start_matches("repos/");
        if self.out_of_sight {
            return plain(404, json!({ "message": "Not Found" }));
        }
        let found = self
            .all
            .iter_mut()
            .find(|leak| leak.repository == repository && leak.number.to_string() == number);
        let Some(leak) = found else {
            return plain(404, json!({ "message": "Not Found" }));
        };
        if asked.method == "PATCH" {
            let body = asked.json();
            let text = |name: &str| body[name].as_str().map(str::to_owned);
            if body["state"] == "resolved" && text("resolution").is_none() {
                return plain(422, json!({ "message": "resolution is missing" }));
            }
            leak.resolution = text("resolution");
            leak.comment = text("resolution_comment");
        }
        plain(
            200,
            leak.shown(asked.query("hide_secret") == Some("true"), false),
        )
    }
}

fn plain(status: u16, body: Value) -> Answer {
    let headers = vec!["Content-Type: application/json".to_owned()];
    (status, headers, body.to_string())
}
