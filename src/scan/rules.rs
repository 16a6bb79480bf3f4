//! Rules by which the scanners of others find keys of the issuer `generated`.
//!
//! gitleaks, Betterleaks and TruffleHog use RE2, GitHub uses Hyperscan, git-secrets what POSIX knows. None looks around, so what
//! may not stand beside a key is a word boundary or a pattern of its own. Only a plugin of detect-secrets can calculate the
//! checksum.

use serde_json::json;

use crate::issuers::generated;

/// What stands before a key on GitHub. An underscore is part of a longer prefix or of another word.
pub const BEFORE: &str = r"\A|[^0-9A-Za-z_]";
/// The same behind it.
pub const AFTER: &str = r"\z|[^0-9A-Za-z_]";

/// How keys with one prefix look.
#[derive(Clone, Debug)]
pub struct Keys {
    prefix: String,
    /// An expression that every such key matches, without anything around it.
    pub expression: String,
}

impl Keys {
    /// `None` if no key can have the prefix.
    pub fn with(prefix: &str) -> Option<Self> {
        Some(Self {
            prefix: prefix.to_owned(),
            expression: generated::pattern(prefix)?,
        })
    }

    /// The expression for whoever knows word boundaries.
    pub fn word(&self) -> String {
        format!(r"\b{}\b", self.expression)
    }

    /// The same, with the key as a group.
    fn grouped(&self) -> String {
        format!(r"\b({})\b", self.expression)
    }

    fn id(&self) -> String {
        format!("apikey-{}", self.prefix.replace('_', "-"))
    }
}

/// `.gitleaks.toml`, which Betterleaks reads too: of the fields of a rule, these are the ones that both know. The rules that they
/// bring along stay.
pub fn gitleaks(all: &[Keys]) -> String {
    let rules = all.iter().map(gitleaks_rule);
    let head = "[extend]\nuseDefault = true\n".to_owned();
    [head]
        .into_iter()
        .chain(rules)
        .collect::<Vec<_>>()
        .join("\n")
}

/// One rule of it.
pub fn gitleaks_rule(keys: &Keys) -> String {
    let Keys { prefix, .. } = keys;
    format!(
        "[[rules]]\n\
         id = \"{}\"\n\
         description = \"API key {prefix}_…, minted by the issuer generated\"\n\
         regex = '''{}'''\n\
         keywords = [\"{prefix}_\"]\n",
        keys.id(),
        keys.word(),
    )
}

/// A file for `trufflehog --config`. The group is what it reports as the secret.
pub fn trufflehog(all: &[Keys]) -> String {
    let detector = |keys: &Keys| {
        format!(
            "\x20 - name: {}\n\
             \x20   keywords:\n\
             \x20     - {}_\n\
             \x20   regex:\n\
             \x20     key: '{}'\n",
            keys.id(),
            keys.prefix,
            keys.grouped(),
        )
    };
    let detectors: String = all.iter().map(detector).collect();
    format!("detectors:\n{detectors}")
}

/// A plugin of detect-secrets, which takes nothing for a key that has not its checksum.
pub fn detect_secrets(all: &[Keys]) -> String {
    let expressions = all
        .iter()
        .map(|keys| format!("        re.compile(r\"{}\"),\n", keys.word()));
    PLUGIN.replace("        EXPRESSIONS\n", &expressions.collect::<String>())
}

const PLUGIN: &str = include_str!("detect_secrets.py");

/// The patterns of git-secrets, one a line. It asks grep for whole words, so what stands around a key must not be matched.
pub fn git_secrets(all: &[Keys]) -> String {
    let patterns = all.iter().map(|keys| format!("{}\n", keys.expression));
    patterns.collect()
}

/// What GitHub's API takes to make custom patterns.
pub fn github(all: &[Keys]) -> String {
    let pattern = |keys: &Keys| {
        json!({
            "name": format!("API key {}", keys.prefix),
            "pattern": keys.expression,
            "start_delimiter": BEFORE,
            "end_delimiter": AFTER,
        })
    };
    let patterns: Vec<_> = all.iter().map(pattern).collect();
    // The alternate form is the one with line breaks.
    format!("{:#}\n", json!({ "patterns": patterns }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two() -> [Keys; 2] {
        ["acme", "acme_prod"].map(|prefix| Keys::with(prefix).unwrap())
    }

    #[test]
    fn every_scanner_gets_a_rule_of_its_own_form_for_each_prefix() {
        let acme = r"acme_[0-9A-Za-z]{28,134}";
        let prod = r"acme_prod_[0-9A-Za-z]{28,134}";
        let word = |key: &str| format!(r"\b{key}\b");
        type Form<'a> = &'a dyn Fn(&str) -> String;
        let all: [(&str, String, Form); 5] = [
            ("gitleaks", gitleaks(&two()), &|key| {
                format!("regex = '''{}'''\n", word(key))
            }),
            ("trufflehog", trufflehog(&two()), &|key| {
                format!("\n      key: '\\b({key})\\b'\n")
            }),
            ("detect-secrets", detect_secrets(&two()), &|key| {
                format!("\n        re.compile(r\"{}\"),\n", word(key))
            }),
            ("git-secrets", git_secrets(&two()), &|key| {
                format!("{key}\n")
            }),
            ("github", github(&two()), &|key| {
                format!("\"pattern\": \"{key}\"")
            }),
        ];
        for (scanner, rules, form) in all {
            for key in [acme, prod] {
                assert_eq!(rules.matches(&form(key)).count(), 1, "{scanner}: {rules}");
            }
            assert!(
                !rules.contains("(?") && !rules.contains("EXPRESSIONS"),
                "{scanner}: {rules}"
            );
            assert!(
                rules.ends_with('\n') && !rules.ends_with("\n\n"),
                "{scanner}"
            );
        }
    }

    #[test]
    fn a_prefix_that_no_key_can_have_gets_no_rule() {
        for prefix in ["", "Acme", "acme_", "a.*", "a'''b", "a\nb"] {
            assert!(Keys::with(prefix).is_none(), "{prefix:?}");
        }
    }
}
