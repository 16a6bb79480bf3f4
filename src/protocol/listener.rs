//! Where the command line connects: a Unix socket, or TCP on this machine where there is none. Over TCP, everybody who is
//! logged in here could connect, so there it never goes without certificates on both sides.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpListener;
#[cfg(unix)]
use tokio::net::UnixListener;
use tokio::sync::{mpsc, watch};
use tokio_rustls::TlsAcceptor;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::transport::server::Connected;

use super::handshake::Environment;
#[cfg(unix)]
use super::socket::{self, SocketDirectory};

/// A client that opens a connection and stays silent is dropped after this.
const TLS_PATIENCE: Duration = Duration::from_secs(10);
/// After a failed accept (too many open files), the next attempt waits this long.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A socket that listens.
pub(super) struct Listener {
    socket: Socket,
    /// `unix` or `tcp`.
    pub(super) network: &'static str,
    /// The path of the socket, or host and port.
    pub(super) address: String,
}

enum Socket {
    #[cfg(unix)]
    Unix {
        listener: UnixListener,
        /// Removes the socket when the process ends.
        _directory: SocketDirectory,
    },
    Tcp(TcpListener),
}

impl Listener {
    /// A Unix socket in a directory that only we can enter, else a port in the range we were given.
    pub(super) async fn bind(environment: &Environment) -> io::Result<Self> {
        let unavailable = match Self::bind_unix(environment) {
            Ok(listener) => return Ok(listener),
            Err(error) => error,
        };
        if environment.client_certificate.is_none() {
            return Err(io::Error::other(format!(
                "there is no Unix socket to be had ({unavailable}), and over TCP without certificates every user of this \
                 machine could give it orders. Set TMPDIR to a directory that you may write and whose name is short."
            )));
        }
        tracing::warn!(%unavailable, "there is no Unix socket to be had, using TCP");
        Self::bind_tcp(environment).await
    }

    #[cfg(not(unix))]
    fn bind_unix(_: &Environment) -> io::Result<Self> {
        Err(io::Error::other("this system has none for us"))
    }

    #[cfg(unix)]
    fn bind_unix(environment: &Environment) -> io::Result<Self> {
        let parent = environment.socket_directory.clone();
        let parent = parent.unwrap_or_else(std::env::temp_dir);
        let (directory, listener) = SocketDirectory::listen(&parent)?;
        let address = directory.socket().to_str().map(str::to_owned);
        let address =
            address.ok_or_else(|| io::Error::other("the path of the socket is not UTF-8"))?;
        // Nobody waits for this, and whatever is left is left to the next process.
        std::thread::spawn(move || socket::clean_up(&parent));
        Ok(Self {
            socket: Socket::Unix {
                listener,
                _directory: directory,
            },
            network: "unix",
            address,
        })
    }

    async fn bind_tcp(environment: &Environment) -> io::Result<Self> {
        let mut last = io::Error::other("the range of ports is empty");
        for port in environment.ports.clone() {
            match TcpListener::bind(("127.0.0.1", port)).await {
                Ok(listener) => {
                    let address = listener.local_addr()?.to_string();
                    let (socket, network) = (Socket::Tcp(listener), "tcp");
                    return Ok(Self {
                        socket,
                        network,
                        address,
                    });
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    async fn accept(&self) -> io::Result<Connection> {
        match &self.socket {
            #[cfg(unix)]
            Socket::Unix { listener, .. } => {
                let (stream, _) = listener.accept().await?;
                Ok(Connection::over(stream))
            }
            Socket::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                // Without this every small answer waits for the client's delayed acknowledgement.
                stream.set_nodelay(true)?;
                Ok(Connection::over(stream))
            }
        }
    }

    /// The connections that pass TLS (or all of them, where there is none), as they come in.
    pub(super) fn connections(
        self,
        tls: Option<Arc<ServerConfig>>,
        clients: Clients,
    ) -> ReceiverStream<io::Result<Connection>> {
        let (sender, receiver) = mpsc::channel(16);
        tokio::spawn(async move {
            while !sender.is_closed() {
                match self.accept().await {
                    Ok(connection) => {
                        let (tls, clients) = (tls.clone(), clients.clone());
                        tokio::spawn(welcome(connection, tls, clients, sender.clone()));
                    }
                    Err(error) => {
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                }
            }
        });
        ReceiverStream::new(receiver)
    }
}

async fn welcome(
    connection: Connection,
    tls: Option<Arc<ServerConfig>>,
    clients: Clients,
    sender: mpsc::Sender<io::Result<Connection>>,
) {
    let connection = match tls {
        None => connection,
        Some(config) => {
            let accept = TlsAcceptor::from(config).accept(connection);
            match tokio::time::timeout(TLS_PATIENCE, accept).await {
                Ok(Ok(stream)) => Connection::over(stream),
                Ok(Err(error)) => {
                    tracing::warn!(%error, "a connection was refused");
                    return;
                }
                Err(_elapsed) => {
                    tracing::warn!("a connection was refused: no TLS handshake in time");
                    return;
                }
            }
        }
    };
    // An error means that the server has ended, and then nobody waits for connections.
    let _ = sender.send(Ok(connection.counted(clients))).await;
}

/// How many clients are connected: those that passed TLS, where there is TLS.
#[derive(Clone, Default)]
pub(super) struct Clients(Arc<watch::Sender<usize>>);

impl Clients {
    /// Their number, as it changes.
    pub(super) fn count(&self) -> watch::Receiver<usize> {
        self.0.subscribe()
    }

    fn add(self) -> Presence {
        self.0.send_modify(|count| *count += 1);
        Presence(self.0)
    }
}

/// One connected client.
struct Presence(Arc<watch::Sender<usize>>);

impl Drop for Presence {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

trait Pipe: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Pipe for T {}

/// A connection of any sort.
pub(super) struct Connection {
    pipe: Box<dyn Pipe>,
    /// Cancels a token when the connection is over.
    _end: Option<DropGuard>,
    /// Is counted while the connection lasts.
    _presence: Option<Presence>,
}

impl Connection {
    fn over(pipe: impl Pipe + 'static) -> Self {
        Self {
            pipe: Box::new(pipe),
            _end: None,
            _presence: None,
        }
    }

    /// The same connection, counted.
    fn counted(self, clients: Clients) -> Self {
        let _presence = Some(clients.add());
        Self { _presence, ..self }
    }

    /// The same connection, which cancels `end` when it is over.
    pub(super) fn ending(self, end: CancellationToken) -> Self {
        let _end = Some(end.drop_guard());
        Self { _end, ..self }
    }
}

impl Connected for Connection {
    type ConnectInfo = ();
    fn connect_info(&self) {}
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.pipe).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.pipe).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.pipe.is_write_vectored()
    }
}
