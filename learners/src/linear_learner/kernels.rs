//! The two products of training: margins `X · W` and gradients `Xᵀ · R`, for all models at once.
//!
//! A block is at most [`BLOCK`] rows. `W` and `G` hold one row of lanes a feature and a last one for the bias; margins and
//! residuals hold one row of lanes a data row. The microkernels keep twelve vectors of sums in registers (three rows of four, six
//! of two, eight of one), so that loads stay below what the load ports give while both FMA ports are busy.

use super::lanes::{Lanes, each_level};
use crate::Features;

/// Rows that are worked on at a time: their margins stay in the first cache.
pub(super) const BLOCK: usize = 64;

/// Features between two rows of a block that was copied: never a multiple of a page, which would map all rows to one cache set.
pub(super) fn padded(width: usize) -> usize {
    let lines = width.div_ceil(16);
    16 * (lines | 1)
}

/// `S = X · W + b` for a dense block.
///
/// `x` has `rows` rows of `stride` floats, `w` has `width + 1` rows of `lanes`, `s` has `rows` rows of `lanes`.
#[inline(always)]
fn forward_body<L: Lanes>(x: &[f32], stride: usize, rows: usize, width: usize, w: &[f32], lanes: usize, s: &mut [f32]) {
    assert!(rows == 0 || (x.len() >= (rows - 1) * stride + width && stride >= width));
    assert!(w.len() >= (width + 1) * lanes && s.len() >= rows * lanes && lanes.is_multiple_of(L::N));
    let vectors = lanes / L::N;
    let mut first = 0;
    while first < vectors {
        let lane = first * L::N;
        // SAFETY: the lengths were just checked; each call stays below `rows`, `width` and `lanes`.
        unsafe {
            let operands = (x.as_ptr(), w.as_ptr().add(lane), s.as_mut_ptr().add(lane));
            match vectors - first {
                4.. => {
                    margins::<L, 4, 3>(operands, stride, rows, width, lanes);
                    first += 4;
                }
                2.. => {
                    margins::<L, 2, 6>(operands, stride, rows, width, lanes);
                    first += 2;
                }
                _ => {
                    margins::<L, 1, 8>(operands, stride, rows, width, lanes);
                    first += 1;
                }
            }
        }
    }
}

type Operands = (*const f32, *const f32, *mut f32);

/// # Safety
/// `V` vectors at `w` and `s`, all rows within their slices, and the instructions of `L`.
#[inline(always)]
unsafe fn margins<L: Lanes, const V: usize, const R: usize>(
    (x, w, s): Operands,
    stride: usize,
    rows: usize,
    width: usize,
    lanes: usize,
) {
    let mut row = 0;
    while row + R <= rows {
        // SAFETY: passed on to the caller.
        unsafe { margins_of::<L, V, R>((x.add(row * stride), w, s.add(row * lanes)), stride, width, lanes) };
        row += R;
    }
    while row < rows {
        // SAFETY: likewise.
        unsafe { margins_of::<L, V, 1>((x.add(row * stride), w, s.add(row * lanes)), stride, width, lanes) };
        row += 1;
    }
}

/// # Safety
/// As [`margins`], for `R` rows.
#[inline(always)]
#[expect(
    clippy::needless_range_loop,
    reason = "the index runs over registers and over memory"
)]
unsafe fn margins_of<L: Lanes, const V: usize, const R: usize>(
    (x, w, s): Operands,
    stride: usize,
    width: usize,
    lanes: usize,
) {
    // SAFETY: passed on to the caller.
    unsafe {
        let bias: [L; V] = std::array::from_fn(|v| L::load(w.add(width * lanes + v * L::N)));
        let mut sums = [bias; R];
        for feature in 0..width {
            let values: [L; R] = std::array::from_fn(|r| L::splat(*x.add(r * stride + feature)));
            for v in 0..V {
                let weight = L::load(w.add(feature * lanes + v * L::N));
                for r in 0..R {
                    sums[r][v] = values[r].mul_add(weight, sums[r][v]);
                }
            }
        }
        for (r, row) in sums.iter().enumerate() {
            for (v, sum) in row.iter().enumerate() {
                sum.store(s.add(r * lanes + v * L::N));
            }
        }
    }
}

