//! The types of a cell's new variables, asked of rustc before evcxr sees the cell.
//!
//! evcxr takes the types of variables from rust-analyzer, which cannot see into a ready-made
//! dylib and would ask for an annotation on nearly every Polars `let`. So the cell is first
//! compiled as metadata only, inside a function that has the known variables as parameters, with a
//! call after each `let` that demands of the variable a private trait which no type has. Each
//! complaint names a type. No code is made, no borrow is checked: 0.15 s.
//!
//! When the answer is unusable (a closure, a type that has no path, an error of the user's), the
//! `let` stays as it is, and evcxr's own finding and its own message stand.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use ra_ap_syntax::{AstNode, Edition, SourceFile, SyntaxKind, ast};
use regex::Regex;

use crate::index::settled;
use crate::known::Context;
use crate::source::Edit;
use crate::syntax::{Cell, Let};

/// How rustc is called for a cell of this session.
pub(crate) struct Compiler<'a> {
    pub(crate) rustc: &'a Path,
    /// The flags that cells themselves are compiled with.
    pub(crate) flags: &'a [String],
    /// Crates that a path may begin with.
    pub(crate) crates: &'a HashSet<String>,
    /// The file of another crate that rustc has read for those.
    pub(crate) beneath: &'a dyn Fn(&str) -> Option<PathBuf>,
    pub(crate) folder: &'a Path,
    /// What rustc has said before.
    pub(crate) answers: &'a RefCell<Answers>,
    /// Told the process id while rustc runs, and 0 afterwards.
    pub(crate) running: &'a dyn Fn(u32),
}

/// What rustc has said of sources, so that a cell that is run again, as many are, is not asked about again.
#[derive(Debug, Default)]
pub(crate) struct Answers(HashMap<(String, Vec<String>), String>);

impl Answers {
    /// How many are kept at most.
    const MOST: usize = 200;

    fn keep(&mut self, question: (String, Vec<String>), complaints: &str) {
        if self.0.len() == Self::MOST {
            self.0.clear();
        }
        self.0.insert(question, complaints.to_owned());
    }
}

/// What was found out about a cell's new variables.
#[derive(Debug, Default)]
pub(crate) struct Annotations {
    /// Give the variables their types; empty when there is nothing to do or nothing was found out.
    pub(crate) edits: Vec<Edit>,
    /// A variable that cannot be kept, because nobody can write its type.
    pub(crate) nameless: Option<Nameless>,
    /// Crates that the types name and that cells could not name so far, with their files.
    pub(crate) crates: BTreeMap<String, PathBuf>,
}

/// A variable whose type has no name, such as a closure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Nameless {
    pub(crate) name: String,
    /// Where the pattern ends that defines it.
    pub(crate) end: usize,
    /// The type as rustc describes it.
    pub(crate) found: String,
}

/// The edits that give the cell's variables their types.
pub(crate) fn annotate(
    context: &Context,
    code: &str,
    cell: &Cell,
    compiler: &Compiler<'_>,
) -> Result<Annotations, std::io::Error> {
    let lets = cell.lets();
    if lets
        .iter()
        .all(|statement| statement.typed || statement.literal || statement.variables.is_empty())
    {
        return Ok(Annotations {
            edits: edits(&lets, &BTreeMap::new()),
            ..Annotations::default()
        });
    }
    let complaints = ask(context.source(code, cell, &lets), compiler)?;
    let names: HashSet<&str> = context.item_names().collect();
    let own: Vec<String> = cell.items().into_iter().flat_map(|item| item.names).collect();
    let beneath = RefCell::new(BTreeMap::new());
    let known = |first: &str| {
        let named = compiler.crates.contains(first) || names.contains(first) || own.iter().any(|name| name == first);
        named
            || (compiler.beneath)(first)
                .map(|file| beneath.borrow_mut().insert(first.to_owned(), file))
                .is_some()
    };
    let Some(found) = read(&complaints) else {
        return Ok(Annotations::default());
    };
    let usable = |(number, found): (&usize, &String)| Some((*number, usable(found, &known)?));
    let types: BTreeMap<usize, String> = found.iter().filter_map(usable).collect();
    Ok(Annotations {
        edits: edits(&lets, &types),
        nameless: nameless(&lets, &found),
        crates: beneath.into_inner(),
    })
}

