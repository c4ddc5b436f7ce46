//! What a magic writes to, over Jupyter's messages.

use std::sync::atomic::{AtomicBool, Ordering};

use ironsage_display::{Bundle, DisplayId, Front, Stream};
use ironsage_protocol::{MimeBundle, Outputs};

/// The outputs of one running cell, as magics see them.
pub(crate) struct CellFront<'a> {
    outputs: &'a Outputs,
    ending: &'a AtomicBool,
    quiet: bool,
}

impl<'a> CellFront<'a> {
    /// A front that is `quiet` shows progress in few steps: nobody watches a headless run.
    pub(crate) fn new(outputs: &'a Outputs, ending: &'a AtomicBool, quiet: bool) -> Self {
        CellFront { outputs, ending, quiet }
    }

    pub(crate) fn outputs(&self) -> &'a Outputs {
        self.outputs
    }
}

impl Front for CellFront<'_> {
    fn display(&self, bundle: &Bundle) {
        self.outputs.display(&mime(bundle), None);
    }

    fn display_live(&self, bundle: &Bundle) -> DisplayId {
        let id = DisplayId(uuid::Uuid::new_v4().to_string());
        self.outputs.display(&mime(bundle), Some(&id.0));
        id
    }

    fn update(&self, id: &DisplayId, bundle: &Bundle) {
        self.outputs.update(&mime(bundle), &id.0);
    }

    fn stream(&self, stream: Stream, text: &str) {
        match stream {
            Stream::Stdout => self.outputs.stdout(text),
            Stream::Stderr => self.outputs.stderr(text),
        }
    }

    fn interrupted(&self) -> bool {
        self.outputs.interrupted() || self.ending.load(Ordering::Relaxed)
    }

    fn quiet(&self) -> bool {
        self.quiet
    }
}

/// A bundle of the display crate as the protocol sends it.
pub(crate) fn mime(bundle: &Bundle) -> MimeBundle {
    MimeBundle {
        data: bundle.data.clone(),
        metadata: bundle.metadata.clone(),
    }
}
