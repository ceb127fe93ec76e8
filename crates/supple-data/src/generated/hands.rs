//! The same characters, written by different hands.
//!
//! All hands share one small alphabet, whose characters are the classes and keep their meaning. A *hand* (a domain)
//! has habits that all its characters show: slant, turn, width, pen, how much it rounds what is straight, and a bent
//! sheet of its own, on which every point of a 3 × 3 grid is pulled somewhere else. Besides, it has its own way with
//! each character: points and curves that are elsewhere than in the copybook, every time. Only what is left varies from
//! drawing to drawing, as in [`glyphs`](crate::glyphs). So a character of a new hand may look more like another
//! character of the copybook than like itself, until a few drawings have been seen.

use rand::{Rng, RngExt};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::drawings::Drawings;
use crate::glyphs::{Pen, Point, SIDE, Stroke, Style, jitter, program};
use crate::random::{Purpose, stream};
use crate::render::{INPUT_LENGTH, INPUT_SIDE, Orientation};
use crate::samples::{Answer, DataSet, DataSetBuilder, SampleShape};

/// Hands of the default set.
pub const HANDS: usize = 150;
/// Characters of the default set: the classes.
pub const CHARACTERS: usize = 12;
/// Drawings of each character by each hand in the default set.
pub const DRAWINGS: usize = 20;

/// Standard deviation of where a hand puts a character's points, as a part of the character's size.
const OWN_POINTS: f32 = 0.09;
/// Standard deviation of how far a hand bends a character's curves.
const OWN_BULGES: f32 = 0.2;
/// Standard deviation of where a hand's sheet pulls points.
const OWN_SHEET: f32 = 0.07;

/// Habits.
struct Hand {
    slant: f32,
    turn: f32,
    scale: f32,
    aspect: f32,
    thickness: f32,
    roundness: f32,
    /// By row and column of the grid, how points there are moved.
    sheet: [[Point; 3]; 3],
}

impl Hand {
    fn new(random: &mut impl Rng) -> Self {
        Self {
            slant: jitter(0.3, random),
            turn: jitter(0.15, random),
            scale: 1.0 + jitter(0.1, random),
            aspect: 1.0 + jitter(0.15, random),
            thickness: random.random_range(0.7..1.8),
            roundness: jitter(0.15, random),
            sheet: std::array::from_fn(|_| {
                std::array::from_fn(|_| [jitter(OWN_SHEET, random), jitter(OWN_SHEET, random)])
            }),
        }
    }

    /// Where a point comes to lie on the bent sheet.
    fn bend(&self, point: Point) -> Point {
        // Characters reach from −0.65 to 0.65.
        let [column, row] = point.map(|p| ((p + 0.65) / 1.3 * 2.0).clamp(0.0, 2.0));
        let (left, top) = ((column as usize).min(1), (row as usize).min(1));
        let (across, down) = (column - left as f32, row - top as f32);
        std::array::from_fn(|axis| {
            let between = |row: usize| {
                let [from, to] = [self.sheet[row][left][axis], self.sheet[row][left + 1][axis]];
                from + across * (to - from)
            };
            let (above, below) = (between(top), between(top + 1));
            point[axis] + above + down * (below - above)
        })
    }

    /// A character as this hand means it.
    fn own(&self, copybook: &[Stroke], random: &mut impl Rng) -> Vec<Stroke> {
        let stroke = |stroke: &Stroke| Stroke {
            points: stroke
                .points
                .iter()
                .map(|p| self.bend([p[0] + jitter(OWN_POINTS, random), p[1] + jitter(OWN_POINTS, random)]))
                .collect(),
            bulges: stroke
                .bulges
                .iter()
                .map(|bulge| bulge + self.roundness + jitter(OWN_BULGES, random))
                .collect(),
        };
        copybook.iter().map(stroke).collect()
    }

    fn pen(&self, random: &mut ChaCha8Rng) -> Pen {
        let any = Pen::any(random);
        Pen {
            thickness: any.thickness * self.thickness,
            scale: any.scale * self.scale,
            aspect: any.aspect * self.aspect,
            slant: any.slant + self.slant,
            turn: any.turn + self.turn,
            shift: any.shift,
        }
    }
}

/// Generates the default set for a seed.
pub fn generate_default(seed: u64) -> DataSet {
    generate(seed, HANDS, CHARACTERS, DRAWINGS)
}

