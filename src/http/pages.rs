//! Lists that come in pages.

use std::future::Future;

use reqwest::Url;

use crate::error::{Error, Kind};

/// No list of ours is longer; an endless chain of pages is somebody's bug and must not become ours.
const MOST_PAGES: usize = 1000;

/// Asks for page after page, from the first (`None`) on, until one names no next. A list that does not end, or that comes
/// round again, is an error: a part of a list would be taken for all of it.
pub async fn pages<T, M, E, F>(
    what: &str,
    mut page: impl FnMut(Option<M>) -> F,
) -> Result<Vec<T>, E>
where
    M: Clone + PartialEq,
    E: From<Error>,
    F: Future<Output = Result<(Vec<T>, Option<M>), E>>,
{
    let mut items = Vec::new();
    let mut next: Option<M> = None;
    for _ in 0..MOST_PAGES {
        let (some, after) = page(next.clone()).await?;
        items.extend(some);
        match after {
            None => return Ok(items),
            after if after == next => break,
            after => next = after,
        }
    }
    Err(Error::new(
        Kind::Other,
        format!("{what} does not end"),
        "Each page names another one. Check that the endpoint is that of the vendor.",
    )
    .into())
}

/// The address of a next page, if it leads to the server that was configured: credentials go nowhere else.
pub fn on_the_same_server(base: &Url, next: &str) -> Result<Url, Error> {
    let foreign = || {
        Error::new(
            Kind::Other,
            "The next page of a list lies on another server",
            format!(
                "The list came from {}, and credentials are sent nowhere else. Check the endpoint.",
                base.origin().ascii_serialization()
            ),
        )
    };
    let url = base.join(next).map_err(|_| foreign())?;
    match url.origin() == base.origin() {
        true => Ok(url),
        false => Err(foreign()),
    }
}

/// What leads to the page that a list names as its next, given as a URL or as a path.
pub fn query_of_next(base: &Url, next: &str) -> Result<Vec<(String, String)>, Error> {
    let url = on_the_same_server(base, next)?;
    Ok(url.query_pairs().into_owned().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    type Page = Result<(Vec<u32>, Option<String>), Error>;

    #[tokio::test]
    async fn every_page_is_asked_for_once() {
        let page = |marker: Option<String>| async move {
            let number = marker.map_or(0, |marker| marker.parse().unwrap());
            let next = (number < 2).then(|| (number + 1).to_string());
            Page::Ok((vec![number], next))
        };
        assert_eq!(pages("A list", page).await.unwrap(), [0, 1, 2]);
    }

    #[tokio::test]
    async fn a_list_without_an_end_is_no_list() {
        let again = |_| async { Page::Ok((vec![1], Some("same".to_owned()))) };
        assert!(pages("A list", again).await.is_err());
        let mut count = 0;
        let endless = |_| {
            count += 1;
            let next = count.to_string();
            async { Page::Ok((vec![1], Some(next))) }
        };
        let error = pages("A list", endless).await.unwrap_err();
        assert_eq!(error.summary, "A list does not end");
    }

    #[test]
    fn the_next_page_lies_on_the_same_server() {
        let base = Url::parse("https://api.example.com/v1/keys").unwrap();
        for next in ["/v1/keys?page=2", "https://api.example.com/v1/keys?page=2"] {
            assert!(on_the_same_server(&base, next).is_ok(), "{next}");
        }
        for next in [
            "https://example.org/v1/keys",
            "http://api.example.com/v1/keys",
            "https://api.example.com:8443/",
            "//example.org/",
        ] {
            assert!(on_the_same_server(&base, next).is_err(), "{next}");
        }
    }
}
