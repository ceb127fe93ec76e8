//! The no_std runtime: kernels, plan executor, heads and their adaptation
