//! Patterns of names: `*` and `?` within a folder, `**` through folders, `[ab]`, `{csv,tsv}`.

use regex::Regex;

use crate::error::MagicError;

/// A pattern, and the folder that all it can match is in.
#[derive(Debug)]
pub(crate) struct Glob {
    folder: String,
    depth: Option<usize>,
    expression: Regex,
}

impl Glob {
    /// Whether a path or key has a character of patterns.
    pub fn is_one(text: &str) -> bool {
        text.contains(['*', '?', '[', '{'])
    }

    /// Parses a path or key with `/` between folders.
    pub fn parse(text: &str) -> Result<Glob, MagicError> {
        let plain = &text[..text.find(['*', '?', '[', '{']).unwrap_or(text.len())];
        let folder = &text[..plain.rfind('/').map_or(0, |at| at + 1)];
        let rest = &text[folder.len()..];
        let expression = translated(text)
            .and_then(|text| Regex::new(&text).ok())
            .ok_or_else(|| {
                MagicError::usage(format!("{text} is not a pattern: a bracket is not closed")).with_hint(
                    "`*` is any name, `?` one character, `[ab]` one of these, `{csv,tsv}` either, `**` any folders",
                )
            })?;
        Ok(Glob {
            folder: folder.to_owned(),
            depth: (!rest.contains("**")).then(|| rest.matches('/').count()),
            expression,
        })
    }

    /// The folder that all it can match is in, with a `/` at its end; empty where the pattern begins at once.
    pub fn folder(&self) -> &str {
        &self.folder
    }

    /// How many folders below that one it reaches; none is no limit.
    pub fn depth(&self) -> Option<usize> {
        self.depth
    }

    /// Whether it matches a whole path or key.
    pub fn matches(&self, path: &str) -> bool {
        self.expression.is_match(path)
    }
}

fn translated(text: &str) -> Option<String> {
    let mut expression = String::from("^(?s:");
    let mut rest = text;
    let mut braces = 0;
    while let Some(character) = rest.chars().next() {
        let taken = match character {
            '*' if rest.starts_with("**/") => {
                expression.push_str("(?:.*/)?");
                3
            }
            '*' if rest.starts_with("**") => {
                expression.push_str(".*");
                2
            }
            '*' => {
                expression.push_str("[^/]*");
                1
            }
            '?' => {
                expression.push_str("[^/]");
                1
            }
            '[' => {
                let end = rest[1..].find(']').filter(|&end| end > 0)? + 1;
                let inside = &rest[1..end];
                let (not, inside) = match inside.strip_prefix('!') {
                    Some(inside) => ("^", inside),
                    None => ("", inside),
                };
                let escaped = inside.replace(['\\', '[', '^', '&', '~'], "");
                expression.push_str(&format!("[{not}{escaped}]"));
                end + 1
            }
            '{' => {
                braces += 1;
                expression.push_str("(?:");
                1
            }
            '}' if braces > 0 => {
                braces -= 1;
                expression.push(')');
                1
            }
            ',' if braces > 0 => {
                expression.push('|');
                1
            }
            other => {
                expression.push_str(&regex::escape(other.encode_utf8(&mut [0; 4])));
                other.len_utf8()
            }
        };
        rest = &rest[taken..];
    }
    expression.push_str(")$");
    (braces == 0).then_some(expression)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn patterns_match_as_in_a_shell() {
        for (pattern, yes, no) in [
            ("p/*.csv", "p/a.csv", "p/q/a.csv"),
            ("p/**/*.csv", "p/a.csv", "q/a.csv"),
            ("p/**/*.csv", "p/q/r/a.csv", "p/a.tsv"),
            ("2024-??.csv", "2024-01.csv", "2024-1.csv"),
            ("a[0-9].csv", "a7.csv", "ab.csv"),
            ("a[!0-9].csv", "ab.csv", "a7.csv"),
            ("a.{csv,tsv}", "a.tsv", "a.txt"),
            ("p/**", "p/q/a", "q/a"),
            ("a.b*", "a.bc", "aXbc"),
            ("é*.csv", "éü.csv", "e.csv"),
        ] {
            let glob = Glob::parse(pattern).unwrap();
            assert!(glob.matches(yes), "{pattern} {yes}");
            assert!(!glob.matches(no), "{pattern} {no}");
        }
        let glob = Glob::parse("data/year=*/p*.csv").unwrap();
        assert_eq!((glob.folder(), glob.depth()), ("data/", Some(1)));
        let glob = Glob::parse("**/p.csv").unwrap();
        assert_eq!((glob.folder(), glob.depth()), ("", None));
        assert!(Glob::parse("a[0").unwrap_err().message.contains("not closed"));
        assert!(Glob::parse("a{b").is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_a_pattern_or_an_error(text in "[*?\\[\\]{},a/!^\\\\é&~-]{0,24}") {
            if let Ok(glob) = Glob::parse(&text) {
                let _ = glob.matches("a/b/c.csv");
            }
        }
    }
}
