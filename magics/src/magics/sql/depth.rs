//! How deep the expressions of a query are: Polars and its parser follow them by recursion.

use super::tokens::{Placed, Token, keyword, tokens};
use crate::error::MagicError;

/// Operators in one another. Polars and its parser follow them by recursion, and between 400 and 800 end the two megabytes
/// of a thread's stack, and with it the process.
const MOST_STEPS: usize = 350;
/// Set operations and joins in a query, which take more of the stack.
const MOST_TABLES: usize = 150;
/// Branches of CASE in a query, which take less of it.
const MOST_BRANCHES: usize = 1_500;

/// Refuses what would end the process: an expression or a condition of very many operators.
pub(crate) fn check_length(text: &str) -> Result<(), MagicError> {
    check_steps(&tokens(text)?)
}

/// How deep the expressions between two brackets can be at most.
#[derive(Default)]
struct Depth {
    /// AND and OR since the last comma.
    logical: usize,
    /// Other operators since the last of these, and the most between two of them.
    others: usize,
    longest: usize,
    /// The deepest of what stands in brackets.
    inner: usize,
    /// The deepest before the last comma.
    before: usize,
}

impl Depth {
    fn now(&self) -> usize {
        self.logical + self.longest + self.inner
    }

    fn most(&self) -> usize {
        self.before.max(self.now())
    }

    fn next(&mut self) {
        *self = Depth {
            before: self.most(),
            ..Depth::default()
        };
    }
}

/// The same of tokens.
pub(super) fn check_steps(tokens: &[Placed]) -> Result<(), MagicError> {
    let (mut tables, mut branches) = (0, 0);
    let mut outside: Vec<Depth> = Vec::new();
    let mut depth = Depth::default();
    for (at, placed) in tokens.iter().enumerate() {
        match (&placed.token, keyword(tokens, at).as_deref()) {
            (Token::Mark('('), _) => outside.push(std::mem::take(&mut depth)),
            (Token::Mark(')'), _) => {
                let inner = depth.most();
                depth = outside.pop().unwrap_or_default();
                depth.inner = depth.inner.max(inner);
            }
            (Token::Mark(','), _) => depth.next(),
            (_, Some("UNION" | "INTERSECT" | "EXCEPT" | "JOIN")) => {
                tables += 1;
                depth.next();
            }
            (_, Some("WHEN")) => {
                branches += 1;
                depth.next();
            }
            (_, Some("AND" | "OR" | "XOR")) => {
                depth.logical += 1;
                depth.others = 0;
            }
            (Token::Mark('.'), _) => {}
            (Token::Mark(_), _)
            | (_, Some("IS" | "ISNULL" | "NOTNULL" | "NOT" | "IN" | "BETWEEN" | "LIKE" | "ILIKE" | "SIMILAR"))
            | (_, Some("RLIKE" | "REGEXP" | "COLLATE" | "AT" | "DIV" | "OVERLAPS" | "MEMBER" | "OPERATOR")) => {
                depth.others += 1;
                depth.longest = depth.longest.max(depth.others);
            }
            _ => {}
        }
        let (limit, what) = match depth.now() {
            _ if tables > MOST_TABLES => (MOST_TABLES, "joins and unions"),
            _ if branches > MOST_BRANCHES => (MOST_BRANCHES, "branches of CASE"),
            steps if steps > MOST_STEPS => (MOST_STEPS, "operators one after another"),
            _ => continue,
        };
        return Err(
            MagicError::usage(format!("more than {limit} {what} are too many")).with_hint(
                "`x IN (1, 2, …)` says any number of `x = 1 OR x = 2 …`, and a join with a frame of values, too",
            ),
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::magics::sql::statement::read;

    /// Five thousand of them end a thread of two megabytes.
    #[test]
    fn what_would_end_the_process_is_refused() {
        let many = |what: &str, between: &str, times: usize| vec![what; times].join(between);
        for (what, between) in [
            ("x = 1", " OR "),
            ("x", " + "),
            ("x", " || "),
            ("(x", " + 1) + "),
            ("x", " IS NULL AND "),
            ("CASE x WHEN 1 THEN 2 END", " "),
            ("1", "::INT"),
            ("x", "[1]"),
        ] {
            let condition = many(what, between, 5_000);
            let error = check_length(&condition).unwrap_err();
            assert!(error.message.ends_with(" are too many"), "{}", error.message);
            assert!(read(&format!("SELECT * FROM a WHERE {condition}")).is_err(), "{what}");
            assert!(check_length(&many(what, between, 100)).is_ok(), "{what}");
        }
        assert!(read(&many("SELECT a, b FROM t", " UNION ALL ", 5_000)).is_err());
        let sum = many("x", " + ", 200);
        assert!(
            check_length(&format!("f(({sum}), 1) + {sum}")).is_err(),
            "one in the other"
        );
        assert!(check_length(&format!("{} OR ({sum}) > 0", many("x = 1", " OR ", 100))).is_ok());
        for long in [
            format!("SELECT * FROM a WHERE x IN ({})", many("-1", ", ", 5_000)),
            format!("SELECT {} FROM a", many("x + 1 AS y", ", ", 5_000)),
            format!(
                "SELECT CASE {} END FROM a",
                many("WHEN x = 1 AND y = 2 THEN 3", " ", 1_000)
            ),
        ] {
            assert!(read(&long).is_ok());
        }
    }
}
