//! `%reset`: forgets what Rust cells have defined. What magics have bound stays: `%rm` takes that by name.

use ironsage_display::{Front, note, text};

use crate::error::MagicError;
use crate::magic::{Call, Form, Group, Magic};
use crate::session::{RustNames, Session};

/// Forget what Rust cells defined: variables, items, crates (frames and models stay)
#[derive(clap::Args)]
pub(crate) struct Reset {}

impl Magic for Reset {
    const NAME: &'static str = "reset";
    const FORM: Form = Form::Line;
    const GROUP: Group = Group::Notebook;
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        ("%reset", "Rust cells begin afresh, as in a new session"),
        (
            "%reset\nlet x = 1;",
            "may stand in a cell with other lines: `x` is defined after it",
        ),
    ];

    fn run(self, _call: &Call, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        let lost = rust(session)?.clear()?;
        let told = gone(&lost);
        front.display(&note(format!(
            "Rust cleared: {told}, items and crates too; frames, models and endpoints stay"
        )));
        Ok(())
    }
}

/// Rust's side of the session.
pub(crate) fn rust(session: &Session) -> Result<std::sync::Arc<dyn RustNames>, MagicError> {
    session
        .rust()
        .ok_or_else(|| MagicError::not_found("this session runs no Rust cells"))
}

/// `2 variables gone (a, b)`.
pub(crate) fn gone(lost: &[String]) -> String {
    match lost {
        [] => "no variables were there".to_owned(),
        _ => format!(
            "{} gone ({})",
            text::counted(lost.len() as u64, "variable"),
            lost.join(", ")
        ),
    }
}
