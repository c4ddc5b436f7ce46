//! The pack: the weights of all models side by side, and what a batch does to them.
//!
//! A batch is cut into chunks by its size alone, never by the number of threads; each chunk sums its own gradient,
//! and the sums are added in order. So the same seed gives the same model on any number of threads.

use super::buffer::Buffer;
use super::grid::Candidate;
use super::kernels::{self, BLOCK, SparseRows};
use super::lanes::Level;
use super::loss::{self, Loss};
use super::optimizer::{self, Rates, Weights};
use super::scaler::Scaler;
use super::schedule::Schedule;
use super::settings::{Init, Settings};
use crate::{Features, LearnError, Rows};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

/// Multiplications below which another chunk costs more than it saves: some 30 µs of one core.
const CHUNK_WORK: usize = 1 << 19;
/// The most chunks of a batch: each holds a gradient of its own.
const MOST_CHUNKS: usize = 16;
/// Weights updated by one task.
const UPDATE_WORK: usize = 1 << 15;
/// Weights, two moments and a gradient: what a pack has at least.
const BUFFERS: usize = 4;

/// All models' weights with what training them needs.
pub(super) struct Pack {
    level: Level,
    models: usize,
    lanes: usize,
    width: usize,
    weight: Buffer,
    first: Buffer,
    second: Buffer,
    chunks: Vec<Chunk>,
    /// Chunks of the last batch that was trained on: whose gradients the update adds.
    active: usize,
    schedules: Vec<Schedule>,
    rate: Buffer,
    bias_rate: Buffer,
    wd: Buffer,
    bias_wd: Buffer,
    l1: Buffer,
    labels: Vec<f32>,
    updates: u64,
}

/// A chunk's own sums and room.
#[derive(Default)]
struct Chunk {
    gradient: Buffer,
    rows: Buffer,
    margins: Buffer,
    sums: Buffer,
    loss: Vec<f64>,
    dense: Vec<f32>,
}

/// Refuses a width whose models have no room in memory. Widths come from data: nothing is made of one before this.
pub(super) fn check_width(settings: &Settings, width: usize) -> Result<(), LearnError> {
    let lanes = settings.candidates.len().next_multiple_of(Level::detect().lanes());
    let floats = size(width, lanes).and_then(|size| size.checked_mul(BUFFERS));
    if floats.is_some_and(Buffer::fits) {
        Ok(())
    } else {
        Err(too_wide(settings, width))
    }
}

/// The error of a width that there is no memory for.
pub(super) fn too_wide(settings: &Settings, width: usize) -> LearnError {
    let models = settings.candidates.len();
    LearnError::TooWide { width, models }
}

/// Floats of all models' weights with their biases.
fn size(width: usize, lanes: usize) -> Option<usize> {
    width.checked_add(1)?.checked_mul(lanes)
}

/// What is done with the rows of a batch.
#[derive(Clone, Copy)]
struct Job<'a> {
    level: Level,
    lanes: usize,
    weight: &'a [f32],
    scaler: &'a Scaler,
    plain: bool,
    shifts: bool,
    loss: Loss,
    rows: Rows<'a>,
    labels: &'a [f32],
    scale: f32,
    shift: f32,
    gradient: bool,
}

