//! `ironsage serve`: HTTP/1.1 over one model.
//!
//! The model is loaded before the port is bound, so a `/ping` that is answered is the truth.
//! Connections live on a small reactor; reading bodies into rows, predicting and writing answers
//! happens on blocking threads, so that a large batch delays no ping.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderMap};
use http::{Method, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use ironsage_contract::env;
use serde::Serialize;

use crate::negotiate::{Accept, ContentType};
use crate::request::Request;
use crate::{ContainerError, Predictor, signals};

/// The largest body that is read: batch transform's own limit.
pub const MAX_BODY: usize = 100 << 20;
/// How long running requests may go on after SIGTERM.
const GRACE: Duration = Duration::from_millis(800);

/// What to serve and where.
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// The unpacked artifact.
    pub model_dir: PathBuf,
    /// The port; 0 takes a free one.
    pub port: u16,
    /// The address: loopback, or all of a container's.
    pub host: IpAddr,
}

impl ServeOptions {
    /// A model folder behind a port of this machine only.
    pub fn local(model_dir: impl Into<PathBuf>, port: u16) -> ServeOptions {
        ServeOptions {
            model_dir: model_dir.into(),
            port,
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
        }
    }

    /// As the environment says. In a container (nothing says where the model lies) it listens on
    /// all addresses; started by the local service, on this machine's loopback only.
    ///
    /// # Errors
    /// [`ContainerError::Config`] for a port that is none.
    pub fn from_env() -> Result<ServeOptions, ContainerError> {
        let model = std::env::var_os(env::ENV_MODEL_DIR).map(PathBuf::from);
        let base = std::env::var_os(env::ENV_SAGEMAKER_BASE_DIR).map(PathBuf::from);
        let in_container = model.is_none() && base.is_none();
        let port = match std::env::var(env::ENV_SAGEMAKER_BIND_TO_PORT) {
            Err(_) => env::DEFAULT_SERVE_PORT,
            Ok(text) => text.trim().parse().map_err(|_| ContainerError::Config {
                path: PathBuf::from(env::ENV_SAGEMAKER_BIND_TO_PORT),
                problem: format!("{text:?} is no port"),
            })?,
        };
        let base = base.unwrap_or_else(|| PathBuf::from(env::DEFAULT_BASE_DIR));
        Ok(ServeOptions {
            model_dir: model.unwrap_or_else(|| base.join("model")),
            port,
            host: IpAddr::V4(if in_container {
                Ipv4Addr::UNSPECIFIED
            } else {
                Ipv4Addr::LOCALHOST
            }),
        })
    }
}

/// Serves until SIGTERM, then ends the running requests and returns within a second.
///
/// # Errors
/// A model that cannot be loaded, a port that cannot be listened on.
pub fn serve(options: ServeOptions) -> Result<(), ContainerError> {
    let server = Server::bind(&options)?;
    tracing::info!(address = %server.address(), model = %options.model_dir.display(), "serving");
    server.run(async {
        if let Err(error) = signals::asked_to_end().await {
            tracing::warn!(%error, "signals can't be received; only SIGKILL ends this server");
            std::future::pending::<()>().await;
        }
    })
}

/// A server that has its model and its port.
pub struct Server {
    predictor: Arc<Predictor>,
    listener: std::net::TcpListener,
    address: SocketAddr,
}

