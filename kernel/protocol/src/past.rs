//! The history as an engine may ask for it: for a magic that lists what was typed.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::history::History;

/// What was executed, in this session and in earlier ones.
#[derive(Clone, Debug)]
pub struct Past {
    history: Arc<History>,
}

/// A cell that was executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastCell {
    /// The number of its session; none for this one.
    pub session: Option<i64>,
    /// The cell's number in its session.
    pub line: u64,
    /// The cell's text.
    pub input: String,
}

impl Past {
    pub(crate) fn new(history: Arc<History>) -> Past {
        Past { history }
    }

    /// The cells of this session and of so many before it, of all where none are given; oldest first. Waits for the file.
    pub fn cells(&self, earlier: Option<u32>) -> Vec<PastCell> {
        let here = self.ask(json!({"hist_access_type": "range", "session": 0}));
        let session = here.first().map(|cell| cell.0);
        let mut found = match earlier {
            None => self.ask(json!({"hist_access_type": "tail"})),
            Some(earlier) => {
                let back = |back: u32| self.ask(json!({"hist_access_type": "range", "session": -i64::from(back)}));
                (1..=earlier).rev().flat_map(back).collect()
            }
        };
        if earlier.is_some() {
            found.extend(here);
        }
        let cell = |(of, line, input)| PastCell {
            session: (Some(of) != session).then_some(of),
            line,
            input,
        };
        found.into_iter().map(cell).collect()
    }

    /// Session, line and text of what a request finds.
    fn ask(&self, request: Value) -> Vec<(i64, u64, String)> {
        let request = serde_json::from_value(request).unwrap_or_default();
        let found = self.history.answer(request).into_iter();
        found.filter_map(|entry| serde_json::from_value(entry).ok()).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn this_session_and_earlier_ones_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let session = |inputs: &[&str]| {
            let history = History::open(Some(folder.path().join("history.sqlite"))).unwrap();
            for (at, input) in inputs.iter().enumerate() {
                history.push(at as u64 + 1, input, false);
            }
            Past::new(Arc::new(history))
        };
        let told = |past: &Past, earlier| -> Vec<String> {
            let cells = past.cells(earlier).into_iter();
            cells
                .map(|cell| format!("{:?} {} {}", cell.session, cell.line, cell.input))
                .collect()
        };
        assert_eq!(told(&session(&["a"]), Some(0)), ["None 1 a"]);
        assert_eq!(told(&session(&["b", "c"]), Some(0)), ["None 1 b", "None 2 c"]);
        let third = session(&["d"]);
        assert_eq!(told(&third, Some(1)), ["Some(2) 1 b", "Some(2) 2 c", "None 1 d"]);
        assert_eq!(
            told(&third, None),
            ["Some(1) 1 a", "Some(2) 1 b", "Some(2) 2 c", "None 1 d"]
        );
        assert_eq!(told(&third, Some(9)).len(), 4);
    }
}
