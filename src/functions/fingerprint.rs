//! `provider::apikey::fingerprint(secret)`: the mark of a secret, as the state writes it.

use async_trait::async_trait;
use tf_provider::schema::{Description, FunctionSchema, Type};
use tf_provider::value::ValueString;
use tf_provider::{Diagnostics, Function};

use super::{given, text};
use crate::secret::Secret;

/// The function `fingerprint`.
pub struct Fingerprint;

#[async_trait]
impl Function for Fingerprint {
    type Input<'a> = (ValueString<'a>,);
    type Output<'a> = String;

    fn schema(&self, _: &mut Diagnostics) -> Option<FunctionSchema> {
        Some(FunctionSchema {
            parameters: vec![text(
                "secret",
                "The secret. It is not kept and not sent anywhere.",
            )],
            variadic: None,
            return_type: Type::String,
            summary: "The mark of a secret, as the state writes it".into(),
            description: Description::markdown(
                "Returns `sha256:` and the first 12 hexadecimal digits of the SHA-256 of a secret: what \
                 `primary.fingerprint` and `delivery_status` of an `apikey_managed` show. So a secret that turns up \
                 somewhere can be compared with the keys of a state. Terraform marks the result sensitive or ephemeral \
                 when the argument is; for a random key, whose fingerprint tells nothing, `nonsensitive` may take the \
                 sensitive mark away. Do not publish the fingerprint of a password that can be guessed.",
            ),
            deprecated: None,
        })
    }

    async fn call<'a>(
        &self,
        diags: &mut Diagnostics,
        (secret,): Self::Input<'a>,
    ) -> Option<String> {
        let secret = Secret::new(given(secret).into_owned());
        if secret.expose().is_empty() {
            diags.function_error(
                0,
                "The secret is empty, so there is nothing to mark. Pass the secret of a key.",
            );
            return None;
        }
        Some(secret.fingerprint().to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::testing::call;

    #[tokio::test]
    async fn the_mark_is_the_one_of_the_state() {
        let mark = call(&Fingerprint, &["made-up-canary"]).await.unwrap();
        let in_the_state = Secret::new("made-up-canary".into()).fingerprint();
        assert_eq!(mark, in_the_state.as_str());
        // Computed apart from this code, with sha256sum.
        assert_eq!(
            call(&Fingerprint, &["abc"]).await.unwrap(),
            "sha256:ba7816bf8f01"
        );
    }

    #[tokio::test]
    async fn an_empty_secret_is_refused() {
        let (argument, message) = call(&Fingerprint, &[""]).await.unwrap_err();
        assert!(argument.contains("Index(0)") && message.contains("empty"));
    }
}
