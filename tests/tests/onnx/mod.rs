//! What the tests on ONNX files share: tensors, and a compiled plan run like the model it came from.

pub mod plan;
pub mod tensor;
