//! The header `Link`, in which a page names the next one.

use reqwest::header::LINK;

use super::transport::Answer;

/// The address of the next page in a header `Link` (RFC 8288). Some servers name one on the last page too, and say
/// beside it that nothing is there.
pub fn next_link(answer: &Answer) -> Option<String> {
    let headers = answer.headers.get_all(LINK);
    let texts = headers.iter().filter_map(|value| value.to_str().ok());
    texts.flat_map(links).find_map(|(address, parameters)| {
        let says = |name: &str, value: &str| {
            parameters.iter().any(|(there, says)| {
                there.eq_ignore_ascii_case(name)
                    && says
                        .split_whitespace()
                        .any(|word| word.eq_ignore_ascii_case(value))
            })
        };
        (says("rel", "next") && !says("results", "false")).then_some(address)
    })
}

type LinkParameters = Vec<(String, String)>;

fn links(text: &str) -> Vec<(String, LinkParameters)> {
    let mut links = Vec::new();
    let mut rest = text;
    while let Some((address, after)) = rest
        .split_once('<')
        .and_then(|(_, rest)| rest.split_once('>'))
    {
        let end = after.find('<').unwrap_or(after.len());
        let parameters = after[..end]
            .trim_end_matches([',', ' '])
            .split(';')
            .filter_map(|it| {
                let (name, value) = it.split_once('=')?;
                Some((
                    name.trim().to_owned(),
                    value.trim().trim_matches('"').to_owned(),
                ))
            });
        links.push((address.trim().to_owned(), parameters.collect()));
        rest = &after[end..];
    }
    links
}
