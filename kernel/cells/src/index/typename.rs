//! The names of types as rustc writes them, taken apart: `&std::vec::Vec<polars::prelude::Column>`.

/// The type behind references and pointers.
pub(crate) fn peel(mut text: &str) -> &str {
    loop {
        text = text.trim();
        let inner = text
            .strip_prefix('&')
            .or_else(|| text.strip_prefix("*const "))
            .or_else(|| text.strip_prefix("*mut "));
        let Some(mut inner) = inner else {
            return text;
        };
        if inner.starts_with('\'') {
            inner = inner.split_once(' ').map_or("", |(_, rest)| rest);
        }
        text = inner.strip_prefix("mut ").unwrap_or(inner);
    }
}

/// The type with what rustc has left open as it becomes when nothing else decides: `i32` for `{integer}`.
pub(crate) fn settled(text: &str) -> String {
    text.replace("{integer}", "i32").replace("{float}", "f64")
}

/// A type's own path: `std::vec::Vec` of `std::vec::Vec<u8>`.
pub(crate) fn head(text: &str) -> &str {
    match text.find('<') {
        Some(at) if at > 0 => text[..at].trim_end_matches("::"),
        _ => text,
    }
}

/// A type's arguments, lifetimes left out.
pub(super) fn arguments(text: &str) -> Vec<&str> {
    let inner = text
        .find('<')
        .filter(|at| *at > 0)
        .and_then(|at| text[at + 1..].strip_suffix('>'));
    let parts = inner.map(split).unwrap_or_default();
    parts.into_iter().filter(|part| !part.starts_with('\'')).collect()
}

/// The parts of a list with commas that stand outside of all brackets.
pub(super) fn split(list: &str) -> Vec<&str> {
    cut_at(list, ",")
}

/// The parts between separators that stand outside of all brackets.
pub(super) fn cut_at<'a>(text: &'a str, separator: &str) -> Vec<&'a str> {
    let mut parts = Vec::new();
    let (mut depth, mut start) = (0usize, 0);
    for (at, c) in text.char_indices() {
        match c {
            '<' | '(' | '[' | '{' => depth += 1,
            // Not that of `->`.
            '>' if text[..at].ends_with('-') => {}
            '>' | ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ if depth == 0 && at >= start && text[at..].starts_with(separator) => {
                parts.push(text[start..at].trim());
                start = at + separator.len();
            }
            _ => {}
        }
    }
    parts.push(text[start..].trim());
    parts.retain(|part| !part.is_empty());
    parts
}

/// The type without the paths of its parts: `Vec<Column>`.
pub(crate) fn short(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut word = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("::") {
            word.clear();
            rest = after;
            continue;
        }
        if c.is_alphanumeric() || c == '_' {
            word.push(c);
        } else {
            out.push_str(&word);
            word.clear();
            out.push(c);
        }
        rest = &rest[c.len_utf8()..];
    }
    out + &word
}

/// Whether a type is one of those that an `impl` block is for. Both without paths; `_` stands for any type.
pub(super) fn fits(pattern: &str, found: &str) -> bool {
    let (pattern, found) = (pattern.trim(), found.trim());
    if pattern == "_" || pattern == found {
        return true;
    }
    if !pattern.contains('_') {
        return false;
    }
    if pattern.ends_with('>') && found.ends_with('>') {
        let (ours, theirs) = (arguments(pattern), arguments(found));
        let same = head(pattern) == head(found) && ours.len() == theirs.len();
        return same && ours.iter().zip(&theirs).all(|(ours, theirs)| fits(ours, theirs));
    }
    // References, slices and tuples: of one kind, at least.
    let is_name = |text: &str| text.starts_with(|c: char| c.is_alphabetic());
    !is_name(pattern) && pattern.chars().next() == found.chars().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_taken_apart() {
        assert_eq!(peel("&'a mut &str"), "str");
        assert_eq!(peel("*const u8"), "u8");
        let map = "std::collections::HashMap<std::string::String, fn(u8) -> (i8, i8), 'a, [u8; 3]>";
        assert_eq!(head(map), "std::collections::HashMap");
        assert_eq!(arguments(map), ["std::string::String", "fn(u8) -> (i8, i8)", "[u8; 3]"]);
        assert_eq!(head("<T as A>::B"), "<T as A>::B");
        assert!(arguments("u8").is_empty());
        assert_eq!(cut_at("dyn a::B<C + D> + Send", " + "), ["dyn a::B<C + D>", "Send"]);
    }

    #[test]
    fn paths_are_taken_out() {
        assert_eq!(short("std::vec::Vec<&polars::prelude::PlSmallStr>"), "Vec<&PlSmallStr>");
        assert_eq!(short("(a::B, [c::D; 3])"), "(B, [D; 3])");
    }

    #[test]
    fn blocks_for_some_types_fit_no_others() {
        assert!(fits("StringType", "StringType") && !fits("StringType", "Int64Type"));
        assert!(fits("Vec<_>", "Vec<u8>") && !fits("Vec<_>", "Option<u8>") && !fits("MaybeUninit<_>", "u8"));
        assert!(fits("Dim<[usize; 2]>", "Dim<[usize; 2]>") && !fits("Dim<[usize; 1]>", "Dim<[usize; 2]>"));
        assert!(!fits("[MaybeUninit<_>]", "Schema<DataType, ()>") && fits("&_", "&u8"));
    }
}
