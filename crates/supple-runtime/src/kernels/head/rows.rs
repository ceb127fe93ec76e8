//! Support features as they are cached.

/// Feature vectors of many samples, `[samples][length]`.
#[derive(Debug, Clone, Copy)]
pub enum Rows<'a> {
    /// As they are.
    F32 {
        /// `[samples][length]`.
        values: &'a [f32],
        /// Length of a feature vector, at least 1.
        length: usize,
    },
    /// A value `q` of sample `n` stands for `scales[n] · q`, rounded to `f32`.
    I8 {
        /// `[samples][length]`.
        values: &'a [i8],
        /// `[samples]`.
        scales: &'a [f32],
        /// Length of a feature vector, at least 1.
        length: usize,
        /// That there is code for them.
        built: Int8,
    },
}

/// There is one only where the crate is built with `cache-int8`: in other builds the compiler knows that no features are
/// `i8`, and drops what would read them.
#[cfg(feature = "cache-int8")]
#[derive(Debug, Clone, Copy)]
pub struct Int8(());

/// There is none: the crate is built without `cache-int8`.
#[cfg(not(feature = "cache-int8"))]
#[derive(Debug, Clone, Copy)]
pub enum Int8 {}

impl Int8 {
    /// One, where there is one.
    pub const fn built() -> Option<Self> {
        #[cfg(feature = "cache-int8")]
        let built = Some(Self(()));
        #[cfg(not(feature = "cache-int8"))]
        let built = None;
        built
    }
}

impl Rows<'_> {
    /// Length of a feature vector.
    pub fn length(&self) -> usize {
        match self {
            Self::F32 { length, .. } | Self::I8 { length, .. } => *length,
        }
    }

    /// Number of samples.
    pub fn samples(&self) -> usize {
        match self {
            Self::F32 { values, length } => values.len() / (*length).max(1),
            Self::I8 { values, length, .. } => values.len() / (*length).max(1),
        }
    }

    /// An element.
    #[inline]
    pub fn at(&self, sample: usize, index: usize) -> f32 {
        match self {
            Self::F32 { values, length } => values.get(sample * length + index).copied().unwrap_or(0.0),
            Self::I8 { values, scales, length, .. } => {
                let value = values.get(sample * length + index).copied().unwrap_or(0);
                scales.get(sample).copied().unwrap_or(0.0) * f32::from(value)
            }
        }
    }
}
