//! Where the cursor stands: behind a dot, behind `::`, at a bare name, or in a string.

use std::ops::Range;

use super::tokens::{Sort, Token, angle, enclosing, opening};

/// What is to be completed or explained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cursor {
    /// The word, or what there is of it: for completion, up to the cursor.
    pub(super) word: Range<usize>,
    pub(super) place: Place,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// Behind the dot of an expression: its range, where it could be told.
    Member(Option<Range<usize>>),
    /// Behind `::`: what stands before it, part by part.
    Path(Vec<String>),
    /// A name on its own.
    Name,
    /// In a string that is given to a function or method of this name.
    Text(String),
    /// In a comment, a character, a number.
    Nothing,
}

impl Cursor {
    /// Where completion is asked for.
    pub(super) fn to_complete(rust: &str, tokens: &[Token], offset: usize) -> Cursor {
        let touching = tokens
            .iter()
            .position(|token| token.start < offset && offset <= token.end);
        let word = touching.map_or(offset..offset, |at| tokens[at].start..offset);
        let nothing = |word| Cursor {
            word,
            place: Place::Nothing,
        };
        let Some(at) = touching else {
            let before = tokens.partition_point(|token| token.end <= offset);
            return Cursor {
                word,
                place: place(rust, &tokens[..before]),
            };
        };
        let token = tokens[at];
        match token.sort {
            Sort::Word => Cursor {
                word,
                place: place(rust, &tokens[..at]),
            },
            Sort::Mark(_) => Cursor {
                word: offset..offset,
                place: place(rust, &tokens[..=at]),
            },
            Sort::Text => {
                let text = &rust[token.start..token.end];
                let open = text.find('"').map_or(token.end, |quote| token.start + quote + 1);
                let closed = text.len() > open - token.start && text.trim_end_matches('#').ends_with('"');
                if offset < open || (closed && offset == token.end) {
                    return nothing(offset..offset);
                }
                let call = call_around(rust, &tokens[..at]);
                Cursor {
                    word: open..offset,
                    place: call.map_or(Place::Nothing, Place::Text),
                }
            }
            // Line comments reach to the end of the line, others end before the cursor.
            Sort::Comment => {
                let over = rust[token.start..token.end].ends_with("*/") && offset == token.end;
                let place = if over {
                    place(rust, &tokens[..at])
                } else {
                    Place::Nothing
                };
                Cursor {
                    word: offset..offset,
                    place,
                }
            }
            Sort::Number | Sort::Quoted => nothing(offset..offset),
        }
    }

    /// What an explanation is asked of: the word at the cursor; else that whose arguments it stands in.
    pub(super) fn to_explain(rust: &str, tokens: &[Token], offset: usize) -> Option<Cursor> {
        let at_cursor = tokens
            .iter()
            .position(|token| token.sort == Sort::Word && token.start <= offset && offset <= token.end);
        let at = at_cursor.or_else(|| {
            let before = tokens.partition_point(|token| token.end <= offset);
            let open = enclosing(&tokens[..before])?;
            called(tokens, open)
        })?;
        Some(Cursor {
            word: tokens[at].start..tokens[at].end,
            place: place(rust, &tokens[..at]),
        })
    }
}

/// What stands before the word, given the tokens up to it.
fn place(rust: &str, before: &[Token]) -> Place {
    let code: Vec<Token> = before
        .iter()
        .copied()
        .filter(|token| token.sort != Sort::Comment)
        .collect();
    if let [.., earlier, dot] = code.as_slice()
        && dot.is('.')
    {
        return match earlier.is('.') {
            true => Place::Name,
            false => Place::Member(receiver(rust, &code[..code.len() - 1])),
        };
    }
    if ends_path(&code) {
        return path(rust, &code).map_or(Place::Nothing, Place::Path);
    }
    match in_use(rust, &code) {
        Some(path) if !path.is_empty() => Place::Path(path),
        _ => Place::Name,
    }
}

fn ends_path(code: &[Token]) -> bool {
    matches!(code, [.., one, two] if one.is(':') && two.is(':') && one.end == two.start)
}