impl Pack {
    /// Models with their first weights, each drawn from a stream of its own.
    pub(super) fn new(settings: &Settings, width: usize, seed: u64) -> Result<Pack, LearnError> {
        let level = Level::detect();
        let models = settings.candidates.len();
        let lanes = models.next_multiple_of(level.lanes());
        let room = || {
            let buffer = size(width, lanes).and_then(|size| Buffer::try_zeros(size).ok());
            buffer.ok_or_else(|| too_wide(settings, width))
        };
        let mut weight = room()?;
        for model in 0..models {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            rng.set_stream(model as u64);
            for feature in 0..width {
                weight[feature * lanes + model] = draw(settings.init, &mut rng);
            }
            weight[width * lanes + model] = if settings.use_bias { settings.init_bias } else { 0.0 };
        }
        let lane = |value: &dyn Fn(&Candidate) -> f64| {
            let mut buffer = Buffer::zeros(lanes);
            buffer
                .iter_mut()
                .zip(&settings.candidates)
                .for_each(|(lane, candidate)| *lane = value(candidate) as f32);
            buffer
        };
        let penalised = settings.candidates.iter().any(|candidate| candidate.l1 > 0.0);
        Ok(Pack {
            level,
            models,
            lanes,
            width,
            weight,
            first: room()?,
            second: room()?,
            chunks: vec![Chunk {
                gradient: room()?,
                ..Chunk::default()
            }],
            active: 1,
            schedules: settings
                .candidates
                .iter()
                .map(|one| Schedule::new(one, settings.scheduled))
                .collect(),
            rate: Buffer::zeros(lanes),
            bias_rate: Buffer::zeros(lanes),
            wd: lane(&|candidate| candidate.wd),
            bias_wd: lane(&|candidate| candidate.wd * settings.bias_wd_mult),
            l1: if penalised {
                lane(&|candidate| candidate.l1 / settings.batch as f64)
            } else {
                Buffer::default()
            },
            labels: Vec::new(),
            updates: 0,
        })
    }

    /// One update of all models by one whole batch; adds each model's losses to `losses` and gives the models whose
    /// learning rate just arrived at its floor.
    pub(super) fn train(
        &mut self,
        settings: &Settings,
        scaler: &Scaler,
        loss: Loss,
        rows: Rows<'_>,
        losses: &mut [f64],
        floored: &mut Vec<(usize, f64)>,
    ) {
        let (mean, inverse) = (scaler.label_mean as f32, (1.0 / scaler.label_deviation) as f32);
        let mut labels = std::mem::take(&mut self.labels);
        labels.clear();
        labels.extend(rows.labels.iter().map(|label| (label - mean) * inverse));
        self.pass(scaler, loss, rows, &labels, (1.0, 0.0), true, None, losses);
        self.labels = labels;
        self.advance(settings, floored);
        self.update(settings, rows.len());
    }

    /// Adds each model's losses in raw label units to `losses`; with `margins`, appends a row of margins a data row.
    pub(super) fn evaluate(
        &mut self,
        scaler: &Scaler,
        loss: Loss,
        rows: Rows<'_>,
        margins: Option<&mut Vec<f32>>,
        losses: &mut [f64],
    ) {
        let raw = (scaler.label_deviation as f32, scaler.label_mean as f32);
        self.pass(scaler, loss, rows, rows.labels, raw, false, margins, losses);
    }

    /// Weights and bias of one model, in normalised units.
    pub(super) fn model(&self, weights: &[f32], model: usize) -> (Vec<f32>, f32) {
        let of = |feature: usize| weights[feature * self.lanes + model];
        ((0..self.width).map(of).collect(), of(self.width))
    }

    /// All weights, to be kept.
    pub(super) fn weights(&self) -> Buffer {
        self.weight.clone()
    }

    /// Takes weights that were kept.
    pub(super) fn restore(&mut self, weights: &Buffer) {
        self.weight = weights.clone();
    }

