//! `model_algo-1`: the file in which SageMaker's Linear Learner keeps a model.
//!
//! A ZIP archive of four stored members: a manifest, the parameters that scoring needs, MXNet's symbol and
//! MXNet's parameters. Written so that existing loaders of such files read it: same names, key order,
//! spacing, and array layout as in real artifacts of 2020 to 2024; the same model gives the same bytes.

mod archive;
mod params;
mod symbol;

pub use params::{AdditionalParams, MetricsParams, python_float};

use crate::FormatError;
use crate::mxnet::{self, Array, Values};

/// The file's name in `model.tar.gz`.
pub const FILE_NAME: &str = "model_algo-1";

/// The manifest, byte for byte.
pub const MANIFEST: &str = r#"{"mx-mod": "mxnet_module", "additional-params.json": "json", "version": 1}"#;

const PARAMS: &str = "additional-params.json";
const SYMBOL: &str = "mx-mod-symbol.json";
const WEIGHTS: &str = "mx-mod-0000.params";

/// Weights and constants, in raw units.
#[derive(Debug, Clone, PartialEq)]
pub struct Coefficients {
    /// Rows of the weight matrix.
    pub features: usize,
    /// Columns of it: 1, or the number of classes.
    pub outputs: usize,
    /// Row-major, `features × outputs`.
    pub weight: Vec<f32>,
    /// One constant an output.
    pub bias: Vec<f32>,
}

/// A whole `model_algo-1`.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelAlgo {
    /// Weights and constants.
    pub coefficients: Coefficients,
    /// What scoring and metrics need besides.
    pub params: AdditionalParams,
    /// What the symbol's node names count: models trained plus checkpoints saved. Any number loads.
    pub counter: usize,
    /// What the symbol notes as the constant's learning rate in multiples of the weights'.
    pub bias_lr_mult: f64,
}

impl ModelAlgo {
    /// The file's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let (features, outputs) = (self.coefficients.features as u64, self.coefficients.outputs as u64);
        let weights = mxnet::write(&[
            Array::float32("arg:fc0_weight", &[features, outputs], self.coefficients.weight.clone()),
            Array::float32("arg:fc0_bias", &[1, outputs], self.coefficients.bias.clone()),
        ]);
        archive::write(&[
            ("manifest.json", MANIFEST.as_bytes()),
            (PARAMS, self.params.to_json().as_bytes()),
            (SYMBOL, symbol::write(self).as_bytes()),
            (WEIGHTS, &weights),
        ])
    }

    /// Reads a file's bytes; members may be compressed, in any order, with others beside them.
    ///
    /// # Errors
    /// [`FormatError`] naming the member that is missing or cannot be what it should be.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut archive = archive::Archive::open(bytes)?;
        let params = AdditionalParams::from_json(&archive.text(PARAMS)?)?;
        let arrays = mxnet::read(&archive.member(WEIGHTS)?)?;
        let weight = float_array(&arrays, "fc0_weight")?;
        let [features, outputs] = *weight.0 else {
            let problem = format!("shape {:?} where (features, outputs) is expected", weight.0);
            return Err(FormatError::malformed("array", "fc0_weight", problem));
        };
        // A model without a constant has no such array.
        let bias = match float_array(&arrays, "fc0_bias") {
            Ok((_, values)) => values.to_vec(),
            Err(_) => vec![0.0; usize::try_from(outputs).unwrap_or(0).min(weight.1.len().max(1))],
        };
        if bias.len() as u64 != outputs {
            let problem = format!("{} values where fc0_weight has {outputs} outputs", bias.len());
            return Err(FormatError::malformed("array", "fc0_bias", problem));
        }
        let coefficients = Coefficients {
            features: features as usize,
            outputs: outputs as usize,
            weight: weight.1.to_vec(),
            bias,
        };
        Ok(ModelAlgo {
            coefficients,
            params,
            counter: 0,
            bias_lr_mult: 10.0,
        })
    }
}

fn float_array<'a>(arrays: &'a [Array], name: &'static str) -> Result<(&'a [u64], &'a [f32]), FormatError> {
    let found = arrays
        .iter()
        .find(|array| array.name.strip_prefix("arg:") == Some(name));
    let array = found.ok_or_else(|| FormatError::malformed("array", name, "is missing"))?;
    match &array.values {
        Values::Float32(values) => Ok((&array.shape, values)),
        _ => Err(FormatError::malformed("array", name, "is not of type float32")),
    }
}
