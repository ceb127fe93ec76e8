//! Data sets, drawn glyphs and episode sampling
