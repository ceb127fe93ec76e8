//! Meta-training on nalgebra
