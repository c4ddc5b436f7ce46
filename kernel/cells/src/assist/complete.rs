//! What could stand at the cursor.

use std::collections::{BTreeSet, HashSet};
use std::time::Instant;

use super::Request;
use super::columns::texts;
use super::cursor::Place;
use super::own::{Own, item, members};
use super::tokens::Sort;
use crate::evaluator::{Completion, Completions};
use crate::index::{Found, Id, Kind};

/// Longer signatures are cut: they stand beside a name in a list.
const LONGEST: usize = 240;

/// What evcxr puts around a cell.
const OF_EVCXR: [&str; 3] = ["evcxr_", "EvcxrUserCodeError", "run_user_code_"];

/// What may begin a statement or an expression.
const KEYWORDS: [&str; 20] = [
    "async", "break", "const", "continue", "enum", "fn", "for", "if", "impl", "let", "loop", "match", "move", "return",
    "static", "struct", "trait", "unsafe", "use", "while",
];

impl Request<'_> {
    /// The answer where nobody else need be asked.
    pub(crate) fn completed_at_once(&self) -> Option<Completions> {
        match &self.cursor.place {
            Place::Nothing => Some(self.offered(Vec::new())),
            Place::Text(call) => {
                let host = &*self.assistant.host;
                let mentioned = |name: &str| self.mentions(name);
                let texts = texts(host, call, self.word(), &mentioned).into_iter();
                let items = texts.map(|(text, kind)| completion(text, kind, ""));
                Some(self.offered(items.collect()))
            }
            Place::Path(path) => self.unless_empty(self.below(path)),
            Place::Member(receiver) => {
                let rust_type = self.known_type(receiver.as_ref()?)?;
                self.unless_empty(self.behind(&rust_type))
            }
            Place::Name => None,
        }
    }

    /// The answer that takes the type of the expression before the dot.
    pub(crate) fn completed_by_rustc(&self, until: Instant) -> Option<Completions> {
        let rust_type = self.found_type(self.receiver()?, until)?;
        self.unless_empty(self.behind(&rust_type))
    }

    /// The answer with that of rust-analyzer, where there is one.
    pub(crate) fn completed_with(&self, analyzer: Option<Completions>) -> Completions {
        if self.cursor.place != Place::Name {
            return analyzer.unwrap_or_else(|| self.offered(Vec::new()));
        }
        let mut all = analyzer.unwrap_or_else(|| self.offered(Vec::new()));
        all.items
            .retain(|item| !OF_EVCXR.iter().any(|own| item.text.starts_with(own)));
        let alone = all.items.is_empty();
        // It may see more in the place than a bare name.
        if all.start != self.cursor.word.start && !alone {
            return all;
        }
        (all.start, all.end) = (self.cursor.word.start, self.cursor.word.end);
        let names = self.names(alone);
        for item in &mut all.items {
            let known = names.iter().find(|name| bare(&name.text) == bare(&item.text));
            item.signature = known.and_then(|name| name.signature.clone());
        }
        let there: HashSet<String> = all.items.iter().map(|item| bare(&item.text).to_owned()).collect();
        let more = names.into_iter().filter(|name| !there.contains(bare(&name.text)));
        all.items.extend(more);
        all
    }

    /// What rust-analyzer is given: the cell without evcxr's commands, which would be carried out, unless it is one of
    /// them that is typed.
    pub(crate) fn to_analyzer<'b>(&'b self, code: &'b str, offset: usize) -> &'b str {
        let start = code[..offset].rfind('\n').map_or(0, |newline| newline + 1);
        let in_command = code.get(start..offset) != self.rust.get(start..offset);
        if in_command { code } else { &self.rust }
    }

    fn offered(&self, items: Vec<Completion>) -> Completions {
        Completions {
            items,
            start: self.cursor.word.start,
            end: self.cursor.word.end,
        }
    }

    fn unless_empty(&self, items: Vec<Completion>) -> Option<Completions> {
        (!items.is_empty()).then(|| self.offered(items))
    }

    fn mentions(&self, name: &str) -> bool {
        let mut words = self.tokens.iter().filter(|token| token.sort == Sort::Word);
        words.any(|token| self.rust[token.start..token.end] == *name)
    }

    /// Methods and fields.
    fn behind(&self, rust_type: &str) -> Vec<Completion> {
        let fits = |name: &str, kind: Kind| matches!(kind, Kind::Method | Kind::Field) && self.begins(name);
        let own = members(self.all_items(), rust_type).into_iter();
        let mut items: Vec<Completion> = own.filter(|own| fits(&own.name, own.kind)).map(of_own).collect();
        let scope = self.imports.traits(&self.index);
        let found = self.index.members(rust_type, &scope);
        items.extend(found.iter().filter(|found| fits(found.name, found.kind)).map(of_index));
        once(items)
    }

    /// What stands below a module or a type.
    fn below(&self, path: &[String]) -> Vec<Completion> {
        let mut items = Vec::new();
        if let [name] = path {
            let own = members(self.all_items(), name).into_iter();
            let own = own.filter(|own| own.kind != Kind::Field && self.begins(&own.name));
            items.extend(own.map(of_own));
        }
        let importing = self.is_import();
        for id in self.imports.resolve(&self.index, path) {
            let found = self.names_below(id);
            let found = found
                .iter()
                .filter(|found| found.kind != Kind::Field && self.begins(found.name));
            items.extend(found.map(|found| {
                let mut item = of_index(found);
                if importing && found.kind == Kind::Macro {
                    item.text = found.name.to_owned();
                }
                item
            }));
        }
        once(items)
    }

    fn names_below(&self, id: Id) -> Vec<Found<'_>> {
        let index = &self.index;
        let thing = index.thing(id);
        if thing.kind == Kind::Module {
            let names = index.names(id).into_iter();
            return names
                .map(|(name, below)| index.describe(name, below, &thing.path))
                .collect();
        }
        let mut found = index.members_of(id, &self.imports.traits(index));
        // What needs no value comes first.
        found.sort_by_key(|found| (found.name.starts_with('_'), found.kind == Kind::Method, found.rank));
        found
    }

    /// Whether the cursor stands in a `use`.
    fn is_import(&self) -> bool {
        let before = self
            .tokens
            .iter()
            .rev()
            .skip_while(|token| token.start >= self.cursor.word.start);
        let mut words = before.filter(|token| !matches!(token.sort, Sort::Mark(':' | '{' | '}' | ',' | '*')));
        words.find_map(|token| match (token.sort, &self.rust[token.start..token.end]) {
            (Sort::Word, "use") => Some(true),
            (Sort::Word, _) => None,
            _ => Some(false),
        }) == Some(true)
    }

    fn begins(&self, name: &str) -> bool {
        name.starts_with(self.word())
    }

    /// All names that are known here. `alone` when rust-analyzer knows nothing: it would tell of keywords and locals.
    fn names(&self, alone: bool) -> Vec<Completion> {
        let mut items: Vec<Completion> = Vec::new();
        let variables = self.variables();
        let variables = variables.iter().filter(|(name, _)| self.begins(name));
        items.extend(variables.map(|(name, rust_type)| completion(name, "instance", rust_type)));
        if alone {
            let locals = self
                .locals()
                .into_iter()
                .filter(|name| self.begins(name) && name != self.word());
            items.extend(locals.map(|name| completion(name, "instance", "")));
        }
        let defined: BTreeSet<&str> = self.scope.known.item_names().filter(|name| self.begins(name)).collect();
        for name in defined {
            match item(self.all_items(), name) {
                Some(own) => items.push(of_own(own)),
                None => {
                    let found = self.imports.resolve(&self.index, &[name.to_owned()]);
                    let found = found.first().map(|id| of_index(&self.index.describe(name, *id, "")));
                    items.push(found.unwrap_or_else(|| completion(name, "class", "")));
                }
            }
        }
        // Without a letter it would be all there is.
        if !self.word().is_empty() {
            let mut crates: Vec<&String> = self.scope.crates.iter().filter(|name| self.begins(name)).collect();
            crates.sort();
            items.extend(crates.into_iter().map(|name| completion(name, "module", "")));
            let imported = self.imports.names(&self.index).into_iter();
            let imported = imported.filter(|(name, ..)| self.begins(name) && !name.starts_with('_'));
            items.extend(imported.map(|(name, id, of)| of_index(&self.index.describe(name, id, of))));
            if alone {
                let keywords = KEYWORDS.iter().filter(|word| self.begins(word));
                items.extend(keywords.map(|word| completion(*word, "keyword", "")));
            }
        }
        once(items)
    }
}

