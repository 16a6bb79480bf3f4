//! The service `tfplugin6.Provider`: takes a call, lets the registry answer it, refuses what we have not.
//!
//! A call runs as a task of its own. If Terraform loses interest, a change that is under way is still
//! brought to its end instead of being dropped in the middle.

use std::future::Future;
use std::sync::Arc;

use futures::stream::BoxStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::{Request, Response, Status, Streaming};

use super::guard::guard;
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
            Ok(Err(panicked)) => Err(Status::internal(format!(
                "the provider crashed in {call} at {}; please report this as a bug",
                panicked.place()
            ))),
            Err(_cancelled) => Err(Status::cancelled("the provider is shutting down")),
        }
    }
}

fn absent(call: &str) -> Status {
    Status::unimplemented(format!("this provider does not have {call}"))
}

#[tonic::async_trait]
impl Provider for Service {
    async fn get_metadata(
        &self,
        request: Request<get_metadata::Request>,
    ) -> Result<Response<get_metadata::Response>, Status> {
        self.run("GetMetadata", request, |registry, _| async move {
            registry.get_metadata()
        })
        .await
    }

    async fn get_provider_schema(
        &self,
        request: Request<get_provider_schema::Request>,
    ) -> Result<Response<get_provider_schema::Response>, Status> {
        self.run("GetProviderSchema", request, |registry, _| async move {
            registry.get_provider_schema()
        })
        .await
    }

    async fn get_resource_identity_schemas(
        &self,
        _request: Request<get_resource_identity_schemas::Request>,
    ) -> Result<Response<get_resource_identity_schemas::Response>, Status> {
        Ok(Response::new(Default::default()))
    }

    async fn validate_provider_config(
        &self,
        request: Request<validate_provider_config::Request>,
    ) -> Result<Response<validate_provider_config::Response>, Status> {
        self.run(
            "ValidateProviderConfig",
            request,
            |registry, it| async move { registry.validate_provider_config(it).await },
        )
        .await
    }

    async fn validate_resource_config(
        &self,
        request: Request<validate_resource_config::Request>,
    ) -> Result<Response<validate_resource_config::Response>, Status> {
        self.run(
            "ValidateResourceConfig",
            request,
            |registry, it| async move { registry.validate_resource(it).await },
        )
        .await
    }

    async fn validate_data_resource_config(
        &self,
        request: Request<validate_data_resource_config::Request>,
    ) -> Result<Response<validate_data_resource_config::Response>, Status> {
        self.run(
            "ValidateDataResourceConfig",
            request,
            |registry, it| async move { registry.validate_data_source(it).await },
        )
        .await
    }

    async fn upgrade_resource_state(
        &self,
        request: Request<upgrade_resource_state::Request>,
    ) -> Result<Response<upgrade_resource_state::Response>, Status> {
        self.run("UpgradeResourceState", request, |registry, it| async move {
            registry.upgrade_resource_state(it)
        })
        .await
    }

    async fn configure_provider(
        &self,
        request: Request<configure_provider::Request>,
    ) -> Result<Response<configure_provider::Response>, Status> {
        self.run("ConfigureProvider", request, |registry, it| async move {
            registry.configure_provider(it).await
        })
        .await
    }

    async fn read_resource(
        &self,
        request: Request<read_resource::Request>,
    ) -> Result<Response<read_resource::Response>, Status> {
        self.run("ReadResource", request, |registry, it| async move {
            registry.read_resource(it).await
        })
        .await
    }

    async fn plan_resource_change(
        &self,
        request: Request<plan_resource_change::Request>,
    ) -> Result<Response<plan_resource_change::Response>, Status> {
        self.run("PlanResourceChange", request, |registry, it| async move {
            registry.plan_resource(it).await
        })
        .await
    }

    async fn apply_resource_change(
        &self,
        request: Request<apply_resource_change::Request>,
    ) -> Result<Response<apply_resource_change::Response>, Status> {
        self.run("ApplyResourceChange", request, |registry, it| async move {
            registry.apply_resource(it).await
        })
        .await
    }

    async fn import_resource_state(
        &self,
        request: Request<import_resource_state::Request>,
    ) -> Result<Response<import_resource_state::Response>, Status> {
        self.run("ImportResourceState", request, |registry, it| async move {
            registry.import_resource(it).await
        })
        .await
    }

