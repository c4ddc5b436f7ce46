//! `%evaluate`: how well a model does on a frame, beside what guessing would get.

use std::sync::Arc;

use clap::Args;
use ironsage_display::{Front, TableOptions, note, table};
use polars::prelude::*;

use crate::error::MagicError;
use crate::frames;
use crate::guard;
use crate::learning::score;
use crate::magic::{Call, Form, Group, Magic, Out};
use crate::session::{Session, Value};

/// Measure a model on a frame, beside a trivial baseline
#[derive(Args, Debug)]
pub(crate) struct Evaluate {
    /// The model
    model: String,
    /// A raw frame with the label: the recipe is applied here
    frame: String,
    #[command(flatten)]
    out: Out,
}

impl Magic for Evaluate {
    const NAME: &'static str = "evaluate";
    const FORM: Form = Form::Line;
    const GROUP: Group = Group::Learning;
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        ("%evaluate age test", "errors on rows that the model has not seen"),
        ("%evaluate old test -o scores", "the measures as a frame"),
    ];

    fn run(self, _call: &Call, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        let out = self.out.one()?;
        let model = session.model(&self.model)?;
        let frame = frames::collect(&self.frame, session, front)?;
        let height = frame.height();
        let scored = {
            let (model, name) = (Arc::clone(&model), self.frame.clone());
            guard::on_worker(front, "%evaluate", move || score::score(&model, &frame, &name))?
        };
        let task = score::task_of(&model);
        let scores = score::measures(&task, &scored, model.threshold(), model.record.prior);
        // A model may be called as one of the two columns beside its own.
        let column = match self.model.as_str() {
            "measure" | "guessing" => "model",
            name => name,
        };
        let measures = df!(
            "measure" => scores.iter().map(|score| score.measure).collect::<Vec<_>>(),
            column => scores.iter().map(|score| score.value).collect::<Vec<_>>(),
            "guessing" => scores.iter().map(|score| score.baseline).collect::<Vec<_>>(),
        )?;
        let sentence = score::sentence(&task, &scores);
        front.display(&note(format!(
            "{} on {} ({height} rows): {sentence}",
            self.model, self.frame
        )));
        front.display(&table(&measures, &TableOptions::default()));
        match out {
            Some(name) => session.bind_frame(name.as_str(), measures),
            None => session.set_last(Value::Frame(measures)),
        }
        Ok(())
    }
}
