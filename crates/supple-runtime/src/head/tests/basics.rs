//! Beginning, caching, stepping, and what is refused.

use super::*;

#[test]
fn the_memory_need_is_exact() {
    let bytes = packed(2, &[parts()]);
    let pack = Pack::parse(&bytes).unwrap();
    let head = pack.heads().next().unwrap();
    let need = MemoryNeed::of(&pack);
    let expected = MemoryNeed {
        arena: 2,
        // Parameters 9 and logits 3.
        head: 12,
        velocity: 0,
        targets: 0,
        cache: 8,
        work: 12,
        guard: 9,
        // Of samples 4, of rows 3.
        labels: 7,
    };
    assert_eq!(need, expected);
    assert_eq!((need.inference_bytes(), need.adapt_bytes()), (56, 4 * 43 + 14));
    let fits = |floats: usize, labels: usize| {
        let (mut floats, mut labels) = (vec![0.0; floats], vec![0; labels]);
        Learner::new(head.clone(), HeadMemory { floats: &mut floats, labels: &mut labels }).is_ok()
    };
    assert!(fits(12, 7));
    assert!(!fits(11, 7));
    assert!(!fits(12, 6));
}

#[test]
fn adapting_lowers_the_support_loss_and_begin_forgets() {
    with_head(parts(), |learner, support| {
        learner.begin(2).unwrap();
        push_all(learner, support);
        let outcome = learner.adapt(support, 3).unwrap();
        let Adaptation::Adapted { before, after } = outcome else { panic!("{outcome:?}") };
        assert!(after < before);
        assert!(learner.outputs(&[1.0, 0.0]).unwrap()[0] > learner.last_outputs()[1]);
        learner.begin(3).unwrap();
        assert_eq!(numbers(learner), parts().parameters);
        assert_eq!(learner.step(support), Err(AdaptError::NoSupport));
    });
}

#[test]
fn the_memory_of_every_part_of_a_head_is_counted() {
    let parts = HeadParts {
        hidden: 4,
        capacity: 3,
        max_support: 5,
        cache: Element::I8,
        task: HeadTask::Numbers,
        momentum: 0.5,
        parameters: vec![0.0; 4 * 3 + 3 * 5],
        rates: vec![vec![[0.1; 2]; 2]],
        ..parts()
    };
    let bytes = packed(2, &[parts]);
    let pack = Pack::parse(&bytes).unwrap();
    let head = pack.heads().next().unwrap();
    let need = MemoryNeed::of_head(&head.spec);
    let expected = MemoryNeed {
        arena: 0,
        // 27 parameters, 4 units and 3 numbers.
        head: 34,
        velocity: 27,
        targets: 15,
        // 5 scales, and 10 bytes.
        cache: 8,
        // 5 samples' units and numbers, and 3 gradients.
        work: 38,
        guard: 54,
        labels: 8,
    };
    assert_eq!(need, expected);
    // One float less for the learner, the cache, the guard.
    let memory = |floats: usize, labels: usize, words: usize| {
        let (mut floats, mut labels, mut words) = (vec![0.0; floats], vec![0; labels], vec![0.0; words]);
        let memory = HeadMemory { floats: &mut floats, labels: &mut labels };
        let mut learner = Learner::new(head.clone(), memory).map_err(|error| error.to_string())?;
        let mut support = SupportCache::new(&head.spec, &mut words).map_err(|error| error.to_string())?;
        learner.begin(3).unwrap();
        let sample = support.push(&[1.0, 2.0]).unwrap();
        learner.label(sample, Label::Numbers(&[1.0, 2.0, 3.0]), Use::Support).unwrap();
        learner.step(&mut support).map_err(|error| error.to_string())?;
        learner.adapt(&mut support, 1).map_err(|error| error.to_string())
    };
    assert!(memory(76, 8, 100).is_ok());
    assert!(memory(75, 8, 100).is_err());
    assert!(memory(76, 7, 100).is_err());
    let error = memory(76, 8, 99).unwrap_err();
    assert!(error.contains("needs 92 floats") && error.contains("there are 91"), "{error}");
    let error = memory(76, 8, 45).unwrap_err();
    assert!(error.contains("needs 46 words") && error.contains("got 45"), "{error}");
}

#[test]
fn heads_of_a_pack_share_work_and_guard() {
    let wide = HeadParts { capacity: 5, parameters: vec![0.0; 15], name: "wide".to_owned(), ..parts() };
    let bytes = packed(2, &[parts(), wide]);
    let pack = Pack::parse(&bytes).unwrap();
    let need = MemoryNeed::of(&pack);
    assert_eq!((need.head, need.cache, need.work, need.guard, need.labels), (12 + 20, 8, 20, 15, 7 + 9));
    // A cache made for the smaller head alone is too small for the other's steps.
    let heads: Vec<_> = pack.heads().collect();
    let mut words = vec![0.0; MemoryNeed::of_head(&heads[0].spec).cache + 19];
    let mut support = SupportCache::new(&heads[0].spec, &mut words).unwrap();
    let (mut floats, mut labels) = (vec![0.0; 20], vec![0; 9]);
    let memory = HeadMemory { floats: &mut floats, labels: &mut labels };
    let mut learner = Learner::new(heads[1].clone(), memory).unwrap();
    learner.begin(5).unwrap();
    push(&mut learner, &mut support, &[0.0; 2], 4);
    assert_eq!(learner.step(&mut support), Err(AdaptError::WorkTooSmall { needed: 20, given: 19 }));
}

