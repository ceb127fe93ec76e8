//! Features of support samples, shared by all heads of a pack.

use supple_pack::{Element, HeadSpec};

use super::CacheError;
use crate::kernels::head::rows::{Int8, Rows};
use crate::memory::MemoryNeed;

/// The features of support samples, computed once by the trunk, and the work space of a step. All heads of a pack
/// share it; what a sample is to a head is for the head's labels to say.
#[derive(Debug)]
pub struct SupportCache<'m> {
    pub(super) features: usize,
    pub(super) max_support: usize,
    pub(super) samples: usize,
    pub(super) kept: Kept<'m>,
    pub(super) work: &'m mut [f32],
}

/// Feature vectors, `[max_support][features]`.
#[derive(Debug)]
pub(super) enum Kept<'m> {
    F32(&'m mut [f32]),
    /// With a scale for each sample.
    I8(&'m mut [i8], &'m mut [f32], Int8),
}

impl<'m> SupportCache<'m> {
    /// An empty cache for a head and all others of its pack.
    ///
    /// `words` are [`MemoryNeed::support`] of them; what is more than the features take is work space.
    pub fn new(spec: &HeadSpec, words: &'m mut [f32]) -> Result<Self, CacheError> {
        let need = MemoryNeed::of_head(spec);
        let too_small = CacheError::MemoryTooSmall { needed: need.cache + need.work, given: words.len() };
        let max_support = usize::from(spec.max_support);
        let (cache, work) = words.split_at_mut_checked(need.cache).ok_or(too_small)?;
        if work.len() < need.work {
            return Err(too_small);
        }
        let kept = match spec.cache {
            Element::F32 => Kept::F32(cache),
            Element::I8 => {
                let built = Int8::built().ok_or(CacheError::NotBuilt { feature: "cache-int8" })?;
                let (scales, values) = cache.split_at_mut_checked(max_support).ok_or(too_small)?;
                Kept::I8(bytemuck::try_cast_slice_mut(values).map_err(|_| too_small)?, scales, built)
            }
        };
        Ok(Self { features: spec.features.into(), max_support, samples: 0, kept, work })
    }

    /// Forgets all samples. The heads' labels do not know: clear them too, with
    /// [`Learner::clear_labels`](super::Learner::clear_labels).
    pub fn clear(&mut self) {
        self.samples = 0;
    }

    /// Caches a sample's feature vector; its number, counted from 0.
    ///
    /// As `i8`, a sample has the scale `largest |x| / 127` (the next smaller number where 127 times that is infinite), and `x` becomes the integer part of `x / scale + 0.5`, or
    /// of `x / scale − 0.5` where `x` is below zero, held within ±127. Where the scale is 0, so is every value. It
    /// stands for `scale · value`.
    pub fn push(&mut self, feature: &[f32]) -> Result<usize, CacheError> {
        if feature.len() != self.features {
            return Err(CacheError::FeatureLength { expected: self.features, got: feature.len() });
        }
        self.push_all(feature)
    }

    /// Caches several samples, or none where one is refused; the number of the first. The bits are those of samples
    /// cached one at a time.
    ///
    /// # Shapes
    /// `features` `[samples][features]`.
    pub fn push_all(&mut self, features: &[f32]) -> Result<usize, CacheError> {
        let length = self.features.max(1);
        let rows = features.chunks_exact(length);
        if !rows.remainder().is_empty() {
            return Err(CacheError::FeatureLength { expected: self.features, got: rows.remainder().len() });
        }
        if rows.len() > self.max_support.saturating_sub(self.samples) {
            return Err(CacheError::Full { max_support: self.max_support });
        }
        if let Some(index) = features.iter().position(|value| !value.is_finite()) {
            return Err(CacheError::NotFinite { index });
        }
        let first = self.samples;
        self.samples += rows.len();
        match &mut self.kept {
            Kept::F32(places) => {
                places
                    .iter_mut()
                    .skip(first * length)
                    .zip(features)
                    .for_each(|(place, value)| *place = *value);
            }
            Kept::I8(places, scales, _) => {
                let places = places.chunks_exact_mut(length).zip(scales.iter_mut()).skip(first);
                for ((places, scale), row) in places.zip(rows) {
                    *scale = quantise(row, places);
                }
            }
        }
        Ok(first)
    }

    /// The number of samples cached.
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// The cached features.
    pub fn rows(&self) -> Rows<'_> {
        rows(&self.kept, self.samples, self.features)
    }

    /// The cached features, and the work space.
    pub(super) fn parts(&mut self) -> (Rows<'_>, &mut [f32]) {
        (rows(&self.kept, self.samples, self.features), self.work)
    }

    /// Whether it caches what such a head takes.
    pub(super) fn fits(&self, features: usize, max_support: usize) -> bool {
        self.features == features && self.max_support == max_support
    }
}

fn rows<'a>(kept: &'a Kept, samples: usize, length: usize) -> Rows<'a> {
    let end = samples * length;
    match kept {
        Kept::F32(values) => Rows::F32 { values: values.get(..end).unwrap_or_default(), length },
        Kept::I8(values, scales, built) => {
            Rows::I8 { values: values.get(..end).unwrap_or_default(), scales, length, built: *built }
        }
    }
}

/// A sample in `i8`; its scale.
fn quantise(row: &[f32], places: &mut [i8]) -> f32 {
    let largest = row.iter().fold(0.0, |largest: f32, value| {
        let size = value.abs();
        if size > largest { size } else { largest }
    });
    let mut scale = largest / 127.0;
    if !(127.0 * scale).is_finite() {
        // Rounded up, for the very largest numbers alone: what is cached must be finite too.
        scale = f32::from_bits(scale.to_bits().wrapping_sub(1));
    }
    for (place, &value) in places.iter_mut().zip(row) {
        let steps = value / scale;
        let rounded = if value < 0.0 { steps - 0.5 } else { steps + 0.5 };
        // The conversion cuts what is behind the point, and holds what is too large within the range.
        *place = if scale > 0.0 { (rounded as i8).max(-127) } else { 0 };
    }
    scale
}
