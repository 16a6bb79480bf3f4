//! Diagnostics as `terraform` prints them with `-no-color`.
//!
//! They are rendered here from `-json`, so that the length of a temporary path does not move the line breaks.

use serde_json::Value;

const WIDTH: usize = 78;

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
    parts.extend(place(diagnostic));
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
    if let (Some(file), Some(line)) = (range["filename"].as_str(), range["start"]["line"].as_i64())
    {
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

/// Lines that begin with a space are printed as they are.
fn wrapped(text: &str) -> String {
    let lines = text
        .trim_end()
        .lines()
        .map(|line| match line.starts_with(' ') {
            true => line.to_owned(),
            false => broken(line),
        });
    lines.collect::<Vec<_>>().join("\n")
}

fn broken(line: &str) -> String {
    let mut lines = vec![String::new()];
    for word in line.split(' ') {
        // There is always a last line.
        let last = lines.last_mut().unwrap();
        if last.is_empty() {
            last.push_str(word);
        } else if last.chars().count() + 1 + word.chars().count() <= WIDTH {
            last.push(' ');
            last.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines.join("\n")
}
