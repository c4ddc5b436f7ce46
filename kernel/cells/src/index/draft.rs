//! What the JSON of one crate says, by the path of each definition.
//!
//! An `impl` block may be for a type of another crate, and a `pub use` may name an item of one, so drafts of several
//! crates are put together (`assemble.rs`) before anything is known for certain.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Kind;
use super::markdown::tidy;
use super::rustdoc::{Crate, Item, id, list, mentioned, variant};
use super::signature::{Printer, is_method};

/// Rust has a name for a type, a function and a macro each; a variant is known by that of its enum, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) enum Space {
    Type,
    Value,
    Macro,
    Variant,
}

/// What a definition is known by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) struct Key {
    pub(super) path: String,
    pub(super) space: Space,
}

impl Key {
    pub(super) fn of_type(path: impl Into<String>) -> Key {
        Key {
            path: path.into(),
            space: Space::Type,
        }
    }
}

/// What is known of one definition. Without a kind it is not known what it is, only what it has.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Draft {
    pub(super) kind: Option<Kind>,
    pub(super) signature: String,
    pub(super) docs: String,
    pub(super) groups: Vec<(String, Vec<Entry>)>,
    pub(super) traits: Vec<(Key, String)>,
    pub(super) target: String,
    pub(super) names: Vec<(String, Key)>,
    pub(super) globs: Vec<Key>,
    /// For a trait: what a type must have for an `impl` that is for all types.
    pub(super) blankets: Vec<Vec<Key>>,
    /// Types that its signatures return.
    pub(super) refers: Vec<Key>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) signature: String,
    pub(super) docs: String,
}

pub(super) type Drafts = BTreeMap<Key, Draft>;

/// Parts of the standard library that are large and that nobody completes.
const LEFT_OUT: [&str; 8] = [
    "core::core_arch",
    "core::core_simd",
    "core::intrinsics",
    "core::unicode",
    "core::autodiff",
    "std::sys",
    "std::os",
    "std::backtrace_rs",
];

fn is_left_out(path: &str) -> bool {
    LEFT_OUT.iter().any(|part| {
        path.strip_prefix(part)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    })
}

/// Reads one crate.
pub(super) fn draft(krate: &Crate) -> Drafts {
    let mut reader = Reader {
        krate,
        printer: Printer::new(krate),
        drafts: Drafts::new(),
    };
    for (id, item) in &krate.index {
        if !item.is_unstable() {
            reader.item(id, item);
        }
    }
    reader.drafts
}

struct Reader<'a> {
    krate: &'a Crate,
    printer: Printer<'a>,
    drafts: Drafts,
}

