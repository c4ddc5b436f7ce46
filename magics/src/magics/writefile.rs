//! `%%writefile`: the rest of the cell as a file.

use ironsage_display::{Front, note, text as words};

use crate::data::write;
use crate::error::MagicError;
use crate::magic::{Call, Form, Group, Magic};
use crate::session::Session;

/// Write the rest of the cell to a file
#[derive(clap::Args)]
pub(crate) struct WriteFile {
    /// The file
    #[arg(value_name = "PATH")]
    path: String,
    /// Add to the file instead of replacing it
    #[arg(short = 'a', long)]
    append: bool,
    /// Put values in for {{name}}
    #[arg(long)]
    insert: bool,
}

impl Magic for WriteFile {
    const NAME: &'static str = "writefile";
    const FORM: Form = Form::Cell;
    const GROUP: Group = Group::Notebook;
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        (
            "%%writefile train.py\nprint('hello')",
            "the line below becomes the file train.py",
        ),
        ("%%writefile -a notes.md\n- one more line", "adds a line to notes.md"),
    ];

    /// A file is what stands in the cell: braces of templates and of Rust's `format!` are its own.
    fn keeps_braces(&self) -> bool {
        !self.insert
    }

    fn run(self, call: &Call, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        let body = call.body.as_deref().unwrap_or_default();
        let path = session.path(&self.path);
        let before = match std::fs::read(&path) {
            Ok(content) => Some(content),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(MagicError::file(&path, "write", &error)),
        };
        let mut content = Vec::new();
        if self.append {
            content.extend_from_slice(before.as_deref().unwrap_or_default());
        }
        content.extend_from_slice(body.as_bytes());
        if !content.is_empty() && !content.ends_with(b"\n") {
            content.push(b'\n');
        }
        let size = format!(
            "{}, {}",
            words::counted(content.iter().filter(|&&byte| byte == b'\n').count() as u64, "line"),
            words::bytes(content.len() as u64)
        );
        let told = match &before {
            Some(before) if *before == content => format!("{} already there ({size})", self.path),
            Some(_) if self.append => format!("{} added to (now {size})", self.path),
            Some(_) => format!("{} replaced ({size})", self.path),
            None => format!("{} written ({size})", self.path),
        };
        write::file(&path, &content, &())?;
        front.display(&note(told));
        Ok(())
    }
}
