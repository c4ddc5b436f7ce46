//! `%%prep`: defines a recipe, one step a line. It is fitted by `%train`, on the training rows alone. `%prep` shows a
//! recipe, or what a model's recipe learned.

use std::sync::Arc;

use clap::Args;
use ironsage_display::{Front, TableOptions, note, table, text};
use ironsage_prep::{FittedRecipe, Recipe};
use polars::prelude::*;

use crate::complete::{self, Completion};
use crate::error::MagicError;
use crate::frames;
use crate::guard;
use crate::language::name::Name;
use crate::magic::{Call, Form, Group, Magic, Out};
use crate::session::{Session, Value};

/// Define a recipe: how raw columns become features, the same here and at the endpoint
///
/// One step a line, each with the columns it works on. `%prep NAME` shows a recipe, and of a model what its recipe
/// learned from the training rows.
#[derive(Args, Debug)]
#[command(after_help = ironsage_prep::grammar())]
pub(crate) struct Prep {
    /// The recipe's name, for `%train … --prep NAME`; to `%prep`, a recipe or a model
    name: Name,
    /// Show three rows of this frame before and after; without it, of the latest frame that fits
    #[arg(long, value_name = "FRAME")]
    preview: Option<String>,
    /// With `%prep MODEL`: prepare this frame as the model's recipe does, and bind it with `-o`
    #[arg(long, value_name = "FRAME", conflicts_with = "preview")]
    apply: Option<String>,
    #[command(flatten)]
    out: Out,
}

impl Magic for Prep {
    const NAME: &'static str = "prep";
    const FORM: Form = Form::LineOrCell;
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
        (
            "%%prep dated\nwith        speed = distance / minutes\ndate_parts  started month weekday hour\ndrop        minutes",
            "new columns from those of the same row",
        ),
        ("%prep age", "what the recipe of the model `age` learned"),
        ("%prep age --apply test -o seen", "`test` as the model sees it"),
    ];

    fn complete_body(first_line: &str, body: &str, cursor: usize, session: &Session) -> (usize, Vec<Completion>) {
        complete::steps(first_line, body, cursor, session)
    }

    fn run(self, call: &Call, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        let Some(body) = call.body.as_deref() else {
            return self.show(session, front);
        };
        if self.apply.is_some() || !self.out.names.is_empty() {
            return Err(
                MagicError::usage("a recipe is defined here; --apply and -o go with the recipe of a model")
                    .with_hint("`%prep MODEL --apply FRAME -o name`"),
            );
        }
        let recipe = Recipe::parse(self.name.as_str(), body)?;
        let steps = text::counted(recipe.steps().len() as u64, "step");
        let preview = match &self.preview {
            Some(name) => {
                let frame = frames::collect(name, session, front)?;
                let recipe = recipe.clone();
                let shown = guard::on_worker(front, "%%prep", move || after(&recipe, &frame))?;
                Some((name.clone(), shown))
            }
            None => {
                let (recipe, session) = (recipe.clone(), session.clone());
                guard::on_worker(front, "%%prep", move || Ok(latest_fitting(&recipe, &session)))?
            }
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

impl Prep {
    /// A recipe as it was written, or what a model's recipe learned.
    fn show(self, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        let name = self.name.as_str();
        let out = self.out.one()?;
        let Some(Value::Model(model)) = session.value(name) else {
            if self.apply.is_some() || out.is_some() {
                return Err(
                    MagicError::usage(format!("{name} is no model, and a recipe is fitted by %train")).with_hint(
                        format!("`%train … --prep {name} -o model`, then `%prep model --apply FRAME -o name`"),
                    ),
                );
            }
            let recipe = session.recipe(name)?;
            front.display(&note(format!("{name}\n{}", recipe.source().trim_end())));
            return Ok(());
        };
        let Some(saved) = &model.card.recipe else {
            front.display(&note(format!("{name} has no recipe: it takes its columns as they are")));
            return Ok(());
        };
        let fitted = FittedRecipe::from_json(saved)?;
        if let Some(frame_name) = &self.apply {
            let frame = frames::collect(frame_name, session, front)?;
            let prepared = guard::on_worker(front, "%prep", move || Ok(fitted.apply(&frame)?))?;
            let shape = crate::text::shape(&prepared);
            front.display(&table(&prepared, &TableOptions::default()));
            match out {
                Some(out) => {
                    front.display(&note(format!("{out}: {frame_name} as {name} sees it, {shape}")));
                    session.bind_frame(out.as_str(), prepared);
                }
                None => {
                    front.display(&note(format!("{frame_name} as {name} sees it: {shape}")));
                    session.set_last(Value::Frame(prepared));
                }
            }
            return Ok(());
        }
        let learned = fitted.learned()?;
        let options = TableOptions {
            rows: learned.height(),
            caption: Some(format!("what {} learned for {name}", fitted.name())),
            ..TableOptions::default()
        };
        front.display(&table(&learned, &options));
        let inputs = text::counted(fitted.inputs().len() as u64, "column");
        let outputs = text::counted(fitted.outputs().len() as u64, "feature");
        front.display(&note(format!(
            "{name}: recipe {}, {inputs} in, {outputs} out: {}",
            fitted.name(),
            text::cut(&fitted.outputs().join(", "), 200)
        )));
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
