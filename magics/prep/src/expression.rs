//! The expressions of `with`: SQL over the columns of one row.
//!
//! What looks at other rows (aggregates, windows, queries) is refused: at an endpoint a row comes
//! alone, and must be prepared as it was among the training rows. Which nodes know one row only is
//! listed for the tree that Polars makes of the text; names in the text serve good errors alone.

use polars::prelude::{
    AggExpr, BooleanFunction, Column, DataFrame, Expr, FunctionExpr, IntoLazy, ListFunction, LiteralValue,
    StringFunction,
};

use crate::column;
use crate::error::{PrepError, nearest};

/// A longer expression is no line of a recipe.
const LONGEST: usize = 2_000;

/// More words could make a tree too deep for Polars to walk on a thread's stack (`a+a+a…`: 400 are walked).
const MOST_WORDS: usize = 200;

/// Polars writes some functions out with their argument twice or more, so that nested ones grow without end.
const MOST_NODES: usize = 10_000;

/// Functions of one row, and keywords and types that may stand before a parenthesis: for hints.
#[rustfmt::skip]
const ONE_ROW: [&str; 106] = [
    // numbers
    "abs", "cbrt", "ceil", "ceiling", "div", "exp", "floor", "ln", "log", "log10", "log1p", "log2", "mod", "pi", "pow",
    "power", "round", "sign", "sqrt", "trunc", "truncate", "cos", "cot", "sin", "tan", "cosd", "cotd", "sind", "tand",
    "acos", "asin", "atan", "atan2", "acosd", "asind", "atand", "atan2d", "degrees", "radians", "bit_and", "bit_not",
    "bit_or", "bit_xor",
    // choices
    "coalesce", "greatest", "if", "ifnull", "least", "nullif",
    // text
    "bit_length", "char_length", "character_length", "concat", "concat_ws", "ends_with", "left", "length", "lower",
    "lpad", "ltrim", "normalize", "octet_length", "position", "regexp_like", "replace", "reverse", "right", "rpad",
    "rtrim", "split_part", "starts_with", "strpos", "substr", "substring", "trim", "upper",
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
        // Empty texts stand for words, too: `''=''=''…`.
        let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '\'' | '"');
        let words = text.split(|c| !is_word(c)).filter(|word| !word.is_empty());
        let too_long = || format!("the expression is too long: at most {MOST_WORDS} words are read");
        let shorter = "make it of several `with` lines, or in `%%sql`";
        if text.len() > LONGEST || words.count() > MOST_WORDS {
            return refuse(too_long(), shorter);
        }
        if text.contains("/*") || text.contains("--") {
            return refuse(
                "an expression has no comments".to_owned(),
                "`- -a` takes away a negative one",
            );
        }
        let expr = match polars::sql::sql_expr(text) {
            Ok(expr) => expr,
            Err(error) => {
                let what = format!("`{text}` can't be read as an expression: {error}");
                return Err(of_other_rows(text).unwrap_or_else(|| Problem {
                    what,
                    hint: "SQL over columns, such as `with volume = length * height`".to_owned(),
                }));
            }
        };
        if matches!(expr, Expr::Alias(..)) {
            return refuse("the name stands before the `=`".to_owned(), "leave out `AS …`");
        }
        if expr.into_iter().nth(MOST_NODES).is_some() {
            return refuse(too_long(), shorter);
        }
        if guesses_format(&expr) {
            let what = format!("`{text}` has no format, and would guess it from other rows");
            return refuse(what, "say it: `DATE(sold, '%Y-%m-%d')`, or `CAST(sold AS DATE)`");
        }
        if !knows_one_row(&expr) {
            let what = format!("`{text}` looks at more than one row");
            return Err(of_other_rows(text).unwrap_or_else(|| Problem {
                what,
                hint: OTHER_ROWS.to_owned(),
            }));
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

/// Whether the value of a row comes of that row alone.
fn knows_one_row(expr: &Expr) -> bool {
    match expr {
        Expr::Column(_) => true,
        Expr::Literal(value) => matches!(value, LiteralValue::Dyn(_) | LiteralValue::Scalar(_)),
        Expr::Alias(expr, _) | Expr::Cast { expr, .. } => knows_one_row(expr),
        Expr::BinaryExpr { left, right, .. } => knows_one_row(left) && knows_one_row(right),
        Expr::Ternary {
            predicate,
            truthy,
            falsy,
        } => knows_one_row(predicate) && knows_one_row(truthy) && knows_one_row(falsy),
        Expr::Function { input, function } => is_of_one_row(function) && input.iter().all(knows_one_row),
        // The list of an IN is made of values alone.
        Expr::Agg(AggExpr::Implode { input, .. }) => matches!(**input, Expr::Literal(_)),
        _ => false,
    }
}

/// Whether a function takes each row by itself. What is not known to do so does not.
fn is_of_one_row(function: &FunctionExpr) -> bool {
    match function {
        FunctionExpr::Abs
        | FunctionExpr::Atan2
        | FunctionExpr::Ceil
        | FunctionExpr::Clip { .. }
        | FunctionExpr::Coalesce
        | FunctionExpr::Exp
        | FunctionExpr::FillNull
        | FunctionExpr::Floor
        | FunctionExpr::Log
        | FunctionExpr::Log1p
        | FunctionExpr::MaxHorizontal
        | FunctionExpr::MinHorizontal
        | FunctionExpr::Negate
        | FunctionExpr::Pow(_)
        | FunctionExpr::Round { .. }
        | FunctionExpr::Sign
        | FunctionExpr::TemporalExpr(_)
        | FunctionExpr::Trigonometry(_)
        | FunctionExpr::Truncate { .. }
        // `SPLIT_PART`: of the parts of one text.
        | FunctionExpr::ListExpr(ListFunction::Get(_)) => true,
        FunctionExpr::Boolean(function) => matches!(
            function,
            BooleanFunction::IsBetween { .. }
                | BooleanFunction::IsIn { .. }
                | BooleanFunction::IsNotNull
                | BooleanFunction::IsNull
                | BooleanFunction::Not
        ),
        FunctionExpr::StringExpr(function) => matches!(
            function,
            StringFunction::ConcatHorizontal { .. }
                | StringFunction::Contains { .. }
                | StringFunction::EndsWith
                | StringFunction::Find { .. }
                | StringFunction::LenBytes
                | StringFunction::LenChars
                | StringFunction::Lowercase
                | StringFunction::Normalize { .. }
                | StringFunction::PadEnd { .. }
                | StringFunction::PadStart { .. }
                | StringFunction::Replace { .. }
                | StringFunction::Reverse
                | StringFunction::Slice
                | StringFunction::Split(_)
                | StringFunction::StartsWith
                | StringFunction::StripChars
                | StringFunction::StripCharsEnd
                | StringFunction::StripCharsStart
                | StringFunction::Strptime(..)
                | StringFunction::Uppercase
        ),
        _ => false,
    }
}

/// Whether times are read from a column's text without a format: Polars then takes that of the first rows.
fn guesses_format(expr: &Expr) -> bool {
    expr.into_iter().any(|node| match node {
        Expr::Function {
            input,
            function: FunctionExpr::StringExpr(StringFunction::Strptime(_, options)),
        } => options.format.is_none() && !matches!(input[..], [Expr::Literal(_), ..]),
        _ => false,
    })
}

/// What is wrong with the first name before a parenthesis that is none of a function of one row.
fn of_other_rows(text: &str) -> Option<Problem> {
    let name = calls(text).find(|name| !ONE_ROW.contains(&name.as_str()))?;
    let near = nearest(&name, ONE_ROW.into_iter());
    Some(Problem {
        what: format!("`{}` is no function of one row", name.to_uppercase()),
        hint: match near {
            Some(near) => format!("did you mean `{}`? {OTHER_ROWS}", near.to_uppercase()),
            None => OTHER_ROWS.to_owned(),
        },
    })
}

/// The words that a parenthesis follows, quoted or not, in lower case; none from within a text of the expression.
fn calls(text: &str) -> impl Iterator<Item = String> + '_ {
    let code = text.split('\'').step_by(2);
    let opened = code.flat_map(|code| code.match_indices('(').map(move |(at, _)| (code, at)));
    opened.filter_map(|(code, at)| {
        let before = code[..at].trim_end().trim_end_matches(['"', '`']);
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let word = &before[before.trim_end_matches(is_word).len()..];
        let is_name = word.starts_with(|first: char| first.is_alphabetic() || first == '_');
        is_name.then(|| word.to_lowercase())
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use polars::prelude::{AnyValue, DataType, df};

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
            "EXPLODE(s)",
            "CORR(a, a)",
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
        let said = |text: &str| {
            let problem = Expression::parse(text).unwrap_err();
            format!("{}: {}", problem.what, problem.hint)
        };
        let avg = format!("`AVG` is no function of one row: {OTHER_ROWS}");
        assert_eq!(said("a - AVG(a)"), avg);
        assert_eq!(said("CASE WHEN s = 'f (x)' THEN AVG(a) END"), avg);
        assert!(said("LENGHT(s)").contains("did you mean `LENGTH`?"));
        // Polars takes the format of the first rows' texts for that of all.
        assert!(said("DATE(s)").contains("has no format"));
        assert!(Expression::parse("DATE(s, '%Y-%m-%d') > DATE('2026-01-31')").is_ok());
    }

    #[test]
    fn what_would_be_too_deep_or_too_large_is_refused() {
        let doubled = format!("{}a{}", "NULLIF(".repeat(30), ", 1)".repeat(30));
        for text in ["a+".repeat(4_000), format!("a{}", "=''".repeat(500)), doubled] {
            assert!(
                Expression::parse(&text).unwrap_err().what.contains("too long"),
                "{text}"
            );
        }
        assert!(Expression::parse(&format!("{}a", "(".repeat(1_900))).is_err());
        let deep = format!("a{}", "+a".repeat(199));
        assert_eq!(Expression::parse(&deep).unwrap().uses, ["a"]);
    }

    /// Every function that hints may name is one, and gives a row alone what it gives it among others.
    #[test]
    fn functions_of_one_row() {
        let days = Column::new("d".into(), [0_i32, 400, 20_000]);
        let mut frame = df!(
            "a" => [1_i64, 2, 3], "x" => [0.25, 0.5, 0.75], "s" => ["a-b", "Yy", " x "],
            "t" => ["1970-01-01", "2026-11-30", "2000-02-29"], "h" => ["00:00", "12:30", "23:59"],
        )
        .unwrap();
        frame.with_column(days.cast(&DataType::Date).unwrap()).unwrap();
        let numbers = "abs cbrt ceil ceiling exp floor ln log10 log1p log2 round sign sqrt trunc truncate cos cot sin tan \
                       cosd cotd sind tand acos asin atan acosd asind atand degrees radians";
        let texts = "bit_length char_length character_length length lower ltrim normalize octet_length reverse rtrim \
                     trim upper";
        #[rustfmt::skip]
        let others = [
            "DIV(a, 2)", "LOG(x, 2)", "MOD(a, 2)", "PI() * x", "POW(x, 2)", "POWER(x, a)", "ROUND(x, 1)",
            "ATAN2(x, a)", "ATAN2D(x, a)", "BIT_AND(a, 1)", "BIT_NOT(a > 1)", "BIT_OR(a, 1)", "BIT_XOR(a, 1)",
            "COALESCE(a, x)", "GREATEST(a, x)", "IF(a > 1, x, 0)", "IFNULL(a, 0)", "LEAST(a, 2, x)", "NULLIF(a, 2)",
            "CONCAT(s, t)", "CONCAT_WS('-', s, t)", "ENDS_WITH(s, 'b')", "LEFT(s, 1)", "LEFT(s, -1)", "LEFT(s, a)",
            "LPAD(s, 5)", "RPAD(s, 5, '.')", "POSITION('b' IN s)", "REGEXP_LIKE(s, '^a')", "REPLACE(s, '-', '')",
            "RIGHT(s, 1)", "RIGHT(s, a)", "SPLIT_PART(s, '-', 1)", "STARTS_WITH(s, 'a')", "STRPOS(s, '-')",
            "SUBSTR(s, 2)", "SUBSTRING(s, a, 2)", "s || t", "s LIKE 'a%'", "s ILIKE '%Y'", "s IN ('Yy', 'x')",
            "s NOT IN ('Yy', NULL)", "a IS NOT NULL", "a IS DISTINCT FROM 2", "a BETWEEN 1 AND 2", "-a", "NOT a > 1",
            "a % 2", "a // 2", "CASE a WHEN 1 THEN 'one' ELSE s END", "CAST(x AS VARCHAR)",
            "TRY_CAST(s AS DECIMAL(9, 2))", "a::FLOAT", "DATE(t, '%Y-%m-%d')", "CAST(t AS DATE)",
            "DATETIME(t, '%Y-%m-%d')", "TIMESTAMP(t, '%Y-%m-%d')", "STRPTIME(t, '%Y-%m-%d')", "STRFTIME(d, '%Y')",
            "DATE_PART('month', d)", "EXTRACT(year FROM d)", "d + INTERVAL '1 day'", "TIME(h, '%H:%M')",
        ];
        let of = |names: &str, column: &str| -> Vec<String> {
            names
                .split_whitespace()
                .map(|name| format!("{name}({column})"))
                .collect()
        };
        let mut tried = [of(numbers, "x"), of(texts, "s")].concat();
        tried.extend(others.map(str::to_owned));
        for text in &tried {
            let expression = Expression::parse(text).unwrap_or_else(|problem| panic!("{text}: {problem:?}"));
            let run = |frame: &DataFrame| {
                let made = expression.run("made", frame.height(), frame.columns());
                made.unwrap_or_else(|error| panic!("{text}: {error}"))
            };
            let all = run(&frame);
            for row in 0..3 {
                let alone = run(&frame.slice(row as i64, 1));
                assert_eq!(alone.get(0).unwrap(), all.get(row).unwrap(), "{text}");
            }
        }
        let written = tried.join(" ").to_lowercase();
        let words: Vec<&str> = written.split(|c: char| !(c.is_alphanumeric() || c == '_')).collect();
        for name in ONE_ROW {
            assert!(
                words.contains(&name) || ["by", "char", "numeric", "or"].contains(&name),
                "{name}"
            );
        }
    }
}
