//! Every operation against central differences, at first and at second order, in `f64`.

use super::{Binary, Constant, Graph, Node, Part, Program, Shape, Unary, Window, Workspace};

/// Values that no kink (of relu, of Huber's loss, of a pool's choice) is near to.
fn wave(length: usize, seed: f64) -> Vec<f64> {
    (0..length)
        .map(|i| {
            let value = (i as f64 * 1.7 + seed).sin() * 1.5 + (i as f64 * 0.37 + seed).cos() * 0.4;
            if value.abs() < 0.05 { value + 0.1 } else { value }
        })
        .collect()
}

/// Checks `f`, whose inputs have these shapes: Σ c · f and Σ d · ∇(Σ c · f) against differences.
fn check(name: &str, shapes: &[Shape], f: impl Fn(&mut Graph, &[Node]) -> Node) {
    check_from(name, shapes, |value| value, f);
}

fn check_from(
    name: &str,
    shapes: &[Shape],
    change: impl Fn(f64) -> f64,
    f: impl Fn(&mut Graph, &[Node]) -> Node,
) {
    let mut graph = Graph::new();
    let inputs: Vec<Node> =
        shapes.iter().enumerate().map(|(i, (rows, columns))| graph.input(i, 0, *rows, *columns)).collect();
    let output = f(&mut graph, &inputs);
    let weighted = |graph: &mut Graph, node: Node, argument: usize| {
        let (rows, columns) = graph.shape(node);
        let weights = graph.input(argument, 0, rows, columns);
        let product = graph.multiply(node, weights);
        graph.sum(product)
    };
    let value = weighted(&mut graph, output, shapes.len());
    let first = graph.gradients(value, &inputs);
    let parts: Vec<Node> = first
        .iter()
        .enumerate()
        .map(|(i, gradient)| weighted(&mut graph, *gradient, shapes.len() + 1 + i))
        .collect();
    let slope = graph.total(&parts);
    let second = graph.gradients(slope, &inputs);
    let mut outputs = vec![value, slope];
    outputs.extend(first.iter().chain(&second));
    let program = Program::new(&graph, &outputs);

    let (rows, columns) = graph.shape(output);
    let mut arguments: Vec<Vec<f64>> = shapes
        .iter()
        .enumerate()
        .map(|(i, (rows, columns))| wave(rows * columns, 0.3 + i as f64).into_iter().map(&change).collect())
        .collect();
    arguments.push(wave(rows * columns, 5.1));
    arguments
        .extend(shapes.iter().enumerate().map(|(i, (rows, columns))| wave(rows * columns, 7.7 + i as f64)));

    let mut workspace = Workspace::<f64>::default();
    let mut run = |arguments: &[Vec<f64>]| -> Vec<Vec<f64>> {
        let arguments: Vec<&[f64]> = arguments.iter().map(Vec::as_slice).collect();
        program.run(&mut workspace, &arguments);
        (0..outputs.len()).map(|i| program.output(&workspace, &arguments, i).to_vec()).collect()
    };
    let found = run(&arguments);
    let step = 1e-5;
    for (input, shape) in shapes.iter().enumerate() {
        for element in 0..shape.0 * shape.1 {
            let before = arguments[input][element];
            let mut at = |value: f64| {
                arguments[input][element] = value;
                let found = run(&arguments);
                [found[0][0], found[1][0]]
            };
            let (above, below) = (at(before + step), at(before - step));
            arguments[input][element] = before;
            for order in 0..2 {
                let expected = (above[order] - below[order]) / (2.0 * step);
                let gradient = found[2 + order * shapes.len() + input][element];
                assert!(
                    (gradient - expected).abs() <= 2e-6 * (1.0 + expected.abs()),
                    "{name}: order {}, input {input}, element {element}: {gradient}, by differences {expected}",
                    order + 1
                );
            }
        }
    }
}

#[test]
fn element_by_element() {
    let all = [
        Unary::Scale(Constant(1.7)),
        Unary::Shift(Constant(0.4)),
        Unary::Relu,
        Unary::Step,
        Unary::Tanh,
        Unary::Sigmoid,
        Unary::Exponential,
        Unary::Absolute,
        Unary::Sign,
        Unary::Huber(Constant(0.8)),
        Unary::Clamp(Constant(0.8)),
        Unary::Inside(Constant(0.8)),
    ];
    for unary in all {
        check(&format!("{unary:?}"), &[(3, 5)], |graph, x| graph.unary(unary, x[0]));
    }
    for unary in [Unary::Logarithm, Unary::SquareRoot, Unary::InverseSquareRoot] {
        check_from(&format!("{unary:?}"), &[(3, 5)], |v| v.abs() + 0.3, |graph, x| graph.unary(unary, x[0]));
    }
}

