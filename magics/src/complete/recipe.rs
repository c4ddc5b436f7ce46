//! Completion in a recipe: the steps at the start of a line, then columns, groups of columns, and the words that a step
//! takes. The columns are those of the frame that `--preview` names, else of all frames.

use ironsage_prep::{Group, STEPS};

use super::{Completion, identifier_start, values};
use crate::session::Session;

/// Candidates at byte `cursor` of the body of `%%prep`, and where the replaced part begins.
pub(crate) fn steps(first_line: &str, body: &str, cursor: usize, session: &Session) -> (usize, Vec<Completion>) {
    let line_at = body[..cursor].rfind('\n').map_or(0, |newline| newline + 1);
    let typed = &body[line_at..cursor];
    let start = identifier_start(body, cursor);
    let Some(step) = typed.trim_start().split_once(char::is_whitespace).map(|(step, _)| step) else {
        let steps = STEPS.iter();
        let items = steps
            .map(|step| Completion::new(step.name, "step").with_detail(format!("{}: {}", step.form, step.meaning)));
        return (start, items.collect());
    };
    if body[..start].ends_with('@') {
        let groups = Group::NAMES.iter().map(|(name, _)| Completion::new(*name, "group"));
        return (start - 1, groups.collect());
    }
    let (words, _) = values::words_before(&format!("{first_line} "));
    let preview = words.iter().position(|word| word == "--preview");
    let frame = preview.and_then(|at| words.get(at + 1)).cloned();
    let mut items = values::columns(&frame.into_iter().collect::<Vec<_>>(), session);
    items.extend(Group::NAMES.iter().map(|(name, _)| Completion::new(*name, "group")));
    if step == "fill" {
        let fills = ["median", "mean", "mode", "zero", "min", "max"].iter();
        items.extend(fills.map(|name| Completion::new(*name, "value")));
    }
    (start, items)
}
