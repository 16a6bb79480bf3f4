//! Terraform plugin protocol 6: serves a [`Registry`] to Terraform or OpenTofu.
//!
//! Authors implement the traits of `tf_provider`, and those of [`authoring`] for what that crate has not; this
//! module does the rest: the handshake, mutual TLS, the messages, state upgrades, logs, and a clean end. It knows
//! nothing of keys.
//!
//! | file | holds |
//! |---|---|
//! | `handshake`, `listener`, `socket`, `tls`, `p521` | how a client finds and trusts us |
//! | `server`, `service`, `plumbing` | the gRPC services |
//! | `*_calls`, `*_call` | what each call answers |
//! | `call` | what the client of a call can do |
//! | `registry`, `entries`, `erased`, `catalogue` | what is served, without its types |
//! | `codec`, `msgpack`, `unpack`, `normalise`, `conform`, `shape`, `private`, `write_only` | values in and out |
//! | `schema_wire`, `diagnostics`, `wire` | messages |
//! | `guard`, `logging`, `debug` | panics, logs, people |

mod action_calls;
pub mod authoring;
mod call;
mod catalogue;
mod codec;
mod conform;
mod debug;
mod diagnostics;
mod entries;
mod ephemeral_calls;
mod erased;
#[cfg(any(test, feature = "fuzz"))]
#[path = "../../fuzz/targets/protocol/mod.rs"]
pub(crate) mod fuzz;
mod generate_call;
mod guard;
mod handshake;
mod identity_calls;
mod import_call;
mod list_calls;
mod listener;
mod logging;
mod move_call;
mod msgpack;
mod normalise;
mod p521;
mod plumbing;
mod private;
mod provider_calls;
mod registry;
mod resource_calls;
mod schema_wire;
mod server;
mod service;
mod shape;
#[cfg(unix)]
mod socket;
mod tls;
mod unpack;
mod upgrade_call;
mod wire;
mod write_only;

use std::future::Future;
use std::io::{self, Write};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use self::call::{Call, call};
pub use self::catalogue::Catalogue;
pub use self::debug::ARGUMENT as DEBUG;
pub use self::registry::Registry;

use self::guard::guard_call;
use self::handshake::{Environment, Unfit, announce};
use self::listener::{Clients, Listener};
use self::server::Session;
use crate::printable::say_aside;

/// How long calls that are still under way may take once we were told to shut down. The command line
/// kills a plugin after two seconds.
const LAST_CALLS: Duration = Duration::from_millis(1500);

/// How long a client may take to connect for the first time. The command line gives a plugin a minute to start.
const FIRST_CLIENT: Duration = Duration::from_secs(60);
/// How long a client may take that lost its connection and makes another.
const NEXT_CONNECTION: Duration = Duration::from_secs(2);

/// The whole of `main`: serves what `build` makes until the command line shuts us down, or explains
/// itself to a person. The token given to `build` is cancelled when somebody asks to stop.
pub fn run(build: impl Fn(CancellationToken) -> Registry + Send) -> ExitCode {
    thread::scope(|scope| {
        let serving = thread::Builder::new().stack_size(STACK);
        let serving = serving.spawn_scoped(scope, || run_with(io::stdout(), build));
        match serving.map(|serving| serving.join()) {
            Ok(Ok(ended)) => ended,
            // What panicked has said so itself.
            Ok(Err(_)) => ExitCode::FAILURE,
            Err(error) => outcome(Err(error)),
        }
    })
}

/// Whether Terraform or OpenTofu started this process, to have a plugin.
pub fn is_plugin() -> bool {
    handshake::is_plugin(|name| std::env::var(name).ok())
}

/// All calls are handled on the stack of one thread, and that of a main thread is a megabyte on Windows.
const STACK: usize = 8 << 20;

/// Like [`run`], with the handshake line going elsewhere than to stdout.
pub fn run_with(
    announcement: impl Write,
    build: impl Fn(CancellationToken) -> Registry,
) -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|word| word == DEBUG) {
        return outcome(start(debug::serve(announcement, build)));
    }
    match Environment::read(|name| std::env::var(name).ok()) {
        Ok(environment) => outcome(start(serve(environment, announcement, build))),
        Err(unfit) => explain(unfit),
    }
}

