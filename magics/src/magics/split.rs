//! `%split`: a frame in parts, at random (the same on every machine for the same seed), by groups that stay whole, or by
//! time. Rows keep their order inside a part, so that a part reads like the frame it came from.

use ironsage_display::{Front, note, text as words};
use polars::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use crate::error::MagicError;
use crate::frames;
use crate::guard;
use crate::magic::{Call, Form, Group, Magic, Out};
use crate::session::Session;
use crate::text;

/// The seed where none is given: everything that is random is repeatable.
pub(crate) const DEFAULT_SEED: u64 = 0;

/// Split a frame into parts: at random, by group or by time
#[derive(clap::Args)]
pub(crate) struct Split {
    /// The frame
    #[arg(value_name = "FRAME")]
    frame: String,
    /// The size of each part: percent such as 70 15 15, shares such as 0.8 0.2, or rows with --rows
    #[arg(value_name = "SIZE", required = true, num_args = 2..)]
    parts: Vec<f64>,
    /// The same seed gives the same parts
    #[arg(long, value_name = "SEED", default_value_t = DEFAULT_SEED)]
    seed: u64,
    /// Give each part the same share of this column's values
    #[arg(long, value_name = "COLUMN")]
    stratify: Option<String>,
    /// Keep rows with the same value of this column in one part
    #[arg(long, value_name = "COLUMN", conflicts_with_all = ["stratify", "time"])]
    group: Option<String>,
    /// The first part has the earliest values of this column, the last part the latest
    #[arg(long, value_name = "COLUMN", conflicts_with_all = ["stratify", "seed"])]
    time: Option<String>,
    /// The sizes are rows; what they leave over is in no part
    #[arg(long, conflicts_with = "group")]
    rows: bool,
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
        (
            "%split visits 80 20 --group patient -o train,test",
            "no patient is in both",
        ),
        (
            "%split trips 70 15 15 --time started -o train,valid,test",
            "trained on the past, tested on what came after",
        ),
    ];

    fn run(self, _call: &Call, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        self.check_names()?;
        let frame = frames::collect(&self.frame, session, front)?;
        let fractions = self.fractions(frame.height())?;
        for column in [&self.stratify, &self.group, &self.time].into_iter().flatten() {
            text::column(&frame, &self.frame, column)?;
        }
        let names = self.out.names.clone();
        let width = session.width(&self.frame);
        let (how, parts, strata) = guard::on_worker(front, "%split", move || {
            let (how, rows) = self.rows(&frame, &fractions)?;
            let mut parts = Vec::new();
            for rows in &rows {
                parts.push(frame.take(&IdxCa::from_slice("rows".into(), rows))?);
            }
            let strata = match &self.stratify {
                Some(column) => shares_of(column, &parts)?,
                None => None,
            };
            Ok((how, parts, strata))
        })?;
        let sizes: Vec<String> = names
            .iter()
            .zip(&parts)
            .map(|(name, part)| format!("{name} {}", words::count(part.height() as u64)))
            .collect();
        if let Some(shares) = strata {
            front.display(&note(shares));
        }
        front.display(&note(format!("{} ({how})", sizes.join(" · "))));
        for (name, part) in names.iter().zip(parts) {
            session.bind_frame(name.as_str(), part);
            session.set_width(name.as_str(), width);
        }
        Ok(())
    }
}

impl Split {
    fn check_names(&self) -> Result<(), MagicError> {
        let names = &self.out.names;
        if names.len() != self.parts.len() {
            let example = match self.parts.len() {
                2 => "train,test".to_owned(),
                3 => "train,valid,test".to_owned(),
                parts => (1..=parts).map(|at| format!("part{at}")).collect::<Vec<_>>().join(","),
            };
            return Err(MagicError::usage(format!(
                "{} parts need {0} names, and `-o` gives {}",
                self.parts.len(),
                names.len()
            ))
            .with_hint(format!("`%split {} … -o {example}`", self.frame)));
        }
        if let Some(twice) = names.iter().enumerate().find(|(at, name)| names[..*at].contains(name)) {
            return Err(MagicError::usage(format!("`-o` names {} twice", twice.1)));
        }
        Ok(())
    }

