//! The processes behind one deployment: as many as instances were asked for, each pinged until
//! it is ready, started again when it crashes, and asked in turn.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use ironsage_contract::env;
use tokio::sync::watch;

use super::process::{Process, Spawner};

/// How often a starting process is pinged.
const PING_EVERY: Duration = Duration::from_millis(20);
/// How long one ping may take.
const PING_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a process has to end after SIGTERM.
const GRACE: Duration = Duration::from_secs(30);
/// How long an answer may take (SageMaker's own limit).
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// How large an answer may be.
const MAX_ANSWER: usize = 25 * 1024 * 1024;
/// How many crashes within [`CRASH_WINDOW`] are put up with.
const MAX_CRASHES: usize = 5;
const CRASH_WINDOW: Duration = Duration::from_secs(60);

/// What is to be started.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The executable; it is called with `serve`.
    pub executable: PathBuf,
    /// Stands for `/opt/ml`; the model lies in `model` under it.
    pub base: PathBuf,
    /// Where its output goes.
    pub log: PathBuf,
    /// The model's own variables.
    pub environment: Vec<(String, String)>,
    /// The algorithm that the image stands for.
    pub algorithm: String,
    /// The region in `SAGEMAKER_REGION`.
    pub region: String,
    /// How many processes.
    pub count: usize,
    /// How long one may take until it answers pings.
    pub patience: Duration,
}

#[derive(Clone, Debug)]
enum Health {
    Starting,
    Ready(u16),
    /// Given up, with the reason.
    Dead(String),
}

/// What the container answered.
pub struct Invoked {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    /// It took too long.
    #[error(
        "Your invocation timed out while waiting for a response from container primary. An answer may take 60 seconds."
    )]
    TimedOut,
    /// The connection broke, or the answer cannot be read.
    #[error("The connection to container primary broke: {0}")]
    Broken(String),
    /// The answer is larger than allowed.
    #[error("The answer of container primary is larger than 25 MB")]
    TooLarge,
    /// No process runs any more.
    #[error("Container primary does not run: {0}")]
    Dead(String),
}

/// The processes of a deployment.
pub struct Fleet {
    servers: Vec<watch::Receiver<Health>>,
    tasks: parking_lot::Mutex<Vec<tokio::task::JoinHandle<()>>>,
    stopping: Arc<AtomicBool>,
    stop: watch::Sender<bool>,
    turn: AtomicUsize,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Fleet {
    /// Starts the processes.
    pub fn launch(spawner: &Spawner, plan: &Plan) -> Arc<Fleet> {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(Duration::from_millis(250)));
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(64)
            .build(connector);
        let stopping = Arc::new(AtomicBool::new(false));
        let (stop, stopped) = watch::channel(false);
        let (mut servers, mut tasks) = (Vec::new(), Vec::new());
        for _ in 0..plan.count.max(1) {
            let (health, seen) = watch::channel(Health::Starting);
            let keeper = Keeper {
                spawner: spawner.clone(),
                plan: plan.clone(),
                client: client.clone(),
                health,
            };
            tasks.push(tokio::spawn(keeper.keep(stopping.clone(), stopped.clone())));
            servers.push(seen);
        }
        let tasks = parking_lot::Mutex::new(tasks);
        Arc::new(Fleet {
            servers,
            tasks,
            stopping,
            stop,
            turn: AtomicUsize::new(0),
            client,
        })
    }

    /// Waits until all processes answer pings, or until one has failed; then the reason, for a
    /// person.
    pub async fn wait_ready(&self) -> Result<(), String> {
        for server in &self.servers {
            let mut server = server.clone();
            let health = server.wait_for(|health| !matches!(health, Health::Starting)).await;
            match health.as_deref() {
                Ok(Health::Ready(_)) => {}
                Ok(Health::Dead(reason)) => return Err(reason.clone()),
                Ok(Health::Starting) | Err(_) => return Err("The container could not be watched.".to_owned()),
            }
        }
        Ok(())
    }

