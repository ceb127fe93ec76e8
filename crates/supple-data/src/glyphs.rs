//! Drawn glyphs: the built-in data set. Seeded stroke alphabets of the same shape as Omniglot, so that everything
//! runs on a machine with no data.
//!
//! A class is a *stroke program*: two to four strokes, each a short chain of points on a coarse grid joined by
//! lines, arcs or loops. An alphabet has a style (how curved, how many strokes, which proportions) that its characters
//! share. A *drawing* is the program run by another hand: every point is moved a little, and the whole is slanted,
//! scaled, turned and drawn with a pen of its own thickness.

use rand::{Rng, RngExt};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::drawings::Drawings;
use crate::random::{Purpose, stream};

/// Alphabets of the default set.
pub const ALPHABETS: usize = 30;
/// Drawings of each character.
pub const DRAWINGS: usize = 20;
/// Side of a drawing, as in Omniglot.
pub const SIDE: usize = 105;

pub(crate) type Point = [f32; 2];

/// How an alphabet looks.
pub(crate) struct Style {
    pub curvature: f32,
    pub most_strokes: u32,
    pub aspect: f32,
}

/// A stroke: points to pass, and how far each joint bulges to the side.
pub(crate) struct Stroke {
    pub points: Vec<Point>,
    pub bulges: Vec<f32>,
}

/// How one drawing is written.
pub(crate) struct Pen {
    pub thickness: f32,
    pub scale: f32,
    pub aspect: f32,
    pub slant: f32,
    pub turn: f32,
    pub shift: [f32; 2],
}

/// Generates the default set for a seed: 30 alphabets of 14 to 50 characters, 20 drawings each.
pub fn generate(seed: u64) -> Drawings {
    generate_sized(seed, ALPHABETS, 14..=50)
}

/// Generates a set of another size: `alphabets`, each with a number of characters in `characters`.
pub fn generate_sized(seed: u64, alphabets: usize, characters: std::ops::RangeInclusive<usize>) -> Drawings {
    let mut set = Drawings::new("glyphs", SIDE);
    for alphabet in 0..alphabets {
        let mut random = stream(seed, Purpose::Generation, alphabet as u64, 0);
        let style = Style {
            curvature: random.random_range(0.0..0.9),
            most_strokes: random.random_range(2..=4),
            aspect: random.random_range(0.7..1.3),
        };
        let programs: Vec<Vec<Stroke>> =
            (0..random.random_range(characters.clone())).map(|_| program(&style, &mut random)).collect();
        let drawn: Vec<Vec<Vec<u8>>> = programs
            .par_iter()
            .enumerate()
            .map(|(index, strokes)| {
                (0..DRAWINGS)
                    .map(|drawing| {
                        let part = 1 + (index * DRAWINGS + drawing) as u64;
                        draw(strokes, &mut stream(seed, Purpose::Generation, alphabet as u64, part))
                    })
                    .collect()
            })
            .collect();
        for (index, drawings) in drawn.iter().enumerate() {
            set.push(&format!("glyphs{alphabet:02}"), &format!("character{:02}", index + 1), drawings);
        }
    }
    set
}

/// Makes up a character.
pub(crate) fn program(style: &Style, random: &mut ChaCha8Rng) -> Vec<Stroke> {
    let strokes = random.random_range(1..=style.most_strokes).max(random.random_range(1..=2));
    let mut last: Option<Point> = None;
    (0..strokes)
        .map(|_| {
            let length = random.random_range(2..=4);
            let mut points: Vec<Point> = Vec::with_capacity(length);
            while points.len() < length {
                // Strokes of a character often meet.
                let joint = last.filter(|_| points.is_empty() && random.random_bool(0.5));
                let point = joint.unwrap_or_else(|| {
                    let grid = |random: &mut ChaCha8Rng| random.random_range(0..5) as f32 / 4.0 - 0.5;
                    [grid(random) * style.aspect, grid(random) / style.aspect]
                });
                if points.last().is_none_or(|p| distance(*p, point) > 0.2) {
                    points.push(point);
                }
            }
            last = Some(points[random.random_range(0..points.len())]);
            let bulges = (1..length)
                .map(|_| {
                    if random.random::<f32>() < style.curvature {
                        random.random_range(-0.6..0.6)
                    } else {
                        0.0
                    }
                })
                .collect();
            Stroke { points, bulges }
        })
        .collect()
}

fn distance(a: Point, b: Point) -> f32 {
    libm::hypotf(a[0] - b[0], a[1] - b[1])
}