/// rustc's complaints about a source.
fn ask(source: String, compiler: &Compiler<'_>) -> Result<String, std::io::Error> {
    let question = (source, compiler.flags.to_vec());
    if let Some(complaints) = compiler.answers.borrow().0.get(&question) {
        return Ok(complaints.clone());
    }
    std::fs::create_dir_all(compiler.folder)?;
    let path = compiler.folder.join("cell.rs");
    std::fs::write(&path, &question.0)?;
    let child = reading(compiler.rustc, compiler.flags, &path, compiler.folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    (compiler.running)(child.id());
    let output = child.wait_with_output();
    (compiler.running)(0);
    let output = output?;
    let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
    // Not where it was stopped half way.
    if output.status.code().is_some() {
        compiler.answers.borrow_mut().keep(question, &complaints);
    }
    Ok(complaints)
}

/// rustc, called to read a source and to complain, in JSON, with whole paths. It leaves no more than metadata in `folder`.
pub(crate) fn reading(rustc: &Path, flags: &[String], source: &Path, folder: &Path) -> Command {
    let mut command = Command::new(rustc);
    command
        .args(["--edition=2024", "--crate-type=lib", "--crate-name=ironsage_cell"])
        .args(["--error-format=json", "--diagnostic-width=100000"])
        .arg("-Ztrim-diagnostic-paths=no")
        .arg("--emit=metadata")
        .arg("-o")
        .arg(folder.join("cell.rmeta"))
        .args(flags)
        .arg(source)
        // Only for this pass, which makes no code: the flag above is not stable.
        .env("RUSTC_BOOTSTRAP", "1");
    command
}

/// The first variable that would be kept and cannot: a later one of the same name takes its place.
fn nameless(lets: &[Let], found: &BTreeMap<usize, String>) -> Option<Nameless> {
    let all = lets.iter().flat_map(|statement| {
        let end = statement.type_place.0;
        statement.variables.iter().map(move |variable| (&variable.name, end))
    });
    let mut last: BTreeMap<&str, Nameless> = BTreeMap::new();
    for (number, (name, end)) in all.enumerate() {
        let found = found.get(&number).cloned().unwrap_or_default();
        let nameless = Nameless {
            name: name.clone(),
            end,
            found,
        };
        last.insert(name, nameless);
    }
    let nobody_writes = |found: &str| {
        ["{closure@", "{async ", "impl "]
            .iter()
            .any(|part| found.contains(part))
    };
    let candidates = last.into_values().filter(|nameless| nobody_writes(&nameless.found));
    candidates.min_by_key(|nameless| nameless.end)
}

fn edits(lets: &[Let], types: &BTreeMap<usize, String>) -> Vec<Edit> {
    let mut edits = Vec::new();
    let mut number = 0;
    for statement in lets {
        if statement.plain {
            // rust-analyzer would find `&str` for a string, and evcxr then complain of its lifetime
            // in every cell that has an error of its own.
            let string = statement.string.then_some("&'static str");
            let found = string.or(types.get(&number).map(String::as_str));
            if let (false, Some(found)) = (statement.typed, found) {
                edits.push(Edit {
                    start: statement.type_place.0,
                    end: statement.type_place.1,
                    text: format!(": {found}"),
                });
            }
            number += statement.variables.len();
            continue;
        }
        // A pattern has no place for the types of its parts: bind each part once more.
        for variable in &statement.variables {
            if let Some(found) = types.get(&number) {
                let mutable = if variable.mutable { "mut " } else { "" };
                let name = &variable.name;
                let text = format!(" let {mutable}{name}: {found} = {name};");
                edits.push(Edit::insert(statement.end, text));
            }
            number += 1;
        }
    }
    edits
}

/// Types by number of the probe, as rustc writes them; `None` when it complained of anything else.
fn read(complaints: &str) -> Option<BTreeMap<usize, String>> {
    let mut types = BTreeMap::new();
    for message in errors(complaints).filter(|message| !message.starts_with("aborting due to")) {
        let Some((number, found)) = unsatisfied(&message) else {
            tracing::debug!(message, "the type pass met another error");
            return None;
        };
        types.insert(number, found);
    }
    Some(types)
}

/// The type that [`crate::known::probe_call`] has brought out, whatever else rustc complained of.
pub(crate) fn probed(complaints: &str) -> Option<String> {
    let found = errors(complaints).find_map(|message| unsatisfied(&message));
    found.map(|(_, found)| found)
}

/// The texts of rustc's errors.
fn errors(complaints: &str) -> impl Iterator<Item = String> {
    complaints.lines().filter_map(|line| {
        let complaint: serde_json::Value = serde_json::from_str(line).ok()?;
        let message = complaint["message"]
            .as_str()
            .filter(|_| complaint["level"] == "error")?;
        Some(message.to_owned())
    })
}

/// The number of a probe and the type that it stood around.
fn unsatisfied(message: &str) -> Option<(usize, String)> {
    #[expect(clippy::expect_used, reason = "the pattern is a constant, and tested")]
    static UNSATISFIED: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?s)^the trait bound `(.*): (?:\w+::)*IronsageTypeOf<(\d+)>` is not satisfied$")
            .expect("a valid pattern")
    });
    let found = UNSATISFIED.captures(message)?;
    Some((found[2].parse().ok()?, found[1].to_owned()))
}

