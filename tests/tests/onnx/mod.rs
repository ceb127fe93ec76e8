//! What the tests on ONNX files share: tensors, a model run by tract, and a compiled plan run like its model.

pub mod model;
pub mod oracle;
pub mod plan;
pub mod tensor;
