//! `%predict`: a model's answers for a frame, in this process.

use std::sync::Arc;
use std::time::Instant;

use clap::Args;
use ironsage_display::{Front, TableOptions, note, table, text};

use crate::error::MagicError;
use crate::frames;
use crate::guard;
use crate::learning::score;
use crate::magic::{Call, Form, Group, Magic, Out};
use crate::session::{Session, Value};

/// Add a model's score (and label, for a classifier) to a raw frame
#[derive(Args, Debug)]
pub(crate) struct Predict {
    /// The model
    model: String,
    /// A raw frame: the recipe is applied here
    frame: String,
    /// What the new columns' names begin with
    #[arg(long, value_name = "TEXT", default_value = "")]
    prefix: String,
    #[command(flatten)]
    out: Out,
}

impl Magic for Predict {
    const NAME: &'static str = "predict";
    const FORM: Form = Form::Line;
    const GROUP: Group = Group::Learning;
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        ("%predict age test -o guess", "`test` with a column `score`"),
        (
            "%predict old guess -o guess --prefix old_",
            "a second model's answers beside the first's",
        ),
    ];

    fn run(self, _call: &Call, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        let out = self.out.one()?;
        let started = Instant::now();
        let model = session.model(&self.model)?;
        let frame = frames::collect(&self.frame, session, front)?;
        for column in score::added(&model) {
            score::refuse_clash(&frame, &format!("{}{column}", self.prefix))?;
        }
        let predictions = {
            let (model, frame) = (Arc::clone(&model), frame.clone());
            guard::on_worker(front, "%predict", move || score::predict(&model, &frame))?
        };
        let guess = score::with_predictions(&frame, &predictions, &self.prefix)?;
        let recipe = if model.card.recipe.is_some() {
            ", recipe applied"
        } else {
            ""
        };
        let count = text::counted(predictions.len() as u64, "prediction");
        front.display(&note(format!("{count}, {}{recipe}", text::duration(started.elapsed()))));
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