    /// Ends all processes and waits until they have ended.
    pub async fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        let _ = self.stop.send(true);
        let tasks = std::mem::take(&mut *self.tasks.lock());
        for task in tasks {
            let _ = task.await;
        }
    }

    /// Waits until a process was given up; the reason.
    pub async fn died(&self) -> String {
        let waits = self.servers.iter().cloned().map(|server| Box::pin(given_up(server)));
        futures::future::select_all(waits).await.0
    }

    /// The next process in turn that is ready, waiting for one where all are starting.
    async fn ready(&self, until: Instant) -> Result<(u16, watch::Receiver<Health>), NoAnswer> {
        loop {
            let first = self.turn.fetch_add(1, Ordering::Relaxed);
            let mut dead = None;
            for step in 0..self.servers.len() {
                let server = &self.servers[(first + step) % self.servers.len()];
                match &*server.borrow() {
                    Health::Ready(port) => return Ok((*port, server.clone())),
                    Health::Dead(reason) => dead = Some(reason.clone()),
                    Health::Starting => {}
                }
            }
            if let Some(reason) = dead {
                return Err(NoAnswer::Dead(reason));
            }
            if Instant::now() >= until {
                return Err(NoAnswer::TimedOut);
            }
            tokio::time::sleep(PING_EVERY).await;
        }
    }

    /// Sends a request to a process and gives its answer.
    pub async fn invoke(&self, headers: &HeaderMap, body: Bytes) -> Result<Invoked, NoAnswer> {
        let until = Instant::now() + ANSWER_TIMEOUT;
        loop {
            let (port, mut server) = self.ready(until).await?;
            let mut request = Request::builder()
                .method(Method::POST)
                .uri(format!("http://127.0.0.1:{port}/invocations"));
            if let Some(into) = request.headers_mut() {
                into.extend(headers.clone());
            }
            let request = request
                .body(Full::new(body.clone()))
                .map_err(|error| NoAnswer::Broken(error.to_string()))?;
            let left = until.saturating_duration_since(Instant::now());
            let answer = match tokio::time::timeout(left, self.client.request(request)).await {
                Err(_) => return Err(NoAnswer::TimedOut),
                // Nothing was sent: the process has just ended, another one will take it.
                Ok(Err(error)) if error.is_connect() && Instant::now() < until => {
                    tokio::time::sleep(PING_EVERY).await;
                    continue;
                }
                Ok(Err(error)) => {
                    // The next caller must not meet a process that is ending.
                    let _ = tokio::time::timeout(PING_EVERY, server.changed()).await;
                    return Err(NoAnswer::Broken(reason(&error)));
                }
                Ok(Ok(answer)) => answer,
            };
            let (parts, answered) = answer.into_parts();
            let left = until.saturating_duration_since(Instant::now());
            let read = tokio::time::timeout(left, Limited::new(answered, MAX_ANSWER).collect()).await;
            let body = match read {
                Err(_) => return Err(NoAnswer::TimedOut),
                Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => return Err(NoAnswer::TooLarge),
                Ok(Err(error)) => return Err(NoAnswer::Broken(error.to_string())),
                Ok(Ok(body)) => body.to_bytes(),
            };
            return Ok(Invoked {
                status: parts.status,
                headers: parts.headers,
                body,
            });
        }
    }
}

/// Waits until this process is given up; never ends when the fleet is stopped.
async fn given_up(mut server: watch::Receiver<Health>) -> String {
    let reason = match server
        .wait_for(|health| matches!(health, Health::Dead(_)))
        .await
        .as_deref()
    {
        Ok(Health::Dead(reason)) => Some(reason.clone()),
        Ok(_) | Err(_) => None,
    };
    match reason {
        Some(reason) => reason,
        None => std::future::pending().await,
    }
}

