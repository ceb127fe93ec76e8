//! A pack's bytes at an address that weights can be read from.

use supple_pack::Pack;
use supple_pack::header::{HEADER_BYTES, Header, checksum};

/// The most bytes of a pack that a target tries: more would only be slower.
pub const PACK_MAX: usize = 2048;

/// Room for a pack, aligned as flash is.
#[derive(Debug)]
#[repr(align(16))]
pub struct Room([u8; PACK_MAX]);

impl Default for Room {
    fn default() -> Self {
        Self([0; PACK_MAX])
    }
}

impl Room {
    /// Copies bytes here, as many as fit.
    pub fn copy(&mut self, bytes: &[u8]) -> &mut [u8] {
        let length = bytes.len().min(PACK_MAX);
        let place = &mut self.0[..length];
        place.copy_from_slice(&bytes[..length]);
        place
    }

    /// All of it.
    pub fn whole(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

/// Corrects a header's magic number, version, lengths and checksum, so that what lies behind them is read; gives the
/// bytes without those at the end that are not a whole word. The length of the structure is kept where it fits.
pub fn repair(bytes: &mut [u8]) -> &mut [u8] {
    let found = bytes.get(12..16).and_then(|four| four.try_into().ok()).map(u32::from_le_bytes);
    let (Some(found), Some(most)) = (found, (bytes.len() / 16 * 16).checked_sub(HEADER_BYTES)) else {
        return bytes;
    };
    let structure = most.min(found as usize);
    let weights_at = (HEADER_BYTES + structure).next_multiple_of(16);
    let weights = (bytes.len() - weights_at) / 4 * 4;
    let pack = &mut bytes[..weights_at + weights];
    write_header(pack, structure, weights_at, weights);
    pack
}

/// Writes the header of a pack whose structure and weights are in their places.
pub fn write_header(pack: &mut [u8], structure: usize, weights_at: usize, weights: usize) {
    let mut header = Header {
        length: pack.len() as u32,
        structure: structure as u32,
        weights_at: weights_at as u32,
        weights: weights as u32,
        checksum: 0,
    };
    if let Some(place) = pack.get_mut(..HEADER_BYTES) {
        place.copy_from_slice(&header.to_bytes());
        header.checksum = checksum(pack);
    }
    if let Some(place) = pack.get_mut(..HEADER_BYTES) {
        place.copy_from_slice(&header.to_bytes());
    }
}

/// Walks all that a sound pack holds; the number of what was found must be what the pack says.
pub fn walk(pack: &Pack) {
    let trunk = pack.trunk();
    let mut count = 0;
    for op in pack.ops() {
        count += 1;
        let values = op.inputs().into_iter().flatten().chain(op.output());
        for value in values {
            assert!(u64::from(value.offset) + value.words() <= u64::from(trunk.arena), "outside the arena");
            assert!(value.rows >= 1 && value.rows <= value.shape.height, "rows");
            if let Some(window) = op.window() {
                for row in [0, value.shape.height - 1] {
                    let rows = window.rows_for(row, value.shape.height);
                    assert!(rows.end <= value.shape.height && rows.start <= rows.end, "rows of a window");
                }
            }
        }
        for part in op.constants().into_iter().flatten() {
            let end = u64::from(part.at) + part.element.words(part.count);
            assert!(end <= u64::from(trunk.weights), "outside the weights");
        }
        std::hint::black_box((op.macs(), op.rows_read(), op.works_by_rows(), op.works_in_place()));
    }
    assert_eq!(count, trunk.ops, "operations");
    let mut count = 0;
    for head in pack.heads() {
        count += 1;
        let (spec, last) = (&head.spec, head.last());
        assert_eq!(last.bias.len(), usize::from(spec.capacity), "biases");
        assert_eq!(
            last.weights.len(),
            usize::from(spec.capacity) * usize::from(spec.last_inputs()),
            "weights"
        );
        assert_eq!(head.hidden().is_some(), spec.hidden > 0, "hidden layer");
        assert_eq!(head.rates.len() as u64, spec.rate_count(), "rates");
        let numbers = head.parameters.iter().chain(head.rates);
        assert!(numbers.copied().all(f32::is_finite), "a number that is none");
    }
    assert_eq!(count, trunk.heads, "heads");
}
