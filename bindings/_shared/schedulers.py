"""Schedulers of diffusers by their names and by short ones.

Source: diffusers 0.42, ``SchedulerMixin.from_config``, ``KarrasDiffusionSchedulers``.
"""

from __future__ import annotations

from typing import Annotated, Any

from omnibind.contracts.errors import BadConfig, suggest

SchedulerName = Annotated[
    str | None,
    "a class of diffusers, or euler, euler-a, ddim, ddpm, dpm++, dpm++-sde, heun, unipc, lcm, …; "
    "None is the model's own",
]

_MULTISTEP = "DPMSolverMultistepScheduler"
_DENOISING: dict[str, tuple[str, dict[str, Any]]] = {
    "ddim": ("DDIMScheduler", {}),
    "ddpm": ("DDPMScheduler", {}),
    "deis": ("DEISMultistepScheduler", {}),
    "dpm++": (_MULTISTEP, {"algorithm_type": "dpmsolver++"}),
    "dpm++-karras": (_MULTISTEP, {"algorithm_type": "dpmsolver++", "use_karras_sigmas": True}),
    "dpm++-sde": (_MULTISTEP, {"algorithm_type": "sde-dpmsolver++"}),
    "euler": ("EulerDiscreteScheduler", {}),
    "euler-a": ("EulerAncestralDiscreteScheduler", {}),
    "heun": ("HeunDiscreteScheduler", {}),
    "kdpm2": ("KDPM2DiscreteScheduler", {}),
    "kdpm2-a": ("KDPM2AncestralDiscreteScheduler", {}),
    "lcm": ("LCMScheduler", {}),
    "lms": ("LMSDiscreteScheduler", {}),
    "pndm": ("PNDMScheduler", {}),
    "tcd": ("TCDScheduler", {}),
    "unipc": ("UniPCMultistepScheduler", {}),
}
_FLOWING: dict[str, tuple[str, dict[str, Any]]] = {
    "euler": ("FlowMatchEulerDiscreteScheduler", {}),
    "heun": ("FlowMatchHeunDiscreteScheduler", {}),
    "lcm": ("FlowMatchLCMScheduler", {}),
    "dpm++": (_MULTISTEP, {"use_flow_sigmas": True, "prediction_type": "flow_prediction"}),
    "unipc": (
        "UniPCMultistepScheduler",
        {"use_flow_sigmas": True, "prediction_type": "flow_prediction"},
    ),
}
"""By short name, for models that predict noise and for those that predict flow."""


def use_scheduler(pipe: Any, own: Any, name: str | None) -> None:
    """Give a pipeline another scheduler, made from its own one's configuration.

    Args:
        pipe: The pipeline.
        own: The scheduler that it was loaded with, or None where it has none.
        name: A class of diffusers or a short name; None is ``own``.

    Raises:
        BadConfig: There is no such scheduler, or it doesn't fit the model.
    """
    if name is None:
        if own is not None:
            pipe.scheduler = own
        return
    if own is None:
        raise BadConfig(
            f"scheduler_name is {name!r}, and {type(pipe).__name__} has none; set it to None"
        )
    import diffusers

    known = _FLOWING if _flows(own) else _DENOISING
    class_name, more = known.get(name.lower(), (name, {}))
    usable = sorted(schedulers_for(own))
    if class_name not in usable:
        is_one = class_name.endswith("Scheduler") and hasattr(diffusers, class_name)
        other = is_one or name.lower() in _DENOISING
        told = f"doesn't fit {type(pipe).__name__}" if other else "is unknown"
        hint = (
            suggest(name, [*known, *usable]) if not other else f"choose one of {', '.join(known)}"
        )
        raise BadConfig(f"scheduler_name {name!r} {told}; {hint}")
    more = more or next((m for c, m in known.values() if c == class_name and _flows(own)), {})
    if "flow_shift" not in own.config and more.get("use_flow_sigmas"):
        more = {**more, "flow_shift": own.config.get("shift", 1.0)}
    pipe.scheduler = getattr(diffusers, class_name).from_config(own.config, **more)


def schedulers_for(own: Any) -> set[str]:
    """Return the classes that may take the place of a pipeline's own scheduler."""
    known = _FLOWING if _flows(own) else _DENOISING
    return (
        {class_name for class_name, _ in known.values()}
        | {type_.__name__ for type_ in own.compatibles if _flows(own) == _flows_by_name(type_)}
        | {type(own).__name__}
    )


def _flows(scheduler: Any) -> bool:
    config = scheduler.config
    return bool(
        _flows_by_name(type(scheduler))
        or config.get("use_flow_sigmas")
        or config.get("prediction_type") == "flow_prediction"
    )


def _flows_by_name(type_: type) -> bool:
    return type_.__name__.startswith(("FlowMatch", "LTXEulerAncestralRF"))
