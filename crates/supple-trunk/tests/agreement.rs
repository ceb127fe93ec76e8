//! Models that compile: the plan gives what tract gives, in the operations it should have.

mod common;

use common::*;
use supple_pack::op::{Activation, Epilogue, Layer as PlanLayer, Op, Shape};
use supple_trunk::{Layer, Oracle};

fn ends_in_relu(op: &Op) -> bool {
    matches!(op, Op::Convolution { layer: PlanLayer { epilogue: Epilogue::Float(Activation::Relu), .. }, .. })
}

#[test]
fn four_blocks_become_four_convolutions_and_a_mean() {
    let compiled = compiled(&conv4(16));
    assert_eq!(
        kinds(&compiled),
        ["Convolution", "Convolution", "Convolution", "Convolution", "GlobalAverage"]
    );
    assert_eq!(compiled.parts.ops.iter().filter(|op| ends_in_relu(op)).count(), 4);
    let report = &compiled.report;
    assert_eq!(report.macs, 14 * 14 * 9 * 16 + (7 * 7 + 4 * 4 + 2 * 2) * 9 * 16 * 16);
    assert_eq!(report.weight_bytes, 4 * (9 * 16 + 16 + 3 * (9 * 16 * 16 + 16)));
    // First and second activation, whole: 14 x 14 x 16 and 7 x 7 x 16.
    assert_eq!(report.arena_lower_bound_whole_bytes, 4 * 16 * (14 * 14 + 7 * 7));
    // By rows: the input, three rows of the first and of the second, the third.
    assert_eq!(report.arena_lower_bound_bytes, 4 * (28 * 28 + 16 * (3 * 14 + 3 * 7 + 4 * 4)));
    assert_eq!(report.arena_bytes, report.arena_lower_bound_bytes);
    assert_eq!(compiled.parts.output.shape, Shape { height: 1, width: 1, channels: 16 });
    assert_eq!(report.feature_order, (0..16).collect::<Vec<_>>());
    assert_eq!(report.agreement.inputs, 16);
    assert!(report.agreement.largest_feature > 0.1);
    assert!(report.agreement.largest_difference < 1e-5, "{}", report.agreement.largest_difference);
    let text = report.to_string();
    assert!(text.contains("28x28x1") && text.contains("lower bound"), "{text}");
}

#[test]
fn weights_start_at_multiples_of_sixteen_bytes() {
    let onnx = model([1, 6, 6], vec![conv(1, 3, 3, 1, [0; 4]), Layer::Relu, Layer::Flatten, dense(48, 5)]);
    for op in &compiled(&onnx).parts.ops {
        for part in op.constants().into_iter().flatten() {
            assert_eq!(part.at % 4, 0);
        }
    }
}

#[test]
fn the_same_model_gives_the_same_bytes() {
    let bytes = || supple_pack::write::pack(&compiled(&conv4(8)).parts, &[]).unwrap();
    assert_eq!(bytes(), bytes());
}

#[test]
fn pointwise_convolutions_with_normalisation() {
    // tract makes a product of the first and a slice and a product of the second.
    for stride in [1, 2, 3] {
        let layers = vec![
            conv(3, 5, 3, 1, [1; 4]),
            Layer::Relu,
            conv(5, 9, 1, stride, [0; 4]),
            batch_norm(9),
            Layer::Relu,
            Layer::GlobalAveragePool,
            Layer::Flatten,
        ];
        let compiled = compiled(&model([3, 7, 8], layers));
        assert_eq!(kinds(&compiled), ["Convolution", "Convolution", "GlobalAverage"], "stride {stride}");
        assert_eq!(compiled.parts.ops.iter().filter(|op| ends_in_relu(op)).count(), 2);
    }
}

