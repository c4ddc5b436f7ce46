//! `%show`: some rows of a frame as a table. Of a plan, only these rows are read.

use ironsage_display::{Front, TableOptions, note, table, text as words};
use ironsage_exchange::ScanFormat;
use polars::prelude::IdxSize;

use crate::error::MagicError;
use crate::frames;
use crate::guard;
use crate::look;
use crate::magic::{Call, Form, Group, Magic};
use crate::plan::Plan;
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

/// A plan of so few rows is shown as a frame is; of a longer one, its first page. As many files are opened to count rows.
const FEW: usize = 100;

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
        if let Some(Value::Plan(plan)) = session.value(&self.name) {
            return self.show_plan(&plan, session, front);
        }
        let frame = frames::collect(&self.name, session, front)?;
        let chosen = if self.columns.is_empty() {
            frame.clone()
        } else {
            text::select(&frame, &self.name, &self.columns)?
        };
        let asked = self.rows.is_some() || self.page > 1;
        if !asked {
            front.display(&table(&chosen, &self.options(PAGE)));
            front.display(&note(format!("{}: {}", self.name, text::shape(&chosen))));
            return Ok(());
        }
        let (start, per_page) = self.page();
        let height = frame.height();
        if start >= height && height > 0 {
            let pages = height.div_ceil(per_page);
            return Err(MagicError::usage(format!("{} has no page {}", self.name, self.page))
                .with_hint(format!("with {per_page} rows each there are {pages} pages")));
        }
        let rows = chosen.slice(start as i64, per_page);
        front.display(&table(&rows, &self.options(per_page as u32)));
        let range = range(start, rows.height());
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

impl Show {
    /// The first row of the page, and how many it has.
    fn page(&self) -> (usize, usize) {
        let per_page = self.rows.unwrap_or(PAGE) as usize;
        ((self.page as usize - 1) * per_page, per_page)
    }

    /// Columns that are named are all wanted.
    fn options(&self, rows: u32) -> TableOptions {
        let default = TableOptions::default();
        TableOptions {
            rows: rows as usize,
            columns: default.columns.max(self.columns.len()),
            ..default
        }
    }

    /// Rows of a plan: no more is read than what is shown and what tells whether it is all.
    fn show_plan(&self, plan: &Plan, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        let look = look::open(&self.name, &self.columns, session, front)?;
        let asked = self.rows.is_some() || self.page > 1;
        let (start, per_page) = self.page();
        let most = if asked { per_page } else { FEW };
        let counted = counts_its_rows(plan);
        let what = format!("running the plan {}", self.name);
        let (rows, height) = guard::on_worker(front, &what, move || {
            let rows = frames::run(look.plan.clone().slice(start as i64, most as IdxSize + 1))?;
            let height = match rows.height() {
                0 if start > 0 => None,
                height if height <= most => Some(start + height),
                _ if counted => Some(look::height(&look.plan)?),
                _ => None,
            };
            Ok((rows, height))
        })?;
        if rows.height() == 0 && start > 0 {
            return Err(MagicError::usage(format!("{} has no page {}", self.name, self.page))
                .with_hint(format!("it has {} rows or fewer", words::count(start as u64))));
        }
        if !asked && rows.height() <= most {
            front.display(&table(&rows, &self.options(PAGE)));
            front.display(&note(format!("{}: {}", self.name, text::shape(&rows))));
            return Ok(());
        }
        let page = rows.slice(0, per_page);
        front.display(&table(&page, &self.options(per_page as u32)));
        let of = match height {
            Some(height) => format!("of {}", words::count(height as u64)),
            None => "of a plan that has not run".to_owned(),
        };
        let count = match height {
            Some(_) => String::new(),
            None => format!(" · `%sql SELECT count(*) FROM {}` counts them", self.name),
        };
        front.display(&note(format!(
            "{}: {} {of} · {}{count}",
            self.name,
            range(start, page.height()),
            words::counted(page.width() as u64, "column"),
        )));
        Ok(())
    }
}

/// Whether all that a plan reads has its number of rows written down.
fn counts_its_rows(plan: &Plan) -> bool {
    plan.scan().is_some_and(|scan| {
        scan.condition.is_none()
            && scan.files.len() <= FEW
            && matches!(scan.format, ScanFormat::Parquet | ScanFormat::Ipc)
    })
}

fn range(start: usize, count: usize) -> String {
    match count {
        0 => "no rows".to_owned(),
        count => format!(
            "rows {}–{}",
            words::count(start as u64 + 1),
            words::count((start + count) as u64)
        ),
    }
}
