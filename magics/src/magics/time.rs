//! `%time`: how long a line takes. (The kernel times whole cells, `%%time`, and lines of Rust; this is what it
//! hands on, and what answers where there is no kernel.)

use std::time::Instant;

use ironsage_display::{Front, note, text as words};

use crate::error::MagicError;
use crate::magic::{Call, Form, Group, Magic, Tail};
use crate::run;
use crate::session::Session;

/// How long a line takes: a magic, a shell command, or Rust
#[derive(clap::Args)]
pub(crate) struct Time {}

impl Magic for Time {
    const NAME: &'static str = "time";
    const FORM: Form = Form::LineOrCell;
    const GROUP: Group = Group::Notebook;
    const TAIL: Tail = Tail::Raw;
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        ("%time %load s3://shells/raw/abalone.csv -o abalone", "one magic"),
        ("%%time\nlet worst = guess.tail(Some(3));\nworst", "a whole cell"),
    ];

    fn run(self, call: &Call, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        let line = call.tail.trim();
        let started = Instant::now();
        let outcome = match (line.strip_prefix('%'), line.strip_prefix('!')) {
            (Some(magic), _) => run::run_line(magic.trim_start_matches('%'), call.body.as_deref(), session, front),
            (_, Some(command)) => run::run_shell(command, session, front),
            _ => {
                return Err(MagicError::usage("%time wants a magic or a shell command")
                    .with_hint("`%time %load …`, `%time !command`; `%%time` on a cell's first line times the cell"));
            }
        };
        front.display(&note(format!("wall {}", words::duration(started.elapsed()))));
        outcome
    }
}
