//! Two products of 16-bit numbers at once, on cores with the DSP extension.
