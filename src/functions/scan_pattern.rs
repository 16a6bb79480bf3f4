//! `provider::apikey::scan_pattern(prefix)`: rules by which secret scanners find the keys of the built-in issuer.

use async_trait::async_trait;
use serde::Serialize;
use tf_provider::schema::{Description, FunctionSchema, Type};
use tf_provider::value::ValueString;
use tf_provider::{Diagnostics, Function};

use super::{given, object, text};
use crate::issuers::generated;
use crate::scan::rules::{self, AFTER, BEFORE, Keys};

/// The function `scan_pattern`.
pub struct ScanPattern;

/// The rules for one prefix.
#[derive(Serialize)]
pub struct Patterns {
    regex: String,
    gitleaks: String,
    trufflehog: String,
    github: GitHub,
}

/// The fields of a custom pattern on GitHub.
#[derive(Serialize)]
pub struct GitHub {
    secret_format: String,
    before_secret: &'static str,
    after_secret: &'static str,
}

#[async_trait]
impl Function for ScanPattern {
    type Input<'a> = (ValueString<'a>,);
    type Output<'a> = Patterns;

    fn schema(&self, _: &mut Diagnostics) -> Option<FunctionSchema> {
        let github = object([
            ("secret_format", Type::String),
            ("before_secret", Type::String),
            ("after_secret", Type::String),
        ]);
        Some(FunctionSchema {
            parameters: vec![text(
                "prefix",
                "The `prefix` of the issuer `generated`, without the underscore that follows it in a key.",
            )],
            variadic: None,
            return_type: object([
                ("regex", Type::String),
                ("gitleaks", Type::String),
                ("trufflehog", Type::String),
                ("github", github),
            ]),
            summary: "Rules by which secret scanners find keys of the built-in issuer".into(),
            description: Description::markdown(
                "Returns rules that find every key of the issuer `generated` with this prefix, of any `length`: \
                 `gitleaks`, a rule for gitleaks and Betterleaks; `trufflehog`, a file for `trufflehog --config`; `github`, the \
                 fields `secret_format`, `before_secret` and `after_secret` of a custom pattern; and `regex`, the bare \
                 expression for everything else that reads RE2, such as `regexall`. A scanner cannot calculate the \
                 checksum of a key; `verify_checksum` tells the keys among its findings from look-alikes. The command `rules` of \
                 the provider's binary writes whole files, for more scanners.",
            ),
            deprecated: None,
        })
    }

    async fn call<'a>(
        &self,
        diags: &mut Diagnostics,
        (prefix,): Self::Input<'a>,
    ) -> Option<Patterns> {
        let prefix = given(prefix);
        let Some(keys) = Keys::with(&prefix) else {
            diags.function_error(0, generated::wrong_prefix(&prefix));
            return None;
        };
        Some(Patterns {
            regex: keys.word(),
            gitleaks: rules::gitleaks_rule(&keys),
            trufflehog: rules::trufflehog(std::slice::from_ref(&keys)),
            github: GitHub {
                secret_format: keys.expression,
                before_secret: BEFORE,
                after_secret: AFTER,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::testing::call;

    #[tokio::test]
    async fn every_scanner_gets_a_rule_of_its_own_form() {
        let rules = call(&ScanPattern, &["acme_prod"]).await.unwrap();
        let key = r"acme_prod_[0-9A-Za-z]{28,134}";
        assert_eq!(rules["regex"], format!(r"\b{key}\b"));
        assert_eq!(rules["github"]["secret_format"], key);
        let says = |scanner: &str, text: &str| {
            let rule = rules[scanner].as_str().unwrap();
            assert!(rule.contains(text), "{rule}");
        };
        says("gitleaks", "id = \"apikey-acme-prod\"");
        says("trufflehog", &format!(r"      key: '\b({key})\b'"));
    }

    #[tokio::test]
    async fn a_prefix_that_no_key_can_have_is_blamed_on_the_argument() {
        for prefix in ["", "Acme", "acme_", "a.*", "a'''b", "a\nb"] {
            let (argument, message) = call(&ScanPattern, &[prefix]).await.unwrap_err();
            assert!(argument.contains("Index(0)"), "{argument}");
            assert!(message.contains("lower-case letter"), "{message}");
        }
    }
}
