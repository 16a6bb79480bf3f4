//! Tokens, for what a known key has signed, and for everybody else whom Google gives one.

use std::sync::LazyLock;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use rsa::RsaPrivateKey;
use rsa::pkcs8::{EncodePrivateKey, LineEnding};
use rsa::rand_core::OsRng;
use serde_json::{Value, json};

use super::{
    Answer, DEPLOY, Google, Key, PROJECT, REFRESH_TOKEN, Request, SUBJECT_TOKEN, State, no, now,
};

/// A key pair: the private part in PEM, the public part as the signature is checked with it.
#[derive(Clone)]
pub struct Pair {
    pub private: String,
    pub public: Vec<u8>,
}

impl Pair {
    pub fn make() -> Self {
        let key = RsaPrivateKey::new(&mut OsRng, 2048).unwrap();
        let der = key.to_pkcs8_der().unwrap();
        let signer = RsaKeyPair::from_pkcs8(der.as_bytes()).unwrap();
        Self {
            private: key.to_pkcs8_pem(LineEnding::LF).unwrap().to_string(),
            public: signer.public_key().as_ref().to_vec(),
        }
    }
}

/// That of the provider; making one takes a while.
static DEPLOY_PAIR: LazyLock<Pair> = LazyLock::new(Pair::make);
const DEPLOY_KEY: &str = "d0d0d0d0d0d0";

impl State {
    pub(super) fn add_deploy_key(&mut self) {
        let key = Key::of(DEPLOY_PAIR.public.clone(), "GOOGLE_PROVIDED");
        let account = self.accounts.get_mut(DEPLOY).unwrap();
        account.keys.insert(DEPLOY_KEY.to_owned(), key);
    }

    /// The credentials file of a key.
    pub(super) fn file(&self, email: &str, key_id: &str, private: &str) -> Value {
        json!({
            "type": "service_account",
            "project_id": PROJECT,
            "private_key_id": key_id,
            "private_key": private,
            "client_email": email,
            "token_uri": format!("{}/token", self.url),
            "universe_domain": "googleapis.com",
        })
    }

    /// A new token of somebody.
    pub fn token_of(&mut self, owner: &str) -> String {
        let token = format!("ya29.made-up-{}", self.next());
        self.tokens.insert(token.clone(), owner.to_owned());
        token
    }

    fn give(&mut self, owner: &str) -> Answer {
        let token = self.token_of(owner);
        let body = json!({ "access_token": token, "expires_in": 3599, "token_type": "Bearer" });
        Answer(200, body)
    }
}

impl Google {
    /// The credentials file of the provider.
    pub fn credentials(&self) -> String {
        let state = self.state();
        state
            .file(DEPLOY, DEPLOY_KEY, &DEPLOY_PAIR.private)
            .to_string()
    }
}

fn invalid_grant(description: &str) -> Answer {
    Answer(
        400,
        json!({ "error": "invalid_grant", "error_description": description }),
    )
}

pub fn answer(state: &mut State, request: &Request) -> Option<Answer> {
    match request.path.as_str() {
        "/token" => {
            let form = request.form();
            let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
            Some(match field("grant_type") {
                "refresh_token" if field("refresh_token") == REFRESH_TOKEN => {
                    state.give("a person")
                }
                "refresh_token" => invalid_grant("Token has been expired or revoked."),
                _ => match signer(state, field("assertion")) {
                    Some(email) => state.give(&email),
                    None => invalid_grant("Invalid JWT Signature."),
                },
            })
        }
        "/sts/v1/token" => {
            let form = request.form();
            let shown = form.get("subject_token").map(String::as_str);
            Some(match shown == Some(SUBJECT_TOKEN) {
                true => state.give("a workload"),
                false => invalid_grant("The token is not accepted by the provider."),
            })
        }
        "/subject" => Some(Answer(200, json!({ "value": SUBJECT_TOKEN }))),
        path if path.starts_with("/computeMetadata/v1/") => Some(metadata(state, request)),
        path => {
            let path = path.strip_prefix("/iamcredentials/v1/projects/-/serviceAccounts/")?;
            let email = path.strip_suffix(":generateAccessToken")?;
            let owner = request.bearer.as_ref().and_then(|it| state.tokens.get(it));
            if owner.is_none() {
                return Some(no(401, "UNAUTHENTICATED", "Who are you?"));
            }
            let refused = state.permits("iam.serviceAccounts.getAccessToken");
            Some(refused.unwrap_or_else(|| {
                let token = state.token_of(email);
                Answer(
                    200,
                    json!({ "accessToken": token, "expireTime": "9999-12-31T23:59:59Z" }),
                )
            }))
        }
    }
}

fn metadata(state: &mut State, request: &Request) -> Answer {
    if request.header("metadata-flavor").as_deref() != Some("Google") {
        return no(
            403,
            "PERMISSION_DENIED",
            "Missing Metadata-Flavor:Google header.",
        );
    }
    match request.path.ends_with("/token") {
        true => state.give("a machine"),
        false => Answer(200, json!({})),
    }
}

/// Whose enabled key has signed an assertion that is meant for this server and still holds.
fn signer(state: &State, assertion: &str) -> Option<String> {
    let (message, signature) = assertion.rsplit_once('.')?;
    let (header, claims) = message.split_once('.')?;
    let decode = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).ok();
    let header: Value = serde_json::from_slice(&decode(header)?).ok()?;
    let claims: Value = serde_json::from_slice(&decode(claims)?).ok()?;
    let email = claims["iss"].as_str()?;
    let key = state
        .accounts
        .get(email)?
        .keys
        .get(header["kid"].as_str()?)?;
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &key.public);
    let is_signed = public
        .verify(message.as_bytes(), &decode(signature)?)
        .is_ok();
    let (issued, ends) = (claims["iat"].as_i64()?, claims["exp"].as_i64()?);
    let now = apikey::instant::Instant::parse(&now())?.unix();
    let holds = issued <= now + 300 && ends > now && ends - issued <= 3600;
    let is_meant = claims["aud"] == format!("{}/token", state.url);
    let accepted = is_signed && holds && is_meant && !key.disabled;
    accepted.then(|| email.to_owned())
}
