//! The service `tfplugin6.Provider`: takes a call, lets the registry answer it, refuses what we have not.
//!
//! A call runs as a task of its own. If Terraform loses interest, a change that is under way is still
//! brought to its end instead of being dropped in the middle.

use std::future::Future;
use std::sync::Arc;

use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt};
use tokio::sync::mpsc;
use tokio_stream::wrappers::{ReceiverStream, UnboundedReceiverStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::{Request, Response, Status, Streaming};

use super::guard::{Panicked, guard};
use super::registry::Registry;
use super::wire::tfplugin6::provider_server::Provider;
use super::wire::tfplugin6::*;

/// What answers the calls.
#[derive(Clone)]
pub(super) struct Service {
    pub(super) registry: Arc<Registry>,
    /// Cancelled when a person asked to stop. Calls are answered all the same.
    pub(super) stop: CancellationToken,
    /// The calls that are under way.
    pub(super) calls: TaskTracker,
}

impl Service {
    async fn run<Q, A, F>(
        &self,
        call: &'static str,
        request: Request<Q>,
        work: impl FnOnce(Arc<Registry>, Q) -> F,
    ) -> Result<Response<A>, Status>
    where
        F: Future<Output = A> + Send + 'static,
        A: Send + 'static,
    {
        tracing::debug!(call, "call");
        let work = guard(work(self.registry.clone(), request.into_inner()));
        match self.calls.spawn(work).await {
            Ok(Ok(answer)) => Ok(Response::new(answer)),
            Ok(Err(panicked)) => Err(crashed(call, panicked)),
            Err(_cancelled) => Err(Status::cancelled("the provider is shutting down")),
        }
    }

    /// Like [`run`](Self::run), for a call that is answered by any number of events.
    fn stream<E: Send + 'static>(
        &self,
        call: &'static str,
        work: impl Future<Output = ()> + Send + 'static,
        events: impl Stream<Item = E> + Send + 'static,
    ) -> Response<Events<E>> {
        tracing::debug!(call, "call");
        let work = self.calls.spawn(guard(work));
        // The events end when the work is over, so this does not wait.
        let end = stream::once(work).filter_map(move |outcome| async move {
            match outcome {
                Ok(Ok(())) => None,
                Ok(Err(panicked)) => Some(Err(crashed(call, panicked))),
                Err(_cancelled) => Some(Err(Status::cancelled("the provider is shutting down"))),
            }
        });
        Response::new(events.map(Ok).chain(end).boxed())
    }
}

/// The answer to a call that has many.
type Events<E> = BoxStream<'static, Result<E, Status>>;

fn crashed(call: &str, panicked: Panicked) -> Status {
    Status::internal(format!(
        "the provider crashed in {call} at {}; please report this as a bug",
        panicked.place()
    ))
}

fn absent(call: &str) -> Status {
    Status::unimplemented(format!("this provider does not have {call}"))
}

/// The service, from a table of its calls: those that the registry answers with one message, and those that are
/// written out.
macro_rules! service {
    (
        answered {
            $($call:ident $name:literal => |$registry:ident, $request:pat_param| $answer:expr;)+
        }
        written { $($rest:tt)* }
    ) => {
        #[tonic::async_trait]
        impl Provider for Service {
            $(
                async fn $call(
                    &self,
                    request: Request<$call::Request>,
                ) -> Result<Response<$call::Response>, Status> {
                    self.run($name, request, |$registry, $request| async move { $answer }).await
                }
            )+
            $($rest)*
        }
    };
}

