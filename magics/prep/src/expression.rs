//! The expressions of `with`: SQL over the columns of one row.
//!
//! What looks at other rows (aggregates, windows, queries) is refused: at an endpoint a row comes
//! alone, and must be prepared as it was among the training rows. Functions are therefore taken by
//! name from a list of those that know one row only.

use polars::prelude::{Column, DataFrame, Expr, IntoLazy};

use crate::column;
use crate::error::{PrepError, nearest};

/// A longer expression is no line of a recipe.
const LONGEST: usize = 2_000;

/// More words could make a tree too deep for Polars to walk on a thread's stack (`a+a+a…`: 400 are walked).
const MOST_WORDS: usize = 200;

/// Functions of one row, and keywords and types that may stand before a parenthesis.
#[rustfmt::skip]
const ONE_ROW: [&str; 108] = [
    // numbers
    "abs", "cbrt", "ceil", "ceiling", "div", "exp", "floor", "ln", "log", "log10", "log1p", "log2", "mod", "pi", "pow",
    "power", "round", "sign", "sqrt", "trunc", "truncate", "cos", "cot", "sin", "tan", "cosd", "cotd", "sind", "tand",
    "acos", "asin", "atan", "atan2", "acosd", "asind", "atand", "atan2d", "degrees", "radians", "bit_and", "bit_count",
    "bit_not", "bit_or", "bit_xor",
    // choices
    "coalesce", "greatest", "if", "ifnull", "least", "nullif",
    // text
    "bit_length", "char_length", "character_length", "concat", "concat_ws", "ends_with", "initcap", "left", "length",
    "lower", "lpad", "ltrim", "normalize", "octet_length", "position", "regexp_like", "replace", "reverse", "right",
    "rpad", "rtrim", "split_part", "starts_with", "strpos", "substr", "substring", "trim", "upper",
    // times
    "date", "date_part", "datetime", "extract", "strftime", "strptime", "time", "timestamp",
    // types
    "cast", "char", "decimal", "float", "numeric", "try_cast", "varchar",
    // keywords
    "and", "as", "between", "by", "case", "else", "from", "ilike", "in", "interval", "like", "not", "or", "then", "when",
];

/// Why an expression is refused, and what to type instead.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) what: String,
    pub(crate) hint: String,
}

/// An expression that was read and found to know one row only.
#[derive(Debug)]
pub(crate) struct Expression {
    expr: Expr,
    /// The columns it reads, in the order of the text.
    pub(crate) uses: Vec<String>,
}

impl Expression {
    pub(crate) fn parse(text: &str) -> Result<Expression, Problem> {
        let refuse = |what: String, hint: &str| {
            Err(Problem {
                what,
                hint: hint.to_owned(),
            })
        };
        let words = text
            .split(|c: char| !(c.is_alphanumeric() || c == '_'))
            .filter(|word| !word.is_empty());
        if text.len() > LONGEST || words.count() > MOST_WORDS {
            let what = format!("the expression is too long: at most {MOST_WORDS} words are read");
            return refuse(what, "make it of several `with` lines, or in `%%sql`");
        }
        if text.contains("/*") || text.contains("--") {
            return refuse(
                "an expression has no comments".to_owned(),
                "`- -a` takes away a negative one",
            );
        }
        if let Some(name) = calls(text).find(|name| !ONE_ROW.contains(&name.as_str())) {
            let what = format!("`{}` is no function of one row", name.to_uppercase());
            let near = nearest(&name, ONE_ROW.into_iter());
            return Err(Problem {
                what,
                hint: match near {
                    Some(near) => format!("did you mean `{}`? {OTHER_ROWS}", near.to_uppercase()),
                    None => OTHER_ROWS.to_owned(),
                },
            });
        }
        let expr = match polars::sql::sql_expr(text) {
            Ok(expr) => expr,
            Err(error) => {
                let what = format!("`{text}` can't be read as an expression: {error}");
                return refuse(what, "SQL over columns, such as `with volume = length * height`");
            }
        };
        if matches!(expr, Expr::Alias(..)) {
            return refuse("the name stands before the `=`".to_owned(), "leave out `AS …`");
        }
        let one_row = |node: &Expr| {
            matches!(
                node,
                Expr::Alias(..)
                    | Expr::Column(_)
                    | Expr::Literal(_)
                    | Expr::BinaryExpr { .. }
                    | Expr::Cast { .. }
                    | Expr::Ternary { .. }
                    | Expr::Function { .. }
            )
            // The list of an IN is made of values alone.
            || matches!(node, Expr::Agg(_)) && node.clone().meta().root_names().is_empty()
        };
        if !expr.into_iter().all(one_row) {
            return refuse(format!("`{text}` looks at more than one row"), OTHER_ROWS);
        }
        let mut uses: Vec<String> = Vec::new();
        for name in expr.clone().meta().root_names() {
            if !uses.iter().any(|known| known == name.as_str()) {
                uses.push(name.to_string());
            }
        }
        uses.sort_by_key(|name| text.find(name.as_str()));
        if uses.is_empty() {
            return refuse(
                format!("`{text}` reads no column"),
                "a column that is the same in every row teaches nothing; name a column (text goes in single quotes)",
            );
        }
        Ok(Expression { expr, uses })
    }

