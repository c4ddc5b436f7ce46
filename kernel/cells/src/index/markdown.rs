//! Documentation as any reader of Markdown understands it: without the links and code lines that are only rustdoc's.

/// Documentation longer than this is cut: an index is read whole.
const MOST: usize = 4096;

/// Takes out hidden lines of examples, says that code is Rust, and leaves of links to items only their text.
pub(super) fn tidy(docs: &str) -> String {
    let mut out = String::with_capacity(docs.len().min(MOST));
    let mut fence: Option<(String, bool)> = None;
    for line in docs.lines() {
        if out.len() > MOST {
            break;
        }
        let bare = line.trim_start();
        match &fence {
            Some((closing, _)) if bare.starts_with(closing.as_str()) && bare.trim_end() == closing => {
                fence = None;
                out.push_str(line);
            }
            Some((_, true)) if bare == "#" || bare.starts_with("# ") => continue,
            // `##` is a `#` that stays.
            Some((_, true)) if bare.starts_with("##") => out.push_str(&line.replacen("##", "#", 1)),
            Some(_) => out.push_str(line),
            None if bare.starts_with("```") || bare.starts_with("~~~") => {
                let mark = &bare[..bare.len() - bare.trim_start_matches(['`', '~']).len()];
                let words = &bare[mark.len()..];
                let rust = is_rust(words);
                out.push_str(&line[..line.len() - bare.len()]);
                out.push_str(mark);
                out.push_str(if rust { "rust" } else { words });
                fence = Some((mark.to_owned(), rust));
            }
            None => match link_target(bare) {
                Some(target) if is_web(target) => out.push_str(line),
                Some(_) => continue,
                None => unlink(line, &mut out),
            },
        }
        out.push('\n');
    }
    cut(out.trim_end(), fence.map(|(closing, _)| closing))
}

/// What rustdoc takes for Rust: no word at all, or only words about how an example is tested.
fn is_rust(words: &str) -> bool {
    let about_tests = |word: &str| {
        matches!(word, "rust" | "no_run" | "should_panic" | "ignore" | "compile_fail")
            || word.starts_with("edition")
            || word.starts_with("ignore-")
            || word.starts_with("standalone")
            || (word.len() == 5 && word.starts_with('E') && word[1..].bytes().all(|byte| byte.is_ascii_digit()))
    };
    let words = words.split([',', ' ']).map(str::trim).filter(|word| !word.is_empty());
    words.into_iter().all(about_tests)
}

fn is_web(target: &str) -> bool {
    target.trim_start_matches('<').starts_with("http")
}

/// Where `[name]: target` leads to. A path of Rust leads nowhere but in rustdoc's own pages.
fn link_target(line: &str) -> Option<&str> {
    let (name, target) = line.strip_prefix('[')?.split_once("]: ")?;
    (!name.contains(']')).then(|| target.trim())
}

/// `[text](path::to::item)`, `[text][reference]` and `[text]` become the text alone; links to the web stay.
fn unlink(line: &str, out: &mut String) {
    let mut rest = line;
    while let Some(at) = rest.find(['[', '`']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        if rest.starts_with('`') {
            // Code is left alone.
            let ticks = &rest[..rest.len() - rest.trim_start_matches('`').len()];
            let end = rest[ticks.len()..].find(ticks).map(|end| end + 2 * ticks.len());
            let (code, after) = rest.split_at(end.unwrap_or(rest.len()));
            out.push_str(code);
            rest = after;
            continue;
        }
        let Some(end) = closing(rest) else {
            out.push('[');
            rest = &rest[1..];
            continue;
        };
        let (text, after) = (&rest[1..end], &rest[end + 1..]);
        let target_end = |open: char, close: char| after.strip_prefix(open).and_then(|inner| inner.find(close));
        let length = if let Some(length) = target_end('(', ')') {
            if is_web(&after[1..=length]) {
                out.push_str(&rest[..end + 1 + length + 2]);
                rest = &after[length + 2..];
                continue;
            }
            length + 2
        } else {
            target_end('[', ']').map_or(0, |length| length + 2)
        };
        // `[x]` and `[ ]` in a list of tasks, and indices such as `[0]`, are no links.
        let plain = length == 0 && text.chars().all(|c| c.is_ascii_digit() || c == 'x' || c == ' ');
        if plain {
            out.push_str(&rest[..=end]);
        } else {
            out.push_str(text);
        }
        rest = &after[length..];
    }
    out.push_str(rest);
}

/// Where the bracket closes with which the text begins.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        match c {
            '[' => depth += 1,
            ']' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

/// No longer than the limit, and with no example left open.
fn cut(text: &str, open: Option<String>) -> String {
    if text.len() <= MOST {
        return match open {
            Some(fence) => format!("{text}\n{fence}"),
            None => text.to_owned(),
        };
    }
    let most = text.floor_char_boundary(MOST);
    let end = text[..most].rfind('\n').unwrap_or(most);
    let kept = text[..end].trim_end();
    let fences = kept.lines().filter(|line| line.trim_start().starts_with("```")).count();
    let close = if fences % 2 == 1 { "\n```" } else { "" };
    format!("{kept}{close}\n\n…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_to_items_become_text_and_others_stay() {
        for (docs, expected) in [
            ("See [`Series`] and [col](crate::col).", "See `Series` and col."),
            ("Like [this][x] one.\n\n[x]: crate::y", "Like this one."),
            (
                "A [page](https://pola.rs) of `a[0]`.",
                "A [page](https://pola.rs) of `a[0]`.",
            ),
            (
                "The [docs]\n\n[docs]: https://docs.rs",
                "The docs\n\n[docs]: https://docs.rs",
            ),
            ("- [x] done\n- [ ] open", "- [x] done\n- [ ] open"),
            ("`unclosed [a", "`unclosed [a"),
            ("an [open one", "an [open one"),
            ("[é] ünd", "é ünd"),
        ] {
            assert_eq!(tidy(docs), expected);
        }
    }

    #[test]
    fn examples_are_rust_without_hidden_lines() {
        let docs = "Text\n```no_run\n# use x;\nlet a = 1;\n#\n## kept\n```\n```text\n# stays\n```";
        assert_eq!(
            tidy(docs),
            "Text\n```rust\nlet a = 1;\n# kept\n```\n```text\n# stays\n```"
        );
        assert_eq!(tidy("```ignore (why)\nx\n```"), "```ignore (why)\nx\n```");
        assert_eq!(tidy("~~~\nopen"), "~~~rust\nopen\n~~~");
    }

    #[test]
    fn long_texts_are_cut_at_a_line_and_closed() {
        let long = format!("é\n```\n{}```", "let x = \"é\";\n".repeat(600));
        let short = tidy(&long);
        assert!(
            short.len() < MOST + 20 && short.ends_with("```\n\n…"),
            "{}",
            short.len()
        );
        let single = tidy(&"é".repeat(4000));
        assert!(single.ends_with('…'));
    }
}
