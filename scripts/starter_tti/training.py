"""One loop for every part that is trained: rates, running averages and what it says on the way."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

_TOLD_EVERY = 100


@dataclass(frozen=True)
class Stage:
    """How one part is trained.

    Attributes:
        name: What it is called in the report.
        steps: How many batches it sees.
        level: Share of the steps, warm-up included, before the rate falls along a cosine.
        memory: How slowly the running averages follow, at most; they are what is kept.
        betas: AdamW's own.
        decay: AdamW's weight decay.
    """

    name: str
    steps: int
    level: float = 0.4
    memory: float = 0.998
    betas: tuple[float, float] = (0.9, 0.99)
    decay: float = 0.01


@dataclass(frozen=True)
class Group:
    """Parameters that learn at one rate."""

    parameters: Sequence[torch.nn.Parameter]
    rate: float


def train(stage: Stage, groups: Sequence[Group], loss_of: Callable[[], Tensor]) -> list[float]:
    """Train and leave the running averages in place; returns the loss of every step."""
    parameters = [parameter for group in groups for parameter in group.parameters]
    optimizer = torch.optim.AdamW(
        [{"params": list(group.parameters), "lr": group.rate} for group in groups],
        betas=stage.betas,
        weight_decay=stage.decay,
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _share(stage, step))
    averages = [parameter.detach().clone() for parameter in parameters]
    losses: list[float] = []
    started = time.monotonic()
    for step in range(1, stage.steps + 1):
        loss = loss_of()
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        schedule.step()
        _follow(averages, parameters, min(stage.memory, (1 + step) / (10 + step)))
        losses.append(loss.item())
        if step % _TOLD_EVERY == 0 or step == stage.steps:
            pace = step / (time.monotonic() - started)
            print(
                f"{stage.name} {step}/{stage.steps}: {_told(losses)}, {pace:.1f} steps/s",
                flush=True,
            )
    for parameter, average in zip(parameters, averages, strict=True):
        parameter.data.copy_(average)
    return losses


def _told(losses: Sequence[float]) -> str:
    some = min(_TOLD_EVERY, max(1, len(losses) // 4))
    first, last = sum(losses[:some]) / some, sum(losses[-some:]) / some
    return f"loss {last:.4f}, at first {first:.4f}"


def _share(stage: Stage, step: int) -> float:
    """Return the share of the full rate that a step learns with."""
    warm = min(1.0, (step + 1) / min(150, max(1, stage.steps // 10)))
    done = step / stage.steps
    if done < stage.level:
        return warm
    return max(0.01, 0.5 + 0.5 * math.cos(math.pi * (done - stage.level) / (1 - stage.level)))


@torch.no_grad()
def _follow(averages: list[Tensor], parameters: list[torch.nn.Parameter], memory: float) -> None:
    for average, parameter in zip(averages, parameters, strict=True):
        average.lerp_(parameter.detach(), 1 - memory)


def pick(pictures: Tensor, count: int) -> Tensor:
    """Return ``count`` of the pictures by chance."""
    return pictures[torch.randint(len(pictures), (count,)).to(pictures.device)]


def half_precision(device: torch.device) -> torch.autocast:
    """Let a network's own work within run in bfloat16; its weights stay float32."""
    return torch.autocast(device.type, torch.bfloat16)