/// Says why nothing can be served here.
fn explain(unfit: Unfit) -> ExitCode {
    let why = match unfit {
        Unfit::ByHand => "This is a plugin: Terraform or OpenTofu starts it.".to_owned(),
        Unfit::Versions(versions) => format!(
            "This provider speaks version {} of the plugin protocol; the command line offers {versions}. Use Terraform 1.0 \
             or OpenTofu 1.6, or newer.",
            handshake::PROTOCOL_VERSION
        ),
    };
    say_aside(why);
    ExitCode::FAILURE
}

fn start(work: impl Future<Output = io::Result<()>>) -> io::Result<()> {
    logging::start();
    guard::silence_panics();
    // Calls wait for the network, the disk and each other, and hardly compute: handing them from thread to thread took an
    // eighth of the CPU of a plan. What blocks has threads of its own.
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(work)
}

fn outcome(outcome: io::Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("The provider apikey cannot be served: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(
    environment: Environment,
    announcement: impl Write,
    build: impl Fn(CancellationToken) -> Registry,
) -> io::Result<()> {
    ignore_interrupts()?;
    let stop = CancellationToken::new();
    let registry = guard_call(|| build(stop.clone()))
        .map_err(|panicked| io::Error::other(format!("it crashed at {}", panicked.place())))?;
    let identity = environment
        .client_certificate
        .as_deref()
        .map(tls::identity)
        .transpose()
        .map_err(io::Error::other)?;
    let listener = Listener::bind(&environment).await?;
    let certificate = identity.as_ref().map(|it| it.certificate.as_slice());
    announce(announcement, &listener, certificate)?;

    let calls = TaskTracker::new();
    // Closed to those who wait: it takes new calls all the same.
    calls.close();
    let shutdown = CancellationToken::new();
    let session = Session {
        registry,
        stop: stop.clone(),
        shutdown: shutdown.clone(),
        calls: calls.clone(),
    };
    let clients = Clients::default();
    let connected = clients.count();
    let connections = listener.connections(identity.map(|identity| identity.config), clients);
    // A call whose client went away is still brought to its end.
    let last_call = async {
        let outcome = session.serve(connections).await.map_err(io::Error::other);
        calls.wait().await;
        outcome
    };
    let patience_ended = async {
        shutdown.cancelled().await;
        stop.cancel();
        tokio::time::sleep(LAST_CALLS).await;
    };
    tokio::select! {
        outcome = last_call => outcome,
        () = patience_ended => Ok(()),
        () = abandoned(connected, &calls) => Ok(()),
    }
}

/// Ends when nobody is connected any more and the last call is over. The command line may have been killed; whoever is to
/// be served next starts a process of his own, and this one holds the credentials of its environment. What a call has
/// begun it brings to its end, and writes down, before.
async fn abandoned(mut connected: watch::Receiver<usize>, calls: &TaskTracker) {
    let somebody = |count: &usize| *count > 0;
    if timeout(FIRST_CLIENT, connected.wait_for(somebody))
        .await
        .is_err()
    {
        return;
    }
    loop {
        // An error means that nothing counts any more, so that nobody can be connected.
        let _ = connected.wait_for(|count| *count == 0).await;
        if timeout(NEXT_CONNECTION, connected.wait_for(somebody))
            .await
            .is_ok_and(|it| it.is_ok())
        {
            continue;
        }
        calls.wait().await;
        if *connected.borrow() == 0 {
            tracing::debug!("nobody is connected any more");
            return;
        }
    }
}

/// Ctrl-C reaches every process of a terminal. We wait for `StopProvider` instead.
fn ignore_interrupts() -> io::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut interrupts = signal(SignalKind::interrupt())?;
        tokio::spawn(async move { while interrupts.recv().await.is_some() {} });
    }
    #[cfg(windows)]
    tokio::spawn(async { while tokio::signal::ctrl_c().await.is_ok() {} });
    Ok(())
}
