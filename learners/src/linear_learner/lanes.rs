//! Eight or sixteen float32 at once: one lane a model.
//!
//! All models of the pack see the same row, so vectors run across models: one feature is broadcast, its weights
//! of all models lie side by side. Every loop is written once over [`Lanes`] and compiled three times: with AVX-512, with
//! AVX2 and FMA, and in plain Rust. Which one runs is chosen at run time; tests hold them equal within a bound.

/// Which instructions the machine has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    Plain,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Level {
    /// The best that this machine has.
    pub(super) fn detect() -> Level {
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("fma") {
                return Level::Avx512;
            }
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                return Level::Avx2;
            }
        }
        Level::Plain
    }

    /// Lanes of one vector; packs of models are padded to it.
    pub(super) fn lanes(self) -> usize {
        match self {
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => 16,
            _ => 8,
        }
    }

    /// All that this machine has: for tests and benches.
    #[cfg(test)]
    pub(super) fn all() -> Vec<Level> {
        #[cfg(target_arch = "x86_64")]
        {
            match Level::detect() {
                Level::Avx512 => vec![Level::Plain, Level::Avx2, Level::Avx512],
                Level::Avx2 => vec![Level::Plain, Level::Avx2],
                Level::Plain => vec![Level::Plain],
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        vec![Level::Plain]
    }
}

/// A vector of float32, one lane a model.
///
/// # Safety
/// The methods of an implementation may be called only where its instructions are there; `load` and `store` need
/// `N` floats at the pointer.
pub(super) unsafe trait Lanes: Copy {
    /// How many lanes.
    const N: usize;
    unsafe fn splat(value: f32) -> Self;
    unsafe fn load(from: *const f32) -> Self;
    unsafe fn store(self, to: *mut f32);
    unsafe fn add(self, other: Self) -> Self;
    unsafe fn sub(self, other: Self) -> Self;
    unsafe fn mul(self, other: Self) -> Self;
    unsafe fn div(self, other: Self) -> Self;
    unsafe fn max(self, other: Self) -> Self;
    unsafe fn min(self, other: Self) -> Self;
    unsafe fn sqrt(self) -> Self;
    unsafe fn abs(self) -> Self;
    /// `self × times + plus`.
    unsafe fn mul_add(self, times: Self, plus: Self) -> Self;
    /// In each lane `yes` where `self > other`, else `no`.
    unsafe fn if_greater(self, other: Self, yes: Self, no: Self) -> Self;
    /// 2 to the power of a whole number between −126 and 127.
    unsafe fn power_of_two(self) -> Self;
    /// To the nearest whole number.
    unsafe fn round(self) -> Self;
}

/// Plain Rust, eight lanes that the compiler makes of what the target has.
#[derive(Clone, Copy)]
pub(super) struct Plain([f32; 8]);

impl Plain {
    #[inline(always)]
    fn map(self, each: impl Fn(f32) -> f32) -> Self {
        Plain(self.0.map(each))
    }

    #[inline(always)]
    fn zip(self, other: Self, each: impl Fn(f32, f32) -> f32) -> Self {
        Plain(std::array::from_fn(|lane| each(self.0[lane], other.0[lane])))
    }
}

// SAFETY: plain Rust runs anywhere; `load` and `store` touch exactly eight floats.
unsafe impl Lanes for Plain {
    const N: usize = 8;
    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        Plain([value; 8])
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller gives eight floats.
        Plain(unsafe { from.cast::<[f32; 8]>().read_unaligned() })
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller gives room for eight floats.
        unsafe { to.cast::<[f32; 8]>().write_unaligned(self.0) }
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        self.zip(other, |one, other| one + other)
    }
    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        self.zip(other, |one, other| one - other)
    }
    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        self.zip(other, |one, other| one * other)
    }
    #[inline(always)]
    unsafe fn div(self, other: Self) -> Self {
        self.zip(other, |one, other| one / other)
    }
    // As the instructions do it: the second where one is NaN.
    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        self.zip(other, |one, other| if one > other { one } else { other })
    }
    #[inline(always)]
    unsafe fn min(self, other: Self) -> Self {
        self.zip(other, |one, other| if one < other { one } else { other })
    }
    #[inline(always)]
    unsafe fn sqrt(self) -> Self {
        self.map(f32::sqrt)
    }
    #[inline(always)]
    unsafe fn abs(self) -> Self {
        self.map(f32::abs)
    }
    // f32::mul_add would be a call where there is no such instruction.
    #[inline(always)]
    unsafe fn mul_add(self, times: Self, plus: Self) -> Self {
        Plain(std::array::from_fn(|lane| self.0[lane] * times.0[lane] + plus.0[lane]))
    }
    #[inline(always)]
    unsafe fn if_greater(self, other: Self, yes: Self, no: Self) -> Self {
        Plain(std::array::from_fn(|lane| {
            if self.0[lane] > other.0[lane] {
                yes.0[lane]
            } else {
                no.0[lane]
            }
        }))
    }
    #[inline(always)]
    unsafe fn power_of_two(self) -> Self {
        self.map(|exponent| f32::from_bits(((exponent as i32 + 127) as u32) << 23))
    }
    #[inline(always)]
    unsafe fn round(self) -> Self {
        // Adding and taking away 1.5 × 2^23 rounds in the register, to even as the instructions do.
        self.map(|value| (value + 12_582_912.0) - 12_582_912.0)
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::Lanes;
    use std::arch::x86_64::*;

    /// AVX2 and FMA.
    #[derive(Clone, Copy)]
    pub(in super::super) struct Avx2(__m256);

    macro_rules! wrap {
        ($(fn $name:ident($($argument:ident),*) = $instruction:expr;)*) => {
            $(#[inline(always)]
            unsafe fn $name(self $(, $argument: Self)*) -> Self {
                // SAFETY: the caller made sure that the instructions are there.
                Self(unsafe { ($instruction)(self.0 $(, $argument.0)*) })
            })*
        };
    }

    // SAFETY: each method is one or two instructions of AVX2 or FMA; `load` and `store` touch exactly eight floats.
    unsafe impl Lanes for Avx2 {
        const N: usize = 8;
        #[inline(always)]
        unsafe fn splat(value: f32) -> Self {
            // SAFETY: the caller made sure that the instructions are there; so below.
            Self(unsafe { _mm256_set1_ps(value) })
        }
        #[inline(always)]
        unsafe fn load(from: *const f32) -> Self {
            // SAFETY: and gives eight floats.
            Self(unsafe { _mm256_loadu_ps(from) })
        }
        #[inline(always)]
        unsafe fn store(self, to: *mut f32) {
            // SAFETY: and gives room for eight floats.
            unsafe { _mm256_storeu_ps(to, self.0) }
        }
        wrap! {
            fn add(other) = |a, b| _mm256_add_ps(a, b);
            fn sub(other) = |a, b| _mm256_sub_ps(a, b);
            fn mul(other) = |a, b| _mm256_mul_ps(a, b);
            fn div(other) = |a, b| _mm256_div_ps(a, b);
            fn max(other) = |a, b| _mm256_max_ps(a, b);
            fn min(other) = |a, b| _mm256_min_ps(a, b);
            fn sqrt() = |a| _mm256_sqrt_ps(a);
            fn abs() = |a| _mm256_andnot_ps(_mm256_set1_ps(-0.0), a);
            fn mul_add(times, plus) = |a, b, c| _mm256_fmadd_ps(a, b, c);
            fn if_greater(other, yes, no) = |a, b, yes, no| _mm256_blendv_ps(no, yes, _mm256_cmp_ps::<_CMP_GT_OQ>(a, b));
            fn power_of_two() = |a| _mm256_castsi256_ps(_mm256_slli_epi32::<23>(_mm256_add_epi32(
                _mm256_cvtps_epi32(a), _mm256_set1_epi32(127))));
            fn round() = |a| _mm256_round_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(a);
        }
    }

    /// AVX-512F.
    #[derive(Clone, Copy)]
    pub(in super::super) struct Avx512(__m512);

    // SAFETY: each method is one or two instructions of AVX-512F; `load` and `store` touch exactly sixteen floats.
    unsafe impl Lanes for Avx512 {
        const N: usize = 16;
        #[inline(always)]
        unsafe fn splat(value: f32) -> Self {
            // SAFETY: the caller made sure that the instructions are there; so below.
            Self(unsafe { _mm512_set1_ps(value) })
        }
        #[inline(always)]
        unsafe fn load(from: *const f32) -> Self {
            // SAFETY: and gives sixteen floats.
            Self(unsafe { _mm512_loadu_ps(from) })
        }
        #[inline(always)]
        unsafe fn store(self, to: *mut f32) {
            // SAFETY: and gives room for sixteen floats.
            unsafe { _mm512_storeu_ps(to, self.0) }
        }
        wrap! {
            fn add(other) = |a, b| _mm512_add_ps(a, b);
            fn sub(other) = |a, b| _mm512_sub_ps(a, b);
            fn mul(other) = |a, b| _mm512_mul_ps(a, b);
            fn div(other) = |a, b| _mm512_div_ps(a, b);
            fn max(other) = |a, b| _mm512_max_ps(a, b);
            fn min(other) = |a, b| _mm512_min_ps(a, b);
            fn sqrt() = |a| _mm512_sqrt_ps(a);
            fn abs() = |a| _mm512_abs_ps(a);
            fn mul_add(times, plus) = |a, b, c| _mm512_fmadd_ps(a, b, c);
            fn if_greater(other, yes, no) = |a, b, yes, no| _mm512_mask_blend_ps(_mm512_cmp_ps_mask::<_CMP_GT_OQ>(a, b), no, yes);
            fn power_of_two() = |a| _mm512_castsi512_ps(_mm512_slli_epi32::<23>(_mm512_add_epi32(
                _mm512_cvtps_epi32(a), _mm512_set1_epi32(127))));
            fn round() = |a| _mm512_roundscale_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(a);
        }
    }
}

