//! A cell's source with insertions, and the way back from a position in it to what was typed.
//!
//! The kernel adds bindings and types to a cell before evcxr compiles it. All insertions keep the
//! cell's lines, so only columns move; [`Edited::original_position`] undoes that for errors.

/// A cell's source as it is compiled.
#[derive(Debug, Clone)]
pub(crate) struct Edited {
    original: String,
    text: String,
    edits: Vec<Edit>,
}

/// Text that takes the place of a range of the original (an empty range: an insertion).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Edit {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) text: String,
}

impl Edit {
    pub(crate) fn insert(at: usize, text: impl Into<String>) -> Edit {
        Edit {
            start: at,
            end: at,
            text: text.into(),
        }
    }
}

impl Edited {
    /// Applies edits, which must not overlap.
    pub(crate) fn new(original: &str, mut edits: Vec<Edit>) -> Edited {
        edits.sort_by_key(|edit| edit.start);
        let mut text = String::with_capacity(original.len() + 64);
        let mut at = 0;
        for edit in &edits {
            text.push_str(&original[at..edit.start]);
            text.push_str(&edit.text);
            at = edit.end;
        }
        text.push_str(&original[at..]);
        Edited {
            original: original.to_owned(),
            text,
            edits,
        }
    }

    /// What is compiled.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// What was typed.
    pub(crate) fn original(&self) -> &str {
        &self.original
    }

    /// Byte offset in the original for one in the edited text; inside an insertion, where it was made.
    fn original_offset(&self, offset: usize) -> usize {
        let mut shift = 0isize;
        for edit in &self.edits {
            let start = edit.start.wrapping_add_signed(shift);
            if offset < start {
                break;
            }
            let end = start + edit.text.len();
            if offset < end {
                return edit.start;
            }
            shift += edit.text.len() as isize - (edit.end - edit.start) as isize;
        }
        offset.wrapping_add_signed(-shift).min(self.original.len())
    }

    /// Line and column (both from 1, in characters) in the original for those in the edited text.
    pub(crate) fn original_position(&self, line: usize, column: usize) -> (usize, usize) {
        let offset = offset_of(&self.text, line, column);
        position_of(&self.original, self.original_offset(offset))
    }
}

/// Byte offset of a line and column, both from 1; past an end: that end.
pub(crate) fn offset_of(text: &str, line: usize, column: usize) -> usize {
    let start: usize = text
        .split_inclusive('\n')
        .take(line.saturating_sub(1))
        .map(str::len)
        .sum();
    let rest = text[start..].split('\n').next().unwrap_or_default();
    let within = rest
        .char_indices()
        .nth(column.saturating_sub(1))
        .map_or(rest.len(), |(at, _)| at);
    start + within
}

/// Line and column, both from 1, of a byte offset.
pub(crate) fn position_of(text: &str, offset: usize) -> (usize, usize) {
    let before = &text[..text.floor_char_boundary(offset)];
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    (line, before[start..].chars().count() + 1)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn positions_come_back_through_insertions() {
        let edited = Edited::new(
            "let x = y;\nlet é = x;",
            vec![Edit::insert(0, "let y: T = bound(\"y\"); "), Edit::insert(17, ": i32")],
        );
        assert_eq!(edited.text(), "let y: T = bound(\"y\"); let x = y;\nlet é: i32 = x;");
        // `y` of the first line, `x` of the second.
        assert_eq!(edited.original_position(1, 32), (1, 9));
        assert_eq!(edited.original_position(2, 14), (2, 9));
        // Inside an insertion: where it was made.
        assert_eq!(edited.original_position(1, 5), (1, 1));
    }

    proptest! {
        #[test]
        fn untouched_characters_keep_their_place(
            text in "[a-zé\n ]{0,40}", at in 0usize..40, insertion in "[xyü]{0,8}"
        ) {
            let at = text.floor_char_boundary(at.min(text.len()));
            let edited = Edited::new(&text, vec![Edit::insert(at, insertion.clone())]);
            for (offset, _) in text.char_indices() {
                let moved = if offset >= at { offset + insertion.len() } else { offset };
                let (line, column) = position_of(edited.text(), moved);
                prop_assert_eq!(edited.original_position(line, column), position_of(&text, offset));
            }
        }
    }
}
