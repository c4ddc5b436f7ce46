//! As much of Rust's lexical grammar as it takes to know where a line starts at depth 0.
//!
//! Strings (plain, byte, C and raw with any number of `#`), character literals against lifetimes,
//! line comments, nested block comments, and the three kinds of brackets. The lexer is fed text
//! piece by piece, so that the lines of magics can be left out, and never fails: text that is not
//! Rust is somebody else's error message.

/// Where the lexer stands between two characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum State {
    /// In plain code.
    #[default]
    Code,
    /// In a `//` comment, up to the end of the line.
    LineComment,
    /// In that many nested `/* */` comments.
    BlockComment(u32),
    /// In a string literal with escapes.
    String,
    /// In a raw string that ends with a quote and that many `#`.
    RawString(u32),
}

/// Reads Rust and keeps count of what is open.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lexer {
    state: State,
    open: Vec<char>,
    mismatched: bool,
    saw_code: bool,
    /// The identifier that ends right here: `r`, `br` and `cr` may start a raw string.
    word: String,
}

impl Lexer {
    /// Reads on over `text`.
    pub(crate) fn feed(&mut self, text: &str) {
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let taken = match self.state {
                State::Code => self.code(c, rest),
                State::LineComment => {
                    if c == '\n' {
                        self.state = State::Code;
                    }
                    c.len_utf8()
                }
                State::BlockComment(depth) => self.block_comment(depth, c, rest),
                State::String => match c {
                    '\\' => c.len_utf8() + rest[1..].chars().next().map_or(0, char::len_utf8),
                    '"' => {
                        self.state = State::Code;
                        1
                    }
                    _ => c.len_utf8(),
                },
                State::RawString(hashes) => self.raw_string(hashes, c, rest),
            };
            rest = &rest[taken..];
        }
    }

    /// Whether a line that starts here stands outside strings, comments and brackets.
    pub(crate) fn at_top(&self) -> bool {
        self.state == State::Code && self.open.is_empty()
    }

    /// What the lexer is inside of.
    pub(crate) fn state(&self) -> State {
        self.state
    }

    /// How many brackets are open.
    pub(crate) fn depth(&self) -> usize {
        self.open.len()
    }

    /// Whether a bracket was closed that was not the one open.
    pub(crate) fn mismatched(&self) -> bool {
        self.mismatched
    }

    /// Whether anything but white space and comments was read.
    pub(crate) fn saw_code(&self) -> bool {
        self.saw_code
    }

    fn code(&mut self, c: char, rest: &str) -> usize {
        let word = std::mem::take(&mut self.word);
        if rest.starts_with("//") {
            self.state = State::LineComment;
            return 2;
        }
        if rest.starts_with("/*") {
            self.state = State::BlockComment(1);
            return 2;
        }
        self.saw_code |= !c.is_whitespace();
        let raw_prefix = matches!(word.as_str(), "r" | "br" | "cr");
        match c {
            '"' if raw_prefix => self.state = State::RawString(0),
            '"' => self.state = State::String,
            '#' if raw_prefix => {
                let hashes = rest.bytes().take_while(|b| *b == b'#').count();
                if rest[hashes..].starts_with('"') {
                    self.state = State::RawString(hashes as u32);
                    return hashes + 1;
                }
                return hashes; // a raw identifier: r#type
            }
            '\'' => return character_or_lifetime(rest),
            '(' | '[' | '{' => self.open.push(c),
            ')' | ']' | '}' => {
                let opener = match c {
                    ')' => '(',
                    ']' => '[',
                    _ => '{',
                };
                if self.open.last() == Some(&opener) {
                    self.open.pop();
                } else {
                    self.mismatched = true;
                }
            }
            _ if c == '_' || c.is_alphanumeric() => {
                self.word = word;
                self.word.push(c);
            }
            _ => {}
        }
        c.len_utf8()
    }

    fn block_comment(&mut self, depth: u32, c: char, rest: &str) -> usize {
        if rest.starts_with("/*") {
            self.state = State::BlockComment(depth + 1);
            2
        } else if rest.starts_with("*/") {
            self.state = match depth {
                1 => State::Code,
                _ => State::BlockComment(depth - 1),
            };
            2
        } else {
            c.len_utf8()
        }
    }

    fn raw_string(&mut self, hashes: u32, c: char, rest: &str) -> usize {
        let hashes = hashes as usize;
        let closes = c == '"' && rest.len() > hashes && rest.as_bytes()[1..=hashes].iter().all(|b| *b == b'#');
        if closes {
            self.state = State::Code;
            return 1 + hashes;
        }
        c.len_utf8()
    }
}

/// The length of `'x'`, of `'\n'`, or of the quote alone when it starts a lifetime.
fn character_or_lifetime(rest: &str) -> usize {
    let after = &rest[1..];
    if after.starts_with('\\') {
        let mut escaped = false;
        for (index, c) in after.char_indices() {
            match c {
                '\n' => break,
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '\'' => return 1 + index + 1,
                _ => {}
            }
        }
        return 1;
    }
    let mut characters = after.char_indices();
    match (characters.next(), characters.next()) {
        (Some((_, first)), Some((index, '\''))) if !matches!(first, '\'' | '\n') => 1 + index + 1,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn after(text: &str) -> Lexer {
        let mut lexer = Lexer::default();
        lexer.feed(text);
        lexer
    }

    #[test]
    fn strings_comments_and_characters_hide_brackets() {
        for text in [
            r#"let s = "( [ {";"#,
            r##"let s = r#"a " ( "#;"##,
            r#"let s = br"\"; "#,
            r#"let s = c"( \" (";"#,
            "let c = '('; let d = '\\''; let e = '\"';",
            "fn f<'a>(x: &'a str) -> &'a str { x }",
            "// ( \n/* ( /* [ */ { */",
            "let r#type = 1;",
            "let x = '\\u{1F600}';",
        ] {
            let lexer = after(text);
            assert!(lexer.at_top(), "{text}: {lexer:?}");
            assert!(!lexer.mismatched(), "{text}");
        }
    }

    #[test]
    fn what_is_open_stays_open() {
        assert_eq!(after("let x = (1, [2").depth(), 2);
        assert_eq!(after("let s = \"a\n").state(), State::String);
        assert_eq!(after("let s = r##\"a\"#").state(), State::RawString(2));
        assert_eq!(after("/* /* */").state(), State::BlockComment(1));
        assert!(after("let x = (1]").mismatched());
    }

    #[test]
    fn only_code_counts_as_code() {
        assert!(!after(" \n// hello\n/* x */\n").saw_code());
        assert!(after("// hello\nx").saw_code());
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "\\PC*") {
            after(&text);
        }

        #[test]
        fn pieces_read_like_the_whole(lines in prop::collection::vec("[a-z (){}\\[\\]\"'/*#r\\\\]{0,12}\n", 0..8)) {
            let mut piecewise = Lexer::default();
            for line in &lines {
                piecewise.feed(line);
            }
            let whole = after(&lines.concat());
            prop_assert_eq!(piecewise.state(), whole.state());
            prop_assert_eq!(piecewise.depth(), whole.depth());
        }
    }
}
