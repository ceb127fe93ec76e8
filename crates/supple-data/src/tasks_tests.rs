use std::collections::HashSet;

use proptest::prelude::*;

use super::*;
use crate::part::{HoldBack, split};
use crate::random::{Purpose, stream};
use crate::samples::{Answer, DataSetBuilder, SampleShape};

const CLASSES: u32 = 8;
const DOMAINS: u32 = 5;
const SAMPLES: usize = 9;

/// Every domain has every class, `SAMPLES` times; a second task asks for classes of its own, a third for numbers, and
/// of both every third answer is missing.
fn set() -> DataSet {
    let tasks = vec![
        DataSetBuilder::classes("main", &[]),
        DataSetBuilder::classes("parity", &["even", "odd"]),
        DataSetBuilder::values("amount", &["ppm"]),
    ];
    let mut builder = DataSetBuilder::new("test", SampleShape::vector(1), tasks);
    for domain in 0..DOMAINS {
        for index in 0..SAMPLES {
            for class in 0..CLASSES {
                let known = index % 3 > 0;
                let parity = Answer::Class(["even", "odd"][class as usize % 2].into());
                let answers = [
                    Answer::Class(format!("class{class}")),
                    if known { parity } else { Answer::Missing },
                    if known { Answer::Values(vec![domain as f32]) } else { Answer::Missing },
                ];
                builder.push("row", &format!("domain{domain}"), &[index as f32], &answers).unwrap();
            }
        }
    }
    builder.finish().unwrap()
}

fn classes(set: &DataSet, task: usize) -> &[Option<u32>] {
    let Labels::Classes { of, .. } = &set.tasks()[task].labels else { panic!() };
    of
}

/// What holds of every episode of classes.
fn check(
    set: &DataSet,
    part: &Part,
    options: TaskOptions,
    episode: &TaskEpisode,
) -> Result<(), TestCaseError> {
    let TaskShape { way, shot, queries } = options.shape;
    prop_assert_eq!(episode.way, way);
    prop_assert_eq!(episode.support.len(), way * shot);
    prop_assert_eq!(episode.query.len(), way * queries);
    prop_assert_eq!(episode.classes.len(), way);
    prop_assert_eq!(episode.classes.iter().collect::<HashSet<_>>().len(), way);
    let mut seen = HashSet::new();
    for set_of in [&episode.support, &episode.query] {
        for (place, sample) in set_of.iter().enumerate() {
            prop_assert!(seen.insert(sample.drawing), "sample {} twice", sample.drawing);
            prop_assert_eq!(sample.label, place % way);
            let class = classes(set, options.task)[sample.drawing];
            prop_assert_eq!(class, Some(episode.classes[sample.label]));
            prop_assert!(part.allows(set, sample.drawing));
            if let Some(domain) = episode.domain {
                prop_assert_eq!(set.domain_of()[sample.drawing], domain);
            }
        }
    }
    let within_domain = options.within_domain || options.kind == TaskKind::NewDomain;
    prop_assert_eq!(episode.domain.is_some(), within_domain);
    if options.kind == TaskKind::NewDomain {
        prop_assert!(episode.classes.is_sorted());
    }
    Ok(())
}

proptest! {
    #[test]
    fn an_episode_of_classes_is_as_asked_and_of_its_part_alone(
        way in 1usize..=4, shot in 1usize..4, queries in 1usize..5, seed: u64,
        new_domain: bool, within_domain: bool, by_class: bool,
    ) {
        let set = set();
        let hold_back = if by_class { HoldBack::LastClasses(4) } else { HoldBack::LastDomains(2) };
        let (training, validation) = split(&set, &hold_back).unwrap();
        let options = TaskOptions {
            task: 0,
            kind: if new_domain { TaskKind::NewDomain } else { TaskKind::NewClasses },
            within_domain,
            shape: TaskShape { way, shot, queries },
            orientations: Orientation::TURNS,
        };
        for part in [training, validation] {
            let sampler = TaskSampler::with(&set, &part, options).unwrap();
            let draw = || sampler.sample(&mut stream(seed, Purpose::Evaluation, 0, 0));
            let episode = draw();
            prop_assert_eq!(&episode, &draw());
            check(&set, &part, options, &episode)?;
        }
    }

    #[test]
    fn what_is_not_known_is_not_drawn(shot in 1usize..4, queries in 1usize..3, seed: u64) {
        let set = set();
        let part = Part::all(&set);
        let options = TaskOptions {
            task: 1,
            kind: TaskKind::NewDomain,
            within_domain: false,
            shape: TaskShape { way: 2, shot, queries },
            orientations: &[Orientation::UPRIGHT],
        };
        let episode = TaskSampler::with(&set, &part, options)
            .unwrap()
            .sample(&mut stream(seed, Purpose::Evaluation, 0, 0));
        check(&set, &part, options, &episode)?;
        prop_assert_eq!(episode.classes, [0, 1]);
    }

    #[test]
    fn a_regression_is_of_one_allowed_domain_with_known_targets(
        shot in 1usize..20, queries in 1usize..20, seed: u64,
    ) {
        let set = set();
        let (_, part) = split(&set, &HoldBack::LastDomains(2)).unwrap();
        let sampler = TaskSampler::regression(&set, &part, 2, shot, queries).unwrap();
        let episode = sampler.sample(&mut stream(seed, Purpose::Evaluation, 0, 0));
        prop_assert_eq!((episode.support.len(), episode.query.len()), (shot, queries));
        prop_assert_eq!((episode.way, episode.classes.len()), (0, 0));
        let domain = episode.domain.unwrap();
        prop_assert!(domain >= DOMAINS - 2);
        let mut seen = HashSet::new();
        for sample in episode.support.iter().chain(&episode.query) {
            prop_assert!(seen.insert(sample.drawing));
            prop_assert_eq!(sampler.targets(sample.drawing), [domain as f32]);
        }
    }
}

