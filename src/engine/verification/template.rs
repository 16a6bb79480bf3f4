//! Text with the placeholders `{{key_id}}` and `{{secret}}`.

use zeroize::Zeroizing;

use crate::secret::Secret;

/// A text of the configuration, taken apart once.
#[derive(Clone)]
pub struct Template(Vec<Part>);

#[derive(Clone, PartialEq)]
enum Part {
    Literal(String),
    KeyId,
    Secret,
}

/// How a value is written so that the text around it keeps its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escape {
    /// As it is.
    None,
    /// Inside a JSON string.
    Json,
    /// Inside a form field.
    Form,
}

impl Template {
    /// Takes a text apart; the error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((literal, after)) = rest.split_once("{{") {
            let (name, after) = after
                .split_once("}}")
                .ok_or("A placeholder begins with {{ and never ends with }}.")?;
            parts.push(Part::Literal(literal.to_owned()));
            parts.push(match name.trim() {
                "key_id" => Part::KeyId,
                "secret" => Part::Secret,
                other => {
                    return Err(format!(
                        "{{{{{other}}}}} is not a placeholder. There are {{{{key_id}}}} and {{{{secret}}}}."
                    ));
                }
            });
            rest = after;
        }
        parts.push(Part::Literal(rest.to_owned()));
        Ok(Self(parts))
    }

    /// Whether the secret goes into it.
    pub fn holds_secret(&self) -> bool {
        self.0.contains(&Part::Secret)
    }

    /// Whether the public id goes into it.
    pub fn holds_key_id(&self) -> bool {
        self.0.contains(&Part::KeyId)
    }

    /// The text with the values in their places.
    pub fn fill(&self, key_id: &str, secret: &Secret, escape: Escape) -> Zeroizing<String> {
        let parts: Vec<Zeroizing<String>> = self
            .0
            .iter()
            .map(|part| match part {
                Part::Literal(text) => Zeroizing::new(text.clone()),
                Part::KeyId => escape.apply(key_id),
                Part::Secret => escape.apply(secret.expose()),
            })
            .collect();
        // Room for all of it, so that growing leaves no copy of the secret in freed memory.
        let mut filled = Zeroizing::new(String::with_capacity(
            parts.iter().map(|part| part.len()).sum(),
        ));
        parts.iter().for_each(|part| filled.push_str(part));
        filled
    }
}

impl Escape {
    /// What a body of this content type asks for.
    pub fn for_content_type(content_type: &str) -> Self {
        let content_type = content_type.to_ascii_lowercase();
        if content_type.contains("json") {
            Self::Json
        } else if content_type.contains("x-www-form-urlencoded") {
            Self::Form
        } else {
            Self::None
        }
    }

    /// The value, escaped.
    pub fn apply(self, value: &str) -> Zeroizing<String> {
        // The longest form of a byte is \u0000 in JSON.
        let mut escaped = Zeroizing::new(String::with_capacity(value.len() * 6));
        match self {
            Self::None => escaped.push_str(value),
            Self::Json => value
                .chars()
                .for_each(|character| push_json(&mut escaped, character)),
            Self::Form => value.bytes().for_each(|byte| push_form(&mut escaped, byte)),
        }
        escaped
    }
}

fn push_json(text: &mut String, character: char) {
    match character {
        '"' => text.push_str("\\\""),
        '\\' => text.push_str("\\\\"),
        control if control < ' ' => text.push_str(&format!("\\u{:04x}", u32::from(control))),
        other => text.push(other),
    }
}

fn push_form(text: &mut String, byte: u8) {
    if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
        text.push(char::from(byte));
    } else {
        text.push_str(&format!("%{byte:02X}"));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn filled(text: &str, escape: Escape) -> String {
        let secret = Secret::new("a\"b\\c\n+/ é".into());
        Template::parse(text)
            .unwrap()
            .fill("ID", &secret, escape)
            .to_string()
    }

    #[test]
    fn placeholders_are_filled_wherever_they_stand() {
        assert_eq!(
            filled("{{key_id}}:{{ secret }};{{key_id}}", Escape::None),
            "ID:a\"b\\c\n+/ é;ID"
        );
        assert_eq!(filled("plain } text", Escape::None), "plain } text");
    }

    #[test]
    fn a_value_keeps_its_meaning_in_a_form() {
        assert_eq!(
            filled("k={{secret}}", Escape::Form),
            "k=a%22b%5Cc%0A%2B%2F%20%C3%A9"
        );
    }

    #[test]
    fn a_wrong_placeholder_is_refused_with_the_right_ones() {
        let error = Template::parse("x {{password}}").err().unwrap();
        assert_eq!(
            error,
            "{{password}} is not a placeholder. There are {{key_id}} and {{secret}}."
        );
        assert!(Template::parse("{{secret").is_err());
    }

    proptest! {
        #[test]
        fn json_around_any_secret_stays_json(secret in "\\PC*|[\\x00-\\x7f]*") {
            let template = Template::parse("{\"key\":\"{{secret}}\"}").unwrap();
            let body = template.fill("", &Secret::new(secret.clone()), Escape::Json);
            let value: serde_json::Value = serde_json::from_str(&body).unwrap();
            prop_assert_eq!(value["key"].as_str(), Some(secret.as_str()));
        }
    }
}
