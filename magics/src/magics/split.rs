//! `%split`: a frame in random parts, the same on every machine for the same seed. Rows keep their order inside
//! a part, so that a part reads like the frame it came from.

use ironsage_display::{Front, note, text as words};
use polars::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use crate::error::MagicError;
use crate::frames;
use crate::magic::{Call, Form, Group, Magic, Out};
use crate::session::Session;
use crate::text;

/// The seed where none is given: everything that is random is repeatable.
pub(crate) const DEFAULT_SEED: u64 = 0;

/// Split a frame at random into parts
#[derive(clap::Args)]
pub(crate) struct Split {
    /// The frame
    #[arg(value_name = "FRAME")]
    frame: String,
    /// The size of each part in percent, such as 70 15 15
    #[arg(value_name = "PERCENT", required = true, num_args = 2..)]
    parts: Vec<f64>,
    /// The same seed gives the same parts
    #[arg(long, value_name = "SEED", default_value_t = DEFAULT_SEED)]
    seed: u64,
    /// Give each part the same share of this column's values
    #[arg(long, value_name = "COLUMN")]
    stratify: Option<String>,
    #[command(flatten)]
    out: Out,
}

impl Magic for Split {
    const NAME: &'static str = "split";
    const FORM: Form = Form::Line;
    const GROUP: Group = Group::Data;
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        (
            "%split clean 70 15 15 --seed 7 -o train,valid,test",
            "three frames, the same at every run",
        ),
        (
            "%split clean 80 20 --stratify sex -o train,test",
            "each with the same share of every `sex`",
        ),
    ];

    fn run(self, _call: &Call, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        let fractions = self.fractions()?;
        let names = &self.out.names;
        if names.len() != fractions.len() {
            let example = ["train", "valid", "test", "rest"]
                .iter()
                .take(fractions.len())
                .copied()
                .collect::<Vec<_>>();
            let example = if fractions.len() == 2 {
                "train,test".to_owned()
            } else {
                example.join(",")
            };
            return Err(MagicError::usage(format!(
                "{} parts need {0} names, and `-o` gives {}",
                fractions.len(),
                names.len()
            ))
            .with_hint(format!("`%split {} … -o {example}`", self.frame)));
        }
        if let Some(twice) = names.iter().enumerate().find(|(at, name)| names[..*at].contains(name)) {
            return Err(MagicError::usage(format!("`-o` names {} twice", twice.1)));
        }
        let frame = frames::collect(&self.frame, session, front)?;
        let groups = match &self.stratify {
            Some(column) => {
                text::column(&frame, &self.frame, column)?;
                groups_of(&frame, column)?
            }
            None => vec![(0..frame.height() as IdxSize).collect()],
        };
        let rows = divide(groups, &fractions, self.seed);
        let mut parts = Vec::new();
        for rows in &rows {
            parts.push(frame.take(&IdxCa::from_slice("rows".into(), rows))?);
        }
        let sizes: Vec<String> = names
            .iter()
            .zip(&parts)
            .map(|(name, part)| format!("{name} {}", words::count(part.height() as u64)))
            .collect();
        let within = self
            .stratify
            .as_ref()
            .map(|column| format!(" within {column}"))
            .unwrap_or_default();
        front.display(&note(format!(
            "{} (random{within}, seed {})",
            sizes.join(" · "),
            self.seed
        )));
        for (name, part) in names.iter().zip(parts) {
            session.bind_frame(name.as_str(), part);
        }
        Ok(())
    }
}

impl Split {
    fn fractions(&self) -> Result<Vec<f64>, MagicError> {
        let sum: f64 = self.parts.iter().sum();
        if self.parts.iter().any(|part| !part.is_finite() || *part <= 0.0) {
            return Err(MagicError::usage("each part must be larger than nothing").with_hint("such as 70 15 15"));
        }
        let whole = if (sum - 100.0).abs() < 1e-6 {
            100.0
        } else if (sum - 1.0).abs() < 1e-9 {
            1.0
        } else {
            return Err(
                MagicError::usage(format!("the parts add up to {}, not to 100", words::number(sum)))
                    .with_hint("such as 70 15 15"),
            );
        };
        Ok(self.parts.iter().map(|part| part / whole).collect())
    }
}

/// The rows of each value of a column, values in the order of their first row.
fn groups_of(frame: &DataFrame, column: &str) -> Result<Vec<Vec<IdxSize>>, MagicError> {
    let groups = frame.group_by_stable([column])?;
    Ok(groups
        .get_groups()
        .iter()
        .map(|group| match group {
            GroupsIndicator::Idx((_, rows)) => rows.to_vec(),
            GroupsIndicator::Slice([first, count]) => (first..first + count).collect(),
        })
        .collect())
}

