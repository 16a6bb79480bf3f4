//! What goes over the wire: forms and signatures.

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Request, Url};
use zeroize::Zeroizing;

use super::credentials::now;
use super::endpoint::Service;

/// The body of a call of the query protocol.
pub fn form<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Zeroizing<String> {
    // A URL is the encoder at hand, and one that always parses; only its query is used.
    let mut form = Zeroizing::new(String::new());
    if let Ok(mut url) = Url::parse("form:") {
        url.query_pairs_mut().extend_pairs(pairs);
        form.push_str(url.query().unwrap_or_default());
    }
    form
}

/// Signs the request for a service in a region.
pub fn put_signature(
    request: &mut Request,
    body: &str,
    service: Service,
    credentials: &Credentials,
    region: &str,
) -> Result<(), String> {
    let identity = credentials.clone().into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(service.name())
        .time(now())
        .settings(SigningSettings::default())
        .build()
        .map_err(|error| error.to_string())?
        .into();
    let headers = request
        .headers()
        .iter()
        .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let signable = SignableRequest::new(
        request.method().as_str(),
        request.url().as_str(),
        headers,
        SignableBody::Bytes(body.as_bytes()),
    )
    .map_err(|error| error.to_string())?;
    let signed = sign(signable, &parameters).map_err(|error| error.to_string())?;
    let (headers, _) = signed.into_parts().0.into_parts();
    for header in headers {
        let mut value = HeaderValue::from_str(header.value()).map_err(|error| error.to_string())?;
        value.set_sensitive(header.sensitive());
        let name = HeaderName::try_from(header.name()).map_err(|error| error.to_string())?;
        request.headers_mut().insert(name, value);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_encoded() {
        let pairs = [("Action", "X"), ("UserName", "a+b@c d&e=f")];
        let form = form(pairs.into_iter());
        assert_eq!(*form, "Action=X&UserName=a%2Bb%40c+d%26e%3Df");
    }
}
