//! What only a process of its own can show: signals, exit codes, the log on stdout.
//!
//! The processes are this test binary again, told by the environment to be what the test is about.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ironsage_container::{ServeOptions, TrainOptions, serve, train};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::http::Connection;
use crate::support::save_regressor;
use crate::training::{csv, job, put};

/// The variable that makes one of these tests the process which another run of it looks at.
const ITSELF: &str = "IRONSAGE_TEST_ITSELF";

fn is_itself() -> bool {
    std::env::var_os(ITSELF).is_some()
}

fn start(which: &str, variables: &[(&str, &str)]) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture", which])
        .env(ITSELF, "")
        .envs(variables.iter().copied())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn terminate(child: &Child) {
    kill_process(Pid::from_child(child), Signal::TERM).unwrap();
}

/// Waits, but not for ever.
fn ended(child: &mut Child) -> std::process::ExitStatus {
    let since = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if since.elapsed() > Duration::from_secs(10) {
            child.kill().unwrap();
            panic!("the process didn't end");
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_server_ends_within_a_second_of_being_told() {
    if is_itself() {
        return serve(ServeOptions::from_env().unwrap()).unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    save_regressor(folder.path(), &[1.0], 0.0);
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let port = free.port().to_string();
    let model = folder.path().to_str().unwrap();
    let variables = [("IRONSAGE_MODEL_DIR", model), ("SAGEMAKER_BIND_TO_PORT", &port)];
    let mut server = start("processes::a_server_ends_within_a_second_of_being_told", &variables);
    let since = Instant::now();
    while std::net::TcpStream::connect(free).is_err() {
        assert!(since.elapsed() < Duration::from_secs(10), "the server didn't start");
        std::thread::sleep(Duration::from_millis(2));
    }
    // An idle keep-alive connection must not hold it up.
    let mut connection = Connection::open(free);
    assert_eq!(connection.invoke("text/csv", "7").scores(), [7.0]);
    let told = Instant::now();
    terminate(&server);
    assert!(ended(&mut server).success());
    assert!(told.elapsed() < Duration::from_secs(1), "{:?}", told.elapsed());
}

#[test]
fn a_port_in_use_is_said() {
    let folder = tempfile::tempdir().unwrap();
    save_regressor(folder.path(), &[1.0], 0.0);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let error = serve(ServeOptions::local(folder.path(), port)).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with(&format!("cannot listen on 127.0.0.1:{port}")),
        "{error}"
    );
    assert!(error.hint().unwrap().contains("SAGEMAKER_BIND_TO_PORT"));
}

#[test]
fn a_folder_without_a_model_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let error = serve(ServeOptions::local(folder.path(), 0)).unwrap_err();
    assert!(error.to_string().contains("holds no model"), "{error}");
}

#[test]
fn a_job_that_is_stopped_keeps_its_best_model() {
    if is_itself() {
        return train(TrainOptions::from_env()).unwrap();
    }
    let hyperparameters = json!({
        "predictor_type": "regressor", "mini_batch_size": "8", "epochs": "100000",
        "early_stopping_patience": "100000",
    });
    let base = job(
        hyperparameters,
        json!({"train": {"ContentType": "text/csv", "TrainingInputMode": "File"}}),
    );
    put(base.path(), "train/a.csv", csv(2000));
    assert_keeps_its_best_model("processes::a_job_that_is_stopped_keeps_its_best_model", base.path());
}

/// The stop ends its wait for a FIFO that never comes; so it does for those of the final scores.
#[test]
fn a_piped_job_that_is_stopped_keeps_its_best_model() {
    if is_itself() {
        return train(TrainOptions::from_env()).unwrap();
    }
    let base = job(
        json!({"predictor_type": "binary_classifier", "mini_batch_size": "8"}),
        json!({"train": {"ContentType": "text/csv", "TrainingInputMode": "Pipe"}}),
    );
    let data = base.path().join("input/data");
    std::fs::create_dir_all(&data).unwrap();
    // One for the scaler, one for each of two epochs.
    let pipes: Vec<_> = (0..3).map(|pass| data.join(format!("train_{pass}"))).collect();
    for pipe in &pipes {
        mknodat(CWD, pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    }
    let rows: String = (0..400)
        .map(|row| format!("{},{}\n", u8::from(row % 10 > 4), row % 10))
        .collect();
    // A thread of its own, as opening one waits for the job to read it.
    std::thread::spawn(move || {
        for pipe in &pipes {
            let mut out = std::fs::File::options().write(true).open(pipe).unwrap();
            out.write_all(rows.as_bytes()).unwrap();
        }
    });
    assert_keeps_its_best_model(
        "processes::a_piped_job_that_is_stopped_keeps_its_best_model",
        base.path(),
    );
}

/// Stops a job in its second epoch or after it; the job is the test `which`, run as a process.
fn assert_keeps_its_best_model(which: &str, base: &Path) {
    let mut child = start_job(which, base);
    let mut log = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let epochs = log
        .by_ref()
        .filter(|line| line.contains("#quality_metric: host=algo-1, epoch=1, train "));
    assert_eq!(epochs.take(1).count(), 1, "the log has no such line");
    terminate(&child);
    // Read on, so that the job can write on.
    let rest: Vec<String> = log.collect();
    assert!(ended(&mut child).success(), "{rest:?}");
    assert!(base.join("model/model_algo-1").is_file());
    assert!(!base.join("output/failure").exists());
}

fn start_job(which: &str, base: &Path) -> Child {
    let base = base.to_str().unwrap();
    start(
        which,
        &[("SAGEMAKER_BASE_DIR", base), ("IRONSAGE_ALGORITHM", "linear-learner")],
    )
}

/// A tuner tries hyperparameters, so each of its jobs trains one model with them, not the grid.
#[test]
fn a_tuners_job_trains_one_model() {
    if is_itself() {
        return train(TrainOptions::from_env()).unwrap();
    }
    let base = job(
        json!({
            "predictor_type": "regressor", "mini_batch_size": "8", "epochs": "1",
            "_tuning_objective_metric": "validation:objective_loss",
        }),
        json!({"train": {"ContentType": "text/csv", "TrainingInputMode": "File"}}),
    );
    put(base.path(), "train/a.csv", csv(100));
    let mut child = start_job("processes::a_tuners_job_trains_one_model", base.path());
    let log: Vec<String> = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap)
        .collect();
    assert!(ended(&mut child).success(), "{log:?}");
    let tells = |model: &str| log.iter().any(|line| line.contains(model));
    assert!(tells("\"model\": 0") && !tells("\"model\": 1"), "{log:?}");
}
