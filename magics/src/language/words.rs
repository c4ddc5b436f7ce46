//! Cuts a magic's line into words as a shell would: blanks separate, quotes keep together, a backslash takes
//! the next character as it is. Different from a shell, `{…}` and `[…]` stay whole with everything in them, so that
//! JSON needs no quotes. Nothing is expanded: no variables, no wildcards.

/// A word of the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    /// The text with quotes and backslashes taken off.
    pub text: String,
    /// Whether it began with a quote: such a word is a value, never an option or a parameter.
    pub quoted: bool,
    /// Where it begins in the line, in bytes.
    pub start: usize,
    /// Where it ends in the line, in bytes.
    pub end: usize,
}

/// A quote or a bracket that is never closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {opened} at character {at} is never closed")]
pub(crate) struct Unclosed {
    /// The quote or bracket.
    pub opened: char,
    /// Its place in the line, counted from one in characters.
    pub at: usize,
}

/// The words of a line.
pub(crate) fn split(line: &str) -> Result<Vec<Word>, Unclosed> {
    let mut words = Vec::new();
    let mut position = 0;
    while let Some(start) = next_word(line, position) {
        let word = read_word(line, start)?;
        position = word.end;
        words.push(word);
    }
    Ok(words)
}

fn next_word(line: &str, from: usize) -> Option<usize> {
    line[from..]
        .find(|letter: char| !letter.is_whitespace())
        .map(|offset| from + offset)
}

fn read_word(line: &str, start: usize) -> Result<Word, Unclosed> {
    let mut text = String::new();
    let mut position = start;
    while let Some(letter) = line[position..].chars().next() {
        match letter {
            _ if letter.is_whitespace() => break,
            '\'' | '"' => position = read_quoted(line, position, letter, &mut text)?,
            '{' | '[' => {
                let end = matching_bracket(line, position)?;
                text.push_str(&line[position..end]);
                position = end;
            }
            '\\' => {
                let escaped = line[position + 1..].chars().next();
                text.push(escaped.unwrap_or('\\'));
                position += 1 + escaped.map_or(0, char::len_utf8);
            }
            _ => {
                text.push(letter);
                position += letter.len_utf8();
            }
        }
    }
    let quoted = line[start..].starts_with(['\'', '"']);
    Ok(Word {
        text,
        quoted,
        start,
        end: position,
    })
}

/// Reads from the quote at `start` to its twin; returns the position after it.
fn read_quoted(line: &str, start: usize, quote: char, text: &mut String) -> Result<usize, Unclosed> {
    let mut letters = line[start + 1..].char_indices();
    while let Some((offset, letter)) = letters.next() {
        match letter {
            _ if letter == quote => return Ok(start + 1 + offset + 1),
            '\\' if quote == '"' => match letters.next() {
                Some((_, escaped @ ('"' | '\\'))) => text.push(escaped),
                Some((_, other)) => text.extend(['\\', other]),
                None => break,
            },
            _ => text.push(letter),
        }
    }
    Err(unclosed(line, start, quote))
}

/// The position after the bracket that closes the one at `start`; brackets in JSON strings don't count.
fn matching_bracket(line: &str, start: usize) -> Result<usize, Unclosed> {
    let mut closing = Vec::new();
    let mut letters = line[start..].char_indices();
    while let Some((offset, letter)) = letters.next() {
        match letter {
            '{' => closing.push('}'),
            '[' => closing.push(']'),
            '}' | ']' => {
                if closing.pop() != Some(letter) {
                    break;
                }
                if closing.is_empty() {
                    return Ok(start + offset + 1);
                }
            }
            '"' => {
                let mut escaped = false;
                for (_, inner) in letters.by_ref() {
                    match inner {
                        '"' if !escaped => break,
                        '\\' => escaped = !escaped,
                        _ => escaped = false,
                    }
                }
            }
            _ => {}
        }
    }
    let opened = line[start..].chars().next().unwrap_or('{');
    Err(unclosed(line, start, opened))
}

fn unclosed(line: &str, start: usize, opened: char) -> Unclosed {
    Unclosed {
        opened,
        at: line[..start].chars().count() + 1,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn texts(line: &str) -> Vec<String> {
        split(line).unwrap().into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn blanks_separate_and_quotes_keep_together() {
        assert_eq!(
            texts("clean 70 15 15 --seed 7"),
            ["clean", "70", "15", "15", "--seed", "7"]
        );
        assert_eq!(
            texts(r#"--label "rings >= 11" 'a b'"#),
            ["--label", "rings >= 11", "a b"]
        );
        assert_eq!(texts(r#"a"b c"d"#), ["ab cd"]);
        assert_eq!(texts(r#""say \"hi\" \n""#), [r#"say "hi" \n"#]);
        assert_eq!(texts(r"a\ b '\n'"), ["a b", r"\n"]);
        assert_eq!(texts("  "), Vec::<String>::new());
        assert_eq!(texts("''"), [""]);
    }

    #[test]
    fn brackets_stay_whole() {
        assert_eq!(
            texts(r#"x={"a": [1, 2], "b": "}"} [1, 2]"#),
            [r#"x={"a": [1, 2], "b": "}"}"#, "[1, 2]"]
        );
    }

    #[test]
    fn what_is_never_closed_is_named_with_its_place() {
        assert_eq!(split("a 'b").unwrap_err(), Unclosed { opened: '\'', at: 3 });
        assert_eq!(split("ä {1, [2}").unwrap_err(), Unclosed { opened: '{', at: 3 });
    }

    proptest! {
        #[test]
        fn any_line_is_split_or_refused_and_spans_are_in_order(line in "\\PC*") {
            if let Ok(words) = split(&line) {
                let mut last = 0;
                for word in words {
                    prop_assert!(word.start >= last && word.end > word.start);
                    prop_assert!(line.is_char_boundary(word.start) && line.is_char_boundary(word.end));
                    last = word.end;
                }
            }
        }

        #[test]
        fn awkward_lines_never_panic(line in "[ \\\\'\"{}\\[\\]a=ä-]{0,24}") {
            let _ = split(&line);
        }

        #[test]
        fn a_quoted_word_comes_back_as_it_was(text in "[^'\n]{0,20}") {
            prop_assert_eq!(texts(&format!("x '{text}' y")), vec!["x".to_owned(), text, "y".to_owned()]);
        }
    }
}