each_level! {
    /// `S = X · W + b` for a dense block: `x` has `rows` rows of `stride` floats, `w` has `width + 1` rows of `lanes`.
    pub(super) fn forward(x: &[f32], stride: usize, rows: usize, width: usize, w: &[f32], lanes: usize, s: &mut [f32]) = forward_body
}

/// `G += Xᵀ · R` for a dense block, the bias's row included.
#[inline(always)]
fn backward_body<L: Lanes>(
    x: &[f32],
    stride: usize,
    rows: usize,
    width: usize,
    r: &[f32],
    lanes: usize,
    g: &mut [f32],
) {
    assert!(rows == 0 || (x.len() >= (rows - 1) * stride + width && stride >= width));
    assert!(g.len() >= (width + 1) * lanes && r.len() >= rows * lanes && lanes.is_multiple_of(L::N));
    let vectors = lanes / L::N;
    let mut first = 0;
    while first < vectors {
        let lane = first * L::N;
        // SAFETY: the lengths were just checked; each call stays below `rows`, `width` and `lanes`.
        unsafe {
            let operands = (x.as_ptr(), r.as_ptr().add(lane), g.as_mut_ptr().add(lane));
            match vectors - first {
                4.. => {
                    gradients::<L, 4, 3>(operands, stride, rows, width, lanes);
                    first += 4;
                }
                2.. => {
                    gradients::<L, 2, 6>(operands, stride, rows, width, lanes);
                    first += 2;
                }
                _ => {
                    gradients::<L, 1, 8>(operands, stride, rows, width, lanes);
                    first += 1;
                }
            }
        }
    }
}

/// # Safety
/// As [`margins`], with residuals for weights and gradients for margins.
#[inline(always)]
unsafe fn gradients<L: Lanes, const V: usize, const F: usize>(
    (x, r, g): Operands,
    stride: usize,
    rows: usize,
    width: usize,
    lanes: usize,
) {
    let mut feature = 0;
    while feature + F <= width {
        // SAFETY: passed on to the caller.
        unsafe { gradients_of::<L, V, F>((x.add(feature), r, g.add(feature * lanes)), stride, rows, lanes) };
        feature += F;
    }
    while feature < width {
        // SAFETY: likewise.
        unsafe { gradients_of::<L, V, 1>((x.add(feature), r, g.add(feature * lanes)), stride, rows, lanes) };
        feature += 1;
    }
    // SAFETY: the bias's row comes after the last feature's.
    unsafe {
        let bias = g.add(width * lanes);
        for v in 0..V {
            let mut sum = L::load(bias.add(v * L::N));
            for row in 0..rows {
                sum = sum.add(L::load(r.add(row * lanes + v * L::N)));
            }
            sum.store(bias.add(v * L::N));
        }
    }
}

/// # Safety
/// As [`gradients`], for `F` features.
#[inline(always)]
#[expect(
    clippy::needless_range_loop,
    reason = "the index runs over registers and over memory"
)]
unsafe fn gradients_of<L: Lanes, const V: usize, const F: usize>(
    (x, r, g): Operands,
    stride: usize,
    rows: usize,
    lanes: usize,
) {
    // SAFETY: passed on to the caller.
    unsafe {
        let mut sums: [[L; V]; F] =
            std::array::from_fn(|f| std::array::from_fn(|v| L::load(g.add(f * lanes + v * L::N))));
        for row in 0..rows {
            let values: [L; F] = std::array::from_fn(|f| L::splat(*x.add(row * stride + f)));
            for v in 0..V {
                let residual = L::load(r.add(row * lanes + v * L::N));
                for f in 0..F {
                    sums[f][v] = values[f].mul_add(residual, sums[f][v]);
                }
            }
        }
        for (f, feature) in sums.iter().enumerate() {
            for (v, sum) in feature.iter().enumerate() {
                sum.store(g.add(f * lanes + v * L::N));
            }
        }
    }
}

each_level! {
    /// `G += Xᵀ · R` for a dense block, the bias's row included.
    pub(super) fn backward(x: &[f32], stride: usize, rows: usize, width: usize, r: &[f32], lanes: usize, g: &mut [f32]) = backward_body
}

