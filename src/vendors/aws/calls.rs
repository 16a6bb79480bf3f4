//! The calls of both protocols, and those that carry a token of their own.

use aws_credential_types::Credentials;
use quick_xml::events::Event;
use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::client::AwsClient;
use super::credentials::Held;
use super::endpoint::Service;
use super::refusal;
use super::side::{Side, Signer};
use crate::error::{Error, Kind};
use crate::http::{Body, Call, Refusal, Repeat, Vendor, json};
use crate::secret::Secret;

const JSON: &str = "application/x-amz-json-1.1";

/// One call of the query protocol: a form goes out, XML comes back.
#[derive(Clone, Copy)]
pub struct Query<'a> {
    /// The service.
    pub service: Service,
    /// The operation, such as `CreateAccessKey`.
    pub operation: &'a str,
    /// Its parameters.
    pub parameters: &'a [(&'a str, &'a str)],
    /// Whether it may be sent again.
    pub repeat: Repeat,
}

/// One call of the JSON protocol.
pub struct Json<'a, Input> {
    /// The service.
    pub service: Service,
    /// The region, in place of the provider's.
    pub region: Option<&'a str>,
    /// The operation, such as `PutSecretValue`.
    pub operation: &'a str,
    /// Its input.
    pub input: &'a Input,
    /// What it carries that must not come back in a message.
    pub secrets: &'a [&'a Secret],
}

impl AwsClient {
    /// Makes a call of the query protocol with the provider's credentials.
    pub async fn query<Output: DeserializeOwned>(
        &self,
        query: Query<'_>,
    ) -> Result<Output, Refusal> {
        self.query_as(Signer::Provider, query).await
    }

    /// The same call with a key that is to be tried.
    pub async fn query_with<Output: DeserializeOwned>(
        &self,
        key_id: &str,
        secret: &Secret,
        query: Query<'_>,
    ) -> Result<Output, Refusal> {
        let key = Credentials::new(key_id, secret.expose(), None, None, "apikey");
        let key = Held::new(key, "this resource");
        self.query_as(Signer::Held(&key), query).await
    }

    /// The same call, signed by somebody else.
    pub(super) async fn query_as<Output: DeserializeOwned>(
        &self,
        signer: Signer<'_>,
        query: Query<'_>,
    ) -> Result<Output, Refusal> {
        let side = Side::new(self, query.service, None, signer);
        let fixed = [
            ("Action", query.operation),
            ("Version", version(query.service)),
        ];
        let call = Call {
            body: Body::form(fixed.into_iter().chain(query.parameters.iter().copied())),
            ..call(query.operation, query.repeat)
        };
        let answer = self.wire().await?.call(&side, &call).await?;
        let text = std::str::from_utf8(&answer.body).ok();
        text.filter(|text| is_answer_to(query.operation, text))
            .and_then(|text| quick_xml::de::from_str(text).ok())
            .ok_or_else(|| Refusal::not_understood(side.side(), side.name(), query.operation))
    }

    /// Makes a call of the JSON protocol. Every one that this provider makes may be repeated.
    pub async fn json<Input: Serialize, Output: DeserializeOwned>(
        &self,
        input: Json<'_, Input>,
    ) -> Result<Output, Refusal> {
        let side = Side::new(self, input.service, input.region, Signer::Provider);
        let text = serde_json::to_string(input.input).map_err(|_| odd_request(input.operation))?;
        let target = format!("{}.{}", input.service.target(), input.operation);
        let target = HeaderValue::try_from(target).map_err(|_| odd_request(input.operation))?;
        let call = Call {
            headers: HeaderMap::from_iter([(HeaderName::from_static("x-amz-target"), target)]),
            body: Body::new(JSON, text.into()),
            secrets: input.secrets,
            ..call(input.operation, Repeat::Freely)
        };
        let answer = self.wire().await?.call(&side, &call).await?;
        json(&answer, &side, &call)
    }

    /// Makes a call that carries a token of its own and is not signed.
    pub(super) async fn unsigned<Output: DeserializeOwned>(
        &self,
        service: Service,
        region: &str,
        call: &Call<'_>,
    ) -> Result<Output, Refusal> {
        let side = Side::new(self, service, Some(region), Signer::Nobody("the sign-in"));
        let answer = self.wire().await?.call(&side, call).await?;
        json(&answer, &side, call)
    }
}

fn call(operation: &str, repeat: Repeat) -> Call<'_> {
    Call {
        may_be_quoted: refusal::may_be_quoted(operation),
        ..Call::new(operation, Method::POST, "", repeat)
    }
}

/// Whether a document is the answer to an operation: the page of a proxy says of nothing that it was done.
fn is_answer_to(operation: &str, text: &str) -> bool {
    let mut reader = quick_xml::Reader::from_str(text);
    let name = format!("{operation}Response");
    loop {
        return match reader.read_event() {
            Ok(Event::Start(root) | Event::Empty(root)) => {
                root.local_name().as_ref() == name.as_str()
            }
            Ok(Event::Eof) | Err(_) => false,
            Ok(_) => continue,
        };
    }
}

fn version(service: Service) -> &'static str {
    match service {
        Service::Iam => "2010-05-08",
        Service::Sts => "2011-06-15",
        Service::SecretsManager => "2017-10-17",
        Service::Ssm => "2014-11-06",
        Service::Sso => "2019-06-10",
        Service::SsoOidc => "2019-06-10",
        Service::Ecs => "2014-11-13",
        Service::CloudTrail => "2013-11-01",
    }
}

fn odd_request(operation: &str) -> Error {
    Error::new(
        Kind::Other,
        format!("The call {operation} could not be written"),
        "Report this as a bug of the provider.",
    )
}
