use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use tokio_util::sync::CancellationToken;

use super::*;
use apikey::domain::moves::Move;
use apikey::schema::Attributes;
use strum::VariantArray;

/// `APIKEY_DOCS=write` brings `docs/` up to date instead of comparing it: `make generate`.
const WRITE: &str = "APIKEY_DOCS";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn registry() -> Registry {
    apikey::provider::registry(CancellationToken::new())
}

fn generated_files() -> BTreeSet<PathBuf> {
    GENERATED
        .iter()
        .flat_map(|folder| examples::files(&root().join("docs").join(folder)).unwrap())
        .map(|path| path.strip_prefix(root()).unwrap().to_owned())
        .collect()
}

#[test]
fn the_pages_are_what_the_schemas_and_examples_say() {
    let pages = pages(&registry(), root()).unwrap();
    let left_over = generated_files()
        .into_iter()
        .filter(|path| !pages.contains_key(path));
    let different = pages.iter().filter(|(path, text)| {
        std::fs::read_to_string(root().join(path)).ok().as_ref() != Some(*text)
    });
    if std::env::var(WRITE).is_ok_and(|value| value == "write") {
        for path in left_over {
            std::fs::remove_file(root().join(path)).unwrap();
        }
        for (path, text) in different {
            let path = root().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        return;
    }
    let wrong: Vec<PathBuf> = different
        .map(|(path, _)| path.clone())
        .chain(left_over)
        .collect();
    assert!(
        wrong.is_empty(),
        "run `make generate` and commit: {wrong:?}"
    );
}

#[test]
fn the_readme_names_every_issuer_and_every_store() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let issuers = apikey::issuers::ISSUERS.iter().map(|kind| kind.name());
    let stores = apikey::stores::STORES.iter().map(|kind| kind.name());
    let missing: Vec<&str> = issuers
        .chain(stores)
        .filter(|name| !readme.contains(&format!("`{name}`")))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn the_readme_leads_to_every_guide() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let guides = examples::files(&root().join("docs/guides")).unwrap();
    let missing: Vec<String> = guides
        .iter()
        .map(|path| path.strip_prefix(root()).unwrap().display().to_string())
        .filter(|guide| !readme.contains(&format!("({guide})")))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn every_attribute_is_described() {
    let catalogue = registry().catalogue();
    let mut bare = Vec::new();
    let schemas = [("provider".to_owned(), catalogue.provider.unwrap())]
        .into_iter()
        .chain(catalogue.resources)
        .chain(catalogue.list_resources)
        .chain(catalogue.data_sources)
        .chain(catalogue.ephemeral_resources)
        .chain(catalogue.actions);
    for (name, schema) in schemas {
        assert!(!schema.block.description.content.is_empty(), "{name}");
        undescribed(&name, &schema.block.attributes, &mut bare);
    }
    for (name, schema) in catalogue.functions {
        assert!(
            !schema.summary.is_empty() && !schema.description.content.is_empty(),
            "{name}"
        );
        let parameters = schema.parameters.iter().chain(&schema.variadic);
        bare.extend(
            parameters
                .filter(|parameter| parameter.description.content.trim().is_empty())
                .map(|parameter| format!("{name}.{}", parameter.name)),
        );
    }
    assert!(bare.is_empty(), "without a description: {bare:?}");
}

fn undescribed(path: &str, attributes: &Attributes, bare: &mut Vec<String>) {
    for (name, attribute) in attributes {
        let path = format!("{path}.{name}");
        if let Some(children) = schema_text::children(&attribute.attr_type) {
            undescribed(&path, children, bare);
        }
        if attribute.description.content.trim().is_empty() {
            bare.push(path);
        }
    }
}

#[test]
fn everything_that_is_served_has_an_example() {
    let catalogue = registry().catalogue();
    let resources = catalogue
        .resources
        .keys()
        .map(|name| (format!("resources/{name}"), "resource"));
    let sources = catalogue
        .data_sources
        .keys()
        .map(|name| (format!("data-sources/{name}"), "data-source"));
    let functions = catalogue
        .functions
        .keys()
        .map(|name| (format!("functions/{name}"), "function"));
    let folders = |folder: &'static str, names: Vec<String>, stem: &'static str| {
        let names = names.into_iter();
        names.map(move |name| (format!("{folder}/{name}"), stem))
    };
    let lists = folders(
        "list-resources",
        catalogue.list_resources.into_keys().collect(),
        "list-resource",
    );
    let ephemeral = folders(
        "ephemeral-resources",
        catalogue.ephemeral_resources.into_keys().collect(),
        "ephemeral-resource",
    );
    let actions = folders("actions", catalogue.actions.into_keys().collect(), "action");
    let others = lists.chain(ephemeral).chain(actions);
    for (folder, stem) in resources.chain(sources).chain(functions).chain(others) {
        assert!(
            !examples::of(root(), &folder, stem).unwrap().is_empty(),
            "examples/{folder}"
        );
    }
}

#[test]
fn every_example_is_shown_on_a_page() {
    let pages = pages(&registry(), root()).unwrap();
    let mut folders = vec![root().join("examples")];
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        for path in examples::files(&folder).unwrap() {
            let text = std::fs::read_to_string(&path).unwrap();
            // The first comment may be a heading there.
            let (_, body) = text.trim_end().split_once('\n').unwrap();
            let shown = pages.values().any(|page| page.contains(body));
            assert!(shown, "{} is on no page", path.display());
            seen += 1;
        }
        let entries = std::fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap());
        // What a person who tried an example left behind is hidden.
        let visible =
            |path: &PathBuf| !path.file_name().unwrap().to_string_lossy().starts_with('.');
        folders.extend(
            entries
                .map(|entry| entry.path())
                .filter(|path| path.is_dir())
                .filter(visible),
        );
    }
    assert!(seen > 5, "the examples were not found");
}

