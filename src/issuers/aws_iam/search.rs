//! Finds the access keys of one user, or of all users of an account, page by page.

use std::collections::VecDeque;

use async_trait::async_trait;
use tf_provider::schema::AttributeType;

use super::api::Api;
use super::imported;
use super::user::is_user_name;
use crate::error::{Error, Kind, Result};
use crate::instant::Instant;
use crate::issuers::{Existing, Search};
use crate::schema::{self, Attributes, optional};
use crate::settings::Settings;

/// An account has 5,000 users at most; an endless chain of pages is somebody's bug and must not become ours.
const MOST_PAGES: usize = 1_000;

/// What narrows the search.
pub(super) fn attributes() -> Attributes {
    schema::attributes([
        (
            "user_name",
            optional(
                AttributeType::String,
                "The keys of this IAM user alone. Default: of every user.",
            ),
        ),
        (
            "path_prefix",
            optional(
                AttributeType::String,
                "The keys of users whose path begins so, such as `/machines/`. Default: of every user.",
            ),
        ),
    ])
}

/// A search for access keys.
pub(super) struct Keys {
    api: Api,
    path_prefix: Option<String>,
    /// The configuration names the user, so one who is not there is a mistake.
    named: bool,
    /// Users whose keys are yet to be listed.
    users: VecDeque<String>,
    pages: Pages,
}

enum Pages {
    First,
    From(String),
    Done,
}

impl Keys {
    pub fn from_settings(settings: &Settings, api: Api) -> Result<Self> {
        let path_prefix = settings.string("path_prefix");
        if let Some(path) = path_prefix.filter(|path| !path.starts_with('/')) {
            return Err(settings.wrong(
                "path_prefix",
                "path_prefix is not valid",
                format!("{path:?} does not begin with a slash, as every path of IAM does, such as \"/machines/\"."),
            ));
        }
        let mut users = VecDeque::new();
        let mut pages = Pages::First;
        if let Some(name) = settings.string("user_name") {
            if !is_user_name(name) {
                return Err(settings.wrong(
                    "user_name",
                    "user_name is not valid",
                    format!("{name:?} is not the name of an IAM user. Give the name alone, not the ARN, not the path."),
                ));
            }
            if path_prefix.is_some() {
                return Err(settings.wrong(
                    "path_prefix",
                    "user_name and path_prefix exclude each other",
                    "Keep user_name for the keys of one user, or path_prefix for those of many.",
                ));
            }
            users.push_back(name.to_owned());
            pages = Pages::Done;
        }
        Ok(Self {
            api,
            path_prefix: path_prefix.map(str::to_owned),
            named: matches!(pages, Pages::Done),
            users,
            pages,
        })
    }

    /// Learns of more users. False if there are none.
    async fn more_users(&mut self) -> Result<bool> {
        for _ in 0..MOST_PAGES {
            let marker = match &self.pages {
                Pages::First => None,
                Pages::From(marker) => Some(marker.as_str()),
                Pages::Done => return Ok(false),
            };
            let answer = self.api.users(self.path_prefix.as_deref(), marker).await;
            let (names, next) = answer.map_err(|refusal| {
                refusal.explain("The users of the account could not be listed")
            })?;
            self.users.extend(names);
            self.pages = next.map_or(Pages::Done, Pages::From);
            if !self.users.is_empty() {
                return Ok(true);
            }
        }
        Err(Error::new(
            Kind::Other,
            "The list of users does not end",
            format!(
                "IAM gave {MOST_PAGES} pages without a user. Narrow the search with user_name or path_prefix."
            ),
        ))
    }
}

#[async_trait]
impl Search for Keys {
    async fn next(&mut self) -> Result<Option<Vec<Existing>>> {
        if self.users.is_empty() && !self.more_users().await? {
            return Ok(None);
        }
        let Some(user) = self.users.pop_front() else {
            return Ok(None);
        };
        let keys = match self.api.list(&user).await {
            // Deleted since the users were listed.
            Err(refusal) if refusal.kind == Kind::NotFound && !self.named => Vec::new(),
            keys => keys.map_err(|refusal| {
                refusal.explain(format!(
                    "The access keys of user {user} could not be listed"
                ))
            })?,
        };
        let existing = keys.iter().map(|key| Existing {
            key: imported(&user, key),
            owner: format!("user {user}"),
        });
        Ok(Some(existing.collect()))
    }

    async fn last_used(&self, key_id: &str) -> Result<Option<Instant>> {
        let used = self.api.last_used(key_id).await.map_err(|refusal| {
            refusal.explain(format!(
                "The last use of access key {key_id} could not be read"
            ))
        })?;
        Ok(used.last_of(key_id)?.map(|last| last.at))
    }
}
