"""Meta-gradients through inner loops: MAML, ANIL, their first-order forms, and Reptile's update."""
import torch

from models import LOSSES, Builder, exact, run, tensor


def regression_tasks(generator, count, shots, queries):
    tasks = []
    for _ in range(count):
        amplitude, phase = torch.rand(2, generator=generator)
        draw = lambda n: exact(generator, (n, 1), 1.5)
        curve = lambda x: torch.round((0.5 + 2 * amplitude) * torch.sin(x - 3 * phase) * 1024) / 1024
        support, query = draw(shots), draw(queries)
        tasks.append({"support_x": support, "support_y": curve(support), "query_x": query, "query_y": curve(query)})
    return tasks


def class_tasks(generator, count, way, shots, queries, shape):
    tasks = []
    for _ in range(count):
        means = exact(generator, (way, *shape), 1.0)
        task = {}
        for part, each in (("support", shots), ("query", queries)):
            labels = torch.arange(way).repeat_interleave(each)
            task[f"{part}_x"] = means[labels] + exact(generator, (way * each, *shape), 1.0)
            task[f"{part}_y"] = labels
        tasks.append(task)
    return tasks


def rate(case, rates, step, parameter, position):
    """The rate, or rates, of one parameter at one step."""
    if case["rates"] == "fixed":
        return rates[0]
    if case["rates"] == "per_layer_per_step":
        layer = next(i for i, members in enumerate(case["layers"]) if parameter in members)
        return rates[0][step, layer]
    return rates[position]


def objective(case, parameters, rates, second_order):
    """The mean over tasks of the weighted query losses, and the losses seen on the way."""
    inner, outer = LOSSES[case["inner_loss"]], LOSSES[case["outer_loss"]]
    total, supports, queries = 0.0, [], []
    for task in case["tasks"]:
        fast, support_losses, query_losses = list(parameters), [], []
        for step in range(case["steps"]):
            loss = inner(run(case["model"], fast, task["support_x"]), task["support_y"])
            support_losses.append(loss)
            gradients = torch.autograd.grad(loss, [fast[i] for i in case["adapts"]], create_graph=second_order)
            for position, (i, gradient) in enumerate(zip(case["adapts"], gradients)):
                gradient = gradient if second_order else gradient.detach()
                fast[i] = fast[i] - rate(case, rates, step, i, position) * gradient
            query_losses.append(outer(run(case["model"], fast, task["query_x"]), task["query_y"]))
        total = total + sum(w * loss for w, loss in zip(case["outer_weights"], query_losses))
        supports.append(torch.stack(support_losses).detach())
        queries.append(torch.stack(query_losses).detach())
    return total / len(case["tasks"]), supports, queries


def check_by_differences(case, leaves, count, gradients):
    """The second-order gradient along a random direction against central differences."""
    generator = torch.Generator().manual_seed(5)
    directions = [torch.randn(leaf.shape, generator=generator) for leaf in leaves]
    step = 1e-6

    def at(sign):
        moved = [(leaf.detach() + sign * step * d).requires_grad_() for leaf, d in zip(leaves, directions)]
        return objective(case, moved[:count], moved[count:], True)[0].item()

    measured = (at(1) - at(-1)) / (2 * step)
    expected = sum((g * d).sum() for g, d in zip(gradients, directions)).item()
    assert abs(measured - expected) < 1e-6 * max(1.0, abs(expected)), (case["name"], measured, expected)


