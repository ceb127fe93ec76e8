//! How far a nearest-centroid classifier comes on the sensors' data as it is loaded: the least that a trunk should beat.
//!
//! ```text
//! cargo run --release -p supple-data --example probe -- FOLDER_OF_THE_DATA_SETS
//! ```
//!
//! Episodes are of one domain each. Every value is standardised over a domain's samples before distances are taken.
//! Preprocessing was chosen on the first half of the domains, so the second half is told apart from it.

use std::env;
use std::path::Path;
use std::process::ExitCode;

use rand::RngExt;
use supple_data::broken::OnBroken;
use supple_data::part::Part;
use supple_data::random::{Purpose, stream};
use supple_data::sensors::{LoadError, ecg, gas, har};
use supple_data::tasks::{TaskEpisode, TaskKind, TaskOptions, TaskSampler, TaskShape};
use supple_data::{DataSet, Labels, Orientation, Sample};

const EPISODES: usize = 1000;

/// All samples, each value standardised over its domain.
struct Table {
    length: usize,
    values: Vec<f32>,
}

impl Table {
    fn new(set: &DataSet) -> Self {
        let length = set.shape().len();
        let mut values = vec![0.0; set.len() * length];
        for (sample, row) in values.chunks_exact_mut(length).enumerate() {
            set.render(sample, Orientation::UPRIGHT, row);
        }
        for domain in 0..set.domains().len() as u32 {
            let of: Vec<usize> = (0..set.len()).filter(|&sample| set.domain_of()[sample] == domain).collect();
            for index in 0..length {
                let places = || of.iter().map(|sample| sample * length + index);
                let mean = places().map(|place| values[place]).sum::<f32>() / of.len() as f32;
                let square = |place: usize| (values[place] - mean) * (values[place] - mean);
                let spread = (places().map(square).sum::<f32>() / of.len() as f32).sqrt();
                places().for_each(|place| values[place] = (values[place] - mean) / (spread + 1e-3));
            }
        }
        Self { length, values }
    }

    fn row(&self, sample: usize) -> &[f32] {
        &self.values[sample * self.length..][..self.length]
    }

    /// The part of the queries that lie nearest to their own class's mean of the support.
    fn accuracy(&self, episode: &TaskEpisode) -> f32 {
        let mut centroids = vec![vec![0.0; self.length]; episode.way];
        let shot = (episode.support.len() / episode.way) as f32;
        for Sample { drawing, label, .. } in &episode.support {
            let row = self.row(*drawing);
            centroids[*label].iter_mut().zip(row).for_each(|(sum, value)| *sum += value / shot);
        }
        let distance = |centroid: &[f32], row: &[f32]| -> f32 {
            centroid.iter().zip(row).map(|(a, b)| (a - b) * (a - b)).sum()
        };
        let right = episode.query.iter().filter(|query| {
            let row = self.row(query.drawing);
            let distances = centroids.iter().map(|centroid| distance(centroid, row));
            let nearest = distances.enumerate().min_by(|a, b| a.1.total_cmp(&b.1));
            nearest.is_some_and(|(label, _)| label == query.label)
        });
        right.count() as f32 / episode.query.len() as f32
    }
}

/// Mean accuracy over episodes of these domains; `None` where none has samples enough.
fn probe(set: &DataSet, table: &Table, domains: &[String], shape: TaskShape) -> Option<f32> {
    let mut part = Part::all(set);
    for (allowed, name) in part.domains.iter_mut().zip(set.domains()) {
        *allowed = domains.contains(name);
    }
    let options = TaskOptions {
        task: 0,
        kind: TaskKind::NewDomain,
        within_domain: true,
        shape,
        orientations: &[Orientation::UPRIGHT],
    };
    let sampler = TaskSampler::with(set, &part, options).ok()?;
    let episode = |index| sampler.sample(&mut stream(0, Purpose::Evaluation, index, 0));
    Some((0..EPISODES as u64).map(|index| table.accuracy(&episode(index))).sum::<f32>() / EPISODES as f32)
}