#[test]
fn a_pooling_after_a_convolution() {
    for padding in [[0; 4], [1, 0, 0, 1]] {
        let layers = vec![
            conv(2, 6, 3, 1, [1; 4]),
            batch_norm(6),
            Layer::Relu,
            max_pool(2, 2, padding),
            conv(6, 4, 3, 1, [1; 4]),
            max_pool(3, 2, [1; 4]),
            Layer::Relu,
            Layer::GlobalAveragePool,
            Layer::Flatten,
        ];
        let compiled = compiled(&model([2, 9, 9], layers));
        let kinds = kinds(&compiled);
        assert_eq!(kinds.iter().filter(|kind| **kind == "MaxPool").count(), 2, "{kinds:?}");
        assert_eq!(kinds.len(), 6);
    }
}

#[test]
fn a_dense_layer_over_an_image_reads_it_in_the_plans_order() {
    let layers = vec![
        conv(2, 5, 3, 2, [1; 4]),
        Layer::Relu,
        Layer::Flatten,
        dense(5 * 4 * 3, 7),
        Layer::Relu,
        dense(7, 3),
    ];
    let compiled = compiled(&model([2, 7, 5], layers));
    assert_eq!(kinds(&compiled), ["Convolution", "Dense", "Dense"]);
    // Straight from the input, too.
    assert_eq!(kinds(&self::compiled(&model([3, 4, 5], vec![Layer::Flatten, dense(60, 9)]))), ["Dense"]);
}

#[test]
fn padding_may_be_uneven() {
    for padding in [[0, 0, 1, 1], [1, 0, 0, 2], [2, 1, 0, 0]] {
        let layers = vec![conv(2, 4, 3, 2, padding), Layer::Relu, Layer::GlobalAveragePool, Layer::Flatten];
        assert_eq!(kinds(&compiled(&model([2, 8, 7], layers))), ["Convolution", "GlobalAverage"]);
    }
    for auto_pad in ["SAME_UPPER", "SAME_LOWER", "VALID"] {
        let mut node = node("Conv", "c", &["input", "w"], "y");
        node.attribute =
            vec![text("auto_pad", auto_pad), ints("strides", &[2, 2]), ints("kernel_shape", &[4, 3])];
        let weights = floats("w", &[3, 2, 4, 3], &wave(72, 0.5));
        let nodes = vec![node, self::node("Flatten", "f", &["y"], "features")];
        compiled(&raw(&[1, 2, 7, 8], nodes, vec![weights]));
    }
}

#[test]
fn normalisation_after_relu_goes_where_it_can() {
    // Before an unpadded convolution it folds; before a padded one it takes an operation of its own.
    let after = |padding| {
        let layers = vec![
            conv(1, 4, 3, 1, [1; 4]),
            Layer::Relu,
            batch_norm(4),
            conv(4, 6, 3, 1, padding),
            Layer::Relu,
            Layer::GlobalAveragePool,
            Layer::Flatten,
        ];
        kinds(&compiled(&model([1, 6, 6], layers))).join(" ")
    };
    assert_eq!(after([0; 4]), "Convolution Convolution GlobalAverage");
    assert_eq!(after([1; 4]), "Convolution Depthwise Convolution GlobalAverage");
    // Of the input itself.
    let layers = vec![batch_norm(2), Layer::Flatten, dense(18, 4)];
    assert_eq!(kinds(&compiled(&model([2, 3, 3], layers))), ["Dense"]);
}

#[test]
fn signals_are_images_of_one_row() {
    let mut first = node("Conv", "c", &["input", "w", "b"], "y");
    first.attribute = vec![ints("pads", &[1, 2]), ints("strides", &[2])];
    let mut pool = node("MaxPool", "p", &["r"], "q");
    pool.attribute = vec![ints("kernel_shape", &[2]), ints("strides", &[2])];
    let mut mean = node("ReduceMean", "m", &["q"], "features");
    mean.attribute = vec![ints("axes", &[2]), int("keepdims", 0)];
    let nodes = vec![first, node("Relu", "r", &["y"], "r"), pool, mean];
    let constants = vec![floats("w", &[4, 3, 5], &wave(60, 0.1)), floats("b", &[4], &wave(4, 0.2))];
    let compiled = compiled(&raw(&[0, 3, 32], nodes, constants));
    assert_eq!(kinds(&compiled), ["Convolution", "MaxPool", "GlobalAverage"]);
    assert_eq!(compiled.parts.input.shape, Shape { height: 1, width: 32, channels: 3 });
}

