//! Whether what was typed is whole: a console asks before it runs it.

use crate::commands::rust_start;
use crate::syntax::{BEFORE, parsed};

/// How far a piece of Rust is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whole {
    /// It can run.
    Yes,
    /// More must follow.
    NotYet,
    /// It can never become right by going on.
    Never,
}

/// Parses a cell as the body of a function, as evcxr does.
///
/// ```
/// use ironsage_cells::{Whole, whole};
/// assert_eq!(whole("let x = 1;"), Whole::Yes);
/// assert_eq!(whole("let x ="), Whole::NotYet);
/// assert_eq!(whole("let x = 1 2;"), Whole::Never);
/// ```
pub fn whole(code: &str) -> Whole {
    let rust = &code[rust_start(code)..];
    let parsed = parsed(rust);
    let errors = parsed.errors();
    if errors.is_empty() {
        return Whole::Yes;
    }
    let typed = BEFORE.len() + rust.len();
    let root = parsed.syntax_node();
    let tokens = root.descendants_with_tokens().filter_map(|part| part.into_token());
    let ends = tokens
        .filter(|token| !token.kind().is_trivia())
        .map(|token| usize::from(token.text_range().end()));
    // Behind the last word that was typed, an error says no more than that something is missing.
    let end = ends.filter(|end| *end <= typed).max().unwrap_or(typed);
    let within = |error: &ra_ap_syntax::SyntaxError| usize::from(error.range().start()) < end;
    if errors.iter().any(within) {
        Whole::Never
    } else {
        Whole::NotYet
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_go_on_is_told_from_what_cannot() {
        for code in [
            "",
            "1 + 1",
            "fn f() -> i32 {\n    1\n}",
            ":vars",
            "// only a comment",
            "use a::b;",
            "x?",
        ] {
            assert_eq!(whole(code), Whole::Yes, "{code}");
        }
        for code in [
            "let x =",
            "let x",
            "1 +",
            "1 + // and",
            "fn f()",
            "#[derive(Debug)]",
            "if true",
            "match x",
            "struct S",
            "frame.",
            ":opt 1\nlet x = 1 *",
        ] {
            assert_eq!(whole(code), Whole::NotYet, "{code}");
        }
        for code in ["let x = 1 2;", "let = 5;", "fn 5() {}", "use ;"] {
            assert_eq!(whole(code), Whole::Never, "{code}");
        }
    }
}
