//! What a running pack has learned, as a snapshot and back.

use bytemuck::{cast_slice, cast_slice_mut};
use supple_link::DeviceError;
use supple_pack::{HeadTask, TrunkHash};
use supple_runtime::kernels::head::rows::Rows;
use supple_runtime::{CacheMut, Learner, Trunk};
use supple_store::snapshot::{Entry, Header, Numbers, NumbersMut, Reader, SnapshotError, Source, write_head};

use crate::running::Running;

/// What of a snapshot can be restored.
pub struct Fit {
    header: Header,
    /// The only head to restore, if it is not all.
    only: Option<u16>,
    /// Whether the support samples have a place.
    support: bool,
}

impl<T: Trunk> Running<'_, T> {
    /// The header of a snapshot. There must be a head that has begun, and no number of one that is not finite.
    pub fn header(&self, support: bool) -> Result<Header, DeviceError> {
        let mut heads = 0;
        for (head, learner) in
            self.heads.iter().flatten().enumerate().filter(|(_, learner)| learner.way() > 0)
        {
            let kept = learner.kept();
            let mut numbers = kept.parameters.iter().chain(&kept.velocity).copied().flatten();
            if !numbers.all(|number| number.is_finite()) {
                return Err(DeviceError::HeadNotFinite { head: head as u16 });
            }
            heads += 1;
        }
        if heads == 0 {
            return Err(DeviceError::NotBegun);
        }
        let facts = self.facts();
        Ok(Header {
            heads,
            trunk: TrunkHash(facts.trunk),
            features: facts.features as u16,
            samples: if support { self.support.samples() as u16 } else { 0 },
            cache: self.support.element(),
        })
    }

    /// Bytes of the whole snapshot.
    pub fn snapshot_bytes(&self, header: &Header) -> u64 {
        let heads: u64 = self.entries().map(|(_, entry)| entry.bytes(header)).sum();
        header.to_bytes().len() as u64 + heads + header.support_bytes()
    }

    /// Writes the snapshot; `write` takes all bytes in order.
    pub fn write<E>(&self, header: &Header, write: &mut impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        write(&header.to_bytes())?;
        for (learner, entry) in self.entries() {
            let kept = learner.kept();
            let numbers = Numbers {
                rows: kept.rows,
                parameters: kept.parameters,
                velocity: kept.velocity,
                labels: kept.labels,
                targets: kept.targets,
            };
            write_head(header, &entry, &numbers, &mut *write)?;
        }
        if header.samples == 0 {
            return Ok(());
        }
        match self.support.rows() {
            Rows::F32 { values, .. } => write(cast_slice(values)),
            Rows::I8 { values, scales, .. } => {
                write(cast_slice(scales.get(..header.samples.into()).unwrap_or(scales)))?;
                write(cast_slice(values))
            }
        }
    }

    /// The heads that have begun, with what a snapshot says about them.
    fn entries(&self) -> impl Iterator<Item = (&Learner<'_, '_>, Entry)> {
        let heads = self.heads.iter().flatten().zip(self.specs());
        heads.filter(|(learner, _)| learner.way() > 0).map(|(learner, spec)| {
            let entry = Entry {
                name: spec.name,
                numbers: spec.task == HeadTask::Numbers,
                velocity: spec.momentum > 0.0,
                hidden: spec.hidden,
                way: learner.way() as u16,
                steps: u32::try_from(learner.steps()).unwrap_or(u32::MAX),
            };
            (learner, entry)
        })
    }

    /// Reads all of a snapshot and says what of it can be restored; nothing has changed.
    #[inline(never)]
    pub fn check<S: Source>(
        &self,
        reader: &mut Reader<S>,
        only: Option<u16>,
        refusal: impl Fn(SnapshotError) -> DeviceError,
    ) -> Result<Fit, DeviceError> {
        let header = reader.header().map_err(&refusal)?;
        let facts = self.facts();
        if header.trunk != TrunkHash(facts.trunk) {
            return Err(DeviceError::OtherTrunk);
        }
        if u32::from(header.features) != facts.features {
            return Err(refusal(SnapshotError::Content("the features")));
        }
        let mut found = 0_u32;
        for _ in 0..header.heads {
            let entry = reader.entry().map_err(&refusal)?;
            let Some((index, learner)) = self.place(&entry) else {
                reader.skip_head(&header, &entry).map_err(&refusal)?;
                continue;
            };
            if found & 1 << index != 0 {
                return Err(refusal(SnapshotError::Content("a head that is there twice")));
            }
            found |= 1 << index;
            let way = usize::from(entry.way);
            let (row, label) = (|row| learner.takes_row(row), |label| learner.takes_label(label, way));
            reader.check_head(&header, &entry, row, label).map_err(&refusal)?;
        }
        let checked = reader.check_support(&header).and_then(|()| reader.end());
        checked.map_err(&refusal)?;
        let heads = facts.heads;
        match only {
            Some(head) if head >= heads => return Err(DeviceError::HeadOutOfRange { head, heads }),
            Some(head) if found >> head & 1 == 0 => return Err(DeviceError::OtherHead { head }),
            None if found == 0 => return Err(DeviceError::OtherHead { head: 0 }),
            _ => {}
        }
        let support = only.is_none()
            && header.cache == self.support.element()
            && (1..=facts.max_support).contains(&header.samples);
        Ok(Fit { header, only, support })
    }

    /// Restores from a snapshot that was checked. If the flash fails now, the heads have not begun.
    #[inline(never)]
    pub fn load<S: Source>(&mut self, reader: &mut Reader<S>, fit: &Fit) -> Result<(), SnapshotError> {
        self.end(fit);
        let loaded = self.load_all(reader, fit);
        if loaded.is_err() {
            self.end(fit);
        }
        loaded
    }

    /// What is to be restored is as before it began.
    fn end(&mut self, fit: &Fit) {
        for (index, learner) in self.heads.iter_mut().flatten().enumerate() {
            if fit.only.is_none_or(|only| usize::from(only) == index) {
                learner.end();
            }
        }
        if fit.only.is_none() {
            self.support.clear();
        }
        self.has_begun();
    }

    fn load_all<S: Source>(&mut self, reader: &mut Reader<S>, fit: &Fit) -> Result<(), SnapshotError> {
        let header = reader.header()?;
        for _ in 0..header.heads {
            let entry = reader.entry()?;
            let index = self.place(&entry).map(|(index, _)| index);
            let index = index.filter(|index| fit.only.is_none_or(|only| usize::from(only) == *index));
            let learner = index.and_then(|index| self.heads.get_mut(index)?.as_mut());
            let Some(learner) = learner else {
                reader.skip_head(&header, &entry)?;
                continue;
            };
            let broken = SnapshotError::Content("a head");
            let places = learner.put_back(entry.way.into(), entry.steps as usize).map_err(|_| broken)?;
            let numbers =
                NumbersMut { rows: places.rows, parameters: places.parameters, velocity: places.velocity };
            reader.read_head(numbers)?;
            if fit.support {
                reader.read_labels(&header, &entry, places.labels, places.targets)?;
            } else {
                reader.skip_labels(&header, &entry)?;
            }
        }
        if !fit.support {
            return Ok(());
        }
        let places = self.support.put_back(fit.header.samples.into());
        match places.map_err(|_| SnapshotError::Content("the samples"))? {
            CacheMut::F32(values) => reader.bytes(cast_slice_mut(values)),
            CacheMut::I8 { values, scales } => {
                reader.bytes(cast_slice_mut(scales))?;
                reader.bytes(cast_slice_mut(values))
            }
        }
    }

    /// The head of the pack that has this one's name and shape, and its number.
    fn place(&self, entry: &Entry) -> Option<(usize, &Learner<'_, '_>)> {
        let mut heads = self.heads.iter().flatten().zip(self.specs()).enumerate();
        let (index, (learner, spec)) = heads.find(|(_, (_, spec))| spec.name == entry.name)?;
        let fits = entry.numbers == (spec.task == HeadTask::Numbers)
            && entry.velocity == (spec.momentum > 0.0)
            && entry.hidden == spec.hidden
            && learner.takes_way(entry.way.into());
        fits.then_some((index, learner))
    }
}
