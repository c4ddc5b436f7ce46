//! What the cells so far have left behind, as source: with a cell behind it, rustc reads what evcxr will compile.

use std::collections::{BTreeMap, HashSet};

use ra_ap_syntax::{AstNode, Edition, SourceFile, SyntaxKind, ast};

use crate::source::{Edit, Edited};
use crate::speed::Effort;
use crate::syntax::{Cell, Let, item_names};

/// What a cell can refer to, as left by the cells before it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Context {
    /// Inner attributes and items, as source.
    attributes: Vec<String>,
    items: Vec<Committed>,
    /// Variables and their types.
    pub(crate) variables: BTreeMap<String, String>,
}

#[derive(Debug, Clone)]
struct Committed {
    names: Vec<String>,
    text: String,
}

impl Context {
    /// Reads the items out of the source that evcxr compiled last: exactly those that it will
    /// give to the next cell, plus its own, which are left out here.
    pub(crate) fn set_items(&mut self, source: &str) {
        self.attributes.clear();
        self.items.clear();
        let file = SourceFile::parse(source, Edition::Edition2024).syntax_node();
        for node in file.children() {
            let text = node.text().to_string();
            if node.kind() == SyntaxKind::ATTR {
                self.attributes.push(text);
                continue;
            }
            if !ast::Item::can_cast(node.kind()) {
                continue;
            }
            let names = item_names(&node);
            let generated = text.contains("EvcxrUserCodeError")
                || names
                    .iter()
                    .any(|name| name == "evcxr_internal_runtime" || name.starts_with("run_user_code_"));
            if !generated {
                self.items.push(Committed { names, text });
            }
        }
    }

    /// Names that items of earlier cells define. The functions that every cell is given are not among them: a frame or a
    /// value of the session may have the name of one, and is what a cell means by it.
    pub(crate) fn item_names(&self) -> impl Iterator<Item = &str> {
        let of_cells = |item: &&Committed| !item.text.starts_with("use ironsage_prelude::cell::");
        let items = self.items.iter().filter(of_cells);
        items.flat_map(|item| item.names.iter().map(String::as_str))
    }

    /// The items of earlier cells as source, in their order.
    pub(crate) fn texts(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.items.iter().map(|item| item.text.as_str())
    }

    /// The source that asks rustc for what the probe in a cell stands around; see [`probe_call`].
    pub(crate) fn with_probe(&self, code: &str) -> String {
        self.source(code, &Cell::parse(code), &[])
    }

    /// The work that a cell does, with that of the items it uses, directly or through each other.
    pub(crate) fn effort(&self, cell: &Cell) -> Effort {
        let mut effort = cell.effort();
        let mut left: Vec<(HashSet<String>, Effort)> = Vec::new();
        for item in &self.items {
            let file = SourceFile::parse(&item.text, Edition::Edition2024).syntax_node();
            let functions = file.descendants().filter_map(ast::Fn::cast);
            let methods = functions.filter_map(|function| Some(ast::HasName::name(&function)?.text().to_string()));
            let names: HashSet<String> = methods.chain(item.names.iter().cloned()).collect();
            left.push((names, Effort::of(&file)));
        }
        loop {
            let used = left.iter().position(|(names, _)| !names.is_disjoint(&effort.names));
            let Some(used) = used else {
                return effort;
            };
            effort.add(left.swap_remove(used).1);
        }
    }

    /// The source that asks rustc for the types of the variables of these `let`s.
    pub(crate) fn source(&self, code: &str, cell: &Cell, lets: &[Let]) -> String {
        let items = cell.items();
        let redefined: HashSet<&str> = items
            .iter()
            .flat_map(|item| item.names.iter().map(String::as_str))
            .collect();
        let mut out = String::from("#![allow(warnings)]\n");
        for attribute in &self.attributes {
            out.push_str(attribute);
            out.push('\n');
        }
        for (start, end) in cell.attributes() {
            out.push_str(&code[start..end]);
            out.push('\n');
        }
        // An `impl` that follows a type belongs to it and goes with it.
        let mut dropping = false;
        for item in &self.items {
            if !item.names.is_empty() {
                dropping = item.names.iter().any(|name| redefined.contains(name.as_str()));
            }
            if !dropping {
                out.push_str(&item.text);
                out.push('\n');
            }
        }
        for item in &items {
            out.push_str(&code[item.start..item.end]);
            out.push('\n');
        }
        out.push_str(PROBE);
        out.push_str("async fn ironsage_cell(");
        let names: Vec<String> = self.variables.keys().cloned().collect();
        for name in cell.mentions(&names) {
            out.push_str(&format!("mut {name}: {}, ", self.variables[&name]));
        }
        out.push_str(") -> ::std::result::Result<(), IronsageError> {\n");
        let mut edits: Vec<Edit> = items
            .iter()
            .map(|item| (item.start, item.end))
            .chain(cell.attributes())
            .map(|(start, end)| Edit {
                start,
                end,
                text: String::new(),
            })
            .collect();
        let mut number = 0;
        for statement in lets {
            for variable in &statement.variables {
                let probe = format!(" ironsage_probe::<{number}, _>(&{});", variable.name);
                edits.push(Edit::insert(statement.end, probe));
                number += 1;
            }
        }
        if let Some((start, end)) = cell.tail() {
            edits.push(Edit::insert(start, "let _ = "));
            edits.push(Edit::insert(end, ";"));
        }
        let start = cell.insertion_point().unwrap_or(code.len());
        edits.retain(|edit| edit.start >= start || edit.end > start);
        edits.iter_mut().for_each(|edit| {
            edit.start = edit.start.max(start) - start;
            edit.end -= start;
        });
        out.push_str(Edited::new(&code[start..], edits).text());
        out.push_str("\n::std::result::Result::Ok(())\n}\n");
        out
    }
}

/// The trait that no type has, and an error type into which every error turns, as evcxr's does.
const PROBE: &str = "
trait IronsageTypeOf<const N: usize> {}
fn ironsage_probe<const N: usize, T: IronsageTypeOf<N> + ?Sized>(_: &T) {}
struct IronsageError;
impl<T: ::std::fmt::Display> ::std::convert::From<T> for IronsageError { fn from(_: T) -> Self { IronsageError } }
";

/// What asks for the type of an expression in its place.
pub(crate) fn probe_call(expression: &str) -> String {
    format!("ironsage_probe::<0, _>(&{expression})")
}
