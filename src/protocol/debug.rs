//! `--debug`: a provider that a person started, under a debugger for instance, and that the command line attaches
//! itself to.
//!
//! There is no TLS: the command line knows none here. Only this user can enter the directory of the socket, and where there
//! is no Unix socket, nothing is served.

use std::future::Future;
use std::io::{self, Write};
use std::pin::pin;

use futures::{StreamExt, stream};
use serde_json::json;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::LAST_CALLS;
use super::guard::guard_call;
use super::handshake::{Environment, PROTOCOL_VERSION};
use super::listener::{Clients, Connection, Listener};
use super::registry::Registry;
use super::server::Session;

/// What a configuration calls this provider.
const SOURCE: &str = "apikey-dev/apikey";

/// The argument that asks for it.
pub const ARGUMENT: &str = "--debug";

/// Says how to attach to it, and serves until it is interrupted.
pub(super) async fn serve(
    mut out: impl Write,
    build: impl Fn(CancellationToken) -> Registry,
) -> io::Result<()> {
    let mut interrupted = pin!(interrupted()?);
    let listener = Listener::bind(&Environment::unasked()).await?;
    writeln!(
        out,
        "The provider runs until it is interrupted. To attach Terraform or OpenTofu to it, set\n\n\
         \tTF_REATTACH_PROVIDERS='{}'\n",
        reattach(&listener)
    )?;
    out.flush()?;

    let calls = TaskTracker::new();
    let stop = CancellationToken::new();
    let mut connections = listener.connections(None, Clients::default());
    loop {
        tokio::select! {
            Some(connection) = connections.next() => attach(connection?, &build, &stop, &calls)?,
            () = &mut interrupted => break,
        }
    }
    stop.cancel();
    calls.close();
    // What is under way and does not end in this time is abandoned.
    let _ = tokio::time::timeout(LAST_CALLS, calls.wait()).await;
    Ok(())
}

/// Every run of the command line gets a provider of its own, as if it had started the process.
fn attach(
    connection: Connection,
    build: &impl Fn(CancellationToken) -> Registry,
    stop: &CancellationToken,
    calls: &TaskTracker,
) -> io::Result<()> {
    let stop = stop.child_token();
    let registry = guard_call(|| build(stop.clone()))
        .map_err(|panicked| io::Error::other(format!("it crashed at {}", panicked.place())))?;
    // Told to shut down, the process stays: it is only the run that is over, and with it the connection.
    let over = CancellationToken::new();
    let session = Session {
        registry,
        stop,
        shutdown: over.clone(),
        calls: calls.clone(),
    };
    let only = stream::iter([Ok(connection.ending(over))]).chain(stream::pending());
    tokio::spawn(async move {
        if let Err(error) = session.serve(only).await {
            tracing::warn!(%error, "a connection ended badly");
        }
    });
    Ok(())
}

fn reattach(listener: &Listener) -> serde_json::Value {
    // Without a registry's host, the source address means the same to Terraform and to OpenTofu.
    json!({
        SOURCE: {
            "Protocol": "grpc",
            "ProtocolVersion": PROTOCOL_VERSION,
            "Pid": std::process::id(),
            "Test": true,
            "Addr": { "Network": listener.network, "String": listener.address },
        }
    })
}

/// Listens from now on; the future ends with the first interrupt.
fn interrupted() -> io::Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        Ok(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        })
    }
    #[cfg(windows)]
    {
        let mut interrupt = tokio::signal::windows::ctrl_c()?;
        Ok(async move {
            interrupt.recv().await;
        })
    }
}
