//! The state and a plan as data.

use serde_json::Value;

/// The attributes of one `apikey_managed` in the state.
#[derive(Clone, Debug, PartialEq)]
pub struct Key(pub Value);

impl Key {
    /// The attribute at a dotted path, as text; empty when it is null or not there.
    pub fn text(&self, path: &str) -> String {
        match self.at(path) {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            other => other.to_string(),
        }
    }

    /// The attribute at a dotted path.
    pub fn at(&self, path: &str) -> &Value {
        path.split('.').fold(&self.0, |value, step| &value[step])
    }

    pub fn phase(&self) -> String {
        self.text("phase")
    }

    pub fn status(&self) -> String {
        self.text("status")
    }

    pub fn reason(&self) -> String {
        self.text("status_reason")
    }

    pub fn last_action(&self) -> String {
        self.text("last_action")
    }

    pub fn primary(&self) -> String {
        self.text("primary.fingerprint")
    }

    pub fn secondary(&self) -> String {
        self.text("secondary.fingerprint")
    }

    pub fn generation(&self) -> u64 {
        self.at("generation").as_u64().unwrap_or_default()
    }

    pub fn delivery(&self, name: &str) -> String {
        self.text(&format!("delivery_status.{name}.state"))
    }
}

/// One planned change, out of `show -json`.
#[derive(Clone, Debug)]
pub struct Change(pub Value);

impl Change {
    /// `update`, `create`, `no-op`, `delete`, or two of them joined by `+`.
    pub fn actions(&self) -> String {
        let actions = self.0["change"]["actions"].as_array();
        let words = actions.into_iter().flatten().filter_map(Value::as_str);
        words.collect::<Vec<_>>().join("+")
    }

    /// The planned value at a dotted path; null when it is unknown too.
    pub fn after(&self, path: &str) -> &Value {
        let after = &self.0["change"]["after"];
        path.split('.').fold(after, |value, step| &value[step])
    }

    /// The top-level attributes that are known only after apply.
    pub fn unknown(&self) -> Vec<String> {
        let marks = self.0["change"]["after_unknown"].as_object();
        let marks = marks.into_iter().flatten();
        marks
            .filter(|(_, mark)| holds_true(mark))
            .map(|(name, _)| name.clone())
            .collect()
    }

    /// The top-level attributes whose values the plan changes, unknown ones included.
    pub fn changed(&self) -> Vec<String> {
        let (before, after) = (&self.0["change"]["before"], &self.0["change"]["after"]);
        let unknown = self.unknown();
        let Some(before_fields) = before.as_object() else {
            return unknown;
        };
        before_fields
            .keys()
            .filter(|name| unknown.contains(name) || before[*name] != after[*name])
            .cloned()
            .collect()
    }
}

fn holds_true(mark: &Value) -> bool {
    match mark {
        Value::Bool(mark) => *mark,
        Value::Object(fields) => fields.values().any(holds_true),
        Value::Array(items) => items.iter().any(holds_true),
        _ => false,
    }
}