/// An error with its causes.
fn reason(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// Keeps one process running.
struct Keeper {
    spawner: Spawner,
    plan: Plan,
    client: Client<HttpConnector, Full<Bytes>>,
    health: watch::Sender<Health>,
}

impl Keeper {
    async fn keep(self, stopping: Arc<AtomicBool>, mut stopped: watch::Receiver<bool>) {
        let mut crashes: Vec<Instant> = Vec::new();
        let mut was_ready = false;
        while !stopping.load(Ordering::SeqCst) {
            let (process, port) = match self.launch() {
                Ok(started) => started,
                Err(error) => {
                    let why = format!("{} serve could not be started: {error}", self.plan.executable.display());
                    let _ = self.health.send(Health::Dead(why));
                    return;
                }
            };
            let failed = tokio::select! {
                ready = self.wait_ready(&process, port) => ready.err(),
                () = told(&mut stopped) => {
                    process.stop(GRACE).await;
                    return;
                }
            };
            if let Some(why) = failed {
                process.stop(GRACE).await;
                // A first start that fails will fail again; a later one may have met a busy port.
                crashes.push(Instant::now());
                if !was_ready || crashes.len() > MAX_CRASHES {
                    let _ = self.health.send(Health::Dead(with_lines(&why, &process)));
                    return;
                }
                continue;
            }
            was_ready = true;
            let _ = self.health.send(Health::Ready(port));
            let how = tokio::select! {
                how = process.ended() => how,
                () = told(&mut stopped) => {
                    process.stop(GRACE).await;
                    return;
                }
            };
            tracing::warn!("a serving process {how}; starting it again");
            crashes.retain(|crash| crash.elapsed() < CRASH_WINDOW);
            crashes.push(Instant::now());
            if crashes.len() > MAX_CRASHES {
                let why = format!("The container {how}, {} times within a minute.", crashes.len());
                let _ = self.health.send(Health::Dead(with_lines(&why, &process)));
                return;
            }
            let _ = self.health.send(Health::Starting);
            // The first restart is at once, later ones wait a little longer each time.
            let wait = Duration::from_millis(100 * (crashes.len() as u64 - 1).pow(2));
            tokio::time::sleep(wait).await;
        }
    }

    fn launch(&self) -> std::io::Result<(Arc<Process>, u16)> {
        let port = std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let plan = &self.plan;
        let model = plan.base.join("model");
        let mut command = Command::new(&plan.executable);
        command.arg("serve").current_dir(&model).env_clear();
        // What a program needs to run at all; no credentials, nothing of the user's session.
        for name in [
            "PATH",
            "LD_LIBRARY_PATH",
            "LANG",
            "LC_ALL",
            "TZ",
            "TMPDIR",
            "RUST_BACKTRACE",
            env::ENV_LOG,
            env::ENV_USER_HOME,
        ] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command.envs(plan.environment.iter().map(|(name, value)| (name, value)));
        // The contract's own variables come last: a model's environment cannot take them over.
        command
            .env(env::ENV_SAGEMAKER_BIND_TO_PORT, port.to_string())
            .env(env::ENV_SAGEMAKER_BASE_DIR, &plan.base)
            .env(env::ENV_SAGEMAKER_REGION, &plan.region)
            .env(env::ENV_MODEL_DIR, &model)
            .env(env::ENV_ALGORITHM, &plan.algorithm);
        Ok((Process::start(&self.spawner, command, &plan.log)?, port))
    }

    /// Pings until the process is ready, has ended, or patience is at its end.
    async fn wait_ready(&self, process: &Process, port: u16) -> Result<(), String> {
        let until = Instant::now() + self.plan.patience;
        loop {
            if let Some(how) = process.has_ended() {
                return Err(format!("The container {how} before it answered a ping."));
            }
            let last = match tokio::time::timeout(PING_TIMEOUT, self.ping(port)).await {
                Ok(Ok(StatusCode::OK)) => return Ok(()),
                Ok(Ok(status)) => format!("the answer is {status}"),
                Ok(Err(error)) => error,
                Err(_) => "no answer within 2 seconds".to_owned(),
            };
            if Instant::now() >= until {
                return Err(format!(
                    "No ping succeeded within {} seconds: {last}.",
                    self.plan.patience.as_secs()
                ));
            }
            tokio::time::sleep(PING_EVERY).await;
        }
    }

    async fn ping(&self, port: u16) -> Result<StatusCode, String> {
        let uri = format!("http://127.0.0.1:{port}/ping");
        let request = Request::builder()
            .method(Method::GET)
            .uri(uri)
            .body(Full::new(Bytes::new()));
        let answer = self
            .client
            .request(request.map_err(|error| error.to_string())?)
            .await
            .map_err(|e| reason(&e))?;
        let status = answer.status();
        // Read, so that the connection can be used again.
        let _ = Limited::new(answer.into_body(), 64 * 1024).collect().await;
        Ok(status)
    }
}

/// Waits until the fleet is to stop.
async fn told(stopped: &mut watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stop| *stop).await.map(drop);
}

fn with_lines(why: &str, process: &Process) -> String {
    let lines = process.last_lines();
    if lines.is_empty() {
        format!("{why} It wrote no log.")
    } else {
        format!("{why} Its last lines:\n{lines}")
    }
}