    /// The share of each part in all rows; with `--rows` they may be less than the whole.
    fn fractions(&self, height: usize) -> Result<Vec<f64>, MagicError> {
        let sum: f64 = self.parts.iter().sum();
        if self.parts.iter().any(|part| !part.is_finite() || *part <= 0.0) {
            return Err(MagicError::usage("each part must be larger than nothing").with_hint("such as 70 15 15"));
        }
        let whole = if self.rows {
            if self.parts.iter().any(|part| part.fract() != 0.0) {
                return Err(MagicError::usage("with --rows the sizes are whole numbers")
                    .with_hint("without it they are percent: 70 15 15"));
            }
            if sum > height as f64 {
                return Err(MagicError::usage(format!(
                    "the parts have {} rows, and {} has {}",
                    words::number(sum),
                    self.frame,
                    words::count(height as u64)
                ))
                .with_hint("fewer rows, or percent without --rows: 70 15 15"));
            }
            height as f64
        } else if (sum - 100.0).abs() < 1e-6 {
            100.0
        } else if (sum - 1.0).abs() < 1e-9 {
            1.0
        } else {
            return Err(
                MagicError::usage(format!("the parts add up to {}, not to 100", words::number(sum)))
                    .with_hint("such as 70 15 15, or rows with --rows"),
            );
        };
        Ok(self.parts.iter().map(|part| part / whole).collect())
    }

    /// How the parts come about, in words, and the rows of each.
    fn rows(&self, frame: &DataFrame, fractions: &[f64]) -> Result<(String, Vec<Vec<IdxSize>>), MagicError> {
        let seed = self.seed;
        if let Some(column) = &self.group {
            let parts = deal(groups_of(frame, column)?, fractions, seed);
            if let Some(empty) = parts.iter().position(Vec::is_empty) {
                return Err(too_few(self, empty, column));
            }
            return Ok((format!("{column} whole, seed {seed}"), parts));
        }
        if let Some(column) = &self.time {
            let parts = cut(frame, column, fractions)?;
            if let Some(empty) = parts.iter().position(Vec::is_empty) {
                return Err(too_few(self, empty, column));
            }
            return Ok((format!("by {column}, the latest last"), parts));
        }
        let (within, groups) = match &self.stratify {
            Some(column) => (format!(" within {column}"), groups_of(frame, column)?),
            None => (String::new(), vec![(0..frame.height() as IdxSize).collect()]),
        };
        // What --rows leaves over is a part of its own, which nobody gets.
        let rest = 1.0 - fractions.iter().sum::<f64>();
        let mut all = fractions.to_vec();
        all.extend((rest > 1e-9).then_some(rest));
        let mut parts = divide(groups, &all, seed);
        parts.truncate(fractions.len());
        Ok((format!("random{within}, seed {seed}"), parts))
    }
}

fn too_few(split: &Split, empty: usize, column: &str) -> MagicError {
    let name = split.out.names.get(empty).map(ToString::to_string).unwrap_or_default();
    MagicError::data(format!(
        "{name} would have no rows: `{column}` has too few values that differ"
    ))
    .with_hint(format!("`%split {} …` at random, or fewer parts", split.frame))
}

/// The share of each value in each part, where there are few values.
fn shares_of(column: &str, parts: &[DataFrame]) -> Result<Option<String>, MagicError> {
    const MOST: usize = 6;
    let mut shares: Vec<(String, Vec<f64>)> = Vec::new();
    for (at, part) in parts.iter().enumerate() {
        for rows in groups_of(part, column)? {
            let first = rows.first().copied().unwrap_or_default() as usize;
            let value = match part.column(column)?.get(first)? {
                AnyValue::String(value) => value.to_owned(),
                value => value.to_string(),
            };
            let share = 100.0 * rows.len() as f64 / part.height() as f64;
            let place = shares
                .iter()
                .position(|(known, _)| *known == value)
                .unwrap_or(shares.len());
            if place == shares.len() {
                shares.push((value, vec![0.0; parts.len()]));
            }
            shares[place].1[at] = share;
        }
    }
    if shares.len() > MOST {
        return Ok(None);
    }
    shares.sort_by(|a, b| a.0.cmp(&b.0));
    let told = shares.iter().map(|(value, shares)| {
        let shares: Vec<String> = shares.iter().map(|share| format!("{share:.1}")).collect();
        format!("{value} {} %", shares.join(" · "))
    });
    Ok(Some(format!("{column}: {}", told.collect::<Vec<_>>().join(", "))))
}

