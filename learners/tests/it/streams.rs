//! Channels that are streams: the same model as from memory, dense or sparse; and other records than rows.

use crate::data::{asked, classes, fit, regression};
use ironsage_formats::recordio::{Features, Record, Writer};
use ironsage_formats::{FormatError, csv};
use ironsage_learners::linear_learner::{LinearLearner, LinearModel};
use ironsage_learners::{
    self as learners, Algorithm, ByteStream, Channels, ContentType, DenseMatrix, Files, FitOptions, Row,
};
use ironsage_learners::{Event, LearnError, Source, Stream, Watch};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

fn write_records(matrix: &DenseMatrix, path: &Path, sparse: impl Fn(usize) -> bool) {
    let mut writer = Writer::new(Vec::new());
    for (row, values) in matrix.values.chunks_exact(matrix.columns).enumerate() {
        let features = if sparse(row) {
            let kept: Vec<usize> = (0..values.len()).filter(|&at| values[at] != 0.0).collect();
            Features::Sparse {
                keys: kept.iter().map(|&at| at as u64).collect(),
                values: kept.iter().map(|&at| values[at]).collect(),
                width: values.len() as u64,
            }
        } else {
            Features::Dense(values.to_vec())
        };
        writer
            .write(&Record {
                features,
                label: Some(matrix.labels[row]),
                ..Record::default()
            })
            .unwrap();
    }
    std::fs::write(path, writer.finish().unwrap()).unwrap();
}

fn train(files: Files, validation: Option<Files>) -> Result<LinearModel, LearnError> {
    let mut channels: Channels<Row> = Channels::new(files);
    if let Some(validation) = validation {
        channels = channels.with_validation(validation);
    }
    LinearLearner.fit(
        &asked("regressor", &[("epochs", "5")]),
        &mut channels,
        &FitOptions::default(),
        &(),
    )
}

#[test]
fn files_give_the_model_that_memory_gives() {
    let (rows, validation) = (regression(1000, 0.5, 1), regression(200, 0.5, 2));
    let expected = fit(
        &asked("regressor", &[("epochs", "5")]),
        rows.clone(),
        Some(validation.clone()),
    );
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    // Two parts: batches run over the seam.
    std::fs::create_dir(path("rec")).unwrap();
    let part = |from: usize, to: usize| {
        DenseMatrix::new(
            3,
            rows.values[3 * from..3 * to].to_vec(),
            rows.labels[from..to].to_vec(),
        )
        .unwrap()
    };
    write_records(&part(0, 333), &path("rec/part-0"), |_| false);
    write_records(&part(333, 1000), &path("rec/part-1"), |_| false);
    std::fs::write(path("rec/_SUCCESS"), "").unwrap();
    write_records(&validation, &path("validation"), |_| false);
    let files = Files::under(path("rec"), ContentType::RecordIo).unwrap();
    let model = train(files, Some(Files::new([path("validation")], ContentType::RecordIo))).unwrap();
    assert_eq!(
        (&model.weights, &model.report),
        (&expected.weights, &{
            let mut r = expected.report.clone();
            r.seconds = model.report.seconds;
            r
        })
    );

    let mut text = Vec::new();
    for (row, label) in rows.values.chunks_exact(3).zip(rows.labels.iter()) {
        csv::write_row(&mut text, Some(*label), row).unwrap();
    }
    std::fs::write(path("rows.csv"), &text).unwrap();
    let from_text = train(Files::new([path("rows.csv")], ContentType::Csv), None).unwrap();
    assert_eq!(
        from_text.weights,
        fit(&asked("regressor", &[("epochs", "5")]), rows.clone(), None).weights
    );

    // A stream of the caller's own, as Pipe mode's FIFOs are.
    struct Pipe(Vec<u8>);
    impl Source<Row> for Pipe {
        fn open(&mut self, _epoch: usize) -> Result<Box<dyn Stream<Row> + '_>, LearnError> {
            Ok(Box::new(ByteStream::new(self.0.as_slice(), ContentType::Csv, "pipe")?))
        }
    }
    let mut channels = Channels::new(Pipe(text));
    let piped = LinearLearner
        .fit(
            &asked("regressor", &[("epochs", "5")]),
            &mut channels,
            &FitOptions::default(),
            &(),
        )
        .unwrap();
    assert_eq!(piped.weights, from_text.weights);
}