    /// The column that it makes of these, in its plain type.
    pub(crate) fn run(&self, name: &str, rows: usize, columns: &[Column]) -> Result<Column, PrepError> {
        let used = columns
            .iter()
            .filter(|c| self.uses.iter().any(|name| name == c.name().as_str()));
        let mut frame = DataFrame::new(rows, used.cloned().collect())?;
        if rows == 1 {
            // Polars takes a lone row for a value and a column for a column, and `x / 3` of the two can differ in its
            // last bit: a row alone must be prepared as it is among others.
            frame = frame.vstack(&frame)?;
        }
        let made = frame.lazy().select([self.expr.clone().alias(name)]).collect()?;
        column::plain(&made.column(name)?.head(Some(rows)))
    }
}

const OTHER_ROWS: &str = "a recipe sees one row at a time: what needs other rows belongs in `%%sql` before it";

/// The words and quoted names of a text that a parenthesis follows, in lower case.
fn calls(text: &str) -> impl Iterator<Item = String> + '_ {
    let mut chars = text.chars().peekable();
    let mut word = String::new();
    // The last word, while only space came after it.
    let mut ended = false;
    std::iter::from_fn(move || {
        while let Some(c) = chars.next() {
            if c.is_alphanumeric() || c == '_' {
                if ended {
                    word.clear();
                    ended = false;
                }
                word.extend(c.to_lowercase());
            } else if c.is_whitespace() {
                ended = true;
            } else if c == '(' && word.starts_with(|first: char| first.is_alphabetic() || first == '_') {
                ended = false;
                return Some(std::mem::take(&mut word));
            } else {
                word.clear();
                ended = false;
                if matches!(c, '"' | '\'' | '`') {
                    let quoted = chars.by_ref().take_while(|close| *close != c);
                    // The name of a function can be quoted, too.
                    word = quoted.flat_map(char::to_lowercase).collect();
                    ended = true;
                }
            }
        }
        None
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use polars::prelude::{AnyValue, df};

    #[test]
    fn one_row_is_enough_for_these() {
        let frame = df!("a" => [1_i64, 2, 3], "b c" => [2.0, 4.0, 8.0], "s" => ["x", "yy", "x"]).unwrap();
        for (text, second) in [
            ("a / 4", AnyValue::Float64(0.5)),
            ("a * \"b c\" + 1", AnyValue::Float64(9.0)),
            ("CASE WHEN a > 1 THEN 'many' ELSE 'one' END", AnyValue::String("many")),
            ("COALESCE(a, 0) + LENGTH(s)", AnyValue::Int64(4)),
            ("s IN ('x', 'z')", AnyValue::Boolean(false)),
            ("a BETWEEN 2 AND 3 AND NOT (s LIKE 'x%')", AnyValue::Boolean(true)),
            (
                "CAST(a AS DOUBLE) - ROUND(\"b c\" / 3, 1)",
                AnyValue::Float64(2.0 - 1.3),
            ),
            ("UPPER(s) || ' (sum)'", AnyValue::String("YY (sum)")),
            ("GREATEST(a, 2)", AnyValue::Int64(2)),
        ] {
            let expression = Expression::parse(text).unwrap();
            let made = expression.run("made", 3, frame.columns()).unwrap();
            assert_eq!(made.get(1).unwrap(), second, "{text}");
            assert_eq!(made.len(), 3);
            let alone = frame.slice(1, 1);
            let alone = expression.run("made", 1, alone.columns()).unwrap();
            assert_eq!(alone.get(0).unwrap(), second, "{text}, alone");
            let none = frame.head(Some(0));
            assert_eq!(expression.run("made", 0, none.columns()).unwrap().len(), 0);
        }
    }

    #[test]
    fn what_needs_other_rows_is_refused() {
        for text in [
            "AVG(a)",
            "a - AVG (a)",
            "SUM(a) OVER ()",
            "ROW_NUMBER() OVER (ORDER BY a)",
            "LAG(a) OVER (ORDER BY a)",
            "a / MAX(a) OVER (PARTITION BY s)",
            "COUNT(*)",
            "a IN (SELECT a FROM other)",
            "(SELECT MAX(a) FROM other)",
            "FIRST(a)",
            "UNNEST(a)",
            "ARRAY_AGG(a)",
            "RANDOM(a)",
            "a - \"covar\"(a, a)",
            "a - covar/**/(a, a)",
            "*",
            "a, b",
            "a AS b",
            "a FROM x",
            "1 + 1",
            "a +",
            "",
        ] {
            let problem = Expression::parse(text).unwrap_err();
            assert!(!problem.what.is_empty() && !problem.hint.is_empty(), "{text}");
        }
        assert!(
            Expression::parse("AVG(a)")
                .unwrap_err()
                .hint
                .contains("one row at a time")
        );
        assert!(
            Expression::parse(&"a+".repeat(4_000))
                .unwrap_err()
                .what
                .contains("too long")
        );
        assert!(Expression::parse(&format!("{}a", "(".repeat(1_900))).is_err());
        let deep = format!("a{}", "+a".repeat(199));
        assert_eq!(Expression::parse(&deep).unwrap().uses, ["a"]);
    }
}