#[test]
fn other_spellings_of_the_same_layers() {
    // x * s + t, a product with a bias, a mean, a reshape, an average over everything.
    let mut average = node("AveragePool", "a", &["d"], "e");
    average.attribute = vec![ints("kernel_shape", &[4, 4])];
    let nodes = vec![
        node("Mul", "m", &["input", "s"], "x"),
        node("Conv", "c", &["x", "w"], "y"),
        node("Sub", "t", &["y", "t"], "z"),
        node("Identity", "i", &["z"], "id"),
        node("Relu", "r", &["id"], "d"),
        average,
        node("Reshape", "h", &["e", "shape"], "v"),
        node("MatMul", "p", &["v", "matrix"], "u"),
        node("Add", "b", &["u", "bias"], "features"),
    ];
    let constants = vec![
        floats("s", &[1, 2, 1, 1], &[0.5, 2.0]),
        floats("w", &[6, 2, 3, 3], &wave(108, 0.3)),
        floats("t", &[6, 1, 1], &wave(6, 0.4)),
        integers("shape", &[1, -1]),
        floats("matrix", &[6, 5], &wave(30, 0.6)),
        floats("bias", &[5], &wave(5, 0.7)),
    ];
    let compiled = compiled(&raw(&[1, 2, 6, 6], nodes, constants));
    assert_eq!(kinds(&compiled), ["Convolution", "GlobalAverage", "Dense"]);
}

#[test]
fn a_flattened_image_keeps_its_channels_together() {
    let compiled = compiled(&model([1, 6, 6], vec![conv(1, 3, 3, 2, [0; 4]), Layer::Flatten]));
    assert_eq!(kinds(&compiled), ["Convolution"]);
    // The plan's order is pixel by pixel, the model's channel by channel.
    assert_eq!(compiled.report.feature_order, [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]);
}

#[test]
fn the_oracle_reads_and_gives_in_the_model_s_order() {
    // One dense output that picks channel 1 of the last pixel and channel 0 of the second.
    let mut weights = vec![0.0; 8];
    weights[7] = 1.0;
    weights[1] = 10.0;
    let onnx = model([2, 2, 2], vec![Layer::Flatten, Layer::Dense { weights, bias: vec![0.5] }]);
    let oracle = Oracle::new(&onnx).unwrap();
    let features = oracle.features(&[0.0, 3.0, 0.0, 0.0, 0.0, 0.0, 0.0, 4.0]).unwrap();
    assert_eq!(features, [4.0 + 30.0 + 0.5]);
    assert!(oracle.features(&[0.0; 7]).is_err());
    // The plan has channels last.
    assert_eq!(compiled(&onnx).report.input_order, [0, 4, 1, 5, 2, 6, 3, 7]);
}

/// tract 0.23.9 folds `c - conv(x)` wrongly when the constant has the shape of the channels. A plan from the graph as it
/// was before that is right.
#[test]
fn a_fault_in_tracts_simplification_is_gone_round() {
    let nodes = vec![
        node("Conv", "c", &["input", "w"], "y"),
        node("Sub", "s", &["t", "y"], "z"),
        node("Flatten", "f", &["z"], "features"),
    ];
    let constants =
        vec![floats("w", &[4, 1, 3, 3], &wave(36, 0.9)), floats("t", &[1, 4, 1, 1], &[5.0, 6.0, 7.0, 8.0])];
    let compiled = compiled(&raw(&[1, 1, 5, 5], nodes, constants));
    assert!(compiled.report.agreement.largest_difference < 1e-5);
    assert_eq!(kinds(&compiled), ["Convolution"]);
}