#[test]
fn chosen_rows_are_the_start_and_what_reset_restores() {
    with_head(parts(), |learner, support| {
        let start = [0.5, 0.6, 0.1, 0.2, 0.2, 0.0];
        learner.begin_rows(&[2, 0]).unwrap();
        assert_eq!(numbers(learner), start);
        push_all(learner, support);
        learner.step(support).unwrap();
        assert_ne!(numbers(learner), start);
        learner.reset().unwrap();
        assert_eq!((numbers(learner), learner.steps()), (start.to_vec(), 0));
        // The labels stayed.
        assert!(learner.step(support).is_ok());
        learner.reset().unwrap();

        let error = AdaptError::RowOutOfRange { row: 3, capacity: 3 };
        assert_eq!(learner.begin_rows(&[0, 3]), Err(error));
        for rows in [&[][..], &[0, 1, 2, 0]] {
            let error = AdaptError::WayOutOfRange { way: rows.len(), capacity: 3 };
            assert_eq!(learner.begin_rows(rows), Err(error));
        }
        // What was refused has changed nothing.
        assert_eq!(numbers(learner), start);
        learner.begin(2).unwrap();
        assert_eq!(learner.last().bias, [0.0, 0.1]);
    });
}

#[test]
fn what_does_not_fit_is_refused_by_name() {
    with_head(parts(), |learner, support| {
        assert_eq!(learner.outputs(&[0.0; 2]), Err(AdaptError::NotBegun));
        assert_eq!(learner.reset(), Err(AdaptError::NotBegun));
        assert_eq!(learner.step(support), Err(AdaptError::NotBegun));
        assert_eq!(learner.label(0, Label::Class(0), Use::Support), Err(AdaptError::NotBegun));
        assert_eq!(learner.label(0, Label::None, Use::Support), Err(AdaptError::NotBegun));
        assert_eq!(
            (learner.enrol(), learner.forget(0)),
            (Err(AdaptError::NotBegun), Err(AdaptError::NotBegun))
        );
        for way in [0, 4, 70_000] {
            assert_eq!(
                learner.begin(way),
                Err(AdaptError::WayOutOfRange { way: way.min(65_535), capacity: 3 })
            );
        }
        learner.begin(2).unwrap();
        let error = AdaptError::FeatureLength { expected: 2, got: 3 };
        assert_eq!(learner.outputs(&[0.0; 3]), Err(error));
        let error = AdaptError::LabelOutOfRange { label: 2, way: 2 };
        assert_eq!(learner.label(0, Label::Class(2), Use::Support), Err(error));
        let error = AdaptError::SampleOutOfRange { sample: 4, max_support: 4 };
        assert_eq!(learner.label(4, Label::Class(1), Use::Support), Err(error));
        assert_eq!(learner.label(0, Label::Numbers(&[0.0; 3]), Use::Support), Err(AdaptError::OtherTask));
        // A label without a sample is nothing to learn from.
        learner.label(0, Label::Class(1), Use::Support).unwrap();
        assert_eq!(learner.step(support), Err(AdaptError::NoSupport));
        support.push(&[0.0; 2]).unwrap();
        assert_eq!(learner.step(support), Ok(()));
        // Neither is one held back.
        learner.label(0, Label::Class(1), Use::HeldBack).unwrap();
        assert_eq!(learner.step(support), Err(AdaptError::NoSupport));
        assert_eq!(learner.adapt(support, 1), Err(AdaptError::NoSupport));
    });
    let other = HeadParts { max_support: 5, ..parts() };
    with_head(other, |_, support| {
        with_head(parts(), |learner, _| {
            learner.begin(1).unwrap();
            push(learner, support, &[0.0; 2], 0);
            assert_eq!(learner.step(support), Err(AdaptError::OtherCache));
        });
    });
}

#[test]
fn numbers_are_begun_with_and_labelled_as_a_whole() {
    let parts = HeadParts { task: HeadTask::Numbers, ..parts() };
    with_head(parts, |learner, support| {
        assert_eq!(learner.begin(2), Err(AdaptError::NotAllNumbers { way: 2, capacity: 3 }));
        learner.begin(3).unwrap();
        let mut label = |label| learner.label(0, label, Use::Support);
        assert_eq!(label(Label::Class(0)), Err(AdaptError::OtherTask));
        assert_eq!(label(Label::Numbers(&[1.0; 2])), Err(AdaptError::TargetLength { expected: 3, got: 2 }));
        let error = AdaptError::TargetNotFinite { index: 1 };
        assert_eq!(label(Label::Numbers(&[1.0, f32::INFINITY, f32::NAN])), Err(error));
        assert_eq!(
            (learner.enrol(), learner.forget(0)),
            (Err(AdaptError::OtherTask), Err(AdaptError::OtherTask))
        );
        support.push(&[0.0; 2]).unwrap();
        assert_eq!(learner.step(support), Err(AdaptError::NoSupport));
    });
}