#[cfg(target_arch = "x86_64")]
pub(super) use x86::{Avx2, Avx512};

/// Makes `fn name(level, …)` of `fn body::<impl Lanes>(…)`: the body compiled for each level, chosen by the first argument.
macro_rules! each_level {
    ($(#[$doc:meta])* pub(super) fn $name:ident($($argument:ident: $type:ty),* $(,)?) = $body:ident) => {
        $(#[$doc])*
        #[allow(clippy::too_many_arguments, reason = "a loop's operands")]
        pub(super) fn $name(level: $crate::linear_learner::lanes::Level, $($argument: $type),*) {
            #[cfg(target_arch = "x86_64")]
            {
                use $crate::linear_learner::lanes::{Avx2, Avx512, Level};
                #[target_feature(enable = "avx2,fma")]
                fn avx2($($argument: $type),*) {
                    $body::<Avx2>($($argument),*);
                }
                #[target_feature(enable = "avx512f,avx2,fma")]
                fn avx512($($argument: $type),*) {
                    $body::<Avx512>($($argument),*);
                }
                match level {
                    // SAFETY: a level is one that `Level::detect` found on this machine.
                    Level::Avx512 => return unsafe { avx512($($argument),*) },
                    // SAFETY: likewise.
                    Level::Avx2 => return unsafe { avx2($($argument),*) },
                    Level::Plain => {}
                }
            }
            let _ = level;
            $body::<$crate::linear_learner::lanes::Plain>($($argument),*);
        }
    };
}
pub(super) use each_level;

/// e to the power of `x`, for `x ≤ 0`: Cephes' polynomial, 2 units in the last place; 0 far below.
///
/// # Safety
/// The instructions of `L` must be there.
#[inline(always)]
pub(super) unsafe fn exp_of_negative<L: Lanes>(x: L) -> L {
    // SAFETY: passed on to the caller.
    unsafe {
        // In this order NaN stays NaN.
        let x = L::splat(-87.0).max(x);
        let whole = x.mul(L::splat(std::f32::consts::LOG2_E)).round();
        let x = whole.mul_add(L::splat(-0.693_359_4), x);
        let x = whole.mul_add(L::splat(2.121_944_4e-4), x);
        let mut sum = L::splat(1.987_569_1e-4);
        for term in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 0.166_666_65, 0.5] {
            sum = sum.mul_add(x, L::splat(term));
        }
        let series = sum.mul_add(x.mul(x), x.add(L::splat(1.0)));
        series.mul(whole.power_of_two())
    }
}

/// The logarithm of `1 + t`, for `t` from 0 to 1: 2 atanh(t / (2 + t)) as a series, exact to float32.
///
/// # Safety
/// The instructions of `L` must be there.
#[inline(always)]
pub(super) unsafe fn log_of_one_plus<L: Lanes>(t: L) -> L {
    // SAFETY: passed on to the caller.
    unsafe {
        let s = t.div(t.add(L::splat(2.0)));
        let square = s.mul(s);
        let mut sum = L::splat(2.0 / 15.0);
        for term in [2.0 / 13.0, 2.0 / 11.0, 2.0 / 9.0, 2.0 / 7.0, 2.0 / 5.0, 2.0 / 3.0, 2.0] {
            sum = sum.mul_add(square, L::splat(term));
        }
        sum.mul(s)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn both_body<L: Lanes>(from: &[f32], exp: &mut [f32], log: &mut [f32]) {
        for at in (0..from.len()).step_by(L::N) {
            // SAFETY: the slices are multiples of 16 long.
            unsafe {
                let x = L::load(from[at..].as_ptr());
                let t = exp_of_negative(x);
                t.store(exp[at..].as_mut_ptr());
                log_of_one_plus(t).store(log[at..].as_mut_ptr());
            }
        }
    }
    each_level!(pub(super) fn both(from: &[f32], exp: &mut [f32], log: &mut [f32]) = both_body);

    #[test]
    fn exp_and_log_are_float32s() {
        let x: Vec<f32> = (0..1600).map(|at| -(at as f32) * 0.05).collect();
        for level in Level::all() {
            let (mut exp, mut log) = (vec![0.0; x.len()], vec![0.0; x.len()]);
            both(level, &x, &mut exp, &mut log);
            for ((&x, &exp), &log) in x.iter().zip(&exp).zip(&log) {
                let truth = f64::from(x).exp();
                assert!((f64::from(exp) / truth - 1.0).abs() < 3e-7, "{level:?} exp {x}");
                let truth = f64::from(exp).ln_1p();
                assert!((f64::from(log) / truth - 1.0).abs() < 3e-7, "{level:?} log {x}");
            }
        }
    }
}
