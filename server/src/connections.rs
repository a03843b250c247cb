//! Connections: how many, how patient, and how they end.

use crate::gate::Peer;
use crate::settings::Settings;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use hyper::body::{Body as HttpBody, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use socket2::SockRef;
use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tower::Service;

/// Most bytes of a request's head that are read at all. Beyond it hyper answers 431 by itself, with no body.
const HEAD_LIMIT: usize = 64 << 10;
/// The pause after a connection could not be accepted, for want of descriptors for instance.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The longest that a connection may stay silent after the server has stopped listening.
const LAST_CALL: Duration = Duration::from_millis(500);

/// Whether the server is about to stop.
#[derive(Clone, Debug, Default)]
pub struct Stopping(Arc<AtomicBool>);

impl Stopping {
    /// Whether it has begun to.
    pub fn has_begun(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// From now on each answer closes its connection.
    pub fn begin(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Serves an app until `stop` resolves, then finishes the requests in hand, as long as the settings allow.
pub async fn serve<A, B>(
    listener: TcpListener,
    app: A,
    settings: &Settings,
    stopping: &Stopping,
    stop: impl Future<Output = ()>,
) where
    A: Service<Request, Response = axum::http::Response<B>, Error = Infallible, Future: Send>
        + Clone
        + Send
        + 'static,
    B: HttpBody<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    let mut protocol = http1::Builder::new();
    protocol
        .timer(TokioTimer::new())
        .header_read_timeout(settings.header_timeout)
        .max_buf_size(HEAD_LIMIT);
    let slots = Arc::new(Semaphore::new(settings.max_connections));
    let open = GracefulShutdown::new();
    let mut stop = pin!(stop);
    loop {
        let accepted = async {
            let slot = Arc::clone(&slots).acquire_owned().await;
            (accept(&listener, settings.write_timeout).await, slot)
        };
        let ((stream, peer), slot) = tokio::select! {
            // Whoever has connected is served, also when the end has come.
            biased;
            accepted = accepted => accepted,
            () = &mut stop => break,
        };
        let app = app.clone();
        let stopping = stopping.clone();
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(Peer(peer));
            answer(app.clone(), request, stopping.clone())
        });
        let connection = open.watch(protocol.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            // A connection that breaks, or whose client is too slow, is the client's affair.
            if let Err(error) = connection.await {
                tracing::debug!(%peer, %error, "a connection ended early");
            }
            drop(slot);
        });
    }
    drop(listener);
    last_call(&open).await;
    let unfinished = open.count();
    if tokio::time::timeout(settings.stop_timeout, open.shutdown())
        .await
        .is_err()
    {
        tracing::warn!(
            unfinished,
            "connections did not end in time and are cut off"
        );
    }
}

/// Waits for the requests that are on their way on connections just opened; closing those at once would lose them.
async fn last_call(open: &GracefulShutdown) {
    let end = Instant::now() + LAST_CALL;
    while open.count() > 0 && Instant::now() < end {
        tokio::time::sleep(LAST_CALL / 100).await;
    }
}

async fn answer<A, B>(
    mut app: A,
    request: Request,
    stopping: Stopping,
) -> Result<axum::http::Response<B>, Infallible>
where
    A: Service<Request, Response = axum::http::Response<B>, Error = Infallible>,
{
    let mut response = app.call(request).await?;
    if stopping.has_begun() {
        response
            .headers_mut()
            .insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response)
}

async fn accept(listener: &TcpListener, write_timeout: Duration) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => match prepare(&stream, write_timeout) {
                Ok(()) => return (stream, peer),
                Err(error) => tracing::debug!(%peer, %error, "a connection broke at once"),
            },
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// A client that reads nothing would hold its connection for ever: the kernel gives up on it.
fn prepare(stream: &TcpStream, write_timeout: Duration) -> io::Result<()> {
    stream.set_nodelay(true)?;
    SockRef::from(stream).set_tcp_user_timeout(Some(write_timeout))
}
