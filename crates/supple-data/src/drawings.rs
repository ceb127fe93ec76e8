//! A data set of drawings, grouped by character and alphabet.

use std::ops::Range;
use std::sync::OnceLock;

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::render::{shrink, soften};

/// One character: a class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Character {
    /// The alphabet it belongs to: what a split never cuts through.
    pub alphabet: String,
    /// Its name within the alphabet.
    pub name: String,
    /// Its drawings, as indices into the data set.
    pub drawings: Range<usize>,
}

/// Square drawings in grey levels, 255 being full ink; characters in order of alphabet and name.
#[derive(Debug, Clone)]
pub struct Drawings {
    name: String,
    side: usize,
    pixels: Vec<u8>,
    characters: Vec<Character>,
    /// Made when first wanted: what renderings read.
    shrunk: OnceLock<Vec<u8>>,
    softened: OnceLock<Vec<u8>>,
}

impl Drawings {
    /// An empty set of drawings `side` pixels high and wide.
    pub(crate) fn new(name: impl Into<String>, side: usize) -> Self {
        Self {
            name: name.into(),
            side,
            pixels: Vec::new(),
            characters: Vec::new(),
            shrunk: OnceLock::new(),
            softened: OnceLock::new(),
        }
    }

    /// Appends a character; each drawing holds `side * side` grey levels.
    pub(crate) fn push(&mut self, alphabet: &str, name: &str, drawings: &[Vec<u8>]) {
        let first = self.len();
        (self.shrunk, self.softened) = (OnceLock::new(), OnceLock::new());
        for drawing in drawings {
            assert_eq!(drawing.len(), self.side * self.side, "loaders check sizes first");
            self.pixels.extend_from_slice(drawing);
        }
        self.characters.push(Character {
            alphabet: alphabet.to_owned(),
            name: name.to_owned(),
            drawings: first..self.len(),
        });
    }

    /// What the data set is called in reports.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Height and width of every drawing, in pixels.
    pub fn side(&self) -> usize {
        self.side
    }

    /// The number of drawings.
    pub fn len(&self) -> usize {
        self.pixels.len() / (self.side * self.side)
    }

    /// Whether there is no drawing at all.
    pub fn is_empty(&self) -> bool {
        self.pixels.is_empty()
    }

    /// All characters, sorted by alphabet, then by name.
    pub fn characters(&self) -> &[Character] {
        &self.characters
    }

    /// Names of the alphabets, in order.
    pub fn alphabets(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.characters.iter().map(|c| c.alphabet.as_str()).collect();
        names.dedup();
        names
    }

    /// Grey levels of one drawing, row by row.
    ///
    /// # Panics
    /// If `drawing` is not below [`len`](Self::len).
    pub fn pixels(&self, drawing: usize) -> &[u8] {
        let size = self.side * self.side;
        &self.pixels[drawing * size..(drawing + 1) * size]
    }

    /// All drawings at 28 × 28.
    pub(crate) fn shrunk(&self) -> &[u8] {
        self.shrunk.get_or_init(|| self.each(|pixels| shrink(pixels, self.side).to_vec()))
    }

    /// All drawings, softened by the area of a pixel of 28 × 28.
    pub(crate) fn softened(&self) -> &[u8] {
        self.softened.get_or_init(|| self.each(|pixels| soften(pixels, self.side)))
    }

    fn each(&self, f: impl Fn(&[u8]) -> Vec<u8> + Sync + Send) -> Vec<u8> {
        let drawings = self.pixels.par_chunks_exact(self.side * self.side);
        drawings.flat_map_iter(f).collect()
    }

    /// Names the content: the first 16 bytes of a SHA-256 over names and pixels. A zip and a folder of the same
    /// drawings give the same.
    pub fn fingerprint(&self) -> [u8; 16] {
        let mut hash = Sha256::new();
        hash.update((self.side as u64).to_le_bytes());
        for character in &self.characters {
            for text in [&character.alphabet, &character.name] {
                hash.update((text.len() as u64).to_le_bytes());
                hash.update(text.as_bytes());
            }
            hash.update((character.drawings.len() as u64).to_le_bytes());
        }
        hash.update(&self.pixels);
        let digest = hash.finalize();
        let mut short = [0; 16];
        short.copy_from_slice(&digest[..16]);
        short
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fingerprint_sees_names_and_pixels() {
        let set = |name: &str, level: u8| {
            let mut set = Drawings::new("test", 2);
            set.push("a", name, &[vec![level; 4], vec![0; 4]]);
            set.fingerprint()
        };
        assert_eq!(set("x", 1), set("x", 1));
        assert_ne!(set("x", 1), set("y", 1));
        assert_ne!(set("x", 1), set("x", 2));
    }
}
