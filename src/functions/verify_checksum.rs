//! `provider::apikey::verify_checksum(key)`: tells a key of the built-in issuer from a look-alike.

use std::borrow::Cow;

use async_trait::async_trait;
use tf_provider::schema::{Description, FunctionSchema, Parameter, Type};
use tf_provider::value::{Value, ValueString};
use tf_provider::{Diagnostics, Function};

use crate::issuers::generated;

/// The function `verify_checksum`.
pub struct VerifyChecksum;

#[async_trait]
impl Function for VerifyChecksum {
    type Input<'a> = (ValueString<'a>,);
    type Output<'a> = bool;

    fn schema(&self, _: &mut Diagnostics) -> Option<FunctionSchema> {
        Some(FunctionSchema {
            parameters: vec![Parameter {
                name: "key".into(),
                param_type: Type::String,
                // A key that is not there is not a key: the answer is false, not an error.
                allow_null: true,
                allow_unknown: false,
                description: Description::markdown("The text to judge."),
            }],
            variadic: None,
            return_type: Type::Bool,
            summary: "Tells a key of the built-in issuer from a look-alike".into(),
            description: Description::markdown(
                "Returns `true` if the text has the form of a key that the built-in issuer `generated` mints and its \
                 checksum is right, and `false` for every other text and for null. Nothing is sent anywhere, and \
                 the answer does not say whether the key is still accepted.",
            ),
            deprecated: None,
        })
    }

    async fn call<'a>(&self, _: &mut Diagnostics, (key,): Self::Input<'a>) -> Option<bool> {
        let text: Option<Cow<str>> = match key {
            Value::Value(text) => Some(text),
            Value::Null | Value::Unknown => None,
        };
        Some(text.is_some_and(|text| generated::verify_checksum(&text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The argument comes as MessagePack, as from Terraform.
    async fn call(argument: &[u8]) -> bool {
        let mut diagnostics = Diagnostics::default();
        let key = rmp_serde::from_slice(argument).unwrap();
        let answer = Function::call(&VerifyChecksum, &mut diagnostics, (key,)).await;
        assert!(diagnostics.errors.is_empty(), "{diagnostics:?}");
        answer.unwrap()
    }

    #[tokio::test]
    async fn a_true_key_and_a_look_alike_are_told_apart() {
        let text = |text: &str| rmp_serde::to_vec(text).unwrap();
        assert!(call(&text("acme_prod_madeUpForTheTests0123456789AB46901S")).await);
        assert!(!call(&text("acme_prod_madeUpForTheTests0123456789AB46901Sx")).await);
        assert!(!call(&text("\u{0}é")).await);
    }

    #[tokio::test]
    async fn null_is_no_key() {
        assert!(!call(&[0xc0]).await);
    }

    #[test]
    fn the_parameter_is_called_key() {
        let schema = Function::schema(&VerifyChecksum, &mut Diagnostics::default()).unwrap();
        assert_eq!(schema.parameters[0].name, "key");
    }
}
