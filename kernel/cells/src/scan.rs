//! evcxr's own marks in a stream of user output: found, taken out, and everything else passed on.
//!
//! A mark is a line of its own, but it can be glued to text that was printed without a line end,
//! so a line is searched for it. Text is passed on as soon as it cannot be part of a mark: partial
//! lines are live.

const PANIC: &str = "EVCXR_PANIC_NOTIFICATION";
const FAILURE: &str = "EVCXR_ERROR_OCCURRED";
const CHANGED_TYPE: &str = "EVCXR_VARIABLE_CHANGED_TYPE:";
const INPUT: &str = "EVCXR_INPUT_REQUEST";
const BEGIN: &str = "EVCXR_BEGIN_CONTENT ";
const END: &str = "EVCXR_END_CONTENT";
/// What every mark begins with.
const PREFIX: &[u8] = b"EVCXR_";

/// What a piece of output was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Ordinary text.
    Text(String),
    /// The cell's code panicked.
    Panic,
    /// An error left the cell through `?`.
    Failure,
    /// A line that evcxr itself must see.
    Forward(String),
    /// One form of something to show: MIME type and content.
    Content(String, String),
}

/// Splits the output of one process.
#[derive(Debug, Default)]
pub(crate) struct Scanner {
    held: Vec<u8>,
    content: Option<(String, String)>,
}

impl Scanner {
    /// Takes bytes, gives pieces; holds back what may become a mark.
    pub(crate) fn feed(&mut self, bytes: &[u8], give: &mut dyn FnMut(Piece)) {
        self.held.extend_from_slice(bytes);
        self.run(false, give);
    }

    /// Gives everything that was held back, since the text before a record is complete.
    pub(crate) fn finish(&mut self, give: &mut dyn FnMut(Piece)) {
        self.run(true, give);
        if let Some((mime, content)) = self.content.take() {
            give(Piece::Content(mime, content));
        }
    }

    fn run(&mut self, all: bool, give: &mut dyn FnMut(Piece)) {
        let mut buffer = std::mem::take(&mut self.held);
        let mut at = 0;
        while at < buffer.len() {
            let rest = &buffer[at..];
            if self.content.is_some() {
                let Some(line) = line_of(rest, all) else {
                    break;
                };
                at += line.len();
                self.content_line(line, give);
                continue;
            }
            let Some(start) = find(rest, PREFIX) else {
                let keep = if all { 0 } else { held_back(rest) };
                text(&rest[..rest.len() - keep], give);
                at = buffer.len() - keep;
                break;
            };
            let Some(line) = line_of(&rest[start..], all) else {
                text(&rest[..start], give);
                at += start;
                break;
            };
            text(&rest[..start], give);
            at += start + line.len();
            self.mark_or_text(line, give);
        }
        buffer.drain(..at);
        self.held = buffer;
    }

    /// A line that begins with the prefix of marks.
    fn mark_or_text(&mut self, line: &[u8], give: &mut dyn FnMut(Piece)) {
        let bare = String::from_utf8_lossy(line);
        let bare = bare.trim_end_matches('\n');
        if bare == PANIC {
            give(Piece::Panic);
        } else if bare == FAILURE {
            give(Piece::Failure);
        } else if bare.starts_with(CHANGED_TYPE) {
            give(Piece::Forward(bare.to_owned()));
        } else if bare.starts_with(INPUT) {
            // The process's standard input is empty, so nobody waits for the answer.
        } else if let Some(mime) = bare.strip_prefix(BEGIN) {
            self.content = Some((mime.trim().to_owned(), String::new()));
        } else {
            text(line, give);
        }
    }

    fn content_line(&mut self, line: &[u8], give: &mut dyn FnMut(Piece)) {
        let Some((mime, mut content)) = self.content.take() else {
            return;
        };
        let line = String::from_utf8_lossy(line);
        let bare = line.trim_end_matches('\n');
        if let Some(last) = bare.strip_suffix(END) {
            content.push_str(last);
            let content = content.trim_end_matches('\n').to_owned();
            give(Piece::Content(mime, content));
        } else if bare == PANIC {
            give(Piece::Content(mime, content));
            give(Piece::Panic);
        } else {
            content.push_str(bare);
            content.push('\n');
            self.content = Some((mime, content));
        }
    }
}

