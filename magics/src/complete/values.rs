//! What could stand at an argument: told from the magic's declaration, by the name of its value (`FRAME`, `COLUMNS`,
//! `URI` …), from the session.

use clap::{Arg, ArgAction, Command};
use polars::prelude::Schema;

use super::{Completion, stores};
use crate::language::words;
use crate::magic::{Entry, Form, Tail};
use crate::model_store;
use crate::session::{Session, Value};

/// Candidates for the last word of `text`, which starts at byte `start` of the code and is followed by `rest` on its line;
/// gives also where the replaced part begins.
pub(super) fn arguments(
    entry: &Entry,
    start: usize,
    text: &str,
    rest: &str,
    session: &Session,
) -> (usize, Vec<Completion>) {
    if let Some(at) = raw_tail(entry, text) {
        let tail = format!("{}{rest}", &text[at..]);
        let (offset, items) = (entry.complete_body)("", &tail, text.len() - at, session);
        return (start + at + offset, items);
    }
    let (before, word_at) = words_before(text);
    let word = &text[word_at..];
    let mut command = entry.command();
    let mut rest = before.as_slice();
    while let Some((sub, at)) = subcommand(&command, rest) {
        command = sub;
        rest = &rest[at + 1..];
    }
    if command.has_subcommands() && !rest.iter().any(|word| !word.starts_with('-')) && !word.starts_with('-') {
        let items = command
            .get_subcommands()
            .map(|sub| {
                about(
                    Completion::new(sub.get_name(), "subcommand"),
                    sub.get_about().map(ToString::to_string),
                )
            })
            .collect();
        return (start + word_at, items);
    }
    if let Some((option, _)) = word.split_once('=').filter(|(option, _)| option.starts_with("--")) {
        let found = command
            .get_arguments()
            .find(|argument| argument.get_long() == option.strip_prefix("--"));
        let value_at = word_at + option.len() + 1;
        return found.map_or((start + word_at, Vec::new()), |argument| {
            value(argument, start, text, value_at, &before, session)
        });
    }
    if let Some(argument) = rest.last().and_then(|last| option_with_value(&command, last)) {
        return value(argument, start, text, word_at, &before, session);
    }
    if word.starts_with('-') {
        return (start + word_at, options(&command, rest));
    }
    let parameters = (entry.complete_parameters)(&before, word, session);
    match positional(&command, rest) {
        Some(argument) => {
            let (at, mut items) = value(argument, start, text, word_at, &before, session);
            items.extend(parameters);
            (at, items)
        }
        None if !parameters.is_empty() => (start + word_at, parameters),
        None => (start + word_at, options(&command, rest)),
    }
}

/// Where the raw tail of a line begins, behind its options; none where there is none, or while they are typed.
fn raw_tail(entry: &Entry, text: &str) -> Option<usize> {
    if entry.tail != Tail::Raw || entry.form == Form::Cell {
        return None;
    }
    let command = entry.command();
    let mut at = text.len() - text.trim_start().len();
    while let Some(option) = text[at..]
        .split_whitespace()
        .next()
        .filter(|word| word.starts_with('-'))
    {
        let words = if option_with_value(&command, option).is_some() {
            2
        } else {
            1
        };
        for _ in 0..words {
            let end = at + text[at..].find(char::is_whitespace)?;
            at = text.len() - text[end..].trim_start().len();
        }
    }
    Some(at)
}

/// The words before the one at the end of the text, and where that one begins.
pub(super) fn words_before(text: &str) -> (Vec<String>, usize) {
    let text_end = text.len();
    let whole = text.replace("\\\n", " \n");
    let mut words = match words::split(&whole) {
        Ok(words) => words,
        // An open quote or bracket at the cursor: cut at blanks.
        Err(_) => {
            let at = whole.rfind(char::is_whitespace).map_or(0, |at| at + 1);
            let before = whole[..at].split_whitespace().map(str::to_owned).collect();
            return (before, at);
        }
    };
    match words.last() {
        Some(last) if last.end == text_end => {
            let at = last.start;
            words.pop();
            (words.into_iter().map(|word| word.text).collect(), at)
        }
        _ => (words.into_iter().map(|word| word.text).collect(), text_end),
    }
}

