//! One request as it came over the wire.

use std::io::{self, Read};

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
        let call = self
            .parameter("Action")
            .or_else(|| Some(self.header("x-amz-target")?.rsplit('.').next()?.to_owned()))
            .unwrap_or_else(|| format!("{} {}", self.method, self.path()));
        format!("{place} {call} {}", self.signer(session))
    }

    /// The path without the query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    fn signer(&self, session: impl Fn(&str) -> String) -> String {
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
        format!("{} {}/{}", session(scope[0]), scope[2], scope[3])
    }
}
