//! The type of an expression in an unfinished cell, asked of rustc.
//!
//! As in `types.rs`, a call that demands a trait which no type has stands around the expression, and the complaint
//! names the type. Here it stands in the midst of the cell: everything behind the expression is dropped and what is
//! open is closed, so that it works in closures, arguments and macros, and whatever else rustc complains of does not
//! count. The compiler is ended when its time is over.

use std::io::Read;
use std::ops::Range;
use std::process::Stdio;
use std::time::Instant;

use crossbeam_channel::bounded;
use ra_ap_syntax::{AstNode, Edition, SourceFile, SyntaxKind, ast};

use super::scope::Scope;
use super::tokens::{Sort, Token, enclosing, opening};
use crate::known::{Context, probe_call};
use crate::types;

/// The source by which rustc is asked for the type of an expression, which takes the place of a range of the cell.
pub(super) fn question(
    known: &Context,
    rust: &str,
    tokens: &[Token],
    place: &Range<usize>,
    expression: &str,
) -> String {
    let code: Vec<Token> = tokens
        .iter()
        .copied()
        .filter(|token| token.sort != Sort::Comment && token.end <= place.end)
        .collect();
    let before = &rust[..place.start];
    let mut cell = format!("{before}{}{};", probe_call(expression), closed(rust, &code));
    // Items on the lines below the cursor are as good as those above it.
    let below = &rust[place.end..];
    let below = below.find('\n').map_or("", |line| &below[line..]);
    for node in SourceFile::parse(below, Edition::Edition2024).syntax_node().children() {
        let is_item = ast::Item::can_cast(node.kind()) && node.kind() != SyntaxKind::MACRO_CALL;
        let text = node.text().to_string();
        if is_item && SourceFile::parse(&text, Edition::Edition2024).errors().is_empty() {
            cell.push('\n');
            cell.push_str(&text);
        }
    }
    known.with_probe(&cell)
}

/// What closes all that is open at the end of the tokens. `if`, `match` and loops must have a body.
fn closed(rust: &str, code: &[Token]) -> String {
    let mut out = String::new();
    let mut end = code.len();
    let mut inner = None;
    loop {
        let open = enclosing(&code[..end]);
        let within = &code[open.map_or(0, |open| open + 1)..end];
        // A brace that is open is the body.
        if inner != Some('{') && lacks_body(rust, within) {
            out.push_str(" {}");
        }
        let Some(open) = open else {
            return out;
        };
        let (bracket, close) = match code[open].sort {
            Sort::Mark('(') => ('(', ")"),
            Sort::Mark('[') => ('[', "]"),
            _ => ('{', "}"),
        };
        out.push_str(close);
        inner = Some(bracket);
        end = open;
    }
}

fn lacks_body(rust: &str, code: &[Token]) -> bool {
    let mut at = code.len();
    while at > 0 {
        at -= 1;
        match code[at].sort {
            Sort::Mark(')' | ']') => match opening(code, at) {
                Some(open) => at = open,
                None => return false,
            },
            Sort::Mark(';' | ',' | '}') => return false,
            Sort::Mark('>') if at > 0 && code[at - 1].is('=') => return false,
            Sort::Word if matches!(&rust[code[at].start..code[at].end], "if" | "while" | "match" | "for") => {
                return true;
            }
            _ => {}
        }
    }
    false
}

