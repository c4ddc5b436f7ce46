//! What was executed in this session, for `history_request`.
//!
//! In memory, for this kernel's life: the arrow keys of a console, the history
//! search of a front end. Notebooks keep their own record, and a file of all
//! sessions would write down what people type (keys, names) without being asked.

use std::collections::VecDeque;

use serde::Deserialize;
use serde_json::{Value, json};

/// Entries kept; a session beyond that forgets its oldest.
const KEPT: usize = 10_000;
/// The number that this session goes by; 0 means "the current one" in requests.
const SESSION: i64 = 1;

#[derive(Debug)]
struct Entry {
    line: u64,
    input: String,
    output: Option<String>,
}

/// The cells of this session, oldest first.
#[derive(Debug, Default)]
pub(crate) struct History {
    entries: VecDeque<Entry>,
}

/// The content of a `history_request`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct HistoryRequest {
    output: bool,
    hist_access_type: Access,
    session: i64,
    start: i64,
    stop: Option<i64>,
    n: Option<usize>,
    pattern: Option<String>,
    unique: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Access {
    #[default]
    Tail,
    Range,
    Search,
}

impl History {
    /// A cell begins.
    pub(crate) fn push(&mut self, line: u64, input: &str) {
        if self.entries.len() == KEPT {
            self.entries.pop_front();
        }
        self.entries.push_back(Entry {
            line,
            input: input.to_owned(),
            output: None,
        });
    }

    /// A cell has shown its result.
    pub(crate) fn set_output(&mut self, line: u64, output: String) {
        if let Some(entry) = self.entries.iter_mut().rfind(|entry| entry.line == line) {
            entry.output = Some(output);
        }
    }

    /// The `history` list of a reply: `[session, line, input]`, or with the
    /// output asked for, `[session, line, [input, output]]`.
    pub(crate) fn answer(&self, request: &HistoryRequest) -> Vec<Value> {
        let found = match request.hist_access_type {
            Access::Tail => last(self.entries.iter().collect(), request.n),
            Access::Range => self.range(request),
            Access::Search => last(self.search(request), request.n),
        };
        found
            .into_iter()
            .map(|entry| {
                if request.output {
                    json!([SESSION, entry.line, [entry.input, entry.output]])
                } else {
                    json!([SESSION, entry.line, entry.input])
                }
            })
            .collect()
    }

    /// Lines `start..stop` of this session; other sessions were not kept.
    fn range(&self, request: &HistoryRequest) -> Vec<&Entry> {
        if request.session != 0 && request.session != SESSION {
            return Vec::new();
        }
        let newest = self.entries.back().map_or(0, |entry| entry.line as i64);
        // As IPython has it, negative bounds count from the end.
        let from_end = |bound: i64| if bound < 0 { newest + 1 + bound } else { bound };
        let start = from_end(request.start);
        let stop = request.stop.map_or(i64::MAX, from_end);
        self.entries
            .iter()
            .filter(|entry| (start..stop).contains(&(entry.line as i64)))
            .collect()
    }

    fn search(&self, request: &HistoryRequest) -> Vec<&Entry> {
        let pattern: Vec<char> = request.pattern.as_deref().unwrap_or("*").chars().collect();
        let mut found: Vec<&Entry> = Vec::new();
        for entry in &self.entries {
            let input: Vec<char> = entry.input.chars().collect();
            if !glob(&pattern, &input) {
                continue;
            }
            if request.unique {
                found.retain(|earlier| earlier.input != entry.input);
            }
            found.push(entry);
        }
        found
    }
}

fn last(mut entries: Vec<&Entry>, n: Option<usize>) -> Vec<&Entry> {
    if let Some(n) = n {
        entries.drain(..entries.len().saturating_sub(n));
    }
    entries
}