/// tract makes operators of its own of a normalisation and of a GELU, which no plan has; their parts it has.
#[test]
fn what_tract_joins_is_compiled_in_parts() {
    let mean = |name: &str, from: &str, to: &str| {
        let mut node = node("ReduceMean", name, &[from], to);
        node.attribute = vec![ints("axes", &[1]), int("keepdims", 1)];
        node
    };
    let nodes = vec![
        mean("mean", "input", "m"),
        node("Sub", "centre", &["input", "m"], "c"),
        node("Pow", "square", &["c", "two"], "s"),
        mean("variance", "s", "v"),
        node("Add", "epsilon", &["v", "small"], "w"),
        node("Sqrt", "root", &["w"], "r"),
        node("Div", "normalise", &["c", "r"], "n"),
        node("Div", "gelu_in", &["n", "root_two"], "g"),
        node("Erf", "gelu_erf", &["g"], "e"),
        node("Add", "gelu_one", &["e", "one"], "f"),
        node("Mul", "gelu_times", &["n", "f"], "h"),
        node("Mul", "gelu_half", &["h", "half"], "features"),
    ];
    let one = |name: &str, value: f32| floats(name, &[1], &[value]);
    let constants = vec![
        one("two", 2.0),
        one("small", 1e-3),
        one("root_two", std::f32::consts::SQRT_2),
        one("one", 1.0),
        one("half", 0.5),
    ];
    let onnx = raw(&[1, 24], nodes, constants);
    assert!(compiled(&onnx).report.agreement.largest_difference < 1e-5);
    // What compiles is offered as a cut, too.
    let cuts = supple_trunk::candidates(&onnx).unwrap();
    assert!(cuts.len() == 12 && cuts.iter().all(|cut| cut.problem.is_none()), "{cuts:?}");
}

#[test]
fn a_stride_that_leaves_one_pixel_stays_a_convolution() {
    let compiled = compiled(&model([4, 9, 7], vec![conv(4, 5, 1, 9, [0; 4]), Layer::Flatten]));
    assert_eq!(kinds(&compiled), ["Convolution"]);
    assert_eq!(compiled.report.weight_bytes, 4 * (8 * 4 + 5));
}

/// Chains nobody thought of. Compiling holds each against tract.
#[test]
fn random_chains_agree() {
    let mut next = drawing(0x9e37_79b9_7f4a_7c15);
    for round in 0..150 {
        let input = [1 + next(3), 4 + next(10), 4 + next(10)];
        let [mut channels, mut height, mut width] = input;
        let mut layers = Vec::new();
        for _ in 0..1 + next(5) {
            let kernel = [1, 1, 2, 3, 5][next(5)];
            let stride = 1 + next(3);
            // Pads below the kernel and in reach of the image: a window of padding alone is refused.
            let padding: [usize; 4] = std::array::from_fn(|_| next(kernel));
            let after = |size: usize, before: usize, behind: usize| {
                let padded = size + before + behind;
                let last = padded.checked_sub(kernel)? / stride;
                (last * stride < size + before).then_some(last + 1)
            };
            let sizes = (after(height, padding[0], padding[2]), after(width, padding[1], padding[3]));
            match (next(6), sizes) {
                (0..3, (Some(rows), Some(columns))) => {
                    let output = 1 + next(11);
                    layers.push(conv(channels, output, kernel, stride, padding));
                    (channels, height, width) = (output, rows, columns);
                }
                (3, (Some(rows), Some(columns))) => {
                    layers.push(max_pool(kernel, stride, padding));
                    (height, width) = (rows, columns);
                }
                (4, _) => layers.push(batch_norm(channels)),
                _ => layers.push(Layer::Relu),
            }
        }
        if next(2) == 0 {
            layers.push(Layer::GlobalAveragePool);
            (height, width) = (1, 1);
        }
        layers.push(Layer::Flatten);
        layers.push(dense(channels * height * width, 1 + next(9)));
        let text = format!("round {round}: {input:?} {layers:?}");
        let compiled = supple_trunk::compile(&model(input, layers), &Default::default())
            .unwrap_or_else(|error| panic!("{error}\n{text}"));
        let report = &compiled.report;
        assert!(report.arena_bytes >= report.arena_lower_bound_bytes, "{text}");
        assert!(report.agreement.relative_difference() < 1e-4, "{text}");
    }
}
