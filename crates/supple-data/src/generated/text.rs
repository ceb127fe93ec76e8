//! Short commands to a house, as its people say them: a generator that needs no data.
//!
//! A *user* (a domain) has own words: of a common language a few verbs and objects for each intent, and for many
//! things invented ones (nicknames of devices, a family's slang); own people, places and times; own habits of
//! beginning, ending and ordering a sentence; own typing errors. A command is a core (what to do with what) within
//! everything else. Most letters are of that else, which says nothing of the intent, and changes from command to
//! command:
//!
//! > *my dear machine* for benjamin **kill the chandelier** in the nursery before midnight *if you can*
//!
//! So what a new device must learn is which of a user's words matter, and what the unknown ones among them mean.
//! The common language can be learned in advance from other users; a quarter of the words in the core, and a third of
//! those around it, are the user's own. Since a user has few people, places and times, they come again and again in
//! commands of all intents: a mean over five commands is full of them, while steps on the commands' loss can tell that
//! they say nothing.

use rand::seq::{IndexedRandom, SliceRandom, index};
use rand::{Rng, RngExt};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use supple_signal::text::{FEATURES, features};

use super::words::{CLOSERS, INTENTS, OPENERS, PEOPLE, PLACES, REASONS, TIMES};
use crate::random::{Purpose, stream};
use crate::samples::{Answer, DataSet, DataSetBuilder, SampleShape};

/// Users of the default set.
pub const USERS: usize = 400;
/// Commands of each intent and user in the default set.
pub const COMMANDS: usize = 20;

/// How often a word of the core is the user's own invention.
const INVENTED_CORE: f64 = 0.25;
/// How often a word around it is.
const INVENTED_ELSE: f64 = 0.35;
/// How often a user takes the second of two words for the same.
const SECOND_WORD: f64 = 0.15;
/// Highest share of a user's words with a typing error.
const MOST_ERRORS: f64 = 0.05;

/// Somebody who commands a house.
#[derive(Debug, Clone)]
pub struct User {
    /// By intent, two verbs and two objects.
    cores: Vec<[[String; 2]; 2]>,
    /// People, places, times and reasons, each with how often they are said.
    slots: Vec<(f64, Vec<String>)>,
    openers: Vec<String>,
    closers: Vec<String>,
    object_first: bool,
    article: &'static str,
    error_rate: f64,
}

/// Names of the intents, in the order of their classes.
pub fn intents() -> Vec<&'static str> {
    INTENTS.iter().map(|intent| intent.name).collect()
}

impl User {
    /// Makes up a user.
    pub fn new(random: &mut impl Rng) -> Self {
        let mut taken: Vec<String> = Vec::new();
        let cores = INTENTS
            .iter()
            .map(|intent| {
                let mut verbs = core_words(intent.verbs, random);
                // Somebody who raises the volume does not say `raise` of the heating as well: with one verb for two
                // intents the object would have to tell them apart, which most people find odd.
                while verbs.iter().any(|verb| taken.contains(verb)) {
                    verbs = core_words(intent.verbs, random);
                }
                taken.extend(verbs.iter().cloned());
                [verbs, core_words(intent.objects, random)]
            })
            .collect();
        let slots = [(PEOPLE, "for"), (PLACES, "in"), (TIMES, "at"), (REASONS, "")]
            .into_iter()
            .map(|(words, before)| {
                let own: Vec<String> = words
                    .sample(random, 3)
                    .map(|word| (*word).to_owned())
                    .collect::<Vec<_>>()
                    .into_iter()
                    .map(
                        |word| if random.random_bool(INVENTED_ELSE) { invented(3..=4, random) } else { word },
                    )
                    .map(|word| format!("{before} {word}"))
                    .collect();
                (random.random_range(0.3..0.7), own)
            })
            .collect();
        let mut habits = |words: &[&str]| -> Vec<String> {
            let places = index::sample(random, words.len(), 2);
            let mut habits: Vec<String> = places.into_iter().map(|place| words[place].to_owned()).collect();
            if random.random_bool(INVENTED_ELSE) {
                habits[0] = format!("{} {}", invented(2..=3, random), invented(2..=3, random));
            }
            habits
        };
        let (openers, closers) = (habits(OPENERS), habits(CLOSERS));
        Self {
            cores,
            slots,
            openers,
            closers,
            object_first: random.random_bool(0.3),
            article: ["the ", "my ", "that ", ""].choose(random).copied().unwrap_or_default(),
            error_rate: random.random_range(0.0..MOST_ERRORS),
        }
    }

