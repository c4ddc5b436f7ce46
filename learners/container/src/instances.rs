//! JSON instances: SageMaker's dense and sparse forms, and objects of raw columns by name.
//!
//! ```text
//! {"features": [1.5, 16.0]}                                                    dense, short
//! {"data": {"features": {"values": [1.5, 16.0]}}}                              dense, long
//! {"data": {"features": {"keys": [0, 3], "shape": [4], "values": [1, 4]}}}     sparse
//! {"sex": "M", "length": 0.4, …}                                               raw columns
//! ```

use ironsage_prep::frame_from_json;
use serde_json::Value;

use crate::predictor::Names;
use crate::request::{Batch, Request};
use crate::{ContainerError, Predictor};

const FORMS: &str = r#"an instance is {"features": [1.5, 2]}, {"data": {"features": {"values": [1.5, 2]}}}, or its sparse form with "keys" and "shape""#;

pub(crate) fn read(list: Vec<Value>, predictor: &Predictor) -> Result<Request, ContainerError> {
    let raw = list
        .iter()
        .position(|instance| instance.is_object() && !is_numbers(instance));
    match (raw, predictor.names()) {
        (Some(_), Some(names)) => {
            if let Some(instance) = list
                .iter()
                .position(|instance| !instance.is_object() || is_numbers(instance))
            {
                return Err(ContainerError::Instance {
                    instance,
                    problem: "is of another form than those with named columns".to_owned(),
                    hint: Some("send all instances in one form".to_owned()),
                });
            }
            check_columns(&list, names)?;
            Ok(Request::Frame(frame_from_json(&Value::Array(list), &names.inputs)?))
        }
        (Some(instance), None) => Err(ContainerError::Instance {
            instance,
            problem: "has no \"features\", and this model's artifact has no column names".to_owned(),
            hint: Some(FORMS.to_owned()),
        }),
        (None, _) => {
            let mut batch = Batch::new(predictor.width());
            for (at, instance) in list.iter().enumerate() {
                push(&mut batch, at, instance, predictor)?;
            }
            Ok(Request::Rows(batch))
        }
    }
}

/// A column that is left out is more likely a misspelt one than an unknown value: that is `null`.
fn check_columns(list: &[Value], names: &Names) -> Result<(), ContainerError> {
    for (at, instance) in list.iter().enumerate() {
        let missing: Vec<&str> = names
            .inputs
            .iter()
            .map(|input| input.name.as_str())
            .filter(|name| instance.get(name).is_none())
            .collect();
        if !missing.is_empty() {
            return Err(ContainerError::Instance {
                instance: at,
                problem: format!("has no column {}", missing.join(", ")),
                hint: Some(format!(
                    "send {}; null is an unknown value",
                    names.input_names().join(", ")
                )),
            });
        }
    }
    Ok(())
}

/// Whether an instance is of one of SageMaker's forms; columns may be called `features` and `data`, too.
fn is_numbers(instance: &Value) -> bool {
    instance.get("features").is_some_and(Value::is_array)
        || instance.get("data").is_some_and(|data| data.get("features").is_some())
}

fn push(batch: &mut Batch, at: usize, instance: &Value, predictor: &Predictor) -> Result<(), ContainerError> {
    let wrong = |problem: &str| ContainerError::Instance {
        instance: at,
        problem: problem.to_owned(),
        hint: Some(FORMS.to_owned()),
    };
    let tensor = match instance.get("features") {
        Some(Value::Array(values)) => return batch.push_dense(numbers(at, values), predictor),
        _ => instance.get("data").and_then(|data| data.get("features")),
    };
    let tensor = tensor.ok_or_else(|| wrong("is not of a form that is read"))?;
    let Some(Value::Array(values)) = tensor.get("values") else {
        return Err(wrong("has no list of \"values\""));
    };
    let Some(keys) = tensor.get("keys") else {
        return batch.push_dense(numbers(at, values), predictor);
    };
    let integers = |value: &Value| -> Option<Vec<u32>> {
        value
            .as_array()?
            .iter()
            .map(|key| key.as_u64().and_then(|key| u32::try_from(key).ok()))
            .collect()
    };
    let keys = integers(keys).ok_or_else(|| wrong("\"keys\" is not a list of column numbers"))?;
    let shape = tensor
        .get("shape")
        .and_then(integers)
        .ok_or_else(|| wrong("a sparse one needs a \"shape\""))?;
    let [width] = *shape else {
        return Err(wrong("\"shape\" is not a list of one number"));
    };
    if keys.len() != values.len() {
        return Err(wrong("there are not as many keys as values"));
    }
    if keys.iter().any(|&key| key >= width) {
        return Err(wrong("a key is not below the shape"));
    }
    let values: Vec<f32> = numbers(at, values).collect::<Result<_, _>>()?;
    batch.push_sparse(width as usize, keys, values, predictor)
}

fn numbers(instance: usize, values: &[Value]) -> impl Iterator<Item = Result<f32, ContainerError>> {
    values.iter().enumerate().map(move |(at, value)| match value.as_f64() {
        Some(number) => Ok(number as f32),
        None => Err(ContainerError::Instance {
            instance,
            problem: format!("feature {} is {value}, not a number", at + 1),
            hint: None,
        }),
    })
}