#[test]
fn sparse_rows_learn_what_dense_rows_learn() {
    // Two thirds zeros; without a shift the two ways do the same sums.
    let dense = classes(2000, 1);
    let values: Vec<f32> = dense
        .values
        .iter()
        .map(|&value| if value > 0.5 { value } else { 0.0 })
        .collect();
    let labels: Vec<f32> = values.chunks_exact(2).map(|row| 3.0 * row[0] - row[1] + 1.0).collect();
    let matrix = DenseMatrix::new(2, values, labels).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let train = |name: &str, sparse: &dyn Fn(usize) -> bool, unbias: &str| {
        let path: PathBuf = folder.path().join(name);
        write_records(&matrix, &path, sparse);
        let mut channels: Channels<Row> = Channels::new(Files::new([path], ContentType::RecordIo));
        let asked = asked("regressor", &[("unbias_data", unbias)]);
        LinearLearner
            .fit(&asked, &mut channels, &FitOptions::default(), &())
            .unwrap()
    };
    let dense = train("dense", &|_| false, "false");
    let sparse = train("sparse", &|_| true, "auto");
    let mixed = train("mixed", &|row| row % 3 == 1, "auto");
    for model in [&sparse, &mixed] {
        for (one, other) in dense.weights.iter().zip(&model.weights) {
            assert!(
                (one - other).abs() < 1e-3 * one.abs(),
                "{:?} {:?}",
                dense.weights,
                model.weights
            );
        }
    }
    assert!(
        (sparse.weights[0] - 3.0).abs() < 0.1 && (sparse.bias - 1.0).abs() < 0.1,
        "{:?}",
        sparse.weights
    );
    let row = learners::Rows {
        width: 2,
        features: learners::Features::Sparse {
            starts: &[0, 1, 1],
            keys: &[0],
            values: &[2.0],
        },
        labels: &[],
        weights: &[],
    };
    assert_eq!(
        sparse.scores(&row).unwrap(),
        sparse.scores(&learners::Rows::dense(2, &[2.0, 0.0, 0.0, 0.0])).unwrap()
    );
}

#[test]
fn broken_files_are_named_with_the_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.csv");
    std::fs::write(&path, "1,2,3\n4,five,6\n").unwrap();
    let error = train(Files::new([path.clone()], ContentType::Csv), None).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("rows.csv: line 2, field 2: \"five\" is not a number"),
        "{error}"
    );
    let records = folder.path().join("rows.rec");
    write_records(&regression(100, 0.5, 1), &records, |_| false);
    let bytes = std::fs::read(&records).unwrap();
    std::fs::write(&records, &bytes[..bytes.len() - 9]).unwrap();
    let error = train(Files::new([records], ContentType::RecordIo), None).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("record 99: the data end in the middle of it"),
        "{error}"
    );
    let wide = folder.path().join("wide.rec");
    let mut writer = Writer::new(Vec::new());
    writer
        .write(&Record {
            features: Features::Sparse {
                keys: vec![0],
                values: vec![1.0],
                width: 1 << 62,
            },
            label: Some(1.0),
            ..Record::default()
        })
        .unwrap();
    std::fs::write(&wide, writer.finish().unwrap()).unwrap();
    let error = train(Files::new([wide], ContentType::RecordIo), None).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("wide.rec: row 0: 4611686018427387904 columns are more than can be read"),
        "{error}"
    );
    std::fs::write(&path, "2,3\n4,6\n").unwrap();
    let error = train(Files::new([path], ContentType::CsvUnlabelled), None).unwrap_err();
    assert_eq!(error.to_string(), "channel train, row 0: no label");
    let error = train(Files::new([folder.path().join("gone")], ContentType::Csv), None).unwrap_err();
    assert!(matches!(error, LearnError::Io { .. }) && error.to_string().contains("gone"));
}

/// A channel as Pipe mode's: it has so many passes, then a stop ends the wait for the next one.
struct Passes {
    matrix: DenseMatrix,
    left: usize,
    stop: Arc<AtomicBool>,
}

impl Source<Row> for Passes {
    fn open(&mut self, epoch: usize) -> Result<Box<dyn Stream<Row> + '_>, LearnError> {
        if self.left == 0 {
            self.stop.store(true, Ordering::Relaxed);
            return Err(LearnError::Io {
                path: PathBuf::from("pipe"),
                source: std::io::Error::other("stopped"),
            });
        }
        self.left -= 1;
        self.matrix.open(epoch)
    }
}

struct Stopped(Arc<AtomicBool>);

