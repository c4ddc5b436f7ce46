//! What a cell's source says, read with the parser that evcxr itself uses, so that both split a
//! cell alike: its statements, the variables it defines, the names it mentions.

use ra_ap_syntax::ast::{self, HasName};
use ra_ap_syntax::{AstNode, Edition, Parse, SourceFile, SyntaxKind, SyntaxNode, SyntaxToken};

use crate::commands::rust_start;
use crate::speed::Effort;

/// A cell is parsed as the body of a function.
pub(crate) const BEFORE: &str = "fn f(){";
const AFTER: &str = "\n}";

/// Rust parsed as the body of a function: [`BEFORE`] stands before it.
pub(crate) fn parsed(rust: &str) -> Parse<SourceFile> {
    SourceFile::parse(&format!("{BEFORE}{rust}{AFTER}"), Edition::Edition2024)
}

/// The names that patterns bind anywhere in a piece of Rust, each with where it stands.
pub(crate) fn bound_names(rust: &str) -> impl Iterator<Item = (usize, String)> + use<> {
    bound(&parsed(rust).syntax_node()).map(|(name, _)| {
        let start = usize::from(name.syntax().text_range().start());
        (start - BEFORE.len(), name.text().to_string())
    })
}

/// Where patterns bind names. `None` and constants look like variables to a parser, and are left out.
fn bound(node: &SyntaxNode) -> impl Iterator<Item = (ast::Name, ast::IdentPat)> + use<> {
    let patterns = node.descendants().filter_map(ast::IdentPat::cast);
    let named = patterns.filter_map(|pattern| Some((pattern.name()?, pattern)));
    named.filter(|(name, _)| !name.text().starts_with(char::is_uppercase))
}

/// A top-level `let`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Let {
    /// The variables that its pattern defines.
    pub(crate) variables: Vec<Defined>,
    /// Whether the pattern is one plain name.
    pub(crate) plain: bool,
    /// Where a type would be written: the end of the pattern, or the range of the type there is.
    pub(crate) type_place: (usize, usize),
    /// Whether a type is written in full.
    pub(crate) typed: bool,
    /// Whether the value is a literal, whose type anyone can tell.
    pub(crate) literal: bool,
    /// Whether that literal is a string.
    pub(crate) string: bool,
    /// Offset behind its semicolon.
    pub(crate) end: usize,
}

/// A variable that a pattern defines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Defined {
    pub(crate) name: String,
    pub(crate) mutable: bool,
}

/// An item of the cell: `fn`, `struct`, `use`, …
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) names: Vec<String>,
}

/// A parsed cell. Offsets are bytes of the cell's source.
#[derive(Debug)]
pub(crate) struct Cell {
    body: SyntaxNode,
    /// Offset of the Rust within the cell, behind its commands.
    rust: usize,
    length: usize,
}

impl Cell {
    /// Parses a cell; anything parses, if badly.
    pub(crate) fn parse(code: &str) -> Cell {
        let rust = rust_start(code);
        Cell {
            body: parsed(&code[rust..]).syntax_node(),
            rust,
            length: code.len(),
        }
    }

    fn offset(&self, offset: ra_ap_syntax::TextSize) -> usize {
        let within = usize::from(offset).saturating_sub(BEFORE.len());
        (within + self.rust).min(self.length)
    }

    fn range(&self, node: &SyntaxNode) -> (usize, usize) {
        let range = node.text_range();
        (self.offset(range.start()), self.offset(range.end()))
    }

    fn statements(&self) -> Option<ast::StmtList> {
        let function = self.body.children().find_map(ast::Fn::cast)?;
        function.body()?.stmt_list()
    }

    fn nodes(&self) -> impl Iterator<Item = SyntaxNode> + use<> {
        let list = self.statements().map(|list| list.syntax().children());
        list.into_iter().flatten()
    }

    /// Where statements may be inserted: behind leading inner attributes, which must stay first.
    /// `None` when the cell has no Rust.
    pub(crate) fn insertion_point(&self) -> Option<usize> {
        let first = self.nodes().find(|node| node.kind() != SyntaxKind::ATTR)?;
        Some(self.range(&first).0)
    }

