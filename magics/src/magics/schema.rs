//! `%schema`: the columns and types of a frame or a plan, without running anything.

use ironsage_display::{Front, TableOptions, note, table, text as words};
use polars::prelude::*;

use crate::error::MagicError;
use crate::guard;
use crate::magic::{Call, Form, Group, Magic, Out};
use crate::session::Session;

/// The columns of a frame or a plan with their types
#[derive(clap::Args)]
pub(crate) struct Schema {
    /// The frame; without a name, the last result
    #[arg(value_name = "FRAME", default_value = "_")]
    frame: String,
    #[command(flatten)]
    out: Out,
}

impl Magic for Schema {
    const NAME: &'static str = "schema";
    const FORM: Form = Form::Line;
    const GROUP: Group = Group::Data;
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        ("%schema abalone", "its columns and their types"),
        ("%schema abalone -o columns", "the same as a frame, for a query"),
    ];

    fn run(self, _call: &Call, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        let name = self.out.one()?.cloned();
        let (frame, known) = (self.frame.clone(), session.clone());
        let schema = guard::on_worker(front, "%schema", move || known.schema(&frame))?;
        let names: Vec<&str> = schema.iter_names().map(|name| name.as_str()).collect();
        let types: Vec<String> = schema.iter_values().map(|dtype| dtype.to_string()).collect();
        let facts = df!("column" => names, "type" => types)?;
        front.display(&table(
            &facts,
            &TableOptions {
                rows: facts.height().max(1),
                ..TableOptions::default()
            },
        ));
        front.display(&note(format!(
            "{}: {}",
            self.frame,
            words::counted(schema.len() as u64, "column")
        )));
        session.keep(name.as_ref(), facts);
        Ok(())
    }
}
