//! The trunk compiler: ONNX to a plan
