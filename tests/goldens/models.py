"""Networks as lists of layers, losses, numbers that are exact, and writing them down."""
import json

import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)

# A kink (relu at 0, max-pool's tie, Huber's corner) nearer than this would make the expected value a matter of
# rounding: the generator refuses such a case.
KINK = 1e-5


def exact(generator, shape, scale):
    """Normal numbers in multiples of 1/1024: short in JSON, and the same in f32."""
    return torch.round(scale * torch.randn(shape, generator=generator) * 1024) / 1024


def away(distance):
    nearest = float(distance.detach().abs().min())
    assert nearest > KINK, f"a kink is only {nearest} away: choose another seed"


def batch_norm(x, scale, shift, epsilon):
    """Statistics of this batch alone, the variance divided by the count."""
    over = [axis for axis in range(x.dim()) if axis != 1]
    broadcast = [1, -1] + [1] * (x.dim() - 2)
    mean = x.mean(over, keepdim=True)
    variance = ((x - mean) ** 2).mean(over, keepdim=True)
    return (x - mean) / torch.sqrt(variance + epsilon) * scale.view(broadcast) + shift.view(broadcast)


def max_pool(x, size):
    """Windows side by side; ties do not matter where relu has made them 0."""
    pool = F.max_pool1d if x.dim() == 3 else F.max_pool2d
    if x.dim() == 3:
        windows = x.unfold(2, size, size)
    else:
        windows = x.unfold(2, size, size).unfold(3, size, size).flatten(-2)
    best = windows.topk(2, -1).values
    gap = (best[..., 0] - best[..., 1])[best[..., 0] > 0]
    away(gap)
    return pool(x, size)


def layer(kind, p, x):
    """One layer of a model; `p` are the parameters, which the layer names by index."""
    name = kind["kind"]
    of = lambda key: None if kind.get(key) is None else p[kind[key]]
    if name == "dense":
        return x @ of("weights") + of("bias")
    if name == "tanh":
        return torch.tanh(x)
    if name == "relu":
        away(x)
        return torch.relu(x)
    if name in ("conv1d", "conv2d"):
        convolve = F.conv1d if name == "conv1d" else F.conv2d
        return convolve(x, of("weights"), of("bias"), kind["stride"], kind["padding"], 1, kind["groups"])
    if name == "batch_norm":
        return batch_norm(x, of("scale"), of("shift"), kind["epsilon"])
    if name == "max_pool":
        return max_pool(x, kind["size"])
    assert name == "global_average_pool", name
    return x.flatten(2).mean(2)


def run(model, p, x):
    for kind in model:
        x = layer(kind, p, x)
    return x


def huber(output, target):
    """Delta 1: half the square within 1, |error| - 1/2 beyond."""
    away((output - target).abs() - 1)
    return F.huber_loss(output, target, delta=1.0)


LOSSES = {
    "mean_squared_error": lambda output, target: ((output - target) ** 2).mean(),
    "cross_entropy": F.cross_entropy,
    "huber": huber,
}


class Builder:
    """A model and its parameters, layer by layer."""

    def __init__(self, generator):
        self.generator, self.model, self.parameters, self.names = generator, [], [], []

    def parameter(self, name, shape, scale, around=0.0):
        self.parameters.append(around + exact(self.generator, shape, scale))
        self.names.append(f"{name}_{len(self.model)}")
        return len(self.parameters) - 1

    def dense(self, inputs, outputs):
        weights = self.parameter("weights", (inputs, outputs), inputs ** -0.5)
        bias = self.parameter("bias", (outputs,), 0.3)
        return self.plain("dense", weights=weights, bias=bias)

    def convolution(self, dimensions, inputs, outputs, kernel, stride, padding, groups=1, bias=False):
        shape = (outputs, inputs // groups) + (kernel,) * dimensions
        weights = self.parameter("weights", shape, (inputs // groups * kernel ** dimensions) ** -0.5)
        bias = self.parameter("bias", (outputs,), 0.3) if bias else None
        return self.plain(f"conv{dimensions}d", weights=weights, bias=bias, stride=stride, padding=padding,
                          groups=groups)

    def batch_norm(self, channels):
        scale = self.parameter("scale", (channels,), 0.2, around=1.0)
        shift = self.parameter("shift", (channels,), 0.3)
        return self.plain("batch_norm", scale=scale, shift=shift, epsilon=1e-5)

    def plain(self, kind, **rest):
        self.model.append({"kind": kind, **rest})
        return self


def tensor(value):
    value = value.detach()
    return {"shape": list(value.shape), "values": value.flatten().tolist()}


def number(value):
    """17 significant digits, enough for any f64."""
    return format(value, ".17g")


def text(value, indent=0):
    """JSON with one line for each list of numbers."""
    pad = "  " * (indent + 1)
    if isinstance(value, torch.Tensor):
        return text(value.tolist() if value.dim() else value.item(), indent)
    if isinstance(value, dict):
        lines = [f"{pad}{json.dumps(key)}: {text(item, indent + 1)}" for key, item in value.items()]
        return "{\n" + ",\n".join(lines) + "\n" + pad[2:] + "}"
    if isinstance(value, (list, tuple)):
        if all(isinstance(item, (int, float)) for item in value):
            return "[" + ", ".join(text(item) for item in value) + "]"
        return "[\n" + ",\n".join(pad + text(item, indent + 1) for item in value) + "\n" + pad[2:] + "]"
    if isinstance(value, float):
        assert value == value and abs(value) != float("inf")
        return number(value)
    return json.dumps(value)
