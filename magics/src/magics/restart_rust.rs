//! `%restart_rust`: a new process for Rust cells, in the place of one whose memory, threads or libraries are in a bad state.

use ironsage_display::{Front, note};

use crate::error::MagicError;
use crate::magic::{Call, Form, Group, Magic};
use crate::magics::reset::{gone, rust};
use crate::session::Session;

/// End the process that runs Rust cells and start another (its variables are lost)
#[derive(clap::Args)]
pub(crate) struct RestartRust {}

impl Magic for RestartRust {
    const NAME: &'static str = "restart_rust";
    const FORM: Form = Form::Line;
    const GROUP: Group = Group::Notebook;
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        (
            "%restart_rust",
            "ends the threads of Rust cells and gives their memory back",
        ),
        (
            "%restart_rust\nlet x = 1;",
            "may stand in a cell with other lines: `x` is of the new process",
        ),
    ];

    fn run(self, _call: &Call, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        let lost = rust(session)?.restart()?;
        let told = gone(&lost);
        front.display(&note(format!(
            "Rust restarted: {told}; Rust items and crates stay, and so do frames, models and endpoints"
        )));
        Ok(())
    }
}