    #[expect(clippy::too_many_arguments, reason = "two callers give two fixed sets of them")]
    fn pass(
        &mut self,
        scaler: &Scaler,
        loss: Loss,
        rows: Rows<'_>,
        labels: &[f32],
        (scale, shift): (f32, f32),
        gradient: bool,
        margins: Option<&mut Vec<f32>>,
        losses: &mut [f64],
    ) {
        let count = rows.len();
        let chunks = chunk_count(&rows, self.lanes);
        let size = count.div_ceil(chunks).max(1);
        while self.chunks.len() < chunks {
            self.chunks.push(Chunk::default());
        }
        let job = Job {
            level: self.level,
            lanes: self.lanes,
            weight: &self.weight,
            scaler,
            plain: scaler.is_identity(),
            shifts: scaler.shifts(),
            loss,
            rows,
            labels,
            scale,
            shift,
            gradient,
        };
        let models = self.models;
        let out = margins.map(|margins| {
            let before = margins.len();
            margins.resize(before + count * models, 0.0);
            &mut margins[before..]
        });
        let mut pieces: Vec<Option<&mut [f32]>> = match out {
            Some(out) => out.chunks_mut((size * models).max(1)).map(Some).collect(),
            None => Vec::new(),
        };
        pieces.resize_with(chunks, || None);
        let work = |(number, (chunk, piece)): (usize, (&mut Chunk, Option<&mut [f32]>))| {
            let from = (number * size).min(count);
            chunk.run(&job, from, (from + size).min(count), number > 0, models, piece);
        };
        if chunks == 1 {
            self.chunks.iter_mut().zip(pieces).enumerate().take(1).for_each(work);
        } else {
            self.chunks[..chunks]
                .par_iter_mut()
                .zip(pieces)
                .enumerate()
                .for_each(work);
        }
        for chunk in &self.chunks[..chunks] {
            losses.iter_mut().zip(&chunk.loss).for_each(|(sum, loss)| *sum += loss);
        }
        if gradient {
            self.active = chunks;
        }
    }

    /// Sets the learning rates of the next update.
    fn advance(&mut self, settings: &Settings, floored: &mut Vec<(usize, f64)>) {
        self.updates += 1;
        let correction = optimizer::correction(settings.optimizer, self.updates);
        for (model, schedule) in self.schedules.iter_mut().enumerate() {
            let (rate, floor) = schedule.rate(self.updates);
            self.rate[model] = (rate * correction) as f32;
            self.bias_rate[model] = (rate * settings.bias_lr_mult * correction) as f32;
            if floor {
                floored.push((model, rate));
            }
        }
    }

    fn update(&mut self, settings: &Settings, count: usize) {
        let (level, lanes, optimizer) = (self.level, self.lanes, settings.optimizer);
        let inverse_batch = 1.0 / count as f32;
        let features = self.width * lanes;
        let Some((head, others)) = self.chunks[..self.active].split_first_mut() else {
            return;
        };
        let weights = Rates {
            rate: &self.rate,
            wd: &self.wd,
            l1: &self.l1,
            inverse_batch,
        };
        let size = (UPDATE_WORK / lanes).max(1) * lanes;
        let step = |at: usize, rates: Rates<'_>, of: Weights<'_>| {
            for other in &*others {
                let part = &other.gradient[at..at + of.gradient.len()];
                of.gradient.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
            }
            optimizer::update(level, optimizer, rates, of);
        };
        let (weight, bias_weight) = self.weight.split_at_mut(features);
        let (first, bias_first) = self.first.split_at_mut(features);
        let (second, bias_second) = self.second.split_at_mut(features);
        let (gradient, bias_gradient) = head.gradient.split_at_mut(features);
        if features <= size {
            step(
                0,
                weights,
                Weights {
                    weight,
                    first,
                    second,
                    gradient,
                },
            );
        } else {
            let tasks = weight.par_chunks_mut(size).zip(first.par_chunks_mut(size));
            let tasks = tasks
                .zip(second.par_chunks_mut(size))
                .zip(gradient.par_chunks_mut(size));
            tasks
                .enumerate()
                .for_each(|(number, (((weight, first), second), gradient))| {
                    step(
                        number * size,
                        weights,
                        Weights {
                            weight,
                            first,
                            second,
                            gradient,
                        },
                    );
                });
        }
        if settings.use_bias {
            let rates = Rates {
                rate: &self.bias_rate,
                wd: &self.bias_wd,
                l1: &[],
                inverse_batch,
            };
            let of = Weights {
                weight: bias_weight,
                first: bias_first,
                second: bias_second,
                gradient: bias_gradient,
            };
            step(features, rates, of);
        } else {
            bias_gradient.fill(0.0);
        }
    }
}