#[test]
fn every_guide_has_a_title_and_is_small_enough_for_the_registry() {
    for (path, text) in pages(&registry(), root()).unwrap() {
        if path.starts_with("docs") {
            assert!(
                text.starts_with("---\npage_title: \""),
                "{}",
                path.display()
            );
            assert!(text.len() < 500_000, "{}", path.display());
        }
    }
}

#[test]
fn an_included_example_is_brought_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.tf"), "a = 1\n").unwrap();
    let page = "before\n<!-- include a.tf -->\nold\n<!-- /include -->\nafter\n";
    let fresh = examples::refreshed(page, folder.path()).unwrap();
    assert_eq!(
        fresh,
        "before\n<!-- include a.tf -->\n```terraform\na = 1\n```\n<!-- /include -->\nafter\n"
    );
    assert_eq!(examples::refreshed(&fresh, folder.path()).unwrap(), fresh);
    assert!(examples::refreshed("<!-- include a.tf -->\n", folder.path()).is_err());
    assert!(
        examples::refreshed("<!-- include b.tf -->\n<!-- /include -->\n", folder.path()).is_err()
    );
}

#[test]
fn links_between_pages_lead_somewhere() {
    for (path, text) in pages(&registry(), root()).unwrap() {
        for target in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            if file.is_empty() {
                let known = text.contains(&format!("<a id=\"{anchor}\"></a>"));
                assert!(known, "{}: #{anchor}", path.display());
            } else if !file.contains("://") {
                let place = root().join(path.parent().unwrap()).join(file);
                assert!(place.exists(), "{}: {target}", path.display());
            }
        }
    }
}

