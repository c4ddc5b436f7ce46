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
                    Some(rust_type) if is_copy(&rust_type) => {
                        format!("`{name}` is Rust's: it stays until another `let {name}`, or `%reset`")
                    }
                    Some(_) => format!("`{name}` is Rust's: `drop({name})` in a Rust cell"),
                    None => format!("{name} is not bound"),
                },
            })
            .collect();
        front.display(&note(done.join(" · ")));
        Ok(())
    }
}

/// Whether `drop` leaves a Rust variable as it is: it is given a copy.
fn is_copy(rust_type: &str) -> bool {
    const COPY: [&str; 17] = [
        "()", "bool", "char", "f32", "f64", "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32", "u64",
        "u128", "usize",
    ];
    rust_type.starts_with('&') || COPY.contains(&rust_type)
}
