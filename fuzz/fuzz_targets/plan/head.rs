//! Heads, and what is done with them.

use arbitrary::{Result, Unstructured};
use supple_pack::head::{HeadTask, LabelMeaning, Start};
use supple_pack::{Element, HeadSpec, Pack, TrunkHash};
use supple_runtime::{Adaptation, HeadMemory, Label, Learner, MemoryNeed, SupportCache, Use};

use crate::generate::{WEIGHTS, heapless_name};
use crate::numbers;

/// Words that heads work in here; larger ones would only be slower.
const MEMORY: usize = 2048;
/// The most steps of one adaptation.
const STEPS: usize = 3;

/// At most so many; mostly sound.
pub fn arbitrary(
    u: &mut Unstructured,
    most: usize,
    features: u16,
    trunk: TrunkHash,
) -> Result<Vec<HeadSpec>> {
    let count = u.int_in_range(most.min(1)..=most)?;
    if count == 0 {
        return Ok(Vec::new());
    }
    let max_support = u.int_in_range(1..=4)?;
    let cache = if u.arbitrary()? { Element::F32 } else { Element::I8 };
    let mut heads = Vec::with_capacity(count);
    for index in 0..count {
        let task = match u.int_in_range(0..=2_u8)? {
            0 => HeadTask::Classes(LabelMeaning::Fresh),
            1 => HeadTask::Classes(LabelMeaning::Kept),
            _ => HeadTask::Numbers,
        };
        let prototypes = task != HeadTask::Numbers && u.arbitrary()?;
        let head = HeadSpec {
            name: heapless_name(["a", "b"][index]),
            trunk,
            data: [0; 16],
            features,
            hidden: u.int_in_range(0..=3)?,
            capacity: u.int_in_range(1..=4)?,
            max_support,
            cache,
            task,
            start: match prototypes {
                true => Start::Prototypes { temperature: f32::from(u.arbitrary::<u8>()?) / 16.0 + 0.01 },
                false => Start::Learned,
            },
            momentum: *u.choose(&[0.0, 0.0, 0.5, 0.999])?,
            parameters: 0,
            steps: u.int_in_range(1..=2)?,
            rates: 0,
        };
        let place = |u: &mut Unstructured, count: u64| {
            u.int_in_range(0..=(WEIGHTS as u32).saturating_sub(count.try_into().unwrap_or(u32::MAX)))
        };
        let parameters = place(u, head.parameter_count())?;
        let rates = place(u, head.rate_count())?;
        heads.push(HeadSpec { parameters, rates, ..head });
    }
    Ok(heads)
}

/// Heads at work on feature vectors; what they give is added to `seen`. `garbage` is what their memory holds at first,
/// which nobody may notice.
pub fn learn(
    pack: &Pack,
    features: &[f32],
    garbage: f32,
    u: &mut Unstructured,
    seen: &mut Vec<f32>,
) -> Result<()> {
    let need = MemoryNeed::of(pack);
    let Some(first) = pack.heads().next() else { return Ok(()) };
    if need.floats() > MEMORY || need.labels > MEMORY {
        return Ok(());
    }
    let (mut support, mut floats, mut labels) =
        ([garbage; MEMORY], [garbage; MEMORY], [garbage as u16; MEMORY]);
    let mut support =
        SupportCache::new(&first.spec, &mut support[..need.support()]).expect("as much as it needs");
    let (mut floats, mut labels) = (&mut floats[..need.learner()], &mut labels[..need.labels]);
    let mut heads = Vec::with_capacity(2);
    for head in pack.heads() {
        let need = MemoryNeed::of_head(&head.spec);
        let (own, rest) = floats.split_at_mut(need.learner());
        let (own_labels, rest_labels) = labels.split_at_mut(need.labels);
        (floats, labels) = (rest, rest_labels);
        let memory = HeadMemory { floats: own, labels: own_labels };
        heads.push(Learner::new(head, memory).expect("as much as it needs"));
    }
    for _ in 0..u.int_in_range(0..=8)? {
        let at = u.choose_index(heads.len())?;
        act(&mut heads[at], &mut support, features, u, seen)?;
    }
    Ok(())
}

/// One request to a head. Where it is refused, nothing has changed.
fn act(
    head: &mut Learner,
    support: &mut SupportCache,
    features: &[f32],
    u: &mut Unstructured,
    seen: &mut Vec<f32>,
) -> Result<()> {
    let before = fingerprint(head);
    let (way, steps) = (head.way(), head.steps());
    let refused = match u.int_in_range(0..=11_u8)? {
        0 => head.begin(u.int_in_range(0..=4)?).is_err(),
        1 => {
            let rows: [u16; 3] = [u.int_in_range(0..=4)?, u.int_in_range(0..=4)?, u.int_in_range(0..=4)?];
            head.begin_rows(&rows[..u.int_in_range(0..=3)?]).is_err()
        }
        2 | 3 => {
            let sample = support.samples();
            let number = f32::from(u.arbitrary::<i8>()?) / 16.0;
            let mut feature = [0.0; 64];
            let feature = &mut feature[..features.len()];
            let mixed = feature.iter_mut().zip(features).enumerate();
            mixed.for_each(|(at, (place, given))| *place = given + number * at as f32);
            let pushed = support.push(feature);
            assert_eq!(pushed.is_ok(), support.samples() > sample);
            label(head, sample, u)?
        }
        4 => label(head, u.int_in_range(0..=4)?, u)?,
        5 => head.step(support).is_err(),
        6 | 7 => match head.adapt(support, u.int_in_range(0..=STEPS)?) {
            Ok(Adaptation::Adapted { before, after }) => {
                assert!(after.is_finite() && after <= before, "adapted to something worse");
                assert!(head.parameters().iter().all(|part| part.iter().all(|number| number.is_finite())));
                seen.extend([before, after]);
                false
            }
            Ok(Adaptation::Refused { before, after }) => {
                seen.extend([before, after]);
                true
            }
            Err(_) => true,
        },
        8 => head.enrol().is_err(),
        9 => head.forget(u.int_in_range(0..=4)?).is_err(),
        10 => head.reset().is_err(),
        _ => match head.outputs(features) {
            Ok(outputs) => {
                seen.extend_from_slice(outputs);
                false
            }
            Err(_) => true,
        },
    };
    if refused {
        assert_eq!(
            (fingerprint(head), head.way(), head.steps()),
            (before, way, steps),
            "refused, and yet changed"
        );
    }
    // Before it has begun, a head is whatever its memory holds.
    if head.way() > 0 {
        head.parameters().iter().for_each(|part| seen.extend_from_slice(part));
    }
    Ok(())
}

/// Whether the label was refused.
fn label(head: &mut Learner, sample: usize, u: &mut Unstructured) -> Result<bool> {
    let purpose = if u.ratio(1, 4)? { Use::HeldBack } else { Use::Support };
    let mut numbers = [0.0; 4];
    let labelled = match u.int_in_range(0..=4_u8)? {
        0 => head.label(sample, Label::None, purpose),
        1 | 2 => head.label(sample, Label::Class(u.int_in_range(0..=4)?), purpose),
        _ => {
            numbers::input(u, &mut numbers)?;
            head.label(sample, Label::Numbers(&numbers[..u.int_in_range(0..=4)?]), purpose)
        }
    };
    Ok(labelled.is_err())
}

/// Of its numbers, bit for bit.
fn fingerprint(head: &Learner) -> u64 {
    let mix = |sum: u64, number: &f32| {
        (sum.rotate_left(5) ^ u64::from(number.to_bits())).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    };
    head.parameters().into_iter().flatten().fold(0, mix)
}