#[test]
fn labels_of_new_classes_are_in_random_order_and_turned_each_for_itself() {
    let set = set();
    let shape = TaskShape { way: 5, shot: 1, queries: 1 };
    let part = Part::all(&set);
    let sampler = TaskSampler::new(&set, &part, TaskKind::NewClasses, shape, Orientation::TURNS).unwrap();
    let draw = |index| sampler.sample(&mut stream(1, Purpose::Evaluation, index, 0));
    let orientations = |episode: &TaskEpisode| {
        let mut seen: Vec<Orientation> = Vec::new();
        for sample in &episode.support {
            if !seen.contains(&sample.orientation) {
                seen.push(sample.orientation);
            }
        }
        seen.len()
    };
    assert!((0..20).any(|index| !draw(index).classes.is_sorted()));
    assert!((0..20).any(|index| orientations(&draw(index)) > 1));
    let sampler = TaskSampler::new(&set, &part, TaskKind::NewDomain, shape, Orientation::TURNS).unwrap();
    let draw = |index| sampler.sample(&mut stream(1, Purpose::Evaluation, index, 0));
    assert!((0..20).all(|index| orientations(&draw(index)) == 1));
}

#[test]
fn what_cannot_be_drawn_is_refused_with_the_reason() {
    let set = set();
    let part = Part::all(&set);
    let upright = &[Orientation::UPRIGHT];
    let refused = |kind, way, shot, queries| {
        TaskSampler::new(&set, &part, kind, TaskShape { way, shot, queries }, upright).unwrap_err()
    };
    assert!(matches!(refused(TaskKind::NewClasses, 0, 1, 1), TaskError::Empty { .. }));
    assert!(matches!(
        refused(TaskKind::NewClasses, 9, 1, 1),
        TaskError::TooFewClasses { needed: 2, available: 8, .. }
    ));
    assert!(matches!(
        refused(TaskKind::NewDomain, 5, 5, 5),
        TaskError::NoDomainOfClasses { needed: 10, available: 0, .. }
    ));
    assert!(matches!(
        refused(TaskKind::NewDomain, 9, 4, 5),
        TaskError::NoDomainOfClasses { needed: 9, available: 8, .. }
    ));
    let regression = |task, shot| TaskSampler::regression(&set, &part, task, shot, 5).unwrap_err();
    assert!(matches!(regression(0, 5), TaskError::AnswerKind { wanted: "numbers", .. }));
    assert!(matches!(regression(3, 5), TaskError::NoSuchTask { tasks: 3, .. }));
    assert!(matches!(regression(2, 44), TaskError::NoDomainOfValues { needed: 49, available: 48, .. }));
    let shape = TaskShape { way: 1, shot: 1, queries: 1 };
    let options = TaskOptions {
        task: 2,
        kind: TaskKind::NewClasses,
        within_domain: false,
        shape,
        orientations: upright,
    };
    let refused = |part: &Part, options| TaskSampler::with(&set, part, options).unwrap_err();
    assert!(matches!(refused(&part, options), TaskError::AnswerKind { wanted: "classes", .. }));
    assert_eq!(refused(&part, TaskOptions { orientations: &[], ..options }), TaskError::NoOrientation);
    let other = Part { domains: vec![true], classes: vec![] };
    assert!(matches!(refused(&other, options), TaskError::OtherSet { domains: 1, .. }));
}