/// Like [`probe`], but what is supported and what is asked are of different recordings.
fn probe_apart(set: &DataSet, table: &Table, domains: &[String], shape: TaskShape) -> Option<f32> {
    let classes = |task: usize| match &set.tasks()[task].labels {
        Labels::Classes { names, of } => Some((names.len(), of)),
        Labels::Values { .. } => None,
    };
    let ((_, class_of), (recordings, recording_of)) = (classes(0)?, classes(1)?);
    let domains: Vec<u32> =
        (0u32..).zip(set.domains()).filter(|(_, name)| domains.contains(name)).map(|(n, _)| n).collect();
    let (mut sum, mut episodes) = (0.0, 0);
    for index in 0..10 * EPISODES as u64 {
        let mut random = stream(0, Purpose::Evaluation, index, 1);
        let domain = domains[random.random_range(0..domains.len())];
        let asked: Vec<bool> = (0..recordings).map(|_| random.random()).collect();
        let mut episode =
            TaskEpisode { way: shape.way, support: vec![], query: vec![], classes: vec![], domain: None };
        for label in 0..shape.way {
            let is = |sample: usize, wanted: bool| {
                set.domain_of()[sample] == domain
                    && class_of[sample] == Some(label as u32)
                    && recording_of[sample].is_some_and(|recording| asked[recording as usize] == wanted)
            };
            for (wanted, count, into) in
                [(false, shape.shot, &mut episode.support), (true, shape.queries, &mut episode.query)]
            {
                let mut found: Vec<usize> = (0..set.len()).filter(|&sample| is(sample, wanted)).collect();
                for _ in 0..count.min(found.len()) {
                    let drawing = found.swap_remove(random.random_range(0..found.len()));
                    into.push(Sample { drawing, orientation: Orientation::UPRIGHT, label });
                }
            }
        }
        let whole = (shape.way * shape.shot, shape.way * shape.queries);
        if (episode.support.len(), episode.query.len()) == whole {
            sum += table.accuracy(&episode);
            episodes += 1;
        }
        if episodes == EPISODES {
            break;
        }
    }
    (episodes > 0).then(|| sum / episodes as f32)
}

type Probe = fn(&DataSet, &Table, &[String], TaskShape) -> Option<f32>;

fn line(what: &str, probe: Probe, set: &DataSet, domains: &[String], way: usize, shots: &[usize]) {
    let table = Table::new(set);
    let (chosen_on, others) = domains.split_at(domains.len().div_ceil(2));
    for &shot in shots {
        let shape = TaskShape { way, shot, queries: 5 };
        let figure = |domains: &[String]| {
            probe(set, &table, domains, shape).map_or("    -".to_owned(), |accuracy| format!("{accuracy:.3}"))
        };
        let figures = [figure(chosen_on), figure(others), figure(domains)];
        println!("{what:32} {way}-way {shot}-shot   {}", figures.join("   "));
    }
}

fn run(data: &Path) -> Result<(), LoadError> {
    println!("{:44}   first half, second half, all domains", "");
    let (set, _) = har::load(&data.join("har_spsw"), OnBroken::Refuse)?;
    line("activities", probe, &set, set.domains(), 5, &[1, 5]);
    line("activities, recordings apart", probe_apart, &set, set.domains(), 5, &[1, 5]);
    let (set, _) = ecg::load(&data.join("ecg_mitbih"), OnBroken::Refuse)?;
    // The other patients have hardly any premature beats.
    let patients = ["105", "106", "114", "119"].map(str::to_owned);
    line("heart beats", probe, &set, &patients, 2, &[1, 5]);
    let (set, _) = gas::load(&data.join("gas_drift"), OnBroken::Refuse)?;
    line("gases", probe, &set, set.domains(), 5, &[1, 5]);
    for batch in set.domains() {
        line(&format!("gases, {batch}"), probe, &set, std::slice::from_ref(batch), 5, &[5]);
    }
    Ok(())
}

fn main() -> ExitCode {
    let Some(data) = env::args_os().nth(1) else {
        eprintln!("give the folder that holds har_spsw, ecg_mitbih and gas_drift");
        return ExitCode::FAILURE;
    };
    match run(Path::new(&data)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
