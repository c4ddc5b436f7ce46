//! `%param`: typed values that magics (`{{trials}}`) and Rust cells (`trials`) both see.

use ironsage_display::{Front, TableOptions, note, table};
use polars::prelude::*;

use crate::error::MagicError;
use crate::language::name::Name;
use crate::language::scalar::Scalar;
use crate::magic::{Call, Form, Group, Magic, Tail};
use crate::session::{Session, Value};

/// Declare typed values for magics ({{name}}) and Rust cells (name)
#[derive(clap::Args)]
pub(crate) struct Param {
    /// Keep the values as text, whatever they look like
    #[arg(long)]
    text: bool,
}

impl Magic for Param {
    const NAME: &'static str = "param";
    const FORM: Form = Form::Line;
    const GROUP: Group = Group::Notebook;
    const TAIL: Tail = Tail::Parameters;
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        (
            "%param trials=20 wd=1e-4",
            "a whole number and a float; `{{trials}}` in magics, `trials` in Rust",
        ),
        ("%param", "all values"),
    ];

    fn run(self, call: &Call, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        if call.parameters.is_empty() {
            return list(session, front);
        }
        let mut values = Vec::new();
        for (name, value) in &call.parameters {
            let name: Name = name
                .parse()
                .map_err(|error| MagicError::usage(format!("%param: {error}")))?;
            let value = if self.text {
                Scalar::Text(value.clone())
            } else {
                Scalar::parse(value)
            };
            values.push((name, value));
        }
        let told: Vec<String> = values
            .iter()
            .map(|(name, value)| format!("{name} = {value} ({})", value.rust_type()))
            .collect();
        for (name, value) in values {
            session.bind(name.as_str(), Value::Scalar(value));
        }
        front.display(&note(told.join(" · ")));
        Ok(())
    }
}

fn list(session: &Session, front: &dyn Front) -> Result<(), MagicError> {
    let mut names = Vec::new();
    let mut types = Vec::new();
    let mut values = Vec::new();
    for (name, binding) in session.bindings() {
        if let Value::Scalar(value) = binding.value {
            names.push(name);
            types.push(value.rust_type());
            values.push(value.to_string());
        }
    }
    if names.is_empty() {
        front.display(&note("no values yet: `%param trials=20` declares one"));
        return Ok(());
    }
    let frame = df!("name" => names, "type" => types, "value" => values)?;
    front.display(&table(&frame, &TableOptions::default()));
    Ok(())
}
