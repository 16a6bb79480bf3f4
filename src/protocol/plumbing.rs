//! What the command line expects of any plugin: a way to shut it down, two streams, a health check.

use std::future::Future;

use futures::StreamExt;
use futures::stream::{self, BoxStream};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

use super::wire::health::health_check_response::ServingStatus;
use super::wire::health::health_server::Health;
use super::wire::health::{HealthCheckRequest, HealthCheckResponse};
use super::wire::plugin::grpc_broker_server::GrpcBroker;
use super::wire::plugin::grpc_controller_server::GrpcController;
use super::wire::plugin::grpc_stdio_server::GrpcStdio;
use super::wire::plugin::{ConnInfo, Empty, StdioData};

/// The name under which the health of a plugin is asked for.
const HEALTHY: [&str; 2] = ["plugin", ""];

/// Answers all of it. Its streams stay open until the process ends.
#[derive(Clone)]
pub(super) struct Plumbing {
    /// Cancelled when the command line is done with us.
    pub(super) shutdown: CancellationToken,
}

type Stream<T> = BoxStream<'static, Result<T, Status>>;

impl Plumbing {
    fn until_shutdown<T: Send + 'static>(&self) -> Stream<T> {
        self.then_until_shutdown(stream::empty())
    }

    fn then_until_shutdown<T: Send + 'static>(
        &self,
        first: impl futures::Stream<Item = Result<T, Status>> + Send + 'static,
    ) -> Stream<T> {
        let end = self.shutdown.clone().cancelled_owned();
        first.chain(silence_until(end)).boxed()
    }
}

fn silence_until<T>(
    end: impl Future<Output = ()> + Send + 'static,
) -> impl futures::Stream<Item = Result<T, Status>> + Send + 'static
where
    T: Send + 'static,
{
    stream::once(end).filter_map(|()| async { None })
}

#[tonic::async_trait]
impl GrpcController for Plumbing {
    async fn shutdown(&self, _request: Request<Empty>) -> Result<Response<Empty>, Status> {
        tracing::debug!("asked to shut down");
        self.shutdown.cancel();
        Ok(Response::new(Default::default()))
    }
}

#[tonic::async_trait]
impl GrpcBroker for Plumbing {
    type StartStreamStream = Stream<ConnInfo>;

    async fn start_stream(
        &self,
        _request: Request<Streaming<ConnInfo>>,
    ) -> Result<Response<Self::StartStreamStream>, Status> {
        // A provider never offers further connections.
        Ok(Response::new(self.until_shutdown()))
    }
}

#[tonic::async_trait]
impl GrpcStdio for Plumbing {
    type StreamStdioStream = Stream<StdioData>;

    async fn stream_stdio(
        &self,
        _request: Request<Empty>,
    ) -> Result<Response<Self::StreamStdioStream>, Status> {
        // Logs go to the real stderr, and nothing is ever printed on stdout.
        Ok(Response::new(self.until_shutdown()))
    }
}

#[tonic::async_trait]
impl Health for Plumbing {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        if HEALTHY.contains(&request.get_ref().service.as_str()) {
            return Ok(Response::new(status(ServingStatus::Serving)));
        }
        Err(Status::not_found("there is no such service here"))
    }

    type WatchStream = Stream<HealthCheckResponse>;

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let serving = match HEALTHY.contains(&request.get_ref().service.as_str()) {
            true => ServingStatus::Serving,
            false => ServingStatus::ServiceUnknown,
        };
        let first = stream::iter([Ok(status(serving))]);
        Ok(Response::new(self.then_until_shutdown(first)))
    }
}

fn status(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse {
        status: status.into(),
    }
}
