"""Weighting several tasks' losses, and reconciling their gradients."""
import torch

from models import LOSSES, Builder, exact, run, tensor

TASKS = ("mean_squared_error", "cross_entropy", "mean_squared_error")


def network(seed):
    """A shared layer and three heads, of which the second classifies; all tasks see the same inputs."""
    g = torch.Generator().manual_seed(seed)
    shared = Builder(g).dense(3, 4).plain("tanh")
    heads = [Builder(g).dense(4, outputs) for outputs in (1, 3, 2)]
    x = exact(g, (5, 3), 1.0)
    targets = [exact(g, (5, 1), 1.0), torch.arange(5) % 3, exact(g, (5, 2), 2.0)]
    parameters = shared.parameters + [p for head in heads for p in head.parameters]
    for parameter in parameters:
        parameter.requires_grad_()
    features = run(shared.model, shared.parameters, x)
    losses = [LOSSES[kind](run(head.model, head.parameters, features), target)
              for kind, head, target in zip(TASKS, heads, targets)]
    given = dict(
        losses=list(TASKS), x=tensor(x),
        targets=[t if t.dtype == torch.int64 else tensor(t) for t in targets],
        shared={"model": shared.model, "parameters": [tensor(p) for p in shared.parameters]},
        heads=[{"model": head.model, "parameters": [tensor(p) for p in head.parameters]} for head in heads])
    return given, parameters, losses


def uncertainty():
    forms = {
        "sum of exp(-s) L + s": lambda s, loss: torch.exp(-s) * loss + s,
        "sum of exp(-s) L / 2 + s / 2": lambda s, loss: (torch.exp(-s) * loss + s) / 2,
    }
    cases = []
    for name, form in zip(("whole", "half"), forms):
        given, parameters, losses = network(71)
        s = torch.tensor([0.25, -0.5, 0.75]).requires_grad_()
        total = sum(forms[form](s[i], loss) for i, loss in enumerate(losses))
        gradients = torch.autograd.grad(total, [s, *parameters])
        expected = dict(task_losses=torch.stack(losses).detach(), total=total.item(), s=gradients[0],
                        shared=[tensor(g) for g in gradients[1:3]],
                        heads=[[tensor(gradients[3 + 2 * i]), tensor(gradients[4 + 2 * i])] for i in range(3)])
        cases.append(dict(name=name, form=form, meaning_of_s="log of the task's variance, sigma squared", **given,
                          s=s.detach(), expected=expected))
    return cases


def gradnorm():
    given, parameters, losses = network(72)
    alpha, rate = 1.5, 0.0625
    weights = torch.tensor([0.75, 1.25, 1.0]).requires_grad_()
    first = torch.tensor([2.0, 1.5, 4.0])
    shared = parameters[0]
    norms = torch.stack([torch.autograd.grad(weights[i] * loss, shared, create_graph=True)[0].norm()
                         for i, loss in enumerate(losses)])
    ratios = torch.stack(losses).detach() / first
    inverse_rates = ratios / ratios.mean()
    targets = (norms.mean() * inverse_rates ** alpha).detach()
    loss = (norms - targets).abs().sum()
    gradient = torch.autograd.grad(loss, weights)[0]
    stepped = weights.detach() - rate * gradient
    expected = dict(task_losses=torch.stack(losses).detach(), norms=norms.detach(), inverse_rates=inverse_rates,
                    targets=targets, gradnorm_loss=loss.item(), weights_gradient=gradient, stepped=stepped,
                    weights=stepped * len(losses) / stepped.sum())
    return [dict(name="one-step", **given, alpha=alpha, rate=rate, weights=weights.detach(), first_losses=first,
                 norms_over="the weights of the shared layer, without its bias", expected=expected)]


def pcgrad():
    gradients = torch.tensor([[1.0, -0.5, 0.25, 2.0], [-1.5, 1.0, 0.5, -0.25], [0.5, -2.0, 1.0, -0.75]])
    cases = []
    for name, order in (("forwards", [[1, 2], [0, 2], [0, 1]]), ("backwards", [[2, 1], [2, 0], [1, 0]])):
        projected = []
        for i, others in enumerate(order):
            g = gradients[i].clone()
            for j in others:
                product = g @ gradients[j]
                if product < 0:
                    g = g - product / (gradients[j] @ gradients[j]) * gradients[j]
            projected.append(g)
        projected = torch.stack(projected)
        cases.append(dict(name=name, gradients=tensor(gradients), order=order,
                          expected={"projected": tensor(projected), "sum": projected.sum(0)}))
    forwards, backwards = (case["expected"]["sum"] for case in cases)
    assert not torch.allclose(forwards, backwards), "the order must matter"
    return cases


def dwa():
    temperature = 2.0
    history = torch.tensor([[2.0, 1.5, 4.0], [1.5, 1.25, 3.75], [1.375, 0.75, 3.875], [1.0, 0.8125, 2.5]])
    weights = [torch.ones(3), torch.ones(3)]
    for epoch in range(2, len(history) + 1):
        ratios = history[epoch - 1] / history[epoch - 2]
        weights.append(3 * torch.softmax(ratios / temperature, 0))
    return [dict(name="four-epochs", temperature=temperature, history=tensor(history),
                 expected={"weights": tensor(torch.stack(weights))})]
