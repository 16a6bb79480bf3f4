//! One provider, served to the connections of one client.

use std::sync::Arc;

use futures::Stream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::listener::Connection;
use super::plumbing::Plumbing;
use super::registry::Registry;
use super::service::Service;
use super::wire::health::health_server::HealthServer;
use super::wire::plugin::grpc_broker_server::GrpcBrokerServer;
use super::wire::plugin::grpc_controller_server::GrpcControllerServer;
use super::wire::plugin::grpc_stdio_server::GrpcStdioServer;
use super::wire::tfplugin6::provider_server::ProviderServer;

/// The largest message that Terraform sends or takes.
const LARGEST_MESSAGE: usize = 256 << 20;
/// How much a client may send before it waits for us: enough for most calls in one go.
const STREAM_WINDOW: u32 = 4 << 20;
const CONNECTION_WINDOW: u32 = 16 << 20;

/// What is served, and what ends it.
pub(super) struct Session {
    pub(super) registry: Registry,
    /// Cancelled when somebody asks to stop what is under way.
    pub(super) stop: CancellationToken,
    /// Cancelled when the client is done with us.
    pub(super) shutdown: CancellationToken,
    /// The calls that are under way.
    pub(super) calls: TaskTracker,
}

impl Session {
    /// Answers until the connections end, or until it is shut down.
    pub(super) async fn serve(
        self,
        connections: impl Stream<Item = std::io::Result<Connection>>,
    ) -> Result<(), tonic::transport::Error> {
        let service = Service {
            registry: Arc::new(self.registry),
            stop: self.stop,
            calls: self.calls,
        };
        let plumbing = Plumbing {
            shutdown: self.shutdown.clone(),
        };
        let provider = ProviderServer::new(service)
            .max_decoding_message_size(LARGEST_MESSAGE)
            .max_encoding_message_size(LARGEST_MESSAGE);
        tonic::transport::Server::builder()
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_concurrent_streams(1024)
            .add_service(provider)
            .add_service(GrpcControllerServer::new(plumbing.clone()))
            .add_service(GrpcBrokerServer::new(plumbing.clone()))
            .add_service(GrpcStdioServer::new(plumbing.clone()))
            .add_service(HealthServer::new(plumbing))
            .serve_with_incoming_shutdown(connections, self.shutdown.cancelled_owned())
            .await
    }
}
