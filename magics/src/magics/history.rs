//! `%history`: what was typed in this session, and in earlier ones. What sets a secret is not shown.

use ironsage_display::{Bundle, Front, note, text as words};
use polars::prelude::*;
use regex::Regex;

use crate::error::MagicError;
use crate::guard;
use crate::magic::{Call, Form, Group, Magic, Out};
use crate::magics::environment::sets_a_secret;
use crate::session::{PastCell, Session};

/// As much as one output should hold, in bytes.
const MOST: usize = 64 * 1024;

/// What was typed: in this session, or in earlier ones, too
#[derive(clap::Args)]
pub(crate) struct History {
    /// The last N cells only
    #[arg(short = 'n', long = "number", value_name = "N")]
    number: Option<usize>,
    /// Cells with this text in them; `*` stands for anything, `?` for one character. All sessions, unless `-l` is given
    #[arg(short = 'g', long = "grep", value_name = "PATTERN")]
    pattern: Option<String>,
    /// The last sessions before this one, too
    #[arg(short = 'l', long = "last", value_name = "SESSIONS")]
    sessions: Option<u32>,
    #[command(flatten)]
    out: Out,
}

impl Magic for History {
    const NAME: &'static str = "history";
    const FORM: Form = Form::Line;
    const GROUP: Group = Group::Notebook;
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        ("%history -n 5", "the last five cells"),
        ("%history -g \"%load*flights\"", "where flights were loaded, ever"),
        (
            "%history -l 2 -o typed",
            "this session and the two before it, as a frame, too",
        ),
    ];

    fn run(self, _call: &Call, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        let name = self.out.one()?.cloned();
        let past = session.past().ok_or_else(|| {
            MagicError::usage("there is no history here").with_hint("a kernel keeps one: run this in a notebook")
        })?;
        let earlier = match (&self.pattern, self.sessions) {
            (Some(_), None) => None,
            (_, sessions) => Some(sessions.unwrap_or(0)),
        };
        let mut cells = guard::on_worker(front, "the look into the history", move || Ok(past.cells(earlier)))?;
        if let Some(pattern) = &self.pattern {
            let pattern = glob(pattern)?;
            cells.retain(|cell| pattern.is_match(&cell.input));
        }
        let from = cells.len().saturating_sub(self.number.unwrap_or(cells.len()));
        let mut cells = cells.split_off(from);
        cells
            .iter_mut()
            .for_each(|cell| cell.input = without_secrets(&cell.input));
        show(&cells, front);
        if let Some(name) = name {
            session.bind_frame(name.as_str(), frame(&cells)?);
        }
        Ok(())
    }
}

/// Shows the latest of them that fit in one output.
fn show(cells: &[PastCell], front: &dyn Front) {
    let mut size = 0;
    let fits = |text: &String| {
        size += text.len() + 1;
        size <= MOST
    };
    let mut texts: Vec<String> = cells.iter().rev().map(told).take_while(fits).collect();
    texts.reverse();
    let shown = texts.len();
    if shown > 0 {
        front.display(&Bundle::text(texts.join("\n")));
    }
    let counted = words::counted(cells.len() as u64, "cell");
    front.display(&note(match cells.len() - shown {
        0 => counted,
        _ => format!(
            "{counted}, the last {} shown; `-o name` keeps all",
            words::count(shown as u64)
        ),
    }));
}

/// `3: let a = 1;`, the session before it where it is an earlier one, later lines under the first.
fn told(cell: &PastCell) -> String {
    let number = match cell.session {
        Some(session) => format!("{session}/{}: ", cell.line),
        None => format!("{}: ", cell.line),
    };
    let indent = format!("\n{}", " ".repeat(number.len()));
    number + &cell.input.trim_end().replace('\n', &indent)
}

/// The text without the lines that give something secret a value.
fn without_secrets(input: &str) -> String {
    let lines = input.split('\n');
    let shown = lines.map(|line| match sets_a_secret(line) {
        true => "… (sets a secret, not shown)",
        false => line,
    });
    shown.collect::<Vec<_>>().join("\n")
}

fn glob(pattern: &str) -> Result<Regex, MagicError> {
    let escaped = regex::escape(pattern).replace(r"\*", ".*").replace(r"\?", ".");
    Regex::new(&format!("(?is){escaped}"))
        .map_err(|_| MagicError::usage("the pattern after -g is too long").with_hint("name a part of the cell"))
}

fn frame(cells: &[PastCell]) -> PolarsResult<DataFrame> {
    let sessions: Vec<Option<i64>> = cells.iter().map(|cell| cell.session).collect();
    let lines: Vec<i64> = cells.iter().map(|cell| cell.line as i64).collect();
    let inputs: Vec<&str> = cells.iter().map(|cell| cell.input.as_str()).collect();
    df!("session" => sessions, "line" => lines, "input" => inputs)
}
