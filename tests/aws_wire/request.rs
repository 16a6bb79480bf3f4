//! One request as it came over the wire.

use std::io::{self, Read};
use std::time::{Duration, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use chrono::NaiveDateTime;

use reqwest::Url;

pub struct Request {
    pub method: String,
    pub target: String,
    pub bytes: Vec<u8>,
    head: String,
    body: String,
}

impl Request {
    pub fn read(stream: &mut impl Read) -> io::Result<Self> {
        let mut bytes = Vec::new();
        let mut chunk = [0; 8192];
        loop {
            if let Some(request) = Self::whole(&bytes) {
                return Ok(request);
            }
            match stream.read(&mut chunk)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => bytes.extend_from_slice(&chunk[..count]),
            }
        }
    }

    fn whole(bytes: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n")?;
        let mut words = head.split_whitespace();
        let request = Self {
            method: words.next()?.to_owned(),
            target: words.next()?.to_owned(),
            head: head.to_owned(),
            body: body.to_owned(),
            bytes: bytes.to_owned(),
        };
        let length = request
            .header("content-length")
            .and_then(|text| text.parse().ok());
        (body.len() >= length.unwrap_or(0)).then_some(request)
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self
            .head
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(": "));
        let (_, value) = lines.find(|(key, _)| key.eq_ignore_ascii_case(name))?;
        Some(value)
    }

    /// A parameter of the form in the body.
    pub fn parameter(&self, name: &str) -> Option<String> {
        let url = Url::parse(&format!("form:?{}", self.body)).ok()?;
        let mut pairs = url.query_pairs();
        let (_, value) = pairs.find(|(key, _)| key == name)?;
        Some(value.into_owned())
    }

    pub fn body(&self) -> &str {
        &self.body
    }

    /// `iam.amazonaws.com ListAccessKeys AKIA… us-east-1/iam`: host, call, and whoever signed for where.
    pub fn line(&self, host: Option<&str>, session: impl Fn(&str) -> String) -> String {
        let place = match (host, self.target.starts_with('/')) {
            (Some(host), _) => host.to_owned(),
            (None, true) => "direct".to_owned(),
            (None, false) => format!("in the clear {}", self.target),
        };
        let called = self
            .parameter("Action")
            .or_else(|| Some(self.header("x-amz-target")?.rsplit('.').next()?.to_owned()));
        let signer = self.signer(host, session);
        match called {
            Some(call) => {
                let path = self.path().trim_end_matches('/');
                format!("{place}{path} {call} {signer}")
            }
            None => format!("{place} {} {} {signer}", self.method, self.path()),
        }
    }

    /// The path without the query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    fn signer(&self, host: Option<&str>, session: impl Fn(&str) -> String) -> String {
        let Some(text) = self
            .header("authorization")
            .filter(|text| text.contains("Credential="))
        else {
            return "unsigned".to_owned();
        };
        let after = |word| text.split_once(word).map_or("", |(_, rest)| rest);
        let scope: Vec<&str> = after("Credential=").split(['/', ',']).collect();
        let signature = after("Signature=");
        let is_signed =
            signature.len() == 64 && signature.bytes().all(|byte| byte.is_ascii_hexdigit());
        assert!(is_signed, "no signature: {text}");
        if let Some(again) = self.signed_again(host, &scope, after("SignedHeaders=")) {
            assert_eq!(signature, again, "it is signed with something else: {text}");
        }
        format!("{} {}/{}", session(scope[0]), scope[2], scope[3])
    }

    /// The signature that the key of the case makes of it. The keys of sessions are those of moto, which nobody else knows;
    /// what others send is signed by their own rules.
    fn signed_again(&self, host: Option<&str>, scope: &[&str], headers: &str) -> Option<String> {
        let is_ours = self
            .header("user-agent")?
            .starts_with("terraform-provider-apikey");
        if !is_ours || !scope[0].contains("EXAMPLE") {
            return None;
        }
        let token = self.header("x-amz-security-token").map(str::to_owned);
        let identity = Credentials::new(scope[0], "made-up-canary", token, None, "a case").into();
        let time = NaiveDateTime::parse_from_str(self.header("x-amz-date")?, "%Y%m%dT%H%M%SZ");
        let seconds = u64::try_from(time.ok()?.and_utc().timestamp()).ok()?;
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(scope[2])
            .name(scope[3])
            .time(UNIX_EPOCH + Duration::from_secs(seconds))
            .settings(SigningSettings::default())
            .build()
            .ok()?
            .into();
        // What the signer puts there by itself.
        let own = ["host", "x-amz-date", "x-amz-security-token"];
        let names = headers.split(',').next()?.split(';');
        let names = names.filter(|name| !own.contains(name));
        let headers = names.filter_map(|name| Some((name, self.header(name)?)));
        let url = format!("https://{}{}", host?, self.target);
        let body = SignableBody::Bytes(self.body.as_bytes());
        let signable = SignableRequest::new(&self.method, url, headers, body).ok()?;
        let signed = sign(signable, &parameters).ok()?;
        Some(signed.signature().to_owned())
    }
}