/// The parts of the path that ends with the tokens; its generic arguments are left out.
fn path(rust: &str, code: &[Token]) -> Option<Vec<String>> {
    let mut parts = Vec::new();
    let mut end = code.len();
    while ends_path(&code[..end]) {
        end -= 2;
        if end > 0 && code[end - 1].is('>') {
            end = angle(&code[..end], end - 1)?;
            // `Vec::<u8>::` and `Vec<u8>::`; not `<T as Trait>::`.
            if ends_path(&code[..end]) {
                end -= 2;
            }
        }
        match code[..end].last() {
            Some(token) if token.sort == Sort::Word => {
                parts.push(rust[token.start..token.end].to_owned());
                end -= 1;
            }
            // `::name`.
            _ if !parts.is_empty() => break,
            _ => return None,
        }
    }
    parts.reverse();
    let within = in_use(rust, &code[..end]).unwrap_or_default();
    Some(within.into_iter().chain(parts).collect())
}

/// What stands before the braces of `use a::{b, c`.
fn in_use(rust: &str, code: &[Token]) -> Option<Vec<String>> {
    let open = enclosing(code).filter(|open| code[*open].is('{') && ends_path(&code[..*open]))?;
    path(rust, &code[..open])
}

/// The range of the expression that the tokens end with.
fn receiver(rust: &str, code: &[Token]) -> Option<Range<usize>> {
    let end = code.last()?.end;
    let mut at = code.len() - 1;
    loop {
        match code[at].sort {
            Sort::Mark('?') => at = at.checked_sub(1)?,
            Sort::Mark(')') => {
                let open = opening(code, at)?;
                match before_call(code, open) {
                    Some(callee) => at = callee,
                    None => return Some(code[open].start..end),
                }
            }
            Sort::Mark(']') => {
                let open = opening(code, at)?;
                match before_index(rust, code, open) {
                    Some(indexed) => at = indexed,
                    None => return Some(code[open].start..end),
                }
            }
            Sort::Word | Sort::Number => {
                let first = path_start(code, at)?;
                let dot = first.checked_sub(1).filter(|dot| code[*dot].is('.'));
                match dot.and_then(|dot| dot.checked_sub(1)) {
                    Some(before) if !code[before].is('.') => at = before,
                    _ if is_keyword(&rust[code[at].start..code[at].end]) => return None,
                    _ => return Some(code[first].start..end),
                }
            }
            Sort::Text | Sort::Quoted => return Some(code[at].start..end),
            Sort::Mark(_) | Sort::Comment => return None,
        }
    }
}

/// The last token of what is called with the parenthesis at `open`; `None` for a group of its own.
fn before_call(code: &[Token], open: usize) -> Option<usize> {
    let before = open.checked_sub(1)?;
    match code[before].sort {
        Sort::Word => Some(before),
        Sort::Mark(')' | ']' | '?') => Some(before),
        Sort::Mark('!') => macro_name(code, before),
        // `collect::<Vec<_>>()`
        Sort::Mark('>') => {
            let angle = angle(code, before)?;
            let name = ends_path(&code[..angle]).then(|| angle.checked_sub(3)).flatten()?;
            (code[name].sort == Sort::Word).then_some(name)
        }
        _ => None,
    }
}

/// The same of what is indexed with the bracket at `open`; `None` for an array.
fn before_index(rust: &str, code: &[Token], open: usize) -> Option<usize> {
    let before = open.checked_sub(1)?;
    match code[before].sort {
        Sort::Word => (!is_keyword(&rust[code[before].start..code[before].end])).then_some(before),
        Sort::Mark(')' | ']' | '?') => Some(before),
        Sort::Mark('!') => macro_name(code, before),
        _ => None,
    }
}

/// The name before the `!` of a macro call.
fn macro_name(code: &[Token], bang: usize) -> Option<usize> {
    let name = bang.checked_sub(1)?;
    (code[name].sort == Sort::Word && code[name].end == code[bang].start).then_some(name)
}

