//! A request that says who signed it: somebody else sends it to AWS and believes the answer.

use std::collections::BTreeMap;

use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::{Method, Request, Url};

use super::client::AwsClient;
use super::endpoint::Service;
use super::side::signature;
use super::wire::put_signature;
use crate::error::{Error, Kind, Result};
use crate::secret::Secret;

const BODY: &str = "Action=GetCallerIdentity&Version=2011-06-15";
/// The global endpoint, which signs for this region.
const GLOBAL: (&str, &str) = ("https://sts.amazonaws.com/", "us-east-1");

/// A signed `GetCallerIdentity`, for whoever passes it on.
pub struct Identification {
    /// Where it is to be sent.
    pub url: String,
    /// The form.
    pub body: &'static str,
    /// Every header.
    pub headers: BTreeMap<String, String>,
    /// What must never appear in a message.
    pub secrets: Vec<Secret>,
}

impl AwsClient {
    /// Signs one with the credentials of the provider, for the Security Token Service of a region or the global one, with
    /// these headers besides.
    pub async fn identification(
        &self,
        region: Option<&str>,
        extra: &[(&'static str, &str)],
    ) -> Result<Identification> {
        let odd = |problem: String| {
            Error::new(
                Kind::Invalid,
                "The login with AWS could not be signed",
                format!("{problem}. Check the credentials and the region."),
            )
        };
        let (url, region) = match region {
            Some(region) => self.locate(Service::Sts, Some(region)).await?,
            None => {
                let url = Url::parse(GLOBAL.0).map_err(|problem| odd(problem.to_string()))?;
                (url, GLOBAL.1.to_owned())
            }
        };
        let held = self.credentials().await?;
        let mut request = Request::new(Method::POST, url.clone());
        let form = HeaderValue::from_static("application/x-www-form-urlencoded; charset=utf-8");
        request.headers_mut().insert(CONTENT_TYPE, form);
        for (name, value) in extra {
            let value = HeaderValue::from_str(value).map_err(|problem| odd(problem.to_string()))?;
            request
                .headers_mut()
                .insert(HeaderName::from_static(name), value);
        }
        put_signature(
            &mut request,
            BODY.as_bytes(),
            Service::Sts,
            &held.credentials,
            &region,
        )
        .map_err(odd)?;
        let headers = request.headers().iter();
        let headers = headers
            .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())));
        let secrets = held.hidden().map(Secret::duplicate);
        Ok(Identification {
            url: url.to_string(),
            body: BODY,
            headers: headers.collect(),
            secrets: secrets.chain(signature(&request)).collect(),
        })
    }
}
