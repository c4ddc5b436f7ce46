//! Which points of very many are drawn: a seeded sample, the same in every run.

/// Most points that are drawn one by one.
pub(crate) const MOST_POINTS: usize = 5_000;

/// SplitMix64 (Steele, Lea and Flood 2014): small, seeded, the same on every machine.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Random(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A whole number below `n`.
    fn below(&mut self, n: usize) -> usize {
        // The product's high half is uniform but for one part in 2⁶⁴/n.
        ((u128::from(self.next()) * n as u128) >> 64) as usize
    }
}

/// `wanted` of the positions `0..n`, in random order: drawn so, no group hides the ones before it.
pub(crate) fn positions(n: usize, wanted: usize, seed: u64) -> Vec<usize> {
    let mut random = Random::new(seed);
    // Knuth's selection sampling: one pass, no memory but the result.
    let wanted = wanted.min(n);
    let mut taken = Vec::with_capacity(wanted);
    for i in 0..n {
        if random.below(n - i) < wanted - taken.len() {
            taken.push(i);
        }
    }
    for i in (1..taken.len()).rev() {
        let j = random.below(i + 1);
        taken.swap(i, j);
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_seeded_distinct_and_even() {
        let mut taken = positions(100_000, 5_000, 7);
        assert_eq!(taken, positions(100_000, 5_000, 7));
        assert_ne!(taken, positions(100_000, 5_000, 8));
        taken.sort_unstable();
        taken.dedup();
        assert_eq!(taken.len(), 5_000);
        let low = taken.iter().filter(|i| **i < 50_000).count();
        assert!((2_300..2_700).contains(&low), "{low}");
    }

    #[test]
    fn few_are_all_taken() {
        let mut all = positions(10, 5_000, 1);
        all.sort_unstable();
        assert_eq!(all, (0..10).collect::<Vec<_>>());
        assert!(positions(0, 10, 1).is_empty());
    }
}