#[test]
fn two_values_with_every_way_to_broadcast() {
    let shapes = [(3, 4), (3, 1), (1, 4), (1, 1)];
    for a in shapes {
        for b in shapes {
            for binary in [Binary::Add, Binary::Subtract, Binary::Multiply, Binary::Divide] {
                let change = |v: f64| if v > 0.0 { v + 0.5 } else { v - 0.5 };
                check_from(
                    &format!("{binary:?} of {a:?} and {b:?}"),
                    &[a, b],
                    change,
                    |graph, x| match binary {
                        Binary::Add => graph.add(x[0], x[1]),
                        Binary::Subtract => graph.subtract(x[0], x[1]),
                        Binary::Multiply => graph.multiply(x[0], x[1]),
                        Binary::Divide => graph.divide(x[0], x[1]),
                    },
                );
            }
        }
    }
}

#[test]
fn products_and_sums() {
    for (left, right) in [(false, false), (false, true), (true, false), (true, true)] {
        let a = if left { (4, 3) } else { (3, 4) };
        let b = if right { (5, 4) } else { (4, 5) };
        check("product", &[a, b], |graph, x| graph.product_of(x[0], left, x[1], right));
    }
    check("square of a sum of rows", &[(3, 4)], |graph, x| {
        let sum = graph.sum_rows(x[0]);
        graph.multiply(sum, sum)
    });
    check("square of a sum of columns", &[(3, 4)], |graph, x| {
        let sum = graph.sum_columns(x[0]);
        graph.multiply(sum, sum)
    });
    check("broadcast", &[(3, 1)], |graph, x| {
        let wide = graph.broadcast(x[0], (3, 4));
        graph.multiply(wide, wide)
    });
    check_from(
        "solve",
        &[(3, 3), (3, 2)],
        |v| v,
        |graph, x| {
            let square = graph.product_of(x[0], true, x[0], false);
            graph.solve(square, x[1])
        },
    );
}

#[test]
fn softmax_and_cross_entropy() {
    check("softmax", &[(4, 3)], |graph, x| graph.softmax(x[0]));
    check("log-sum-exp", &[(4, 3)], |graph, x| graph.log_sum_exp(x[0]));
}

#[test]
fn moved_values() {
    let squared = |graph: &mut Graph, x: Node| graph.multiply(x, x);
    check("reshape", &[(3, 4)], |graph, x| {
        let square = squared(graph, x[0]);
        let other = graph.reshape(square, 2, 6);
        squared(graph, other)
    });
    check("columns", &[(3, 6)], |graph, x| {
        let square = squared(graph, x[0]);
        let some = graph.columns(square, 2, 3);
        squared(graph, some)
    });
    check("rows", &[(5, 3)], |graph, x| {
        let square = squared(graph, x[0]);
        let some = graph.rows(square, 1, 3);
        squared(graph, some)
    });
    check("padding", &[(2, 3)], |graph, x| {
        let wide = graph.pad_columns(x[0], 1, 6);
        let high = graph.pad_rows(wide, 2, 5);
        squared(graph, high)
    });
    check("concatenation", &[(2, 3), (2, 2)], |graph, x| {
        let both = graph.concatenate_columns(&[x[0], x[1], x[0]]);
        squared(graph, both)
    });
    check("transpose", &[(2, 3)], |graph, x| {
        let turned = graph.transpose(x[0]);
        squared(graph, turned)
    });
    check("groups", &[(2, 6)], |graph, x| {
        let sums = graph.sum_groups(x[0], 3);
        let square = squared(graph, sums);
        let wide = graph.repeat_columns(square, 2);
        squared(graph, wide)
    });
}

fn windows() -> [Window; 4] {
    let window =
        |input, channels, kernel, stride, padding| Window { input, channels, kernel, stride, padding };
    [
        window([5, 5], 2, [3, 3], [2, 2], [1, 1]),
        window([4, 3], 3, [2, 3], [1, 1], [0, 1]),
        // 1-d: a signal of height 1.
        window([1, 9], 2, [1, 4], [1, 2], [0, 2]),
        window([6, 4], 1, [5, 1], [1, 3], [2, 0]),
    ]
}

#[test]
fn convolutions_in_one_and_two_dimensions() {
    for window in windows() {
        let x = (window.channels, 2 * window.input_positions());
        let y = (3, 2 * window.positions());
        let w = (3, window.patch());
        check("convolution", &[x, w], |graph, of| graph.convolution(window, Part::Output, of[0], of[1]));
        check("its input's gradient", &[w, y], |graph, of| {
            graph.convolution(window, Part::Input, of[0], of[1])
        });
        check("its weights' gradient", &[x, y], |graph, of| {
            graph.convolution(window, Part::Weights, of[0], of[1])
        });
        let y = (window.channels, 2 * window.positions());
        let w = (window.channels, window.taps());
        check("depthwise", &[x, w], |graph, of| graph.depthwise(window, Part::Output, of[0], of[1]));
        check("its input's gradient", &[w, y], |graph, of| {
            graph.depthwise(window, Part::Input, of[0], of[1])
        });
        check("its weights' gradient", &[x, y], |graph, of| {
            graph.depthwise(window, Part::Weights, of[0], of[1])
        });
    }
}