/// What a guide shows is copied. Examples are applied elsewhere; of what is written by hand at least every name exists.
#[test]
fn every_name_in_a_block_of_a_guide_is_one_of_the_schema() {
    let catalogue = registry().catalogue();
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for path in examples::files(&root().join("docs/guides")).unwrap() {
        for block in by_hand(&std::fs::read_to_string(&path).unwrap()) {
            seen += 1;
            let found = unknown_names(&block, &catalogue);
            wrong.extend(found.iter().map(|it| format!("{}: {it}", path.display())));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen > 20, "the blocks were not found");
    for misspelt in [
        "resource \"apikey_managed\" \"k\" {\n  emergenzy = {}\n}",
        "emergency = { idd = \"INC-42\" }",
        "app = { file = { paht = \"a\" } }",
    ] {
        assert!(
            !unknown_names(misspelt, &catalogue).is_empty(),
            "{misspelt}"
        );
    }
}

/// Of a whole configuration, or of a part of one wherever it fits best.
fn unknown_names(block: &str, catalogue: &Catalogue) -> Vec<String> {
    let parsed = hcl_edit::parser::parse_body(block).unwrap_or_else(|it| panic!("{block}{it}"));
    let is_whole = parsed.blocks().next().is_some();
    let places = if is_whole { &WHOLE[..] } else { &PARTS[..] };
    let found = places
        .iter()
        .map(|place| names_of(&place.replace("{}", block), catalogue));
    found.min_by_key(Vec::len).unwrap()
}

fn names_of(text: &str, catalogue: &Catalogue) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("block.tf"), text).unwrap();
    let nested = apikey::lint::lint(folder.path(), catalogue).findings;
    let mut unknown: Vec<String> = nested.iter().map(|it| it.sentence()).collect();
    for block in hcl_edit::parser::parse_body(text).unwrap().blocks() {
        let label = block.labels.first().map_or("", |label| label.as_str());
        let schema = match block.ident.as_str() {
            "provider" if label == "apikey" => catalogue.provider.as_ref(),
            "resource" => catalogue.resources.get(label),
            "data" => catalogue.data_sources.get(label),
            "ephemeral" => catalogue.ephemeral_resources.get(label),
            _ => None,
        };
        let Some(schema) = schema else { continue };
        let names = block.body.attributes().map(|it| it.key.as_str());
        let of_all = ["count", "depends_on", "for_each", "provider", "alias"];
        let names = names
            .filter(|name| !of_all.contains(name) && !schema.block.attributes.contains_key(*name));
        unknown.extend(names.map(|name| format!("{label} has no {name}")));
    }
    unknown
}

const WHOLE: [&str; 1] = ["{}\n"];

/// What a part may be a part of.
const PARTS: [&str; 4] = [
    "resource \"apikey_managed\" \"k\" {\n{}\n}\n",
    "resource \"apikey_rotation_policy\" \"p\" {\n{}\n}\n",
    "resource \"apikey_managed\" \"k\" {\n  deliveries = {\n{}\n  }\n}\n",
    "resource \"apikey_managed\" \"k\" {\n  deployments = {\n{}\n  }\n}\n",
];

/// The blocks of HCL that are not made from a file.
fn by_hand(page: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let (mut included, mut open) = (false, None::<String>);
    for line in page.lines() {
        match (line.trim(), &mut open) {
            ("```", Some(_)) => blocks.extend(open.take()),
            (_, Some(block)) => block.push_str(&format!("{line}\n")),
            ("```hcl" | "```terraform", None) if !included => open = Some(String::new()),
            (line, None) if line.starts_with("<!-- include") => included = true,
            ("<!-- /include -->", None) => included = false,
            _ => {}
        }
    }
    blocks
}

#[test]
fn every_word_of_last_action_is_in_its_description() {
    let page = std::fs::read_to_string(root().join("docs/resources/managed.md")).unwrap();
    let mut lines = page.lines();
    let line = lines.find(|it| it.starts_with("- `last_action`")).unwrap();
    // The moves of an emergency go by one word.
    let is_apart = |next: &&Move| matches!(next, Move::RevokePrimary | Move::Contain);
    let moves = Move::VARIANTS.iter().filter(|it| !is_apart(it));
    let words = moves.map(|next| next.word()).chain(["emergency"]);
    for word in words {
        assert!(line.contains(&format!("`{word}`")), "{word}");
    }
}
