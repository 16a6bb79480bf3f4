//! `provider::apikey::parse_duration(text)`: a duration of a policy, in the words of others.

use async_trait::async_trait;
use serde::Serialize;
use tf_provider::schema::{Description, FunctionSchema, Type};
use tf_provider::value::ValueString;
use tf_provider::{Diagnostics, Function};

use super::{given, object, text};
use crate::duration::Duration;

/// The function `parse_duration`.
pub struct ParseDuration;

/// One length of time, written in four ways.
#[derive(Serialize)]
pub struct Parsed {
    seconds: u64,
    text: String,
    go: String,
    iso8601: String,
}

#[async_trait]
impl Function for ParseDuration {
    type Input<'a> = (ValueString<'a>,);
    type Output<'a> = Parsed;

    fn schema(&self, _: &mut Diagnostics) -> Option<FunctionSchema> {
        Some(FunctionSchema {
            parameters: vec![text("text", "A duration, such as `90d`, `36h` or `1h30m`.")],
            variadic: None,
            return_type: object([
                ("seconds", Type::Number),
                ("text", Type::String),
                ("go", Type::String),
                ("iso8601", Type::String),
            ]),
            summary: "Reads a duration as a policy writes it".into(),
            description: Description::markdown(
                "Reads a duration in the form that `apikey_rotation_policy` takes (whole numbers with `d`, `h`, `m` or \
                 `s`, largest first) and returns an object: `seconds`, to calculate and compare with; `text`, the one \
                 canonical way to write it (`36h` becomes `1d12h`), to compare with what the provider shows; `go`, for \
                 `timeadd` and for other providers, which know no days (`36h0m0s`); and `iso8601`, for APIs that take \
                 that form (`P1DT12H`). A day has 24 hours.",
            ),
            deprecated: None,
        })
    }

    async fn call<'a>(&self, diags: &mut Diagnostics, (text,): Self::Input<'a>) -> Option<Parsed> {
        match Duration::parse(&given(text)) {
            Ok(length) => Some(Parsed {
                seconds: length.as_secs(),
                text: length.to_string(),
                go: go(length),
                iso8601: iso8601(length),
            }),
            Err(problem) => {
                diags.function_error(0, problem);
                None
            }
        }
    }
}

/// As the standard library of Go prints a duration; `timeadd` reads it.
fn go(length: Duration) -> String {
    let seconds = length.as_secs();
    let (hours, minutes, rest) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{rest}s"),
        (0, _) => format!("{minutes}m{rest}s"),
        _ => format!("{hours}h{minutes}m{rest}s"),
    }
}

fn iso8601(length: Duration) -> String {
    let seconds = length.as_secs();
    let part = |count: u64, unit: char| match count {
        0 => String::new(),
        count => format!("{count}{unit}"),
    };
    let days = part(seconds / 86_400, 'D');
    let hours = part(seconds / 3_600 % 24, 'H');
    let minutes = part(seconds / 60 % 60, 'M');
    let time = format!("{hours}{minutes}{}", part(seconds % 60, 'S'));
    match (days.is_empty(), time.is_empty()) {
        (true, true) => "PT0S".into(),
        (_, true) => format!("P{days}"),
        _ => format!("P{days}T{time}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::functions::testing::call;

    #[tokio::test]
    async fn a_duration_is_written_in_every_way() {
        for (text, seconds, canonical, go, iso8601) in [
            ("90d", 7_776_000, "90d", "2160h0m0s", "P90D"),
            ("36h", 129_600, "1d12h", "36h0m0s", "P1DT12H"),
            ("1h30m", 5_400, "1h30m", "1h30m0s", "PT1H30M"),
            ("90s", 90, "1m30s", "1m30s", "PT1M30S"),
            ("20s", 20, "20s", "20s", "PT20S"),
            ("0s", 0, "0s", "0s", "PT0S"),
        ] {
            let parsed = call(&ParseDuration, &[text]).await.unwrap();
            let wanted =
                json!({ "seconds": seconds, "text": canonical, "go": go, "iso8601": iso8601 });
            assert_eq!(parsed, wanted, "{text}");
        }
    }

    #[tokio::test]
    async fn what_is_no_duration_is_blamed_on_the_argument() {
        for text in ["", "90", "1.5h", "-1h", "1m1h", "90 days"] {
            let (argument, message) = call(&ParseDuration, &[text]).await.unwrap_err();
            assert!(argument.contains("Index(0)"), "{argument}");
            assert!(message.contains("such as \"90d\""), "{message}");
        }
    }
}
