//! The device's arithmetic on the host.

use supple_pack::{AlignedBytes, Pack};
use supple_runtime::{Adaptation, HeadMemory, Label, Learner, MemoryNeed, PlanTrunk, SupportCache, Use};

use super::episode::{Device, Outcome};

/// A pack's trunk and all its heads, in memory that is never given back.
pub struct Twin {
    trunk: PlanTrunk<'static, 'static>,
    cache: SupportCache<'static>,
    heads: Vec<Learner<'static, 'static>>,
    selected: usize,
}

fn floats(count: usize) -> &'static mut [f32] {
    vec![0.0; count].leak()
}

impl Twin {
    pub fn new(bytes: &[u8]) -> Self {
        let bytes: &'static AlignedBytes = Box::leak(Box::new(AlignedBytes::copy_of(bytes)));
        let pack = Pack::parse(bytes).expect("a sound pack");
        let trunk = PlanTrunk::new(&pack, floats(pack.trunk().arena as usize)).expect("it fits");
        let need = MemoryNeed::of(&pack);
        let first = pack.heads().next().expect("a head");
        let cache = SupportCache::new(&first.spec, floats(need.support())).expect("it fits");
        let heads = pack.heads().map(|head| {
            let need = MemoryNeed::of_head(&head.spec);
            let memory = HeadMemory { floats: floats(need.learner()), labels: vec![0; need.labels].leak() };
            Learner::new(head, memory).expect("it fits")
        });
        Self { trunk, cache, heads: heads.collect(), selected: 0 }
    }

    fn head(&mut self) -> &mut Learner<'static, 'static> {
        &mut self.heads[self.selected]
    }
}

impl Device for Twin {
    fn select(&mut self, head: usize) {
        self.selected = head;
    }

    fn begin(&mut self, way: usize) {
        self.head().begin(way).expect("classes");
    }

    fn clear(&mut self) {
        self.cache.clear();
    }

    fn sample(&mut self, input: &[f32]) -> Vec<f32> {
        self.trunk.input_mut().copy_from_slice(input);
        let feature = self.trunk.run().expect("it runs").to_vec();
        self.cache.push(&feature).expect("room");
        feature
    }

    fn label(&mut self, sample: usize, label: supple_link::host::Label, held_back: bool) {
        let label = match label {
            supple_link::host::Label::None => Label::None,
            supple_link::host::Label::Class(class) => Label::Class(class.into()),
            supple_link::host::Label::Numbers(numbers) => Label::Numbers(numbers),
        };
        let purpose = if held_back { Use::HeldBack } else { Use::Support };
        self.head().label(sample, label, purpose).expect("a label");
    }

    fn step(&mut self) {
        self.heads[self.selected].step(&mut self.cache).expect("a step");
    }

    fn adapt(&mut self, steps: usize) -> Outcome {
        match self.heads[self.selected].adapt(&mut self.cache, steps).expect("support") {
            Adaptation::Adapted { before, after } => (true, before.to_bits(), after.to_bits()),
            Adaptation::Refused { before, after } => (false, before.to_bits(), after.to_bits()),
        }
    }

    fn outputs(&mut self) -> Vec<f32> {
        let feature = self.trunk.feature().to_vec();
        self.head().outputs(&feature).expect("features").to_vec()
    }

    fn enrol(&mut self) -> usize {
        self.head().enrol().expect("room for a class")
    }

    fn forget(&mut self, class: usize) {
        self.head().forget(class).expect("a class");
    }

    fn numbers(&mut self) -> Vec<f32> {
        self.head().parameters().concat()
    }
}
