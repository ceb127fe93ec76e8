//! What is lent out and put back into other memory goes on with the same bits.

use super::*;

/// Copies a head and the cache into others, as through flash.
fn moved(from: &Learner, cache: &SupportCache, to: &mut Learner, other: &mut SupportCache) {
    let kept = from.kept();
    let places = to.put_back(kept.way, kept.steps).unwrap();
    places.rows.copy_from_slice(kept.rows);
    for (to, from) in
        places.parameters.into_iter().chain(places.velocity).zip(kept.parameters.iter().chain(&kept.velocity))
    {
        to.copy_from_slice(from);
    }
    places.labels.copy_from_slice(kept.labels);
    places.targets.copy_from_slice(kept.targets);
    match (other.put_back(cache.samples()).unwrap(), cache.rows()) {
        (CacheMut::F32(to), Rows::F32 { values, .. }) => to.copy_from_slice(values),
        (CacheMut::I8 { values: to, scales: places }, Rows::I8 { values, scales, .. }) => {
            to.copy_from_slice(values);
            let count = places.len();
            places.copy_from_slice(&scales[..count]);
        }
        other => panic!("{other:?}"),
    }
}

fn go_on(learner: &mut Learner, support: &mut SupportCache) {
    push(learner, support, &[0.5, 0.75], 2);
    learner.adapt(support, 2).unwrap();
    learner.step(support).unwrap();
    learner.forget(0).unwrap();
    learner.enrol().unwrap();
}

#[test]
fn a_head_of_each_kind_goes_on_after_it_was_moved() {
    let hidden =
        HeadParts { hidden: 2, parameters: noises(1, 15), rates: vec![vec![[0.5; 2]; 2]], ..parts() };
    let prototypes = HeadParts { start: Start::Prototypes { temperature: 0.5 }, momentum: 0.5, ..parts() };
    let several_rates =
        HeadParts { rates: (1..5).map(|step| vec![[step as f32 / 8.0; 2]]).collect(), ..parts() };
    let small = HeadParts { cache: Element::I8, momentum: 0.75, ..hidden.clone() };
    for head in [parts(), hidden, prototypes, several_rates, small] {
        with_head(head.clone(), |learner, support| {
            with_head(head.clone(), |other, place| {
                learner.begin_rows(&[2, 0, 1]).unwrap();
                push_all(learner, support);
                // The third class has no sample yet: where heads start from prototypes, it waits.
                learner.step(support).unwrap();
                learner.label(1, Label::Class(1), Use::HeldBack).unwrap();
                moved(learner, support, other, place);
                go_on(learner, support);
                go_on(other, place);
                assert_eq!(bits(&numbers(learner)), bits(&numbers(other)));
                assert_eq!((learner.steps(), learner.way()), (other.steps(), other.way()));
                assert_eq!(learner.kept().rows, other.kept().rows);
                assert_eq!(learner.kept().labels, other.kept().labels);
            });
        });
    }
}

#[test]
fn only_what_a_head_can_have_is_taken() {
    with_head(parts(), |learner, support| {
        assert!(!learner.takes_way(0) && learner.takes_way(3) && !learner.takes_way(4));
        assert!(learner.takes_row(2) && !learner.takes_row(3));
        assert!(!learner.takes_row(WAITING) && !learner.takes_row(PLACED));
        assert!(learner.takes_label(1, 2) && !learner.takes_label(2, 2));
        assert!(learner.takes_label(0x8001, 2) && !learner.takes_label(0x8002, 2));
        assert!(learner.takes_label(0xffff, 2));
        assert_eq!(learner.put_back(4, 0).err(), Some(AdaptError::WayOutOfRange { way: 4, capacity: 3 }));
        assert!(matches!(support.put_back(5), Err(CacheError::Full { max_support: 4 })));
        assert_eq!(learner.kept().way, 0);
        learner.begin(2).unwrap();
        push_all(learner, support);
        learner.end();
        assert_eq!(learner.step(support), Err(AdaptError::NotBegun));
        assert!(learner.kept().labels.iter().all(|label| *label == 0xffff));
    });
    let prototypes = HeadParts { start: Start::Prototypes { temperature: 0.5 }, ..parts() };
    with_head(prototypes, |learner, _| {
        assert!(
            learner.takes_row(WAITING | 2)
                && learner.takes_row(PLACED | 2)
                && !learner.takes_row(WAITING | 3)
        );
        assert!(!learner.takes_row(WAITING | PLACED));
    });
    let numbers = HeadParts { task: HeadTask::Numbers, ..parts() };
    with_head(numbers, |learner, _| {
        assert!(!learner.takes_way(2) && learner.takes_way(3));
        assert!(learner.takes_label(0, 3) && learner.takes_label(0x8000, 3) && !learner.takes_label(1, 3));
    });
}
