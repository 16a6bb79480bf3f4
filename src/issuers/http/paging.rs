//! How a list goes on after its first page.

use reqwest::Url;
use serde_json::Value;

use super::pick::Pointer;
use crate::error::{Error, Kind, Result};
use crate::http::{Answer, next_link, on_the_same_server};
use crate::settings::Settings;

const STYLES: &[&str] = &["link", "url", "cursor", "page", "offset"];

/// How the next page is found.
#[derive(Clone, Debug)]
pub(super) enum Paging {
    /// There is none.
    Whole,
    /// Its address is in the header `Link`.
    Link,
    /// Its address is in the body.
    Url { next: Pointer },
    /// Its mark is in the body.
    Cursor {
        next: Pointer,
        more: Option<Pointer>,
        query: String,
    },
    /// It has the next number.
    Page {
        query: String,
        first: u64,
        size: Option<usize>,
    },
    /// It begins where this one ends.
    Offset { query: String, size: Option<usize> },
}

/// What is asked for in place of, or beside, the request as it is declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Address(Url),
    Query(String, String),
}

/// One page that came back.
pub(super) struct Page<'a> {
    /// The address that it came from.
    pub url: &'a Url,
    pub answer: &'a Answer,
    pub body: &'a Value,
    /// How many keys it holds, whosever they are.
    pub count: usize,
    /// How many pages and keys came before it.
    pub before: (u64, usize),
}

impl Paging {
    pub fn read(list: &Settings) -> Result<Self> {
        let Some(settings) = list.object("paging") else {
            return Ok(Self::Whole);
        };
        let Some(style) = settings.one_of("style", STYLES)? else {
            return Err(settings
                .required_string("style")
                .err()
                .unwrap_or_else(|| unset(&settings)));
        };
        let query = || settings.required_string("query").map(str::to_owned);
        let size = whole(&settings, "size")?;
        let paging = match style {
            "link" => Self::Link,
            "url" => Self::Url {
                next: Pointer::required(&settings, "next")?,
            },
            "cursor" => Self::Cursor {
                next: Pointer::required(&settings, "next")?,
                more: Pointer::read(&settings, "more")?,
                query: query()?,
            },
            "page" => Self::Page {
                query: query()?,
                first: whole(&settings, "first")?.unwrap_or(1),
                size: size.and_then(|size| usize::try_from(size).ok()),
            },
            _ => Self::Offset {
                query: query()?,
                size: size.and_then(|size| usize::try_from(size).ok()),
            },
        };
        Ok(paging)
    }

    /// What the first request asks for beside what is declared.
    pub fn first(&self) -> Option<Next> {
        match self {
            Self::Page { query, first, .. } => Some(Next::Query(query.clone(), first.to_string())),
            Self::Offset { query, .. } => Some(Next::Query(query.clone(), "0".to_owned())),
            _ => None,
        }
    }

    /// What asks for the page after this one.
    pub fn after(&self, page: &Page) -> Result<Option<Next>> {
        let (pages, keys) = page.before;
        let is_last = |size: &Option<usize>| page.count < size.unwrap_or(1);
        Ok(match self {
            Self::Whole if next_link(page.answer).is_some() => return Err(goes_on()),
            Self::Whole => None,
            Self::Link => match next_link(page.answer) {
                Some(next) => Some(Next::Address(on_the_same_server(page.url, &next)?)),
                None => None,
            },
            Self::Url { next } => match next.text(page.body).filter(|next| !next.is_empty()) {
                Some(next) => Some(Next::Address(on_the_same_server(page.url, &next)?)),
                None => None,
            },
            Self::Cursor { next, more, query } => {
                let ends = more
                    .as_ref()
                    .is_some_and(|more| !matches!(more.of(page.body), Some(Value::Bool(true))));
                let mark = next
                    .text(page.body)
                    .filter(|mark| !ends && !mark.is_empty());
                mark.map(|mark| Next::Query(query.clone(), mark))
            }
            Self::Page { size, .. } | Self::Offset { size, .. } if is_last(size) => None,
            Self::Page { query, first, .. } => {
                Some(Next::Query(query.clone(), (first + pages + 1).to_string()))
            }
            Self::Offset { query, .. } => {
                Some(Next::Query(query.clone(), (keys + page.count).to_string()))
            }
        })
    }
}

fn unset(settings: &Settings) -> Error {
    settings.wrong("style", "style is missing", "Say how the list goes on.")
}

fn whole(settings: &Settings, name: &str) -> Result<Option<u64>> {
    let Some(number) = settings.integer(name) else {
        return Ok(None);
    };
    let read = u64::try_from(number)
        .ok()
        .filter(|number| name == "first" || *number > 0);
    read.map(Some).ok_or_else(|| {
        settings.wrong(
            name,
            format!("{name} is not valid"),
            format!("{number} is too small."),
        )
    })
}

