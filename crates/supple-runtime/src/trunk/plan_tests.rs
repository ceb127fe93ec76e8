//! Plans of a few operations, computed by hand.

use supple_pack::op::{Epilogue, Function, Layer};
use supple_pack::write::{AlignedBytes, TrunkParts, pack};
use supple_pack::{Activation, Element, Shape, Value, Window};

use super::*;

pub fn value(offset: u32, height: u16, width: u16, channels: u16) -> Value {
    Value::whole(offset, Shape { height, width, channels }, Element::F32)
}

fn layer(input: Value, output: Value, weights: u32, bias: u32) -> Layer {
    Layer { input, output, weights, bias, epilogue: Epilogue::Float(Activation::None) }
}

/// One convolution over a 2 × 2 image with a kernel of ones, relu apart, pools, a dense layer.
pub fn parts() -> TrunkParts {
    let window = Window { kernel: [2, 2], stride: [1, 1], pad: [1, 1], dilation: [1, 1] };
    let mut weights = vec![0.0; 4 * 8 + 1 + 3 + 8 + 2];
    // Kernel of ones for the only output channel, bias −3.
    (0..4).for_each(|tap| weights[tap * 8] = 1.0);
    weights[32] = -3.0;
    // Dense: one input, two outputs.
    weights[36] = 2.0;
    weights[37] = -1.0;
    weights[44] = 0.5;
    weights[45] = 0.25;
    let image = value(4, 3, 3, 1);
    let relu = Function::Activation(Activation::Relu);
    let pooled = value(13, 2, 2, 1);
    TrunkParts {
        name: "by hand".to_owned(),
        input: value(0, 2, 2, 1),
        output: value(1, 1, 1, 2),
        arena: 18,
        ops: vec![
            Op::Convolution { layer: layer(value(0, 2, 2, 1), image, 0, 32), window, groups: 1 },
            Op::Unary { input: image, output: image, function: relu },
            Op::MaxPool { input: image, output: pooled, window: Window { pad: [0, 0], ..window } },
            Op::GlobalAverage { input: pooled, output: value(0, 1, 1, 1), rescale: None },
            Op::Dense { layer: layer(value(0, 1, 1, 1), value(1, 1, 1, 2), 36, 44) },
        ],
        weights,
    }
}

#[test]
fn every_operation_by_hand() {
    let bytes = AlignedBytes::copy_of(&pack(&parts(), &[]).unwrap());
    let pack = Pack::parse(&bytes).unwrap();
    let mut arena = [f32::NAN; 20];
    let mut trunk = PlanTrunk::new(&pack, &mut arena).unwrap();
    assert_eq!((trunk.input_length(), trunk.feature_length()), (4, 2));
    let mut feature = [0.0; 2];
    // Window sums 1 3 2 / 4 10 6 / 3 7 4, less 3, relu: 0 0 0 / 1 7 3 / 0 4 1; largest 7 everywhere, mean 7.
    trunk.features(&[1.0, 2.0, 3.0, 4.0], &mut feature).unwrap();
    assert_eq!(feature, [14.5, -6.75]);
    // A second input is not disturbed by what the first one left behind.
    trunk.features(&[0.0, 0.0, 0.0, 0.0], &mut feature).unwrap();
    assert_eq!(feature, [0.5, 0.25]);
}

#[test]
fn too_little_memory_and_wrong_lengths_are_refused() {
    let bytes = AlignedBytes::copy_of(&pack(&parts(), &[]).unwrap());
    let pack = Pack::parse(&bytes).unwrap();
    let error = PlanTrunk::new(&pack, &mut [0.0; 17]).err();
    assert_eq!(error, Some(RunError::ArenaTooSmall { needed: 18, given: 17 }));
    let mut arena = [0.0; 18];
    let mut trunk = PlanTrunk::new(&pack, &mut arena).unwrap();
    let error = trunk.features(&[0.0; 3], &mut [0.0; 2]);
    assert_eq!(error, Err(RunError::Length { input: 4, feature: 2, got: 3 }));
}