#[test]
fn convolution_agrees_with_the_definition() {
    for window in windows() {
        let (channels, [height, width], [_, columns]) = (window.channels, window.input, window.output());
        let x = wave(channels * 2 * window.input_positions(), 0.2);
        let w = wave(3 * window.patch(), 0.9);
        let mut graph = Graph::new();
        let x_node = graph.input(0, 0, channels, 2 * window.input_positions());
        let w_node = graph.input(1, 0, 3, window.patch());
        let y = graph.convolution(window, Part::Output, x_node, w_node);
        let program = Program::new(&graph, &[y]);
        let mut workspace = Workspace::default();
        let arguments = [&x[..], &w[..]];
        program.run(&mut workspace, &arguments);
        for (index, found) in program.output(&workspace, &arguments, 0).iter().enumerate() {
            let (out, column) = (index % 3, index / 3);
            let (image, position) = (column / window.positions(), column % window.positions());
            let mut expected = 0.0;
            for ky in 0..window.kernel[0] {
                for kx in 0..window.kernel[1] {
                    let y = (position / columns * window.stride[0] + ky).wrapping_sub(window.padding[0]);
                    let x_at = (position % columns * window.stride[1] + kx).wrapping_sub(window.padding[1]);
                    if y < height && x_at < width {
                        for c in 0..channels {
                            let pixel = image * height * width + y * width + x_at;
                            let tap = (ky * window.kernel[1] + kx) * channels + c;
                            expected += x[pixel * channels + c] * w[tap * 3 + out];
                        }
                    }
                }
            }
            assert!((found - expected).abs() < 1e-12);
        }
    }
}

#[test]
fn max_pools() {
    for window in windows() {
        let x = (window.channels, 2 * window.input_positions());
        check("max pool", &[x], |graph, of| {
            let pooled = graph.max_pool(window, of[0]);
            graph.multiply(pooled, pooled)
        });
    }
}

#[test]
fn batch_normalisation() {
    check("batch normalisation", &[(3, 8), (3, 1), (3, 1)], |graph, x| {
        super::super::model::normalisation::of_batch(graph, x[0], x[1], x[2]).output
    });
}

/// Each step has a column of scale and shift, as `Learner::at_step` takes it.
#[test]
fn batch_normalisation_with_a_scale_and_a_shift_for_each_step() {
    check("batch normalisation, step by step", &[(3, 8), (3, 2), (3, 2)], |graph, x| {
        let mut output = x[0];
        for step in 0..2 {
            let (scale, shift) = (graph.columns(x[1], step, 1), graph.columns(x[2], step, 1));
            output = super::super::model::normalisation::of_batch(graph, output, scale, shift).output;
        }
        output
    });
}

#[test]
fn nothing_flows_through_a_detached_value() {
    let mut graph = Graph::new();
    let x = graph.input(0, 0, 1, 1);
    let square = graph.multiply(x, x);
    let fixed = graph.detach(square);
    let product = graph.multiply(fixed, x);
    let gradient = graph.gradients(product, &[x])[0];
    let program = Program::new(&graph, &[gradient]);
    let mut workspace = Workspace::default();
    program.run(&mut workspace, &[&[3.0f64]]);
    assert_eq!(program.output(&workspace, &[&[3.0]], 0), [9.0]);
}

/// The same program in `f32` with vectors and in `f64` without.
#[test]
fn vectors_agree_with_plain_loops() {
    let mut graph = Graph::new();
    let w = graph.input(0, 0, 40, 40);
    let x = graph.input(1, 0, 40, 37);
    let b = graph.input(2, 0, 40, 1);
    let z = graph.product(w, x);
    let z = graph.add(z, b);
    let h = graph.relu(z);
    let softmax = graph.softmax(h);
    let sum = graph.sum(softmax);
    let lse = graph.log_sum_exp(h);
    let lse = graph.sum(lse);
    let loss = graph.add(sum, lse);
    let gradients = graph.gradients(loss, &[w, b]);
    let norm = graph.multiply(gradients[0], gradients[0]);
    let norm = graph.sum(norm);
    let second = graph.gradients(norm, &[w, x]);
    let outputs = [loss, gradients[0], gradients[1], second[0], second[1]];
    let program = Program::new(&graph, &outputs);
    let long = [wave(1600, 0.1), wave(40 * 37, 0.5), wave(40, 0.9)];
    let short: Vec<Vec<f32>> = long.iter().map(|v| v.iter().map(|x| *x as f32).collect()).collect();
    let (mut workspace_long, mut workspace_short) = (Workspace::default(), Workspace::default());
    let long: Vec<&[f64]> = long.iter().map(Vec::as_slice).collect();
    let short: Vec<&[f32]> = short.iter().map(Vec::as_slice).collect();
    program.run(&mut workspace_long, &long);
    program.run(&mut workspace_short, &short);
    for index in 0..outputs.len() {
        let a = program.output(&workspace_long, &long, index);
        let b = program.output(&workspace_short, &short, index);
        let largest = a.iter().fold(0.0f64, |m, x| m.max(x.abs()));
        assert!(a.iter().zip(b).all(|(a, b)| (a - f64::from(*b)).abs() < 2e-4 * largest), "output {index}");
    }
}
