//! From a path to what it names, and from a type to all that can follow a dot.

use std::collections::{HashMap, HashSet};

use super::typename::{arguments, cut_at, fits, head, peel, settled, short};
use super::{Id, Index, Kind, Member, Thing};

/// How far `Deref` and aliases are followed.
const DEEPEST: usize = 8;

/// Types of the standard library whose methods are those of what they point to, as far as a person is concerned.
const POINTERS: [&str; 4] = ["boxed::Box", "sync::Arc", "rc::Rc", "pin::Pin"];

/// A member of a type, or a name in a module.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Found<'a> {
    pub(crate) name: &'a str,
    pub(crate) kind: Kind,
    pub(crate) signature: &'a str,
    /// In Markdown.
    pub(crate) docs: &'a str,
    /// The path of the type, trait or module that it belongs to.
    pub(crate) of: &'a str,
    /// What is more likely to be wanted has the lower number.
    pub(crate) rank: u8,
}

/// The type's own.
const OWN: u8 = 0;
/// Of a trait that the cell has in scope, or that belongs with the type.
const OF_TRAIT: u8 = 1;
/// Of a trait of the standard library that nearly all types have.
const COMMON: u8 = 2;

impl Index {
    /// What a path names, which may be a type, a function and a macro at once. It is a path as a cell writes it, one
    /// as rustc prints it, or that of a definition.
    pub(crate) fn resolve(&self, path: &str) -> Vec<Id> {
        let parts: Vec<&str> = path.split("::").collect();
        // rustc may print a crate below another that re-exports it hidden.
        for start in 0..parts.len() {
            let Some(root) = self.root(parts[start]) else {
                continue;
            };
            let found = self.descend(vec![root], &parts[start + 1..]);
            if !found.is_empty() {
                return found;
            }
        }
        let found: Vec<Id> = self.at(path).collect();
        if found.is_empty() && parts.len() > 1 && self.has_crate(parts[0]) {
            return self.only_one_named(path);
        }
        found
    }

    fn has_crate(&self, name: &str) -> bool {
        let within = format!("{name}::");
        let first = self.things.partition_point(|thing| thing.path < within);
        let next = self.things.get(first);
        next.is_some_and(|thing| thing.path.starts_with(&within))
    }

    /// A type that needs no path, such as `f64`.
    pub(crate) fn primitive(&self, name: &str) -> Option<Id> {
        self.at(name).find(|id| self.thing(*id).kind == Kind::Primitive)
    }

    /// The module of a crate.
    pub(crate) fn root(&self, name: &str) -> Option<Id> {
        self.at(name).find(|id| self.thing(*id).kind == Kind::Module)
    }

    /// What the rest of a path names, from modules and enums on.
    pub(crate) fn descend(&self, from: Vec<Id>, rest: &[&str]) -> Vec<Id> {
        rest.iter().fold(from, |modules, name| {
            let mut found = Vec::new();
            for module in modules {
                self.find(module, name, &mut HashSet::new(), &mut found);
            }
            found.sort_unstable();
            found.dedup();
            found
        })
    }

    /// Things by the path of their definition.
    fn at(&self, path: &str) -> impl Iterator<Item = Id> {
        let first = self.things.partition_point(|thing| thing.path.as_str() < path);
        let things = self.things[first..].iter().take_while(move |thing| thing.path == path);
        (first..).zip(things).filter_map(|(place, _)| Id::try_from(place).ok())
    }

    /// Where the path leads nowhere: the type of that name, if there is just one.
    fn only_one_named(&self, path: &str) -> Vec<Id> {
        let name = path.rsplit("::").next().unwrap_or(path);
        let is_type = |thing: &Thing| matches!(thing.kind, Kind::Struct | Kind::Enum | Kind::Trait);
        let named = |thing: &Thing| thing.path.rsplit("::").next() == Some(name);
        let mut found: Vec<Id> = (0..)
            .zip(&self.things)
            .filter(|(_, thing)| is_type(thing) && named(thing))
            .map(|(id, _)| id)
            .collect();
        if found.len() > 1 {
            found.clear();
        }
        found
    }