/// The error for a list whose first page would be taken for all of it: keys on the others would seem to be gone.
fn goes_on() -> Error {
    Error::new(
        Kind::Other,
        "The list has more pages than one",
        "The header Link of its answer names a next page, and list.paging is not declared. Add paging = { style = \"link\" } to \
         the declaration of list, or another style that the API describes.",
    )
}

/// The error for a list whose pages bring nothing new: the server does not heed what asks for the next one.
pub(super) fn comes_round(what: &str) -> Error {
    Error::new(
        Kind::Other,
        format!("The list {what} comes round again"),
        "A page brought no key that was not there before. Check list.paging in the declaration of the API: its style, and the \
         name of the query parameter.",
    )
}

#[cfg(test)]
mod tests {
    use reqwest::StatusCode;
    use reqwest::header::{HeaderMap, LINK};
    use serde_json::json;
    use zeroize::Zeroizing;

    use super::*;

    fn after(paging: &Paging, link: &str, body: &Value, count: usize) -> Result<Option<Next>> {
        let mut headers = HeaderMap::new();
        headers.insert(LINK, link.parse().unwrap());
        let answer = Answer {
            status: StatusCode::OK,
            headers,
            body: Zeroizing::default(),
        };
        paging.after(&Page {
            url: &Url::parse("https://api.example.com/v1/keys").unwrap(),
            answer: &answer,
            body,
            count,
            before: (1, 100),
        })
    }

    fn at(address: &str) -> Option<Next> {
        Some(Next::Address(Url::parse(address).unwrap()))
    }

    #[test]
    fn a_link_is_followed_while_there_is_a_next_one() {
        let next = |link: &str| after(&Paging::Link, link, &Value::Null, 1).unwrap();
        let two =
            "<https://api.example.com/v1/keys?page=1>; rel=\"prev\", </v1/keys?page=3>; rel=next";
        assert_eq!(next(two), at("https://api.example.com/v1/keys?page=3"));
        assert_eq!(
            next("<?c=1,2>; rel=\"next\"; results=\"true\""),
            at("https://api.example.com/v1/keys?c=1,2")
        );
        for none in [
            "",
            "<?c=1>; rel=\"next\"; results=\"false\"",
            "</x>; rel=\"last\"",
            "no link",
        ] {
            assert_eq!(next(none), None, "{none}");
        }
    }

    #[test]
    fn a_next_page_is_not_overlooked_where_no_paging_is_declared() {
        let next = |link: &str| after(&Paging::Whole, link, &Value::Null, 1);
        assert!(next("</v1/keys?page=2>; rel=next").is_err());
        assert_eq!(next("</v1/keys?page=1>; rel=last").unwrap(), None);
    }

    #[test]
    fn no_page_lies_on_another_server() {
        let url = Paging::Url {
            next: Pointer::parse("/next").unwrap(),
        };
        for foreign in [
            "https://example.org/",
            "http://api.example.com/",
            "//example.org",
        ] {
            let body = json!({ "next": foreign });
            assert!(after(&url, "", &body, 1).is_err(), "{foreign}");
            assert!(after(&Paging::Link, &format!("<{foreign}>; rel=next"), &body, 1).is_err());
        }
        assert_eq!(after(&url, "", &json!({"next": ""}), 1).unwrap(), None);
        assert_eq!(
            after(&url, "", &json!({"next": "?p=2"}), 1).unwrap(),
            at("https://api.example.com/v1/keys?p=2")
        );
    }

    #[test]
    fn a_cursor_ends_where_the_list_says_so() {
        let cursor = Paging::Cursor {
            next: Pointer::parse("/last_id").unwrap(),
            more: Pointer::parse("/has_more"),
            query: "after".into(),
        };
        let next = |body: Value| after(&cursor, "", &body, 1).unwrap();
        let there = Some(Next::Query("after".into(), "k2".into()));
        assert_eq!(next(json!({"last_id": "k2", "has_more": true})), there);
        assert_eq!(next(json!({"last_id": "k2", "has_more": false})), None);
        assert_eq!(next(json!({"last_id": null, "has_more": true})), None);
    }

    #[test]
    fn numbers_go_on_until_a_page_is_not_full() {
        let page = |size| Paging::Page {
            query: "page".into(),
            first: 0,
            size,
        };
        let offset = Paging::Offset {
            query: "offset".into(),
            size: Some(100),
        };
        let next = |paging: &Paging, count| after(paging, "", &Value::Null, count).unwrap();
        assert_eq!(
            next(&page(None), 3),
            Some(Next::Query("page".into(), "2".into()))
        );
        assert_eq!(next(&page(None), 0), None);
        assert_eq!(next(&page(Some(100)), 3), None);
        assert_eq!(
            next(&offset, 100),
            Some(Next::Query("offset".into(), "200".into()))
        );
        assert_eq!(next(&offset, 99), None);
    }
}
