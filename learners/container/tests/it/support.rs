//! Models to serve, and servers on threads of this process.

use std::net::SocketAddr;
use std::path::Path;

use ironsage_container::{ServeOptions, Server};
use ironsage_formats::artifact::{self, Card, Input};
use ironsage_formats::model_algo::{self, AdditionalParams, Coefficients, MetricsParams, ModelAlgo};
use ironsage_formats::mxnet::{self, Values};
use ironsage_prep::Recipe;
use polars::prelude::*;

use crate::http::Connection;

/// mx-mod-0000.params of a public artifact: 14 features, logistic.
const ADULT: &str = "120100000000000000000000000000000200000000000000c9fa93f900000000\
    020000000e000000000000000100000000000000010000000000000000000000\
    9a53213dd61503be026f58b281170f3d79f1b43e161c85be3f2378bb31dae7bd\
    a759cc3d73cb643f239ea639dcc12d3ae75b0a3dcfdb653cc9fa93f900000000\
    0200000001000000000000000100000000000000010000000000000000000000\
    ac5d11c102000000000000000e000000000000006172673a6663305f77656967\
    68740c000000000000006172673a6663305f62696173";

/// Its threshold.
const ADULT_THRESHOLD: f64 = 0.463_018_596_172_332_76;

pub fn save_adult(folder: &Path) {
    let arrays = mxnet::read(&hex::decode(ADULT).unwrap()).unwrap();
    let numbers = |name: &str| {
        let array = arrays.iter().find(|array| array.name.ends_with(name)).unwrap();
        match &array.values {
            Values::Float32(values) => values.clone(),
            other => panic!("{other:?}"),
        }
    };
    let model = ModelAlgo {
        coefficients: Coefficients {
            features: 14,
            outputs: 1,
            weight: numbers("fc0_weight"),
            bias: numbers("fc0_bias"),
        },
        params: AdditionalParams {
            threshold: ADULT_THRESHOLD,
            loss_type: "logistic".to_owned(),
            predictor_type: "binary_classifier".to_owned(),
            metrics_params: MetricsParams::default(),
        },
        counter: 32,
        bias_lr_mult: 1.0,
    };
    std::fs::write(folder.join(model_algo::FILE_NAME), model.to_bytes()).unwrap();
}

/// y = w·x + b
pub fn save_regressor(folder: &Path, weights: &[f32], bias: f32) {
    let model = ModelAlgo {
        coefficients: Coefficients {
            features: weights.len(),
            outputs: 1,
            weight: weights.to_vec(),
            bias: vec![bias],
        },
        params: AdditionalParams {
            threshold: 0.5,
            loss_type: "squared_loss".to_owned(),
            predictor_type: "regressor".to_owned(),
            metrics_params: MetricsParams::default(),
        },
        counter: 32,
        bias_lr_mult: 1.0,
    };
    std::fs::write(folder.join(model_algo::FILE_NAME), model.to_bytes()).unwrap();
}

/// Training rows: sex is text, length has a hole whose fill is the median 0.5.
fn shells() -> DataFrame {
    df!(
        "sex" => ["M", "F", "I", "M", "F"],
        "length" => [Some(0.4), Some(0.5), None, Some(0.6), Some(0.5)],
        "rings" => [9_i64, 10, 7, 11, 10],
    )
    .unwrap()
}

/// A recipe and a regressor behind it.
pub fn save_recipe() -> (tempfile::TempDir, Card) {
    let recipe = Recipe::parse("shells", "fill @numeric median\none_hot sex").unwrap();
    let fitted = recipe.fit(&shells(), &["rings"]).unwrap();
    let features = fitted.outputs().to_vec();
    // Each feature gets a weight of its own, so that a mixed-up order changes the score.
    let weights: Vec<f32> = (0..features.len()).map(|at| 10_f32.powi(at as i32)).collect();
    let inputs = fitted.inputs().iter();
    let card = Card {
        version: 1,
        algorithm: "linear-learner".to_owned(),
        task: "regressor".to_owned(),
        label: "rings".to_owned(),
        features,
        inputs: inputs
            .map(|input| Input {
                name: input.name.clone(),
                dtype: input.dtype.clone(),
            })
            .collect(),
        recipe: Some(fitted.to_json()),
        ..Card::default()
    };
    let folder = tempfile::tempdir().unwrap();
    save_regressor(folder.path(), &weights, 0.5);
    artifact::write_card(folder.path(), &card).unwrap();
    (folder, card)
}

/// A server in this process; it ends when dropped.
pub struct Running {
    pub address: SocketAddr,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Running {
    pub fn start(model_dir: &Path) -> Running {
        let server = Server::bind(&ServeOptions::local(model_dir, 0)).unwrap();
        let address = server.address();
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let thread = std::thread::spawn(move || {
            server
                .run(async {
                    let _ = stopped.await;
                })
                .unwrap();
        });
        Running {
            address,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    pub fn connect(&self) -> Connection {
        Connection::open(self.address)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.stop.take().unwrap().send(());
        self.thread.take().unwrap().join().unwrap();
    }
}
