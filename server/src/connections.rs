//! Connections: how many, how patient, and how they end.

use crate::gate::Peer;
use crate::security::Exit;
use crate::settings::Settings;
use crate::slots::{Activity, Slots};
use crate::wire::{self, Wire};
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use hyper::body::{Body as HttpBody, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioTimer;
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
use tower::Service;
use web::Problem;
use web::problem::Kind;

/// Most bytes of a request's head that are read at all.
pub const HEAD_LIMIT: usize = 32 << 10;
/// Most bytes that the kernel keeps of a connection, in each direction. Left to itself it keeps some megabytes.
const KERNEL_BUFFER: usize = 128 << 10;
/// The pause after a connection could not be accepted, for want of descriptors for instance.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Seconds after which a client with too many connections may try again.
const RETRY_AFTER_S: u32 = 1;

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

/// Serves an app until `stop` resolves, then finishes the requests in hand, as long as the settings allow. What is refused
/// before it reaches the app leaves by `exit`.
pub async fn serve<A, B>(
    listener: TcpListener,
    app: A,
    exit: &Exit,
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
    let slots = Slots::new(
        settings.max_connections,
        settings.max_connections_per_client,
    );
    let open = GracefulShutdown::new();
    let mut stop = pin!(stop);
    loop {
        let accepted = async {
            let (stream, peer) = accept(&listener, settings.write_timeout).await;
            let slot = slots.take(peer.ip()).await;
            (stream, peer, slot)
        };
        let (stream, peer, slot) = tokio::select! {
            // Whoever has connected is served, also when the end has come.
            biased;
            accepted = accepted => accepted,
            () = &mut stop => break,
        };
        let Some(slot) = slot else {
            refuse(&stream, exit);
            continue;
        };
        let app = app.clone();
        let stopping = stopping.clone();
        let activity = Arc::clone(&slot.activity);
        let wire = Wire::new(stream, Arc::clone(&activity), exit.clone());
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(Peer(peer));
            answer(
                app.clone(),
                request,
                stopping.clone(),
                Arc::clone(&activity),
            )
        });
        let connection = open.watch(protocol.serve_connection(wire, service));
        tokio::spawn(async move {
            let mut connection = pin!(connection);
            let ended = tokio::select! {
                biased;
                ended = &mut connection => ended,
                () = slot.activity.asked_to_leave() => match slot.activity.is_in_hand() {
                    true => connection.await,
                    false => Ok(()),
                },
            };
            // A connection that breaks, or whose client is too slow, is the client's affair.
            if let Err(error) = ended {
                tracing::debug!(%peer, %error, "a connection ended early");
            }
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
    activity: Arc<Activity>,
) -> Result<axum::http::Response<B>, Infallible>
where
    A: Service<Request, Response = axum::http::Response<B>, Error = Infallible>,
{
    activity.set_in_hand(true);
    let mut response = app.call(request).await?;
    activity.set_in_hand(false);
    if stopping.has_begun() || activity.is_leaving() {
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

/// A client that reads nothing would hold its connection for ever: the kernel gives up on it, and keeps little for it until then.
fn prepare(stream: &TcpStream, write_timeout: Duration) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    socket.set_recv_buffer_size(KERNEL_BUFFER)?;
    socket.set_send_buffer_size(KERNEL_BUFFER)?;
    socket.set_tcp_user_timeout(Some(write_timeout))
}

/// Tells a client that it has too many connections open, as far as that can be said at once.
fn refuse(stream: &TcpStream, exit: &Exit) {
    let problem = Problem::new(
        Kind::TooManyConnections,
        "This client has as many connections with requests in hand as it may have.",
    )
    .retry_after(RETRY_AFTER_S);
    // What has been sent already must be taken, or the kernel resets the connection, and the answer may be lost.
    let mut sent = [0; 4 << 10];
    let _ = stream.try_read(&mut sent);
    let _ = stream.try_write(&wire::refusal(problem, exit));
}
