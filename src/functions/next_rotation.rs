//! `provider::apikey::next_rotation(last, interval)`: when a rotation is due.

use async_trait::async_trait;
use tf_provider::schema::{Description, FunctionSchema, Type};
use tf_provider::value::ValueString;
use tf_provider::{Diagnostics, Function};

use super::{given, text};
use crate::duration::Duration;
use crate::instant::Instant;

/// The function `next_rotation`.
pub struct NextRotation;

#[async_trait]
impl Function for NextRotation {
    type Input<'a> = (ValueString<'a>, ValueString<'a>);
    type Output<'a> = String;

    fn schema(&self, _: &mut Diagnostics) -> Option<FunctionSchema> {
        Some(FunctionSchema {
            parameters: vec![
                text(
                    "last",
                    "When the key was rotated or created: RFC 3339, such as `2026-01-31T12:00:00Z`.",
                ),
                text(
                    "interval",
                    "How long a key lives: a duration such as `90d`.",
                ),
            ],
            variadic: None,
            return_type: Type::String,
            summary: "When a rotation is due".into(),
            description: Description::markdown(
                "Adds an interval, written as in `apikey_rotation_policy`, to an instant, and returns the instant of \
                 the next rotation as RFC 3339 in UTC with whole seconds: the form of `rotation_due_at`. It asks for \
                 no clock, so the answer may lie in the past: then the rotation is due.",
            ),
            deprecated: None,
        })
    }

    async fn call<'a>(
        &self,
        diags: &mut Diagnostics,
        (last, interval): Self::Input<'a>,
    ) -> Option<String> {
        let (last, interval) = (given(last), given(interval));
        let from = instant(&last).map_err(|problem| diags.function_error(0, problem));
        let length = Duration::parse(&interval).map_err(|problem| diags.function_error(1, problem));
        let (from, length) = (from.ok()?, length.ok()?);
        let due = from + length;
        if due.since(from) != length {
            diags.function_error(
                1,
                format!("{interval} after {last} is later than the year 9999, where RFC 3339 ends. Choose a shorter interval."),
            );
            return None;
        }
        Some(due.to_string())
    }
}

fn instant(text: &str) -> Result<Instant, String> {
    match Instant::parse(text) {
        Some(instant) if instant > Instant::from_unix(0) => Ok(instant),
        Some(_) => Err(format!(
            "{text:?} is in 1970 or before, when there were no keys to rotate. Write when the key was rotated last."
        )),
        None => Err(format!(
            "{text:?} is not an RFC 3339 instant. Write it as \"2026-01-31T12:00:00Z\", with the date, the time and the \
             offset."
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::testing::call;

    #[tokio::test]
    async fn the_interval_is_added_in_utc() {
        for (last, interval, due) in [
            ("2026-01-31T12:00:00Z", "90d", "2026-05-01T12:00:00Z"),
            ("2028-02-28T23:30:00Z", "1h", "2028-02-29T00:30:00Z"),
            ("2026-01-01T01:00:00+01:00", "20s", "2026-01-01T00:00:20Z"),
            ("2026-01-01T00:00:00.999Z", "0s", "2026-01-01T00:00:00Z"),
        ] {
            assert_eq!(call(&NextRotation, &[last, interval]).await.unwrap(), due);
        }
    }

    #[tokio::test]
    async fn each_wrong_argument_is_blamed() {
        for (last, interval, index, words) in [
            ("yesterday", "90d", 0, "RFC 3339"),
            ("2026-01-31", "90d", 0, "RFC 3339"),
            ("", "90d", 0, "RFC 3339"),
            ("1969-01-01T00:00:00Z", "90d", 0, "1970"),
            ("2026-01-31T12:00:00Z", "3 months", 1, "not a duration"),
            ("9999-12-31T00:00:00Z", "90d", 1, "9999"),
        ] {
            let (argument, message) = call(&NextRotation, &[last, interval]).await.unwrap_err();
            assert!(argument.contains(&format!("Index({index})")), "{argument}");
            assert!(message.contains(words), "{message}");
        }
    }
}
