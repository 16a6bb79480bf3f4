//! Every call, from the bytes of its request to the bytes of its answer.

use std::pin::Pin;
use std::sync::Arc;

use prost::Message;
use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::codegen::{Body, Service as _, http};

use super::super::codec::outgoing;
use super::super::registry::Registry;
use super::super::service::Service;
use super::super::shape::Shape;
use super::super::wire::tfplugin6::provider_server::ProviderServer;
use super::super::wire::tfplugin6::*;
use super::samples;
use hunt::Target;

/// A hunt for each call.
pub(super) fn targets(registry: &Arc<Registry>) -> Vec<Target> {
    let calls = requests(registry).into_iter();
    calls
        .map(|(call, seeds)| {
            let mut server = server(registry);
            let Ok(runtime) = Builder::new_current_thread().enable_time().build() else {
                panic!("there is no runtime to be had");
            };
            Target::new(format!("the request of {call}"), seeds, move |bytes| {
                answer(&runtime, &mut server, call, bytes);
            })
        })
        .collect()
}

fn server(registry: &Arc<Registry>) -> ProviderServer<Service> {
    ProviderServer::new(Service {
        registry: registry.clone(),
        stop: CancellationToken::new(),
        calls: TaskTracker::new(),
    })
}

fn answer(runtime: &Runtime, server: &mut ProviderServer<Service>, call: &str, message: &[u8]) {
    let length = (message.len() as u32).to_be_bytes();
    let body = [&[0], &length[..], message].concat();
    let request = http::Request::post(format!("/tfplugin6.Provider/{call}"))
        .header("content-type", "application/grpc")
        .body(tonic::body::boxed(reqwest::Body::from(body)));
    let Ok(request) = request else {
        panic!("{call} is not a call");
    };
    runtime.block_on(async {
        let Ok(answer) = server.call(request).await;
        let mut body = answer.into_body();
        while std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context))
            .await
            .is_some()
        {}
    });
}

/// The calls with samples of their requests.
fn requests(registry: &Registry) -> Vec<(&'static str, Vec<Vec<u8>>)> {
    let mut diags = Default::default();
    let provider = registry
        .provider_schema(&mut diags)
        .map(|it| it.shape.clone());
    let provider = provider.unwrap_or(Shape::Plain);
    let shape_of = |name: &str| {
        let found = registry.find_resource(name, &mut Default::default());
        found.map_or(Shape::Plain, |(_, schema)| schema.shape.clone())
    };
    let names: Vec<String> = registry.resources.keys().cloned().collect();
    let resources: Vec<(String, Vec<u8>)> = names
        .iter()
        .flat_map(|name| {
            samples::values(name, &shape_of(name))
                .into_iter()
                .map(|it| (name.clone(), it))
        })
        .collect();
    let stored: Vec<(String, RawState)> = names
        .iter()
        .flat_map(|name| {
            samples::in_json(name, &shape_of(name))
                .into_iter()
                .map(|it| (name.clone(), raw(it)))
        })
        .collect();
    let configs = samples::values("provider", &provider);
    let client_capabilities = Some(ClientCapabilities {
        deferral_allowed: true,
        write_only_attributes_allowed: false,
        store_planned_private: true,
        computed_blocks_allowed: false,
    });
    let mut calls = vec![
        ("GetMetadata", vec![Vec::new()]),
        ("GetProviderSchema", vec![Vec::new()]),
        ("GetResourceIdentitySchemas", vec![Vec::new()]),
        ("GetFunctions", vec![Vec::new()]),
        ("StopProvider", vec![Vec::new()]),
        (
            "ValidateProviderConfig",
            each(&configs, |config| validate_provider_config::Request {
                config: value(config),
            }),
        ),
        (
            "ConfigureProvider",
            each(&configs, |config| configure_provider::Request {
                config: value(config),
                client_capabilities,
                ..Default::default()
            }),
        ),
        (
            "ValidateResourceConfig",
            each(&resources, |(name, config)| {
                validate_resource_config::Request {
                    type_name: name.clone(),
                    config: value(config),
                    client_capabilities,
                }
            }),
        ),
        (
            "UpgradeResourceState",
            each(&stored, |(name, stored)| upgrade_resource_state::Request {
                type_name: name.clone(),
                version: 0,
                raw_state: Some(stored.clone()),
            }),
        ),
        (
            "UpgradeResourceIdentity",
            each(&stored, |(name, stored)| {
                upgrade_resource_identity::Request {
                    type_name: name.clone(),
                    version: 0,
                    raw_identity: Some(stored.clone()),
                }
            }),
        ),
        (
            "ReadResource",
            each(&resources, |(name, state)| read_resource::Request {
                type_name: name.clone(),
                current_state: value(state),
                private: private(),
                client_capabilities,
                ..Default::default()
            }),
        ),
        (
            "PlanResourceChange",
            each(&resources, |(name, state)| plan_resource_change::Request {
                type_name: name.clone(),
                prior_state: value(state),
                proposed_new_state: value(state),
                config: value(state),
                prior_private: private(),
                planned_private: private(),
                client_capabilities,
                ..Default::default()
            }),
        ),
        (
            "ApplyResourceChange",
            each(&resources, |(name, state)| apply_resource_change::Request {
                type_name: name.clone(),
                prior_state: value(state),
                planned_state: value(state),
                config: value(state),
                planned_private: private(),
                ..Default::default()
            }),
        ),
        (
            "ImportResourceState",
            each(&resources, |(name, state)| import_resource_state::Request {
                type_name: name.clone(),
                id: "aws_iam:somebody/AKIAMADEUP".into(),
                identity: Some(ResourceIdentityData {
                    identity_data: value(state),
                }),
                client_capabilities,
            }),
        ),
        (
            "MoveResourceState",
            each(&stored, |(name, stored)| move_resource_state::Request {
                source_provider_address: "registry.terraform.io/hashicorp/random".into(),
                source_type_name: "random_password".into(),
                source_state: Some(stored.clone()),
                target_type_name: name.clone(),
                ..Default::default()
            }),
        ),
        (
            "GenerateResourceConfig",
            each(&resources, |(name, state)| {
                generate_resource_config::Request {
                    type_name: name.clone(),
                    state: value(state),
                }
            }),
        ),
    ];
    calls.extend(others(registry));
    calls
}