/// Each text once: the first.
fn once(mut items: Vec<Completion>) -> Vec<Completion> {
    let mut seen = HashSet::new();
    items.retain(|item| seen.insert(item.text.clone()));
    items
}

/// The name within what rust-analyzer would insert: `push` of `push(value)`, `vec!` of `vec![]`.
fn bare(text: &str) -> &str {
    let end = text
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(text.len());
    let bang = usize::from(text[end..].starts_with('!'));
    &text[..end + bang]
}

fn of_index(found: &Found<'_>) -> Completion {
    let text = match found.kind {
        Kind::Macro => format!("{}!", found.name),
        _ => found.name.to_owned(),
    };
    completion(text, found.kind.word(), found.signature)
}

fn of_own(own: Own) -> Completion {
    let text = match own.kind {
        Kind::Macro => format!("{}!", own.name),
        _ => own.name,
    };
    let first = own.signature.lines().next().unwrap_or_default();
    completion(text, own.kind.word(), first.trim_end_matches(['{', ' ']))
}

fn completion(text: impl Into<String>, kind: &'static str, signature: &str) -> Completion {
    let words: Vec<&str> = signature.split_whitespace().collect();
    let mut signature = words.join(" ");
    if signature.len() > LONGEST {
        signature.truncate(signature.floor_char_boundary(LONGEST));
        signature.push('…');
    }
    Completion {
        text: text.into(),
        kind,
        signature: (!signature.is_empty()).then_some(signature),
    }
}
