//! The messages and services of `proto/`, as generated. Nothing is written by hand here.

#![allow(missing_docs, dead_code, clippy::all)]

/// Terraform plugin protocol 6.
pub mod tfplugin6 {
    tonic::include_proto!("tfplugin6");
}

/// The plumbing that the command line calls beside the provider.
pub mod plugin {
    tonic::include_proto!("plugin");
}

/// The standard health check.
pub mod health {
    tonic::include_proto!("grpc.health.v1");
}
