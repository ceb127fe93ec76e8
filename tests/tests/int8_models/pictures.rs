//! Pictures of 32 × 32 pixels in three colours from 0 to 255, drawn from a seed: rough scenes of what the model was
//! trained to name (aircraft, ships, cars, trucks, animals), through a soft lens, with the grain of a camera.
//!
//! A model that is shown what it does not know is torn between classes, and then any rounding decides. [`Pictures::shapes`]
//! gives such pictures.

/// Values of a picture, `[row][column][colour]`.
pub const PICTURE: usize = SIDE * SIDE * 3;
const SIDE: usize = 32;

type Colour = [f32; 3];

/// `state = state * 6364136223846793005 + 1442695040888963407` in 64 bits, of which the upper 24 are used: any
/// program can repeat it.
pub struct Pictures {
    state: u64,
    picture: Vec<f32>,
}

impl Pictures {
    /// From a seed.
    pub fn new(seed: u64) -> Self {
        Self { state: seed, picture: Vec::new() }
    }

    /// From 0 to below 1.
    fn unit(&mut self) -> f32 {
        self.state =
            self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 40) as f32 / (1u32 << 24) as f32
    }

    fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// A colour near another.
    fn near(&mut self, colour: Colour, reach: f32) -> Colour {
        let light = self.between(-reach, reach);
        colour.map(|part| (part + light + self.between(-reach / 2.0, reach / 2.0)).clamp(0.0, 255.0))
    }

    /// The next scene.
    pub fn draw(&mut self) -> Vec<f32> {
        self.picture = vec![0.0; PICTURE];
        match (self.unit() * 6.0) as usize {
            0 => self.aircraft(),
            1 => self.ship(),
            2 => self.car(),
            3 => self.truck(),
            4 => self.animal_on_a_field(),
            _ => self.face(),
        }
        self.photographed()
    }

    /// The next picture of gradients and shapes that are nothing.
    pub fn shapes(&mut self) -> Vec<f32> {
        self.picture = vec![0.0; PICTURE];
        let any = [127.0; 3];
        let (above, below) = (self.near(any, 120.0), self.near(any, 120.0));
        self.ground(above, below, 0.0);
        for _ in 0..1 + (self.unit() * 4.0) as usize {
            let colour = self.near(any, 120.0);
            let (x, y) = (self.between(4.0, 28.0), self.between(4.0, 28.0));
            let (width, height) = (self.between(3.0, 12.0), self.between(3.0, 12.0));
            if self.unit() < 0.5 {
                self.disc(x, y, width, height, colour);
            } else {
                self.block(x - width, y - height, x + width, y + height, colour);
            }
        }
        self.photographed()
    }

    fn photographed(&mut self) -> Vec<f32> {
        // No lens draws an edge from one pixel to the next.
        let mut picture = blurred(&blurred(&self.picture, 3), 3 * SIDE);
        let (light, grain) = (self.between(0.75, 1.1), self.between(1.0, 8.0));
        for value in &mut picture {
            let noise = (0..4).map(|_| self.unit()).sum::<f32>() - 2.0;
            *value = (*value * light + grain * noise).clamp(0.0, 255.0).round();
        }
        picture
    }

    /// Sky from one colour to another down to `horizon`, and below it again.
    fn ground(&mut self, above: Colour, below: Colour, horizon: f32) {
        for (at, pixel) in self.picture.chunks_exact_mut(3).enumerate() {
            let y = (at / SIDE) as f32;
            let part = if y < horizon { 0.3 * y / horizon } else { (y + 8.0) / (SIDE + 8) as f32 };
            for (value, (above, below)) in pixel.iter_mut().zip(above.iter().zip(below)) {
                *value = above + (below - above) * part;
            }
        }
    }

    fn fill(&mut self, colour: Colour, inside: impl Fn(f32, f32) -> bool) {
        for (at, pixel) in self.picture.chunks_exact_mut(3).enumerate() {
            if inside((at % SIDE) as f32, (at / SIDE) as f32) {
                pixel.copy_from_slice(&colour);
            }
        }
    }

    fn disc(&mut self, x: f32, y: f32, width: f32, height: f32, colour: Colour) {
        self.fill(colour, |a, b| ((a - x) / width).powi(2) + ((b - y) / height).powi(2) < 1.0);
    }

    fn block(&mut self, left: f32, top: f32, right: f32, bottom: f32, colour: Colour) {
        self.fill(colour, |x, y| left <= x && x < right && top <= y && y < bottom);
    }

    fn aircraft(&mut self) {
        let (high, low) = (self.near([90.0, 150.0, 215.0], 25.0), self.near([185.0, 210.0, 235.0], 20.0));
        self.ground(high, low, 0.0);
        let body = self.near([200.0, 203.0, 208.0], 35.0);
        let shade = body.map(|part| 0.6 * part);
        let (x, y) = (self.between(13.0, 19.0), self.between(12.0, 20.0));
        let length = self.between(9.0, 13.0);
        let rise = self.between(-0.25, 0.25);
        let thick = self.between(1.6, 2.6);
        self.fill(shade, |a, b| {
            let (a, b) = (a - x, b - y);
            (b - 0.8 * a - 1.0).abs() < 2.0 && (-1.0..length * 0.6).contains(&b)
        });
        self.fill(body, |a, b| ((a - x) / length).powi(2) + ((b - y - rise * (a - x)) / thick).powi(2) < 1.0);
        let tail = x - length;
        self.fill(body, |a, b| (tail..tail + 4.0).contains(&a) && (y - 6.0 + (a - tail)..y).contains(&b));
    }

    fn ship(&mut self) {
        let (sky, sea) = (self.near([180.0, 200.0, 220.0], 25.0), self.near([45.0, 85.0, 125.0], 20.0));
        self.ground(sky, sky, 0.0);
        let horizon = self.between(17.0, 22.0);
        self.block(0.0, horizon, 32.0, 32.0, sea);
        let hull = self.near([70.0, 60.0, 70.0], 50.0);
        let (left, right) = (self.between(2.0, 7.0), self.between(24.0, 30.0));
        self.fill(hull, |x, y| {
            let slope = (y - horizon + 4.0) * 0.7;
            (horizon - 4.0..horizon + 2.0).contains(&y) && (left + slope..right - slope).contains(&x)
        });
        let upper = self.near([225.0, 225.0, 225.0], 25.0);
        let from = self.between(left + 3.0, left + 9.0);
        self.block(from, horizon - 8.0, from + 9.0, horizon - 4.0, upper);
        self.block(from + 3.0, horizon - 13.0, from + 5.0, horizon - 8.0, upper);
    }

    /// A road with something behind it.
    fn road(&mut self) -> f32 {
        let behind = if self.unit() < 0.5 { [110.0, 130.0, 95.0] } else { [190.0, 190.0, 188.0] };
        let behind = self.near(behind, 30.0);
        self.ground(behind, behind, 0.0);
        let road = self.near([125.0, 122.0, 120.0], 25.0);
        self.block(0.0, 20.0, 32.0, 32.0, road);
        self.between(23.0, 26.0)
    }

    fn wheels(&mut self, bottom: f32, places: [f32; 2], size: f32) {
        for x in places {
            self.disc(x, bottom, size, size, [25.0, 25.0, 28.0]);
            self.disc(x, bottom, size / 2.0, size / 2.0, [150.0, 150.0, 155.0]);
        }
    }

    fn car(&mut self) {
        let bottom = self.road();
        let base = [[170.0, 30.0, 30.0], [40.0, 60.0, 130.0], [200.0; 3], [60.0; 3]];
        let paint = base[(self.unit() * 4.0) as usize % 4];
        let body = self.near(paint, 30.0);
        let (left, right) = (self.between(2.0, 5.0), self.between(27.0, 30.0));
        self.fill(body, |x, y| {
            let roof = (bottom - 13.0..bottom - 6.0).contains(&y);
            let inset = 0.7 * (bottom - 6.0 - y);
            roof && (left + 5.0 + inset..right - 4.0 - inset).contains(&x)
        });
        self.block(left + 10.0, bottom - 11.0, right - 9.0, bottom - 7.0, [50.0, 60.0, 70.0]);
        self.block(left, bottom - 7.0, right, bottom, body);
        self.wheels(bottom, [left + 6.0, right - 6.0], 3.2);
    }

    fn truck(&mut self) {
        let bottom = self.road();
        let load = self.near([205.0, 200.0, 195.0], 40.0);
        let cabin = self.near([150.0, 50.0, 40.0], 50.0);
        let (left, middle) = (self.between(1.0, 4.0), self.between(19.0, 22.0));
        self.block(left, bottom - 17.0, middle, bottom - 2.0, load);
        self.block(middle + 1.0, bottom - 12.0, 30.0, bottom - 1.0, cabin);
        self.block(middle + 4.0, bottom - 11.0, 29.0, bottom - 7.0, [60.0, 70.0, 85.0]);
        self.wheels(bottom, [left + 5.0, 26.0], 3.0);
    }

    fn animal_on_a_field(&mut self) {
        let (far, near) = (self.near([140.0, 150.0, 110.0], 35.0), self.near([95.0, 125.0, 60.0], 25.0));
        self.ground(far, near, 0.0);
        let fur = self.near([115.0, 75.0, 45.0], 30.0);
        let (x, y) = (self.between(14.0, 18.0), self.between(14.0, 18.0));
        let long = self.between(8.0, 10.0);
        self.disc(x, y, long, 4.5, fur);
        for leg in [-0.75, -0.5, 0.45, 0.7] {
            let at = x + leg * long;
            self.block(at, y + 2.0, at + 1.8, y + 12.0, fur.map(|part| 0.8 * part));
        }
        let head = [x + long + 1.0, y - 8.0];
        self.fill(fur, |a, b| {
            let up = y - b;
            (0.0..9.0).contains(&up) && (a - (x + long - 3.0 + 0.4 * up)).abs() < 2.2
        });
        self.disc(head[0], head[1], 3.6, 2.2, fur);
    }

    /// A cat's or a dog's.
    fn face(&mut self) {
        let (wall, floor) = (self.near([165.0, 150.0, 135.0], 45.0), self.near([120.0, 105.0, 95.0], 40.0));
        self.ground(wall, floor, 0.0);
        let base = [[120.0, 100.0, 80.0], [60.0, 55.0, 50.0], [190.0, 165.0, 130.0]];
        let coat = base[(self.unit() * 3.0) as usize % 3];
        let fur = self.near(coat, 25.0);
        let dark = fur.map(|part| 0.55 * part);
        let (x, y, size) = (self.between(13.0, 19.0), self.between(12.0, 15.0), self.between(7.0, 9.0));
        self.disc(x, 32.0, size + 2.0, 14.0, fur.map(|part| 0.85 * part));
        for side in [-1.0, 1.0] {
            let ear = x + side * size * 0.7;
            self.fill(dark, |a, b| {
                let up = y - size * 0.5 - b;
                (0.0..size * 0.8).contains(&up) && (a - ear).abs() < (size * 0.8 - up) * 0.5
            });
        }
        self.disc(x, y, size, size * 0.9, fur);
        for side in [-1.0, 1.0] {
            self.disc(x + side * size * 0.4, y - 1.0, 1.4, 1.4, [30.0, 35.0, 25.0]);
        }
        self.disc(x, y + size * 0.4, size * 0.4, size * 0.3, fur.map(|part| (1.25 * part).min(255.0)));
        self.disc(x, y + size * 0.3, 1.5, 1.1, [40.0, 30.0, 30.0]);
    }
}

/// Each value with a quarter of its neighbours' at a distance; at the picture's ends, of its own.
fn blurred(picture: &[f32], distance: usize) -> Vec<f32> {
    let line = if distance == 3 { 3 * SIDE } else { PICTURE };
    let value = |(place, own): (usize, &f32)| {
        let within = place % line;
        let before = if within >= distance { picture[place - distance] } else { *own };
        let after = if within + distance < line { picture[place + distance] } else { *own };
        0.25 * before + 0.5 * own + 0.25 * after
    };
    picture.iter().enumerate().map(value).collect()
}

#[test]
fn pictures_differ_and_repeat() {
    let (mut one, mut other) = (Pictures::new(1), Pictures::new(1));
    let (first, second) = (one.draw(), one.shapes());
    assert_eq!(first.len(), PICTURE);
    assert!(first.iter().chain(&second).all(|value| (0.0..=255.0).contains(value)));
    assert_ne!(first, second);
    assert_eq!((other.draw(), other.shapes()), (first, second));
}
