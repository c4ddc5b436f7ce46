//! `%describe`: count, nulls, mean, spread and quantiles of each column; of text, how many values and the commonest.

use ironsage_display::{Front, TableOptions, describe, note, table};

use crate::error::MagicError;
use crate::guard;
use crate::look;
use crate::magic::{Call, Form, Group, Magic, Out};
use crate::session::Session;
use crate::text;

/// Count, nulls, mean, spread and quantiles of each column; of text the commonest value
#[derive(clap::Args)]
pub(crate) struct Describe {
    /// The frame; without a name, the last result
    #[arg(value_name = "FRAME", default_value = "_")]
    frame: String,
    /// These columns only
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    columns: Vec<String>,
    #[command(flatten)]
    out: Out,
}

impl Magic for Describe {
    const NAME: &'static str = "describe";
    const FORM: Form = Form::Line;
    const GROUP: Group = Group::Data;
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        ("%describe abalone", "all columns"),
        (
            "%describe abalone --columns height,rings -o facts",
            "two columns, as the frame `facts`",
        ),
    ];

    fn run(self, _call: &Call, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        let name = self.out.one()?.cloned();
        let look = look::open(&self.frame, &self.columns, session, front)?;
        let (facts, shape) = guard::on_worker(front, "%describe", move || {
            let frame = look.collect()?;
            Ok((describe(&frame)?, text::shape(&frame)))
        })?;
        front.display(&table(&facts, &TableOptions::default()));
        front.display(&note(format!("{}: {shape}", self.frame)));
        session.keep(name.as_ref(), facts);
        Ok(())
    }
}
