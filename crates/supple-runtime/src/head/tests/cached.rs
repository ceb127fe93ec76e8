//! What the cache keeps of features.

use proptest::prelude::*;

use super::*;

/// Gives a test an empty cache of so many features.
fn with_cache(features: u16, max_support: u16, cache: Element, test: impl FnOnce(&mut SupportCache)) {
    let rows = usize::from(features) + 1;
    let parts = HeadParts { max_support, cache, parameters: vec![0.0; 3 * rows], ..parts() };
    with_head_of(features, parts, |_, support| test(support));
}

/// All cached values as a step sees them.
fn values(support: &SupportCache) -> Vec<f32> {
    let rows = support.rows();
    (0..rows.samples())
        .flat_map(|sample| (0..rows.length()).map(move |index| rows.at(sample, index)))
        .collect()
}

#[test]
fn floats_are_kept_as_they_are() {
    with_cache(2, 3, Element::F32, |support| {
        assert_eq!(support.push(&[1.5, -0.25]), Ok(0));
        assert_eq!(support.push(&[3.0e38, 1.0e-40]), Ok(1));
        assert_eq!(values(support), [1.5, -0.25, 3.0e38, 1.0e-40]);
        support.clear();
        assert_eq!((support.samples(), support.push(&[0.0, 1.0])), (0, Ok(0)));
        assert_eq!(values(support), [0.0, 1.0]);
    });
}

/// With a scale of exactly 1, halves go away from zero.
#[test]
fn bytes_are_rounded_as_promised() {
    with_cache(8, 2, Element::I8, |support| {
        support.push(&[127.0, -126.5, 0.5, -0.5, 1.4, -1.6, 0.0, 2.5]).unwrap();
        assert_eq!(values(support), [127.0, -127.0, 1.0, -1.0, 1.0, -2.0, 0.0, 3.0]);
        let Rows::I8 { scales, .. } = support.rows() else { panic!("not bytes") };
        assert_eq!(scales[0], 1.0);
        // A scale of 2: 254 / 127.
        support.push(&[-254.0, 3.0, 2.9, -3.0, 1.0, 0.9, -0.9, 100.0]).unwrap();
        assert_eq!(values(support)[8..], [-254.0, 4.0, 2.0, -4.0, 2.0, 0.0, 0.0, 100.0]);
    });
}

#[test]
fn bytes_of_nothing_and_of_almost_nothing() {
    with_cache(2, 4, Element::I8, |support| {
        support.push(&[0.0, -0.0]).unwrap();
        // The scale underflows to zero; then it is the smallest float, and both are held at 127 of it.
        let smallest = f32::from_bits(1);
        support.push(&[smallest, -smallest]).unwrap();
        support.push(&[f32::from_bits(190), -f32::from_bits(190)]).unwrap();
        support.push(&[f32::MAX, f32::MIN]).unwrap();
        let values = values(support);
        assert_eq!(values[..4], [0.0; 4]);
        assert_eq!(values[4..6], [f32::from_bits(127), -f32::from_bits(127)]);
        assert!(values[6] >= f32::MAX * 0.999_99 && values[7] == -values[6]);
    });
}

#[test]
fn what_is_not_cached_is_named_and_changes_nothing() {
    with_cache(2, 3, Element::I8, |support| {
        support.push(&[1.0, 0.5]).unwrap();
        let before = values(support);
        assert_eq!(support.push(&[1.0]), Err(CacheError::FeatureLength { expected: 2, got: 1 }));
        assert_eq!(support.push(&[1.0; 4]), Err(CacheError::FeatureLength { expected: 2, got: 4 }));
        assert_eq!(support.push_all(&[1.0; 3]), Err(CacheError::FeatureLength { expected: 2, got: 1 }));
        for broken in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            assert_eq!(support.push(&[1.0, broken]), Err(CacheError::NotFinite { index: 1 }));
            assert_eq!(support.push_all(&[1.0, 2.0, broken, 0.0]), Err(CacheError::NotFinite { index: 2 }));
        }
        assert_eq!(support.push_all(&[1.0; 6]), Err(CacheError::Full { max_support: 3 }));
        assert_eq!(values(support), before);
        assert_eq!(support.push_all(&[2.0; 4]), Ok(1));
        assert_eq!(support.push(&[1.0; 2]), Err(CacheError::Full { max_support: 3 }));
    });
}

proptest! {
    #[test]
    fn samples_cached_singly_or_together_give_the_same_bits(
        seed in any::<u32>(), samples in 1_u16..9, features in 1_u16..20, first in 0_usize..9, bytes in any::<bool>(),
    ) {
        let length = usize::from(features);
        let given = noises(seed, usize::from(samples) * length);
        let first = first.min(samples.into()) * length;
        let kept = |push: &dyn Fn(&mut SupportCache)| {
            let mut kept = Vec::new();
            with_cache(features, samples, if bytes { Element::I8 } else { Element::F32 }, |support| {
                push(support);
                kept = values(support);
            });
            bits(&kept)
        };
        let singly = kept(&|support| given.chunks(length).for_each(|row| { support.push(row).unwrap(); }));
        let together = kept(&|support| { support.push_all(&given).unwrap(); });
        let in_two = kept(&|support| {
            support.push_all(&given[..first]).unwrap();
            support.push_all(&given[first..]).unwrap();
        });
        prop_assert_eq!(&singly, &together);
        prop_assert_eq!(&singly, &in_two);
        if !bytes {
            prop_assert_eq!(singly, bits(&given));
        }
    }

    #[test]
    fn a_byte_is_at_most_half_a_scale_off(seed in any::<u32>()) {
        let given = noises(seed, 33);
        with_cache(33, 1, Element::I8, |support| {
            support.push(&given).unwrap();
            let Rows::I8 { scales, .. } = support.rows() else { panic!("not bytes") };
            let scale = scales[0];
            let largest = given.iter().fold(0.0, |largest: f32, x| largest.max(x.abs()));
            assert_eq!(scale, largest / 127.0);
            for (x, kept) in given.iter().zip(values(support)) {
                assert!((x - kept).abs() <= 0.5001 * scale, "{x} became {kept}");
            }
        });
    }
}
