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