impl Watch for Stopped {
    fn event(&self, _event: &Event<'_>) {}

    fn stop(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

#[test]
fn a_stop_that_ends_a_wait_keeps_the_best_model() {
    let fit = |epochs: &str, train: usize, validation: Option<usize>| {
        let stop = Arc::new(AtomicBool::new(false));
        let passes = |rows: usize, left: usize| Passes {
            matrix: classes(rows, 1),
            left,
            stop: Arc::clone(&stop),
        };
        let mut channels: Channels<Row> = Channels::new(passes(640, train));
        if let Some(left) = validation {
            channels = channels.with_validation(passes(200, left));
        }
        let asked = asked("binary_classifier", &[("epochs", epochs)]);
        let watch = Stopped(Arc::clone(&stop));
        LinearLearner.fit(&asked, &mut channels, &FitOptions::default(), &watch)
    };
    // The scaler's pass, then one an epoch; the stop comes in an epoch, in validation, at the final scores.
    for (epochs, train, validation) in [("30", 3, None), ("30", 9, Some(2)), ("2", 3, None), ("2", 3, Some(2))] {
        let model = fit(epochs, train, validation).unwrap();
        let report = &model.report;
        assert!(report.interrupted && report.metrics.is_empty());
        assert_eq!((report.history.len(), model.weights.len()), (2, 2));
    }
    for (train, validation) in [(0, None), (1, None), (9, Some(0))] {
        let error = fit("30", train, validation).unwrap_err();
        assert!(matches!(error, LearnError::Interrupted), "{error}");
    }
}

/// A FIFO that falls silent in an epoch: after so many batches a stop ends the wait, with this error.
struct Silent {
    matrix: DenseMatrix,
    batches: usize,
    error: fn() -> LearnError,
    stop: Arc<AtomicBool>,
}

impl Source<Row> for Silent {
    fn open(&mut self, epoch: usize) -> Result<Box<dyn Stream<Row> + '_>, LearnError> {
        Ok(Box::new(FallingSilent {
            // The scaler's pass is whole.
            left: if epoch == 0 { usize::MAX } else { self.batches },
            error: self.error,
            stop: Arc::clone(&self.stop),
            rows: self.matrix.open(epoch)?,
        }))
    }
}

struct FallingSilent<'a> {
    rows: Box<dyn Stream<Row> + 'a>,
    left: usize,
    error: fn() -> LearnError,
    stop: Arc<AtomicBool>,
}

impl Stream<Row> for FallingSilent<'_> {
    fn next(&mut self, limit: usize) -> Result<Option<learners::Rows<'_>>, LearnError> {
        if self.left == 0 {
            self.stop.store(true, Ordering::Relaxed);
            return Err((self.error)());
        }
        self.left -= 1;
        self.rows.next(limit)
    }
}

#[test]
fn a_stop_that_ends_a_wait_in_the_first_epoch_keeps_what_its_batches_gave() {
    let fit = |batches: usize, error: fn() -> LearnError| {
        let stop = Arc::new(AtomicBool::new(false));
        let silent = Silent {
            matrix: regression(320, 0.5, 1),
            batches,
            error,
            stop: Arc::clone(&stop),
        };
        let mut channels: Channels<Row> = Channels::new(silent);
        let asked = asked("regressor", &[]);
        LinearLearner.fit(&asked, &mut channels, &FitOptions::default(), &Stopped(stop))
    };
    let freed: [fn() -> LearnError; 2] = [
        || LearnError::Io {
            path: PathBuf::from("pipe"),
            source: std::io::Error::other("stopped"),
        },
        || LearnError::Format {
            origin: "pipe".to_owned(),
            source: std::io::Error::other("stopped").into(),
        },
    ];
    for error in freed {
        let report = fit(3, error).unwrap().report;
        assert_eq!(
            (report.interrupted, report.history.len(), report.rows_per_epoch),
            (true, 1, 96)
        );
        let none = fit(0, error).unwrap_err();
        assert!(matches!(none, LearnError::Interrupted), "{none}");
    }
    // What is wrong with the data is said though a stop was asked for.
    let torn = || LearnError::Format {
        origin: "pipe".to_owned(),
        source: FormatError::Truncated {
            what: "record",
            at: "7".to_owned(),
        },
    };
    for batches in [0, 3] {
        let error = fit(batches, torn).unwrap_err();
        assert_eq!(error.to_string(), "pipe: record 7: the data end in the middle of it");
    }
}

