//! Diagnostics as `terraform` prints them with `-no-color`.
//!
//! They are rendered here from `-json`, so that the length of a temporary path does not move the line breaks.

use serde_json::Value;

use crate::support::wrap::wrapped;

/// Whether one of them stops Terraform.
pub fn any_error(diagnostics: &[Value]) -> bool {
    diagnostics.iter().any(|it| it["severity"] == "error")
}

/// Objects are visited in an order of chance, and warnings of a plan are repeated by its apply. Those of one object
/// stay in their order.
pub fn in_order(mut diagnostics: Vec<Value>) -> Vec<Value> {
    diagnostics.sort_by_key(|it| {
        let address = it["address"].as_str().unwrap_or_default().to_owned();
        (it["severity"] == "error", address)
    });
    diagnostics.dedup();
    diagnostics
}

/// All of them; `rename` is applied to every text before its lines are broken.
pub fn render(diagnostics: &[Value], rename: &dyn Fn(&str) -> String) -> String {
    let texts: Vec<String> = diagnostics.iter().map(|it| one(it, rename)).collect();
    texts.join("\n\n")
}

fn one(diagnostic: &Value, rename: &dyn Fn(&str) -> String) -> String {
    let text = |value: &Value| rename(value.as_str().unwrap_or_default());
    let severity = match diagnostic["severity"].as_str() {
        Some("warning") => "Warning",
        _ => "Error",
    };
    let mut parts = vec![format!("{severity}: {}", text(&diagnostic["summary"]))];
    parts.extend(place(diagnostic).map(|place| rename(&place)));
    parts.push(wrapped(&text(&diagnostic["detail"])));
    parts.retain(|part| !part.is_empty());
    parts.join("\n\n")
}

fn place(diagnostic: &Value) -> Option<String> {
    let address = diagnostic["address"].as_str();
    let mut lines: Vec<String> = address
        .map(|address| format!("  with {address},"))
        .into_iter()
        .collect();
    let (range, snippet) = (&diagnostic["range"], &diagnostic["snippet"]);
    // Each command line has words of its own for a place that is in no file.
    let file = range["filename"].as_str();
    let file = file.filter(|file| file.ends_with(".tf"));
    if let (Some(file), Some(line)) = (file, range["start"]["line"].as_i64()) {
        let context = snippet["context"].as_str();
        let context = context.map_or_else(String::new, |context| format!(", in {context}"));
        lines.push(format!("  on {file} line {line}{context}:"));
        let code = snippet["code"].as_str().unwrap_or_default().lines();
        let first = snippet["start_line"].as_i64().unwrap_or(line);
        lines.extend(
            (first..)
                .zip(code)
                .map(|(number, code)| format!("{number:4}: {code}")),
        );
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}
