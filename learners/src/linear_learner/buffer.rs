//! Float32 in memory that begins on a cache line, so that no vector crosses one.

use std::collections::TryReserveError;
use std::hint::black_box;
use std::ops::{Deref, DerefMut};

const LINE: usize = 16;

#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([f32; LINE]);

/// A slice of float32 on a cache line, zero at first.
#[derive(Clone, Default)]
pub(super) struct Buffer {
    lines: Vec<Line>,
    length: usize,
}

impl Buffer {
    /// So many zeros.
    pub(super) fn zeros(length: usize) -> Buffer {
        Buffer {
            lines: vec![Line([0.0; LINE]); length.div_ceil(LINE)],
            length,
        }
    }

    /// So many zeros, or the allocator's no: widths come from data.
    pub(super) fn try_zeros(length: usize) -> Result<Buffer, TryReserveError> {
        let mut lines = Vec::new();
        lines.try_reserve_exact(length.div_ceil(LINE))?;
        lines.resize(length.div_ceil(LINE), Line([0.0; LINE]));
        Ok(Buffer { lines, length })
    }

    /// Whether the allocator has so many floats to give.
    pub(super) fn fits(length: usize) -> bool {
        let mut lines = Vec::<Line>::new();
        let fits = lines.try_reserve_exact(length.div_ceil(LINE)).is_ok();
        // The compiler may take memory that nobody uses as given, and not ask for it.
        drop(black_box(lines));
        fits
    }

    /// At least so many floats; what was in it may be lost.
    pub(super) fn grow(&mut self, length: usize) {
        if self.length < length {
            *self = Buffer::zeros(length);
        }
    }
}

impl Deref for Buffer {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        // SAFETY: `Line` is `repr(C)` of sixteen floats without padding, and `length` is at most sixteen a line.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.length) }
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: as above; the borrow is exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.length) }
    }
}
