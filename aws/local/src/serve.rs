//! The service itself: takes its lock and its port, opens the store, takes up its endpoints,
//! answers until it is told to stop, and leaves nothing running.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use ironsage_contract::service::{DEFAULT_REGION, LOCAL_ACCOUNT};
use ironsage_contract::{Home, LocalCredentials, ServiceInfo, env};
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Semaphore, watch};

use crate::error::LocalError;
use crate::life::start::service_lock;
use crate::life::{Lock, credentials::credentials, idle, log, owner::watch_owner};
use crate::router::Router;
use crate::sagemaker::Identity;
use crate::sagemaker::manager::Manager;
use crate::serving::Spawner;
use crate::store::{Store, need_space, private_folder, write_private};

/// Connections at once.
const MAX_CONNECTIONS: usize = 1024;
/// How long a client may take to send a request's head.
const HEAD_PATIENCE: Duration = Duration::from_secs(30);
/// How long requests that are being answered have when the service stops.
const DRAIN: Duration = Duration::from_secs(5);

/// How the service is to run.
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// Where it keeps everything.
    pub home: Home,
    /// The port; without one the home's own, or a free one.
    pub port: Option<u16>,
    /// Called as `<executable> serve` for endpoints.
    pub executable: PathBuf,
    /// The process that the service ends with.
    pub owner_pid: Option<u32>,
}

impl ServeOptions {
    /// As [`crate::start`] asks for it: the owner from the environment, and the port where none is given.
    pub fn from_env(home: Home, executable: PathBuf, port: Option<u16>) -> Result<ServeOptions, LocalError> {
        let owner = std::env::var(env::ENV_LOCAL_OWNER_PID).ok();
        Ok(ServeOptions {
            home,
            port: match port {
                None => asked_port()?,
                given => given,
            },
            executable,
            owner_pid: owner.and_then(|pid| pid.parse().ok()),
        })
    }
}

/// The port that the environment asks for.
pub(crate) fn asked_port() -> Result<Option<u16>, LocalError> {
    match std::env::var_os(env::ENV_LOCAL_PORT) {
        Some(value) if !value.is_empty() => {
            let value = value.to_string_lossy().into_owned();
            match value.trim().parse::<u16>() {
                Ok(port) if port != 0 => Ok(Some(port)),
                _ => Err(LocalError::NoPort { value }),
            }
        }
        _ => Ok(None),
    }
}

/// Runs the service until it is stopped: by [`crate::stop`], by SIGTERM or SIGINT, by the end
/// of its owner, or, where it has none, because nobody needs it.
pub fn serve(options: ServeOptions) -> Result<(), LocalError> {
    let home = options.home.clone();
    private_folder(&home.service())?;
    need_space(&home.service())?;
    let Some(mut lock) = take_lock(&home)? else {
        return Err(LocalError::AlreadyRuns {
            home: home.path().to_owned(),
        });
    };
    lock.sign().map_err(|cause| LocalError::File {
        path: service_lock(&home),
        cause,
    })?;
    log::install(&home.log()).map_err(|cause| LocalError::File {
        path: home.log(),
        cause,
    })?;
    take_size_limits_as_errors();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("local-service")
        .build()
        .map_err(|cause| LocalError::System {
            what: "a runtime",
            cause,
        })?;
    let key = credentials(&home)?;
    let listener = listen(&home, options.port)?;
    let store = Arc::new(runtime.block_on(Store::open(&home.service().join("store")))?);
    let result = runtime.block_on(run(&options, key, listener, store.clone()));
    let _ = std::fs::remove_file(home.service_file());
    // Threads that still read for a client that has gone must not hold the end up.
    runtime.shutdown_timeout(Duration::from_secs(1));
    // Last of all, so that the index is closed when this returns.
    drop(store);
    result
}

