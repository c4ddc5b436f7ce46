//! What Rust's runtime writes to standard error before it ends a process: the reason of an error, and not output.

/// What the last line says, and what follows from it.
const WORDS: [(&str, &str); 3] = [
    ("memory allocation of ", " failed"),
    ("thread '", " has overflowed its stack"),
    ("fatal runtime error: ", ""),
];

/// Where in the text the runtime's last words begin; its end where they don't. A line that is not whole yet counts as
/// soon as its beginning is known.
pub(crate) fn last_words_at(text: &str, at_line_start: bool) -> usize {
    let mut start = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let whole = line.strip_suffix('\n');
        let fatal = WORDS
            .iter()
            .any(|(begin, end)| line.starts_with(begin) && whole.is_none_or(|line| line.ends_with(end)));
        if fatal && (number > 0 || at_line_start) {
            // The runtime puts an empty line before what it says of a stack.
            let empty = text[..start].ends_with("\n\n") || (start == 1 && at_line_start);
            return start - usize::from(empty && text[start..].starts_with("thread '"));
        }
        start += line.len();
    }
    text.len()
}

/// How the process ended, with what it said of it.
pub(crate) fn explained(reason: String, said: &str) -> String {
    if reason.starts_with("signal: 9") {
        return format!("{reason}; the system does that when memory runs out");
    }
    let cause = |line: &str| {
        if line.starts_with(WORDS[0].0) && line.ends_with(WORDS[0].1) {
            Some(format!("out of memory: the {line}"))
        } else if line.ends_with(WORDS[1].1) {
            Some("its stack overflowed: a recursion without end, or a very large array".to_owned())
        } else {
            None
        }
    };
    match said.lines().find_map(cause) {
        Some(cause) if reason.starts_with("signal: 6") => format!("{cause} ({reason})"),
        _ => reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_explained_by_its_last_words() {
        let abort = "signal: 6 (SIGABRT) (core dumped)";
        let explained = |reason: &str, words: &str| explained(reason.to_owned(), words);
        assert_eq!(
            explained(abort, "memory allocation of 12 bytes failed\nstack backtrace:\n"),
            "out of memory: the memory allocation of 12 bytes failed (signal: 6 (SIGABRT) (core dumped))"
        );
        let overflow = explained(
            abort,
            "\nthread 'main' (7) has overflowed its stack\nfatal runtime error: …\n",
        );
        assert!(overflow.starts_with("its stack overflowed"), "{overflow}");
        assert_eq!(explained(abort, "something else\n"), abort);
        assert!(explained("signal: 9 (SIGKILL)", "").ends_with("when memory runs out"));
        assert_eq!(
            explained("exit status: 3", "memory allocation of 1 bytes failed"),
            "exit status: 3"
        );
    }

    #[test]
    fn last_words_are_told_from_output() {
        let kept = |text: &str| text[..last_words_at(text, true)].to_owned();
        assert_eq!(kept("mine\nmemory allocation of 8 bytes failed\n"), "mine\n");
        assert_eq!(kept("memory allocation of "), "");
        assert_eq!(kept("memory allocation of mine\n"), "memory allocation of mine\n");
        assert_eq!(
            kept("\nthread 'main' (7) has overflowed its stack\nfatal runtime error: stack overflow, aborting\n"),
            ""
        );
        assert_eq!(kept("mine\n\nthread '"), "mine\n");
        assert_eq!(kept("thread 'a' is busy\n"), "thread 'a' is busy\n");
        let text = "memory allocation of 8 bytes failed\n";
        assert_eq!(
            last_words_at(text, false),
            text.len(),
            "part of a line of the cell's own"
        );
    }
}