/// Copies rows into a block, shifted and scaled: `(x − mean) · inverse`.
#[inline(always)]
fn normalise_body<L: Lanes>(from: &[f32], width: usize, mean: &[f32], inverse: &[f32], to: &mut [f32], stride: usize) {
    let (mean, inverse) = (&mean[..width], &inverse[..width]);
    for (row, out) in from.chunks_exact(width).zip(to.chunks_mut(stride)) {
        let scaled = out[..width].iter_mut().zip(row).zip(mean.iter().zip(inverse));
        scaled.for_each(|((out, value), (mean, inverse))| *out = (value - mean) * inverse);
    }
}

each_level! {
    /// Copies rows into a block, shifted and scaled: `(x − mean) · inverse`.
    pub(super) fn normalise(from: &[f32], width: usize, mean: &[f32], inverse: &[f32], to: &mut [f32], stride: usize) = normalise_body
}

/// Rows of a sparse block, scaled but not shifted.
#[derive(Clone, Copy)]
pub(super) struct SparseRows<'a> {
    pub(super) starts: &'a [usize],
    pub(super) keys: &'a [u32],
    pub(super) values: &'a [f32],
    /// One over each feature's standard deviation.
    pub(super) inverse: &'a [f32],
}

impl<'a> SparseRows<'a> {
    /// The rows `from..to` of sparse features; `None` of dense ones.
    pub(super) fn of(features: Features<'a>, from: usize, to: usize, inverse: &'a [f32]) -> Option<Self> {
        match features {
            Features::Sparse { starts, keys, values } => Some(SparseRows {
                starts: &starts[from..=to],
                keys,
                values,
                inverse,
            }),
            Features::Dense(_) => None,
        }
    }

    fn rows(&self) -> impl Iterator<Item = (&'a [u32], &'a [f32])> {
        let (keys, values) = (self.keys, self.values);
        self.starts
            .windows(2)
            .map(move |ends| (&keys[ends[0]..ends[1]], &values[ends[0]..ends[1]]))
    }
}

/// `S = X · W + b` for a sparse block.
#[inline(always)]
fn forward_sparse_body<L: Lanes>(x: SparseRows<'_>, width: usize, w: &[f32], lanes: usize, s: &mut [f32]) {
    let bias = &w[width * lanes..(width + 1) * lanes];
    for ((keys, values), out) in x.rows().zip(s.chunks_exact_mut(lanes)) {
        out.copy_from_slice(bias);
        for (&key, &value) in keys.iter().zip(values) {
            let key = key as usize;
            add_scaled::<L>(value * x.inverse[key], &w[key * lanes..(key + 1) * lanes], out);
        }
    }
}