/// A FIFO is written anew each epoch: its rows may have lost their labels since the first one.
#[test]
fn later_passes_must_be_of_the_first_ones_shape() {
    struct Changing(usize);
    impl Source<Row> for Changing {
        fn open(&mut self, _epoch: usize) -> Result<Box<dyn Stream<Row> + '_>, LearnError> {
            self.0 += 1;
            let (text, content) = if self.0 < 3 {
                ("1,2\n", ContentType::Csv)
            } else {
                ("2\n", ContentType::CsvUnlabelled)
            };
            let bytes = std::io::Cursor::new(text.repeat(64));
            Ok(Box::new(ByteStream::new(bytes, content, "pipe")?))
        }
    }
    let mut channels = Channels::new(Changing(0));
    let error = LinearLearner
        .fit(&asked("regressor", &[]), &mut channels, &FitOptions::default(), &())
        .unwrap_err();
    assert_eq!(error.to_string(), "channel train, row 0: no label");
}

#[test]
fn content_types_are_sagemakers() {
    assert_eq!(
        ContentType::parse("text/csv; label_size=0"),
        Some(ContentType::CsvUnlabelled)
    );
    assert_eq!(ContentType::parse("text/csv"), Some(ContentType::Csv));
    assert_eq!(
        ContentType::parse("application/x-recordio-protobuf"),
        Some(ContentType::RecordIo)
    );
    assert_eq!(ContentType::parse("csv"), None);
}

/// The traits hold other records than rows: here lines of text, from which the longest word is learned.
mod text {
    use ironsage_learners::*;
    use std::any::Any;
    use std::path::Path;

    struct Lines;
    impl Record for Lines {
        type Batch<'a> = &'a [String];
    }

    struct Book(Vec<String>);
    struct Reading<'a>(&'a [String]);
    impl Source<Lines> for Book {
        fn open(&mut self, _epoch: usize) -> Result<Box<dyn Stream<Lines> + '_>, LearnError> {
            Ok(Box::new(Reading(&self.0)))
        }
    }
    impl Stream<Lines> for Reading<'_> {
        fn next(&mut self, limit: usize) -> Result<Option<&[String]>, LearnError> {
            let (batch, rest) = self.0.split_at(limit.min(self.0.len()));
            self.0 = rest;
            Ok((!batch.is_empty()).then_some(batch))
        }
    }

    struct Longest;
    struct Word(String);
    impl Algorithm for Longest {
        type Record = Lines;
        type Fitted = Word;
        fn name(&self) -> &'static str {
            "longest"
        }
        fn schema(&self) -> &'static Schema {
            &linear_learner::SCHEMA
        }
        fn fit(
            &self,
            _: &Hyperparameters,
            channels: &mut Channels<Lines>,
            _: &FitOptions,
            _: &dyn Watch,
        ) -> Result<Word, LearnError> {
            let mut longest = String::new();
            let mut stream = channels.train.open(0)?;
            while let Some(lines) = stream.next(2)? {
                let words = lines.iter().flat_map(|line| line.split(' '));
                longest = words.fold(
                    longest,
                    |best, word| if word.len() > best.len() { word.to_owned() } else { best },
                );
            }
            Ok(Word(longest))
        }
    }
    impl Model for Word {
        fn predict(&self, _: &Rows<'_>) -> Result<Vec<Prediction>, LearnError> {
            Err(LearnError::Records {
                model: "longest",
                takes: "lines of text",
            })
        }
        fn save(&self, _: &Path) -> Result<(), LearnError> {
            Ok(())
        }
        fn describe(&self) -> Description {
            let (algorithm, task, summary) = ("longest".to_owned(), "words".to_owned(), self.0.clone());
            Description {
                algorithm,
                task,
                summary,
                width: 0,
                facts: Vec::new(),
                coefficients: Vec::new(),
                intercept: None,
            }
        }
        fn as_any(&self) -> &dyn Any {
            self
        }
    }

    #[test]
    fn algorithms_bring_their_own_records() {
        let lines = ["a few", "very short", "lines only"].map(str::to_owned).to_vec();
        let model = Longest
            .fit(
                &Hyperparameters::new(),
                &mut Channels::new(Book(lines)),
                &FitOptions::default(),
                &(),
            )
            .unwrap();
        let model: Box<dyn Model> = Box::new(model);
        assert_eq!(model.as_any().downcast_ref::<Word>().unwrap().0, "short");
        let refused = model.predict(&Rows::dense(1, &[1.0])).unwrap_err().to_string();
        assert_eq!(refused, "longest takes lines of text, not rows of features");
    }
}
