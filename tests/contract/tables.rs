use apikey::context::SharedContext;
use apikey::issuers::{self, Permission};
use apikey::protocol::Registry;
use apikey::{provider, stores};
use tokio_util::sync::CancellationToken;

use super::{docs, fakes};

/// Each entry has everything that makes it usable.
pub fn are_whole() {
    let pages = pages();
    let context = SharedContext::offline();
    for kind in issuers::all() {
        let name = kind.name();
        described(name, kind.description(), kind.attributes().len(), &pages);
        let issuer = issuers::of_example(kind, &context).expect(name);
        let able = issuer.capabilities();
        permitted(name, kind.permissions(), able.local);
        assert!(!issuer.account().is_empty(), "{name}");
        assert!(
            able.key_ids || !able.lists(),
            "{name} lists what it cannot name"
        );
        assert!(fakes::issuer(name).is_some(), "{name} has no fake");
    }
    for kind in stores::all() {
        let name = kind.name();
        described(name, kind.description(), kind.attributes().len(), &pages);
        let store = stores::of_example(kind, &context).expect(name);
        permitted(name, kind.permissions(), store.capabilities().local);
        assert!(store.place().starts_with(name), "{name}: {}", store.place());
        assert!(fakes::store(name).is_some(), "{name} has no fake");
    }
}

fn described(name: &str, description: &str, attributes: usize, pages: &str) {
    assert!(
        name.bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'_' || byte.is_ascii_digit()),
        "{name} is no name of an attribute"
    );
    assert!(
        description.ends_with('.') && description.len() > 20,
        "{name}: {description}"
    );
    assert!(attributes > 0, "{name} has no settings");
    assert!(
        pages.contains(&format!("- `{name}` (Attributes)")),
        "{name} is on no page"
    );
    assert!(
        pages.contains(&format!("| `{name}` |")),
        "{name} is in no table of the pages"
    );
}

fn permitted(name: &str, permissions: &[Permission], is_local: bool) {
    assert!(
        is_local || !permissions.is_empty(),
        "{name} does not say what it must be allowed"
    );
    for permission in permissions {
        assert!(!permission.needed.is_empty(), "{name}: {}", permission.name);
    }
}

fn pages() -> String {
    let registry: Registry = provider::registry(CancellationToken::new());
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let pages = docs::pages(&registry, root).unwrap();
    pages.into_values().collect()
}
