//! clap's errors as ours: what was wrong in one sentence, and what to type instead.

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::error::MagicError;
use crate::language::suggest;
use crate::magic::Entry;

/// A usage error of a magic, in the house's words.
pub(crate) fn from_clap(error: &clap::Error, entry: &Entry) -> MagicError {
    let context = |kind| error.get(kind).map(text_of).filter(|text| !text.is_empty());
    let usage = context(ContextKind::Usage).and_then(|usage| {
        usage
            .lines()
            .next()
            .map(|line| line.trim().trim_start_matches("Usage: ").to_owned())
    });
    let typed = usage
        .as_deref()
        .and_then(subcommand_of)
        .unwrap_or_else(|| entry.typed());
    let help = match usage {
        Some(usage) => format!("`{usage}`; `{typed} --help` explains it"),
        None => format!("`{typed} --help` shows how it is typed"),
    };
    let argument = context(ContextKind::InvalidArg).unwrap_or_default();
    let suggestion = |kind| context(kind).map(|meant| format!("did you mean `{meant}`?"));
    match error.kind() {
        ErrorKind::UnknownArgument if argument.starts_with('-') => {
            let hint = suggest::did_you_mean(&argument, options(entry, &typed).iter().map(String::as_str))
                .unwrap_or_else(|| format!("`{typed} --help` lists its options"));
            MagicError::usage(format!("{typed} has no option `{argument}`")).with_hint(hint)
        }
        ErrorKind::UnknownArgument => MagicError::usage(format!("{typed} has no use for `{argument}`")).with_hint(help),
        ErrorKind::InvalidSubcommand => {
            let given = context(ContextKind::InvalidSubcommand).unwrap_or_default();
            let hint = suggest::nearest_or_list(&given, "one of", &subcommands(entry)).unwrap_or(help);
            MagicError::usage(format!("{typed} has no `{given}`")).with_hint(hint)
        }
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            MagicError::usage(format!("{typed} needs to be told what to do")).with_hint(format!(
                "one of: {}; `{typed} --help` explains them",
                subcommands(entry).join(", ")
            ))
        }
        ErrorKind::MissingRequiredArgument => MagicError::usage(format!("{typed} needs {argument}")).with_hint(help),
        ErrorKind::InvalidValue => {
            let given = context(ContextKind::InvalidValue).unwrap_or_default();
            let allowed = context(ContextKind::ValidValue);
            let message = match given.is_empty() {
                true => format!("{typed}: {argument} needs a value"),
                false => format!("{typed}: `{given}` is no value for {argument}"),
            };
            let hint = suggestion(ContextKind::SuggestedValue)
                .or(allowed.map(|allowed| format!("one of: {allowed}")))
                .unwrap_or(help);
            MagicError::usage(message).with_hint(hint)
        }
        ErrorKind::ValueValidation => {
            let given = context(ContextKind::InvalidValue).unwrap_or_default();
            let reason = std::error::Error::source(error).map(|source| format!(": {}", plain(&source.to_string())));
            let reason = reason.unwrap_or_default();
            MagicError::usage(format!("{typed}: `{given}` is no value for {argument}{reason}")).with_hint(help)
        }
        ErrorKind::ArgumentConflict => {
            let other = context(ContextKind::PriorArg).unwrap_or_default();
            let message = match argument == other || other.is_empty() {
                true => format!("{typed}: {argument} is given twice"),
                false => format!("{typed}: {argument} and {other} exclude each other"),
            };
            MagicError::usage(message).with_hint(help)
        }
        _ => {
            let rendered = error.render().to_string();
            let first = rendered.lines().next().unwrap_or_default();
            let first = first.trim_start_matches("error: ").to_owned();
            MagicError::usage(format!("{typed}: {first}")).with_hint(help)
        }
    }
}

/// The magic and the subcommand that a usage line begins with: `%s3 cp` of `%s3 cp <FROM> <TO>`.
fn subcommand_of(usage: &str) -> Option<String> {
    let is_word = |word: &&str| !word.starts_with(['<', '[', '-']);
    let words: Vec<&str> = usage.split(' ').take_while(is_word).collect();
    (!words.is_empty()).then(|| words.join(" "))
}

fn subcommands(entry: &Entry) -> Vec<String> {
    entry
        .command()
        .get_subcommands()
        .map(|sub| sub.get_name().to_owned())
        .collect()
}

/// The long options of a magic or of its subcommand, as they are typed.
fn options(entry: &Entry, typed: &str) -> Vec<String> {
    let command = entry.command();
    let subcommand = typed.split(' ').nth(1).and_then(|name| command.find_subcommand(name));
    let arguments = subcommand.unwrap_or(&command).get_arguments();
    arguments
        .filter_map(|argument| Some(format!("--{}", argument.get_long()?)))
        .collect()
}

/// What Rust's own parsers say, as a person would.
fn plain(reason: &str) -> &str {
    match reason {
        "invalid digit found in string" => "it is not a whole number",
        "invalid float literal" | "cannot parse float from empty string" => "it is not a number",
        "cannot parse integer from empty string" => "there is no number",
        "number too large to fit in target type" => "it is too large",
        "number too small to fit in target type" => "it is too small",
        other => other,
    }
}

fn text_of(value: &ContextValue) -> String {
    match value {
        ContextValue::String(text) => text.clone(),
        ContextValue::Strings(texts) => texts.join(", "),
        ContextValue::StyledStr(text) => text.to_string(),
        ContextValue::StyledStrs(texts) => texts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        ContextValue::Bool(value) => value.to_string(),
        ContextValue::Number(value) => value.to_string(),
        _ => String::new(),
    }
}
