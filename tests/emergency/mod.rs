//! A key that somebody else may have: from one apply to "the compromised key is refused, and the delivered one works".

mod ahead;
mod drift;
mod files;
mod glass;
mod phases;
mod record;
mod trouble;

/// The block `emergency` of a key or a policy.
pub fn block(id: &str, order: &str, scope: &str) -> String {
    format!(
        r#"emergency = {{ id = "{id}", reason = "a laptop was stolen", order = "{order}", scope = "{scope}" }}"#
    )
}

/// With the defaults.
pub fn declared(id: &str) -> String {
    format!(r#"emergency = {{ id = "{id}", reason = "a laptop was stolen" }}"#)
}
