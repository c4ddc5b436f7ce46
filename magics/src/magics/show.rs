//! `%show`: some rows of a frame as a table.

use ironsage_display::{Front, TableOptions, note, table, text as words};

use crate::error::MagicError;
use crate::frames;
use crate::magic::{Call, Form, Group, Magic};
use crate::session::{Session, Value};
use crate::text;

/// Show rows of a frame, or what a name stands for
#[derive(clap::Args)]
pub(crate) struct Show {
    /// The frame; without a name, the last result
    #[arg(value_name = "FRAME", default_value = "_")]
    name: String,
    /// How many rows
    #[arg(short = 'n', long, value_name = "ROWS", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rows: Option<u32>,
    /// These columns only
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    columns: Vec<String>,
    /// Which page of `--rows` rows, from one
    #[arg(long, value_name = "PAGE", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    page: u32,
}

/// Rows of a page where `--rows` is not given.
const PAGE: u32 = 20;

impl Magic for Show {
    const NAME: &'static str = "show";
    const FORM: Form = Form::Line;
    const GROUP: Group = Group::Data;
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        (
            "%show guess --columns sex,length,rings,score --rows 5",
            "five rows of four columns",
        ),
        ("%show abalone --page 3", "rows 41 to 60"),
    ];

    fn run(self, _call: &Call, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        match session.value(&self.name) {
            Some(Value::Scalar(value)) => {
                front.display(&note(format!("{} = {value} ({})", self.name, value.rust_type())));
                return Ok(());
            }
            Some(Value::Recipe(recipe)) => {
                front.display(&note(format!("{}\n{}", self.name, recipe.source().trim_end())));
                return Ok(());
            }
            Some(Value::Model(model)) => {
                front.display(&note(format!("{}: {}", self.name, model.summary())));
                return Ok(());
            }
            _ => {}
        }
        let frame = frames::collect(&self.name, session, front)?;
        let chosen = if self.columns.is_empty() {
            frame.clone()
        } else {
            text::select(&frame, &self.name, &self.columns)?
        };
        let asked = self.rows.is_some() || self.page > 1;
        if !asked {
            front.display(&table(&chosen, &TableOptions::default()));
            front.display(&note(format!("{}: {}", self.name, text::shape(&chosen))));
            return Ok(());
        }
        let per_page = self.rows.unwrap_or(PAGE) as usize;
        let start = (self.page as usize - 1) * per_page;
        let height = frame.height();
        if start >= height && height > 0 {
            let pages = height.div_ceil(per_page);
            return Err(MagicError::usage(format!("{} has no page {}", self.name, self.page))
                .with_hint(format!("with {per_page} rows each there are {pages} pages")));
        }
        let rows = chosen.slice(start as i64, per_page);
        let options = TableOptions {
            rows: per_page,
            ..TableOptions::default()
        };
        front.display(&table(&rows, &options));
        let range = match rows.height() {
            0 => "no rows".to_owned(),
            count => format!(
                "rows {}–{}",
                words::count(start as u64 + 1),
                words::count((start + count) as u64)
            ),
        };
        let columns = match chosen.width() == frame.width() {
            true => words::counted(frame.width() as u64, "column"),
            false => format!("{} of {} columns", chosen.width(), frame.width()),
        };
        front.display(&note(format!(
            "{}: {range} of {} · {columns}",
            self.name,
            words::count(height as u64)
        )));
        Ok(())
    }
}