/// Calls about what is not a resource: their requests begin alike, with a name and a value.
fn others(registry: &Registry) -> Vec<(&'static str, Vec<Vec<u8>>)> {
    let mut diags = Default::default();
    let calls = [
        "ValidateDataResourceConfig",
        "ReadDataSource",
        "ValidateEphemeralResourceConfig",
        "OpenEphemeralResource",
        "RenewEphemeralResource",
        "CloseEphemeralResource",
        "ListResource",
        "ValidateListResourceConfig",
        "ValidateActionConfig",
        "PlanAction",
        "InvokeAction",
        "CallFunction",
    ];
    let mut samples = Vec::new();
    let mut add = |name: &String, shape: Option<Shape>| {
        for sample in samples::values(name, &shape.unwrap_or(Shape::Plain)) {
            let type_name = name.clone();
            let config = value(&sample);
            samples
                .push(validate_data_resource_config::Request { type_name, config }.encode_to_vec());
        }
    };
    for (name, entry) in &registry.data_sources {
        add(
            name,
            entry.prepared(name, &mut diags).map(|it| it.shape.clone()),
        );
    }
    for (name, entry) in &registry.ephemeral_resources {
        add(
            name,
            entry.prepared(name, &mut diags).map(|it| it.shape.clone()),
        );
    }
    for (name, entry) in &registry.list_resources {
        add(
            name,
            entry.prepared(name, &mut diags).map(|it| it.shape.clone()),
        );
    }
    for (name, entry) in &registry.actions {
        add(
            name,
            entry.prepared(name, &mut diags).map(|it| it.shape.clone()),
        );
    }
    for name in registry.functions.keys() {
        add(name, None);
    }
    calls
        .into_iter()
        .map(|call| (call, samples.clone()))
        .collect()
}

fn each<T, M: Message>(samples: &[T], request: impl Fn(&T) -> M) -> Vec<Vec<u8>> {
    samples
        .iter()
        .map(|sample| request(sample).encode_to_vec())
        .collect()
}

fn value(sample: &[u8]) -> Option<DynamicValue> {
    Some(outgoing(sample.to_vec()))
}

fn raw(json: Vec<u8>) -> RawState {
    RawState {
        json,
        ..Default::default()
    }
}

fn private() -> Vec<u8> {
    let stored = crate::resources::managed::model::Private::default();
    super::super::codec::encode(&stored, &mut Default::default()).unwrap_or_default()
}
