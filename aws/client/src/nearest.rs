//! "Did you mean": the few names nearest to a mistyped one.

/// How many names are worth showing.
const SHOWN: usize = 3;

/// The names most like `wanted`, best first; none when nothing comes near.
pub(crate) fn nearest<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let folded = wanted.to_lowercase();
    let mut scored: Vec<(f64, &str)> = names
        .into_iter()
        .filter(|name| *name != wanted)
        .map(|name| (likeness(&folded, &name.to_lowercase()), name))
        .filter(|(score, _)| *score >= 0.6)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    scored
        .into_iter()
        .take(SHOWN)
        .map(|(_, name)| name.to_owned())
        .collect()
}

/// Edit distance decides; a name that contains the other is near however long it is.
fn likeness(a: &str, b: &str) -> f64 {
    let edits = strsim::normalized_damerau_levenshtein(a, b);
    let contained = !a.is_empty() && !b.is_empty() && (a.contains(b) || b.contains(a));
    if contained { edits.max(0.75) } else { edits }
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_typo_finds_its_name() {
        assert_eq!(nearest("shels", ["shells", "models", "zebra"]), ["shells"]);
    }

    #[test]
    fn case_and_containment_count_as_near() {
        assert_eq!(nearest("Shells", ["shells"]), ["shells"]);
        assert_eq!(
            nearest("abalone", ["abalone-2024-clean-export"]),
            ["abalone-2024-clean-export"]
        );
    }

    #[test]
    fn nothing_near_is_nothing() {
        assert!(nearest("shells", ["qq", "warehouse"]).is_empty());
    }

    #[test]
    fn the_best_three_in_order() {
        let found = nearest("train", ["trains", "train1", "brain", "drain", "traim"]);
        assert_eq!(found.len(), 3);
        assert!(found.iter().all(|name| name != "train"));
        assert!(found.contains(&"trains".to_owned()));
    }
}
