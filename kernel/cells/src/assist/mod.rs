//! Completion and inspection of Rust, without the thread that runs cells.
//!
//! Three know something: the index of the prelude's crates and of the standard library, by name; rustc, the type of any
//! expression, in a fifth of a second; and rust-analyzer, what the cells themselves have defined, but only while no cell
//! runs. The first two are asked here, from what the session has published after its last cell; the evaluator
//! (`evaluator.rs`) asks the third meanwhile and takes its answer where there is no other. The folder reads:
//!
//! | file | subject |
//! | --- | --- |
//! | `tokens.rs`, `cursor.rs` | where the cursor stands, in a cell that is not finished |
//! | `scope.rs` | what a session publishes |
//! | `imports.rs` | what `use` brings into scope |
//! | `own.rs` | what cells have defined themselves |
//! | `probe.rs` | the type of an expression, asked of rustc |
//! | `complete.rs`, `columns.rs` | what could stand at the cursor |
//! | `explain.rs` | what stands there |

mod columns;
mod complete;
mod cursor;
mod explain;
mod imports;
mod own;
mod probe;
mod scope;
#[cfg(test)]
mod tests;
mod tokens;

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use ra_ap_syntax::{Edition, SyntaxKind};

use crate::frames::{FRAME, same};
use crate::host::Host;
use crate::index::Index;
use crate::syntax::{Cell, bound_names};
use cursor::{Cursor, Place};
use imports::Imports;
use tokens::{Sort, Token, rust_of, tokens};

pub use explain::Docs;
pub(crate) use scope::Scope;

/// Answers completion and inspection; lives as long as its evaluator.
pub(crate) struct Assistant {
    host: Arc<dyn Host>,
    /// The index, read when it is first asked for, and the file that it was read from.
    index: Mutex<Option<(PathBuf, Arc<Index>)>>,
    /// rustc's last answer, with its question: who types on behind a dot asks it again with each letter.
    answered: Mutex<Option<(String, String)>>,
}

/// One question, with all that its answer depends on.
pub(crate) struct Request<'a> {
    assistant: &'a Assistant,
    scope: &'a Scope,
    index: Arc<Index>,
    /// The cell without evcxr's commands.
    rust: String,
    tokens: Vec<Token>,
    cursor: Cursor,
    /// The items of the cell itself.
    items: Vec<String>,
    imports: Imports,
}

impl Assistant {
    pub(crate) fn new(host: Arc<dyn Host>) -> Assistant {
        Assistant {
            host,
            index: Mutex::default(),
            answered: Mutex::default(),
        }
    }

    /// What could stand at a byte offset.
    pub(crate) fn to_complete<'a>(&'a self, scope: &'a Scope, code: &str, offset: usize) -> Request<'a> {
        let rust = rust_of(code);
        let tokens = tokens(&rust);
        let cursor = Cursor::to_complete(&rust, &tokens, offset);
        self.request(scope, rust, tokens, cursor)
    }

    /// What stands at a byte offset; `None` where there is no name.
    pub(crate) fn to_explain<'a>(&'a self, scope: &'a Scope, code: &str, offset: usize) -> Option<Request<'a>> {
        let rust = rust_of(code);
        let tokens = tokens(&rust);
        let cursor = Cursor::to_explain(&rust, &tokens, offset)?;
        Some(self.request(scope, rust, tokens, cursor))
    }

    fn request<'a>(&'a self, scope: &'a Scope, rust: String, tokens: Vec<Token>, cursor: Cursor) -> Request<'a> {
        let items = Cell::parse(&rust).items().into_iter();
        let items: Vec<String> = items.map(|item| rust[item.start..item.end].to_owned()).collect();
        let imports = Imports::of(scope.known.texts().chain(items.iter().map(String::as_str)));
        Request {
            assistant: self,
            scope,
            index: self.index(scope),
            rust,
            tokens,
            cursor,
            items,
            imports,
        }
    }

    fn index(&self, scope: &Scope) -> Arc<Index> {
        let mut known = self.index.lock();
        if let Some((file, index)) = &*known
            && *file == scope.index
        {
            return Arc::clone(index);
        }
        let index = Arc::new(Index::load(&scope.index).unwrap_or_default());
        *known = Some((scope.index.clone(), Arc::clone(&index)));
        index
    }
}

impl Request<'_> {
    /// What there is of the word at the cursor.
    fn word(&self) -> &str {
        &self.rust[self.cursor.word.clone()]
    }

    /// Items of all cells and of this one, the latest last.
    fn all_items(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.scope.known.texts().chain(self.items.iter().map(String::as_str))
    }

    /// Variables of the cells, and names of the session that a cell may mention, with their types.
    fn variables(&self) -> BTreeMap<String, String> {
        let mut variables = self.scope.known.variables.clone();
        let host = &self.assistant.host;
        let newer = |name: &str| {
            let held = self.scope.held.get(name);
            held.is_none_or(|held| host.frame(name).is_some_and(|frame| !same(&frame, held)))
        };
        let frames = host.names().into_iter().filter(|name| newer(name));
        let frames = frames.map(|name| (name, FRAME.to_owned()));
        let values = host.values().into_iter().map(|value| (value.name, value.rust_type));
        let functions: HashSet<&str> = self.scope.known.item_names().collect();
        let usable =
            |name: &str| !functions.contains(name) && SyntaxKind::from_keyword(name, Edition::Edition2024).is_none();
        variables.extend(frames.chain(values).filter(|(name, _)| usable(name)));
        variables
    }

    /// Names that patterns of this cell bind: their types are not those of earlier cells.
    fn locals(&self) -> Vec<String> {
        let mut names: Vec<String> = bound_names(&self.rust).map(|(_, name)| name).collect();
        names.sort();
        names.dedup();
        names
    }

    /// The type of an expression where it takes no compiler to tell it.
    fn known_type(&self, expression: &Range<usize>) -> Option<String> {
        let text = &self.rust[expression.clone()];
        let variable = self.variables().remove(text);
        if let Some(rust_type) = variable.filter(|_| !self.locals().iter().any(|local| local == text)) {
            return Some(rust_type);
        }
        let question = self.question(expression, text);
        let answered = self.assistant.answered.lock();
        let (_, answer) = answered.as_ref().filter(|(asked, _)| *asked == question)?;
        Some(answer.clone())
    }

    /// The type of an expression, by rustc.
    fn found_type(&self, expression: &Range<usize>, until: Instant) -> Option<String> {
        self.asked(self.question(expression, &self.rust[expression.clone()]), until)
    }

    fn asked(&self, question: String, until: Instant) -> Option<String> {
        let answer = probe::answer(self.scope, &question, until)?;
        *self.assistant.answered.lock() = Some((question, answer.clone()));
        Some(answer)
    }

    /// What asks rustc for the type of an expression that takes the place of a range.
    fn question(&self, place: &Range<usize>, expression: &str) -> String {
        let mut known = self.scope.known.clone();
        let mentioned = |name: &str| {
            let words = self.tokens.iter().filter(|token| token.sort == Sort::Word);
            words
                .into_iter()
                .any(|token| self.rust[token.start..token.end] == *name)
        };
        known.variables = self.variables();
        known.variables.retain(|name, _| mentioned(name));
        probe::question(&known, &self.rust, &self.tokens, place, expression)
    }

    /// The expression before the dot.
    fn receiver(&self) -> Option<&Range<usize>> {
        match &self.cursor.place {
            Place::Member(receiver) => receiver.as_ref(),
            _ => None,
        }
    }
}
