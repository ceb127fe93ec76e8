//! The whole way: train, pack, twin and emulated device.