    /// Says a command.
    ///
    /// # Panics
    /// If there is no such intent.
    pub fn say(&self, intent: usize, random: &mut impl Rng) -> String {
        let [verb, object] =
            self.cores[intent].each_ref().map(|words| &words[usize::from(random.random_bool(SECOND_WORD))]);
        let core = match self.object_first {
            true => format!("{}{object} {verb}", self.article),
            false => format!("{verb} {}{object}", self.article),
        };
        let mut around: Vec<&str> = Vec::new();
        for (often, words) in &self.slots {
            if random.random_bool(*often) {
                around.extend(words.choose(random).map(String::as_str));
            }
        }
        around.shuffle(random);
        let before = random.random_range(0..=around.len().min(1));
        let mut parts: Vec<&str> = Vec::new();
        if random.random_bool(0.6) {
            parts.extend(self.openers.choose(random).map(String::as_str));
        }
        parts.extend(&around[..before]);
        parts.push(&core);
        parts.extend(&around[before..]);
        if random.random_bool(0.4) {
            parts.extend(self.closers.choose(random).map(String::as_str));
        }
        let words = parts.iter().flat_map(|part| part.split_whitespace());
        words.map(|word| self.typed(word, random)).collect::<Vec<_>>().join(" ")
    }

    /// A word, perhaps with a typing error: a letter left out, doubled, or swapped with the next.
    fn typed(&self, word: &str, random: &mut impl Rng) -> String {
        let mut letters: Vec<char> = word.chars().collect();
        if letters.len() > 3 && random.random_bool(self.error_rate) {
            let place = random.random_range(0..letters.len() - 1);
            match random.random_range(0..3) {
                0 => drop(letters.remove(place)),
                1 => letters.insert(place, letters[place]),
                _ => letters.swap(place, place + 1),
            }
        }
        letters.into_iter().collect()
    }
}

/// Two words for the same, each perhaps invented.
fn core_words(words: &[&str], random: &mut impl Rng) -> [String; 2] {
    let chosen = index::sample(random, words.len(), 2);
    [chosen.index(0), chosen.index(1)].map(|place| {
        if random.random_bool(INVENTED_CORE) { invented(2..=3, random) } else { words[place].to_owned() }
    })
}

/// A word that nobody else has.
fn invented(syllables: std::ops::RangeInclusive<u32>, random: &mut impl Rng) -> String {
    const BEGIN: &[&str] = &[
        "b", "bl", "ch", "d", "dr", "f", "fl", "g", "gr", "h", "j", "k", "kr", "l", "m", "n", "p", "qu", "r",
        "s", "sh", "sk", "sn", "t", "tr", "v", "w", "y", "z",
    ];
    const MIDDLE: &[&str] = &["a", "e", "i", "o", "u", "ee", "oo", "ai", "ou"];
    const END: &[&str] = &["", "", "", "b", "ck", "l", "m", "n", "p", "r", "x", "zz"];
    let mut word = String::new();
    for _ in 0..random.random_range(syllables) {
        for part in [BEGIN, MIDDLE, END] {
            word.push_str(part.choose(random).copied().unwrap_or_default());
        }
    }
    word
}

/// Generates the default set for a seed.
pub fn generate_default(seed: u64) -> DataSet {
    generate(seed, USERS, COMMANDS)
}

/// Generates commands of `users`, `commands` of each intent. The main task is `intent`, a domain is a user; user
/// number `n` of a seed says the same however many users there are.
///
/// # Panics
/// If there are none.
pub fn generate(seed: u64, users: usize, commands: usize) -> DataSet {
    assert!(users > 0 && commands > 0, "a set without users or commands has no samples");
    let said: Vec<Vec<[f32; FEATURES]>> = (0..users)
        .into_par_iter()
        .map(|user| {
            let mut random = stream(seed, Purpose::Generation, user as u64, 0);
            let user = User::new(&mut random);
            // Intents in turn, so that the first commands of a user do not depend on how many there are.
            (0..commands * INTENTS.len())
                .map(|turn| vector(&user.say(turn % INTENTS.len(), &mut random)))
                .collect()
        })
        .collect();
    let known = intents();
    let tasks = vec![DataSetBuilder::classes("intent", &known)];
    let mut builder = DataSetBuilder::new("text", SampleShape::vector(FEATURES), tasks);
    for (user, vectors) in said.iter().enumerate() {
        let domain = format!("user{user:03}");
        for (turn, vector) in vectors.iter().enumerate() {
            let answer = [Answer::Class(known[turn % known.len()].to_owned())];
            let pushed = builder.push(&domain, &domain, vector, &answer);
            pushed.expect("a vector is of the set's length and finite");
        }
    }
    builder.finish().expect("there are samples")
}

fn vector(command: &str) -> [f32; FEATURES] {
    let mut output = [0.0; FEATURES];
    features(command.as_bytes(), &mut output);
    output
}

