//! Weights and inputs: numbers of all sizes from a few bytes.

use arbitrary::{Result, Unstructured};

use crate::generate::WEIGHTS;

/// A stream of random bits (xorshift, Marsaglia 2003).
pub struct Stream(u32);

impl Stream {
    /// From two bytes of the input.
    pub fn arbitrary(u: &mut Unstructured) -> Result<Self> {
        Ok(Self(u32::from(u.arbitrary::<u16>()?) * 2 + 1))
    }

    fn bits(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0
    }

    /// Mostly of the size of weights.
    fn small(&mut self) -> f32 {
        (self.bits() >> 8) as f32 / 8_388_608.0 - 1.0
    }
}

/// Numbers that are finite; where a plan reads them as integers, any of these.
pub fn weights(u: &mut Unstructured) -> Result<[f32; WEIGHTS]> {
    let mut stream = Stream::arbitrary(u)?;
    let wild = u.arbitrary::<u8>()? % 4 == 0;
    let mut weights = [0.0; WEIGHTS];
    for weight in &mut weights {
        let any = f32::from_bits(stream.bits());
        *weight = if wild && any.is_finite() { any } else { stream.small() };
    }
    for _ in 0..u.int_in_range(0..=3)? {
        let at = usize::from(u.arbitrary::<u8>()?);
        let any = f32::from_bits(u.arbitrary()?);
        weights[at % WEIGHTS] = if any.is_finite() { any } else { 0.0 };
    }
    Ok(weights)
}

/// An input: small numbers, or any bits at all.
pub fn input(u: &mut Unstructured, places: &mut [f32]) -> Result<()> {
    let mut stream = Stream::arbitrary(u)?;
    let wild = u.arbitrary::<u8>()? % 4 == 0;
    for place in places {
        *place = if wild { f32::from_bits(stream.bits()) } else { stream.small() };
    }
    Ok(())
}