/// The first line with its end; without an end only when nothing more will come.
fn line_of(bytes: &[u8], all: bool) -> Option<&[u8]> {
    match bytes.iter().position(|byte| *byte == b'\n') {
        Some(end) => Some(&bytes[..=end]),
        None => all.then_some(bytes),
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some(next) = haystack[at..].iter().position(|byte| *byte == needle[0]) {
        at += next;
        if haystack[at..].starts_with(needle) {
            return Some(at);
        }
        at += 1;
    }
    None
}

/// How many bytes at the end must wait: the beginning of a mark, or of a character.
fn held_back(bytes: &[u8]) -> usize {
    let longest = (1..PREFIX.len()).rev();
    let mark = longest.filter(|length| bytes.ends_with(&PREFIX[..*length])).max();
    mark.unwrap_or(0).max(incomplete_character(bytes))
}

/// Bytes of a UTF-8 character at the end that is not complete yet.
pub(crate) fn incomplete_character(bytes: &[u8]) -> usize {
    for back in 1..=bytes.len().min(3) {
        let byte = bytes[bytes.len() - back];
        let length = match byte {
            0xc0..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf7 => 4,
            0x80..=0xbf => continue,
            _ => return 0,
        };
        return if length > back { back } else { 0 };
    }
    0
}

fn text(bytes: &[u8], give: &mut dyn FnMut(Piece)) {
    if !bytes.is_empty() {
        give(Piece::Text(String::from_utf8_lossy(bytes).into_owned()));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pieces(chunks: &[&[u8]]) -> Vec<Piece> {
        let mut scanner = Scanner::default();
        let mut all: Vec<Piece> = Vec::new();
        let mut give = |piece: Piece| match (all.last_mut(), piece) {
            (Some(Piece::Text(last)), Piece::Text(more)) => last.push_str(&more),
            (_, piece) => all.push(piece),
        };
        for chunk in chunks {
            scanner.feed(chunk, &mut give);
        }
        scanner.finish(&mut give);
        all
    }

    fn text(text: &str) -> Piece {
        Piece::Text(text.to_owned())
    }

    #[test]
    fn a_partial_line_passes_at_once() {
        let mut scanner = Scanner::default();
        let mut got = Vec::new();
        scanner.feed("50 %, EVC".as_bytes(), &mut |piece| got.push(piece));
        assert_eq!(got, vec![text("50 %, ")]);
        scanner.feed(b"ode\n", &mut |piece| got.push(piece));
        assert_eq!(got.last(), Some(&text("EVCode\n")));
    }

    #[test]
    fn a_mark_glued_to_text_is_found() {
        assert_eq!(
            pieces(&[b"before ", b"EVCXR_PANIC_NOTIFICATION\nafter\n"]),
            vec![text("before "), Piece::Panic, text("after\n")]
        );
    }

    #[test]
    fn content_blocks_are_taken_out_and_several_pass() {
        assert_eq!(
            pieces(&[b"a\nEVCXR_BEGIN_CONTENT text/html\n<b>1\n2</b>\nEVCXR_END_CONTENT\nEVCXR_BEGIN_CONTENT text/html\nx\nEVCXR_END_CONTENT\n"]),
            vec![
                text("a\n"),
                Piece::Content("text/html".to_owned(), "<b>1\n2</b>".to_owned()),
                Piece::Content("text/html".to_owned(), "x".to_owned()),
            ]
        );
    }

    #[test]
    fn text_that_only_looks_like_a_mark_is_text() {
        assert_eq!(
            pieces(&[b"EVCXR_PANIC_NOTIFICATION_TOO\nEVCXR_"]),
            vec![text("EVCXR_PANIC_NOTIFICATION_TOO\nEVCXR_")]
        );
    }

    proptest! {
        #[test]
        fn cutting_the_stream_anywhere_changes_nothing(
            parts in prop::collection::vec(
                prop_oneof![
                    Just("EVCXR_PANIC_NOTIFICATION\n".to_owned()),
                    Just("EVCXR_ERROR_OCCURRED\n".to_owned()),
                    Just("EVCXR_BEGIN_CONTENT text/plain\né\nEVCXR_END_CONTENT\n".to_owned()),
                    "[EVCXR_é \n]{0,12}",
                ], 0..8),
            cuts in prop::collection::vec(0usize..200, 0..6)
        ) {
            let stream = parts.concat().into_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(stream.len())).collect();
            cuts.sort_unstable();
            let mut chunks = Vec::new();
            let mut at = 0;
            for cut in cuts {
                chunks.push(&stream[at..cut]);
                at = cut;
            }
            chunks.push(&stream[at..]);
            prop_assert_eq!(pieces(&chunks), pieces(&[&stream]));
        }
    }
}
