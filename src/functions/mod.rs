//! Provider functions: pure calculations that a configuration can call. One file a function.
//!
//! None of them asks for the time or for anything outside, so a plan and its apply get the same answer.

pub mod fingerprint;
pub mod next_rotation;
pub mod parse_duration;
pub mod scan_pattern;
pub mod verify_checksum;

use std::borrow::Cow;
use std::collections::HashMap;

use tf_provider::schema::{Description, Parameter, Type};
use tf_provider::value::{Value, ValueString};

/// A text that must be there. Terraform itself refuses null and puts off the call while it is unknown.
fn text(name: &str, description: &str) -> Parameter {
    Parameter {
        name: name.into(),
        param_type: Type::String,
        allow_null: false,
        allow_unknown: false,
        description: Description::markdown(description.to_owned()),
    }
}

/// What Terraform sent for a [`text`].
fn given(argument: ValueString<'_>) -> Cow<'_, str> {
    match argument {
        Value::Value(text) => text,
        Value::Null | Value::Unknown => Cow::Borrowed(""),
    }
}

/// An object with these fields.
fn object<const N: usize>(fields: [(&str, Type); N]) -> Type {
    let fields = fields.into_iter();
    Type::Object(
        fields
            .map(|(name, kind)| (name.to_owned(), kind))
            .collect::<HashMap<_, _>>(),
    )
}

/// Calls a function as Terraform does, with arguments in MessagePack.
#[cfg(test)]
mod testing {
    use serde::Serialize;
    use tf_provider::{Diagnostics, Function};

    /// The answer as JSON, or the index of the wrong argument and what is said about it.
    pub async fn call<F>(
        function: &F,
        arguments: &[&str],
    ) -> Result<serde_json::Value, (String, String)>
    where
        F: Function,
        for<'a> F::Output<'a>: Serialize,
    {
        let mut diagnostics = Diagnostics::default();
        let packed = rmp_serde::to_vec(arguments).unwrap();
        let arguments = rmp_serde::from_slice(&packed).unwrap();
        match Function::call(function, &mut diagnostics, arguments).await {
            Some(answer) if diagnostics.errors.is_empty() => {
                Ok(serde_json::to_value(answer).unwrap())
            }
            _ => {
                let error = diagnostics.errors.remove(0);
                Err((
                    format!("{:?}", error.attribute.steps),
                    error.summary.into_owned(),
                ))
            }
        }
    }
}