    fn find(&self, module: Id, name: &str, seen: &mut HashSet<Id>, found: &mut Vec<Id>) {
        if !seen.insert(module) {
            return;
        }
        let module = self.thing(module);
        let first = module.names.partition_point(|(known, _)| known.as_str() < name);
        let named = module.names[first..].iter().take_while(|(known, _)| known == name);
        let before = found.len();
        found.extend(named.map(|(_, id)| *id));
        if found.len() == before {
            module.globs.iter().for_each(|glob| self.find(*glob, name, seen, found));
        }
    }

    /// All names in a module or an enum, those of its globs among them, in alphabetical order.
    pub(crate) fn names(&self, module: Id) -> Vec<(&str, Id)> {
        let mut all: HashMap<&str, Vec<Id>> = HashMap::new();
        self.collect(module, &mut HashSet::new(), &mut all);
        let pairs = all
            .into_iter()
            .flat_map(|(name, ids)| ids.into_iter().map(move |id| (name, id)));
        let mut names: Vec<(&str, Id)> = pairs.collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    fn collect<'a>(&'a self, module: Id, seen: &mut HashSet<Id>, all: &mut HashMap<&'a str, Vec<Id>>) {
        if !seen.insert(module) {
            return;
        }
        let mut own: HashMap<&str, Vec<Id>> = HashMap::new();
        for (name, id) in &self.thing(module).names {
            own.entry(name).or_default().push(*id);
        }
        for (name, ids) in own {
            all.entry(name).or_insert(ids);
        }
        for glob in &self.thing(module).globs {
            self.collect(*glob, seen, all);
        }
    }

    /// What stands for a thing in a list of a module's names.
    pub(crate) fn describe<'a>(&'a self, name: &'a str, id: Id, of: &'a str) -> Found<'a> {
        let thing = self.thing(id);
        Found {
            name,
            kind: thing.kind,
            signature: &thing.signature,
            docs: self.docs(thing),
            of,
            rank: OWN,
        }
    }

    /// All that can follow a dot or `::` after a type, as rustc prints it. `scope` holds the traits that the cell can
    /// name. Each name comes once: the one that rustc would take.
    pub(crate) fn members<'a>(&'a self, rust_type: &str, scope: &HashSet<Id>) -> Vec<Found<'a>> {
        let mut members = Members::new(self, scope);
        members.of_type(&settled(rust_type), 0);
        members.sorted()
    }

    /// The same after the path of a type or a trait.
    pub(crate) fn members_of<'a>(&'a self, id: Id, scope: &HashSet<Id>) -> Vec<Found<'a>> {
        let mut members = Members::new(self, scope);
        members.of_thing(id, &[], 0);
        members.sorted()
    }

    fn type_ids(&self, path: &str) -> Vec<Id> {
        let mut ids = self.resolve(path);
        ids.retain(|id| {
            let kind = self.thing(*id).kind;
            matches!(
                kind,
                Kind::Struct | Kind::Enum | Kind::Trait | Kind::Alias | Kind::Primitive
            )
        });
        ids
    }
}

/// The path of a type, and its arguments; `None` for what has no path, such as a tuple or a closure.
fn named(text: &str) -> Option<(&str, Vec<&str>)> {
    if text.starts_with('[') {
        let inner = text.strip_prefix('[')?.strip_suffix(']')?;
        let element = inner.rsplit_once("; ").map_or(inner, |(element, _)| element);
        return Some(("slice", vec![element]));
    }
    if !text.starts_with(|c: char| c.is_alphabetic() || c == '_') {
        return None;
    }
    let path = head(text);
    // A function's type: `fn(u8) -> u8`.
    let whole = path.chars().all(|c| c.is_alphanumeric() || c == '_' || c == ':');
    whole.then(|| (path, arguments(text)))
}

/// The members of one type, as they are found.
struct Members<'a, 'b> {
    index: &'a Index,
    scope: &'b HashSet<Id>,
    /// The crates that the type belongs with.
    family: Option<&'a str>,
    names: HashSet<&'a str>,
    found: Vec<Found<'a>>,
}

impl<'a, 'b> Members<'a, 'b> {
    fn new(index: &'a Index, scope: &'b HashSet<Id>) -> Members<'a, 'b> {
        Members {
            index,
            scope,
            family: None,
            names: HashSet::new(),
            found: Vec::new(),
        }
    }

