//! "Did you mean": the one place that compares what was typed with what exists.

/// The candidate nearest to `word`, if any is near enough to be what was meant.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let typed = word.to_lowercase();
    let mut best: Option<(f64, &str)> = None;
    for candidate in candidates {
        let score = similarity(&typed, &candidate.to_lowercase());
        if score > best.map_or(0.0, |(score, _)| score) {
            best = Some((score, candidate));
        }
    }
    best.filter(|(score, _)| *score >= 0.6).map(|(_, candidate)| candidate)
}

/// The same, as a question: ``did you mean `rings`?``
pub fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(word, candidates).map(|candidate| format!("did you mean `{candidate}`?"))
}

/// A question where something is near, else the list of what exists (up to twelve names).
pub fn nearest_or_list(word: &str, what: &str, candidates: &[String]) -> Option<String> {
    if let Some(question) = did_you_mean(word, candidates.iter().map(String::as_str)) {
        return Some(question);
    }
    if candidates.is_empty() {
        return None;
    }
    let shown: Vec<&str> = candidates.iter().take(12).map(String::as_str).collect();
    let more = if candidates.len() > shown.len() {
        format!(" and {} more", candidates.len() - shown.len())
    } else {
        String::new()
    };
    Some(format!("{what}: {}{more}", shown.join(", ")))
}

fn similarity(a: &str, b: &str) -> f64 {
    if a == b {
        return 1.0;
    }
    // A word that continues the other is near (`abal` for `abalone`), however much is missing.
    if a.len() >= 3 && (b.starts_with(a) || a.starts_with(b) && b.len() >= 3) {
        return 0.9;
    }
    strsim::normalized_damerau_levenshtein(a, b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_found_and_far_ones_are_not() {
        let names = ["abalone", "clean", "train", "valid"];
        assert_eq!(nearest("abalon", names), Some("abalone"));
        assert_eq!(nearest("claen", names), Some("clean"));
        assert_eq!(nearest("Train", names), Some("train"));
        assert_eq!(nearest("xyz", names), None);
    }

    #[test]
    fn without_a_near_word_the_list_is_shown() {
        let names = vec!["a1".to_owned(), "b2".to_owned()];
        assert_eq!(
            nearest_or_list("zzzzz", "frames", &names).as_deref(),
            Some("frames: a1, b2")
        );
        assert_eq!(nearest_or_list("zzzzz", "frames", &[]), None);
    }
}
