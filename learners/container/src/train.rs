//! `ironsage train`: a job under the container contract.
//!
//! Reads `/opt/ml/input/config`, trains on the channels, prints the container's log lines, writes
//! `/opt/ml/model`. What goes wrong is written to `/opt/ml/output/failure`, which becomes the job's
//! failure reason. SIGTERM keeps the best model so far and ends as a success: the platform then
//! uploads it. Before the first batch there is none, and the job fails.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ironsage_contract::env;
use ironsage_learners::{
    Algorithm, Channels, Event, FitOptions, Hyperparameters, Model as _, Row, Source, Watch, linear_learner,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::channels;
use crate::{ContainerError, signals};

/// What to train and where.
#[derive(Clone, Debug)]
pub struct TrainOptions {
    /// What stands for `/opt/ml`.
    pub base_dir: PathBuf,
    /// The algorithm, by the name in its image URI.
    pub algorithm: Option<String>,
}

impl TrainOptions {
    /// As the environment says.
    pub fn from_env() -> TrainOptions {
        let base = std::env::var_os(env::ENV_SAGEMAKER_BASE_DIR).map(PathBuf::from);
        TrainOptions {
            base_dir: base.unwrap_or_else(|| PathBuf::from(env::DEFAULT_BASE_DIR)),
            algorithm: std::env::var(env::ENV_ALGORITHM)
                .ok()
                .filter(|name| !name.trim().is_empty()),
        }
    }
}

/// Runs one job to its end. The failure file is written before an error is returned.
///
/// # Errors
/// Whatever keeps the job from giving a model.
pub fn train(options: TrainOptions) -> Result<(), ContainerError> {
    let stop = signals::stop_flag().map_err(ContainerError::Runtime)?;
    let trained = run(&options, &stop);
    if let Err(error) = &trained {
        write_failure(&options.base_dir, error);
    }
    trained
}

/// One channel's part of `inputdataconfig.json`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ChannelConfig {
    content_type: Option<String>,
    training_input_mode: Option<String>,
    record_wrapper_type: Option<String>,
}

#[derive(Debug, Deserialize)]
struct ResourceConfig {
    current_host: String,
    hosts: Vec<String>,
}

fn run(options: &TrainOptions, stop: &Arc<AtomicBool>) -> Result<(), ContainerError> {
    say("Docker entrypoint called with argument(s): train");
    let known = ironsage_learners::algorithms();
    let name = options
        .algorithm
        .as_deref()
        .ok_or(ContainerError::NoAlgorithm { known })?;
    let unknown = || ContainerError::UnknownAlgorithm {
        name: name.to_owned(),
        known,
    };
    ironsage_learners::schema(name).ok_or_else(unknown)?;

    let config = options.base_dir.join("input/config");
    let asked = hyperparameters(&config.join("hyperparameters.json"))?;
    let host = host(&config.join("resourceconfig.json"))?;
    let mut channels = open_channels(options, &config, stop)?;
    let fit = FitOptions {
        log: true,
        host,
        ..FitOptions::default()
    };
    let watch = Log { stop: Arc::clone(stop) };
    let folder = options.base_dir.join("model");
    match name {
        linear_learner::NAME => {
            let model = linear_learner::LinearLearner.fit(&asked, &mut channels, &fit, &watch)?;
            model.save(&folder)?;
        }
        _ => return Err(unknown()),
    }
    Ok(())
}

/// Prints what the algorithm logs; asks it to stop when SIGTERM came.
struct Log {
    stop: Arc<AtomicBool>,
}

impl Watch for Log {
    fn event(&self, event: &Event<'_>) {
        if let Event::Log(line) = event {
            say(line);
        }
    }