/// Deals whole groups out: in random order, the large ones first, each to the part that is furthest behind its share.
fn deal(mut groups: Vec<Vec<IdxSize>>, fractions: &[f64], seed: u64) -> Vec<Vec<IdxSize>> {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    let mut order: Vec<IdxSize> = (0..groups.len() as IdxSize).collect();
    shuffle(&mut order, &mut generator);
    order.sort_by_key(|group| std::cmp::Reverse(groups[*group as usize].len()));
    let total: usize = groups.iter().map(Vec::len).sum();
    let mut parts: Vec<Vec<IdxSize>> = vec![Vec::new(); fractions.len()];
    for group in order {
        let behind = |part: usize| fractions[part] * total as f64 - parts[part].len() as f64;
        let next = (0..fractions.len()).max_by(|&a, &b| behind(a).total_cmp(&behind(b)).then(b.cmp(&a)));
        parts[next.unwrap_or(0)].append(&mut groups[group as usize]);
    }
    for part in &mut parts {
        part.sort_unstable();
    }
    parts
}

/// Cuts the rows in the order of a column. Rows of one time stay together, in the earlier part, so that no part knows
/// of what came at the same time as another's.
fn cut(frame: &DataFrame, column: &str, fractions: &[f64]) -> Result<Vec<Vec<IdxSize>>, MagicError> {
    let times = frame.column(column)?;
    if times.null_count() > 0 {
        return Err(MagicError::data(format!(
            "`{column}` has {}, which stand at no time",
            words::counted(times.null_count() as u64, "null")
        ))
        .with_hint(format!("`SELECT * FROM … WHERE {column} IS NOT NULL` in `%%sql` first")));
    }
    let dtype = times.dtype();
    if !(dtype.is_temporal() || dtype.is_primitive_numeric()) {
        return Err(MagicError::data(format!(
            "`{column}` is {dtype}, and --time needs dates, times or numbers"
        ))
        .with_hint(format!(
            "`SELECT *, CAST({column} AS DATE) AS day FROM …` in `%%sql` first"
        )));
    }
    let order = times
        .as_materialized_series()
        .arg_sort(SortOptions::default().with_maintain_order(true));
    let order: Vec<IdxSize> = order.iter().flatten().collect();
    let ranks = times.to_physical_repr().cast(&DataType::Float64)?;
    let ranks = ranks.f64()?;
    let at = |place: usize| ranks.get(order[place] as usize);
    let (mut parts, mut start, mut share) = (Vec::new(), 0, 0.0);
    for fraction in fractions {
        share += fraction;
        let mut end = ((share * order.len() as f64).round() as usize).clamp(start, order.len());
        while end > start && end < order.len() && at(end) == at(end - 1) {
            end += 1;
        }
        let mut rows = order[start..end].to_vec();
        rows.sort_unstable();
        parts.push(rows);
        start = end;
    }
    Ok(parts)
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

    #[test]
    fn groups_stay_whole() {
        let groups: Vec<Vec<IdxSize>> = (0..50).map(|group| (group * 4..group * 4 + 4).collect()).collect();
        let parts = deal(groups, &[0.8, 0.2], 3);
        assert_eq!((parts[0].len(), parts[1].len()), (160, 40));
        for part in &parts {
            assert!(
                part.chunks(4)
                    .all(|group| group[0] % 4 == 0 && group[3] == group[0] + 3)
            );
        }
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
