//! How much a cell is optimised, by what it contains.
//!
//! A cell is compiled anew each time, so what it costs to compile is what a person waits for. Measured on two cores, a
//! bare rustc against the prelude, in milliseconds, by optimisation level:
//!
//! | cell | 0 | 1 | 2 | 3 |
//! | --- | --- | --- | --- | --- |
//! | `let x = 1 + 1` | 140 | 140 | 140 | 140 |
//! | a group-by in Polars | 380 | 1500 | 3600 | 3400 |
//! | a chart by plotters | 570 | 2270 | 2920 | 3170 |
//! | loops over numbers: to compile | 170 | 160 | 150 | 150 |
//! | … 10⁸ steps: to run | 550 | 62 | 55 | 55 |
//! | … 10⁸ steps of `y += a * x`: to run | 1060 | 121 | 43 | 33 |
//!
//! So glue around libraries, which are optimised already, is compiled at level 0; arithmetic of the cell's own at level 2;
//! and where both stand in one cell, level 1 is the least bad. `:opt` overrules all of it.

use std::collections::HashSet;

use ra_ap_syntax::{AstNode, SyntaxKind, SyntaxNode, ast};

/// How much the next cell is optimised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    /// As `:opt` says, and evcxr's manifest with it.
    AsTyped,
    /// Not at all: it calls what is compiled already.
    Glue,
    /// A little: it loops, and instantiates generic code of large libraries besides.
    Mixed,
    /// Fully: what it does, it does itself.
    Numeric,
}

impl Level {
    /// What rustc is told.
    pub(crate) fn argument(self) -> &'static str {
        match self {
            Level::AsTyped => "",
            Level::Glue => "-Copt-level=0\n",
            Level::Mixed => "-Copt-level=1\n",
            Level::Numeric => "-Copt-level=2\n",
        }
    }
}

/// How much work a piece of code does itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Work {
    /// Calls.
    #[default]
    Calls,
    /// Chains of iterators, or a loop over what another gives: cheap unless there is much of it.
    Iterates,
    /// Loops that count, nested loops, functions that call themselves.
    Loops,
}

/// The work in a piece of code, and the names it uses.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Effort {
    pub(crate) work: Work,
    pub(crate) names: HashSet<String>,
}

/// Names under which large generic libraries appear in cells.
const HEAVY: [&str; 14] = [
    "polars",
    "plotters",
    "serde_json",
    "ndarray",
    "tokio",
    "col",
    "cols",
    "lit",
    "df",
    "json",
    "plot",
    "DataFrame",
    "LazyFrame",
    "Series",
];

/// Methods that go through many things.
const ITERATES: [&str; 8] = [
    "iter",
    "iter_mut",
    "into_iter",
    "par_iter",
    "chunks",
    "windows",
    "fold",
    "for_each",
];

impl Effort {
    /// Looks through the syntax of a piece of code.
    pub(crate) fn of(code: &SyntaxNode) -> Effort {
        let mut effort = Effort::default();
        for node in code.descendants() {
            effort.work = effort.work.max(work(&node));
        }
        let tokens = code.descendants_with_tokens().filter_map(|part| part.into_token());
        for token in tokens {
            // Within a macro's brackets there are only words.
            let in_macro = token
                .parent()
                .is_some_and(|parent| parent.kind() == SyntaxKind::TOKEN_TREE);
            match token.kind() {
                SyntaxKind::FOR_KW | SyntaxKind::WHILE_KW | SyntaxKind::LOOP_KW if in_macro => {
                    effort.work = Work::Loops
                }
                SyntaxKind::IDENT => {
                    if in_macro && ITERATES.contains(&token.text()) {
                        effort.work = effort.work.max(Work::Iterates);
                    }
                    effort.names.insert(token.text().to_owned());
                }
                _ => {}
            }
        }
        effort
    }

    /// Takes in what an item does that this code uses.
    pub(crate) fn add(&mut self, other: Effort) {
        self.work = self.work.max(other.work);
        self.names.extend(other.names);
    }

