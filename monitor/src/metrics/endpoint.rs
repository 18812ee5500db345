//! `GET /metrics` on a loopback address.
//!
//! Owns the listening socket and its thread, which knows nothing but a [`Board`]: whoever asks slowly or often costs
//! detection nothing. Must not know what a metric means.
use std::{
    convert::Infallible,
    io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    thread,
    time::Duration,
};

use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{ALLOW, CONTENT_TYPE, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{sync::Semaphore, time::timeout};

use super::Board;

/// Connections served at a time; further ones wait in the kernel's queue.
const CONNECTIONS: usize = 4;
/// Longest that one connection may take.
const LIMIT: Duration = Duration::from_secs(5);
/// Bytes of a request's head.
const HEAD: usize = 16 * 1024;
/// Pause after an accept that failed, as when there are no descriptors left.
const PAUSE: Duration = Duration::from_secs(1);
/// Prometheus' text format.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The endpoint; its thread lives as long as the process.
#[derive(Debug)]
pub struct Endpoint {
    address: SocketAddr,
}

impl Endpoint {
    /// Listens and starts the thread.
    ///
    /// # Errors
    /// When the address is taken, or no thread can be started.
    pub fn start(address: SocketAddr, board: Arc<Board>) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        thread::Builder::new().name("metrics".into()).spawn(move || {
            if let Err(error) = runtime.block_on(serve(listener, board)) {
                log::warn!("metrics endpoint: {error}");
            }
        })?;
        Ok(Self { address })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

async fn serve(listener: TcpListener, board: Arc<Board>) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&room).acquire_owned().await else { return Ok(()) };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                log::debug!("metrics endpoint: {error}");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let board = Arc::clone(&board);
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let response = answer(&request, &board);
                async move { Ok::<_, Infallible>(response) }
            });
            let connection = http1::Builder::new()
                .keep_alive(false)
                .max_buf_size(HEAD)
                .serve_connection(TokioIo::new(stream), service);
            if let Ok(Err(error)) = timeout(LIMIT, connection).await {
                log::debug!("metrics endpoint: {error}");
            }
            drop(place);
        });
    }
}

fn answer(request: &Request<Incoming>, board: &Board) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    if request.uri().path() != "/metrics" {
        *response.status_mut() = StatusCode::NOT_FOUND;
    } else if request.method() != Method::GET {
        *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET"));
    } else {
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(TEXT));
        *response.body_mut() = Full::new(Bytes::from(board.text()));
    }
    response
}
