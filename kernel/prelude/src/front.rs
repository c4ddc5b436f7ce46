//! The kernel as a place to show things: what the house's own displays, such as progress, write to.

use std::io::Write;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use ironsage_display::{Bundle, DisplayId, Front, Stream};
use ironsage_exchange::wire::{Picture, Request};

use crate::display::{picture_of, tell};
use crate::{link, output, surroundings};

/// The kernel's front end, as this process sees it.
pub(crate) struct KernelFront;

/// The one there is.
pub(crate) static FRONT: KernelFront = KernelFront;

impl Front for KernelFront {
    fn display(&self, bundle: &Bundle) {
        let picture = picture_of(bundle.clone());
        tell(&Request::Display { picture, id: None });
    }

    fn display_live(&self, bundle: &Bundle) -> DisplayId {
        display_live(picture_of(bundle.clone()))
    }

    fn update(&self, id: &DisplayId, bundle: &Bundle) {
        tell(&Request::Update {
            picture: picture_of(bundle.clone()),
            id: id.0.clone(),
        });
    }

    fn stream(&self, stream: Stream, text: &str) {
        // Nobody is left to tell that a stream of our own is closed.
        let _ = match stream {
            Stream::Stdout => std::io::stdout().write_all(text.as_bytes()),
            Stream::Stderr => {
                output::before_stderr();
                std::io::stderr().write_all(text.as_bytes())
            }
        };
    }

    fn interrupted(&self) -> bool {
        link::interrupted()
    }

    fn quiet(&self) -> bool {
        surroundings::quiet()
    }
}

/// Shows what can be replaced under the id.
pub(crate) fn display_live(picture: Picture) -> DisplayId {
    let id = new_id();
    tell(&Request::Display {
        picture,
        id: Some(id.clone()),
    });
    DisplayId(id)
}

/// A name for a display that no other has in the life of a notebook, which outlives this process.
fn new_id() -> String {
    static BEGUN: OnceLock<u128> = OnceLock::new();
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let begun = BEGUN.get_or_init(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        since.map_or(0, |since| since.as_micros())
    });
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("cell-{}-{begun}-{number}", std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_displays_have_one_name() {
        assert_ne!(new_id(), new_id());
    }
}