pub(super) fn subcommand(command: &Command, words: &[String]) -> Option<(Command, usize)> {
    let at = words.iter().position(|word| !word.starts_with('-'))?;
    let sub = command.find_subcommand(&words[at])?;
    Some((sub.clone(), at))
}

fn takes_value(argument: &Arg) -> bool {
    matches!(argument.get_action(), ArgAction::Set | ArgAction::Append)
}

fn option_with_value<'a>(command: &'a Command, word: &str) -> Option<&'a Arg> {
    let found = match (word.strip_prefix("--"), word.strip_prefix('-')) {
        (Some(long), _) => command
            .get_arguments()
            .find(|argument| argument.get_long() == Some(long)),
        (None, Some(short)) => command
            .get_arguments()
            .find(|argument| argument.get_short().is_some_and(|letter| short == letter.to_string())),
        (None, None) => None,
    };
    found.filter(|argument| takes_value(argument))
}

/// The positional argument that comes next after these words.
fn positional<'a>(command: &'a Command, words: &[String]) -> Option<&'a Arg> {
    let mut count = 0;
    let mut is_value = false;
    for word in words {
        match () {
            () if is_value => is_value = false,
            () if word.starts_with('-') && word.len() > 1 => is_value = option_with_value(command, word).is_some(),
            () => count += 1,
        }
    }
    let positionals: Vec<&Arg> = command.get_positionals().collect();
    let last_repeats = positionals.last().filter(|last| {
        last.get_num_args().is_some_and(|range| range.max_values() > 1)
            || matches!(last.get_action(), ArgAction::Append)
    });
    positionals.get(count).copied().or(last_repeats.copied())
}

fn options(command: &Command, words: &[String]) -> Vec<Completion> {
    let mut items = Vec::new();
    for argument in command.get_arguments().filter(|argument| !argument.is_positional()) {
        let Some(long) = argument.get_long() else { continue };
        let typed = format!("--{long}");
        let repeats = matches!(argument.get_action(), ArgAction::Append);
        if words.contains(&typed) && !repeats {
            continue;
        }
        let help = argument.get_help().map(ToString::to_string);
        items.push(about(Completion::new(typed, "option"), help.clone()));
        if let Some(short) = argument.get_short() {
            items.push(about(Completion::new(format!("-{short}"), "option"), help));
        }
    }
    items
}

fn about(item: Completion, detail: Option<String>) -> Completion {
    match detail {
        Some(detail) => item.with_detail(detail),
        None => item,
    }
}

/// Candidates for the value of an argument; after a comma, of the part after it.
fn value(
    argument: &Arg,
    start: usize,
    text: &str,
    word_at: usize,
    before: &[String],
    session: &Session,
) -> (usize, Vec<Completion>) {
    let mut at = word_at;
    if argument.get_value_delimiter() == Some(',') {
        at += text[word_at..].rfind(',').map_or(0, |comma| comma + 1);
    }
    let typed = &text[at..];
    let possible: Vec<Completion> = argument
        .get_possible_values()
        .into_iter()
        .filter(|value| !value.is_hide_set())
        .map(|value| {
            about(
                Completion::new(value.get_name(), "value"),
                value.get_help().map(ToString::to_string),
            )
        })
        .collect();
    if !possible.is_empty() {
        return (start + at, possible);
    }
    let kind = argument
        .get_value_names()
        .and_then(|names| names.first())
        .map(ToString::to_string)
        .unwrap_or_default();
    (start + at, of_kind(&kind, typed, before, session))
}

