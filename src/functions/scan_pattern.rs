//! `provider::apikey::scan_pattern(prefix)`: rules by which secret scanners find the keys of the built-in issuer.
//!
//! gitleaks and TruffleHog use RE2, GitHub uses Hyperscan. Neither looks around, so what may not stand beside a key
//! is a word boundary for the former and a pattern of its own for the latter.

use async_trait::async_trait;
use serde::Serialize;
use tf_provider::schema::{Description, FunctionSchema, Type};
use tf_provider::value::ValueString;
use tf_provider::{Diagnostics, Function};

use super::{given, object, text};
use crate::issuers::generated;

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

/// An underscore is part of a longer prefix or of another word.
const BEFORE: &str = r"\A|[^0-9A-Za-z_]";
const AFTER: &str = r"\z|[^0-9A-Za-z_]";

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
                 `gitleaks`, a rule for `.gitleaks.toml`; `trufflehog`, a file for `trufflehog --config`; `github`, the \
                 fields `secret_format`, `before_secret` and `after_secret` of a custom pattern; and `regex`, the bare \
                 expression for everything else that reads RE2, such as `regexall`. A scanner cannot calculate the \
                 checksum of a key; `verify_checksum` tells the keys among its findings from look-alikes.",
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
        let Some(key) = generated::pattern(&prefix) else {
            diags.function_error(0, generated::wrong_prefix(&prefix));
            return None;
        };
        let regex = format!(r"\b{key}\b");
        Some(Patterns {
            gitleaks: gitleaks(&prefix, &regex),
            trufflehog: trufflehog(&prefix, &regex),
            regex,
            github: GitHub {
                secret_format: key,
                before_secret: BEFORE,
                after_secret: AFTER,
            },
        })
    }
}

/// Random characters are far above this entropy; a placeholder such as `acme_xxxx…` is below.
fn gitleaks(prefix: &str, regex: &str) -> String {
    format!(
        "[[rules]]\n\
         id = \"apikey-{id}\"\n\
         description = \"API key {prefix}_…, minted by the issuer generated\"\n\
         regex = '''{regex}'''\n\
         entropy = 2.5\n\
         keywords = [\"{prefix}_\"]\n",
        id = prefix.replace('_', "-"),
    )
}

/// The group is what TruffleHog reports as the secret.
fn trufflehog(prefix: &str, regex: &str) -> String {
    let grouped = regex.replacen(r"\b", r"\b(", 1);
    let grouped = grouped.trim_end_matches(r"\b");
    format!(
        "detectors:\n\
         \x20 - name: apikey-{id}\n\
         \x20   keywords:\n\
         \x20     - {prefix}_\n\
         \x20   regex:\n\
         \x20     key: '{grouped})\\b'\n",
        id = prefix.replace('_', "-"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::testing::call;

    #[tokio::test]
    async fn every_scanner_gets_a_rule_of_its_own_form() {
        let rules = call(&ScanPattern, &["acme_prod"]).await.unwrap();
        assert_eq!(rules["regex"], r"\bacme_prod_[0-9A-Za-z]{28,134}\b");
        assert_eq!(
            rules["github"]["secret_format"],
            "acme_prod_[0-9A-Za-z]{28,134}"
        );
        let gitleaks = rules["gitleaks"].as_str().unwrap();
        assert!(gitleaks.contains("id = \"apikey-acme-prod\""), "{gitleaks}");
        assert!(gitleaks.contains(r"regex = '''\bacme_prod_[0-9A-Za-z]{28,134}\b'''"));
        let trufflehog = rules["trufflehog"].as_str().unwrap();
        assert!(
            trufflehog.contains(r"      key: '\b(acme_prod_[0-9A-Za-z]{28,134})\b'"),
            "{trufflehog}"
        );
    }

    #[tokio::test]
    async fn no_rule_looks_around() {
        let rules = call(&ScanPattern, &["acme"]).await.unwrap().to_string();
        assert!(!rules.contains("(?"), "{rules}");
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