each_level! {
    /// `S = X · W + b` for a sparse block.
    pub(super) fn forward_sparse(x: SparseRows<'_>, width: usize, w: &[f32], lanes: usize, s: &mut [f32]) = forward_sparse_body
}

/// `G += Xᵀ · R` for a sparse block, the bias's row included.
#[inline(always)]
fn backward_sparse_body<L: Lanes>(x: SparseRows<'_>, width: usize, r: &[f32], lanes: usize, g: &mut [f32]) {
    for ((keys, values), residuals) in x.rows().zip(r.chunks_exact(lanes)) {
        for (&key, &value) in keys.iter().zip(values) {
            let key = key as usize;
            add_scaled::<L>(
                value * x.inverse[key],
                residuals,
                &mut g[key * lanes..(key + 1) * lanes],
            );
        }
        add_scaled::<L>(1.0, residuals, &mut g[width * lanes..(width + 1) * lanes]);
    }
}

each_level! {
    /// `G += Xᵀ · R` for a sparse block, the bias's row included.
    pub(super) fn backward_sparse(x: SparseRows<'_>, width: usize, r: &[f32], lanes: usize, g: &mut [f32]) = backward_sparse_body
}

/// `to += factor × from`, whole vectors.
#[inline(always)]
fn add_scaled<L: Lanes>(factor: f32, from: &[f32], to: &mut [f32]) {
    for (from, to) in from.chunks_exact(L::N).zip(to.chunks_exact_mut(L::N)) {
        // SAFETY: both chunks have `N` floats; the caller's level has the instructions.
        unsafe {
            L::splat(factor)
                .mul_add(L::load(from.as_ptr()), L::load(to.as_ptr()))
                .store(to.as_mut_ptr());
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::super::lanes::Level;
    use super::*;
    use rand::{Rng, SeedableRng};

    fn random(rng: &mut rand_chacha::ChaCha8Rng, count: usize) -> Vec<f32> {
        (0..count).map(|_| rng.random_range(-1.0..1.0)).collect()
    }

    fn close(one: &[f32], other: &[f64], level: Level) {
        for (&one, &other) in one.iter().zip(other) {
            assert!(
                (f64::from(one) - other).abs() < 1e-4 * other.abs().max(1.0),
                "{level:?}: {one} for {other}"
            );
        }
    }

    #[test]
    fn all_levels_compute_the_products() {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(3);
        for (rows, width, lanes) in [(64, 13, 32), (5, 1, 16), (1, 40, 48), (11, 17, 80), (0, 3, 32)] {
            let stride = padded(width);
            let (x, w) = (random(&mut rng, rows * stride), random(&mut rng, (width + 1) * lanes));
            let (r, g) = (random(&mut rng, rows * lanes), random(&mut rng, (width + 1) * lanes));
            let mut margins = vec![0.0_f64; rows * lanes];
            let mut gradients: Vec<f64> = g.iter().map(|&value| f64::from(value)).collect();
            for row in 0..rows {
                for lane in 0..lanes {
                    let residual = f64::from(r[row * lanes + lane]);
                    margins[row * lanes + lane] = f64::from(w[width * lanes + lane]);
                    gradients[width * lanes + lane] += residual;
                    for feature in 0..width {
                        let value = f64::from(x[row * stride + feature]);
                        margins[row * lanes + lane] += value * f64::from(w[feature * lanes + lane]);
                        gradients[feature * lanes + lane] += value * residual;
                    }
                }
            }
            for level in Level::all() {
                let mut s = vec![f32::NAN; rows * lanes];
                forward(level, &x, stride, rows, width, &w, lanes, &mut s);
                close(&s, &margins, level);
                let mut found = g.clone();
                backward(level, &x, stride, rows, width, &r, lanes, &mut found);
                close(&found, &gradients, level);
            }
        }
    }

    #[test]
    fn a_sparse_block_is_the_dense_one() {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(4);
        let (rows, width, lanes) = (9, 6, 16);
        let inverse: Vec<f32> = (1..=width).map(|at| at as f32).collect();
        let (mut dense, mut starts, mut keys, mut values) = (vec![0.0; rows * width], vec![0], Vec::new(), Vec::new());
        for row in 0..rows {
            for feature in (row % 2..width).step_by(2) {
                let value: f32 = rng.random_range(-1.0..1.0);
                dense[row * width + feature] = value * inverse[feature];
                keys.push(feature as u32);
                values.push(value);
            }
            starts.push(keys.len());
        }
        let sparse = SparseRows {
            starts: &starts,
            keys: &keys,
            values: &values,
            inverse: &inverse,
        };
        let (w, r) = (random(&mut rng, (width + 1) * lanes), random(&mut rng, rows * lanes));
        for level in Level::all() {
            let [mut one, mut other] = [vec![0.0; rows * lanes], vec![0.0; rows * lanes]];
            forward(level, &dense, width, rows, width, &w, lanes, &mut one);
            forward_sparse(level, sparse, width, &w, lanes, &mut other);
            close(
                &one,
                &other.iter().map(|&value| f64::from(value)).collect::<Vec<_>>(),
                level,
            );
            let [mut one, mut other] = [vec![0.0; (width + 1) * lanes], vec![0.0; (width + 1) * lanes]];
            backward(level, &dense, width, rows, width, &r, lanes, &mut one);
            backward_sparse(level, sparse, width, &r, lanes, &mut other);
            close(
                &one,
                &other.iter().map(|&value| f64::from(value)).collect::<Vec<_>>(),
                level,
            );
        }
    }

    #[test]
    fn strides_spread_over_the_cache_sets() {
        for width in 1..5000 {
            assert!(padded(width) >= width && !(padded(width) * 4).is_multiple_of(128));
        }
    }
}