impl Server {
    /// Loads the model, then binds the port.
    ///
    /// # Errors
    /// What either meets.
    pub fn bind(options: &ServeOptions) -> Result<Server, ContainerError> {
        let predictor = Predictor::load(&options.model_dir)?;
        let address = SocketAddr::new(options.host, options.port);
        let failed = |source| ContainerError::Listen { address, source };
        let listener = std::net::TcpListener::bind(address).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Server {
            predictor: Arc::new(predictor),
            listener,
            address,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` resolves.
    ///
    /// # Errors
    /// [`ContainerError::Runtime`], [`ContainerError::Listen`].
    pub fn run(self, stop: impl Future<Output = ()>) -> Result<(), ContainerError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("serve")
            .enable_all()
            .build()
            .map_err(ContainerError::Runtime)?;
        let served = runtime.block_on(self.accept(stop));
        // A prediction that outlasts the grace must not hold up the end.
        runtime.shutdown_background();
        served
    }

    async fn accept(self, stop: impl Future<Output = ()>) -> Result<(), ContainerError> {
        let failed = |source| ContainerError::Listen {
            address: self.address,
            source,
        };
        let listener = tokio::net::TcpListener::from_std(self.listener).map_err(failed)?;
        let connections = GracefulShutdown::new();
        let mut http = hyper::server::conn::http1::Builder::new();
        http.timer(TokioTimer::new()).pipeline_flush(true);
        tokio::pin!(stop);
        loop {
            let stream = tokio::select! {
                () = &mut stop => break,
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => stream,
                    Err(error) => {
                        // Out of descriptors, say: let some connections end.
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(Duration::from_millis(10)).await;
                        continue;
                    }
                },
            };
            let _ = stream.set_nodelay(true);
            let predictor = Arc::clone(&self.predictor);
            let answering = service_fn(move |request| answer(Arc::clone(&predictor), request));
            let connection = http.serve_connection(TokioIo::new(stream), answering);
            let connection = connections.watch(connection);
            tokio::spawn(async move {
                if let Err(error) = connection.await {
                    tracing::debug!(%error, "a connection broke off");
                }
            });
        }
        drop(listener);
        if tokio::time::timeout(GRACE, connections.shutdown()).await.is_err() {
            tracing::warn!("requests were still running when the server ended");
        }
        Ok(())
    }
}

async fn answer(
    predictor: Arc<Predictor>,
    request: http::Request<Incoming>,
) -> Result<Response<Full<Bytes>>, std::convert::Infallible> {
    let path = request.uri().path();
    Ok(match (request.method(), path) {
        (&Method::GET | &Method::HEAD, "/ping") => text(StatusCode::OK, "application/json", Bytes::new()),
        (&Method::GET, "/execution-parameters") => text(StatusCode::OK, "application/json", execution_parameters()),
        (&Method::POST, "/invocations") => match invoke(predictor, request).await {
            Ok((accept, body)) => text(StatusCode::OK, accept.header(), body.into()),
            Err(error) => refusal(&error),
        },
        (_, "/ping" | "/invocations" | "/execution-parameters") => message(
            StatusCode::METHOD_NOT_ALLOWED,
            &format!("{} takes no {}", path, request.method()),
            None,
        ),
        _ => {
            let hint = "GET /ping, POST /invocations or GET /execution-parameters";
            message(
                StatusCode::NOT_FOUND,
                &format!("there is nothing at {path}"),
                Some(hint.to_owned()),
            )
        }
    })
}

async fn invoke(
    predictor: Arc<Predictor>,
    request: http::Request<Incoming>,
) -> Result<(Accept, Vec<u8>), ContainerError> {
    let kind = ContentType::parse(header(request.headers(), CONTENT_TYPE.as_str()))?;
    let accept = Accept::parse(header(request.headers(), ACCEPT.as_str()))?;
    // Said so beforehand: not a byte of it is read.
    if request.body().size_hint().lower() > MAX_BODY as u64 {
        return Err(ContainerError::TooLarge { limit: MAX_BODY });
    }
    let body = Limited::new(request.into_body(), MAX_BODY).collect().await;
    let body = body.map_err(|error| match error.downcast_ref::<LengthLimitError>() {
        Some(_) => ContainerError::TooLarge { limit: MAX_BODY },
        None => ContainerError::Body {
            reason: error.to_string(),
        },
    })?;
    let body = body.to_bytes();
    let predicted = tokio::task::spawn_blocking(move || {
        let request = Request::read(kind, &body, &predictor)?;
        let predictions = request.predict(&predictor)?;
        crate::response::encode(&predictions, accept, request.echoes())
    });
    match predicted.await {
        Ok(answer) => Ok((accept, answer?)),
        Err(lost) => Err(ContainerError::Internal {
            reason: lost.to_string(),
        }),
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// What batch transform asks before it chooses its own defaults.
fn execution_parameters() -> Bytes {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    Bytes::from(format!(
        r#"{{"MaxConcurrentTransforms": {threads}, "BatchStrategy": "MULTI_RECORD", "MaxPayloadInMB": 6}}"#
    ))
}

/// How an error is answered; the client shows both parts to its user.
#[derive(Serialize)]
struct Refusal<'a> {
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

fn refusal(error: &ContainerError) -> Response<Full<Bytes>> {
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    tracing::info!(status = status.as_u16(), %error, "refused");
    message(status, &error.to_string(), error.hint())
}

fn message(status: StatusCode, message: &str, hint: Option<String>) -> Response<Full<Bytes>> {
    let body = serde_json::to_vec(&Refusal { message, hint }).unwrap_or_default();
    text(status, "application/json", body.into())
}

fn text(status: StatusCode, content_type: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, http::HeaderValue::from_static(content_type));
    response
}
