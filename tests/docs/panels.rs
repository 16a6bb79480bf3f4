//! The panels of a dashboard as a table, read from the file that people import.

use std::io;
use std::path::Path;

use apikey::duration::Duration;
use serde_json::Value;

/// What one panel is.
#[derive(Clone)]
struct Panel {
    title: String,
    sort: String,
    about: String,
    queries: Vec<String>,
    colours: Vec<String>,
}

/// The table of a dashboard of Grafana or Datadog, without a column that is empty all the way down.
pub fn table(path: &Path) -> io::Result<String> {
    let dashboard: Value = serde_json::from_str(&std::fs::read_to_string(path)?)?;
    let of = |name: &str, read: fn(&Value) -> Panel| {
        let all = dashboard[name].as_array().into_iter().flatten();
        all.map(read).collect::<Vec<_>>()
    };
    let panels = [of("panels", of_grafana), of("widgets", of_datadog)].concat();
    let column = |head: &str, cell: fn(&Panel) -> String| {
        let cells: Vec<String> = panels.iter().map(cell).collect();
        let is_empty = cells.iter().all(String::is_empty);
        (!is_empty).then(|| [vec![head.to_owned(), "---".to_owned()], cells].concat())
    };
    let columns = [
        column("panel", |it| it.title.clone()),
        column("drawn as", |it| it.sort.clone()),
        column("what it shows", |it| it.about.clone()),
        column("asks for", |it| asked(&it.queries.join("\n"))),
        column("colours", |it| it.colours.join("; ")),
    ];
    let columns: Vec<Vec<String>> = columns.into_iter().flatten().collect();
    let line = |row: usize| {
        let cells: Vec<&str> = columns.iter().map(|column| column[row].as_str()).collect();
        format!("| {} |", cells.join(" | "))
    };
    Ok((0..panels.len() + 2)
        .map(line)
        .collect::<Vec<_>>()
        .join("\n"))
}

fn of_grafana(panel: &Value) -> Panel {
    let settings = &panel["fieldConfig"];
    let columns = settings["overrides"].as_array().into_iter().flatten();
    let columns = columns.filter_map(|column| {
        let properties = column["properties"].as_array()?.iter();
        let mut thresholds = properties.filter(|property| property["id"] == "thresholds");
        let colours = steps(&thresholds.next()?["value"], "s");
        Some(format!(
            "{}: {colours}",
            text(&column["matcher"]["options"])
        ))
    });
    let defaults = &settings["defaults"];
    let words = words(&defaults["mappings"][0]["options"]);
    let whole = match words.is_empty() {
        true => steps(&defaults["thresholds"], &text(&defaults["unit"])),
        false => words,
    };
    let targets = panel["targets"].as_array().into_iter().flatten();
    let queries = targets.map(|target| text(&target["expr"]) + &text(&target["rawSql"]));
    Panel {
        title: text(&panel["title"]),
        sort: text(&panel["type"]),
        about: text(&panel["description"]),
        queries: queries.collect(),
        colours: [whole]
            .into_iter()
            .filter(|it| !it.is_empty())
            .chain(columns)
            .collect(),
    }
}

fn of_datadog(widget: &Value) -> Panel {
    let widget = &widget["definition"];
    let requests = || widget["requests"].as_array().into_iter().flatten();
    let queries = requests().flat_map(|it| it["queries"].as_array().into_iter().flatten());
    let formats =
        requests().flat_map(|it| it["conditional_formats"].as_array().into_iter().flatten());
    let colour = |format: &Value| {
        let palette = text(&format["palette"]).replace("white_on_", "");
        format!(
            "{palette} if {} {}",
            text(&format["comparator"]),
            format["value"]
        )
    };
    let formats: Vec<String> = formats.map(colour).collect();
    Panel {
        title: text(&widget["title"]),
        sort: text(&widget["type"]),
        about: String::new(),
        queries: queries.map(|query| text(&query["query"])).collect(),
        colours: match formats.is_empty() {
            true => Vec::new(),
            false => vec![formats.join(", ")],
        },
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// `green, red from 2d`; nothing where the colour is always the same.
fn steps(thresholds: &Value, unit: &str) -> String {
    let steps = thresholds["steps"].as_array().cloned().unwrap_or_default();
    if steps.len() < 2 {
        return String::new();
    }
    let step = |step: &Value| {
        let colour = text(&step["color"]);
        match step["value"].as_u64() {
            None => colour,
            Some(from) if unit == "s" => format!("{colour} from {}", Duration::from_secs(from)),
            Some(from) => format!("{colour} from {from}"),
        }
    };
    steps.iter().map(step).collect::<Vec<_>>().join(", ")
}

/// `ok green, due yellow`, where each value has a word and a colour.
fn words(mapped: &Value) -> String {
    let values = mapped.as_object().into_iter().flatten();
    let words = values
        .filter_map(|(_, it)| Some(format!("{} {}", text(&it["text"]), it["color"].as_str()?)));
    words.collect::<Vec<_>>().join(", ")
}

/// The metrics or the tables of the ledger that a query names.
fn asked(queries: &str) -> String {
    let parts = queries.split(|it: char| !(it.is_ascii_alphanumeric() || "_.$".contains(it)));
    let mut names: Vec<String> = Vec::new();
    for part in parts {
        let name = part
            .strip_prefix("$schema.")
            .or(part.starts_with("apikey").then_some(part));
        let name = name.map(|name| format!("`{name}`"));
        names.extend(name.filter(|name| !names.contains(name)));
    }
    names.join(", ")
}
