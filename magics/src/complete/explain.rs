//! What stands at the cursor in a magic: for the tooltip and the side panel, and for `?name`. A name of the session is told
//! with what it holds, an option with its help, a hyperparameter with its range and default, a function of SQL and a step
//! of a recipe in a line; anything else is the page of the magic.

use clap::Command;
use ironsage_display::{Bundle, text as words};
use ironsage_prep::STEPS;

use super::line::{self, Place};
use super::{columns_of, name_after_percent, values};
use crate::magic::Entry;
use crate::magics::{help, sql};
use crate::registry;
use crate::session::{Session, Value};

/// More columns than this nobody reads in a tooltip.
const MOST: usize = 60;

/// What is known of the thing at `cursor`, a byte offset of the code; nothing where the cursor is in no magic.
pub fn inspect(code: &str, cursor: usize, session: &Session) -> Option<Bundle> {
    let mut cursor = cursor.min(code.len());
    while !code.is_char_boundary(cursor) {
        cursor -= 1;
    }
    let word = word_at(code, cursor);
    let found = |text: Option<String>, entry: &Entry| text.map(Bundle::text).unwrap_or_else(|| help::page(entry));
    match line::place(code, cursor)? {
        Place::Name { start, .. } => {
            let line = code[start..].lines().next().unwrap_or_default();
            Some(help::page(registry::find(name_after_percent(line)).ok()?))
        }
        Place::Arguments { name, start, text } => {
            let entry = registry::find(&name).ok()?;
            let (before, _) = values::words_before(&text);
            let line = code[start..].lines().next().unwrap_or_default();
            let text = of_line(entry, word, &before, session).or_else(|| of_query(entry, line, word, session));
            Some(found(text, entry))
        }
        Place::Body {
            name, first_line, body, ..
        } => {
            let entry = registry::find(&name).ok()?;
            let (before, _) = values::words_before(&format!("{first_line} "));
            let text = match entry.name {
                "prep" => step(word),
                _ => hyperparameter(word, &before),
            };
            let text = text.or_else(|| of_query(entry, &body, word, session));
            Some(found(text.or_else(|| of_name(word, session)), entry))
        }
    }
}

/// What a name of the session holds.
pub(crate) fn of_name(name: &str, session: &Session) -> Option<String> {
    let Some(value) = session.value(name) else {
        let rust_type = session.rust_type(name)?;
        return Some(format!("{name}: a Rust variable of type {rust_type}"));
    };
    let about = match &value {
        Value::Frame(frame) => {
            let size = words::bytes(frame.estimated_size() as u64);
            format!("a frame of {}, {size}", crate::text::shape(frame))
        }
        Value::Plan(plan) => format!("a plan of {}", words::counted(plan.schema().len() as u64, "column")),
        Value::Query(query) => format!(
            "a query of {}\n{}",
            words::counted(query.schema().len() as u64, "column"),
            query.text()
        ),
        Value::Recipe(recipe) => {
            let steps = recipe.steps().iter().map(|step| format!("\n  {}", step.text));
            let counted = words::counted(recipe.steps().len() as u64, "step");
            format!("a recipe of {counted}{}", steps.collect::<String>())
        }
        Value::Model(model) => format!("a model\n  {}", model.summary()),
        Value::Scalar(value) => format!("{value} ({})", value.rust_type()),
    };
    Some(format!("{name}: {about}{}", columns(name, session)))
}

/// The columns of a name with their types, one a line.
fn columns(name: &str, session: &Session) -> String {
    let columns = columns_of(name, session);
    let width = columns.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let shown = columns.iter().take(MOST);
    let mut text: String = shown
        .map(|(name, dtype)| format!("\n  {name:width$}  {dtype}"))
        .collect();
    if columns.len() > MOST {
        text.push_str(&format!("\n  … and {} more", columns.len() - MOST));
    }
    text
}

fn of_line(entry: &Entry, word: &str, before: &[String], session: &Session) -> Option<String> {
    let mut command = entry.command();
    // Only then clap knows how an option is written.
    command.build();
    let mut rest = before;
    while let Some((sub, at)) = values::subcommand(&command, rest) {
        command = sub;
        rest = &rest[at + 1..];
    }
    option(&command, word)
        .or_else(|| hyperparameter(word, before))
        .or_else(|| of_name(word, session))
        .or_else(|| column(word, before, session))
        .or_else(|| {
            let sub = command.find_subcommand(word)?;
            Some(sub.clone().render_help().to_string().trim_end().to_owned())
        })
}

/// An option, as it is typed: `--limit <N>` and its help.
fn option(command: &Command, word: &str) -> Option<String> {
    let found = command.get_arguments().find(|argument| {
        let long = argument.get_long().map(|long| format!("--{long}"));
        let short = argument.get_short().map(|short| format!("-{short}"));
        !argument.is_positional() && [long, short].iter().flatten().any(|typed| typed == word)
    })?;
    let help = found.get_help()?;
    Some(format!("{found}\n  {help}"))
}

/// A hyperparameter of the algorithm that the line names.
fn hyperparameter(word: &str, before: &[String]) -> Option<String> {
    let schema = before.iter().find_map(|word| ironsage_learners::schema(word))?;
    let mut known = schema.parameters.iter().filter(|parameter| !parameter.private);
    known.find(|parameter| parameter.name == word).map(help::hyperparameter)
}

/// A step of a recipe.
fn step(word: &str) -> Option<String> {
    let step = STEPS.iter().find(|step| step.name == word)?;
    Some(format!(
        "{} {}\n  {}\n  {}",
        step.name, step.form, step.meaning, step.example
    ))
}

/// A column of the frames that the line names.
fn column(word: &str, tables: &[String], session: &Session) -> Option<String> {
    tables.iter().find_map(|table| {
        let columns = columns_of(table, session);
        let (_, dtype) = columns.into_iter().find(|(name, _)| name == word)?;
        Some(format!("{word}: {dtype}, a column of {table}"))
    })
}

/// A column, a table or a function of a query.
fn of_query(entry: &Entry, query: &str, word: &str, session: &Session) -> Option<String> {
    if entry.name != "sql" {
        return None;
    }
    let function = || sql::functions::about(word).map(|(written, gives)| format!("{written}\n  {gives}"));
    column(word, &sql::tables(query), session)
        .or_else(|| of_name(word, session))
        .or_else(function)
}

/// The word around the cursor: a name, or an option with its dashes.
fn word_at(code: &str, cursor: usize) -> &str {
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == '-';
    let before = code[..cursor].chars().rev().take_while(|letter| is_part(*letter));
    let start = cursor - before.map(char::len_utf8).sum::<usize>();
    let after = code[cursor..].chars().take_while(|letter| is_part(*letter));
    &code[start..cursor + after.map(char::len_utf8).sum::<usize>()]
}