/// Where the path begins that ends with the word at `at`.
fn path_start(code: &[Token], at: usize) -> Option<usize> {
    let mut first = at;
    while ends_path(&code[..first]) {
        let mut before = first.checked_sub(3)?;
        if code[before].is('>') {
            let open = angle(code, before)?;
            before = match open {
                _ if ends_path(&code[..open]) => open.checked_sub(3)?,
                _ if open > 0 && code[open - 1].sort == Sort::Word => open - 1,
                // `<T as Trait>::name`
                _ => return Some(open),
            };
        }
        if code[before].sort != Sort::Word {
            return None;
        }
        first = before;
    }
    Some(first)
}

/// Words before a parenthesis that call nothing, and that no expression ends with.
fn is_keyword(word: &str) -> bool {
    const KEYWORDS: [&str; 20] = [
        "as", "break", "const", "continue", "else", "fn", "for", "if", "impl", "in", "let", "loop", "match", "mod",
        "move", "mut", "ref", "return", "use", "while",
    ];
    KEYWORDS.contains(&word)
}

/// The place of the name whose arguments begin with the bracket at `open`.
fn called(code: &[Token], open: usize) -> Option<usize> {
    if code[open].is('{') {
        return None;
    }
    match before_call(code, open) {
        Some(name) if code[name].sort == Sort::Word => Some(name),
        // An array in an argument list.
        _ if code[open].is('[') => called(code, enclosing(&code[..open])?),
        _ => None,
    }
}

