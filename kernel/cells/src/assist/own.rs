//! What cells have defined themselves: functions and types, with the methods and fields of these.
//!
//! rust-analyzer knows them, too, but not while a cell runs.

use ra_ap_syntax::ast::{self, HasName};
use ra_ap_syntax::{AstNode, Edition, SourceFile, SyntaxNode};

use crate::index::{Kind, head, peel, short};
use crate::syntax::item_names;

/// An item of a cell, or a part of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Own {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) signature: String,
    /// What its documentation comments say.
    pub(super) docs: String,
}

/// The fields and methods that items give to a type, and the variants; also to one of another crate, by a trait.
pub(super) fn members<'a>(items: impl Iterator<Item = &'a str>, rust_type: &str) -> Vec<Own> {
    let wanted = short(head(peel(rust_type)));
    let mut found = Vec::new();
    for item in items.filter(|item| item.contains(&wanted)) {
        let file = SourceFile::parse(item, Edition::Edition2024).syntax_node();
        for item in file.children().filter_map(ast::Item::cast) {
            add_members(&item, &wanted, &mut found);
        }
    }
    found
}

fn add_members(item: &ast::Item, wanted: &str, found: &mut Vec<Own>) {
    let named = |name: Option<ast::Name>| name.is_some_and(|name| name.text() == wanted);
    match item {
        ast::Item::Struct(item) if named(item.name()) => {
            if let Some(ast::FieldList::RecordFieldList(list)) = item.field_list() {
                let fields = list
                    .fields()
                    .filter_map(|field| own(Kind::Field, field.name(), field.syntax()));
                found.extend(fields);
            }
        }
        ast::Item::Enum(item) if named(item.name()) => {
            let variants = item.variant_list().into_iter().flat_map(|list| list.variants());
            found.extend(variants.filter_map(|variant| own(Kind::Variant, variant.name(), variant.syntax())));
        }
        ast::Item::Impl(item) => {
            let of = item
                .self_ty()
                .map(|ty| ty.syntax().text().to_string())
                .unwrap_or_default();
            if short(head(&of)) != wanted {
                return;
            }
            let parts = item.assoc_item_list().into_iter().flat_map(|list| list.assoc_items());
            found.extend(parts.filter_map(|part| match part {
                ast::AssocItem::Fn(function) => of_function(&function),
                ast::AssocItem::Const(constant) => own(Kind::Constant, constant.name(), constant.syntax()),
                _ => None,
            }));
        }
        _ => {}
    }
}

/// The item of a name; the latest of several.
pub(super) fn item<'a>(items: impl DoubleEndedIterator<Item = &'a str>, name: &str) -> Option<Own> {
    items.rev().filter(|item| item.contains(name)).find_map(|item| {
        let file = SourceFile::parse(item, Edition::Edition2024).syntax_node();
        let mut nodes = file.children();
        let node = nodes.find(|node| item_names(node).iter().any(|known| known == name))?;
        of_item(&ast::Item::cast(node)?)
    })
}

fn of_item(item: &ast::Item) -> Option<Own> {
    match item {
        ast::Item::Fn(function) => of_function(function),
        ast::Item::Struct(item) => own(Kind::Struct, item.name(), item.syntax()),
        ast::Item::Enum(item) => own(Kind::Enum, item.name(), item.syntax()),
        ast::Item::Trait(item) => own(Kind::Trait, item.name(), item.syntax()),
        ast::Item::Const(item) => own(Kind::Constant, item.name(), item.syntax()),
        ast::Item::Static(item) => own(Kind::Constant, item.name(), item.syntax()),
        ast::Item::TypeAlias(item) => own(Kind::Alias, item.name(), item.syntax()),
        ast::Item::Module(item) => own(Kind::Module, item.name(), item.syntax()),
        ast::Item::MacroRules(item) => own(Kind::Macro, item.name(), item.syntax()),
        _ => None,
    }
}

fn of_function(function: &ast::Fn) -> Option<Own> {
    let takes_self = function.param_list().is_some_and(|list| list.self_param().is_some());
    let kind = if takes_self { Kind::Method } else { Kind::Function };
    let mut own = own(kind, function.name(), function.syntax())?;
    if let Some(body) = function.body() {
        let body = body.syntax().text().to_string();
        own.signature = own.signature.trim_end().trim_end_matches(&body).trim_end().to_owned();
    }
    Some(own)
}

fn own(kind: Kind, name: Option<ast::Name>, node: &SyntaxNode) -> Option<Own> {
    let (comments, signature) = without_comments(&node.text().to_string());
    Some(Own {
        name: name?.text().to_string(),
        kind,
        signature,
        docs: comments,
    })
}

/// The documentation comments at the beginning of an item, and the rest of it.
fn without_comments(text: &str) -> (String, String) {
    let is_comment = |line: &&str| line.trim_start().starts_with("//");
    let docs: Vec<&str> = text
        .lines()
        .take_while(is_comment)
        .filter_map(|line| line.trim_start().strip_prefix("///"))
        .map(|line| line.strip_prefix(' ').unwrap_or(line))
        .collect();
    let rest: Vec<&str> = text.lines().skip_while(is_comment).collect();
    (docs.join("\n"), rest.join("\n").trim().to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const ITEMS: [&str; 4] = [
        "/// A shell.\n/// Round.\nstruct Shell { pub rings: u8, mass: f64 }",
        "impl Shell { const LEGS: u8 = 0; pub fn new() -> Shell { loop {} }\n/// Years.\nfn age(&self, extra: u8) -> f64 { 1.5 } }",
        "trait Sized2 { fn twice(&self) -> usize; } impl Sized2 for polars::prelude::DataFrame { fn twice(&self) -> usize { 2 * self.height() } }",
        "fn twice(x: i64) -> i64 { 2 * x }",
    ];

    #[test]
    fn a_type_has_its_fields_and_methods() {
        let of = |rust_type: &str| -> Vec<(String, String)> {
            let members = members(ITEMS.into_iter(), rust_type).into_iter();
            members.map(|own| (own.name, own.signature)).collect()
        };
        let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs
                .iter()
                .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
                .collect()
        };
        assert_eq!(
            of("&Shell"),
            pairs(&[
                ("rings", "pub rings: u8"),
                ("mass", "mass: f64"),
                ("LEGS", "const LEGS: u8 = 0;"),
                ("new", "pub fn new() -> Shell"),
                ("age", "fn age(&self, extra: u8) -> f64"),
            ])
        );
        assert_eq!(
            of("polars::prelude::DataFrame"),
            pairs(&[("twice", "fn twice(&self) -> usize")])
        );
        assert!(of("std::vec::Vec<Shell>").is_empty());
    }

    #[test]
    fn an_item_is_found_by_its_name_with_its_comments() {
        let shell = item(ITEMS.into_iter(), "Shell").unwrap();
        assert_eq!((shell.kind, shell.docs.as_str()), (Kind::Struct, "A shell.\nRound."));
        let twice = item(ITEMS.into_iter(), "twice").unwrap();
        assert_eq!(twice.signature, "fn twice(x: i64) -> i64");
        assert!(item(ITEMS.into_iter(), "age").is_none());
    }
}