service! {
    answered {
        get_metadata "GetMetadata" => |registry, _| registry.get_metadata();
        get_provider_schema "GetProviderSchema" => |registry, _| registry.get_provider_schema();
        get_resource_identity_schemas "GetResourceIdentitySchemas" =>
            |registry, _| registry.get_resource_identity_schemas();
        get_functions "GetFunctions" => |registry, _| registry.get_functions();

        validate_provider_config "ValidateProviderConfig" =>
            |registry, it| registry.validate_provider_config(it).await;
        configure_provider "ConfigureProvider" => |registry, it| registry.configure_provider(it).await;

        validate_resource_config "ValidateResourceConfig" =>
            |registry, it| registry.validate_resource(it).await;
        upgrade_resource_state "UpgradeResourceState" => |registry, it| registry.upgrade_resource_state(it);
        upgrade_resource_identity "UpgradeResourceIdentity" =>
            |registry, it| registry.upgrade_resource_identity(it);
        read_resource "ReadResource" => |registry, it| registry.read_resource(it).await;
        plan_resource_change "PlanResourceChange" => |registry, it| registry.plan_resource(it).await;
        apply_resource_change "ApplyResourceChange" => |registry, it| registry.apply_resource(it).await;
        import_resource_state "ImportResourceState" => |registry, it| registry.import_resource(it).await;
        move_resource_state "MoveResourceState" => |registry, it| registry.move_resource_state(it).await;
        generate_resource_config "GenerateResourceConfig" =>
            |registry, it| registry.generate_resource_config(it);

        validate_data_resource_config "ValidateDataResourceConfig" =>
            |registry, it| registry.validate_data_source(it).await;
        read_data_source "ReadDataSource" => |registry, it| registry.read_data_source(it).await;

        validate_ephemeral_resource_config "ValidateEphemeralResourceConfig" =>
            |registry, it| registry.validate_ephemeral_resource(it).await;
        open_ephemeral_resource "OpenEphemeralResource" =>
            |registry, it| registry.open_ephemeral_resource(it).await;
        renew_ephemeral_resource "RenewEphemeralResource" =>
            |registry, it| registry.renew_ephemeral_resource(it).await;
        close_ephemeral_resource "CloseEphemeralResource" =>
            |registry, it| registry.close_ephemeral_resource(it).await;

        validate_list_resource_config "ValidateListResourceConfig" =>
            |registry, it| registry.validate_list_resource(it).await;
        validate_action_config "ValidateActionConfig" => |registry, it| registry.validate_action(it).await;
        plan_action "PlanAction" => |registry, it| registry.plan_action(it).await;

        call_function "CallFunction" => |registry, it| registry.call_function(it).await;
    }

    written {

        type ListResourceStream = Events<list_resource::Event>;

        async fn list_resource(
            &self,
            request: Request<list_resource::Request>,
        ) -> Result<Response<Self::ListResourceStream>, Status> {
            let registry = self.registry.clone();
            let (sender, events) = mpsc::channel(1);
            let work = async move { registry.list_all(request.into_inner(), sender).await };
            Ok(self.stream("ListResource", work, ReceiverStream::new(events)))
        }

        type InvokeActionStream = Events<invoke_action::Event>;

        async fn invoke_action(
            &self,
            request: Request<invoke_action::Request>,
        ) -> Result<Response<Self::InvokeActionStream>, Status> {
            let registry = self.registry.clone();
            // A client that reads slowly does not hold up an action.
            let (sender, events) = mpsc::unbounded_channel();
            let work = async move { registry.invoke_action(request.into_inner(), sender).await };
            Ok(self.stream("InvokeAction", work, UnboundedReceiverStream::new(events)))
        }

        async fn stop_provider(
            &self,
            _request: Request<stop_provider::Request>,
        ) -> Result<Response<stop_provider::Response>, Status> {
            tracing::info!("asked to stop: work under way is wound down");
            self.stop.cancel();
            Ok(Response::new(Default::default()))
        }

        // What this provider does not have. Its metadata says so, so these are not called.

        async fn validate_state_store_config(
            &self,
            _request: Request<validate_state_store_config::Request>,
        ) -> Result<Response<validate_state_store_config::Response>, Status> {
            Err(absent("state stores"))
        }

        async fn configure_state_store(
            &self,
            _request: Request<configure_state_store::Request>,
        ) -> Result<Response<configure_state_store::Response>, Status> {
            Err(absent("state stores"))
        }

        type ReadStateBytesStream = Events<read_state_bytes::ResponseChunk>;

        async fn read_state_bytes(
            &self,
            _request: Request<read_state_bytes::Request>,
        ) -> Result<Response<Self::ReadStateBytesStream>, Status> {
            Err(absent("state stores"))
        }

        async fn write_state_bytes(
            &self,
            _request: Request<Streaming<write_state_bytes::RequestChunk>>,
        ) -> Result<Response<write_state_bytes::Response>, Status> {
            Err(absent("state stores"))
        }

        async fn lock_state(
            &self,
            _request: Request<lock_state::Request>,
        ) -> Result<Response<lock_state::Response>, Status> {
            Err(absent("state stores"))
        }

        async fn unlock_state(
            &self,
            _request: Request<unlock_state::Request>,
        ) -> Result<Response<unlock_state::Response>, Status> {
            Err(absent("state stores"))
        }

        async fn get_states(
            &self,
            _request: Request<get_states::Request>,
        ) -> Result<Response<get_states::Response>, Status> {
            Err(absent("state stores"))
        }

        async fn delete_state(
            &self,
            _request: Request<delete_state::Request>,
        ) -> Result<Response<delete_state::Response>, Status> {
            Err(absent("state stores"))
        }
    }
}
