//! AWS as teams run it: every source of credentials, endpoint, proxy and authority, by what is seen on the wire.
//!
//! Each case of the `table` is a directory with a configuration, through the real CLI and a proxy that reads along. The
//! same directories are given to hashicorp/aws and to boto3 in `peers`.

/// What each service is called.
mod names;
/// The same directories with hashicorp/aws and boto3.
mod peers;
/// The proxy that reads along.
mod recorder;
/// One request.
mod request;
/// What moto does not answer.
mod services;
/// One directory, and the commands in it.
mod site;
/// The cases.
mod table;
