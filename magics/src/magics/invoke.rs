//! `%invoke`: an endpoint's answers for a frame, over the wire.

use std::time::Instant;

use clap::Args;
use ironsage_client::Client;
use ironsage_display::{Front, Progress, TableOptions, note, table, text};
use ironsage_learners::Prediction;
use polars::prelude::*;
use serde::Deserialize;

use super::endpoint::behind;
use crate::error::{ErrorKind, MagicError};
use crate::frames;
use crate::learning::score;
use crate::magic::{Call, Form, Group, Magic, Out};
use crate::session::{Session, Value};

/// One request's size: well below the 6 MB that every SageMaker endpoint takes.
const REQUEST_BYTES: usize = 4 << 20;

/// Send a raw frame to an endpoint and add its answers as columns
#[derive(Args, Debug)]
pub(crate) struct Invoke {
    /// The endpoint
    endpoint: String,
    /// A raw frame: the endpoint applies its recipe
    frame: String,
    /// What the new columns' names begin with
    #[arg(long, value_name = "TEXT", default_value = "")]
    prefix: String,
    #[command(flatten)]
    out: Out,
}

impl Magic for Invoke {
    const NAME: &'static str = "invoke";
    const FORM: Form = Form::Line;
    const GROUP: Group = Group::Service;
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        (
            "%invoke shell-age test -o guess",
            "`test` with a column `score`, answered by the endpoint",
        ),
        ("%invoke shell-age test", "the same, only to look at"),
    ];

    fn run(self, _call: &Call, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        let out = self.out.one()?;
        let frame = frames::collect(&self.frame, session, front)?;
        score::refuse_clash(&frame, &format!("{}score", self.prefix))?;
        let client = session.places().local()?;
        let started = Instant::now();
        let predictions = ask(&client, &self.endpoint, &frame, front)?;
        let elapsed = started.elapsed();
        let guess = score::with_predictions(&frame, &predictions, &self.prefix)?;
        let recipe = match client.describe_endpoint(&self.endpoint)? {
            Some(endpoint) if behind(&client, &endpoint)?.1.is_some() => ", recipe applied by the endpoint",
            _ => "",
        };
        let count = text::counted(predictions.len() as u64, "prediction");
        front.display(&note(format!("{count}, {}{recipe}", text::duration(elapsed))));
        match out {
            Some(name) => session.bind_frame(name.as_str(), guess),
            None => {
                front.display(&table(&guess, &TableOptions::default()));
                session.set_last(Value::Frame(guess));
            }
        }
        Ok(())
    }
}

/// Sends the frame as CSV with a header, in requests of a bounded size.
fn ask(client: &Client, endpoint: &str, frame: &DataFrame, front: &dyn Front) -> Result<Vec<Prediction>, MagicError> {
    let flat = flat(frame);
    let rows = frame.height();
    let mut predictions = Vec::with_capacity(rows);
    let mut step = rows_a_request(&flat)?;
    let progress = (rows > step).then(|| Progress::start(front, &format!("asking {endpoint}")));
    while predictions.len() < rows {
        if front.interrupted() {
            return Err(MagicError::interrupted(format!(
                "stopped after {} of {rows} rows",
                predictions.len()
            )));
        }
        let part = flat.slice(predictions.len() as i64, step);
        let body = csv(&part)?;
        if body.len() > REQUEST_BYTES && part.height() > 1 {
            step = (step / 2).max(1);
            continue;
        }
        let answer = client.invoke(endpoint, "text/csv", "application/json", body.into())?;
        predictions.extend(read(&answer, part.height(), endpoint)?);
        if let Some(progress) = &progress {
            progress.set(
                Some(predictions.len() as f64 / rows as f64),
                &text::counted(predictions.len() as u64, "row"),
            );
        }
    }
    if let Some(progress) = progress {
        progress.finish(&text::counted(rows as u64, "row"));
    }
    Ok(predictions)
}

/// The columns that a line of CSV can hold.
fn flat(frame: &DataFrame) -> DataFrame {
    let nested: Vec<PlSmallStr> = frame
        .columns()
        .iter()
        .filter(|column| column.dtype().is_nested())
        .map(|column| column.name().clone())
        .collect();
    frame.drop_many(nested)
}

fn rows_a_request(frame: &DataFrame) -> Result<usize, MagicError> {
    let sample = frame.head(Some(100));
    let bytes = csv(&sample)?.len().max(1);
    Ok((REQUEST_BYTES / 2 * sample.height().max(1) / bytes).max(1))
}

fn csv(frame: &DataFrame) -> Result<Vec<u8>, MagicError> {
    let mut body = Vec::new();
    CsvWriter::new(&mut body)
        .include_header(true)
        .finish(&mut frame.clone())?;
    Ok(body)
}

#[derive(Deserialize)]
struct Answer {
    predictions: Vec<Prediction>,
}

fn read(answer: &[u8], expected: usize, endpoint: &str) -> Result<Vec<Prediction>, MagicError> {
    let service = |message: String| MagicError::new(ErrorKind::ServiceError, message);
    let answer: Answer = serde_json::from_slice(answer)
        .map_err(|error| service(format!("the answer of `{endpoint}` is not understood: {error}")))?;
    if answer.predictions.len() != expected {
        let count = answer.predictions.len();
        return Err(service(format!("`{endpoint}` answered {count} rows of {expected}")));
    }
    Ok(answer.predictions)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn answers_are_read_and_counted() {
        let body = br#"{"predictions": [{"score": 0.5, "predicted_label": 1}, {"score": 0.25, "predicted_label": 0}]}"#;
        let predictions = read(body, 2, "e").unwrap();
        assert_eq!(
            predictions[0],
            Prediction {
                score: 0.5,
                predicted_label: Some(1.0)
            }
        );
        assert_eq!(read(body, 3, "e").unwrap_err().message, "`e` answered 2 rows of 3");
        assert!(read(b"<html>", 1, "e").is_err());
    }

    #[test]
    fn requests_are_bounded_and_lists_stay_home() {
        let frame = df!("x" => (0..1000).collect::<Vec<i32>>()).unwrap();
        assert!(rows_a_request(&frame).unwrap() > 1000);
        let lists = frame
            .lazy()
            .group_by([lit(1).alias("one")])
            .agg([col("x")])
            .collect()
            .unwrap();
        assert_eq!(crate::text::columns_of(&flat(&lists)), ["one"]);
    }
}
