//! What a statement is and which names it mentions, told from its words. Polars parses the query itself; this looks only
//! for what must not reach it: statements that change data, functions that read files past our own stores, more
//! than one statement.

use std::ops::Range;

use super::depth::check_steps;
use super::place;
use super::tokens::{Placed, Token, keyword, name_at, tokens};
use crate::error::MagicError;

/// A statement that may run. A query keeps its place: what stands before it in the cell is blank, so that every line and
/// column in it is one of the cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Statement {
    /// It gives a table.
    Query(String),
    /// `CREATE TABLE name AS query`.
    Create {
        name: String,
        query: String,
        if_missing: bool,
        replace: bool,
    },
    /// `DROP TABLE name, …`.
    Drop { names: Vec<String> },
}

/// Tells what a statement is, or why it may not run.
pub(super) fn read(query: &str) -> Result<Statement, MagicError> {
    let mut tokens = tokens(query)?;
    while tokens.last().is_some_and(|last| last.token == Token::Mark(';')) {
        tokens.pop();
    }
    let Some(first) = tokens.first() else {
        return Err(MagicError::usage("there is no query")
            .with_hint("`%%sql -o name` with `SELECT … FROM frame` below it, or `%sql SELECT …`"));
    };
    if tokens.iter().any(|placed| placed.token == Token::Mark(';')) {
        return Err(MagicError::usage("one statement a cell, and this one has several")
            .with_hint("put each in a `%%sql` cell of its own, or chain them: WITH a AS (…) SELECT …"));
    }
    if let Some(call) = file_function(&tokens) {
        return Err(call.refused(query));
    }
    check_steps(&tokens)?;
    let end = tokens.last().map_or(first.end, |last| last.end);
    let whole = query[first.start..end].to_owned();
    let word = keyword(&tokens, 0).unwrap_or_default();
    match word.as_str() {
        "CREATE" => create(&whole, query, &tokens),
        "DROP" => drop_table(&tokens),
        "INSERT" | "UPDATE" | "DELETE" | "TRUNCATE" | "ALTER" | "MERGE" | "COPY" | "REPLACE" => Err(MagicError::usage(
            format!("{word} would change data in place, which frames don't allow"),
        )
        .with_hint("`SELECT` what you want, and bind it with `-o name` (the same name is fine)")),
        _ => Ok(Statement::Query(in_place(query, first.start..end))),
    }
}

fn create(whole: &str, query: &str, tokens: &[Placed]) -> Result<Statement, MagicError> {
    let mut at = 1;
    let replace = keyword(tokens, at).as_deref() == Some("OR") && keyword(tokens, at + 1).as_deref() == Some("REPLACE");
    if replace {
        at += 2;
    }
    if matches!(keyword(tokens, at).as_deref(), Some("TEMP" | "TEMPORARY")) {
        at += 1;
    }
    let usage = || {
        MagicError::usage(format!(
            "this CREATE is not supported: {}",
            ironsage_display::text::cut(whole, 60)
        ))
        .with_hint("`CREATE TABLE name AS SELECT …` binds a frame")
    };
    if keyword(tokens, at).as_deref() != Some("TABLE") {
        return Err(usage());
    }
    at += 1;
    let if_missing = keyword(tokens, at).as_deref() == Some("IF");
    if if_missing {
        at += 3;
    }
    let name = name_at(tokens, at).ok_or_else(usage)?;
    if keyword(tokens, at + 1).as_deref() != Some("AS") || tokens.len() <= at + 2 {
        return Err(usage());
    }
    let query = in_place(query, tokens[at + 2].start..tokens[tokens.len() - 1].end);
    Ok(Statement::Create {
        name,
        query,
        if_missing,
        replace,
    })
}

