//! What is read out of an answer: by JSON pointer, as text, as a time, as a secret.

use serde_json::Value;
use strum::{EnumString, VariantNames};

use crate::error::Result;
use crate::http::Template;
use crate::http::configured::text;
use crate::instant::Instant;
use crate::secret::Secret;
use crate::settings::{Settings, choice};

/// A JSON pointer (RFC 6901); empty for the whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pointer(String);

impl Pointer {
    /// Reads one, if it is set.
    pub fn read(settings: &Settings, name: &str) -> Result<Option<Self>> {
        let text = settings.string(name);
        text.map(|text| Self::parse(text).ok_or_else(|| wrong(settings, name, text)))
            .transpose()
    }

    pub fn required(settings: &Settings, name: &str) -> Result<Self> {
        let text = settings.required_string(name)?;
        Self::parse(text).ok_or_else(|| wrong(settings, name, text))
    }

    /// The whole of an answer.
    pub fn whole() -> Self {
        Self(String::new())
    }

    pub fn parse(text: &str) -> Option<Self> {
        (text.is_empty() || text.starts_with('/')).then(|| Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn of<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        value.pointer(&self.0).filter(|found| !found.is_null())
    }

    /// What stands there, as the text that it is: of a number every digit counts, so one that was rounded is none.
    pub fn text(&self, value: &Value) -> Option<String> {
        text(self.of(value)?)
    }
}

fn wrong(settings: &Settings, name: &str, text: &str) -> crate::error::Error {
    settings.wrong(
        name,
        format!("{name} is not valid"),
        format!(
            "{text:?} is no JSON pointer. Write the way to the value with a slash before each step, such as \"/data/id\" or \
             \"/errors/0\"."
        ),
    )
}

/// Where the secret stands in an answer.
#[derive(Clone)]
pub(super) enum SecretAt {
    One(Pointer),
    /// A text that is put together of several.
    Several(Template),
}

impl SecretAt {
    pub fn read(settings: &Settings, name: &str) -> Result<Self> {
        let text = settings.required_string(name)?;
        if let Some(pointer) = Pointer::parse(text) {
            return Ok(Self::One(pointer));
        }
        let wrong = |detail: String| settings.wrong(name, format!("{name} is not valid"), detail);
        let template = Template::parse_any(text).map_err(wrong)?;
        let names: Vec<&str> = template.names().collect();
        if names.is_empty() || names.iter().any(|name| !name.starts_with('/')) {
            return Err(wrong(format!(
                "{text:?} is neither a JSON pointer, such as \"/secret\", nor a text of several, such as \
                 \"{{{{/id}}}}:{{{{/secret}}}}\"."
            )));
        }
        Ok(Self::Several(template))
    }

    /// Takes the secret out of the answer, so that no copy of it is left there; the error is the pointer that leads
    /// nowhere.
    pub fn take(&self, value: &mut Value) -> Result<Secret, String> {
        match self {
            Self::One(pointer) => taken(value, pointer.as_str()),
            Self::Several(template) => {
                let names: Vec<&str> = template.names().collect();
                let mut parts: Vec<Secret> = Vec::new();
                for (index, name) in names.iter().enumerate() {
                    let part = match names[..index].iter().position(|earlier| earlier == name) {
                        Some(earlier) => parts[earlier].duplicate(),
                        None => taken(value, name)?,
                    };
                    parts.push(part);
                }
                let pairs = names.iter().zip(&parts);
                let values: Vec<(&str, &str)> =
                    pairs.map(|(name, part)| (*name, part.expose())).collect();
                let filled = template.fill(&values, crate::http::Escape::None);
                Ok(Secret::new(filled.as_str().to_owned()))
            }
        }
    }
}

fn taken(value: &mut Value, pointer: &str) -> Result<Secret, String> {
    let there = value.pointer_mut(pointer).map(Value::take);
    match there {
        Some(Value::String(text)) if !text.is_empty() => Ok(Secret::new(text)),
        Some(other) => text(&other)
            .filter(|text| !text.is_empty())
            .map(Secret::new)
            .ok_or_else(|| pointer.to_owned()),
        None => Err(pointer.to_owned()),
    }
}

/// How an API writes times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumString, VariantNames)]
#[strum(serialize_all = "lowercase")]
pub(super) enum TimeFormat {
    #[default]
    Rfc3339,
    Date,
    Seconds,
    Milliseconds,
}

impl TimeFormat {
    pub fn read_from(settings: &Settings, name: &str) -> Result<Self> {
        let word = settings.one_of(name, Self::VARIANTS)?;
        // Every listed word is one.
        Ok(word.and_then(|word| word.parse().ok()).unwrap_or_default())
    }

