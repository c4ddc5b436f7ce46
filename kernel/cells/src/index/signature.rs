//! Types and signatures of rustdoc's JSON as one line of text.
//!
//! For people, with the last part of each path; and for the index itself, with the path of each definition.

use std::collections::HashMap;

use serde_json::Value;

use super::rustdoc::{Crate, id, list, variant};

/// Writes types of one crate.
pub(super) struct Printer<'a> {
    krate: &'a Crate,
    /// Whether paths are written in full.
    full: bool,
    lifetimes: bool,
    /// What stands for a type parameter.
    parameters: HashMap<String, String>,
}

impl<'a> Printer<'a> {
    /// For people.
    pub(super) fn new(krate: &'a Crate) -> Printer<'a> {
        Printer {
            krate,
            full: false,
            lifetimes: true,
            parameters: HashMap::new(),
        }
    }

    /// With the path of each definition.
    pub(super) fn full(krate: &'a Crate, parameters: HashMap<String, String>) -> Printer<'a> {
        Printer {
            krate,
            full: true,
            lifetimes: false,
            parameters,
        }
    }

    /// As arguments of types are compared: without paths and lifetimes.
    pub(super) fn bare(krate: &'a Crate, parameters: HashMap<String, String>) -> Printer<'a> {
        Printer {
            krate,
            full: false,
            lifetimes: false,
            parameters,
        }
    }

    pub(super) fn ty(&self, ty: &Value) -> String {
        let (kind, inner) = variant(ty);
        match kind {
            "resolved_path" => self.path(inner),
            "generic" => {
                let name = inner.as_str().unwrap_or("_");
                self.parameters.get(name).map_or(name, String::as_str).to_owned()
            }
            "primitive" => match inner.as_str() {
                Some("never") => "!".to_owned(),
                Some("unit") => "()".to_owned(),
                other => other.unwrap_or("_").to_owned(),
            },
            "borrowed_ref" => {
                let lifetime = inner["lifetime"].as_str().filter(|_| self.lifetimes);
                let lifetime = lifetime.map(|name| format!("{name} ")).unwrap_or_default();
                format!("&{lifetime}{}{}", mutable(inner), self.ty(&inner["type"]))
            }
            "raw_pointer" => {
                let mutability = if is(inner, "is_mutable") { "mut" } else { "const" };
                format!("*{mutability} {}", self.ty(&inner["type"]))
            }
            "slice" => format!("[{}]", self.ty(inner)),
            "array" => format!(
                "[{}; {}]",
                self.ty(&inner["type"]),
                inner["len"].as_str().unwrap_or("_")
            ),
            "tuple" => {
                let parts: Vec<String> = list(inner).map(|part| self.ty(part)).collect();
                let comma = if parts.len() == 1 { "," } else { "" };
                format!("({}{comma})", parts.join(", "))
            }
            "impl_trait" => format!("impl {}", self.bounds(inner)),
            "dyn_trait" => {
                let traits = list(&inner["traits"]).map(|bound| self.path(&bound["trait"]));
                let lifetime = inner["lifetime"].as_str().filter(|_| self.lifetimes);
                let parts: Vec<String> = traits.chain(lifetime.map(str::to_owned)).collect();
                format!("dyn {}", parts.join(" + "))
            }
            "qualified_path" => self.qualified(inner),
            "function_pointer" => {
                let inputs: Vec<String> = list(&inner["sig"]["inputs"]).map(|input| self.ty(&input[1])).collect();
                format!("fn({}){}", inputs.join(", "), self.output(&inner["sig"]["output"]))
            }
            _ => "_".to_owned(),
        }
    }

    fn qualified(&self, inner: &Value) -> String {
        let name = inner["name"].as_str().unwrap_or("_");
        let own = self.ty(&inner["self_type"]);
        let of = &inner["trait"];
        if own == "Self" || of["path"].as_str().is_none_or(str::is_empty) {
            format!("{own}::{name}")
        } else {
            format!("<{own} as {}>::{name}", self.path(of))
        }
    }

    /// A path with its arguments.
    fn path(&self, path: &Value) -> String {
        let written = path["path"].as_str().unwrap_or("_");
        let defined = id(&path["id"]).filter(|_| self.full);
        let defined = defined.and_then(|id| self.krate.summary(&id));
        let name = match defined {
            Some(summary) => summary.path.join("::"),
            None => written.rsplit("::").next().unwrap_or(written).to_owned(),
        };
        name + &self.arguments(&path["args"])
    }

    fn arguments(&self, arguments: &Value) -> String {
        let (kind, inner) = variant(arguments);
        match kind {
            "angle_bracketed" => {
                let mut parts: Vec<String> = self.argument_list(inner).collect();
                parts.extend(list(&inner["constraints"]).map(|constraint| {
                    let name = constraint["name"].as_str().unwrap_or("_");
                    match variant(&constraint["binding"]) {
                        ("equality", term) => format!("{name} = {}", self.ty(&term["type"])),
                        (_, bounds) => format!("{name}: {}", self.bounds(bounds)),
                    }
                }));
                match parts.is_empty() {
                    true => String::new(),
                    false => format!("<{}>", parts.join(", ")),
                }
            }
            "parenthesized" => {
                let inputs: Vec<String> = list(&inner["inputs"]).map(|input| self.ty(input)).collect();
                format!("({}){}", inputs.join(", "), self.output(&inner["output"]))
            }
            _ => String::new(),
        }
    }

    /// What stands between the angle brackets of a type, one by one.
    pub(super) fn argument_list(&self, inner: &Value) -> impl Iterator<Item = String> {
        list(&inner["args"]).filter_map(|argument| match variant(argument) {
            ("lifetime", name) => self.lifetimes.then(|| name.as_str().unwrap_or("'_").to_owned()),
            ("type", ty) => Some(self.ty(ty)),
            ("const", value) => {
                let name = value["expr"].as_str().unwrap_or("_");
                Some(self.parameters.get(name).map_or(name, String::as_str).to_owned())
            }
            _ => Some("_".to_owned()),
        })
    }

    pub(super) fn bounds(&self, bounds: &Value) -> String {
        let parts: Vec<String> = list(bounds)
            .filter_map(|bound| match variant(bound) {
                ("trait_bound", bound) => {
                    let maybe = if bound["modifier"] == "maybe" { "?" } else { "" };
                    Some(format!("{maybe}{}", self.path(&bound["trait"])))
                }
                ("outlives", lifetime) => lifetime.as_str().map(str::to_owned),
                _ => None,
            })
            .collect();
        parts.join(" + ")
    }

    fn output(&self, output: &Value) -> String {
        match output {
            Value::Null => String::new(),
            output => format!(" -> {}", self.ty(output)),
        }
    }

    /// `<T: Bound, const N: usize>`, or nothing.
    pub(super) fn generics(&self, generics: &Value) -> String {
        let parts: Vec<String> = list(&generics["params"])
            .filter_map(|parameter| {
                let name = parameter["name"].as_str()?;
                match variant(&parameter["kind"]) {
                    ("type", inner) if is(inner, "is_synthetic") => None,
                    ("type", inner) => match self.bounds(&inner["bounds"]) {
                        bounds if bounds.is_empty() => Some(name.to_owned()),
                        bounds => Some(format!("{name}: {bounds}")),
                    },
                    ("const", inner) => Some(format!("const {name}: {}", self.ty(&inner["type"]))),
                    _ => Some(name.to_owned()),
                }
            })
            .collect();
        match parts.is_empty() {
            true => String::new(),
            false => format!("<{}>", parts.join(", ")),
        }
    }

    fn conditions(&self, generics: &Value) -> String {
        let parts: Vec<String> = list(&generics["where_predicates"])
            .filter_map(|predicate| match variant(predicate) {
                ("bound_predicate", inner) => {
                    let bounds = self.bounds(&inner["bounds"]);
                    (!bounds.is_empty()).then(|| format!("{}: {bounds}", self.ty(&inner["type"])))
                }
                _ => None,
            })
            .collect();
        match parts.is_empty() {
            true => String::new(),
            false => format!(" where {}", parts.join(", ")),
        }
    }

    pub(super) fn function(&self, name: &str, function: &Value) -> String {
        let header = &function["header"];
        let mut text = String::new();
        for (flag, word) in [("is_const", "const "), ("is_async", "async "), ("is_unsafe", "unsafe ")] {
            if is(header, flag) {
                text.push_str(word);
            }
        }
        let signature = &function["sig"];
        let inputs: Vec<String> = list(&signature["inputs"])
            .map(|input| match input[0].as_str() {
                Some("self") => self.receiver(&input[1]),
                name => format!("{}: {}", name.unwrap_or("_"), self.ty(&input[1])),
            })
            .collect();
        format!(
            "{text}fn {name}{}({}){}{}",
            self.generics(&function["generics"]),
            inputs.join(", "),
            self.output(&signature["output"]),
            self.conditions(&function["generics"])
        )
    }

    fn receiver(&self, ty: &Value) -> String {
        let (kind, inner) = variant(ty);
        match kind {
            "generic" if inner == "Self" => "self".to_owned(),
            "borrowed_ref" if inner["type"]["generic"] == "Self" => {
                let lifetime = inner["lifetime"].as_str().map(|name| format!("{name} "));
                format!("&{}{}self", lifetime.unwrap_or_default(), mutable(inner))
            }
            _ => format!("self: {}", self.ty(ty)),
        }
    }
}

fn mutable(inner: &Value) -> &'static str {
    if is(inner, "is_mutable") { "mut " } else { "" }
}

fn is(value: &Value, flag: &str) -> bool {
    value[flag].as_bool().unwrap_or(false)
}

/// Whether a function takes `self`.
pub(super) fn is_method(function: &Value) -> bool {
    function["sig"]["inputs"][0][0] == "self"
}
