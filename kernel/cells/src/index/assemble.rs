//! From the drafts of all crates to one index: aliases and `impl`s for all types resolved, and only that kept to which
//! a path leads from a cell, or a method.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::draft::{Draft, Drafts, Entry, Key, Space};
use super::typename::{arguments, head, short};
use super::{FORM, Group, Id, Index, Kind, Member, Place, ROOTS, Thing};

/// Traits that every type has as good as, or that are not called by a method's name.
const NOISE: [&str; 8] = [
    "core::any",
    "core::borrow",
    "core::clone::CloneToUninit",
    "core::fmt",
    "core::marker",
    "core::ops",
    "core::panic",
    "alloc::borrow",
];
/// What every type has, or may be thought to have.
const GIVEN: [&str; 3] = ["core::marker::Sized", "core::marker::Send", "core::marker::Sync"];

/// Puts the drafts of several crates together.
pub(super) fn merge(into: &mut Drafts, more: Drafts) {
    for (key, mut draft) in more {
        let known = into.entry(key).or_default();
        if known.kind.is_none() {
            known.kind = draft.kind;
            known.signature = draft.signature;
        }
        if known.docs.is_empty() {
            known.docs = draft.docs;
        }
        if known.target.is_empty() {
            known.target = draft.target;
        }
        known.groups.append(&mut draft.groups);
        known.traits.append(&mut draft.traits);
        known.names.append(&mut draft.names);
        known.globs.append(&mut draft.globs);
        known.blankets.append(&mut draft.blankets);
        known.refers.append(&mut draft.refers);
    }
}

/// Makes the index.
pub(super) fn assemble(mut drafts: Drafts) -> Index {
    resolve_aliases(&mut drafts);
    resolve_blankets(&mut drafts);
    add_variants(&mut drafts);
    let named = named(&drafts);
    let kept = kept(&drafts, &named);
    let places: HashMap<&Key, Id> = (0..).zip(&kept).map(|(place, key)| (*key, place)).collect();
    let mut texts = Texts::default();
    let things = kept.iter().filter_map(|key| {
        let draft = drafts.get(key)?;
        Some(thing(key, draft, &places, &named, &mut texts))
    });
    Index {
        form: FORM,
        things: things.collect(),
        texts: texts.all,
    }
}

/// `impl Trait for StringChunked` is one for `ChunkedArray<StringType>`.
fn resolve_aliases(drafts: &mut Drafts) {
    let aliases: Vec<Key> = drafts
        .iter()
        .filter(|(_, draft)| draft.kind == Some(Kind::Alias) && !(draft.groups.is_empty() && draft.traits.is_empty()))
        .map(|(key, _)| key.clone())
        .collect();
    for alias in aliases {
        let Some(draft) = drafts.get_mut(&alias) else {
            continue;
        };
        let (groups, traits) = (std::mem::take(&mut draft.groups), std::mem::take(&mut draft.traits));
        let target = Key::of_type(head(&draft.target));
        let only: Vec<String> = arguments(&draft.target)
            .into_iter()
            .map(|argument| {
                if argument.contains('$') {
                    "_".to_owned()
                } else {
                    short(argument)
                }
            })
            .collect();
        let all = only.iter().all(|argument| argument == "_");
        let only = if all { String::new() } else { only.join(", ") };
        if let Some(target) = drafts.get_mut(&target) {
            let groups = groups.into_iter().map(|(_, members)| (only.clone(), members));
            target.groups.extend(groups);
            target
                .traits
                .extend(traits.into_iter().map(|(of, _)| (of, only.clone())));
        }
    }
}

/// Gives the trait of `impl<T: Bound> Trait for T` to every type that has the bound.
fn resolve_blankets(drafts: &mut Drafts) {
    let blankets: Vec<(Key, Vec<Key>)> = drafts
        .iter()
        .flat_map(|(key, draft)| draft.blankets.iter().map(move |needed| (key.clone(), needed.clone())))
        .map(|(key, mut needed)| {
            needed.retain(|bound| !GIVEN.contains(&bound.path.as_str()));
            (key, needed)
        })
        .filter(|(_, needed)| !needed.is_empty())
        .collect();
    for draft in drafts.values_mut() {
        if !matches!(draft.kind, Some(Kind::Struct | Kind::Enum | Kind::Primitive)) {
            continue;
        }
        let mut has: HashSet<Key> = draft.traits.iter().map(|(of, _)| of.clone()).collect();
        loop {
            let fits =
                |(of, needed): &&(Key, Vec<Key>)| !has.contains(of) && needed.iter().all(|bound| has.contains(bound));
            let Some((of, _)) = blankets.iter().find(fits) else {
                break;
            };
            has.insert(of.clone());
            draft.traits.push((of.clone(), String::new()));
        }
    }
}

