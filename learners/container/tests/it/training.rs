//! Jobs: configuration and channels in, a model that serves or a failure file out.

use std::path::Path;
use std::time::{Duration, Instant};

use ironsage_container::{TrainOptions, train};
use ironsage_formats::recordio::{Features, Record, Writer};
use serde_json::json;

use crate::support::Running;

/// y = 3 a − 2 b + 1 on a grid, label first.
pub fn csv(rows: usize) -> String {
    (0..rows)
        .map(|row| {
            let (a, b) = point(row);
            format!("{},{a},{b}\n", 3.0 * a - 2.0 * b + 1.0)
        })
        .collect()
}

fn point(row: usize) -> (f64, f64) {
    ((row % 17) as f64 / 8.0, (row % 23) as f64 / 10.0)
}

pub fn job(hyperparameters: serde_json::Value, channels: serde_json::Value) -> tempfile::TempDir {
    let base = tempfile::tempdir().unwrap();
    let config = base.path().join("input/config");
    std::fs::create_dir_all(&config).unwrap();
    let write = |name: &str, value: &serde_json::Value| {
        std::fs::write(config.join(name), value.to_string()).unwrap();
    };
    write("hyperparameters.json", &hyperparameters);
    write("inputdataconfig.json", &channels);
    let resources = json!({"current_host": "algo-1", "hosts": ["algo-1"], "network_interface_name": "eth0"});
    write("resourceconfig.json", &resources);
    base
}