    /// How much work the cell does itself.
    pub(crate) fn effort(&self) -> Effort {
        let mut effort = Effort::default();
        self.nodes().for_each(|node| effort.add(Effort::of(&node)));
        effort
    }

    /// The cell's top-level `let`s, in order.
    pub(crate) fn lets(&self) -> Vec<Let> {
        self.nodes()
            .filter_map(ast::LetStmt::cast)
            .filter_map(|statement| self.describe_let(&statement))
            .collect()
    }

    fn describe_let(&self, statement: &ast::LetStmt) -> Option<Let> {
        let pattern = statement.pat()?;
        // Without its semicolon nothing can be put behind it, and it won't compile anyway.
        statement.semicolon_token()?;
        let plain =
            matches!(&pattern, ast::Pat::IdentPat(ident) if ident.pat().is_none() && ident.ref_token().is_none());
        let variables = bound(pattern.syntax()).map(|(name, ident)| Defined {
            name: name.text().to_string(),
            mutable: ident.mut_token().is_some(),
        });
        let pattern_end = self.range(pattern.syntax()).1;
        let (type_place, typed) = match statement.ty() {
            None => ((pattern_end, pattern_end), false),
            Some(ty) => {
                let open = ty
                    .syntax()
                    .descendants()
                    .any(|node| node.kind() == SyntaxKind::INFER_TYPE);
                ((pattern_end, self.range(ty.syntax()).1), !open)
            }
        };
        let literal = match statement.initializer() {
            Some(ast::Expr::Literal(literal)) if plain => Some(literal.kind()),
            _ => None,
        };
        Some(Let {
            variables: variables.collect(),
            plain,
            type_place,
            typed: typed && plain,
            literal: literal.is_some(),
            string: matches!(literal, Some(ast::LiteralKind::String(_))),
            end: self.range(statement.syntax()).1,
        })
    }

    /// The range of the last expression, whose value the cell shows.
    pub(crate) fn tail(&self) -> Option<(usize, usize)> {
        let tail = self.statements()?.tail_expr()?;
        Some(self.range(tail.syntax()))
    }

    /// Inner attributes such as `#![feature(…)]`.
    pub(crate) fn attributes(&self) -> Vec<(usize, usize)> {
        self.nodes()
            .filter(|node| node.kind() == SyntaxKind::ATTR)
            .map(|node| self.range(&node))
            .collect()
    }

    /// The cell's items, in order.
    pub(crate) fn items(&self) -> Vec<Item> {
        self.nodes()
            .filter(|node| is_item(node.kind()))
            .map(|node| {
                let (start, end) = self.range(&node);
                Item {
                    start,
                    end,
                    names: item_names(&node),
                }
            })
            .collect()
    }

    /// The names among `known` that the cell mentions as values before it defines them itself.
    pub(crate) fn mentions(&self, known: &[String]) -> Vec<String> {
        let mut found: Vec<(usize, String)> = Vec::new();
        for token in self
            .body
            .descendants_with_tokens()
            .filter_map(|element| element.into_token())
        {
            match token.kind() {
                SyntaxKind::IDENT if is_value(&token) && !in_item(&token) => {
                    let at = self.offset(token.text_range().start());
                    found.push((at, token.text().to_owned()));
                }
                SyntaxKind::STRING if in_macro(&token) && !in_item(&token) => {
                    let at = self.offset(token.text_range().start());
                    let names = captured(token.text());
                    found.extend(names.into_iter().map(|name| (at, name)));
                }
                _ => {}
            }
        }
        let lets = self.lets();
        let mut mentioned: Vec<String> = Vec::new();
        for (at, name) in found {
            let defined = lets
                .iter()
                .any(|statement| statement.end <= at && statement.variables.iter().any(|v| v.name == name));
            if !defined && known.contains(&name) && !mentioned.contains(&name) {
                mentioned.push(name);
            }
        }
        mentioned
    }
}