impl Reader<'_> {
    /// What an id stands for, in this crate or another; nothing for what is left out.
    fn key(&self, id: &str) -> Option<Key> {
        let Some(summary) = self.krate.summary(id) else {
            // A private module, in which a public one is said to have all names.
            let item = self.krate.index.get(id)?;
            let private = (item.kind() == "module").then(|| format!("{}#{id}", self.krate.name()));
            return private.map(Key::of_type);
        };
        let space = match summary.kind.as_str() {
            "module" | "struct" | "enum" | "union" | "trait" | "type_alias" => Space::Type,
            "function" | "constant" | "static" => Space::Value,
            "macro" | "proc_macro" => Space::Macro,
            "variant" => Space::Variant,
            "primitive" => return summary.path.last().map(Key::of_type),
            _ => return None,
        };
        let path = summary.path.join("::");
        (!is_left_out(&path)).then_some(Key { path, space })
    }

    fn key_of(&self, reference: &Value) -> Option<Key> {
        self.key(&id(reference)?)
    }

    fn item(&mut self, id: &str, item: &Item) {
        let kind = match item.kind() {
            "impl" => return self.implementation(&item.inner()),
            "module" => Kind::Module,
            "struct" | "union" => Kind::Struct,
            "enum" => Kind::Enum,
            "trait" => Kind::Trait,
            "type_alias" => Kind::Alias,
            "primitive" => Kind::Primitive,
            "function" => Kind::Function,
            "constant" | "static" => Kind::Constant,
            "macro" | "proc_macro" => Kind::Macro,
            _ => return,
        };
        // What has no path is a part of something else.
        let Some(key) = self.key(id) else {
            return;
        };
        let inner = item.inner();
        let mut read = Draft {
            kind: Some(kind),
            docs: tidy(item.docs()),
            ..Draft::default()
        };
        match kind {
            Kind::Module => self.module(&inner, &mut read),
            Kind::Struct => self.structure(item, &inner, &mut read),
            Kind::Enum => self.enumeration(item, &inner, &mut read),
            Kind::Trait => self.a_trait(item, &inner, &mut read),
            _ => self.simple(kind, item, &inner, &mut read),
        }
        if kind == Kind::Module {
            read.signature = format!("mod {}", item.name());
        }
        let known = self.drafts.entry(key).or_default();
        // Its `impl` blocks may have come first.
        read.groups.append(&mut known.groups);
        read.traits.append(&mut known.traits);
        read.blankets.append(&mut known.blankets);
        read.refers.append(&mut known.refers);
        if read.target.is_empty() {
            read.target = std::mem::take(&mut known.target);
        }
        *known = read;
    }

    fn module(&self, inner: &Value, read: &mut Draft) {
        for reference in list(&inner["items"]) {
            let Some(item) = self.krate.item(reference).filter(|item| !item.is_unstable()) else {
                continue;
            };
            if item.kind() != "use" {
                if item.kind() != "impl" {
                    read.names
                        .extend(self.key_of(reference).map(|key| (item.name().to_owned(), key)));
                }
                continue;
            }
            let import = item.inner();
            let Some(key) = self.key_of(&import["id"]) else {
                continue;
            };
            if import["is_glob"] == true {
                read.globs.push(key);
            } else if let Some(name) = import["name"].as_str() {
                read.names.push((name.to_owned(), key));
            }
        }
    }

    fn structure(&self, item: &Item, inner: &Value, read: &mut Draft) {
        read.signature = format!("struct {}{}", item.name(), self.printer.generics(&inner["generics"]));
        let of_union = list(&inner["fields"]);
        let fields = list(&inner["kind"]["plain"]["fields"]).chain(of_union);
        let fields: Vec<Entry> = fields
            .filter_map(|field| self.member(field, &mut read.refers))
            .collect();
        read.groups.push((String::new(), fields));
    }

    fn enumeration(&self, item: &Item, inner: &Value, read: &mut Draft) {
        read.signature = format!("enum {}{}", item.name(), self.printer.generics(&inner["generics"]));
        let variants = list(&inner["variants"]);
        let variants = variants
            .filter_map(|variant| self.member(variant, &mut read.refers))
            .collect();
        read.groups.push((String::new(), variants));
    }

    fn a_trait(&self, item: &Item, inner: &Value, read: &mut Draft) {
        let above = match self.printer.bounds(&inner["bounds"]) {
            bounds if bounds.is_empty() => bounds,
            bounds => format!(": {bounds}"),
        };
        read.signature = format!(
            "trait {}{}{above}",
            item.name(),
            self.printer.generics(&inner["generics"])
        );
        let members = self.members(&inner["items"], &mut read.refers);
        read.groups.push((String::new(), members));
        let above = list(&inner["bounds"]).filter_map(|bound| self.key_of(&bound["trait_bound"]["trait"]["id"]));
        read.traits.extend(above.map(|key| (key, String::new())));
    }

    fn simple(&self, kind: Kind, item: &Item, inner: &Value, read: &mut Draft) {
        let name = item.name();
        read.signature = match kind {
            Kind::Function => {
                self.refer(&inner["sig"]["output"], &mut read.refers);
                self.printer.function(name, inner)
            }
            Kind::Constant => format!("const {name}: {}", self.printer.ty(&inner["type"])),
            Kind::Macro => inner.as_str().map_or_else(|| format!("macro {name}"), str::to_owned),
            Kind::Alias => {
                let generics = &inner["generics"];
                let own = list(&generics["params"]).filter_map(|parameter| parameter["name"].as_str());
                let own = own.filter(|name| !name.starts_with('\'')).enumerate();
                let numbered = own
                    .map(|(place, name)| (name.to_owned(), format!("${place}")))
                    .collect();
                read.target = Printer::full(self.krate, numbered).ty(&inner["type"]);
                self.refer(&inner["type"], &mut read.refers);
                format!(
                    "type {name}{} = {}",
                    self.printer.generics(generics),
                    self.printer.ty(&inner["type"])
                )
            }
            _ => name.to_owned(),
        };
    }

    fn refer(&self, to: &Value, refers: &mut Vec<Key>) {
        let mut ids = Vec::new();
        mentioned(to, &mut ids);
        refers.extend(ids.iter().filter_map(|id| self.key(id)));
    }

    fn members(&self, items: &Value, refers: &mut Vec<Key>) -> Vec<Entry> {
        list(items).filter_map(|member| self.member(member, refers)).collect()
    }

    /// A part of a type or a trait, where it is one that has a name of its own.
    fn member(&self, reference: &Value, refers: &mut Vec<Key>) -> Option<Entry> {
        let item = self.krate.item(reference).filter(|item| !item.is_unstable())?;
        let name = item.name();
        let inner = item.inner();
        let (kind, signature) = match item.kind() {
            "function" => {
                self.refer(&inner["sig"]["output"], refers);
                let kind = if is_method(&inner) {
                    Kind::Method
                } else {
                    Kind::Function
                };
                (kind, self.printer.function(name, &inner))
            }
            "assoc_const" => (
                Kind::Constant,
                format!("const {name}: {}", self.printer.ty(&inner["type"])),
            ),
            "struct_field" => {
                self.refer(&inner, refers);
                (Kind::Field, format!("{name}: {}", self.printer.ty(&inner)))
            }
            "variant" => (Kind::Variant, self.variant(name, &inner["kind"])),
            _ => return None,
        };
        Some(Entry {
            name: name.to_owned(),
            kind,
            signature,
            docs: tidy(item.docs()),
        })
    }

    fn variant(&self, name: &str, kind: &Value) -> String {
        let field = |reference: &Value| {
            let field = self.krate.item(reference);
            let ty = field.map_or_else(|| "_".to_owned(), |field| self.printer.ty(&field.inner()));
            (field.map(Item::name).unwrap_or_default().to_owned(), ty)
        };
        match variant(kind) {
            ("tuple", fields) => {
                let types: Vec<String> = list(fields).map(|reference| field(reference).1).collect();
                format!("{name}({})", types.join(", "))
            }
            ("struct", inner) => {
                let fields = list(&inner["fields"]).map(field);
                let fields: Vec<String> = fields.map(|(name, ty)| format!("{name}: {ty}")).collect();
                format!("{name} {{ {} }}", fields.join(", "))
            }
            _ => name.to_owned(),
        }
    }

    /// An `impl` block, put down with the type that it is for.
    fn implementation(&mut self, inner: &Value) {
        // Those that the compiler makes up, and copies of those that are for all types.
        let copied = !inner["blanket_impl"].is_null();
        if copied || inner["is_synthetic"] == true || inner["is_negative"] == true {
            return;
        }
        let of_trait = &inner["trait"];
        let mut target = &inner["for"];
        while let ("borrowed_ref", reference) = variant(target) {
            target = &reference["type"];
        }
        let (kind, of) = variant(target);
        if kind == "generic" {
            return self.blanket(inner, of);
        }
        let parameters = list(&inner["generics"]["params"]).filter_map(|parameter| parameter["name"].as_str());
        let any: HashMap<String, String> = parameters.map(|name| (name.to_owned(), "_".to_owned())).collect();
        let bare = Printer::bare(self.krate, any);
        let (key, arguments) = match kind {
            "resolved_path" => {
                let arguments = &of["args"]["angle_bracketed"];
                (self.key_of(&of["id"]), bare.argument_list(arguments).collect())
            }
            "dyn_trait" => (self.key_of(&of["traits"][0]["trait"]["id"]), Vec::new()),
            "primitive" => (of.as_str().map(Key::of_type), Vec::new()),
            "slice" => (Some(Key::of_type("slice")), vec![bare.ty(of)]),
            "array" => (Some(Key::of_type("array")), vec![bare.ty(&of["type"])]),
            _ => return,
        };
        let Some(key) = key else {
            return;
        };
        let all = arguments.iter().all(|argument: &String| argument == "_");
        let only = if all { String::new() } else { arguments.join(", ") };
        if of_trait.is_null() {
            let mut refers = Vec::new();
            let members = self.members(&inner["items"], &mut refers);
            let draft = self.drafts.entry(key).or_default();
            draft.groups.push((only, members));
            draft.refers.append(&mut refers);
            return;
        }
        let of_deref = of_trait["path"]
            .as_str()
            .is_some_and(|path| path.rsplit("::").next() == Some("Deref"));
        if of_deref {
            let mut refers = Vec::new();
            let target = self.dereferenced(inner, of, &mut refers);
            let draft = self.drafts.entry(key).or_default();
            draft.target = target.unwrap_or_default();
            draft.refers.append(&mut refers);
        } else if let Some(implemented) = self.key_of(&of_trait["id"]) {
            self.drafts.entry(key).or_default().traits.push((implemented, only));
        }
    }

    /// The type that `impl Deref` gives, with the numbers of the type's own arguments.
    fn dereferenced(&self, inner: &Value, of: &Value, refers: &mut Vec<Key>) -> Option<String> {
        let arguments = list(&of["args"]["angle_bracketed"]["args"]).filter(|argument| argument["lifetime"].is_null());
        let numbered = arguments.enumerate().filter_map(|(place, argument)| {
            let name = argument["type"]["generic"].as_str()?;
            Some((name.to_owned(), format!("${place}")))
        });
        let printer = Printer::full(self.krate, numbered.collect());
        let target = list(&inner["items"])
            .filter_map(|reference| self.krate.item(reference))
            .find(|item| item.kind() == "assoc_type" && item.name() == "Target")?
            .inner();
        self.refer(&target["type"], refers);
        Some(printer.ty(&target["type"]))
    }

    /// `impl<T: Bound> Trait for T`.
    fn blanket(&mut self, inner: &Value, parameter: &Value) {
        let Some(key) = self.key_of(&inner["trait"]["id"]) else {
            return;
        };
        let generics = &inner["generics"];
        let own = list(&generics["params"])
            .filter(|known| known["name"] == *parameter)
            .flat_map(|known| list(&known["kind"]["type"]["bounds"]));
        let conditions = list(&generics["where_predicates"])
            .map(|predicate| &predicate["bound_predicate"])
            .filter(|predicate| predicate["type"]["generic"] == *parameter)
            .flat_map(|predicate| list(&predicate["bounds"]));
        let needed: Option<Vec<Key>> = own
            .chain(conditions)
            .map(|bound| &bound["trait_bound"])
            .filter(|bound| !bound.is_null() && bound["modifier"] != "maybe")
            .map(|bound| self.key_of(&bound["trait"]["id"]))
            .collect();
        if let Some(needed) = needed {
            self.drafts.entry(key).or_default().blankets.push(needed);
        }
    }
}