    fn stop(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// A line on stdout, where the platform takes a job's log from. A closed stdout is no reason to end.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}");
    let _ = out.flush();
}

fn open_channels(
    options: &TrainOptions,
    config: &Path,
    stop: &Arc<AtomicBool>,
) -> Result<Channels<Row>, ContainerError> {
    let data = options.base_dir.join("input/data");
    let configured: BTreeMap<String, ChannelConfig> = match read(&config.join("inputdataconfig.json"))? {
        Some(configured) => configured,
        // Without the file: the folders that are there, in File mode.
        None => CHANNELS
            .iter()
            .filter(|channel| data.join(channel).is_dir())
            .map(|&channel| (channel.to_owned(), ChannelConfig::default()))
            .collect(),
    };
    if let Some(other) = configured.keys().find(|channel| !CHANNELS.contains(&channel.as_str())) {
        return Err(ContainerError::Channel {
            channel: other.clone(),
            problem: "the algorithm has no channel of this name".to_owned(),
            hint: Some(format!("its channels are {}", CHANNELS.join(", "))),
        });
    }
    let open = |channel: &'static str| -> Result<Option<Box<dyn Source<Row>>>, ContainerError> {
        configured
            .get(channel)
            .map(|config| open_channel(channel, config, &data, stop))
            .transpose()
    };
    let train = open("train")?.ok_or_else(|| ContainerError::Channel {
        channel: "train".to_owned(),
        problem: "it is not among the job's channels".to_owned(),
        hint: Some("give the job a channel named train".to_owned()),
    })?;
    Ok(Channels {
        train,
        validation: open("validation")?,
        test: open("test")?,
    })
}

const CHANNELS: [&str; 3] = ["train", "validation", "test"];

fn open_channel(
    channel: &'static str,
    config: &ChannelConfig,
    data: &Path,
    stop: &Arc<AtomicBool>,
) -> Result<Box<dyn Source<Row>>, ContainerError> {
    let refused = |problem: String, hint: &str| ContainerError::Channel {
        channel: channel.to_owned(),
        problem,
        hint: Some(hint.to_owned()),
    };
    if let Some(wrapper) = config
        .record_wrapper_type
        .as_deref()
        .filter(|wrapper| *wrapper != "None")
    {
        return Err(refused(
            format!("RecordWrapperType {wrapper} is not read"),
            "leave RecordWrapperType out: RecordIO-protobuf objects are records already",
        ));
    }
    let content = channels::content_type(channel, config.content_type.as_deref())?;
    match config.training_input_mode.as_deref().unwrap_or("File") {
        // FastFile is a folder to who reads it.
        "File" | "FastFile" => channels::folder(channel, &data.join(channel), content),
        "Pipe" => {
            let folder = data.join(channel);
            say(&format!(
                "The channel '{channel}' is in pipe input mode under {}.",
                folder.display()
            ));
            Ok(channels::pipes(channel, data, content, Arc::clone(stop)))
        }
        mode => Err(refused(
            format!("input mode {mode} is not known"),
            "say File, FastFile or Pipe",
        )),
    }
}

fn hyperparameters(path: &Path) -> Result<Hyperparameters, ContainerError> {
    let Some(values) = read::<serde_json::Map<String, serde_json::Value>>(path)? else {
        return Ok(Hyperparameters::new());
    };
    let mut asked = Hyperparameters::new();
    for (name, value) in values {
        // The platform's own switches are for its toolkits.
        if name.starts_with("sagemaker_") {
            continue;
        }
        match value {
            serde_json::Value::String(text) => asked.set(name, text),
            other => {
                return Err(ContainerError::Config {
                    path: path.to_owned(),
                    problem: format!("{name} is {other}: every value is a string there"),
                });
            }
        }
    }
    Ok(asked)
}

/// This host's name; more hosts than one are refused.
fn host(path: &Path) -> Result<String, ContainerError> {
    let Some(resources) = read::<ResourceConfig>(path)? else {
        return Ok(FitOptions::default().host);
    };
    if resources.hosts.len() > 1 {
        return Err(ContainerError::Config {
            path: path.to_owned(),
            problem: format!(
                "{} hosts: this algorithm trains on one (set InstanceCount to 1)",
                resources.hosts.len()
            ),
        });
    }
    Ok(resources.current_host)
}

/// A configuration file, or `None` where there is none.
fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, ContainerError> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            return Err(ContainerError::Io {
                path: path.to_owned(),
                source,
            });
        }
    };
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|error| ContainerError::Config {
            path: path.to_owned(),
            problem: error.to_string(),
        })
}

fn write_failure(base: &Path, error: &ContainerError) {
    let mut text = error.to_string();
    if let Some(hint) = error.hint() {
        text.push_str("\nhint: ");
        text.push_str(&hint);
    }
    let folder = base.join("output");
    let written = std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(folder.join("failure"), &text));
    if let Err(problem) = written {
        tracing::error!(%problem, "the failure file could not be written");
    }
}
