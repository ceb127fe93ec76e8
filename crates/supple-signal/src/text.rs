//! A short text as a fixed vector: its character n-grams, hashed.
//!
//! A word is a run of letters and digits, in lower case, between two marks. Every run of 3 to 5 characters of a word
//! with its marks adds 1 or −1, by its hash, to one place of the vector, which is then brought to length 1. So `on` is
//! `^on$`: `^on`, `on$` and `^on$`. Words that look alike (plurals, typing errors) share most of their runs, and what
//! was never seen has a place as well. Texts are bytes in UTF-8; a character outside ASCII counts as its bytes.

/// Length of the vector, a power of two.
pub const FEATURES: usize = 256;
/// The shortest runs.
pub const SHORTEST: usize = 3;
/// The longest runs.
pub const LONGEST: usize = 5;

/// Before a word and after it. Not letters, so a word can never hold them.
const START: u8 = b'^';
const END: u8 = b'$';

/// Writes the vector of a text. One without letters and digits, or whose runs cancel out, becomes zeros.
pub fn features(text: &[u8], output: &mut [f32; FEATURES]) {
    output.fill(0.0);
    for word in text.split(|&byte| !belongs(byte)).filter(|word| !word.is_empty()) {
        add_word(word, output);
    }
    let squares = output.iter().fold(0.0, |sum, value| sum + value * value);
    if squares > 0.0 {
        let length = libm::sqrtf(squares);
        output.iter_mut().for_each(|value| *value /= length);
    }
}

/// Whether a byte is part of a word.
fn belongs(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || !byte.is_ascii()
}

fn add_word(word: &[u8], output: &mut [f32; FEATURES]) {
    // From every character on, a hash that grows by one character after the other.
    let marked = |skip: usize| {
        let characters = core::iter::once(START).chain(word.iter().copied());
        characters.chain(core::iter::once(END)).skip(skip).take(LONGEST)
    };
    for skip in 0..word.len() {
        let mut hash = Fnv::new();
        for (before, byte) in marked(skip).enumerate() {
            hash.add(byte.to_ascii_lowercase());
            if before + 1 >= SHORTEST {
                let (place, sign) = hash.place();
                output[place % FEATURES] += sign;
            }
        }
    }
}

/// FNV-1a of 32 bits.
struct Fnv(u32);

impl Fnv {
    const fn new() -> Self {
        Self(0x811c_9dc5)
    }

    fn add(&mut self, byte: u8) {
        self.0 = (self.0 ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    }

    /// A place and a sign. FNV leaves the last byte's mark on its low bits, so they are mixed with the high ones.
    fn place(&self) -> (usize, f32) {
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 16)).wrapping_mul(0x85eb_ca6b);
        mixed = (mixed ^ (mixed >> 13)).wrapping_mul(0xc2b2_ae35);
        mixed ^= mixed >> 16;
        ((mixed >> 1) as usize, if mixed & 1 == 0 { 1.0 } else { -1.0 })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(text: &str) -> [f32; FEATURES] {
        let mut output = [f32::NAN; FEATURES];
        features(text.as_bytes(), &mut output);
        output
    }

    fn product(a: &str, b: &str) -> f32 {
        of(a).iter().zip(of(b)).map(|(a, b)| a * b).sum()
    }

    #[test]
    fn the_hash_is_fnv_1a() {
        // From the reference at isthe.com/chongo/tech/comp/fnv.
        let hash = |text: &[u8]| {
            let mut hash = Fnv::new();
            text.iter().for_each(|&byte| hash.add(byte));
            hash.0
        };
        assert_eq!((hash(b""), hash(b"a"), hash(b"foobar")), (0x811c_9dc5, 0xe40c_292c, 0xbf9c_f968));
    }

    #[test]
    fn a_word_of_two_letters_has_three_runs() {
        let mut expected = [0.0; FEATURES];
        for run in [&b"^on"[..], b"on$", b"^on$"] {
            let mut hash = Fnv::new();
            run.iter().for_each(|&byte| hash.add(byte));
            let (place, sign) = hash.place();
            expected[place % FEATURES] += sign;
        }
        let length = libm::sqrtf(expected.iter().map(|value| value * value).sum());
        assert_eq!(of("on"), expected.map(|value| value / length));
        assert_eq!(of(" On!"), of("on"));
    }

    #[test]
    fn alike_words_are_near_and_others_are_not() {
        assert!(product("kitchen lights", "kitchen light") > 0.7);
        assert!(product("kitchen lights", "kitchne lights") > 0.4);
        assert!(product("kitchen lights", "weather tomorrow").abs() < 0.35);
        // The order of words does not count, that of letters does.
        assert_eq!(of("light on"), of("on light"));
        assert_ne!(of("no"), of("on"));
    }

    #[test]
    fn nothing_comes_of_nothing() {
        for text in ["", " ", "?!…".trim_end_matches('…'), "-- ,,"] {
            assert_eq!(of(text), [0.0; FEATURES]);
        }
        assert_ne!(of("é"), [0.0; FEATURES]);
    }

    proptest! {
        #[test]
        fn any_bytes_become_a_vector_of_length_one_or_zeros(
            text in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let mut output = [f32::NAN; FEATURES];
            features(&text, &mut output);
            let squares: f32 = output.iter().map(|value| value * value).sum();
            prop_assert!(squares == 0.0 || (squares - 1.0).abs() < 1e-4, "{squares}");
        }
    }
}
