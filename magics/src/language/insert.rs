//! `{{expression}}`: the value of a name, or a fact of a frame, put into a magic's line or body. An
//! expression that cannot be resolved is an error, never left in the text (a query with a hole in it would
//! run and give something else). `\{{` is a plain `{{`.

use polars::prelude::*;

use crate::error::MagicError;
use crate::language::scalar::Scalar;
use crate::language::suggest;
use crate::session::{Session, Value};

/// How strictly the braces are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Braces {
    /// In magics: whatever stands between double braces is an expression.
    All,
    /// In shell lines: only what looks like an expression of ours (`docker ps --format '{{.Names}}'` is not).
    Expressions,
}

/// The text with every `{{expression}}` replaced.
pub(crate) fn insert(text: &str, session: &Session, braces: Braces) -> Result<String, MagicError> {
    if !text.contains("{{") {
        return Ok(text.to_owned());
    }
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find("{{") {
        let before = &rest[..open];
        if let Some(before) = before.strip_suffix('\\') {
            result.push_str(before);
            result.push_str("{{");
            rest = &rest[open + 2..];
            continue;
        }
        result.push_str(before);
        let inside = &rest[open + 2..];
        let expression = inside
            .find("}}")
            .map(|close| (inside[..close].trim(), &inside[close + 2..]));
        match expression {
            Some((expression, after)) if braces == Braces::All || looks_like_ours(expression) => {
                result.push_str(&resolve(expression, session)?);
                rest = after;
            }
            None if braces == Braces::All => {
                return Err(
                    MagicError::usage("a `{{` is never closed by `}}`").with_hint("a plain `{{` is written `\\{{`")
                );
            }
            _ => {
                result.push_str("{{");
                rest = inside;
            }
        }
    }
    result.push_str(rest);
    Ok(result)
}

fn looks_like_ours(expression: &str) -> bool {
    !expression.is_empty() && expression.split('.').all(super::name::is_identifier)
}

fn resolve(expression: &str, session: &Session) -> Result<String, MagicError> {
    let mut parts = expression.split('.').map(str::trim);
    let name = parts.next().unwrap_or_default();
    let path: Vec<&str> = parts.collect();
    let written = format!("{{{{{expression}}}}}");
    if !looks_like_ours(expression) {
        return Err(
            MagicError::usage(format!("`{written}` is not a name, nor a fact of a frame"))
                .with_hint(format!("{FACTS}; a plain `{{{{` is written `\\{{{{`")),
        );
    }
    if let Some(Value::Scalar(value)) = session.value(name) {
        return match path.as_slice() {
            [] => text_of_value(&value, &written),
            _ => Err(MagicError::usage(format!(
                "`{written}`: {name} is a value, and has no .{}",
                path.join(".")
            ))),
        };
    }
    if path.is_empty()
        && session.value(name).is_none()
        && let Some(value) = session.rust().and_then(|rust| rust.scalar(name))
    {
        return text_of_value(&value, &written);
    }
    let frame = session
        .frame(name)
        .map_err(|error| unknown(name, &written, session, error))?;
    fact(&frame, name, &path, &written)
}

const FACTS: &str = "a value (`%param trials=20`), `frame.height`, `frame.width`, `frame.columns`, \
`frame.column.min` (max, mean, sum, median, n_unique, null_count), or a frame of one row and one column";

fn fact(frame: &DataFrame, name: &str, path: &[&str], written: &str) -> Result<String, MagicError> {
    match path {
        [] if frame.height() == 1 && frame.width() == 1 => text_of(&frame.columns()[0].get(0)?, written),
        ["height"] => Ok(frame.height().to_string()),
        ["width"] => Ok(frame.width().to_string()),
        ["columns"] => {
            let names: Vec<&str> = frame.columns().iter().map(|column| column.name().as_str()).collect();
            // No blanks: a list of columns is one word of a line.
            Ok(names.join(","))
        }
        [column, fact] => {
            let names: Vec<String> = frame.columns().iter().map(|column| column.name().to_string()).collect();
            let Ok(values) = frame.column(column) else {
                return Err(
                    MagicError::not_found(format!("`{written}`: {name} has no column `{column}`"))
                        .with_hint_from(suggest::nearest_or_list(column, "columns", &names)),
                );
            };
            fact_of_column(values, fact, written).unwrap_or_else(|| {
                Err(MagicError::usage(format!("`{written}`: a column has no `.{fact}`")).with_hint(FACTS))
            })
        }
        _ => {
            let shape = format!("{} rows × {} columns", frame.height(), frame.width());
            Err(MagicError::usage(format!("`{written}`: {name} is a frame of {shape}, not one value")).with_hint(FACTS))
        }
    }
}

fn fact_of_column(column: &Column, fact: &str, written: &str) -> Option<Result<String, MagicError>> {
    let scalar = match fact {
        "min" => column.min_reduce(),
        "max" => column.max_reduce(),
        "mean" => column.mean_reduce(),
        "median" => column.median_reduce(),
        "sum" => column.sum_reduce(),
        "n_unique" => {
            return Some(
                column
                    .n_unique()
                    .map(|count| count.to_string())
                    .map_err(MagicError::from),
            );
        }
        "null_count" => return Some(Ok(column.null_count().to_string())),
        _ => return None,
    };
    Some(
        scalar
            .map_err(MagicError::from)
            .and_then(|scalar| text_of(scalar.value(), written)),
    )
}

fn text_of(value: &AnyValue<'_>, written: &str) -> Result<String, MagicError> {
    match value {
        AnyValue::Null => Err(no_value(written)),
        AnyValue::Float64(number) => text_of_value(&Scalar::Float(*number), written),
        AnyValue::Float32(number) if number.is_nan() => Err(no_value(written)),
        AnyValue::Float32(number) => Ok(number.to_string()),
        AnyValue::String(text) => Ok((*text).to_owned()),
        AnyValue::StringOwned(text) => Ok(text.to_string()),
        other => Ok(other.to_string()),
    }
}

fn text_of_value(value: &Scalar, written: &str) -> Result<String, MagicError> {
    match value {
        Scalar::Float(number) if number.is_nan() => Err(no_value(written)),
        value => Ok(value.to_string()),
    }
}

/// A hole in a query would run and give something else.
fn no_value(written: &str) -> MagicError {
    MagicError::data(format!("`{written}`: there is no value (no rows, or only nulls)"))
}

fn unknown(name: &str, written: &str, session: &Session, error: MagicError) -> MagicError {
    if session.value(name).is_some() || session.rust_type(name).is_some() {
        return error;
    }
    let mut known = session.names_of(|value| matches!(value, Value::Scalar(_) | Value::Frame(_) | Value::Plan(_)));
    known.sort();
    let hint = suggest::did_you_mean(name, known.iter().map(String::as_str))
        .unwrap_or_else(|| format!("`%param {name}=…` declares a value; `%who` lists what there is"));
    MagicError::not_found(format!("`{written}`: nothing is called `{name}`")).with_hint(hint)
}