def maml_case(name, builder, tasks, steps, rates, rate_values, loss, inner_loss=None, adapts=None, layers=None,
              outer_weights=None):
    every = list(range(len(builder.parameters)))
    case = dict(name=name, model=builder.model, inner_loss=inner_loss or loss, outer_loss=loss, steps=steps,
                adapts=adapts or every, rates=rates, layers=layers, tasks=tasks,
                outer_weights=outer_weights or [0.0] * (steps - 1) + [1.0])
    expected = {}
    for order in ("second_order", "first_order"):
        leaves = [leaf.clone().requires_grad_() for leaf in builder.parameters + rate_values]
        count = len(builder.parameters)
        value, supports, queries = objective(case, leaves[:count], leaves[count:], order == "second_order")
        gradients = torch.autograd.grad(value, leaves)
        if order == "second_order":
            check_by_differences(case, leaves, count, gradients)
        expected[order] = {"loss": value.item(), "parameters": [tensor(g) for g in gradients[:count]]}
        if rates != "fixed":
            expected[order]["rates"] = [tensor(g) for g in gradients[count:]]
    expected["support_losses"], expected["query_losses"] = supports, queries
    if rates == "fixed":
        case["rate"] = rate_values[0].item()
    else:
        case["rate_values"] = [tensor(value) for value in rate_values]
    if layers is None:
        del case["layers"]
    shown = [{part: value if value.dtype == torch.int64 else tensor(value) for part, value in task.items()}
             for task in tasks]
    parameters = [{"name": n, **tensor(p)} for n, p in zip(builder.names, builder.parameters)]
    return {**case, "tasks": shown, "parameters": parameters, "expected": expected}


def fixed(value):
    return dict(rates="fixed", rate_values=[torch.tensor(value)])


def maml_dense():
    cases = []
    for seed, activation in ((11, "tanh"), (12, "relu")):
        for steps in (1, 3):
            g = torch.Generator().manual_seed(seed)
            b = Builder(g).dense(1, 8).plain(activation).dense(8, 8).plain(activation).dense(8, 1)
            tasks = regression_tasks(g, 2, 5, 5)
            cases.append(maml_case(f"{activation}-{steps}-steps", b, tasks, steps, loss="mean_squared_error",
                                   **fixed(0.05)))
    return cases


def maml_classification():
    cases = []
    for seed, hidden in ((21, None), (22, 5)):
        for rates in ("per_layer_per_step", "per_element"):
            for weights in ([0.0, 1.0], [0.25, 0.75]):
                g = torch.Generator().manual_seed(seed)
                b = Builder(g)
                if hidden:
                    b.dense(4, hidden).plain("tanh").dense(hidden, 3)
                else:
                    b.dense(4, 3)
                layers = [[i, i + 1] for i in range(0, len(b.parameters), 2)]
                tasks = class_tasks(g, 2, 3, 2, 2, (4,))
                positive = lambda shape: 0.25 + exact(g, shape, 0.1).abs()
                if rates == "per_layer_per_step":
                    values = [positive((2, len(layers)))]
                else:
                    layers, values = None, [positive(p.shape) for p in b.parameters]
                name = "-".join(["hidden" if hidden else "linear", rates.replace("_", "-"),
                                 "multi-step" if weights[0] else "last-step"])
                cases.append(maml_case(name, b, tasks, 2, rates, values, "cross_entropy", layers=layers,
                                       outer_weights=weights))
    return cases


def maml_conv():
    cases = []
    g = torch.Generator().manual_seed(31)
    b = Builder(g).convolution(2, 2, 3, 3, 2, 1).batch_norm(3).plain("relu").plain("global_average_pool").dense(3, 3)
    tasks = class_tasks(g, 2, 3, 1, 1, (2, 6, 6))
    cases.append(maml_case("stride", b, tasks, 2, loss="cross_entropy", **fixed(0.125)))
    g = torch.Generator().manual_seed(32)
    b = Builder(g).convolution(2, 2, 3, 3, 1, 1).batch_norm(3).plain("relu").plain("max_pool", size=2)
    b.convolution(2, 3, 3, 3, 1, 1, groups=3).batch_norm(3).plain("relu").convolution(2, 3, 4, 1, 1, 0, bias=True)
    b.plain("relu").plain("global_average_pool").dense(4, 3)
    tasks = class_tasks(g, 2, 3, 1, 1, (2, 6, 6))
    cases.append(maml_case("depthwise-max-pool", b, tasks, 2, loss="cross_entropy", **fixed(0.125)))
    g = torch.Generator().manual_seed(33)
    b = Builder(g).convolution(1, 2, 3, 5, 1, 2).batch_norm(3).plain("relu").plain("max_pool", size=2)
    b.convolution(1, 3, 4, 3, 2, 1).batch_norm(4).plain("relu").plain("global_average_pool").dense(4, 3)
    tasks = class_tasks(g, 2, 3, 1, 1, (2, 12))
    cases.append(maml_case("conv1d-max-pool", b, tasks, 2, loss="cross_entropy", **fixed(0.125)))
    return cases