    async fn read_data_source(
        &self,
        request: Request<read_data_source::Request>,
    ) -> Result<Response<read_data_source::Response>, Status> {
        self.run("ReadDataSource", request, |registry, it| async move {
            registry.read_data_source(it).await
        })
        .await
    }

    async fn get_functions(
        &self,
        request: Request<get_functions::Request>,
    ) -> Result<Response<get_functions::Response>, Status> {
        self.run("GetFunctions", request, |registry, _| async move {
            registry.get_functions()
        })
        .await
    }

    async fn call_function(
        &self,
        request: Request<call_function::Request>,
    ) -> Result<Response<call_function::Response>, Status> {
        self.run("CallFunction", request, |registry, it| async move {
            registry.call_function(it).await
        })
        .await
    }

    async fn stop_provider(
        &self,
        _request: Request<stop_provider::Request>,
    ) -> Result<Response<stop_provider::Response>, Status> {
        tracing::info!("asked to stop: work under way is wound down");
        self.stop.cancel();
        Ok(Response::new(Default::default()))
    }

    // What this provider does not have. Its schema and capabilities say so, so these are not called.

    async fn upgrade_resource_identity(
        &self,
        _request: Request<upgrade_resource_identity::Request>,
    ) -> Result<Response<upgrade_resource_identity::Response>, Status> {
        Err(absent("resource identities"))
    }

    async fn move_resource_state(
        &self,
        _request: Request<move_resource_state::Request>,
    ) -> Result<Response<move_resource_state::Response>, Status> {
        Err(absent("moves between resource types"))
    }

    async fn generate_resource_config(
        &self,
        _request: Request<generate_resource_config::Request>,
    ) -> Result<Response<generate_resource_config::Response>, Status> {
        Err(absent("generated configuration"))
    }

    async fn validate_ephemeral_resource_config(
        &self,
        _request: Request<validate_ephemeral_resource_config::Request>,
    ) -> Result<Response<validate_ephemeral_resource_config::Response>, Status> {
        Err(absent("ephemeral resources"))
    }

    async fn open_ephemeral_resource(
        &self,
        _request: Request<open_ephemeral_resource::Request>,
    ) -> Result<Response<open_ephemeral_resource::Response>, Status> {
        Err(absent("ephemeral resources"))
    }

    async fn renew_ephemeral_resource(
        &self,
        _request: Request<renew_ephemeral_resource::Request>,
    ) -> Result<Response<renew_ephemeral_resource::Response>, Status> {
        Err(absent("ephemeral resources"))
    }

    async fn close_ephemeral_resource(
        &self,
        _request: Request<close_ephemeral_resource::Request>,
    ) -> Result<Response<close_ephemeral_resource::Response>, Status> {
        Err(absent("ephemeral resources"))
    }

    type ListResourceStream = BoxStream<'static, Result<list_resource::Event, Status>>;

    async fn list_resource(
        &self,
        _request: Request<list_resource::Request>,
    ) -> Result<Response<Self::ListResourceStream>, Status> {
        Err(absent("list resources"))
    }

    async fn validate_list_resource_config(
        &self,
        _request: Request<validate_list_resource_config::Request>,
    ) -> Result<Response<validate_list_resource_config::Response>, Status> {
        Err(absent("list resources"))
    }

    async fn validate_action_config(
        &self,
        _request: Request<validate_action_config::Request>,
    ) -> Result<Response<validate_action_config::Response>, Status> {
        Err(absent("actions"))
    }

    async fn plan_action(
        &self,
        _request: Request<plan_action::Request>,
    ) -> Result<Response<plan_action::Response>, Status> {
        Err(absent("actions"))
    }

    type InvokeActionStream = BoxStream<'static, Result<invoke_action::Event, Status>>;

    async fn invoke_action(
        &self,
        _request: Request<invoke_action::Request>,
    ) -> Result<Response<Self::InvokeActionStream>, Status> {
        Err(absent("actions"))
    }

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

    type ReadStateBytesStream = BoxStream<'static, Result<read_state_bytes::ResponseChunk, Status>>;

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
