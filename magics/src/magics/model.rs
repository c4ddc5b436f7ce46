//! `%model`: the models that were saved, best first.

use std::cmp::Ordering;
use std::sync::Arc;

use clap::{Args, Subcommand};
use ironsage_display::{Front, TableOptions, note, table};
use polars::prelude::*;

use crate::error::MagicError;
use crate::language::name::Name;
use crate::learning::report::Headline;
use crate::magic::{Call, Form, Group, Magic};
use crate::model_store::{self, SavedModel};
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
        #[arg(value_name = "SAVED")]
        name: Name,
    },
    /// Remove a saved model
    Rm {
        /// The model
        #[arg(value_name = "SAVED")]
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
    let open = |name: String| {
        let model = model_store::open(session.home(), &name);
        (name, model)
    };
    let mut models: Vec<(String, Result<SavedModel, MagicError>)> =
        model_store::names(session.home()).into_iter().map(open).collect();
    models.sort_by(|(_, one), (_, other)| compare(one, other));
    if models.is_empty() {
        front.display(&note("no model is saved: %train saves each as it binds it"));
        return Ok(());
    }
    let opened = || models.iter().map(|(_, model)| model.as_ref().ok());
    let column = |of: fn(&SavedModel) -> String| opened().map(|model| model.map(of)).collect::<Vec<_>>();
    let task = |model: Option<&SavedModel>| model.map_or_else(|| "damaged".to_owned(), |model| model.card.task.clone());
    let frame = df!(
        "model" => models.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
        "task" => opened().map(task).collect::<Vec<_>>(),
        "label" => column(|model| model.card.label.clone()),
        "score" => column(|model| headline(model).map(|headline| headline.to_string()).unwrap_or_default()),
        "trained on" => column(|model| model.record.trained_on.clone()),
        "rows" => opened().map(|model| model.map(|model| model.record.rows as u64)).collect::<Vec<_>>(),
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
    for (name, model) in &models {
        if let Err(error) = model {
            front.display(&note(format!(
                "{name} is damaged ({}): `%model rm {name}` takes it away",
                error.message
            )));
        }
    }
    Ok(())
}

fn headline(model: &SavedModel) -> Option<Headline> {
    Headline::of(&model.record.metrics)
}

/// By task and label, the best first; what is damaged comes last.
fn compare(one: &Result<SavedModel, MagicError>, other: &Result<SavedModel, MagicError>) -> Ordering {
    let (Ok(one), Ok(other)) = (one, other) else {
        return one.is_err().cmp(&other.is_err());
    };
    let about = |model: &SavedModel| (model.card.task.clone(), model.card.label.clone());
    about(one)
        .cmp(&about(other))
        .then_with(|| match (headline(one), headline(other)) {
            (Some(one), Some(other)) => one.compare(&other),
            (one, other) => other.is_some().cmp(&one.is_some()),
        })
}

/// `2026-11-23 08:06`, of a time as the record holds it.
fn day(created: &str) -> String {
    created.chars().take(16).collect::<String>().replace('T', " ")
}
