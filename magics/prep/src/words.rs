//! A line of a recipe as words: quotes keep a name together, comments go.

use crate::error::PrepError;

/// One word of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) text: String,
    /// Written in quotes: a name or a value exactly as it stands, no selector.
    pub(crate) quoted: bool,
    /// A `-` stands before the quote.
    pub(crate) minus: bool,
}

/// Splits a line. `#` begins a comment, and so does `--` at the line's start or before a space.
pub(crate) fn split(line: &str, number: usize) -> Result<Vec<Word>, PrepError> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    if rest.starts_with("--") {
        return Ok(words);
    }
    while let Some(first) = rest.chars().next() {
        if first == '#' || is_dashes(rest) {
            break;
        }
        let (minus, quote) = match rest.strip_prefix('-') {
            Some(after) if after.starts_with(['"', '\'']) => (true, after),
            _ => (false, rest),
        };
        if quote.starts_with(['"', '\'']) {
            let (text, after) = quoted(quote, number)?;
            words.push(Word {
                text,
                quoted: true,
                minus,
            });
            rest = after;
        } else {
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            words.push(Word {
                text: rest[..end].to_owned(),
                quoted: false,
                minus: false,
            });
            rest = &rest[end..];
        }
        rest = rest.trim_start();
    }
    Ok(words)
}

/// A line without its comment and the space around it; text in quotes is no comment.
pub(crate) fn without_comment(line: &str) -> &str {
    let line = line.trim();
    let mut quote = None;
    let mut before = ' ';
    for (at, c) in line.char_indices() {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if matches!(c, '"' | '\'') => quote = Some(c),
            None if before.is_whitespace() && (c == '#' || is_dashes(&line[at..])) => return line[..at].trim_end(),
            None => {}
        }
        before = c;
    }
    line
}

/// `--` that is no option: the rest of the line is a comment.
fn is_dashes(rest: &str) -> bool {
    rest.strip_prefix("--")
        .is_some_and(|after| after.is_empty() || after.starts_with(char::is_whitespace))
}

/// Reads a quoted word; `\` before a quote or a `\` takes it as it is.
fn quoted(text: &str, line: usize) -> Result<(String, &str), PrepError> {
    let mut chars = text.char_indices();
    let quote = chars.next().map_or('"', |(_, c)| c);
    let mut out = String::new();
    while let Some((at, c)) = chars.next() {
        if c == quote {
            return Ok((out, &text[at + c.len_utf8()..]));
        }
        if c == '\\' {
            match chars.next() {
                Some((_, next)) if next == quote || next == '\\' => out.push(next),
                Some((_, next)) => out.extend(['\\', next]),
                None => out.push('\\'),
            }
        } else {
            out.push(c);
        }
    }
    Err(PrepError::Syntax {
        line,
        what: format!("the quote {quote} has no end"),
        hint: Some(format!("close it: {text}{quote}")),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn texts(line: &str) -> Vec<String> {
        let words = split(line, 1).unwrap();
        words.into_iter().map(|w| w.text).collect()
    }

    #[test]
    fn words_quotes_and_comments() {
        assert_eq!(texts("  fill  @numeric\tmedian  # why"), ["fill", "@numeric", "median"]);
        assert_eq!(texts("fill x 0 -- why"), ["fill", "x", "0"]);
        assert_eq!(texts("--comment"), Vec::<String>::new());
        assert_eq!(texts("one_hot sex --drop-first"), ["one_hot", "sex", "--drop-first"]);
        assert_eq!(
            texts(r#"drop "shell weight" 'it''s'"#),
            ["drop", "shell weight", "it", "s"]
        );
        assert_eq!(texts(r#"drop "a\"b\\c""#), ["drop", r#"a"b\c"#]);
        let words = split(r#"drop @all -"a b""#, 1).unwrap();
        assert!(words[2].minus && words[2].quoted);
    }

    #[test]
    fn a_comment_goes_and_what_looks_like_one_in_quotes_stays() {
        for (line, code) in [
            ("  with a = b - 1  -- why", "with a = b - 1"),
            ("with a = '# --' || b # why", "with a = '# --' || b"),
            ("with a = b--1", "with a = b--1"),
            ("# nothing", ""),
        ] {
            assert_eq!(without_comment(line), code);
        }
    }

    #[test]
    fn an_open_quote_is_named() {
        let error = split("drop \"shell", 3).unwrap_err();
        assert_eq!(error.to_string(), "line 3: the quote \" has no end");
    }
}