/// Candidates by the kind that a declaration names.
pub(crate) fn of_kind(kind: &str, typed: &str, before: &[String], session: &Session) -> Vec<Completion> {
    match kind {
        "FRAME" => frames(session),
        "COLUMN" | "COLUMNS" | "COLUMN|CONDITION" | "CONDITION" => columns(before, session),
        "MODEL" => session
            .names_of(|value| matches!(value, Value::Model(_)))
            .into_iter()
            .map(|name| Completion::new(name, "model"))
            .collect(),
        "SAVED" => model_store::names(session.home())
            .into_iter()
            .map(|name| Completion::new(name, "model"))
            .collect(),
        "RECIPE" => session
            .names_of(|value| matches!(value, Value::Recipe(_)))
            .into_iter()
            .map(|name| Completion::new(name, "recipe"))
            .collect(),
        "BOUND" => session
            .bindings()
            .into_iter()
            .map(|(name, binding)| Completion::new(name, binding.value.kind()))
            .collect(),
        "MAGIC" => {
            let magics = crate::magics::help::names().into_iter();
            let magics = magics.map(|name| Completion::new(name, "magic"));
            magics.chain(algorithms()).collect()
        }
        "ALGORITHM" => algorithms().collect(),
        "ENDPOINT" => stores::endpoints(session),
        "BUCKET" | "S3URI" => stores::addresses(typed, session),
        "URI" | "FROM" | "TO" | "PATH" => {
            let mut items = if kind == "PATH" {
                Vec::new()
            } else {
                stores::addresses(typed, session)
            };
            if !typed.contains("://") {
                items.extend(stores::paths(typed, session));
            }
            items
        }
        _ => Vec::new(),
    }
}

fn algorithms() -> impl Iterator<Item = Completion> {
    let names = ironsage_learners::algorithms().iter();
    names.map(|name| Completion::new(*name, "algorithm"))
}

/// All frames and plans, Rust's too.
pub(crate) fn frames(session: &Session) -> Vec<Completion> {
    let ours = session.frame_names();
    let rust = session.rust().map(|rust| rust.names()).unwrap_or_default();
    let theirs = rust
        .into_iter()
        .filter(|(name, kind)| kind.contains("Frame") && !ours.contains(name));
    let theirs: Vec<Completion> = theirs.map(|(name, _)| Completion::new(name, "frame")).collect();
    let detailed = ours.into_iter().map(|name| match session.value(&name) {
        Some(Value::Frame(frame)) => Completion::new(name, "frame").with_detail(crate::text::shape(&frame)),
        _ => Completion::new(name, "frame"),
    });
    detailed.chain(theirs).collect()
}

/// The columns of the frames that the line has named already; of all frames where it has named none.
pub(super) fn columns(before: &[String], session: &Session) -> Vec<Completion> {
    let bound = session.frame_names();
    let named: Vec<&String> = before
        .iter()
        .filter(|word| bound.contains(word) || word.as_str() == "_")
        .collect();
    let named = if named.is_empty() {
        bound.iter().collect()
    } else {
        named
    };
    let mut items: Vec<Completion> = Vec::new();
    for name in named {
        for (column, dtype) in columns_of(name, session) {
            if !items.iter().any(|item| item.text == column) {
                items.push(Completion::new(column, "column").with_detail(dtype));
            }
        }
    }
    items
}

/// The columns of a frame or plan with their types. Rust's variables are not asked: that would compile and run a cell.
pub(crate) fn columns_of(name: &str, session: &Session) -> Vec<(String, String)> {
    let listed = |schema: &Schema| {
        let columns = schema.iter();
        columns
            .map(|(name, dtype)| (name.to_string(), dtype.to_string()))
            .collect()
    };
    match session.value(name) {
        Some(Value::Frame(frame)) => listed(frame.schema()),
        Some(Value::Plan(plan)) => listed(&plan.schema()),
        Some(Value::Query(query)) => listed(&query.schema()),
        _ => Vec::new(),
    }
}