fn drop_table(tokens: &[Placed]) -> Result<Statement, MagicError> {
    let usage = || MagicError::usage("this DROP is not supported").with_hint("`DROP TABLE name` forgets a frame");
    if keyword(tokens, 1).as_deref() != Some("TABLE") {
        return Err(usage());
    }
    let mut at = if keyword(tokens, 2).as_deref() == Some("IF") {
        4
    } else {
        2
    };
    let mut names = Vec::new();
    loop {
        names.push(name_at(tokens, at).ok_or_else(usage)?);
        match tokens.get(at + 1).map(|placed| &placed.token) {
            None => return Ok(Statement::Drop { names }),
            Some(Token::Mark(',')) => at += 2,
            Some(_) => return Err(usage()),
        }
    }
}

/// A part of a query, with blanks and line ends for all that stands before it.
fn in_place(query: &str, part: Range<usize>) -> String {
    let before = query[..part.start].chars();
    let mut placed: String = before.map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
    placed.push_str(&query[part]);
    placed
}

/// A call of a function of Polars that reads files.
struct FileFunction {
    name: String,
    file: Option<String>,
    place: Range<usize>,
}

impl FileFunction {
    /// It would read past our stores, with other credentials and endpoints: `%scan` and `%load` read what they name.
    fn refused(&self, query: &str) -> MagicError {
        let file = self.file.as_deref().unwrap_or("s3://bucket/key");
        let stem = file.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        let stem = stem.split('.').next().unwrap_or_default();
        let name = match stem.parse::<crate::language::name::Name>() {
            Ok(name) => name.to_string(),
            Err(_) => "name".to_owned(),
        };
        let lower = self.name.to_lowercase();
        let format = match lower.rsplit('_').next().unwrap_or_default() {
            // What Polars calls JSON here is one object a line.
            "json" => "ndjson",
            format => format,
        };
        let says_it = file.to_lowercase().contains(&format!(".{format}"));
        let option = match ["csv", "parquet", "ndjson", "ipc"].contains(&format) && !says_it {
            true => format!(" --format {format}"),
            false => String::new(),
        };
        let file = match file.contains(char::is_whitespace) {
            true => format!("'{file}'"),
            false => file.to_owned(),
        };
        MagicError::usage(format!(
            "{}(…) would read past Ironsage's own stores{}",
            self.name,
            place::shown(query, self.place.clone())
        ))
        .with_hint(format!(
            "`%scan {file}{option} -o {name}` before it, and `FROM {name}` in the query, which reads only what it needs"
        ))
    }
}

fn file_function(tokens: &[Placed]) -> Option<FileFunction> {
    tokens.windows(2).enumerate().find_map(|(at, pair)| {
        let (Token::Word(name) | Token::Quoted(name), Token::Mark('(')) = (&pair[0].token, &pair[1].token) else {
            return None;
        };
        let lower = name.to_lowercase();
        let reads = ["read_", "scan_"].iter().any(|start| lower.starts_with(start));
        let file = match tokens.get(at + 2).map(|placed| &placed.token) {
            Some(Token::Text(file)) => Some(file.clone()),
            _ => None,
        };
        reads.then(|| FileFunction {
            name: name.clone(),
            file,
            place: pair[0].start..pair[0].end,
        })
    })
}

/// Where a name stands in a query: where a table stands, if `as_table`; the last part of a qualified one.
pub(super) fn place_of(query: &str, name: &str, as_table: bool) -> Option<Range<usize>> {
    let tokens = tokens(query).ok()?;
    let is_it = |at: usize| name_at(&tokens, at).is_some_and(|found| found.eq_ignore_ascii_case(name));
    let table_stands = |at: usize| {
        let before = at.checked_sub(1);
        before.is_some_and(|before| {
            tokens[before].token == Token::Mark(',')
                || matches!(keyword(&tokens, before).as_deref(), Some("FROM" | "JOIN" | "TABLE"))
        })
    };
    let found: Vec<usize> = (0..tokens.len()).filter(|at| is_it(*at)).collect();
    let wanted = found.iter().find(|at| table_stands(**at) == as_table);
    let at = *wanted.or(found.first())?;
    Some(tokens[at].start..tokens[at].end)
}