    pub fn write(self, at: Instant) -> String {
        match self {
            Self::Rfc3339 => at.to_string(),
            // RFC 3339 begins with the ten characters of the date.
            Self::Date => at.to_string().chars().take(10).collect(),
            Self::Seconds => at.unix().to_string(),
            Self::Milliseconds => at.unix().saturating_mul(1000).to_string(),
        }
    }

    /// Reads a time; `None` also for one that only another format could mean: read in the wrong unit, an old key is one of
    /// the future.
    pub fn read(self, text: &str) -> Option<Instant> {
        let number = |parts: i64| text.parse::<f64>().ok().map(|number| number as i64 / parts);
        let at = match self {
            // Some write no zone and mean UTC.
            Self::Rfc3339 => Instant::parse(text).or_else(|| Instant::parse(&format!("{text}Z"))),
            Self::Date => Instant::parse(&format!("{text}T00:00:00Z")),
            Self::Seconds => number(1).map(Instant::from_unix),
            Self::Milliseconds => number(1000).map(Instant::from_unix),
        };
        at.filter(|at| (EARLIEST..LATEST).contains(&at.unix()))
    }

    /// What a time that cannot be read should have been.
    pub fn expected() -> String {
        choice(Self::VARIANTS)
    }
}

/// 2000-01-01, before any API with keys.
const EARLIEST: i64 = 946_684_800;
/// 2200-01-01.
const LATEST: i64 = 7_258_118_400;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_id_keeps_every_digit_or_is_none() {
        let id = Pointer::parse("/id").unwrap();
        let text = |text: &str| id.text(&serde_json::from_str(text).unwrap());
        assert_eq!(
            text(r#"{"id":9007199254740993}"#).unwrap(),
            "9007199254740993"
        );
        assert_eq!(text(r#"{"id":"007"}"#).unwrap(), "007");
        for none in [
            r#"{"id":92233720368547758079}"#,
            r#"{"id":1.5}"#,
            r#"{"id":null}"#,
            r#"{"id":{}}"#,
            "{}",
        ] {
            assert_eq!(text(none), None, "{none}");
        }
    }

    #[test]
    fn a_time_in_the_wrong_unit_is_none() {
        let at = Instant::parse("2026-01-02T03:04:05Z").unwrap();
        for word in TimeFormat::VARIANTS {
            let format = word.parse::<TimeFormat>().unwrap();
            let read = format.read(&format.write(at)).unwrap();
            assert!(at.since(read).as_secs() < 86_400, "{word}");
        }
        assert_eq!(TimeFormat::Seconds.read("1767323045000"), None);
        assert_eq!(TimeFormat::Milliseconds.read("1767323045"), None);
        assert_eq!(TimeFormat::Rfc3339.read("1767323045"), None);
        assert_eq!(
            TimeFormat::Rfc3339.read("2026-01-02T03:04:05.000000"),
            Some(at)
        );
    }

    #[test]
    fn a_secret_is_taken_out_and_may_have_several_parts() {
        let fields = std::collections::BTreeMap::from([(
            "secret".to_owned(),
            tf_provider::value::ValueAny::String("{{/a}}:{{/b/c}}:{{/a}}".into()),
        )]);
        let settings = Settings::new(crate::error::Path::root("x"), &fields);
        let at = SecretAt::read(&settings, "secret").unwrap();
        let mut value = json!({"a": "made", "b": {"c": "up"}});
        assert_eq!(at.take(&mut value).unwrap().expose(), "made:up:made");
        assert_eq!(value, json!({"a": null, "b": {"c": null}}));
        assert_eq!(at.take(&mut value).unwrap_err(), "/a");
    }
}
