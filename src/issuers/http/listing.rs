//! The list of an account, page after page.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use reqwest::Url;
use serde_json::Value;

use super::caller::{Answered, Reads};
use super::keys::Keys;
use super::list::List;
use super::paging::{Next, Page, comes_round};
use super::pick::TimeFormat;
use crate::error::{Error, Kind, Result};
use crate::http::{Refusal, Repeat, Values, pages};
use crate::issuers::Issuer;

/// What was seen on the pages before.
#[derive(Default)]
struct Seen {
    pages: u64,
    keys: usize,
    items: BTreeSet<String>,
}

impl Keys {
    /// The items of every page that concern the account.
    pub async fn items(&self, list: &List) -> Result<Vec<Value>, Refusal> {
        let values = self.values(&[]);
        let seen = Mutex::new(Seen::default());
        let page = |next: Option<Next>| {
            let next = next.or_else(|| list.paging.first());
            let (seen, values) = (&seen, &values);
            async move {
                let (url, answered) = self.page(list, values, next).await?;
                let items = list.items(&answered.body).map_err(|_| {
                    self.caller(&list.request, Reads::Usual, None)
                        .not_understood()
                })?;
                // Held for no wait.
                let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
                let before = seen.items.len();
                seen.items.extend(items.iter().map(Value::to_string));
                if seen.pages > 0 && !items.is_empty() && seen.items.len() == before {
                    return Err(Refusal::from(comes_round(&list.request.what)));
                }
                let after = list.paging.after(&Page {
                    url: &url,
                    answer: &answered.answer,
                    body: &answered.body,
                    count: items.len(),
                    before: (seen.pages, seen.keys),
                })?;
                seen.pages += 1;
                seen.keys += items.len();
                let ours = items.iter().filter(|item| list.concerns(item, values));
                Ok((ours.cloned().collect(), after))
            }
        };
        pages(&format!("The list {}", list.request.what), page).await
    }

    async fn page(
        &self,
        list: &List,
        values: &Values<'_>,
        next: Option<Next>,
    ) -> Result<(Url, Answered), Refusal> {
        let mut filled = list.request.fill(values)?;
        let base = match next {
            Some(Next::Address(url)) => Some(url),
            Some(Next::Query(name, value)) => {
                filled.query.retain(|(there, _)| *there != name);
                filled.query.push((name, value));
                None
            }
            None => None,
        };
        let url = match &base {
            Some(url) => url.clone(),
            None => filled.address(&self.api.base),
        };
        let caller = self.caller(&list.request, Reads::Usual, base);
        let answered = caller
            .send(&filled, &filled.pairs(), Repeat::Freely, &[])
            .await?;
        Ok((url, answered))
    }

    pub fn not_a_key(&self, list: &List, pointer: &str) -> Error {
        let times = match pointer == list.id_pointer() {
            true => String::new(),
            false => format!(
                " Of a time, that is what time_format says: {}.",
                TimeFormat::expected()
            ),
        };
        Error::new(
            Kind::Other,
            format!("The keys of {} could not be read", self.account()),
            format!(
                "{} answered, but at {pointer:?} of a key stands something else than was declared.{times} Correct the \
                 declaration of list.",
                list.request.what
            ),
        )
    }
}