pub fn put(base: &Path, file: &str, bytes: impl AsRef<[u8]>) {
    let path = base.join("input/data").join(file);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

fn options(base: &Path) -> TrainOptions {
    TrainOptions {
        base_dir: base.to_owned(),
        algorithm: Some("linear-learner".to_owned()),
    }
}

fn regressor() -> serde_json::Value {
    json!({
        "predictor_type": "regressor", "mini_batch_size": "32", "epochs": "30",
        "sagemaker_region": "us-east-1",
    })
}

fn channel(content_type: &str, mode: &str) -> serde_json::Value {
    json!({
        "ContentType": content_type, "TrainingInputMode": mode,
        "S3DistributionType": "FullyReplicated", "RecordWrapperType": "None",
    })
}

/// Serves what the job made and asks it.
fn assert_learned(base: &Path) {
    let server = Running::start(&base.join("model"));
    let scores = server.connect().invoke("text/csv", "1,1\n0,2\n2,0\n").scores();
    for (score, truth) in scores.iter().zip([2.0, -3.0, 7.0]) {
        assert!((score - truth).abs() < 0.1, "{scores:?}");
    }
    assert!(!base.join("output/failure").exists());
}

#[test]
fn a_csv_becomes_a_model_that_serves() {
    let base = job(
        regressor(),
        json!({"train": channel("text/csv", "File"), "validation": channel("text/csv", "File")}),
    );
    let text = csv(2000);
    let (first, second) = text.split_at(text[..text.len() / 2].rfind('\n').unwrap() + 1);
    put(base.path(), "train/part-0.csv", first);
    put(base.path(), "train/part-1.csv", second);
    put(base.path(), "validation/valid.csv", csv(300));
    train(options(base.path())).unwrap();
    assert_learned(base.path());
}

#[test]
fn records_become_a_model_that_serves() {
    let base = job(
        regressor(),
        json!({"train": channel("application/x-recordio-protobuf", "File")}),
    );
    let mut writer = Writer::new(Vec::new());
    for row in 0..2000 {
        let (a, b) = point(row);
        let record = Record {
            features: Features::Dense(vec![a as f32, b as f32]),
            label: Some((3.0 * a - 2.0 * b + 1.0) as f32),
            ..Record::default()
        };
        writer.write(&record).unwrap();
    }
    put(base.path(), "train/matrix_0.pbr", writer.finish().unwrap());
    train(options(base.path())).unwrap();
    assert_learned(base.path());
}

/// A platform that writes an epoch a FIFO, as long as one is read.
#[test]
fn pipes_become_a_model_that_serves() {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    use std::io::Write as _;

    let base = job(regressor(), json!({"train": channel("text/csv", "Pipe")}));
    let data = base.path().join("input/data");
    std::fs::create_dir_all(&data).unwrap();
    let writer = {
        let data = data.clone();
        std::thread::spawn(move || {
            let text = csv(2000);
            for epoch in 0..200 {
                let path = data.join(format!("train_{epoch}"));
                mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
                // Blocks until the job reads; ends with the folder.
                let Ok(mut out) = std::fs::File::options().write(true).open(&path) else {
                    return epoch;
                };
                let _ = out.write_all(text.as_bytes());
                drop(out);
                let _ = std::fs::remove_file(&path);
            }
            200
        })
    };
    train(options(base.path())).unwrap();
    assert_learned(base.path());
    // The writer waits at the next FIFO, or is about to make it.
    let since = Instant::now();
    let path = loop {
        let waiting = std::fs::read_dir(&data)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .find(|path| path.file_name().unwrap().to_string_lossy().starts_with("train_"));
        if let Some(path) = waiting {
            break path;
        }
        assert!(since.elapsed() < Duration::from_secs(10), "no FIFO that nobody reads");
        std::thread::sleep(Duration::from_millis(2));
    };
    let epoch: usize = path.to_string_lossy().rsplit('_').next().unwrap().parse().unwrap();
    assert!(epoch >= 3, "only {epoch} passes were read");
    std::fs::remove_dir_all(&data).unwrap_or_default();
    drop(writer);
}

/// What keeps a job from giving a model, and what its failure file says.
#[test]
fn a_failure_says_why() {
    let csv_file = json!({"train": channel("text/csv", "File")});
    let cases = [
        (
            regressor(),
            csv_file.clone(),
            "2,1\n3,x\n".to_owned(),
            "line 2, field 2: \"x\" is not a number",
        ),
        (regressor(), csv_file.clone(), String::new(), "train/a.csv)"),
        (
            json!({"predictor_type": "regresor"}),
            csv_file.clone(),
            csv(100),
            "regresor",
        ),
        (
            json!({"predictor_type": "regressor", "epochs": 3}),
            csv_file.clone(),
            csv(100),
            "every value is a string",
        ),
        (
            regressor(),
            json!({"train": channel("image/png", "File")}),
            csv(100),
            "content type image/png is not read",
        ),
        (
            regressor(),
            json!({"eval": channel("text/csv", "File")}),
            csv(100),
            "no channel of this name",
        ),
        (
            regressor(),
            json!({}),
            csv(100),
            "channel train: it is not among the job's channels",
        ),
    ];
    for (hyperparameters, channels, data, reason) in cases {
        let base = job(hyperparameters, channels);
        put(base.path(), "train/a.csv", data);
        let error = train(options(base.path())).unwrap_err();
        let failure = std::fs::read_to_string(base.path().join("output/failure")).unwrap();
        assert!(failure.contains(reason), "{failure:?} lacks {reason:?}");
        assert!(failure.starts_with(&error.to_string()));
        assert!(!base.path().join("model/model_algo-1").exists());
    }
}

#[test]
fn an_algorithm_must_be_named_and_known() {
    let base = job(regressor(), json!({}));
    let unnamed = TrainOptions {
        base_dir: base.path().to_owned(),
        algorithm: None,
    };
    assert_eq!(train(unnamed).unwrap_err().to_string(), "no algorithm is named");
    let unknown = TrainOptions {
        base_dir: base.path().to_owned(),
        algorithm: Some("xgbost".to_owned()),
    };
    let error = train(unknown).unwrap_err();
    assert_eq!(error.to_string(), "there is no algorithm \"xgbost\" here");
    assert!(error.hint().unwrap().contains("linear-learner"));
}