fn call_around(rust: &str, before: &[Token]) -> Option<String> {
    let open = enclosing(before)?;
    let name = called(before, open)?;
    Some(rust[before[name].start..before[name].end].to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::super::tokens::tokens;
    use super::*;

    /// The text of the word, and the place, with `|` for the cursor.
    fn at(code: &str) -> (String, Place) {
        let offset = code.find('|').unwrap();
        let rust = code.replacen('|', "", 1);
        let cursor = Cursor::to_complete(&rust, &tokens(&rust), offset);
        (rust[cursor.word].to_owned(), cursor.place)
    }

    fn receiver_of(code: &str) -> String {
        let offset = code.find('|').unwrap();
        let rust = code.replacen('|', "", 1);
        let cursor = Cursor::to_complete(&rust, &tokens(&rust), offset);
        match cursor.place {
            Place::Member(Some(range)) => rust[range].to_owned(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn the_receiver_is_all_that_the_dot_belongs_to() {
        for (code, expected) in [
            ("df.|", "df"),
            ("let x = df.la|", "df"),
            ("-x.|", "x"),
            ("&df.cl|", "df"),
            ("let é = é.|", "é"),
            ("df\n    .lazy()\n    // why\n    .fil|", "df\n    .lazy()"),
            ("df.lazy().select([col(\"a\").|])", "col(\"a\")"),
            ("f(a, df.lazy().|", "df.lazy()"),
            ("x?.|", "x?"),
            ("df.column(\"a\")?.|", "df.column(\"a\")?"),
            ("a.b.0.|", "a.b.0"),
            ("pair.0.|", "pair.0"),
            ("rows[0].|", "rows[0]"),
            ("[1, 2].|", "[1, 2]"),
            ("(a + b).|", "(a + b)"),
            ("f(x)(y).|", "f(x)(y)"),
            ("\"text\".|", "\"text\""),
            ("'c'.|", "'c'"),
            ("5.0.|", "5.0"),
            ("vec![1, 2].|", "vec![1, 2]"),
            ("df!(\"a\" => [1])?.|", "df!(\"a\" => [1])?"),
            ("println!(\"{}\", df.|", "df"),
            ("a::b::c(1).|", "a::b::c(1)"),
            ("Vec::<u8>::new().|", "Vec::<u8>::new()"),
            ("<u8 as Default>::default().|", "<u8 as Default>::default()"),
            ("v.iter().collect::<Vec<_>>().|", "v.iter().collect::<Vec<_>>()"),
            ("future.await.|", "future.await"),
            ("self.|", "self"),
            ("return x.|", "x"),
            ("if df.|", "df"),
            ("for i in 0..n.|", "n"),
            (":opt 2\nx.|", "x"),
        ] {
            assert_eq!(receiver_of(code), expected, "{code}");
        }
    }

    #[test]
    fn a_closure_s_parameter_is_a_receiver() {
        let rust = "v.iter().map(|x| x.)";
        let cursor = Cursor::to_complete(rust, &tokens(rust), rust.len() - 1);
        assert_eq!(cursor.place, Place::Member(Some(17..18)));
    }

    #[test]
    fn places_without_a_receiver_are_told() {
        let path = |parts: &[&str]| Place::Path(parts.iter().map(|part| (*part).to_owned()).collect());
        for (code, word, place) in [
            ("DataFr|", "DataFr", Place::Name),
            ("|", "", Place::Name),
            ("let x = |", "", Place::Name),
            ("0..n|", "n", Place::Name),
            ("DataFrame::|", "", path(&["DataFrame"])),
            ("polars::prelude::Dat|", "Dat", path(&["polars", "prelude"])),
            ("Vec::<u8>::n|", "n", path(&["Vec"])),
            ("Vec<u8>::n|", "n", path(&["Vec"])),
            ("use polars::|", "", path(&["polars"])),
            ("use polars::{prelude::{col, li|", "li", path(&["polars", "prelude"])),
            ("use polars::{a, prelude::li|};", "li", path(&["polars", "prelude"])),
            ("match x { m::A => 1, b|", "b", Place::Name),
            ("::std::|", "", path(&["std"])),
            ("<T as A>::|", "", Place::Nothing),
            ("if x {} else {}.|", "", Place::Member(None)),
            ("// comm|", "", Place::Nothing),
            ("/* done */|", "", Place::Name),
            ("'c|'", "", Place::Nothing),
            ("12|", "", Place::Nothing),
        ] {
            assert_eq!(at(code), (word.to_owned(), place), "{code}");
        }
    }

    #[test]
    fn a_string_knows_what_it_is_given_to() {
        let text = |name: &str| Place::Text(name.to_owned());
        for (code, word, place) in [
            ("col(\"le|\")", "le", text("col")),
            ("col(\"|", "", text("col")),
            ("df.select([\"a\", \"é|\"])", "é", text("select")),
            ("df.sort(&[\"a|\"], x)", "a", text("sort")),
            ("let s = \"a|\"", "a", Place::Nothing),
            ("col(\"a\"|)", "", Place::Nothing),
            ("if x { \"a|\" }", "a", Place::Nothing),
            ("println!(\"a|", "a", text("println")),
        ] {
            assert_eq!(at(code), (word.to_owned(), place), "{code}");
        }
    }

    #[test]
    fn an_explanation_is_of_the_word_or_the_call() {
        let word = |code: &str| {
            let offset = code.find('|').unwrap();
            let rust = code.replacen('|', "", 1);
            let cursor = Cursor::to_explain(&rust, &tokens(&rust), offset)?;
            Some(rust[cursor.word].to_owned())
        };
        for (code, expected) in [
            ("df.la|zy()", Some("lazy")),
            ("|df.lazy()", Some("df")),
            ("df.lazy|()", Some("lazy")),
            ("df.sort(&[\"a\"], |)", Some("sort")),
            ("df.sort([\"a|\"])", Some("sort")),
            ("df!(|", Some("df")),
            ("x.collect::<Vec<_>>(|", Some("collect")),
            ("let x = 1; |", None),
            ("{ |", None),
        ] {
            assert_eq!(word(code).as_deref(), expected, "{code}");
        }
    }

    proptest! {
        #[test]
        fn no_text_and_no_place_fail(code in "(?s)[a-z.:(){}<>!?\"' é\\[\\]=0-9\n|]{0,40}", at in 0usize..42) {
            let offset = code.floor_char_boundary(at.min(code.len()));
            let tokens = tokens(&code);
            let cursor = Cursor::to_complete(&code, &tokens, offset);
            prop_assert!(cursor.word.end == offset && code.get(cursor.word).is_some());
            if let Some(cursor) = Cursor::to_explain(&code, &tokens, offset) {
                prop_assert!(code.get(cursor.word).is_some());
            }
        }
    }
}
