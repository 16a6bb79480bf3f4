//! Values of the provider as Terraform sees them.

use std::collections::BTreeSet;

use apikey::resources::managed::model::ManagedState;
use tf_provider::Diagnostics;
use tf_provider::value::ValueAny;

pub fn copy(state: &ManagedState) -> ManagedState {
    rmp_serde::from_slice(&rmp_serde::to_vec_named(state).unwrap()).unwrap()
}

pub fn tree(state: &ManagedState) -> ValueAny {
    rmp_serde::from_slice(&rmp_serde::to_vec_named(state).unwrap()).unwrap()
}

pub fn summaries(diags: &Diagnostics) -> Vec<&str> {
    let errors = diags.errors.iter();
    errors.map(|error| error.summary.as_ref()).collect()
}

/// Where a value does not keep what the plan promised; what was unknown may become anything.
pub fn broken_promise(planned: &ValueAny, actual: &ValueAny, path: &str) -> Option<String> {
    match (planned, actual) {
        (ValueAny::Unknown, _) => None,
        (ValueAny::Map(planned), ValueAny::Map(actual)) => {
            let names: BTreeSet<_> = planned.keys().chain(actual.keys()).collect();
            let null = ValueAny::Null;
            names.into_iter().find_map(|name| {
                let (planned, actual) = (planned.get(name), actual.get(name));
                let (planned, actual) = (planned.unwrap_or(&null), actual.unwrap_or(&null));
                broken_promise(planned, actual, &format!("{path}.{name}"))
            })
        }
        _ if planned == actual => None,
        _ => Some(format!(
            "{path} was planned as {planned:?} and became {actual:?}"
        )),
    }
}