/// A variant that a `use` names is found by that name.
fn add_variants(drafts: &mut Drafts) {
    let named: BTreeSet<Key> = drafts
        .values()
        .flat_map(|draft| draft.names.iter().map(|(_, key)| key))
        .filter(|key| key.space == Space::Variant)
        .cloned()
        .collect();
    for key in named {
        let of = key.path.rsplit_once("::").map(|(of, name)| (Key::of_type(of), name));
        let Some((of, name)) = of else { continue };
        let members = drafts.get(&of).into_iter().flat_map(|draft| &draft.groups);
        let found = members
            .flat_map(|(_, members)| members)
            .find(|entry| entry.name == name);
        let draft = found.map(|entry| Draft {
            kind: Some(Kind::Variant),
            signature: entry.signature.clone(),
            docs: entry.docs.clone(),
            ..Draft::default()
        });
        drafts.extend(draft.map(|draft| (key.clone(), draft)));
    }
}

/// All to which a path leads from a cell.
fn named(drafts: &Drafts) -> BTreeSet<&Key> {
    let mut found = BTreeSet::new();
    let roots = ROOTS.map(Key::of_type);
    let mut open: Vec<&Key> = roots
        .iter()
        .filter_map(|root| Some(drafts.get_key_value(root)?.0))
        .collect();
    while let Some(key) = open.pop() {
        let Some(draft) = drafts.get(key).filter(|draft| draft.kind.is_some()) else {
            continue;
        };
        if found.insert(key) {
            open.extend(draft.names.iter().map(|(_, key)| key));
            open.extend(&draft.globs);
        }
    }
    found
}

/// The same, the primitive types, and every type that something of these returns.
fn kept<'a>(drafts: &'a Drafts, named: &BTreeSet<&'a Key>) -> BTreeSet<&'a Key> {
    let primitives = drafts.iter().filter(|(_, draft)| draft.kind == Some(Kind::Primitive));
    let mut open: Vec<&Key> = named.iter().copied().chain(primitives.map(|(key, _)| key)).collect();
    let mut kept = BTreeSet::new();
    while let Some(key) = open.pop() {
        let Some(draft) = drafts.get(key).filter(|draft| draft.kind.is_some()) else {
            continue;
        };
        if kept.insert(key) {
            open.extend(&draft.refers);
        }
    }
    kept
}

fn is_noise(path: &str) -> bool {
    NOISE.iter().any(|part| {
        path.strip_prefix(part)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    }) && path != "core::ops::range::RangeBounds"
}

#[derive(Default)]
struct Texts {
    all: String,
    /// Many say the same: an `impl` what its trait says, a number what another number says.
    known: HashMap<String, Place>,
}

impl Texts {
    fn add(&mut self, text: &str) -> Place {
        if text.is_empty() {
            return Place::default();
        }
        if let Some(place) = self.known.get(text) {
            return *place;
        }
        let at = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        let start = at(self.all.len());
        self.all.push_str(text);
        let place = Place(start, at(self.all.len()));
        self.known.insert(text.to_owned(), place);
        place
    }
}

fn thing(key: &Key, draft: &Draft, places: &HashMap<&Key, Id>, named: &BTreeSet<&Key>, texts: &mut Texts) -> Thing {
    let mut groups: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
    for (only, entries) in &draft.groups {
        groups.entry(only).or_default().extend(entries);
    }
    let groups = groups.into_iter().filter(|(_, entries)| !entries.is_empty());
    let mut traits: Vec<(Id, String)> = draft
        .traits
        .iter()
        .filter(|(of, _)| named.contains(of) && !is_noise(&of.path))
        .filter_map(|(of, only)| Some((*places.get(of)?, only.clone())))
        .collect();
    traits.sort();
    traits.dedup();
    // One for all types makes those for some of them needless.
    let general: HashSet<Id> = traits
        .iter()
        .filter(|(_, only)| only.is_empty())
        .map(|(of, _)| *of)
        .collect();
    traits.retain(|(of, only)| only.is_empty() || !general.contains(of));
    let mut names: Vec<(String, Id)> = draft
        .names
        .iter()
        .filter_map(|(name, key)| Some((name.clone(), *places.get(key)?)))
        .collect();
    names.sort();
    names.dedup();
    Thing {
        path: key.path.clone(),
        kind: draft.kind.unwrap_or(Kind::Struct),
        signature: draft.signature.clone(),
        docs: texts.add(&draft.docs),
        groups: groups.map(|(only, entries)| group(only, &entries, texts)).collect(),
        traits,
        target: draft.target.clone(),
        names,
        globs: draft.globs.iter().filter_map(|key| places.get(key).copied()).collect(),
    }
}

fn group(only: &str, entries: &[&Entry], texts: &mut Texts) -> Group {
    let mut members: Vec<Member> = entries
        .iter()
        .map(|entry| Member {
            name: entry.name.clone(),
            kind: entry.kind,
            signature: entry.signature.clone(),
            docs: texts.add(&entry.docs),
        })
        .collect();
    members.sort_by(|a, b| a.name.cmp(&b.name));
    members.dedup_by(|a, b| a.name == b.name);
    Group {
        only: only.to_owned(),
        members,
    }
}