/// Roughly normal, by the sum of four even draws; standard deviation `deviation`.
pub(crate) fn jitter(deviation: f32, random: &mut impl Rng) -> f32 {
    let sum: f32 = (0..4).map(|_| random.random::<f32>() - 0.5).sum();
    sum * deviation * 1.732
}

/// One drawing of a character, by any hand.
fn draw(strokes: &[Stroke], random: &mut ChaCha8Rng) -> Vec<u8> {
    let pen = Pen::any(random);
    pen.draw(strokes, random)
}

impl Pen {
    /// As any hand would hold it.
    pub(crate) fn any(random: &mut ChaCha8Rng) -> Self {
        Self {
            thickness: 1.3 + random.random_range(0.0..1.6f32),
            scale: SIDE as f32 * (0.66 + jitter(0.05, random)),
            aspect: 1.0 + jitter(0.08, random),
            slant: jitter(0.12, random),
            turn: jitter(0.09, random),
            shift: [jitter(3.5, random), jitter(3.5, random)],
        }
    }

    /// Draws a character, every point of it moved a little.
    pub(crate) fn draw(&self, strokes: &[Stroke], random: &mut ChaCha8Rng) -> Vec<u8> {
        let Self { thickness, scale, aspect, slant, turn, shift } = *self;
        let (sine, cosine) = libm::sincosf(turn);
        let place = |p: Point| {
            let (x, y) = ((p[0] + slant * p[1]) * scale * aspect, p[1] * scale / aspect);
            [
                SIDE as f32 / 2.0 + shift[0] + cosine * x - sine * y,
                SIDE as f32 / 2.0 + shift[1] + sine * x + cosine * y,
            ]
        };
        let mut pixels = vec![0u8; SIDE * SIDE];
        for stroke in strokes {
            let moved: Vec<Point> = stroke
                .points
                .iter()
                .map(|p| [p[0] + jitter(0.035, random), p[1] + jitter(0.035, random)])
                .collect();
            for (ends, bulge) in moved.windows(2).zip(&stroke.bulges) {
                let bulge = bulge + jitter(0.05, random);
                let mut from = place(ends[0]);
                for step in 1..=12 {
                    let to = place(arc(ends[0], ends[1], bulge, step as f32 / 12.0));
                    ink_line(&mut pixels, from, to, thickness);
                    from = to;
                }
            }
        }
        pixels
    }
}

/// A point of the parabola from `a` to `b` whose middle lies `bulge` of the chord's length off to the side.
fn arc(a: Point, b: Point, bulge: f32, t: f32) -> Point {
    let chord = [b[0] - a[0], b[1] - a[1]];
    let side = 4.0 * t * (1.0 - t) * bulge;
    [a[0] + t * chord[0] - side * chord[1], a[1] + t * chord[1] + side * chord[0]]
}

/// Inks every pixel within `radius` of the line.
fn ink_line(pixels: &mut [u8], a: Point, b: Point, radius: f32) {
    let limit = |v: f32| (v.max(0.0) as usize).min(SIDE - 1);
    let columns = limit(a[0].min(b[0]) - radius)..=limit(a[0].max(b[0]) + radius);
    let chord = [b[0] - a[0], b[1] - a[1]];
    let square = (chord[0] * chord[0] + chord[1] * chord[1]).max(1e-6);
    for row in limit(a[1].min(b[1]) - radius)..=limit(a[1].max(b[1]) + radius) {
        for column in columns.clone() {
            let p = [column as f32 + 0.5 - a[0], row as f32 + 0.5 - a[1]];
            let along = ((p[0] * chord[0] + p[1] * chord[1]) / square).clamp(0.0, 1.0);
            let off = [p[0] - along * chord[0], p[1] - along * chord[1]];
            if off[0] * off[0] + off[1] * off[1] <= radius * radius {
                pixels[row * SIDE + column] = 255;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_drawings_and_another_does_not() {
        let set = |seed| generate_sized(seed, 2, 3..=4).fingerprint();
        assert_eq!(set(1), set(1));
        assert_ne!(set(1), set(2));
    }

    #[test]
    fn every_drawing_has_ink_and_differs_from_its_siblings() {
        let set = generate_sized(3, 3, 5..=8);
        for character in set.characters() {
            assert_eq!(character.drawings.len(), DRAWINGS);
            for drawing in character.drawings.clone() {
                let ink = set.pixels(drawing).iter().filter(|&&p| p > 0).count();
                assert!((100..6000).contains(&ink), "{ink} inked pixels");
                assert!(
                    drawing == character.drawings.start || set.pixels(drawing) != set.pixels(drawing - 1)
                );
            }
        }
    }
}