/// The service's lock. Somebody who only looks whether it is free holds it for a moment.
fn take_lock(home: &Home) -> Result<Option<Lock>, LocalError> {
    for _ in 0..20 {
        if let Some(lock) = Lock::try_take(&service_lock(home))? {
            return Ok(Some(lock));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(None)
}

/// A write beyond a limit on file sizes shall fail with an error instead of ending the process.
fn take_size_limits_as_errors() {
    // SAFETY: sets a signal's disposition to "ignore", which needs no handler.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
}

/// Takes the port: the one asked for or none; else the one this home has always had, or a new
/// one.
fn listen(home: &Home, asked: Option<u16>) -> Result<TcpListener, LocalError> {
    let bind = |port: u16| TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    let what = |cause| LocalError::System {
        what: "a port on 127.0.0.1",
        cause,
    };
    let kept = home.service().join("port");
    if let Some(port) = asked {
        return bind(port).map_err(|cause| match cause.kind() {
            std::io::ErrorKind::AddrInUse => LocalError::PortInUse { port },
            _ => what(cause),
        });
    }
    let own = std::fs::read_to_string(&kept)
        .ok()
        .and_then(|text| text.trim().parse::<u16>().ok())
        .filter(|port| *port != 0);
    if let Some(port) = own {
        match bind(port) {
            Ok(listener) => return Ok(listener),
            Err(error) => tracing::warn!("port {port} is not free any more ({error}); another one is chosen"),
        }
    }
    let listener = bind(0).map_err(what)?;
    let port = listener.local_addr().map_err(what)?.port();
    write_private(&kept, format!("{port}\n").as_bytes())?;
    Ok(listener)
}

async fn run(
    options: &ServeOptions,
    key: LocalCredentials,
    listener: TcpListener,
    store: Arc<Store>,
) -> Result<(), LocalError> {
    let home = &options.home;
    let system = |what| move |cause| LocalError::System { what, cause };
    let port = listener.local_addr().map_err(system("a port on 127.0.0.1"))?.port();
    let info = ServiceInfo {
        port,
        pid: std::process::id(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        region: DEFAULT_REGION.to_owned(),
        account: LOCAL_ACCOUNT.to_owned(),
        owner_pid: options.owner_pid,
    };
    let spawner = Spawner::new().map_err(system("a thread"))?;
    let executable: PathBuf = std::path::absolute(&options.executable).unwrap_or_else(|_| options.executable.clone());
    let folder = home.service().join("endpoints");
    let manager = Manager::new(store.clone(), Identity::of(&info), spawner, executable, folder)?;
    let mut s3 = S3ServiceBuilder::new(crate::s3::Service::new(store, &info.region, &info.account));
    s3.set_auth(SimpleAuth::from_single(
        key.access_key_id.as_str(),
        key.secret_access_key.as_str(),
    ));
    let (stop, mut stopped) = watch::channel(false);
    let mut term = signal(SignalKind::terminate()).map_err(system("a signal handler"))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(system("a signal handler"))?;
    if let Some(pid) = options.owner_pid {
        watch_owner(pid, stop.clone()).map_err(system("a thread"))?;
    }
    manager.restore().map_err(|error| LocalError::State(error.message))?;
    let router = Arc::new(Router {
        info: info.clone(),
        key,
        s3: s3.build(),
        manager: manager.clone(),
        stop: stop.clone(),
        activity: idle::Activity::default(),
    });
    listener.set_nonblocking(true).map_err(system("a port on 127.0.0.1"))?;
    let listener = tokio::net::TcpListener::from_std(listener).map_err(system("a port on 127.0.0.1"))?;
    announce(&home.service_file(), &info)?;
    tracing::info!(
        "version {} listens on 127.0.0.1:{port}, process {}",
        info.version,
        info.pid
    );

    let accepting = tokio::spawn(accept(listener, router.clone(), stopped.clone()));
    let deployed = || !manager.all().is_ok_and(|endpoints| endpoints.is_empty());
    tokio::select! {
        _ = stopped.wait_for(|stop| *stop) => {}
        _ = term.recv() => tracing::info!("SIGTERM"),
        _ = interrupt.recv() => tracing::info!("SIGINT"),
        () = idle::unneeded(&router.activity, idle::PATIENCE, deployed), if options.owner_pid.is_none() => {
            tracing::info!("nothing is deployed, and nobody asked for anything for an hour");
        }
    }
    let _ = stop.send(true);
    // From here on nobody shall find a service that is about to go.
    let _ = std::fs::remove_file(home.service_file());
    let _ = tokio::join!(accepting, manager.close());
    tracing::info!("stopped");
    Ok(())
}

fn announce(path: &Path, info: &ServiceInfo) -> Result<(), LocalError> {
    let text = serde_json::to_vec_pretty(info).map_err(|error| LocalError::State(error.to_string()))?;
    Ok(write_private(path, &text)?)
}

async fn accept(listener: tokio::net::TcpListener, router: Arc<Router>, mut stopped: watch::Receiver<bool>) {
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.wait_for(|stop| *stop) => break,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of descriptors, most likely: some will come free.
                tracing::warn!("a connection could not be taken: {error}");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let Ok(place) = places.clone().acquire_owned().await else {
            break;
        };
        let _ = stream.set_nodelay(true);
        let router = router.clone();
        let mut server = http1::Builder::new();
        server
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_PATIENCE)
            .max_headers(200)
            .max_buf_size(512 * 1024);
        let connection = server.serve_connection(
            TokioIo::new(stream),
            service_fn(move |request| router.clone().answer(request)),
        );
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!("a connection ended early: {error}");
            }
            drop(place);
        });
    }
    drop(listener);
    let _ = tokio::time::timeout(DRAIN, graceful.shutdown()).await;
}
