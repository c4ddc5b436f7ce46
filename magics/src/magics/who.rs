//! `%who`: one list of everything that has a name, what it is and where it lives.

use std::sync::mpsc;
use std::time::Duration;

use ironsage_display::{Front, TableOptions, note, table, text as words};
use polars::prelude::*;

use crate::error::MagicError;
use crate::magic::{Call, Form, Group, Magic, Out};
use crate::session::{Session, Value};
use crate::text;

/// How long the list waits for endpoints.
const PATIENCE: Duration = Duration::from_millis(400);

/// All names: frames, recipes, models, values, Rust's variables, endpoints
#[derive(clap::Args)]
pub(crate) struct Who {
    #[command(flatten)]
    out: Out,
}

impl Magic for Who {
    const NAME: &'static str = "who";
    const FORM: Form = Form::Line;
    const GROUP: Group = Group::Notebook;
    const EXAMPLES: &'static [(&'static str, &'static str)] =
        &[("%who", "what there is"), ("%who -o names", "the same as a frame")];

    fn run(self, _call: &Call, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        let name = self.out.one()?.cloned();
        let mut rows: Vec<[String; 4]> = Vec::new();
        for (name, binding) in session.bindings() {
            let (what, place) = described(&binding.value);
            rows.push([name, binding.value.kind().to_owned(), what, place]);
        }
        rows.extend(of_rust(session, &rows));
        rows.extend(endpoints(session));
        if rows.is_empty() {
            front.display(&note("nothing yet: `%load data.csv -o name` makes a frame"));
        }
        let column = |at: usize| rows.iter().map(|row| row[at].as_str()).collect::<Vec<_>>();
        let frame = df!("name" => column(0), "kind" => column(1), "what" => column(2), "where" => column(3))?;
        if !rows.is_empty() {
            front.display(&table(
                &frame,
                &TableOptions {
                    rows: rows.len(),
                    ..TableOptions::default()
                },
            ));
            front.display(&note(counts(&rows)));
        }
        if let Some(name) = name {
            session.bind_frame(name.as_str(), frame);
        }
        Ok(())
    }
}

fn described(value: &Value) -> (String, String) {
    let here = "this session".to_owned();
    match value {
        Value::Frame(frame) => {
            let size = words::bytes(frame.estimated_size() as u64);
            (format!("{}, {size}", text::shape(frame)), here)
        }
        Value::Plan(plan) => {
            let columns = words::counted(plan.schema().len() as u64, "column");
            let files = plan.scan().map(|scan| words::counted(scan.files.len() as u64, "file"));
            (
                files.map_or(columns.clone(), |files| format!("{columns} over {files}")),
                here,
            )
        }
        Value::Query(query) => {
            let columns = words::counted(query.schema().len() as u64, "column");
            (format!("{columns} from {}", query.tables().join(", ")), here)
        }
        Value::Recipe(recipe) => (words::counted(recipe.steps().len() as u64, "step"), here),
        Value::Model(model) => (model.summary(), "saved".to_owned()),
        Value::Scalar(value) => (
            format!("{} ({})", words::cut(&value.to_string(), 40), value.rust_type()),
            here,
        ),
    }
}

/// Rust's variables that no binding of ours stands for.
fn of_rust(session: &Session, rows: &[[String; 4]]) -> Vec<[String; 4]> {
    let Some(rust) = session.rust() else {
        return Vec::new();
    };
    let ours = |name: &str| rows.iter().any(|row| row[0] == name);
    let variables = rust.names().into_iter().filter(|(name, _)| !ours(name));
    variables
        .map(|(name, kind)| {
            [
                name,
                "Rust".to_owned(),
                words::cut(&short_type(&kind), 60),
                "Rust cells".to_owned(),
            ]
        })
        .collect()
}

/// A type without the paths in it: `polars::prelude::DataFrame` is a `DataFrame`.
fn short_type(rust_type: &str) -> String {
    let mut short = String::new();
    for part in rust_type.split_inclusive(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | ':')) {
        short.push_str(part.rsplit("::").next().unwrap_or(part));
    }
    short
}

/// Endpoints of the local service, if this session has used it: asked on a thread, so that a service that hangs
/// cannot hold the list up.
fn endpoints(session: &Session) -> Vec<[String; 4]> {
    let Some(client) = session.places().local_if_used() else {
        return Vec::new();
    };
    let (sender, receiver) = mpsc::sync_channel(1);
    let asked = std::thread::Builder::new()
        .name("ironsage-who".to_owned())
        .spawn(move || {
            let _ = sender.send(client.endpoints());
        });
    let answer = asked.ok().and_then(|_| receiver.recv_timeout(PATIENCE).ok());
    let endpoints = answer.and_then(Result::ok).unwrap_or_default();
    let row = |name: String, status: &str| {
        [
            name,
            "endpoint".to_owned(),
            status.to_owned(),
            "local service".to_owned(),
        ]
    };
    endpoints
        .into_iter()
        .map(|endpoint| row(endpoint.name, endpoint.status.as_str()))
        .collect()
}

/// `3 frames · 1 recipe · 2 endpoints`.
fn counts(rows: &[[String; 4]]) -> String {
    let kinds = ["frame", "plan", "query", "recipe", "model", "value", "endpoint"];
    let mut told: Vec<String> = kinds
        .iter()
        .filter_map(|kind| match rows.iter().filter(|row| row[1] == *kind).count() {
            0 => None,
            count if count > 1 && *kind == "query" => Some(format!("{} queries", words::count(count as u64))),
            count => Some(words::counted(count as u64, kind)),
        })
        .collect();
    let variables = rows.iter().filter(|row| row[1] == "Rust").count();
    if variables > 0 {
        told.push(format!("{} of Rust", words::counted(variables as u64, "variable")));
    }
    told.join(" · ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_told_without_its_paths() {
        for (rust_type, short) in [
            ("polars::prelude::DataFrame", "DataFrame"),
            (
                "ndarray::ArrayBase<ndarray::OwnedRepr<f32>, ndarray::Dim<[usize; 2]>>",
                "ArrayBase<OwnedRepr<f32>, Dim<[usize; 2]>>",
            ),
            ("(i32, &'static str)", "(i32, &'static str)"),
        ] {
            assert_eq!(short_type(rust_type), short);
        }
    }
}
