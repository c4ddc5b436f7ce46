//! Every environment variable that Ironsage reads or sets, in one place, so that none is
//! read by accident and the documentation can list them.
//!
//! Three groups: the user's (where Ironsage keeps things, how it behaves), the container
//! contract (what a `train` or `serve` process is given), and the standard chain's, which
//! make other AWS clients find the local service and which errors tell to set.

/// The folder that holds everything Ironsage keeps: models, the local service's state, its
/// log. Set, it makes a home of its own: the local service then ends with the kernel that
/// started it. Unset, the home is `ironsage` in the user's data folder.
pub const ENV_HOME: &str = "IRONSAGE_HOME";

/// Set by CI systems. When it is set (and not empty, `0` or `false`), the local service ends
/// with the kernel that started it, and progress is written for a log, not for a screen.
pub const ENV_CI: &str = "CI";

/// The XDG base directory for user data; the default home lies in it.
pub const ENV_XDG_DATA_HOME: &str = "XDG_DATA_HOME";

/// The XDG base directory for what can be had again; what was read from S3 is kept in `ironsage/objects` there,
/// or in `cache/objects` of a home of its own ([`ENV_HOME`]).
pub const ENV_XDG_CACHE_HOME: &str = "XDG_CACHE_HOME";

/// How much of what was read from S3 may be kept on disk, in GB (default 4); `0` keeps nothing.
/// What was not read for longest goes first; small objects and the local service's are never kept.
pub const ENV_CACHE_GB: &str = "IRONSAGE_CACHE_GB";

/// The user's home folder, used when [`ENV_XDG_DATA_HOME`] is not set.
pub const ENV_USER_HOME: &str = "HOME";

/// What is logged, in the syntax of `tracing_subscriber`'s `EnvFilter` (default `warn` in
/// the kernel, `info` in the local service).
pub const ENV_LOG: &str = "IRONSAGE_LOG";

/// The Python that `%%python` cells run in: a path, or a name on the `PATH` (default `python3`).
pub const ENV_PYTHON: &str = "IRONSAGE_PYTHON";

/// The port that the local service shall listen on. Without it the service picks a free
/// port at its first start and keeps it.
pub const ENV_LOCAL_PORT: &str = "IRONSAGE_LOCAL_PORT";

/// Set for `ironsage local run` by the kernel that starts it when the service shall end with
/// that kernel: the kernel's process id.
pub const ENV_LOCAL_OWNER_PID: &str = "IRONSAGE_LOCAL_OWNER_PID";

/// Set for `ironsage train` (and for `ironsage serve`, which else reads it from the
/// artifact): the built-in algorithm that the job's image stands for, such as
/// `linear-learner`.
pub const ENV_ALGORITHM: &str = "IRONSAGE_ALGORITHM";

/// The folder that holds the unpacked model for `ironsage serve`. Unset, it is `model` under
/// [`ENV_SAGEMAKER_BASE_DIR`], and without that `/opt/ml/model`.
pub const ENV_MODEL_DIR: &str = "IRONSAGE_MODEL_DIR";

/// The folder that stands for `/opt/ml` (honoured by AWS's own toolkits too).
pub const ENV_SAGEMAKER_BASE_DIR: &str = "SAGEMAKER_BASE_DIR";

/// The port that a serving process must listen on, on 127.0.0.1 (honoured by AWS's own
/// toolkits too). Unset, it is 8080.
pub const ENV_SAGEMAKER_BIND_TO_PORT: &str = "SAGEMAKER_BIND_TO_PORT";

/// The region that a job or an endpoint runs in.
pub const ENV_SAGEMAKER_REGION: &str = "SAGEMAKER_REGION";

/// The endpoint URL for all AWS services; set to the local service's for other clients.
pub const ENV_AWS_ENDPOINT_URL: &str = "AWS_ENDPOINT_URL";

/// The access key id of the standard credential chain.
pub const ENV_AWS_ACCESS_KEY_ID: &str = "AWS_ACCESS_KEY_ID";

/// The secret access key of the standard credential chain.
pub const ENV_AWS_SECRET_ACCESS_KEY: &str = "AWS_SECRET_ACCESS_KEY";

/// The session token of the standard credential chain; the local service issues none.
pub const ENV_AWS_SESSION_TOKEN: &str = "AWS_SESSION_TOKEN";

/// The profile of the standard credential chain.
pub const ENV_AWS_PROFILE: &str = "AWS_PROFILE";

/// The region of the standard chain.
pub const ENV_AWS_REGION: &str = "AWS_REGION";

/// The region as older clients read it.
pub const ENV_AWS_DEFAULT_REGION: &str = "AWS_DEFAULT_REGION";

/// Where `ironsage serve` and `ironsage train` find `/opt/ml` when nothing else is said.
pub const DEFAULT_BASE_DIR: &str = "/opt/ml";

/// Where a serving process listens when nothing else is said.
pub const DEFAULT_SERVE_PORT: u16 = 8080;

/// Whether the variable is set to something that means yes: not empty, `0`, `false` or `no`.
pub fn is_on(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| {
        let value = value.to_string_lossy().trim().to_ascii_lowercase();
        !matches!(value.as_str(), "" | "0" | "false" | "no" | "off")
    })
}

/// Whether this process runs under a CI system ([`ENV_CI`]).
pub fn is_ci() -> bool {
    is_on(ENV_CI)
}
