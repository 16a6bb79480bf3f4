//! How the keys of an account are listed.

use serde_json::Value;

use super::paging::Paging;
use super::pick::{Pointer, TimeFormat};
use super::request::{LIST, Request, pairs};
use crate::error::{Error, Result};
use crate::http::{Escape, Template, Values};
use crate::instant::Instant;
use crate::issuers::{KeyStatus, Listed};
use crate::settings::{DROPPED, Settings};

/// The request `list`, and where its answer holds what.
#[derive(Clone)]
pub(super) struct List {
    pub request: Request,
    pub paging: Paging,
    items: Pointer,
    items_may_be_absent: bool,
    id: Pointer,
    created_at: Option<Pointer>,
    /// Where the token of the mint stands.
    pub name: Option<Pointer>,
    pub last_used: Option<Pointer>,
    only: Conditions,
    active: Conditions,
}

/// Values that something must hold, by pointer.
#[derive(Clone, Default)]
pub(super) struct Conditions(Vec<(Pointer, Template)>);

impl Conditions {
    pub fn read(settings: &Settings, name: &str, names: &[&str]) -> Result<Self> {
        let read = |(pointer, template): (String, Template)| {
            let parsed = Pointer::parse(&pointer).filter(|_| !pointer.is_empty());
            let parsed = parsed.ok_or_else(|| {
                Error::invalid(
                    settings.path_of(name).key(&pointer),
                    format!("{name} is not valid"),
                    format!("{pointer:?} is no JSON pointer, such as \"/owner/id\"."),
                )
            })?;
            Ok((parsed, template))
        };
        let conditions: Result<_> = pairs(settings, name, names)?
            .into_iter()
            .map(read)
            .collect();
        Ok(Self(conditions?))
    }

    /// Whether a value holds all of them.
    pub fn hold(&self, value: &Value, values: &Values) -> bool {
        self.0.iter().all(|(pointer, expected)| {
            let expected = expected.fill(values, Escape::None);
            pointer.text(value).as_deref() == Some(expected.as_str())
        })
    }

    pub fn templates(&self) -> impl Iterator<Item = &Template> {
        self.0.iter().map(|(_, template)| template)
    }
}

impl List {
    pub fn read(settings: &Settings, parameters: &[&str]) -> Result<Self> {
        let list = Self {
            request: Request::read(settings, &LIST, parameters)?,
            paging: Paging::read(settings)?,
            items: Pointer::read(settings, "items")?.unwrap_or_else(Pointer::whole),
            items_may_be_absent: settings.boolean("items_may_be_absent").unwrap_or(false),
            id: Pointer::required(settings, "id")?,
            created_at: Pointer::read(settings, "created_at")?,
            name: Pointer::read(settings, "name")?,
            last_used: Pointer::read(settings, "last_used")?,
            only: Conditions::read(settings, "where", parameters)?,
            active: Conditions::read(settings, "active", parameters)?,
        };
        match (&list.created_at, &list.name) {
            (None, None) => Err(settings.wrong(
                "created_at",
                "created_at is missing",
                format!(
                    "Set {} or {}: a mint whose answer was lost is found by the time or by the name of its key. {DROPPED}",
                    settings.path_of("created_at"),
                    settings.path_of("name")
                ),
            )),
            _ => Ok(list),
        }
    }

    /// Where the id stands.
    pub fn id_pointer(&self) -> &str {
        self.id.as_str()
    }

    /// Whether a placeholder stands anywhere in it.
    pub fn holds(&self, name: &str) -> bool {
        let conditions = self.only.templates().chain(self.active.templates());
        self.request.holds(name) || conditions.into_iter().any(|template| template.holds(name))
    }

    /// The array of a page; the error is the pointer that leads to none. Were what is not there taken for an empty list,
    /// a wrong pointer would make every key one that is gone.
    pub fn items<'a>(&self, body: &'a Value) -> Result<&'a [Value], &str> {
        match body.pointer(self.items.as_str()) {
            Some(Value::Array(items)) => Ok(items),
            None | Some(Value::Null) if self.items_may_be_absent && body.is_object() => Ok(&[]),
            _ => Err(self.items.as_str()),
        }
    }

    /// Whether an item is a key of the account.
    pub fn concerns(&self, item: &Value, values: &Values) -> bool {
        self.only.hold(item, values)
    }

    /// An item as a key; the error is the pointer at which something else stands.
    pub fn key(&self, item: &Value, times: TimeFormat, values: &Values) -> Result<Listed, &str> {
        let key_id = self.id.text(item).filter(|id| !id.is_empty());
        let is_active = self.active.hold(item, values);
        Ok(Listed {
            key_id: key_id.ok_or(self.id.as_str())?,
            created_at: time(self.created_at.as_ref(), item, times)?,
            label: self
                .name
                .as_ref()
                .map(|name| name.text(item).unwrap_or_default()),
            // A use that cannot be read makes no key one that cannot be listed.
            last_used: match self.last_used {
                Some(_) => self.last_used(item, times).ok(),
                None => None,
            },
            status: match is_active {
                true => KeyStatus::Active,
                false => KeyStatus::Inactive,
            },
        })
    }

    /// When the key of an item was last used.
    pub fn last_used(&self, item: &Value, times: TimeFormat) -> Result<Option<Instant>, &str> {
        time(self.last_used.as_ref(), item, times)
    }

    /// Whether an item has this id.
    pub fn is(&self, item: &Value, key_id: &str) -> bool {
        self.id.text(item).as_deref() == Some(key_id)
    }
}

/// A time that may be absent; the error is the pointer at which something else stands.
pub(super) fn time<'a>(
    pointer: Option<&'a Pointer>,
    item: &Value,
    times: TimeFormat,
) -> Result<Option<Instant>, &'a str> {
    let Some(pointer) = pointer else {
        return Ok(None);
    };
    let Some(found) = pointer.of(item) else {
        return Ok(None);
    };
    let text = pointer
        .text(item)
        .or_else(|| found.as_f64().map(|number| number.to_string()));
    match text.as_deref() {
        Some("") => Ok(None),
        Some(text) => times.read(text).map(Some).ok_or(pointer.as_str()),
        None => Err(pointer.as_str()),
    }
}
