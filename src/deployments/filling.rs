//! What is put into the requests of a deployment: what it is about, and nothing secret.

use http::{HeaderName, HeaderValue};
use reqwest::Url;

use super::Occasion;
use crate::error::{Error, Kind, Result};
use crate::http::{Escape, Template};

/// What is put in, as text.
#[derive(Default)]
pub(super) struct Values {
    name: String,
    generation: String,
    fingerprint: String,
    requested_at: String,
    id: String,
}

impl Values {
    pub fn of(occasion: &Occasion) -> Self {
        Self {
            name: occasion.name.clone(),
            generation: occasion.generation.to_string(),
            fingerprint: occasion.fingerprint.clone(),
            requested_at: occasion.requested_at.to_string(),
            id: occasion.id.clone().unwrap_or_default(),
        }
    }

    pub fn pairs(&self) -> [(&str, &str); 5] {
        [
            ("name", &self.name),
            ("generation", &self.generation),
            ("fingerprint", &self.fingerprint),
            ("requested_at", &self.requested_at),
            ("id", &self.id),
        ]
    }
}

/// The address with the values in place.
pub(super) fn filled_url(template: &Template, values: &Values) -> Result<Url> {
    let text = template.fill_address(&values.pairs(), "the address of the deployment")?;
    Url::parse(&text).map_err(|_| {
        Error::new(
            Kind::Invalid,
            "The address of the deployment is not valid",
            "With the values in place of its placeholders it is no address. Check url.",
        )
    })
}

/// The headers with the values in place.
pub(super) fn filled_headers(
    headers: &[(HeaderName, Template)],
    values: &Values,
) -> Result<Vec<(HeaderName, HeaderValue)>> {
    let fill = |(name, template): &(HeaderName, Template)| {
        let text = template.fill(&values.pairs(), Escape::None);
        let mut value = HeaderValue::from_str(&text).map_err(|_| {
            Error::new(
                Kind::Invalid,
                format!("The header {name} of the deployment cannot be sent"),
                "It holds a character that HTTP does not allow in a header. Check it, and the name of the key if it is put in.",
            )
        })?;
        value.set_sensitive(true);
        Ok((name.clone(), value))
    };
    headers.iter().map(fill).collect()
}
