//! `%%prep`: defines a recipe, one step a line. It is fitted by `%train`, on the training rows alone.

use std::sync::Arc;

use clap::Args;
use ironsage_display::{Front, TableOptions, note, table, text};
use ironsage_prep::Recipe;
use polars::prelude::*;

use crate::complete::{self, Completion};
use crate::error::MagicError;
use crate::language::name::Name;
use crate::magic::{Call, Form, Group, Magic};
use crate::session::{Session, Value};

/// Define a recipe: how raw columns become features, the same here and at the endpoint
///
/// One step a line: `fill`, `one_hot`, `standardize`, `clip`, `log`, `select`, `drop`, each with the columns it
/// works on: names, globs, `@numeric @string @boolean @date @all`, and `-name` to take one away.
#[derive(Args, Debug)]
pub(crate) struct Prep {
    /// The recipe's name, for `%train … --prep NAME`
    name: Name,
    /// Show three rows of this frame before and after; without it, of the latest frame that fits
    #[arg(long, value_name = "FRAME")]
    preview: Option<String>,
}

impl Magic for Prep {
    const NAME: &'static str = "prep";
    const FORM: Form = Form::Cell;
    const GROUP: Group = Group::Learning;
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        (
            "%%prep shells\nfill     @numeric  median\none_hot  sex",
            "fill gaps with medians, and make numbers of a text column",
        ),
        (
            "%%prep trips --preview train\nclip         fare 1% 99%\nstandardize  @numeric -fare",
            "look at it on a frame",
        ),
    ];

    fn complete_body(first_line: &str, body: &str, cursor: usize, session: &Session) -> (usize, Vec<Completion>) {
        complete::steps(first_line, body, cursor, session)
    }

    fn run(self, call: &Call, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        let recipe = Recipe::parse(self.name.as_str(), call.body.as_deref().unwrap_or_default())?;
        let steps = text::counted(recipe.steps().len() as u64, "step");
        let preview = match &self.preview {
            Some(name) => Some((name.clone(), after(&recipe, &session.frame(name)?)?)),
            None => latest_fitting(&recipe, session),
        };
        front.display(&note(format!(
            "{}: {steps}, fitted by %train on its training rows",
            self.name
        )));
        if let Some((name, (before, after))) = preview {
            let options = |caption: String| TableOptions {
                rows: 3,
                caption: Some(caption),
                ..TableOptions::default()
            };
            front.display(&table(&before, &options(format!("{name}, before"))));
            front.display(&table(&after, &options(format!("{name}, after"))));
        }
        session.bind(self.name.as_str(), Value::Recipe(Arc::new(recipe)));
        Ok(())
    }
}

/// The first rows of a frame before and after the recipe, fitted on that frame for the look of it.
fn after(recipe: &Recipe, frame: &DataFrame) -> Result<(DataFrame, DataFrame), MagicError> {
    let fitted = recipe.fit(frame, &[])?;
    let head = frame.head(Some(3));
    let prepared = fitted.apply(&head)?;
    Ok((head, prepared))
}

fn latest_fitting(recipe: &Recipe, session: &Session) -> Option<(String, (DataFrame, DataFrame))> {
    let mut bindings = session.bindings();
    bindings.sort_by_key(|(_, binding)| std::cmp::Reverse(binding.version));
    bindings.into_iter().find_map(|(name, binding)| match binding.value {
        Value::Frame(frame) => Some((name, after(recipe, &frame).ok()?)),
        _ => None,
    })
}
