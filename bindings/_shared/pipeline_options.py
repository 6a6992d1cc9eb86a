"""The options of a pipeline, read from its own call, in our terms.

Source: the signatures of diffusers' pipelines; a modular one's blocks.
"""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any

from omnibind.contracts.options import Option, OptionType, Schema

OURS: Mapping[str, tuple[str, OptionType, str]] = {
    "negative_prompt": (
        "negative_prompt",
        OptionType("str", nullable=True),
        "what shouldn't be there",
    ),
    "width": ("width", OptionType("int", nullable=True, low=16), "pixels"),
    "height": ("height", OptionType("int", nullable=True, low=16), "pixels"),
    "num_inference_steps": (
        "steps",
        OptionType("int", nullable=True, low=1),
        "more are finer and slower",
    ),
    "guidance_scale": (
        "guidance_scale",
        OptionType("float", nullable=True, low=0.0, high=100.0),
        "how closely the prompt is followed",
    ),
    "generator": (
        "seed",
        OptionType("int", nullable=True, low=0, high=2**32 - 1),
        "the same one gives the same; None is by chance",
    ),
    "strength": (
        "strength",
        OptionType("float", nullable=True, low=0.0, high=1.0),
        "how much of the picture is drawn anew",
    ),
    "lyrics": ("lyrics", OptionType("str", nullable=True), "the words that are sung"),
    "frame_rate": ("fps", OptionType("float", nullable=True, low=1.0, high=120.0), "frames/s"),
    "fps": ("fps", OptionType("float", nullable=True, low=1.0, high=120.0), "frames/s"),
    "audio_duration": ("duration_s", OptionType("float", nullable=True, low=0.0), "seconds"),
    "audio_duration_s": ("duration_s", OptionType("float", nullable=True, low=0.0), "seconds"),
    "audio_end_in_s": ("duration_s", OptionType("float", nullable=True, low=0.0), "seconds"),
    "audio_length_in_s": ("duration_s", OptionType("float", nullable=True, low=0.0), "seconds"),
    "duration": ("duration_s", OptionType("float", nullable=True, low=0.0), "seconds"),
}
"""By the pipelines' own words: our term, its type and its help."""

_PLUMBING = ("return_dict", "output_type", "prompt", "image", "mask_image", "video", "callback")
_MEDIA = ("_image", "_images", "_video", "_audio", "_mask", "_embeds", "latents", "timesteps")
_PER_PROMPT = ("_per_prompt", "_tensor_inputs", "callback_steps")


def options_of(
    parameters: Mapping[str, inspect.Parameter],
    subject: tuple[str, ...],
    *,
    without: tuple[str, ...] = (),
) -> Schema:
    """Return the options of a pipeline, closed: what it lacks is unknown.

    Tensors, media and what serves the pipeline's own plumbing aren't options.

    Args:
        parameters: What its call takes (``Pipeline.parameters()``).
        subject: What the contract passes by position.
        without: The pipeline's own words for what the caller fills in itself.
    """
    found: dict[str, Option] = {}
    for name, parameter in parameters.items():
        if name in without or name in _PLUMBING or name.endswith((*_MEDIA, *_PER_PROMPT)):
            continue
        option = _option_of(name, parameter)
        if option is not None:
            found.setdefault(option.name, option)
    return Schema(subject, tuple(found.values()))


def own_names(
    parameters: Mapping[str, inspect.Parameter], options: Mapping[str, Any]
) -> dict[str, Any]:
    """Return options, checked and without ``seed``, by the pipeline's own names.

    None stays away: the pipeline's own default holds.
    """
    words: dict[str, str] = {}
    for own in parameters:
        words.setdefault(OURS[own][0] if own in OURS else own, own)
    return {words[name]: value for name, value in options.items() if value is not None}


def unheeded(
    parameters: Mapping[str, inspect.Parameter], arguments: Mapping[str, Any], heard: Sequence[str]
) -> tuple[str, ...]:
    """Return what a caller should know of arguments that a pipeline didn't heed, or cut short.

    Args:
        parameters: What its call takes.
        arguments: What it was given.
        heard: What it logged meanwhile.
    """
    given = tuple(name.replace("_", " ") for name in arguments)
    told = [one.strip() for one in heard if "truncated" in one]
    for one in heard:
        words = one.strip().lower().replace("_", " ")
        if words.startswith(given) and ("ignored" in words or "not enabled" in words):
            told.append(one.strip())
    scale = parameters.get("true_cfg_scale")
    if scale is not None and arguments.get("negative_prompt") and not told:
        value = arguments.get("true_cfg_scale", scale.default)
        if isinstance(value, (int, float)) and value <= 1:
            told.append(
                f"negative_prompt changed nothing, for true_cfg_scale is {value:g}; give one above "
                "1, and each step takes twice as long"
            )
    return tuple(dict.fromkeys(told))


def _option_of(name: str, parameter: inspect.Parameter) -> Option | None:
    default = None if parameter.default is parameter.empty else parameter.default
    if name in OURS:
        term, type_, about = OURS[name]
        try:
            default = type_.check(default)
        except ValueError:
            default = None
        return Option(term, type_, False, default, about)
    type_or_none = _type_of(parameter.annotation, default)
    if type_or_none is None:
        return None
    try:
        default = type_or_none.check(default)
    except ValueError:
        default = None
    return Option(name, type_or_none, False, default, "the pipeline's own")


def _type_of(annotation: Any, default: Any) -> OptionType | None:
    """Return the type of an option; None where it is none that a caller could write down."""
    if isinstance(annotation, str):
        annotation = inspect.Parameter.empty
    plain = {bool: "bool", int: "int", float: "float", str: "str"}
    for member in _members(annotation):
        if member in plain:
            return OptionType(plain[member], nullable=True)
        origin, inside = typing.get_origin(member), typing.get_args(member)
        if origin is list and inside and inside[0] in plain:
            return OptionType("list", nullable=True, item=OptionType(plain[inside[0]]))
        if origin is dict or member is dict:
            return OptionType("dict", nullable=True, item=OptionType("any", nullable=True))
    if annotation is inspect.Parameter.empty and type(default) in plain:
        return OptionType(plain[type(default)], nullable=True)
    return None


def _members(annotation: Any) -> list[Any]:
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return list(typing.get_args(annotation))
    return [annotation]