    /// How to compile it. `is_large` tells of a variable whether its type is of a large library.
    pub(crate) fn level(&self, is_large: impl Fn(&str) -> bool) -> Level {
        let large = self
            .names
            .iter()
            .any(|name| HEAVY.contains(&name.as_str()) || is_large(name));
        match (self.work, large) {
            (Work::Calls, _) | (Work::Iterates, true) => Level::Glue,
            (Work::Loops, true) => Level::Mixed,
            (Work::Iterates | Work::Loops, false) => Level::Numeric,
        }
    }
}

fn work(node: &SyntaxNode) -> Work {
    match node.kind() {
        SyntaxKind::WHILE_EXPR | SyntaxKind::LOOP_EXPR => Work::Loops,
        SyntaxKind::FOR_EXPR => {
            let nested = node
                .ancestors()
                .skip(1)
                .any(|outer| matches!(outer.kind(), SyntaxKind::FOR_EXPR | SyntaxKind::CLOSURE_EXPR));
            let counts = ast::ForExpr::cast(node.clone())
                .and_then(|each| ast::HasLoopBody::loop_body(&each).and(each.iterable()))
                .is_some_and(|over| {
                    over.syntax()
                        .descendants()
                        .any(|part| part.kind() == SyntaxKind::RANGE_EXPR)
                });
            if nested || counts { Work::Loops } else { Work::Iterates }
        }
        SyntaxKind::METHOD_CALL_EXPR => {
            let name = ast::MethodCallExpr::cast(node.clone()).and_then(|call| call.name_ref());
            let iterates = name.is_some_and(|name| ITERATES.contains(&name.text()));
            if iterates { Work::Iterates } else { Work::Calls }
        }
        SyntaxKind::RANGE_EXPR => match node.parent().map(|parent| parent.kind()) {
            Some(SyntaxKind::PAREN_EXPR) => Work::Iterates,
            _ => Work::Calls,
        },
        SyntaxKind::FN => {
            let function = ast::Fn::cast(node.clone());
            let name = function
                .as_ref()
                .and_then(ast::HasName::name)
                .map(|name| name.text().to_string());
            let body = function.and_then(|function| function.body());
            let own = |call: ast::CallExpr| call.expr().map(|called| called.syntax().text().to_string()) == name;
            let calls_itself = body.is_some_and(|body| {
                let calls = body.syntax().descendants().filter_map(ast::CallExpr::cast);
                calls.into_iter().any(own)
            });
            if calls_itself { Work::Loops } else { Work::Calls }
        }
        _ => Work::Calls,
    }
}

#[cfg(test)]
mod tests {
    use ra_ap_syntax::{Edition, SourceFile};

    use super::*;

    fn level(code: &str) -> Level {
        let file = SourceFile::parse(&format!("fn cell() {{ {code} }}"), Edition::Edition2024);
        Effort::of(&file.syntax_node()).level(|name| name == "train")
    }

    #[test]
    fn a_cell_is_optimised_for_what_it_does_itself() {
        for glue in [
            "let x = 1 + 1;",
            "let worst = train.lazy().filter(col(\"a\").gt(1)).collect()?; worst",
            "for name in train.get_column_names() { println!(\"{name}\"); }",
            "let x = train.column(\"a\")?.f64()?.into_iter().flatten().sum::<f64>();",
            "plot(640, 400, |area| { draw((0..10).map(|x| x)) })?;",
            "&text[0..4]",
        ] {
            assert_eq!(level(glue), Level::Glue, "{glue}");
        }
        for numeric in [
            "let mut s = 0; for i in 0..n { s += i; }",
            "while x > 1 { x = x / 2; }",
            "let s: u64 = (0..100).map(|x| x * x).sum();",
            "let s: f64 = v.iter().sum();",
            "for x in &v { s += x; }",
            "println!(\"{}\", v.iter().sum::<f64>());",
            "fn fib(n: u32) -> u64 { if n < 2 { 1 } else { fib(n - 1) + fib(n - 2) } }",
        ] {
            assert_eq!(level(numeric), Level::Numeric, "{numeric}");
        }
        for mixed in [
            "let a = train.height(); for i in 0..a { s += i; }",
            "for a in names { for b in names { n += df.height(); } }",
        ] {
            assert_eq!(level(mixed), Level::Mixed, "{mixed}");
        }
    }
}
