//! The accept loop and the framing: one task per connection, one request at a time on each, as Kafka does.

use std::io;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use crate::handlers::{self, Outcome};
use crate::session::Session;
use crate::state::State;

/// Memory taken ahead of the bytes of a frame: a length alone justifies no more.
const READ_AHEAD_BYTES: usize = 256 << 10;

/// The tasks of a listening broker. Dropping it ends them.
#[derive(Debug)]
pub(crate) struct Server {
    stop: Option<oneshot::Sender<()>>,
    accepting: JoinHandle<()>,
}

impl Server {
    pub(crate) fn start(
        listener: TcpListener,
        node: i32,
        state: Arc<State>,
        tls: Option<TlsAcceptor>,
    ) -> Self {
        let (stop, stopped) = oneshot::channel();
        Self {
            stop: Some(stop),
            accepting: tokio::spawn(accept(listener, node, state, tls, stopped)),
        }
    }

    /// Ends all tasks and waits until their sockets are closed.
    pub(crate) async fn stop(mut self) {
        if let Some(stop) = self.stop.take() {
            // Fails only if the loop is gone, which is what is wanted.
            let _ = stop.send(());
        }
        if let Err(error) = (&mut self.accepting).await {
            tracing::warn!(%error, "the accept loop ended abnormally");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The loop owns the tasks of its connections, so they end with it.
        self.accepting.abort();
    }
}

async fn accept(
    listener: TcpListener,
    node: i32,
    state: Arc<State>,
    tls: Option<TlsAcceptor>,
    mut stopped: oneshot::Receiver<()>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = &mut stopped => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    tracing::trace!(%peer, "connection accepted");
                    connections.spawn(connection(stream, node, Arc::clone(&state), tls.clone()));
                }
                // Mostly a peer that was gone before it was accepted, or no file handle free: neither is for
                // good.
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::task::yield_now().await;
                }
            },
            Some(ended) = connections.join_next() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "the task of a connection ended abnormally");
                }
            }
        }
    }
    drop(listener);
    connections.shutdown().await;
}

async fn connection(stream: TcpStream, node: i32, state: Arc<State>, tls: Option<TlsAcceptor>) {
    let peer = stream
        .peer_addr()
        .map_or_else(|_| "unknown".to_owned(), |peer| peer.to_string());
    match encrypt_and_serve(stream, node, &state, tls).await {
        Ok(()) => tracing::trace!(peer, "connection closed"),
        Err(error) => tracing::debug!(peer, %error, "connection lost"),
    }
}

async fn encrypt_and_serve(
    mut stream: TcpStream,
    node: i32,
    state: &Arc<State>,
    tls: Option<TlsAcceptor>,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    match tls {
        None => serve(&mut stream, node, state).await,
        Some(tls) => serve(&mut tls.accept(stream).await?, node, state).await,
    }
}

/// Serves requests until the peer goes or has to go.
async fn serve<S>(stream: &mut S, node: i32, state: &Arc<State>) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let session = Arc::new(Session::default());
    while let Some(frame) = read_frame(stream, state.options.frame_bytes_max).await? {
        match handlers::dispatch(state, node, &session, frame).await {
            Ok(Outcome::Respond(response)) => {
                stream.write_all(&response).await?;
                stream.flush().await?;
            }
            Ok(Outcome::Nothing) => {}
            Ok(Outcome::Close) => return Ok(()),
            Ok(Outcome::Hang(part)) => {
                stream.write_all(&part).await?;
                stream.flush().await?;
                return wait_for_close(stream).await;
            }
            Ok(Outcome::CloseAfterHalf(response)) => {
                stream.write_all(&response[..response.len() / 2]).await?;
                return stream.flush().await;
            }
            Err(error) => {
                tracing::warn!(%error, "request refused, closing its connection");
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Waits until the peer closes the connection, and looks at nothing that it sends.
async fn wait_for_close<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<()> {
    let mut unread = [0; 256];
    while stream.read(&mut unread).await? > 0 {}
    Ok(())
}

/// Reads one request without its length; nothing if the peer closed the connection between two requests.
async fn read_frame<S>(stream: &mut S, bytes_max: usize) -> io::Result<Option<Bytes>>
where
    S: AsyncRead + Unpin,
{
    let mut length = [0; 4];
    match stream.read_exact(&mut length).await {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let length = i32::from_be_bytes(length);
    let Some(length) = usize::try_from(length).ok().filter(|length| *length <= bytes_max) else {
        let message = format!("a request of {length} bytes exceeds the limit of {bytes_max}");
        tracing::warn!("{message}, closing its connection");
        return Err(io::Error::new(io::ErrorKind::InvalidData, message));
    };
    let mut frame = BytesMut::new();
    while frame.len() < length {
        let left = length - frame.len();
        frame.reserve(left.min(READ_AHEAD_BYTES));
        if (&mut *stream).take(left as u64).read_buf(&mut frame).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(Some(frame.freeze()))
}