/// Generates `drawings` of each of `characters` by each of `hands`, as inputs of a trunk. The main task is `character`,
/// a domain is a hand; hand number `n` of a seed writes the same however many hands there are.
///
/// # Panics
/// If there are none.
pub fn generate(seed: u64, hands: usize, characters: usize, drawings: usize) -> DataSet {
    assert!(hands > 0 && characters > 0 && drawings > 0, "a set without hands or characters has no samples");
    let mut random = stream(seed, Purpose::Generation, u64::MAX, 0);
    let style = Style { curvature: 0.45, most_strokes: 3, aspect: 1.0 };
    let copybook: Vec<Vec<Stroke>> = (0..characters).map(|_| program(&style, &mut random)).collect();
    let written: Vec<Vec<f32>> = (0..hands)
        .into_par_iter()
        .map(|hand| {
            let mut random = stream(seed, Purpose::Generation, hand as u64, 0);
            let hand = Hand::new(&mut random);
            let mut sheet = Drawings::new("glyph-hands", SIDE);
            for strokes in &copybook {
                let own = hand.own(strokes, &mut random);
                let drawn: Vec<Vec<u8>> =
                    (0..drawings).map(|_| hand.pen(&mut random).draw(&own, &mut random)).collect();
                sheet.push("", "", &drawn);
            }
            let mut inputs = vec![0.0; sheet.len() * INPUT_LENGTH];
            for (drawing, input) in inputs.chunks_exact_mut(INPUT_LENGTH).enumerate() {
                sheet.render(drawing, Orientation::UPRIGHT, input);
            }
            inputs
        })
        .collect();
    let names: Vec<String> = (0..characters).map(|character| format!("character{character:02}")).collect();
    let known: Vec<&str> = names.iter().map(String::as_str).collect();
    let shape = SampleShape { height: INPUT_SIDE, width: INPUT_SIDE, channels: 1 };
    let mut builder =
        DataSetBuilder::new("glyph-hands", shape, vec![DataSetBuilder::classes("character", &known)]);
    for (hand, inputs) in written.iter().enumerate() {
        let domain = format!("hand{hand:03}");
        for (drawing, input) in inputs.chunks_exact(INPUT_LENGTH).enumerate() {
            let answer = [Answer::Class(names[drawing / drawings].clone())];
            let pushed = builder.push(&domain, &domain, input, &answer);
            pushed.expect("a drawing is of the set's size and finite");
        }
    }
    builder.finish().expect("there are samples")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(set: &DataSet, sample: usize) -> Vec<f32> {
        let mut input = vec![0.0; INPUT_LENGTH];
        set.render(sample, Orientation::UPRIGHT, &mut input);
        input
    }

    #[test]
    fn a_seed_gives_the_same_hands_however_many_there_are() {
        let set = generate(1, 3, 4, 2);
        assert_eq!((set.len(), set.domains().len()), (3 * 4 * 2, 3));
        assert_eq!(set.fingerprint(), generate(1, 3, 4, 2).fingerprint());
        assert_ne!(set.fingerprint(), generate(2, 3, 4, 2).fingerprint());
        assert_eq!(input(&set, 13), input(&generate(1, 2, 4, 2), 13));
    }

    #[test]
    fn every_drawing_has_ink_and_none_is_drawn_twice() {
        let set = generate(1, 5, 4, 3);
        let inputs: Vec<Vec<f32>> = (0..set.len()).map(|sample| input(&set, sample)).collect();
        for (sample, drawing) in inputs.iter().enumerate() {
            let ink: f32 = drawing.iter().sum();
            assert!((5.0..400.0).contains(&ink), "{ink}");
            assert!(!inputs[..sample].contains(drawing));
        }
    }

    /// What there is to adapt to: by the mean of its own drawings a hand is read better than by the means of others.
    #[test]
    fn a_hand_is_read_better_by_its_own_drawings() {
        const WRITTEN: usize = 10;
        let set = generate(1, 30, CHARACTERS, WRITTEN);
        let mean = |hands: std::ops::Range<usize>, character: usize, drawings: std::ops::Range<usize>| {
            let mut mean = vec![0.0f32; INPUT_LENGTH];
            for hand in hands {
                for drawing in drawings.clone() {
                    let sample = (hand * CHARACTERS + character) * WRITTEN + drawing;
                    mean.iter_mut().zip(input(&set, sample)).for_each(|(mean, value)| *mean += value);
                }
            }
            let length = mean.iter().map(|value| value * value).sum::<f32>().sqrt();
            mean.iter_mut().for_each(|value| *value /= length);
            mean
        };
        let others: Vec<Vec<f32>> = (0..CHARACTERS).map(|class| mean(0..20, class, 0..WRITTEN)).collect();
        let (mut by_others, mut by_own, mut all) = (0, 0, 0);
        for hand in 20..30 {
            let own: Vec<Vec<f32>> = (0..CHARACTERS).map(|class| mean(hand..hand + 1, class, 0..5)).collect();
            for class in 0..CHARACTERS {
                for drawing in 5..WRITTEN {
                    let query = input(&set, (hand * CHARACTERS + class) * WRITTEN + drawing);
                    let read = |means: &[Vec<f32>]| {
                        let product =
                            |k: &usize| means[*k].iter().zip(&query).map(|(a, b)| a * b).sum::<f32>();
                        (0..CHARACTERS).max_by(|a, b| product(a).total_cmp(&product(b)))
                    };
                    by_others += usize::from(read(&others) == Some(class));
                    by_own += usize::from(read(&own) == Some(class));
                    all += 1;
                }
            }
        }
        let share = |right: usize| right as f32 / all as f32;
        println!("by others {}, by its own {}", share(by_others), share(by_own));
        assert!(share(by_own) > share(by_others) + 0.1, "{} {}", share(by_own), share(by_others));
    }
}