impl Chunk {
    /// Margins, losses and, if wanted, gradients of the rows `from..to`, block by block.
    fn run(&mut self, job: &Job<'_>, from: usize, to: usize, clear: bool, models: usize, mut out: Option<&mut [f32]>) {
        let (lanes, width) = (job.lanes, job.rows.width);
        self.loss.clear();
        self.loss.resize(lanes, 0.0);
        self.sums.grow(lanes);
        self.margins.grow(BLOCK * lanes);
        if job.gradient {
            self.gradient.grow((width + 1) * lanes);
            if clear {
                self.gradient.fill(0.0);
            }
        }
        let stride = kernels::padded(width);
        for start in (from..to).step_by(BLOCK) {
            let end = (start + BLOCK).min(to);
            let count = end - start;
            let s = &mut self.margins[..count * lanes];
            let sparse = SparseRows::of(job.rows.features, start, end, &job.scaler.inverse).filter(|_| !job.shifts);
            let dense = match job.rows.features {
                Features::Dense(values) => &values[start * width..end * width],
                Features::Sparse { .. } if sparse.is_some() => &[],
                Features::Sparse { starts, keys, values } => {
                    self.dense.clear();
                    self.dense.resize(count * width, 0.0);
                    for (row, ends) in starts[start..=end].windows(2).enumerate() {
                        for at in ends[0]..ends[1] {
                            self.dense[row * width + keys[at] as usize] += values[at];
                        }
                    }
                    &self.dense
                }
            };
            let (x, stride): (&[f32], usize) = if sparse.is_some() || job.plain {
                (dense, width)
            } else {
                self.rows.grow(BLOCK * stride);
                let to = &mut self.rows[..count * stride];
                kernels::normalise(
                    job.level,
                    dense,
                    width,
                    &job.scaler.mean,
                    &job.scaler.inverse,
                    to,
                    stride,
                );
                (to, stride)
            };
            match sparse {
                Some(rows) => kernels::forward_sparse(job.level, rows, width, job.weight, lanes, s),
                None => kernels::forward(job.level, x, stride, count, width, job.weight, lanes, s),
            }
            if let Some(out) = &mut out {
                let rows = out[(start - from) * models..(end - from) * models].chunks_exact_mut(models);
                rows.zip(s.chunks_exact(lanes))
                    .for_each(|(out, margins)| out.copy_from_slice(&margins[..models]));
            }
            let rows = loss::Rows {
                labels: &job.labels[start..end],
                weights: job.rows.weights.get(start..end).unwrap_or(&[]),
                scale: job.scale,
                shift: job.shift,
            };
            self.sums[..lanes].fill(0.0);
            loss::apply(
                job.level,
                job.loss,
                rows,
                s,
                lanes,
                &mut self.sums[..lanes],
                job.gradient,
            );
            self.loss
                .iter_mut()
                .zip(&self.sums[..lanes])
                .for_each(|(total, &sum)| *total += f64::from(sum));
            if job.gradient {
                match sparse {
                    Some(rows) => kernels::backward_sparse(job.level, rows, width, s, lanes, &mut self.gradient),
                    None => kernels::backward(job.level, x, stride, count, width, s, lanes, &mut self.gradient),
                }
            }
        }
    }
}

/// Into how many chunks a batch is cut: a power of two, by the work alone.
fn chunk_count(rows: &Rows<'_>, lanes: usize) -> usize {
    let entries = match rows.features {
        Features::Dense(values) | Features::Sparse { values, .. } => values.len(),
    };
    let most = (rows.len() / BLOCK)
        .min(entries.saturating_mul(lanes) / CHUNK_WORK)
        .clamp(1, MOST_CHUNKS);
    1 << most.ilog2()
}

fn draw(init: Init, rng: &mut ChaCha8Rng) -> f32 {
    match init {
        Init::Uniform { scale } => rng.random_range(-1.0..1.0_f32) * scale,
        Init::Normal { sigma } => {
            // Box and Muller; 1 − u is never 0.
            let (u, v): (f64, f64) = (rng.random(), rng.random());
            let normal = (-2.0 * (1.0 - u).ln()).sqrt() * (std::f64::consts::TAU * v).cos();
            (normal * f64::from(sigma)) as f32
        }
    }
}