/// Asks rustc; `None` when it does not know, or not in time.
pub(super) fn answer(scope: &Scope, question: &str, until: Instant) -> Option<String> {
    let folder = tempfile::Builder::new()
        .prefix("assist-")
        .tempdir_in(&scope.folder)
        .ok()?;
    let source = folder.path().join("cell.rs");
    std::fs::write(&source, question).ok()?;
    let mut compiler = types::reading(&scope.rustc, &scope.flags, &source, folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .inspect_err(|error| tracing::warn!(%error, "cannot ask rustc for a type"))
        .ok()?;
    let said = compiler.stderr.take();
    let (send, complaints) = bounded(1);
    std::thread::spawn(move || {
        let mut all = Vec::new();
        let read = said.map(|mut said| said.read_to_end(&mut all));
        let _ = send.send(read.is_some_and(|read| read.is_ok()).then_some(all));
    });
    let complaints = complaints.recv_deadline(until);
    if complaints.is_err() {
        let _ = compiler.kill();
    }
    // A compiler takes a while to end, and nobody need wait for it.
    std::thread::spawn(move || {
        let _ = compiler.wait();
        drop(folder);
    });
    let complaints = complaints.ok().flatten()?;
    types::probed(&String::from_utf8_lossy(&complaints))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::time::Duration;

    use super::super::tokens::{rust_of, tokens};
    use super::*;

    /// The cell as rustc gets it, with the expression between `‹` and `›`.
    fn asked(code: &str) -> (Context, String, Range<usize>) {
        let start = code.find('‹').unwrap();
        let end = code.find('›').unwrap() - '‹'.len_utf8();
        let rust = rust_of(&code.replace(['‹', '›'], ""));
        let mut known = Context::default();
        known.variables.insert("v".to_owned(), "std::vec::Vec<u8>".to_owned());
        known.set_items("fn pair() -> (u8, String) { loop {} }");
        (known, rust, start..end)
    }

    fn scope(folder: &std::path::Path) -> Scope {
        Scope {
            known: Context::default(),
            held: Default::default(),
            rustc: "rustc".into(),
            flags: Vec::new(),
            crates: Default::default(),
            folder: folder.to_owned(),
            index: Default::default(),
        }
    }

    #[test]
    fn an_expression_in_the_midst_of_a_cell_has_a_type() {
        let folder = tempfile::tempdir().unwrap();
        let scope = scope(folder.path());
        for (code, expected) in [
            ("let x = ‹v›.", "std::vec::Vec<u8>"),
            ("v.iter().map(|x| ‹x›.)", "&u8"),
            ("fn f(a: &[i8]) { for x in ‹a›. }", "&[i8]"),
            ("let n = 1; if ‹pair()›.", "(u8, std::string::String)"),
            ("match ‹v.len()›.", "usize"),
            ("println!(\"{}\", ‹\"é\"›.", "&str"),
            ("while f(|y| { ‹v›.", "std::vec::Vec<u8>"),
            (
                "let a = (1u8, ‹below()›.\n});\nlet b = a;\nfn below() -> bool { true }",
                "bool",
            ),
            (":opt 2\nunknown(1); let z = vec![‹pair().1›.", "std::string::String"),
            (
                "if v.is_empty() { 1 } else { ‹v.iter().max()›.",
                "std::option::Option<&u8>",
            ),
        ] {
            let (known, rust, expression) = asked(code);
            let text = rust[expression.clone()].to_owned();
            let question = question(&known, &rust, &tokens(&rust), &expression, &text);
            let until = Instant::now() + Duration::from_secs(20);
            assert_eq!(
                answer(&scope, &question, until).as_deref(),
                Some(expected),
                "{code}\n{question}"
            );
        }
        let is_empty = || std::fs::read_dir(folder.path()).unwrap().count() == 0;
        let tidy = (0..500).any(|_| {
            std::thread::sleep(Duration::from_millis(10));
            is_empty()
        });
        assert!(tidy, "what rustc was given is left");
    }

    #[test]
    fn a_compiler_that_takes_too_long_is_ended() {
        let folder = tempfile::tempdir().unwrap();
        let mut scope = scope(folder.path());
        let script = folder.path().join("slow");
        std::fs::write(&script, "#!/bin/sh\nexec sleep 30\n").unwrap();
        std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        scope.rustc = script;
        let begun = Instant::now();
        assert_eq!(answer(&scope, "", begun + Duration::from_millis(100)), None);
        assert!(begun.elapsed() < Duration::from_secs(5));
        // Nor does it stay, if only as a zombie.
        let gone = (0..500).any(|_| {
            std::thread::sleep(Duration::from_millis(10));
            !children().contains("sleep") && !children().contains("slow")
        });
        assert!(gone, "{}", children());
    }

    /// The names of the processes that this one has started.
    fn children() -> String {
        let threads = std::fs::read_dir("/proc/self/task").unwrap().filter_map(Result::ok);
        let lists = threads.map(|thread| std::fs::read_to_string(thread.path().join("children")).unwrap_or_default());
        let all: String = lists.collect();
        let names = all
            .split_whitespace()
            .map(|id| std::fs::read_to_string(format!("/proc/{id}/comm")));
        names.filter_map(Result::ok).collect()
    }
}