/// Shell patterns (`*`, `?`, `[abc]`, `[a-z]`, `[^a]`) over the whole text, as SQLite's
/// GLOB has them, which IPython's search uses. Backtracks to the last `*` only,
/// so its cost is at most pattern × text.
fn glob(pattern: &[char], text: &[char]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        if pattern.get(p) == Some(&'*') {
            star = Some((p, t));
            p += 1;
            continue;
        }
        match one(&pattern[p..], text[t]) {
            Some(width) => {
                p += width;
                t += 1;
            }
            None => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    p = at + 1;
                    t = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&c| c == '*')
}

/// How many characters of the pattern match this one character, if they do.
fn one(pattern: &[char], c: char) -> Option<usize> {
    match pattern.first()? {
        '?' => Some(1),
        '[' => {
            let negated = matches!(pattern.get(1), Some('^' | '!'));
            let first = 1 + usize::from(negated);
            // A `]` right behind the bracket is a member of the set.
            let close = pattern
                .iter()
                .skip(first + 1)
                .position(|&c| c == ']')
                .map(|at| at + first + 1);
            let Some(close) = close else {
                return (c == '[').then_some(1);
            };
            let set = &pattern[first..close];
            let mut inside = false;
            let mut at = 0;
            while at < set.len() {
                if at + 2 < set.len() && set[at + 1] == '-' {
                    inside |= (set[at]..=set[at + 2]).contains(&c);
                    at += 3;
                } else {
                    inside |= set[at] == c;
                    at += 1;
                }
            }
            (inside != negated).then_some(close + 1)
        }
        &literal => (literal == c).then_some(1),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn history() -> History {
        let mut history = History::default();
        for (line, input) in ["let a = 1;", "a + 1", "let b = 2;", "a + 1"].iter().enumerate() {
            history.push(line as u64 + 1, input);
        }
        history.set_output(2, "2".to_owned());
        history
    }

    fn ask(request: Value) -> Value {
        let request: HistoryRequest = serde_json::from_value(request).unwrap();
        Value::Array(history().answer(&request))
    }

    #[test]
    fn tail_gives_the_last_n() {
        assert_eq!(
            ask(json!({"hist_access_type": "tail", "n": 2, "raw": true, "output": false})),
            json!([[1, 3, "let b = 2;"], [1, 4, "a + 1"]])
        );
    }

    #[test]
    fn range_is_half_open_and_carries_outputs() {
        assert_eq!(
            ask(json!({"hist_access_type": "range", "session": 0, "start": 1, "stop": 3, "output": true})),
            json!([[1, 1, ["let a = 1;", null]], [1, 2, ["a + 1", "2"]]])
        );
        assert_eq!(
            ask(json!({"hist_access_type": "range", "session": -1, "start": 1, "stop": 3})),
            json!([])
        );
        assert_eq!(
            ask(json!({"hist_access_type": "range", "session": 1, "start": -1})),
            json!([[1, 4, "a + 1"]])
        );
    }

    #[test]
    fn search_is_a_pattern_and_can_be_unique() {
        assert_eq!(
            ask(json!({"hist_access_type": "search", "pattern": "a *", "unique": true})),
            json!([[1, 4, "a + 1"]])
        );
        assert_eq!(
            ask(json!({"hist_access_type": "search", "pattern": "let ?*;", "n": 1})),
            json!([[1, 3, "let b = 2;"]])
        );
    }

    #[test]
    fn globs() {
        let matches = |pattern: &str, text: &str| {
            let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
            glob(&pattern, &text)
        };
        assert!(matches("*", ""));
        assert!(matches("1?2*", "1+2"));
        assert!(matches("*[a-c]x*", "__bx"));
        assert!(!matches("[^a-c]", "b"));
        assert!(matches("[]]", "]"));
        assert!(matches("[", "["));
        assert!(!matches("a", "ab"));
        assert!(matches("é*ß", "é…ß"));
        assert!(!matches("*a*a*a*a*b", &"a".repeat(5_000)));
    }

    #[test]
    fn a_long_session_forgets_its_oldest() {
        let mut history = History::default();
        for line in 1..=(KEPT as u64 + 5) {
            history.push(line, "x");
        }
        assert_eq!(history.entries.len(), KEPT);
        assert_eq!(history.entries[0].line, 6);
    }
}