/// Whether an identifier stands for a value of that name: not a field, a method, a type, part of
/// a path, or a name that is being defined.
fn is_value(token: &SyntaxToken) -> bool {
    let Some(parent) = token.parent() else {
        return false;
    };
    match parent.kind() {
        SyntaxKind::NAME_REF => {
            let segment = parent.parent().and_then(ast::PathSegment::cast);
            let Some(path) = segment.and_then(|segment| segment.syntax().parent()) else {
                return false;
            };
            let alone = path.children().count() == 1;
            let expression = path.parent().is_some_and(|node| node.kind() == SyntaxKind::PATH_EXPR);
            alone && expression
        }
        SyntaxKind::TOKEN_TREE => {
            let before = neighbour(token, false);
            let after = neighbour(token, true);
            let path_before =
                matches!(before, Some(SyntaxKind::DOT | SyntaxKind::COLON2)) || is_double_colon(token, false);
            let path_after =
                matches!(after, Some(SyntaxKind::COLON2 | SyntaxKind::BANG)) || is_double_colon(token, true);
            !path_before && !path_after
        }
        _ => false,
    }
}

fn step(token: &SyntaxToken, forward: bool) -> Option<SyntaxToken> {
    if forward {
        token.next_token()
    } else {
        token.prev_token()
    }
}

fn neighbour(token: &SyntaxToken, forward: bool) -> Option<SyntaxKind> {
    let mut next = step(token, forward);
    while let Some(token) = next {
        if !token.kind().is_trivia() {
            return Some(token.kind());
        }
        next = step(&token, forward);
    }
    None
}

/// Inside a macro `::` comes as two colons side by side.
fn is_double_colon(token: &SyntaxToken, forward: bool) -> bool {
    let is_colon = |token: &SyntaxToken| token.kind() == SyntaxKind::COLON;
    let first = step(token, forward).filter(is_colon);
    first
        .and_then(|token| step(&token, forward))
        .is_some_and(|token| is_colon(&token))
}

fn in_macro(token: &SyntaxToken) -> bool {
    token
        .parent()
        .is_some_and(|parent| parent.kind() == SyntaxKind::TOKEN_TREE)
}

/// Whether a token belongs to an item, which sees no variables. The function that wraps the cell
/// is the first node of all and does not count.
fn in_item(token: &SyntaxToken) -> bool {
    token
        .parent_ancestors()
        .any(|node| is_item(node.kind()) && usize::from(node.text_range().start()) > 0)
}

fn is_item(kind: SyntaxKind) -> bool {
    ast::Item::can_cast(kind) && kind != SyntaxKind::MACRO_CALL
}

/// The names in a format string: `{name}`, `{name:?}`.
fn captured(literal: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = literal;
    while let Some(at) = rest.find('{') {
        rest = &rest[at + 1..];
        if let Some(escaped) = rest.strip_prefix('{') {
            rest = escaped;
            continue;
        }
        let end = rest
            .find(|c: char| !c.is_alphanumeric() && c != '_')
            .unwrap_or(rest.len());
        let closed = rest[end..].starts_with(['}', ':']);
        if end > 0 && closed {
            names.push(rest[..end].to_owned());
        }
    }
    names
}

/// The names under which evcxr keeps an item.
pub(crate) fn item_names(node: &SyntaxNode) -> Vec<String> {
    let Some(item) = ast::Item::cast(node.clone()) else {
        return Vec::new();
    };
    let name = match &item {
        ast::Item::Const(item) => item.name(),
        ast::Item::Enum(item) => item.name(),
        ast::Item::Fn(item) => item.name(),
        ast::Item::MacroRules(item) => item.name(),
        ast::Item::MacroDef(item) => item.name(),
        ast::Item::Module(item) => item.name(),
        ast::Item::Static(item) => item.name(),
        ast::Item::Struct(item) => item.name(),
        ast::Item::Trait(item) => item.name(),
        ast::Item::TypeAlias(item) => item.name(),
        ast::Item::Union(item) => item.name(),
        ast::Item::Use(item) => return use_names(item),
        _ => None,
    };
    name.into_iter().map(|name| name.text().to_string()).collect()
}

