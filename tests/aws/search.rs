//! The search for keys of a whole account, against servers that hand out pages.

use apikey::error::{Kind, Path, Result};
use apikey::issuers::{self, Search};
use apikey::settings::Settings;

use super::{Fields, block, context};
use crate::support::fake::{Fake, Reply};
use crate::support::golden::error_reads;

fn users(names: &[&str], marker: Option<&str>) -> Reply {
    let members: String = names
        .iter()
        .map(|name| format!("<member><UserName>{name}</UserName></member>"))
        .collect();
    answer("ListUsers", &format!("<Users>{members}</Users>"), marker)
}

fn keys(ids: &[&str], marker: Option<&str>) -> Reply {
    let members: String = ids
        .iter()
        .map(|id| {
            format!(
                "<member><AccessKeyId>{id}</AccessKeyId><Status>Active</Status>\
                 <CreateDate>2026-11-22T20:41:12Z</CreateDate></member>"
            )
        })
        .collect();
    let members = format!("<AccessKeyMetadata>{members}</AccessKeyMetadata>");
    answer("ListAccessKeys", &members, marker)
}

fn answer(operation: &str, members: &str, marker: Option<&str>) -> Reply {
    let more = match marker {
        Some(marker) => format!("<IsTruncated>true</IsTruncated><Marker>{marker}</Marker>"),
        None => "<IsTruncated>false</IsTruncated>".to_owned(),
    };
    Reply::of(
        200,
        format!(
            "<{operation}Response><{operation}Result>{members}{more}</{operation}Result></{operation}Response>"
        ),
    )
}

fn search(fake: &Fake, settings: &Fields) -> Box<dyn Search> {
    try_search(&fake.url(), settings).unwrap()
}

fn try_search(url: &str, settings: &Fields) -> Result<Box<dyn Search>> {
    let context = context(block(url, "AKIATEST", "made-up-admin-canary"));
    let settings = Settings::new(Path::root("issuer").attribute("aws_iam"), settings);
    let kind = issuers::find("aws_iam").unwrap();
    kind.search(&settings, &context)
}

async fn found(search: &mut dyn Search) -> Vec<String> {
    let mut found = Vec::new();
    while let Some(page) = search.next().await.unwrap() {
        found.extend(
            page.into_iter()
                .map(|it| format!("{} {}", it.owner, it.key.key_id)),
        );
    }
    found
}

fn parameter(request: &str, name: &str) -> Option<String> {
    let (_, body) = request.split_once("\r\n\r\n")?;
    let mut pairs = body.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.to_owned())
}

#[tokio::test]
async fn every_page_of_users_and_of_keys_is_read() {
    let fake = Fake::start([
        users(&["a"], Some("m1")),
        keys(&["AKIA1"], Some("k1")),
        keys(&["AKIA2"], None),
        // A page may be empty and still have a successor.
        users(&[], Some("m2")),
        users(&["b", "c"], None),
        keys(&[], None),
        keys(&["AKIA3"], None),
    ]);
    let mut search = search(&fake, &Fields::new());
    assert_eq!(
        found(&mut *search).await,
        ["user a AKIA1", "user a AKIA2", "user c AKIA3"]
    );
    let requests = fake.requests();
    let markers: Vec<_> = requests.iter().map(|it| parameter(it, "Marker")).collect();
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(
        markers,
        [None, None, some("k1"), some("m1"), some("m2"), None, None]
    );
}

#[tokio::test]
async fn nothing_more_is_asked_than_somebody_wants() {
    let fake = Fake::start([users(&["a", "b"], Some("m1")), keys(&["AKIA1"], None)]);
    let mut search = search(&fake, &Fields::new());
    assert_eq!(search.next().await.unwrap().unwrap().len(), 1);
    assert_eq!(fake.requests().len(), 2);
}

#[tokio::test]
async fn a_user_who_was_deleted_meanwhile_is_passed_over_and_one_who_is_named_is_not() {
    let gone = || {
        Reply::of(
            404,
            "<ErrorResponse><Error><Code>NoSuchEntity</Code><Message>no</Message></Error></ErrorResponse>",
        )
    };
    let fake = Fake::start([users(&["a", "b"], None), gone(), keys(&["AKIA1"], None)]);
    let mut all = search(&fake, &Fields::new());
    assert_eq!(found(&mut *all).await, ["user b AKIA1"]);

    let fake = Fake::start([gone()]);
    let named = Fields::from([("user_name".to_owned(), super::text("a"))]);
    let error = search(&fake, &named).next().await.unwrap_err();
    assert_eq!(error.kind, Kind::NotFound);
}

#[tokio::test]
async fn a_path_narrows_the_search_at_the_server() {
    let fake = Fake::start([users(&[], None)]);
    let path = Fields::from([("path_prefix".to_owned(), super::text("/machines/"))]);
    assert!(found(&mut *search(&fake, &path)).await.is_empty());
    let prefix = parameter(&fake.requests()[0], "PathPrefix");
    assert_eq!(prefix.as_deref(), Some("%2Fmachines%2F"));
}

#[test]
fn what_cannot_be_searched_for_is_refused_before_anything_is_sent() {
    for (name, settings) in [
        ("aws-search-by-no-path", vec![("path_prefix", "machines/")]),
        (
            "aws-search-by-an-arn",
            vec![("user_name", "arn:aws:iam::123456789012:user/ci")],
        ),
        (
            "aws-search-by-two-names",
            vec![("user_name", "ci"), ("path_prefix", "/machines/")],
        ),
    ] {
        let settings = settings.into_iter();
        let settings = settings.map(|(name, value)| (name.to_owned(), super::text(value)));
        let refused = try_search("http://127.0.0.1:1", &settings.collect());
        error_reads(name, &refused.err().unwrap());
    }
}

#[tokio::test]
async fn a_list_without_an_end_is_left() {
    let fake = Fake::start([users(&[], Some("again"))]);
    let error = search(&fake, &Fields::new()).next().await.unwrap_err();
    error_reads("aws-search-without-an-end", &error);
}
