//! What the `use` items of a session and of a cell bring into scope, as far as the index knows it.

use std::collections::HashSet;

use ra_ap_syntax::{AstNode, Edition, SourceFile, ast};

use crate::index::{Id, Index, Kind};

/// What every cell has without a `use`.
const ALWAYS: &str = "std::prelude::v1";

/// The `use` items that a name may come from.
#[derive(Debug, Default)]
pub(super) struct Imports {
    /// Names, and what they stand for.
    named: Vec<(String, Vec<String>)>,
    globs: Vec<Vec<String>>,
}

impl Imports {
    /// Reads items as source; what is no `use` is passed over.
    pub(super) fn of<'a>(items: impl Iterator<Item = &'a str>) -> Imports {
        let mut imports = Imports::default();
        for item in items.filter(|item| item.contains("use")) {
            let file = SourceFile::parse(item, Edition::Edition2024).syntax_node();
            for item in file.descendants().filter_map(ast::Use::cast) {
                if let Some(tree) = item.use_tree() {
                    imports.add(&tree, &[]);
                }
            }
        }
        // The latest `use` of a name holds.
        imports.named.reverse();
        imports
    }

    fn add(&mut self, tree: &ast::UseTree, before: &[String]) {
        let mut path = before.to_vec();
        if let Some(own) = tree.path() {
            let names = own
                .segments()
                .filter_map(|segment| Some(segment.name_ref()?.text().to_string()));
            path.extend(names.filter(|name| !matches!(name.as_str(), "self" | "crate" | "super")));
        }
        if let Some(list) = tree.use_tree_list() {
            list.use_trees().for_each(|tree| self.add(&tree, &path));
        } else if tree.star_token().is_some() {
            self.globs.push(path);
        } else if let Some(last) = path.last() {
            let renamed = tree.rename().map(|rename| ast::HasName::name(&rename));
            let name = match renamed {
                Some(Some(name)) => name.text().to_string(),
                Some(None) => "_".to_owned(),
                None => last.clone(),
            };
            self.named.push((name, path));
        }
    }

    /// What a path in a cell names.
    pub(super) fn resolve(&self, index: &Index, path: &[String]) -> Vec<Id> {
        let Some((first, rest)) = path.split_first() else {
            return Vec::new();
        };
        let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
        if let Some((_, target)) = self.named.iter().find(|(name, _)| name == first) {
            let target = index.resolve(&target.join("::"));
            if !target.is_empty() {
                return index.descend(target, &rest);
            }
        }
        if let Some(root) = index.root(first) {
            return index.descend(vec![root], &rest);
        }
        for module in self.modules(index) {
            let found = index.descend(vec![module], &[first]);
            if !found.is_empty() {
                return index.descend(found, &rest);
            }
        }
        if !rest.is_empty() {
            return Vec::new();
        }
        let macros = index.root("std").into_iter();
        let mut found: Vec<Id> = macros.flat_map(|std| index.descend(vec![std], &[first])).collect();
        found.retain(|id| index.thing(*id).kind == Kind::Macro);
        found.extend(index.primitive(first));
        found
    }

    /// The modules all of whose names are in scope, those of the latest `use` first.
    fn modules(&self, index: &Index) -> Vec<Id> {
        let own = self.globs.iter().rev().flat_map(|glob| {
            let (first, rest) = glob
                .split_first()
                .map_or(("", &[][..]), |(first, rest)| (first.as_str(), rest));
            let named = self.named.iter().find(|(name, _)| name == first);
            let mut path = named.map_or_else(|| vec![first.to_owned()], |(_, target)| target.clone());
            path.extend(rest.iter().cloned());
            index.resolve(&path.join("::"))
        });
        own.chain(index.resolve(ALWAYS)).collect()
    }

    /// The traits whose methods the cell may call.
    pub(super) fn traits(&self, index: &Index) -> HashSet<Id> {
        let modules = self.modules(index).into_iter();
        let named = modules.flat_map(|module| index.names(module).into_iter().map(|(_, id)| id));
        let imported = self.named.iter().flat_map(|(_, path)| index.resolve(&path.join("::")));
        named
            .chain(imported)
            .filter(|id| index.thing(*id).kind == Kind::Trait)
            .collect()
    }

    /// All names that the index knows to be in scope, each with the path of the module that it is from.
    pub(super) fn names<'a>(&'a self, index: &'a Index) -> Vec<(&'a str, Id, &'a str)> {
        let mut names: Vec<(&str, Id, &str)> = Vec::new();
        for (name, path) in &self.named {
            names.extend(
                index
                    .resolve(&path.join("::"))
                    .into_iter()
                    .map(|id| (name.as_str(), id, "")),
            );
        }
        for module in self.modules(index) {
            let of = index.thing(module).path.as_str();
            names.extend(index.names(module).into_iter().map(|(name, id)| (name, id, of)));
        }
        if let Some(std) = index.root("std") {
            let macros = index.names(std).into_iter();
            let macros = macros.filter(|(_, id)| index.thing(*id).kind == Kind::Macro);
            names.extend(macros.map(|(name, id)| (name, id, "std")));
        }
        names.retain(|(name, ..)| *name != "_");
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn use_items_are_read_in_all_their_forms() {
        let items = [
            "use polars::prelude::*;",
            "pub use a::{self, b as c, d::{e, f::*}};",
            "use crate::g;",
            "fn f() {}",
            "use ironsage_prelude as _;",
        ];
        let imports = Imports::of(items.into_iter());
        let path = |text: &str| -> Vec<String> { text.split("::").map(str::to_owned).collect() };
        assert_eq!(imports.globs, [path("polars::prelude"), path("a::d::f")]);
        let mut named = imports.named;
        named.reverse();
        assert_eq!(
            named,
            [
                ("a".to_owned(), path("a")),
                ("c".to_owned(), path("a::b")),
                ("e".to_owned(), path("a::d::e")),
                ("g".to_owned(), path("g")),
                ("_".to_owned(), path("ironsage_prelude")),
            ]
        );
    }
}
