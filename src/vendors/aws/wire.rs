//! Signatures.

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use reqwest::Request;
use reqwest::header::{HeaderName, HeaderValue};

use super::credentials::now;
use super::endpoint::Service;
use super::library;

/// Signs the request for a service in a region.
pub fn put_signature(
    request: &mut Request,
    body: &[u8],
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
        SignableBody::Bytes(body),
    )
    .map_err(|error| error.to_string())?;
    let signed = library::caught(|| sign(signable, &parameters));
    let signed = signed.ok_or("AWS's signer gave up on the credentials, the region or the URL")?;
    let signed = signed.map_err(|error| error.to_string())?;
    let (headers, _) = signed.into_parts().0.into_parts();
    for header in headers {
        let mut value = HeaderValue::from_str(header.value()).map_err(|error| error.to_string())?;
        value.set_sensitive(header.sensitive());
        let name = HeaderName::try_from(header.name()).map_err(|error| error.to_string())?;
        request.headers_mut().insert(name, value);
    }
    Ok(())
}