/// Commands as text, with the intents' names: `count` of them by one user, for showing.
pub fn examples(seed: u64, user: usize, count: usize) -> Vec<(&'static str, String)> {
    let mut random: ChaCha8Rng = stream(seed, Purpose::Generation, user as u64, 0);
    let user = User::new(&mut random);
    (0..count)
        .map(|turn| turn % INTENTS.len())
        .map(|intent| (INTENTS[intent].name, user.say(intent, &mut random)))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::part::{HoldBack, split};
    use crate::render::Orientation;
    use crate::tasks::{TaskKind, TaskSampler, TaskShape};

    #[test]
    fn a_seed_gives_the_same_users_however_many_there_are() {
        let set = generate(1, 3, 2);
        assert_eq!(set.fingerprint(), generate(1, 3, 2).fingerprint());
        assert_ne!(set.fingerprint(), generate(2, 3, 2).fingerprint());
        assert_eq!((set.len(), set.domains().len()), (3 * 2 * INTENTS.len(), 3));
        let (mut first, mut again) = ([0.0; FEATURES], [0.0; FEATURES]);
        set.render(7, Orientation::UPRIGHT, &mut first);
        generate(1, 1, 1).render(7, Orientation::UPRIGHT, &mut again);
        assert_eq!(first, again);
    }

    #[test]
    fn what_is_shown_is_what_is_generated() {
        let mut input = [0.0; FEATURES];
        let set = generate(5, 3, 1);
        for (turn, (intent, command)) in examples(5, 2, INTENTS.len()).into_iter().enumerate() {
            set.render(2 * INTENTS.len() + turn, Orientation::UPRIGHT, &mut input);
            assert_eq!(vector(&command), input);
            assert_eq!(intent, intents()[turn]);
        }
    }

    #[test]
    fn a_user_has_own_words_and_no_verb_for_two_intents() {
        let users: Vec<User> =
            (0..20).map(|index| User::new(&mut stream(1, Purpose::Generation, index, 0))).collect();
        for user in &users {
            let mut verbs = HashSet::new();
            for [of_intent, _] in &user.cores {
                let of_intent: HashSet<_> = of_intent.iter().collect();
                assert!(of_intent.iter().all(|verb| verbs.insert(*verb)), "{of_intent:?}");
            }
        }
        let words =
            |user: &User| -> HashSet<String> { user.cores.iter().flatten().flatten().cloned().collect() };
        let (first, second) = (words(&users[0]), words(&users[1]));
        let shared = first.intersection(&second).count();
        assert!(shared > 0 && shared < first.len() / 2, "{shared} of {}", first.len());
    }

    #[test]
    fn commands_differ_and_are_mostly_not_their_core() {
        let mut random = stream(1, Purpose::Generation, 0, 0);
        let user = User::new(&mut random);
        let said: Vec<String> = (0..100).map(|turn| user.say(turn % INTENTS.len(), &mut random)).collect();
        assert!(said.iter().collect::<HashSet<_>>().len() > 90);
        let letters = said.iter().map(String::len).sum::<usize>() as f32 / 100.0;
        let cores = user.cores.iter().map(|[verbs, objects]| verbs[0].len() + objects[0].len());
        let core = cores.sum::<usize>() as f32 / INTENTS.len() as f32;
        assert!(letters > 2.0 * core, "{letters} letters, {core} of them core");
    }

    /// By nearest mean: far above chance, so there is something to learn, and far from solved.
    #[test]
    fn a_mean_of_five_commands_is_a_start_and_no_solution() {
        let set = generate(1, 20, 10);
        let (_, part) = split(&set, &HoldBack::LastDomains(10)).unwrap();
        let shape = TaskShape { way: 5, shot: 5, queries: 5 };
        let upright = &[Orientation::UPRIGHT];
        let sampler = TaskSampler::new(&set, &part, TaskKind::NewDomain, shape, upright).unwrap();
        let vector = |sample: usize| {
            let mut input = [0.0; FEATURES];
            set.render(sample, Orientation::UPRIGHT, &mut input);
            input
        };
        let (mut right, mut all) = (0, 0);
        for index in 0..100 {
            let episode = sampler.sample(&mut stream(1, Purpose::Evaluation, index, 0));
            let mut means = [[0.0f32; FEATURES]; 5];
            for sample in &episode.support {
                let mean = means[sample.label].iter_mut();
                mean.zip(vector(sample.drawing)).for_each(|(mean, value)| *mean += value / 5.0);
            }
            for sample in &episode.query {
                let query = vector(sample.drawing);
                let distance = |label: &usize| -> f32 {
                    means[*label]
                        .iter()
                        .zip(&query)
                        .map(|(mean, value)| (mean - value) * (mean - value))
                        .sum()
                };
                let nearest = (0..5).min_by(|a, b| distance(a).total_cmp(&distance(b)));
                right += usize::from(nearest == Some(sample.label));
                all += 1;
            }
        }
        let accuracy = right as f32 / all as f32;
        assert!((0.7..0.88).contains(&accuracy), "{accuracy}");
    }
}