fn use_names(item: &ast::Use) -> Vec<String> {
    let mut names = Vec::new();
    for tree in item.syntax().descendants().filter_map(ast::UseTree::cast) {
        if tree.use_tree_list().is_some() || tree.star_token().is_some() {
            continue;
        }
        let renamed = tree.rename().map(|rename| rename.name());
        let name = match renamed {
            Some(name) => name.map(|name| name.text().to_string()),
            None => tree
                .path()
                .and_then(|path| path.segment())
                .and_then(|segment| segment.name_ref())
                .map(|name| name.text().to_string()),
        };
        names.extend(name);
    }
    names
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mentioned(code: &str) -> Vec<String> {
        let known = ["guess", "train"].map(str::to_owned);
        Cell::parse(code).mentions(&known)
    }

    #[test]
    fn a_frame_is_mentioned_where_it_is_used_as_a_value() {
        assert_eq!(mentioned("let x = guess.clone().lazy();"), ["guess"]);
        assert_eq!(mentioned("let guess = guess.head(Some(3));"), ["guess"]);
        assert_eq!(mentioned("println!(\"{}\", train.height())"), ["train"]);
        assert_eq!(mentioned("println!(\"{guess:?} {{train}}\")"), ["guess"]);
        assert_eq!(
            mentioned("let f = || guess.height() + train.height();"),
            ["guess", "train"]
        );
        assert_eq!(mentioned(":opt 1\n// guess\nguess"), ["guess"]);
    }

    #[test]
    fn what_only_looks_like_a_mention_is_none() {
        for code in [
            "x.guess",
            "x.guess()",
            "col(\"guess\")",
            "let x: guess = 1;",
            "guess::f()",
            "m::guess",
            "use a::guess;",
            "fn f() { guess() }",
            "struct S { guess: i32 }",
            "// guess",
            "println!(\"{{guess}}\")",
            "vec![x.guess, m::guess, guess::f()]",
            "let guess = 1; guess + 1",
            "let (a, guess) = f(); guess",
        ] {
            assert!(mentioned(code).is_empty(), "{code}");
        }
    }

    #[test]
    fn lets_are_described() {
        let code = "let x = f(); let mut y: Vec<_> = g();\nlet (a, mut b) = h();\nlet z: i32 = 1; let n = 5; let Some(k) = o else { panic!() };";
        let lets = Cell::parse(code).lets();
        let names: Vec<Vec<&str>> = lets
            .iter()
            .map(|l| l.variables.iter().map(|v| v.name.as_str()).collect())
            .collect();
        assert_eq!(
            names,
            [vec!["x"], vec!["y"], vec!["a", "b"], vec!["z"], vec!["n"], vec!["k"]]
        );
        let typed: Vec<bool> = lets.iter().map(|l| l.typed).collect();
        assert_eq!(typed, [false, false, false, true, false, false]);
        assert!(lets[4].literal && !lets[0].literal);
        assert_eq!(&code[lets[1].type_place.0..lets[1].type_place.1], ": Vec<_>");
        assert!(lets[1].variables[0].mutable && lets[2].variables[1].mutable);
    }

    #[test]
    fn insertions_go_behind_commands_and_inner_attributes() {
        assert_eq!(
            Cell::parse(":opt 2\n#![allow(unused)]\nlet x = 1;").insertion_point(),
            Some(25)
        );
        assert_eq!(Cell::parse(":vars").insertion_point(), None);
    }

    #[test]
    fn items_have_the_names_evcxr_keeps_them_under() {
        let items = Cell::parse("use a::{b, c as d, e::*}; fn f() {} impl X {} struct Y;").items();
        let names: Vec<Vec<String>> = items.into_iter().map(|item| item.names).collect();
        assert_eq!(
            names,
            [
                vec!["b".to_owned(), "d".to_owned()],
                vec!["f".to_owned()],
                vec![],
                vec!["Y".to_owned()]
            ]
        );
    }

    proptest! {
        #[test]
        fn no_source_makes_the_reader_fail(code in "(?s).{0,80}") {
            let cell = Cell::parse(&code);
            let _ = (cell.lets(), cell.items(), cell.tail(), cell.insertion_point(), cell.attributes());
            let _ = cell.mentions(&["guess".to_owned()]);
        }

        #[test]
        fn offsets_lie_on_characters_of_the_cell(code in "(let [a-zé]{1,3} = [0-9é\"]{0,3};|fn f\\(\\)\\{\\}|[\\}\\{é;]|\n){0,8}") {
            let cell = Cell::parse(&code);
            for statement in cell.lets() {
                prop_assert!(code.is_char_boundary(statement.end));
                prop_assert!(code.is_char_boundary(statement.type_place.0));
                prop_assert!(code.is_char_boundary(statement.type_place.1));
            }
        }
    }
}
