//! Every integration test, in one binary.

/// The life of keys, driven through the real CLI.
#[cfg(unix)]
mod acceptance;
/// Pipelines that run on a schedule.
#[cfg(unix)]
mod automation;
/// Amazon Web Services, against moto and against servers that misbehave.
mod aws;
/// The whole life of keys on AWS, driven through the real CLI against a server that checks signatures and policies.
#[cfg(unix)]
mod aws_life;
/// AWS as teams run it: credentials, endpoints, proxies and authorities, by what is seen on the wire.
#[cfg(unix)]
mod aws_wire;
/// Older states that are put back. Early by its name: tests are started
/// in that order, and none takes longer.
#[cfg(unix)]
mod backups;
/// Wrong configurations and what is printed about them.
#[cfg(unix)]
mod bad_input;
/// What every issuer and every store has to keep.
mod contract;
/// The provider is killed in the middle of everything.
#[cfg(unix)]
mod crashes;
/// Keys of APIs that a configuration declares.
#[cfg(unix)]
mod declared;
/// Consumers are made to read what was delivered.
#[cfg(unix)]
mod deployments;
/// Keys that somebody else may have.
#[cfg(unix)]
mod emergency;
/// Environments in order.
#[cfg(unix)]
mod environments;
/// Every example of the documentation, applied.
#[cfg(unix)]
mod examples;
/// The store `file` with real files, shells, readers and processes.
#[cfg(unix)]
mod file_store;
/// GitHub, against a fake that opens what is sealed.
#[cfg(unix)]
mod github;
/// Google Cloud, against a server that checks what is signed and misbehaves as told.
mod google;
/// Random histories of one key in a world in memory.
#[cfg(unix)]
mod histories;
/// Kubernetes: a fake cluster, and a real one where it was built.
#[cfg(unix)]
mod kubernetes;
/// The ledger in memory, in SQLite and in a real PostgreSQL.
#[cfg(unix)]
mod ledger;
/// Keys that a person makes and revokes.
#[cfg(unix)]
mod manual;
/// What each command line can do with keys, one test a feature.
#[cfg(unix)]
mod matrix;
/// The command line by hand, metrics, alerts and dashboards.
#[cfg(unix)]
mod monitoring;
/// What people are told.
#[cfg(unix)]
mod notifications;
/// Owners who leave.
#[cfg(unix)]
mod offboarding;
/// What only OpenTofu has.
#[cfg(unix)]
mod opentofu;
/// Two keys and one place.
#[cfg(unix)]
mod places;
/// The plugin protocol over its socket and under the real command line.
#[cfg(unix)]
mod protocol;
/// What a release is, and what installs from it.
#[cfg(unix)]
mod release;
/// Vendors that only their own servers know, played by fakes.
#[cfg(unix)]
mod saas;
/// What the tests share.
mod support;
/// Who uses a key, as far as its issuer tells.
#[cfg(unix)]
mod usage;
/// Vault, against a real OpenBao and against servers that misbehave.
#[cfg(unix)]
mod vault;
/// The request of `verification` against a real server.
mod verification;