/// Deals the rows of each group out to the parts; rows of a part are in order.
fn divide(groups: Vec<Vec<IdxSize>>, fractions: &[f64], seed: u64) -> Vec<Vec<IdxSize>> {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    let mut parts: Vec<Vec<IdxSize>> = vec![Vec::new(); fractions.len()];
    let mut seen = 0;
    for mut rows in groups {
        shuffle(&mut rows, &mut generator);
        seen += rows.len();
        let so_far: Vec<usize> = parts.iter().map(Vec::len).collect();
        let mut rest = rows.as_slice();
        for (part, count) in parts.iter_mut().zip(shares(rows.len(), seen, &so_far, fractions)) {
            let (taken, left) = rest.split_at(count);
            part.extend_from_slice(taken);
            rest = left;
        }
    }
    for part in &mut parts {
        part.sort_unstable();
    }
    parts
}

/// How many of `count` rows each part gets: its share rounded down, and what is left over goes to the parts
/// that are furthest behind their share of all rows `seen` so far.
fn shares(count: usize, seen: usize, so_far: &[usize], fractions: &[f64]) -> Vec<usize> {
    let mut given: Vec<usize> = fractions
        .iter()
        .map(|fraction| (fraction * count as f64 + 1e-9).floor() as usize)
        .collect();
    let left = count - given.iter().sum::<usize>().min(count);
    for _ in 0..left {
        let behind = |part: usize| fractions[part] * seen as f64 - (so_far[part] + given[part]) as f64;
        let next = (0..fractions.len()).max_by(|&a, &b| behind(a).total_cmp(&behind(b)).then(b.cmp(&a)));
        given[next.unwrap_or(0)] += 1;
    }
    given
}

/// Fisher and Yates, with bounded numbers of our own making: no crate's next version changes a split.
fn shuffle(rows: &mut [IdxSize], generator: &mut ChaCha8Rng) {
    for last in (1..rows.len()).rev() {
        rows.swap(last, below(last as u64 + 1, generator) as usize);
    }
}

/// A number below `bound`, each equally likely: draws that would favour small ones are thrown away.
fn below(bound: u64, generator: &mut ChaCha8Rng) -> u64 {
    let even = u64::MAX - u64::MAX % bound;
    loop {
        let drawn = generator.next_u64();
        if drawn < even {
            return drawn % bound;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn whole(count: IdxSize) -> Vec<Vec<IdxSize>> {
        vec![(0..count).collect()]
    }

    #[test]
    fn the_quickstarts_sizes() {
        let parts = divide(whole(4173), &[0.7, 0.15, 0.15], 7);
        assert_eq!(parts.iter().map(Vec::len).collect::<Vec<_>>(), [2921, 626, 626]);
    }

    #[test]
    fn a_seed_gives_these_rows_on_every_machine() {
        assert_eq!(divide(whole(10), &[0.5, 0.5], 7), divide(whole(10), &[0.5, 0.5], 7));
        assert_ne!(divide(whole(100), &[0.5, 0.5], 7), divide(whole(100), &[0.5, 0.5], 8));
    }

    #[test]
    fn strata_keep_their_shares() {
        let groups = vec![(0..60).collect(), (60..90).collect(), (90..100).collect()];
        let parts = divide(groups, &[0.7, 0.3], 1);
        let of_first_group = parts[0].iter().filter(|&&row| row < 60).count();
        assert_eq!((parts[0].len(), parts[1].len(), of_first_group), (70, 30, 42));
        let tiny: Vec<Vec<IdxSize>> = (0..30).map(|group| vec![group]).collect();
        assert_eq!(divide(tiny, &[0.7, 0.3], 1)[0].len(), 21);
    }

    proptest! {
        #[test]
        fn every_row_is_in_one_part_and_in_order(count in 0u32..300, cut in 1u32..99, seed: u64) {
            let first = f64::from(cut) / 100.0;
            let parts = divide(whole(count), &[first, 1.0 - first], seed);
            let mut all: Vec<IdxSize> = parts.concat();
            all.sort_unstable();
            prop_assert_eq!(all, (0..count).collect::<Vec<_>>());
            prop_assert!(parts.iter().all(|part| part.is_sorted()));
            prop_assert!((parts[0].len() as f64 - first * f64::from(count)).abs() <= 1.0);
        }
    }
}