    fn sorted(self) -> Vec<Found<'a>> {
        let mut found = self.found;
        found.sort_by_key(|member| (member.name.starts_with('_'), member.rank, member.name));
        found
    }

    fn of_type(&mut self, rust_type: &str, depth: usize) {
        let bare = peel(rust_type);
        if let Some(bounds) = bare.strip_prefix("dyn ").or_else(|| bare.strip_prefix("impl ")) {
            for bound in cut_at(bounds, " + ") {
                let ids = named(bound)
                    .map(|(path, _)| self.index.type_ids(path))
                    .unwrap_or_default();
                ids.into_iter().for_each(|id| self.of_trait(id, OWN, 0));
            }
            return;
        }
        let Some((path, arguments)) = named(bare) else {
            return;
        };
        let (krate, name) = path.split_once("::").unwrap_or_default();
        let pointer = matches!(krate, "std" | "core" | "alloc") && POINTERS.contains(&name);
        if let (true, Some(inner)) = (pointer && depth <= DEEPEST, arguments.first()) {
            return self.of_type(inner, depth + 1);
        }
        for id in self.index.type_ids(path) {
            self.of_thing(id, &arguments, depth);
        }
    }

    fn of_thing(&mut self, id: Id, arguments: &[&str], depth: usize) {
        let index = self.index;
        let thing = index.thing(id);
        if depth > DEEPEST {
            return;
        }
        if thing.kind == Kind::Trait {
            return self.of_trait(id, OWN, 0);
        }
        if thing.kind != Kind::Alias {
            let family = self.family.get_or_insert_with(|| family(&thing.path));
            let family = *family;
            let bare: Vec<String> = arguments.iter().map(|argument| short(argument)).collect();
            let is_for = |only: &str| {
                let wanted = super::typename::split(only);
                bare.is_empty() || wanted.iter().zip(&bare).all(|(wanted, given)| fits(wanted, given))
            };
            for group in thing.groups.iter().filter(|group| is_for(&group.only)) {
                self.add(&group.members, &thing.path, OWN);
            }
            let traits = thing.traits.iter().filter(|(_, only)| is_for(only)).map(|(id, _)| *id);
            for id in traits {
                let own = self::family(&index.thing(id).path);
                let rank = match own {
                    STANDARD if family != STANDARD => COMMON,
                    _ => OF_TRAIT,
                };
                // Those of another crate take a `use` that nobody would think of.
                if self.scope.contains(&id) || (own == family && own != STANDARD) {
                    self.of_trait(id, rank, 0);
                }
            }
        }
        if !thing.target.is_empty() {
            let target = substituted(&thing.target, arguments);
            self.of_type(&target, depth + 1);
        }
    }

    fn of_trait(&mut self, id: Id, rank: u8, depth: usize) {
        if depth > DEEPEST {
            return;
        }
        let index = self.index;
        let thing = index.thing(id);
        for group in &thing.groups {
            self.add(&group.members, &thing.path, rank);
        }
        for (above, _) in &thing.traits {
            self.of_trait(*above, rank, depth + 1);
        }
    }

    fn add(&mut self, members: &'a [Member], of: &'a str, rank: u8) {
        for member in members {
            if self.names.insert(&member.name) {
                self.found.push(Found {
                    name: &member.name,
                    kind: member.kind,
                    signature: &member.signature,
                    docs: self.index.text(member.docs),
                    of,
                    rank,
                });
            }
        }
    }
}

const STANDARD: &str = "std";

/// The crates that belong together: all of Polars, all of the standard library with its primitive types.
fn family(path: &str) -> &str {
    let Some((krate, _)) = path.split_once("::") else {
        return STANDARD;
    };
    match krate {
        "core" | "alloc" | "std" => STANDARD,
        _ => krate.split('_').next().unwrap_or(krate),
    }
}

/// A type with the arguments in the places of their numbers.
fn substituted(target: &str, arguments: &[&str]) -> String {
    let mut out = String::with_capacity(target.len());
    let mut parts = target.split('$');
    out.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        let argument = part[..digits]
            .parse()
            .ok()
            .and_then(|place: usize| arguments.get(place));
        out.push_str(argument.copied().unwrap_or("_"));
        out.push_str(&part[digits..]);
    }
    out
}
