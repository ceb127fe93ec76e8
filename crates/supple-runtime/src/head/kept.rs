//! What a head and the support cache have learned, lent out to be kept elsewhere, and places to put it back.
//!
//! A head that is put back into the same pack goes on with the same bits as if it had never been away.

use supple_pack::{Element, Start};

use super::cache::Kept as Cached;
use super::labels::{HELD_BACK, NONE};
use super::{AdaptError, CacheError, Learner, PLACED, ROW, SupportCache, WAITING};

/// What a head has learned.
#[derive(Debug, Clone, Copy)]
pub struct Kept<'a> {
    /// Classes, or numbers.
    pub way: usize,
    /// Steps taken since the start.
    pub steps: usize,
    /// `[way]`: the row of the learned start that each class began from, and in the two highest bits whether it waits
    /// for its prototype, and whether the last adaptation has placed it.
    pub rows: &'a [u16],
    /// All numbers in use, layer after layer: weights, biases.
    pub parameters: [&'a [f32]; 4],
    /// Shaped as the parameters; all empty where steps have no momentum.
    pub velocity: [&'a [f32]; 4],
    /// `[max_support]`: the samples' classes, with the highest bit set where one is held back; 0xffff without label.
    pub labels: &'a [u16],
    /// `[max_support][way]`, where the head predicts numbers. Those of samples without label are undefined.
    pub targets: &'a [f32],
}

/// Where to put it back: the same parts.
#[derive(Debug)]
pub struct KeptMut<'a> {
    /// `[way]`.
    pub rows: &'a mut [u16],
    /// Layer after layer: weights, biases.
    pub parameters: [&'a mut [f32]; 4],
    /// Shaped as the parameters; all empty where steps have no momentum.
    pub velocity: [&'a mut [f32]; 4],
    /// `[max_support]`.
    pub labels: &'a mut [u16],
    /// `[max_support][way]`, where the head predicts numbers.
    pub targets: &'a mut [f32],
}

/// Places of cached features.
#[derive(Debug)]
pub enum CacheMut<'a> {
    /// `[samples][features]`.
    F32(&'a mut [f32]),
    /// A value `q` of sample `n` stands for `scales[n] · q`.
    I8 {
        /// `[samples][features]`, each -127 to 127.
        values: &'a mut [i8],
        /// `[samples]`, each such that `127 · scale` is finite and not below zero.
        scales: &'a mut [f32],
    },
}

impl Learner<'_, '_> {
    /// What it has learned; nothing, with a way of 0, before it has begun.
    pub fn kept(&self) -> Kept<'_> {
        Kept {
            way: self.way,
            steps: self.steps,
            rows: self.rows.get(..self.way).unwrap_or_default(),
            parameters: self.parameters(),
            velocity: self.layout.parts(self.velocity, self.way),
            labels: self.labels,
            targets: self.targets,
        }
    }

    /// Whether [`put_back`](Self::put_back) takes so many classes, or numbers.
    pub fn takes_way(&self, way: usize) -> bool {
        let least = if self.predicts_numbers() { self.layout.capacity } else { 1 };
        (least..=self.layout.capacity).contains(&way)
    }

    /// Whether [`Kept::rows`] may hold this.
    pub fn takes_row(&self, row: u16) -> bool {
        let marks = row & (WAITING | PLACED);
        let marked = match self.start {
            Start::Learned => marks == 0,
            Start::Prototypes { .. } => marks != WAITING | PLACED,
        };
        marked && usize::from(row & ROW) < self.layout.capacity
    }

    /// Whether [`Kept::labels`] may hold this with so many classes, or numbers.
    pub fn takes_label(&self, label: u16, way: usize) -> bool {
        let classes = if self.predicts_numbers() { 1 } else { way };
        label == NONE || usize::from(label & !HELD_BACK) < classes
    }

    /// Sets way and steps, takes the labels off all samples, and gives the places of all else, which must then be filled
    /// with what [`kept`](Self::kept) once gave: finite numbers, rows and labels that are taken. Labels may stay as they
    /// are.
    ///
    /// # Errors
    /// [`AdaptError::WayOutOfRange`] where [`takes_way`](Self::takes_way) says no; nothing has changed then.
    pub fn put_back(&mut self, way: usize, steps: usize) -> Result<KeptMut<'_>, AdaptError> {
        if !self.takes_way(way) {
            return Err(AdaptError::WayOutOfRange { way, capacity: self.layout.capacity });
        }
        self.clear_labels();
        (self.way, self.steps) = (way, steps);
        Ok(KeptMut {
            rows: self.rows.get_mut(..way).unwrap_or_default(),
            parameters: self.layout.parts_mut(self.parameters, way),
            velocity: self.layout.parts_mut(self.velocity, way),
            labels: self.labels,
            targets: self.targets,
        })
    }

    /// Sets it to what it is before it has begun.
    pub fn end(&mut self) {
        self.way = 0;
        self.clear_labels();
    }
}

impl SupportCache<'_> {
    /// How features are cached.
    pub fn element(&self) -> Element {
        match self.kept {
            Cached::F32(_) => Element::F32,
            Cached::I8(..) => Element::I8,
        }
    }

    /// Forgets all samples and gives the places of so many, which must then be filled with finite numbers that once were
    /// [`rows`](Self::rows). The heads' labels do not know: set them too.
    ///
    /// # Errors
    /// [`CacheError::Full`] where there is no room for as many; nothing has changed then.
    pub fn put_back(&mut self, samples: usize) -> Result<CacheMut<'_>, CacheError> {
        if samples > self.max_support {
            return Err(CacheError::Full { max_support: self.max_support });
        }
        self.samples = samples;
        let length = samples * self.features;
        Ok(match &mut self.kept {
            Cached::F32(values) => CacheMut::F32(values.get_mut(..length).unwrap_or_default()),
            Cached::I8(values, scales, _) => CacheMut::I8 {
                values: values.get_mut(..length).unwrap_or_default(),
                scales: scales.get_mut(..samples).unwrap_or_default(),
            },
        })
    }
}
