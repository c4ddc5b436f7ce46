//! `%model`: the models that were saved, best first.

use std::sync::Arc;

use clap::{Args, Subcommand};
use ironsage_display::{Front, TableOptions, note, table};
use polars::prelude::*;

use crate::error::MagicError;
use crate::language::name::Name;
use crate::learning::report::headline;
use crate::magic::{Call, Form, Group, Magic};
use crate::model_store;
use crate::session::{Session, Value};

/// List, open or remove saved models
#[derive(Args, Debug)]
pub(crate) struct Model {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// List all saved models
    Ls,
    /// Bind a saved model again
    Open {
        /// The model
        name: Name,
    },
    /// Remove a saved model
    Rm {
        /// The model
        name: Name,
    },
}

impl Magic for Model {
    const NAME: &'static str = "model";
    const FORM: Form = Form::Line;
    const GROUP: Group = Group::Learning;
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        ("%model ls", "what was trained, on what, and how well it does"),
        ("%model open age", "after a restart, `age` is a model again"),
    ];

    fn run(self, _call: &Call, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        match self.command {
            Command::Ls => list(session, front),
            Command::Open { name } => {
                let model = model_store::open(session.home(), name.as_str())?;
                front.display(&note(format!(
                    "{name}: {}, trained {}",
                    model.summary(),
                    day(&model.record.created)
                )));
                session.bind(name.as_str(), Value::Model(Arc::new(model)));
                Ok(())
            }
            Command::Rm { name } => {
                let removed = model_store::remove(session.home(), name.as_str())?;
                if matches!(session.value(name.as_str()), Some(Value::Model(_))) {
                    session.unbind(name.as_str());
                }
                front.display(&note(match removed {
                    true => format!("{name} removed"),
                    false => format!("no model {name} is saved: nothing to remove"),
                }));
                Ok(())
            }
        }
    }
}

fn list(session: &Session, front: &dyn Front) -> Result<(), MagicError> {
    let mut models = Vec::new();
    for name in model_store::names(session.home()) {
        models.push(model_store::open(session.home(), &name)?);
    }
    if models.is_empty() {
        front.display(&note("no model is saved: %train saves each as it binds it"));
        return Ok(());
    }
    let column = |of: fn(&model_store::SavedModel) -> String| models.iter().map(of).collect::<Vec<_>>();
    let frame = df!(
        "model" => column(|model| model.name.clone()),
        "task" => column(|model| model.card.task.clone()),
        "label" => column(|model| model.card.label.clone()),
        "score" => column(|model| headline(&model.record.metrics).unwrap_or_default()),
        "trained on" => column(|model| model.record.trained_on.clone()),
        "rows" => models.iter().map(|model| model.record.rows as u64).collect::<Vec<_>>(),
        "data" => column(|model| model.record.data.clone()),
        "recipe" => column(|model| model.record.recipe.clone().unwrap_or_default()),
        "trained" => column(|model| day(&model.record.created)),
    )?;
    front.display(&table(
        &frame,
        &TableOptions {
            rows: 100,
            ..TableOptions::default()
        },
    ));
    session.set_last(Value::Frame(frame));
    Ok(())
}

/// `2026-11-23 08:06`, of a time as the record holds it.
fn day(created: &str) -> String {
    created.chars().take(16).collect::<String>().replace('T', " ")
}