def anil():
    g = torch.Generator().manual_seed(41)
    b = Builder(g).dense(4, 5).plain("tanh").dense(5, 3)
    dense = maml_case("dense-trunk", b, class_tasks(g, 2, 3, 2, 2, (4,)), 3, loss="cross_entropy", adapts=[2, 3],
                      **fixed(0.25))
    g = torch.Generator().manual_seed(42)
    b = Builder(g).convolution(2, 2, 3, 3, 2, 1).batch_norm(3).plain("relu").plain("global_average_pool").dense(3, 3)
    conv = maml_case("conv-trunk", b, class_tasks(g, 2, 3, 1, 1, (2, 6, 6)), 3, loss="cross_entropy", adapts=[3, 4],
                     **fixed(0.25))
    return [dense, conv]


def huber():
    g = torch.Generator().manual_seed(51)
    b = Builder(g).dense(1, 6).plain("tanh").dense(6, 1)
    tasks = regression_tasks(g, 2, 5, 5)
    errors = torch.cat([run(b.model, b.parameters, t["support_x"]) - t["support_y"] for t in tasks]).abs()
    assert (errors < 1).any() and (errors > 1).any(), "both branches of Huber's loss must be used"
    return [maml_case("inner-huber", b, tasks, 2, loss="mean_squared_error", inner_loss="huber", **fixed(0.125))]


def reptile():
    cases = []
    for optimiser in ("sgd", "adam"):
        g = torch.Generator().manual_seed(61)
        b = Builder(g).dense(1, 6).plain("tanh").dense(6, 1)
        drawn = [regression_tasks(g, 1, 4, 4)[0] for _ in range(2)]
        adam = {"rate": 0.03125, "beta1": 0.0, "beta2": 0.999, "epsilon": 1e-8}
        values = {"rate": 0.0625} if optimiser == "sgd" else adam
        meta_step, steps, adapted, tasks = 0.25, 3, [], []
        for task in drawn:
            batches = [{"x": task[f"{part}_x"], "y": task[f"{part}_y"]} for part in ("support", "query", "support")]
            fast = [p.clone().requires_grad_() for p in b.parameters]
            inner = torch.optim.SGD(fast, lr=values["rate"]) if optimiser == "sgd" else torch.optim.Adam(
                fast, lr=values["rate"], betas=(values["beta1"], values["beta2"]), eps=values["epsilon"])
            for batch in batches:
                inner.zero_grad()
                LOSSES["mean_squared_error"](run(b.model, fast, batch["x"]), batch["y"]).backward()
                inner.step()
            adapted.append([p.detach() for p in fast])
            tasks.append({"batches": [{key: tensor(value) for key, value in batch.items()} for batch in batches]})
        means = [torch.stack(same).mean(0) for same in zip(*adapted)]
        updated = [p + meta_step * (mean - p) for p, mean in zip(b.parameters, means)]
        cases.append(dict(
            name=optimiser, model=b.model, inner_loss="mean_squared_error", steps=steps, inner_optimiser=optimiser,
            inner=values, meta_step=meta_step,
            parameters=[{"name": n, **tensor(p)} for n, p in zip(b.names, b.parameters)], tasks=tasks,
            expected={"adapted": [[tensor(p) for p in task] for task in adapted],
                      "parameters": [tensor(p) for p in updated]}))
    return cases
