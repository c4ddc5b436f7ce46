//! A cell as a list of small tokens: what stands around the cursor is told by a look back over them.
//!
//! A cell in which somebody types is rarely whole, and what stands in a macro call is no expression to a parser, so
//! the questions of completion are asked of the tokens. They come from the same lexer as everything else, hence
//! brackets in strings and comments count for nothing.

use ra_ap_syntax::{Edition, SyntaxKind, SyntaxToken};

use crate::commands::commands;
use crate::syntax::{BEFORE, parsed};

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    /// An identifier or a keyword.
    Word,
    /// A string of any kind.
    Text,
    Number,
    /// A character, or a lifetime.
    Quoted,
    Comment,
    /// One character of punctuation.
    Mark(char),
}

/// A token and where it lies in the cell, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) sort: Sort,
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Token {
    pub(super) fn is(&self, mark: char) -> bool {
        self.sort == Sort::Mark(mark)
    }
}

/// The cell's own Rust, with evcxr's commands blanked out: every offset stays what it was.
pub(super) fn rust_of(code: &str) -> String {
    let mut text = code.to_owned();
    for command in commands(code) {
        // A command is a slice of the cell.
        let start = command.as_ptr() as usize - code.as_ptr() as usize;
        text.replace_range(start..start + command.len(), &" ".repeat(command.len()));
    }
    text
}

/// The tokens of a cell, comments among them.
pub(super) fn tokens(rust: &str) -> Vec<Token> {
    let file = parsed(rust).syntax_node();
    let mut found = Vec::new();
    for token in file
        .descendants_with_tokens()
        .filter_map(|element| element.into_token())
    {
        let range = token.text_range();
        let (start, end) = (usize::from(range.start()), usize::from(range.end()));
        let last = BEFORE.len() + rust.len();
        if start >= BEFORE.len() && start < last {
            take(&token, start - BEFORE.len(), end.min(last) - BEFORE.len(), &mut found);
        }
    }
    found
}

fn take(token: &SyntaxToken, start: usize, end: usize, found: &mut Vec<Token>) {
    let sort = match token.kind() {
        SyntaxKind::WHITESPACE => return,
        SyntaxKind::COMMENT => Sort::Comment,
        SyntaxKind::STRING | SyntaxKind::BYTE_STRING | SyntaxKind::C_STRING => Sort::Text,
        SyntaxKind::INT_NUMBER | SyntaxKind::FLOAT_NUMBER => {
            // To the lexer, the point of `pair.0.` belongs to the number.
            if token.text().ends_with('.') {
                found.push(Token {
                    sort: Sort::Number,
                    start,
                    end: end - 1,
                });
                found.push(Token {
                    sort: Sort::Mark('.'),
                    start: end - 1,
                    end,
                });
                return;
            }
            Sort::Number
        }
        SyntaxKind::CHAR | SyntaxKind::BYTE | SyntaxKind::LIFETIME_IDENT => Sort::Quoted,
        kind if kind == SyntaxKind::IDENT || kind.is_keyword(Edition::Edition2024) => Sort::Word,
        _ => {
            let first = token.text().chars().next().unwrap_or_default();
            if first.is_alphabetic() || first == '_' {
                Sort::Word
            } else {
                let marks = token.text().char_indices().map(|(at, mark)| Token {
                    sort: Sort::Mark(mark),
                    start: start + at,
                    end: start + at + mark.len_utf8(),
                });
                found.extend(marks);
                return;
            }
        }
    };
    found.push(Token { sort, start, end });
}

/// The place of the bracket that opens the group which ends at `close`.
pub(super) fn opening(tokens: &[Token], close: usize) -> Option<usize> {
    let mut depth = 0usize;
    for at in (0..=close).rev() {
        match tokens[at].sort {
            Sort::Mark(')' | ']' | '}') => depth += 1,
            Sort::Mark('(' | '[' | '{') => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

/// The place of the bracket that is open at the end of the tokens.
pub(super) fn enclosing(tokens: &[Token]) -> Option<usize> {
    let mut at = tokens.len();
    while at > 0 {
        at -= 1;
        match tokens[at].sort {
            Sort::Mark(')' | ']' | '}') => at = opening(tokens, at)?,
            Sort::Mark('(' | '[' | '{') => return Some(at),
            _ => {}
        }
    }
    None
}

/// The place of the `<` that belongs to the `>` at `close`.
pub(super) fn angle(tokens: &[Token], close: usize) -> Option<usize> {
    let mut depth = 0usize;
    let mut at = close + 1;
    while at > 0 {
        at -= 1;
        match tokens[at].sort {
            Sort::Mark(')' | ']' | '}') => at = opening(tokens, at)?,
            Sort::Mark('(' | '[' | '{' | ';') => return None,
            // Not that of `->`.
            Sort::Mark('>') if at > 0 && tokens[at - 1].is('-') => {}
            Sort::Mark('>') => depth += 1,
            Sort::Mark('<') => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn words(code: &str) -> Vec<String> {
        let tokens = tokens(code);
        tokens
            .iter()
            .map(|token| code[token.start..token.end].to_owned())
            .collect()
    }

    #[test]
    fn a_cell_is_cut_into_words_texts_and_marks() {
        assert_eq!(
            words("let é = a::b(\"x(\", 'c')?.0.le // (\n"),
            [
                "let", "é", "=", "a", ":", ":", "b", "(", "\"x(\"", ",", "'c'", ")", "?", ".", "0", ".", "le", "// ("
            ]
        );
        assert_eq!(words("vec![x.y"), ["vec", "!", "[", "x", ".", "y"]);
        assert_eq!(words("r#\"a\"#"), ["r#\"a\"#"]);
    }

    #[test]
    fn brackets_find_each_other() {
        let code = "f(a[1], (b)) < c::<Vec<u8>>(";
        let tokens = tokens(code);
        let at = |text: &str| code.find(text).unwrap();
        let place = |offset: usize| tokens.iter().position(|token| token.start == offset).unwrap();
        let group = opening(&tokens, place(at("))") + 1)).unwrap();
        assert_eq!(tokens[group].start, 1);
        let generic = angle(&tokens, place(at(">("))).unwrap();
        assert_eq!(tokens[generic].start, at("<Vec"));
        assert_eq!(tokens[enclosing(&tokens).unwrap()].start, code.len() - 1);
        assert!(enclosing(&tokens[..place(at("<"))]).is_none());
    }

    #[test]
    fn commands_are_blank_and_nothing_moves() {
        let code = ":opt 2\n :dep é = \"1\"\nlet x = 1;";
        let rust = rust_of(code);
        assert_eq!(rust.trim_start(), "let x = 1;");
        assert_eq!(rust.len(), code.len());
    }

    proptest! {
        #[test]
        fn any_text_has_tokens_in_order(code in "(?s).{0,80}") {
            let rust = rust_of(&code);
            prop_assert_eq!(rust.len(), code.len());
            let tokens = tokens(&rust);
            for pair in tokens.windows(2) {
                prop_assert!(pair[0].end <= pair[1].start);
            }
            for token in &tokens {
                prop_assert!(rust.is_char_boundary(token.start) && rust.is_char_boundary(token.end));
            }
            let _ = enclosing(&tokens);
        }
    }
}
