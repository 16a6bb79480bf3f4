//! `moved` blocks: a key that another provider made becomes the primary of an `apikey_managed`. Nothing is minted.
//!
//! The secret is in the state of the other provider already. It stays in ours until the next apply has delivered it.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde_json::Value as Json;
use tf_provider::Diagnostics;
use tf_provider::value::{Value, ValueAny};

use crate::context::SharedContext;
use crate::error::{Error, Kind, Result};
use crate::instant::Instant;
use crate::protocol::authoring::{MoveState, Origin, Source};
use crate::resources::diagnostics;
use crate::resources::managed::import::{adopted, existing, id_of};
use crate::resources::managed::model::{Fields, ManagedState, Private};
use crate::secret::Secret;

const RANDOM_PASSWORD: Origin = Origin {
    provider: "hashicorp/random",
    type_name: "random_password",
};
const AWS_ACCESS_KEY: Origin = Origin {
    provider: "hashicorp/aws",
    type_name: "aws_iam_access_key",
};
static ORIGINS: &[Origin] = &[RANDOM_PASSWORD, AWS_ACCESS_KEY];

/// What the keys of the issuer `generated` begin with in a state that came from a `random_password`, until the
/// configuration says something else.
const PREFIX: &str = "random_password";

/// Moves to `apikey_managed`.
pub struct Moves {
    context: SharedContext,
}

impl Moves {
    /// Moves may happen before the provider is configured.
    pub fn new(context: SharedContext) -> Self {
        Self { context }
    }

    fn now(&self) -> Instant {
        self.context.clock.now()
    }
}

#[async_trait]
impl MoveState for Moves {
    type State<'a> = ManagedState;
    type PrivateState<'a> = Option<Private>;

    fn origins(&self) -> &'static [Origin] {
        ORIGINS
    }

    async fn moved<'a>(
        &self,
        diags: &mut Diagnostics,
        source: Source,
    ) -> Option<(ManagedState, Option<Private>)> {
        let state = match source.origin {
            RANDOM_PASSWORD => password(&source.state, self.now()),
            _ => access_key(&source.state, self.now(), diags),
        };
        match state {
            Ok(mut state) => {
                state.last_action = Value::Value("move".into());
                Some((state, None))
            }
            Err(error) => {
                diagnostics::report(diags, error);
                None
            }
        }
    }
}

/// The state of a `random_password` does not tell when it was made, so its age counts from the move.
fn password(state: &Json, now: Instant) -> Result<ManagedState> {
    let secret = text(state, "result").map(Secret::new).ok_or_else(|| {
        Error::new(
            Kind::Invalid,
            "random_password cannot be moved",
            "Its state holds no result, so there is no key to take over. Remove the moved block, and let apply mint the \
             first key.",
        )
    })?;
    let mark = secret.fingerprint();
    let id = format!("{PREFIX}:{}", mark.as_str().trim_start_matches("sha256:"));
    let settings = BTreeMap::from([("prefix".to_owned(), ValueAny::String(PREFIX.into()))]);
    let key = existing(None, now);
    Ok(adopted(id, "generated", settings, key, Some(secret)))
}

fn access_key(state: &Json, now: Instant, diags: &mut Diagnostics) -> Result<ManagedState> {
    let missing = |what: &str| {
        Error::new(
            Kind::Invalid,
            "aws_iam_access_key cannot be moved",
            format!(
                "Its state holds no {what}, so it is not known which key to take over. Remove the moved block, take the \
                 key out of the state with a removed block, and import it as \"aws_iam:<id of the key>\"."
            ),
        )
    };
    let key_id = text(state, "id").ok_or_else(|| missing("id"))?;
    let user = text(state, "user").ok_or_else(|| missing("user"))?;
    let created = text(state, "create_date").and_then(|date| Instant::parse(&date));
    let secret = text(state, "secret").map(Secret::new);
    if secret.is_none() {
        diagnostics::warn(diags, without_secret(&key_id, state));
    }
    let settings: Fields = BTreeMap::from([("user_name".to_owned(), ValueAny::String(user))]);
    let id = id_of("aws_iam", &key_id);
    let key = existing(Some(key_id), created.unwrap_or(now));
    Ok(adopted(id, "aws_iam", settings, key, secret))
}

fn without_secret(key_id: &str, state: &Json) -> Error {
    let reason = match text(state, "encrypted_secret") {
        Some(_) => {
            "The state holds it encrypted for a PGP key, which this provider does not have. Decrypt it"
        }
        None => {
            "AWS shows it only once, and the state does not hold it. If you have it, hand it in"
        }
    };
    Error::new(
        Kind::Other,
        format!("{key_id} is taken over without its secret"),
        format!(
            "{reason} through existing_secret_wo, and the next apply delivers it. Otherwise the key stays as it is, and \
             its deliveries are filled when the next rotation replaces it."
        ),
    )
}

/// A text that is there and not empty.
fn text(state: &Json, name: &str) -> Option<String> {
    let text = state.get(name)?.as_str()?;
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn moved(origin: Origin, state: Json) -> (Option<ManagedState>, Diagnostics) {
        let moves = Moves::new(SharedContext::offline());
        let mut diags = Diagnostics::default();
        let source = Source {
            origin,
            provider_address: format!("registry.terraform.io/{}", origin.provider),
            schema_version: 0,
            state,
            private: Vec::new(),
            identity: None,
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let moved = runtime.block_on(moves.moved(&mut diags, source));
        (moved.map(|(state, _)| state), diags)
    }

    #[test]
    fn the_age_of_an_access_key_counts_from_its_creation() {
        let state = json!({
            "id": "AKIAIOSFODNN7EXAMPLE", "user": "ci", "secret": "made-up-canary",
            "create_date": "2025-03-01T10:00:00Z", "status": "Active",
        });
        let (state, diags) = moved(AWS_ACCESS_KEY, state);
        let primary = state.unwrap().primary.unwrap();
        assert_eq!(
            primary.created_at,
            Value::Value("2025-03-01T10:00:00Z".into())
        );
        assert_eq!(primary.promoted_at, primary.created_at);
        assert!(primary.secret.is_value() && primary.fingerprint.is_value());
        assert!(diags.warnings.is_empty());
    }

    #[test]
    fn an_encrypted_secret_is_not_taken_for_the_secret() {
        let state = json!({
            "id": "AKIAIOSFODNN7EXAMPLE", "user": "ci", "secret": null, "pgp_key": "keybase:x",
            "encrypted_secret": "made-up-canary", "create_date": "2025-03-01T10:00:00Z",
        });
        let (state, diags) = moved(AWS_ACCESS_KEY, state);
        let primary = state.unwrap().primary.unwrap();
        assert!(primary.secret.is_null() && primary.fingerprint.is_null());
        assert!(diags.warnings[0].detail.contains("PGP"));
    }

    #[test]
    fn a_state_without_a_key_is_refused() {
        for (origin, state, words) in [
            (
                RANDOM_PASSWORD,
                json!({ "id": "none", "result": "" }),
                "no result",
            ),
            (RANDOM_PASSWORD, json!(null), "no result"),
            (AWS_ACCESS_KEY, json!({ "user": "ci" }), "no id"),
            (
                AWS_ACCESS_KEY,
                json!({ "id": "AKIAIOSFODNN7EXAMPLE" }),
                "no user",
            ),
        ] {
            let (state, diags) = moved(origin, state);
            assert!(state.is_none());
            assert!(diags.errors[0].detail.contains(words), "{diags:?}");
        }
    }
}
