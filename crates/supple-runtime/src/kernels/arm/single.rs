//! Single-precision sums in the registers of a floating-point unit.
