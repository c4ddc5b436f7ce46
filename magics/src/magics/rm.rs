//! `%rm`: forgets names. A saved model stays saved.

use ironsage_display::{Front, note};

use crate::error::MagicError;
use crate::magic::{Call, Form, Group, Magic};
use crate::session::Session;

/// Forget names: frames, plans, recipes, values (saved models stay saved)
#[derive(clap::Args)]
pub(crate) struct Rm {
    /// The names
    #[arg(value_name = "BOUND", required = true)]
    names: Vec<String>,
}

impl Magic for Rm {
    const NAME: &'static str = "rm";
    const FORM: Form = Form::Line;
    const GROUP: Group = Group::Notebook;
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        ("%rm raw", "gives the memory of `raw` back"),
        ("%rm train valid test", "three at once"),
    ];

    fn run(self, _call: &Call, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        let done: Vec<String> = self
            .names
            .iter()
            .map(|name| match session.unbind(name) {
                true => format!("{name} forgotten"),
                false => match session.rust_type(name) {
                    Some(rust_type) if can_be_dropped(&rust_type) => {
                        format!("`{name}` is Rust's: `drop({name})` in a Rust cell")
                    }
                    Some(_) => format!("`{name}` is Rust's: it stays until another `let {name}` or a restart"),
                    None => format!("{name} is not bound"),
                },
            })
            .collect();
        front.display(&note(done.join(" · ")));
        Ok(())
    }
}

/// Whether `drop` takes a Rust variable away: it does nothing to a copy or a reference.
fn can_be_dropped(rust_type: &str) -> bool {
    let bare = rust_type.rsplit("::").next().unwrap_or_default();
    !rust_type.starts_with('&') && matches!(bare, "DataFrame" | "LazyFrame" | "String")
}