/// The type as it can be written in the next cell, if it can.
fn usable(found: &str, known: &dyn Fn(&str) -> bool) -> Option<String> {
    let text = settled(found);
    let unwritable = ["{", "'_", "'1", "impl ", "for<"];
    if unwritable.iter().any(|part| text.contains(part)) {
        return None;
    }
    let source = format!("const _: {text} = x;");
    let parsed = SourceFile::parse(&source, Edition::Edition2024);
    if !parsed.errors().is_empty() {
        return None;
    }
    for node in parsed.syntax_node().descendants() {
        if matches!(node.kind(), SyntaxKind::INFER_TYPE | SyntaxKind::ERROR) {
            return None;
        }
        let Some(path) = ast::Path::cast(node) else {
            continue;
        };
        // Only the outermost path of a chain `a::b::c` has no parent path; its first segment counts.
        let outermost = path.syntax().parent().and_then(ast::Path::cast).is_none();
        if outermost && path.qualifier().is_some() {
            let first = path.segments().next()?.name_ref()?.text().to_string();
            if !known(&first) {
                return None;
            }
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn known(first: &str) -> bool {
        ["std", "core", "polars", "m"].contains(&first)
    }

    #[test]
    fn types_that_can_be_written_pass_and_others_do_not() {
        assert_eq!(usable("{integer}", &known).as_deref(), Some("i32"));
        assert_eq!(
            usable("std::vec::Vec<std::option::Option<{float}>>", &known).as_deref(),
            Some("std::vec::Vec<std::option::Option<f64>>")
        );
        for fine in ["polars::prelude::DataFrame", "&str", "(i32, m::T)", "[u8; 3]", "Foo<3>"] {
            assert_eq!(usable(fine, &known).as_deref(), Some(fine));
        }
        for not in [
            "{closure@t.rs:8:104: 8:112}",
            "_",
            "std::vec::Vec<_>",
            "hidden::T",
            "std::vec::Vec<hidden::T>",
            "impl std::fmt::Debug",
            "&'_ str",
        ] {
            assert_eq!(usable(not, &known), None, "{not}");
        }
    }

    fn asked(context: &Context, code: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let compiler = Compiler {
            rustc: Path::new("rustc"),
            flags: &[],
            crates: &["std", "core"].map(str::to_owned).into(),
            beneath: &|_| None,
            folder: folder.path(),
            answers: &RefCell::default(),
            running: &|_| {},
        };
        let found = annotate(context, code, &Cell::parse(code), &compiler).unwrap();
        crate::source::Edited::new(code, found.edits).text().to_owned()
    }

    #[test]
    fn rustc_is_asked_for_the_types_of_a_whole_cell() {
        let mut context = Context::default();
        context.set_items(
            "#![allow(unused)]\nuse std::collections::HashMap;\nstruct Old(u8);\nimpl Old { fn n(&self) -> u8 { self.0 } }\nstruct EvcxrUserCodeError {}\npub extern \"C\" fn run_user_code_3() { nonsense }",
        );
        context
            .variables
            .insert("seen".to_owned(), "std::vec::Vec<u16>".to_owned());
        let code = ":opt 1\nfn twice(x: u16) -> u16 { 2 * x }\nlet a = seen.iter().map(|x| twice(*x)).collect::<Vec<_>>(); let mut n = \"4\".parse::<i64>()?;\nlet (p, mut q) = (a.len(), HashMap::from([(1, Old(2).n())]));\nlet f = |x: i32| x; let v: Vec<_> = vec![1.5]; let n = Some(n);\nn.unwrap()";
        assert_eq!(
            asked(&context, code),
            ":opt 1\nfn twice(x: u16) -> u16 { 2 * x }\nlet a: std::vec::Vec<u16> = seen.iter().map(|x| twice(*x)).collect::<Vec<_>>(); let mut n: i64 = \"4\".parse::<i64>()?;\nlet (p, mut q) = (a.len(), HashMap::from([(1, Old(2).n())])); let p: usize = p; let mut q: std::collections::HashMap<i32, u8> = q;\nlet f = |x: i32| x; let v: std::vec::Vec<f64> = vec![1.5]; let n: std::option::Option<i64> = Some(n);\nn.unwrap()"
        );
    }

    #[test]
    fn a_redefined_item_replaces_the_old_one() {
        let mut context = Context::default();
        context.set_items("struct T(u8);\nimpl T { fn get(&self) -> u8 { self.0 } }\nfn f() -> T { T(1) }");
        assert_eq!(
            asked(
                &context,
                "struct T(String); fn f() -> T { T(String::new()) } let x = f().0;"
            ),
            "struct T(String); fn f() -> T { T(String::new()) } let x: std::string::String = f().0;"
        );
    }

    #[test]
    fn a_cell_with_an_error_is_left_to_evcxr() {
        let code = "let a = 1 + 1; let b: i32 = \"x\";";
        assert_eq!(asked(&Context::default(), code), code);
    }

    #[test]
    fn a_cell_without_untyped_lets_costs_no_rustc() {
        let compiler = Compiler {
            rustc: Path::new("/nowhere/rustc"),
            flags: &[],
            crates: &HashSet::new(),
            beneath: &|_| None,
            folder: Path::new("/nowhere"),
            answers: &RefCell::default(),
            running: &|_| {},
        };
        let code = "let x = 5; let y: u8 = f(); let _ = g(); let s = \"s\"; h()";
        let found = annotate(&Context::default(), code, &Cell::parse(code), &compiler).unwrap();
        let edited = crate::source::Edited::new(code, found.edits);
        assert_eq!(
            edited.text(),
            "let x = 5; let y: u8 = f(); let _ = g(); let s: &'static str = \"s\"; h()"
        );
    }

    #[test]
    fn a_variable_that_nobody_can_name_is_told_unless_it_is_replaced() {
        let let_of = |name: &str, end: usize| Let {
            variables: vec![crate::syntax::Defined {
                name: name.to_owned(),
                mutable: false,
            }],
            plain: true,
            type_place: (end, end),
            typed: false,
            literal: false,
            string: false,
            end: end + 9,
        };
        let lets = [let_of("f", 5), let_of("g", 25), let_of("f", 45)];
        let closure = "{closure@cell.rs:1:2: 3:4}".to_owned();
        let found = [(0, closure.clone()), (1, closure.clone()), (2, "i32".to_owned())];
        let nameless = nameless(&lets, &found.into()).unwrap();
        assert_eq!((nameless.name.as_str(), nameless.end), ("g", 25));
    }
}
