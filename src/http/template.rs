//! Text with placeholders such as `{{key_id}}`, which whoever reads it has names for.

use zeroize::Zeroizing;

use crate::error::{Error, Kind};

/// The steps of a path that lead out of it.
pub const DOTS: [&str; 2] = [".", ".."];

/// A text of the configuration, taken apart once.
#[derive(Clone)]
pub struct Template(Vec<Part>);

#[derive(Clone)]
enum Part {
    Literal(String),
    /// The name of what stands there.
    Value(String),
}

/// What is put in: names and their values.
pub type Values<'a> = [(&'a str, &'a str)];

/// How a value is written so that the text around it keeps its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escape {
    /// As it is.
    None,
    /// Inside a JSON string.
    Json,
    /// Inside a form field, or one step of the path of a URL.
    Form,
}

impl Template {
    /// Takes a text apart that may hold placeholders of these names; the error says what is wrong with it.
    pub fn parse(text: &str, names: &[&str]) -> Result<Self, String> {
        let template = Self::parse_any(text)?;
        let unknown = template.names().find(|name| !names.contains(name));
        let unknown =
            unknown.map(|name| format!("{{{{{name}}}}} is not a placeholder. {}", in_words(names)));
        unknown.map_or(Ok(template), Err)
    }

    /// The same for placeholders of any name.
    pub fn parse_any(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((literal, after)) = rest.split_once("{{") {
            let (name, after) = after
                .split_once("}}")
                .ok_or("A placeholder begins with {{ and never ends with }}.")?;
            parts.push(Part::Literal(literal.to_owned()));
            parts.push(Part::Value(name.trim().to_owned()));
            rest = after;
        }
        parts.push(Part::Literal(rest.to_owned()));
        Ok(Self(parts))
    }

    /// The placeholders in it, in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Literal(_) => None,
            Part::Value(name) => Some(name.as_str()),
        })
    }

    /// Whether a placeholder of this name stands in it.
    pub fn holds(&self, name: &str) -> bool {
        self.names().any(|there| there == name)
    }

    /// The placeholders that stand outside of a string where the text is JSON: there, only a number keeps its meaning.
    pub fn outside_json_strings(&self) -> Vec<&str> {
        let mut in_string = false;
        let mut outside = Vec::new();
        for part in &self.0 {
            match part {
                Part::Literal(text) => in_string = is_in_string_after(text, in_string),
                Part::Value(name) if !in_string => outside.push(name.as_str()),
                Part::Value(_) => {}
            }
        }
        outside
    }

    /// An address with the values in their places. One that would lead elsewhere is refused.
    pub fn fill_address(&self, values: &Values, what: &str) -> Result<Zeroizing<String>, Error> {
        let is_path =
            |part: &&Part| !matches!(part, Part::Literal(text) if text.contains(['?', '#']));
        for part in self.0.iter().take_while(is_path) {
            let Part::Value(name) = part else { continue };
            let value = value_of(name, values);
            if value.is_empty() || DOTS.contains(&value) {
                let why = "an empty text, \".\" or \"..\" would lead to another address";
                return Err(unfit(name, what, why));
            }
        }
        Ok(self.fill(values, Escape::Form))
    }

    /// The text with the values in their places. What has no value is left empty.
    pub fn fill(&self, values: &Values, escape: Escape) -> Zeroizing<String> {
        let parts: Vec<Zeroizing<String>> = self
            .0
            .iter()
            .map(|part| match part {
                Part::Literal(text) => Zeroizing::new(text.clone()),
                Part::Value(name) => escape.apply(value_of(name, values)),
            })
            .collect();
        // Room for all of it, so that growing leaves no copy of a secret in freed memory.
        let mut filled = Zeroizing::new(String::with_capacity(
            parts.iter().map(|part| part.len()).sum(),
        ));
        parts.iter().for_each(|part| filled.push_str(part));
        filled
    }
}

fn value_of<'v>(name: &str, values: &Values<'v>) -> &'v str {
    let value = values.iter().find(|(known, _)| *known == name);
    value.map_or("", |(_, value)| value)
}

/// The error for a value that would change what a request means.
pub fn unfit(name: &str, what: &str, why: &str) -> Error {
    Error::new(
        Kind::Invalid,
        format!("The value of {{{{{name}}}}} does not fit in {what}"),
        format!(
            "Nothing was sent: {why}. Give it another value, or put the placeholder elsewhere."
        ),
    )
}

/// Whether a string of JSON is open behind a text.
fn is_in_string_after(text: &str, mut in_string: bool) -> bool {
    let mut escaped = false;
    for character in text.chars() {
        match character {
            _ if escaped => escaped = false,
            '\\' if in_string => escaped = true,
            '"' => in_string = !in_string,
            _ => {}
        }
    }
    in_string
}

fn in_words(names: &[&str]) -> String {
    let written: Vec<String> = names.iter().map(|name| format!("{{{{{name}}}}}")).collect();
    match written.split_last() {
        None => "None has a meaning here.".to_owned(),
        Some((only, [])) => format!("There is {only}."),
        Some((last, others)) => format!("There are {} and {last}.", others.join(", ")),
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

    const NAMES: &[&str] = &["key_id", "secret"];

    fn filled(text: &str, escape: Escape) -> String {
        let values = [("key_id", "ID"), ("secret", "a\"b\\c\n+/ é")];
        let template = Template::parse(text, NAMES).unwrap();
        template.fill(&values, escape).to_string()
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
        let error = Template::parse("x {{password}}", NAMES).err().unwrap();
        assert_eq!(
            error,
            "{{password}} is not a placeholder. There are {{key_id}} and {{secret}}."
        );
        assert!(Template::parse("{{secret", NAMES).is_err());
    }

    #[test]
    fn a_placeholder_outside_of_a_json_string_is_found() {
        for (text, expected) in [
            (r#"{"a": "{{key_id}}", "b": {{secret}}}"#, vec!["secret"]),
            (r#"{"a\"": {{key_id}}}"#, vec!["key_id"]),
            (r#"{"a": "x \" {{key_id}} \\\" {{secret}}"}"#, vec![]),
            (r#"[{{key_id}}, "{{secret}}"]"#, vec!["key_id"]),
        ] {
            let template = Template::parse(text, NAMES).unwrap();
            assert_eq!(template.outside_json_strings(), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn json_around_any_secret_stays_json(secret in "\\PC*|[\\x00-\\x7f]*") {
            let template = Template::parse("{\"key\":\"{{secret}}\"}", NAMES).unwrap();
            let body = template.fill(&[("secret", &secret)], Escape::Json);
            let value: serde_json::Value = serde_json::from_str(&body).unwrap();
            prop_assert_eq!(value["key"].as_str(), Some(secret.as_str()));
        }
    }
}
