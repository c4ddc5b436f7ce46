//! What stands at the cursor: its signature and its documentation.

use std::time::Instant;

use super::Request;
use super::cursor::Place;
use super::own::{Own, item, members};
use crate::frames::FRAME;
use crate::index::{Found, Id, Kind, head, peel, settled};
use crate::syntax::{Cell, bound_names};

/// What is known of something, for a person to read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Docs {
    /// For a console.
    pub plain: String,
    /// In Markdown, where it is.
    pub markdown: Option<String>,
    /// In HTML, where it is.
    pub html: Option<String>,
}

impl Docs {
    /// What rust-analyzer has said, if it has said something.
    pub(crate) fn of_analyzer(plain: String, html: String) -> Option<Docs> {
        const NOTHING: &str = "No documentation found";
        // Nor does it know the types of the prelude.
        let nothing = plain == NOTHING || plain.trim().is_empty() || plain.contains("{unknown}");
        (!nothing).then_some(Docs {
            plain,
            markdown: None,
            html: Some(html),
        })
    }
}

/// Columns of a frame that are listed.
const COLUMNS: usize = 60;

impl Request<'_> {
    /// The answer where nobody else need be asked.
    pub(crate) fn explained_at_once(&self) -> Option<Docs> {
        match &self.cursor.place {
            Place::Member(receiver) => {
                let rust_type = self.known_type(receiver.as_ref()?)?;
                self.member(&rust_type)
            }
            Place::Path(path) => self.below_path(path),
            Place::Name => self.name(),
            Place::Text(_) | Place::Nothing => None,
        }
    }

    /// The answer that takes a type: that of the expression before the dot, or of a variable of this cell.
    pub(crate) fn explained_by_rustc(&self, until: Instant) -> Option<Docs> {
        if let Some(receiver) = self.receiver() {
            return self.member(&self.found_type(receiver, until)?);
        }
        let word = self.word();
        if self.cursor.place != Place::Name || !self.locals().iter().any(|local| local == word) {
            return None;
        }
        let rust_type = match self.is_defined_here() {
            // A pattern is no expression: the variable is looked at behind its statement.
            true => {
                let end = self.end_of_let()?;
                self.asked(self.question(&(end..end), word), until)?
            }
            false => self.found_type(&self.cursor.word, until)?,
        };
        Some(self.variable(word, &rust_type))
    }

    /// The end of the statement of the cell itself that binds the word.
    fn end_of_let(&self) -> Option<usize> {
        let lets = Cell::parse(&self.rust).lets().into_iter();
        let mut binding = lets.skip_while(|statement| statement.type_place.0 < self.cursor.word.end);
        let binding = binding.next()?;
        let binds = binding.variables.iter().any(|variable| variable.name == self.word());
        binds.then_some(binding.end)
    }

    /// What rust-analyzer would have to be asked: the cell up to the word. It tells of a method only when it is called.
    pub(crate) fn for_hover(&self) -> String {
        let call = match self.cursor.place {
            Place::Member(_) => "(",
            _ => "",
        };
        format!("{}{call}", &self.rust[..self.cursor.word.end])
    }

    /// Whether the word is where a pattern binds it.
    fn is_defined_here(&self) -> bool {
        bound_names(&self.rust).any(|(start, _)| start == self.cursor.word.start)
    }

    /// A method or a field.
    fn member(&self, rust_type: &str) -> Option<Docs> {
        let word = self.word();
        let own = members(self.all_items(), rust_type);
        if let Some(own) = own.into_iter().find(|own| own.name == word) {
            return Some(of_own(&own));
        }
        let scope = self.imports.traits(&self.index);
        let found = self.index.members(rust_type, &scope);
        let found = found
            .iter()
            .filter(|found| matches!(found.kind, Kind::Method | Kind::Field));
        found.into_iter().find(|found| found.name == word).map(of_index)
    }

    /// What a path leads to: a name in a module, or a part of a type.
    fn below_path(&self, path: &[String]) -> Option<Docs> {
        let word = self.word();
        if let [name] = path {
            let own = members(self.all_items(), name);
            if let Some(own) = own.into_iter().find(|own| own.name == word) {
                return Some(of_own(&own));
            }
        }
        let whole: Vec<String> = path
            .iter()
            .map(String::as_str)
            .chain([word])
            .map(str::to_owned)
            .collect();
        if let Some(id) = self.best(self.imports.resolve(&self.index, &whole)) {
            return Some(self.thing(id));
        }
        let scope = self.imports.traits(&self.index);
        let above = self.imports.resolve(&self.index, path).into_iter();
        above
            .flat_map(|id| self.index.members_of(id, &scope))
            .find(|found| found.name == word)
            .map(|found| of_index(&found))
    }

    /// A name on its own: a variable, an item of the cells, or what a `use` has brought.
    fn name(&self) -> Option<Docs> {
        let word = self.word();
        let is_macro = self.followed_by('!');
        let local = self.locals().iter().any(|local| local == word);
        if !is_macro && local {
            return None;
        }
        if let Some(rust_type) = self.variables().get(word).filter(|_| !is_macro) {
            return Some(self.variable(word, rust_type));
        }
        if let Some(own) = item(self.all_items(), word) {
            return Some(of_own(&own));
        }
        let found = self.imports.resolve(&self.index, &[word.to_owned()]);
        self.best(found).map(|id| self.thing(id))
    }

    fn followed_by(&self, mark: char) -> bool {
        let end = self.cursor.word.end;
        let next = self.tokens.iter().find(|token| token.start >= end);
        next.is_some_and(|token| token.start == end && token.is(mark))
    }

    /// The one that is meant of several things of one name.
    fn best(&self, ids: Vec<Id>) -> Option<Id> {
        let wanted = |kind: Kind| match kind {
            Kind::Macro => self.followed_by('!'),
            Kind::Function => self.followed_by('('),
            _ => !self.followed_by('!') && !self.followed_by('('),
        };
        ids.into_iter().min_by_key(|id| !wanted(self.index.thing(*id).kind))
    }

    fn thing(&self, id: Id) -> Docs {
        let thing = self.index.thing(id);
        let of = thing.path.rsplit_once("::").map_or("", |(of, _)| of);
        let (of, _) = of.split_once('#').unwrap_or((of, ""));
        page(&thing.signature, of, self.index.docs(thing))
    }

    fn variable(&self, name: &str, rust_type: &str) -> Docs {
        let rust_type = &settled(rust_type);
        let mut about = String::new();
        let frame = (rust_type == FRAME).then(|| self.assistant.host.frame(name)).flatten();
        if let Some(frame) = frame {
            about = format!("{} rows × {} columns\n\n", frame.height(), frame.width());
            for column in frame.columns().iter().take(COLUMNS) {
                about.push_str(&format!("- `{}`: {}\n", column.name(), column.dtype()));
            }
            if frame.width() > COLUMNS {
                about.push_str("- …\n");
            }
            about.push('\n');
        }
        let ids = self.index.resolve(head(peel(rust_type)));
        if let Some(id) = ids.first() {
            about.push_str(self.index.docs(self.index.thing(*id)));
        } else if let Some(own) = item(self.all_items(), rust_type) {
            about.push_str(&own.docs);
        }
        page(&format!("let {name}: {rust_type}"), "", &about)
    }
}

fn of_own(own: &Own) -> Docs {
    page(&own.signature, "", &own.docs)
}

fn of_index(found: &Found<'_>) -> Docs {
    page(found.signature, found.of, found.docs)
}

fn page(signature: &str, of: &str, docs: &str) -> Docs {
    // A long list of conditions reads better on a line of its own.
    let signature = signature.replacen(" where ", "\nwhere\n    ", 1);
    let mut plain = signature.clone();
    let mut markdown = format!("```rust\n{signature}\n```\n");
    if !of.is_empty() {
        plain.push_str(&format!("\n{of}"));
        markdown.push_str(&format!("\n`{of}`\n"));
    }
    if !docs.trim().is_empty() {
        plain.push_str(&format!("\n\n{}", docs.trim_end()));
        markdown.push_str(&format!("\n{}\n", docs.trim_end()));
    }
    Docs {
        plain,
        markdown: Some(markdown),
        html: None,
    }
}