/// The names that a query gives to its own parts: `WITH name AS (…)`.
pub(super) fn parts(query: &str) -> Vec<String> {
    let tokens = tokens(query).unwrap_or_default();
    let is_part = |at: &usize| {
        let named = matches!(keyword(&tokens, at.wrapping_sub(1)).as_deref(), Some("WITH"))
            || at
                .checked_sub(1)
                .is_some_and(|before| tokens[before].token == Token::Mark(','));
        let opened = tokens
            .get(at + 2)
            .is_some_and(|placed| placed.token == Token::Mark('('));
        named && opened && keyword(&tokens, at + 1).as_deref() == Some("AS")
    };
    let found = (0..tokens.len()).filter(is_part);
    found.filter_map(|at| name_at(&tokens, at)).collect()
}

/// The first word in capitals.
pub(super) fn first_word(query: &str) -> Option<String> {
    keyword(&tokens(query).ok()?, 0)
}

/// All names that a query mentions, whatever they stand for.
pub(super) fn identifiers(query: &str) -> Vec<String> {
    let tokens = tokens(query).unwrap_or_default();
    let mut names: Vec<String> = (0..tokens.len()).filter_map(|at| name_at(&tokens, at)).collect();
    names.sort();
    names.dedup();
    names
}

/// The names that stand where a table stands: after FROM, JOIN, and commas between tables.
pub(super) fn tables(query: &str) -> Vec<String> {
    let tokens = tokens(query).unwrap_or_default();
    let mut names = Vec::new();
    let mut in_from = false;
    let mut in_query = true;
    let mut outside: Vec<(bool, bool)> = Vec::new();
    for at in 0..tokens.len() {
        match &tokens[at].token {
            Token::Mark('(') => {
                outside.push((in_from, in_query));
                let first = keyword(&tokens, at + 1);
                in_query = matches!(first.as_deref(), Some("SELECT" | "WITH"));
                // A join in brackets begins with a table.
                if in_from && !in_query && first.as_deref() != Some("VALUES") {
                    names.extend(name_at(&tokens, at + 1));
                }
                in_from = false;
            }
            Token::Mark(')') => (in_from, in_query) = outside.pop().unwrap_or((false, true)),
            Token::Mark(',') if in_from => names.extend(name_at(&tokens, at + 1)),
            Token::Word(word) => match word.to_uppercase().as_str() {
                // A part of a function otherwise, EXTRACT(year FROM day), or of `a IS DISTINCT FROM b`.
                "FROM" if in_query && keyword(&tokens, at.wrapping_sub(1)).as_deref() != Some("DISTINCT") => {
                    in_from = true;
                    names.extend(name_at(&tokens, at + 1));
                }
                "JOIN" | "TABLE" => names.extend(name_at(&tokens, at + 1)),
                "WHERE" | "GROUP" | "ORDER" | "HAVING" | "LIMIT" | "UNION" | "SELECT" | "ON" | "USING" => {
                    in_from = false
                }
                _ => {}
            },
            _ => {}
        }
    }
    names.sort();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;
    use crate::magics::sql::depth::check_length;

    #[test]
    fn comments_and_a_last_semicolon_are_no_part_of_the_query() {
        let read = read("-- two zero heights\nSELECT * FROM a /* x; y */ WHERE b = ';' ;\n").unwrap();
        assert_eq!(
            read,
            Statement::Query(format!("{:19}\nSELECT * FROM a /* x; y */ WHERE b = ';'", "")),
            "its place in the cell is kept"
        );
    }

    #[test]
    fn create_and_drop_bind_and_unbind() {
        let create = |query: &str| read(query).unwrap();
        let expected = |at: usize, if_missing, replace| Statement::Create {
            name: "c".into(),
            query: " ".repeat(at) + "SELECT 1",
            if_missing,
            replace,
        };
        assert_eq!(create("CREATE TABLE c AS SELECT 1;"), expected(18, false, false));
        assert_eq!(
            create("create or replace table c as SELECT 1"),
            expected(29, false, true)
        );
        assert_eq!(
            create("CREATE TABLE IF NOT EXISTS \"c\" AS SELECT 1"),
            expected(34, true, false)
        );
        assert_eq!(
            create("DROP TABLE IF EXISTS a, b"),
            Statement::Drop {
                names: vec!["a".into(), "b".into()]
            }
        );
        assert!(
            read("CREATE VIEW c AS SELECT 1")
                .unwrap_err()
                .hint
                .unwrap()
                .contains("CREATE TABLE name AS")
        );
    }

    #[test]
    fn what_changes_data_reads_files_or_comes_in_two_is_refused() {
        for query in [
            "INSERT INTO a VALUES (1)",
            "delete from a",
            "TRUNCATE a",
            "UPDATE a SET b = 1",
        ] {
            assert!(read(query).unwrap_err().message.contains("in place"), "{query}");
        }
        for query in [
            "SELECT * FROM read_csv('x.csv')",
            "SELECT * FROM READ_PARQUET ( 'x' )",
            "SELECT * FROM \"read_json\"('x')",
        ] {
            assert!(read(query).unwrap_err().hint.unwrap().contains("%scan"), "{query}");
        }
        let hint = |query: &str| read(query).unwrap_err().hint.unwrap();
        assert!(
            hint("SELECT * FROM read_csv('s3://b/raw/trips.csv') t")
                .starts_with("`%scan s3://b/raw/trips.csv -o trips`")
        );
        assert!(
            hint("SELECT * FROM read_parquet('s3://b/raw/')")
                .starts_with("`%scan s3://b/raw/ --format parquet -o raw`")
        );
        assert!(
            hint("SELECT * FROM read_json('my 2.json')").starts_with("`%scan 'my 2.json' --format ndjson -o name`")
        );
        assert!(
            read("SELECT 1; SELECT 2")
                .unwrap_err()
                .message
                .contains("one statement")
        );
        assert!(read("-- nothing\n").unwrap_err().message.contains("no query"));
        assert_eq!(
            read("SELECT 'read_csv(' FROM a").unwrap(),
            Statement::Query("SELECT 'read_csv(' FROM a".into())
        );
    }

    #[test]
    fn tables_stand_after_from_and_join() {
        let query = "WITH w AS (SELECT * FROM a, \"b c\") SELECT d.x FROM w JOIN e ON w.x = e.y, f WHERE x IN (1, 2)";
        assert_eq!(tables(query), ["a", "b c", "e", "w"]);
        assert_eq!(
            tables("SELECT * FROM (a JOIN b ON a.x = b.x), (SELECT 1 FROM c) d"),
            ["a", "b", "c"]
        );
        assert_eq!(parts(query), ["w"]);
        assert_eq!(
            parts("WITH v AS (SELECT 1), \"w x\" AS (SELECT 2) SELECT a AS b, (1) FROM v"),
            ["v", "w x"]
        );
    }

    #[test]
    fn a_from_in_a_function_is_no_table() {
        for query in [
            "SELECT EXTRACT(year FROM day) FROM a WHERE EXTRACT(hour FROM other) > 2",
            "SELECT SUBSTRING(name FROM 2), SUBSTRING(name FROM first) FROM a",
            "SELECT TRIM(BOTH mark FROM name) FROM a WHERE x IN (SELECT TRIM(LEADING mark FROM name) FROM a)",
            "SELECT * FROM a WHERE day IS DISTINCT FROM other",
            "WITH w AS (WITH v AS (SELECT EXTRACT(year FROM day) FROM a) SELECT 1) SELECT (x + EXTRACT(year FROM day))",
        ] {
            assert_eq!(tables(query), ["a"], "{query}");
        }
        assert_eq!(
            tables("((SELECT x FROM a) UNION (SELECT EXTRACT(year FROM day) FROM b))"),
            ["a", "b"]
        );
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(query in "\\PC{0,60}") {
            let _ = read(&query);
            let _ = (tables(&query), parts(&query), place_of(&query, "a", true), check_length(&query));
        }

        #[test]
        fn quotes_and_marks_never_panic(query in "[ '\"`;()/*a-]{0,24}") {
            let _ = read(&query);
        }
    }
}
