"""What every result must be before anybody sees it; docs/verification.md lists the rules."""

from __future__ import annotations

from collections.abc import Collection

from omnibind.calls.verification.rules import RULES, Case, Expected, Rule, off_of
from omnibind.contracts.media import Audio, Image, Transcript, Video

__all__ = ["RULES", "Expected", "Rule", "off_of", "verify"]

_NOTHING_ASKED = Expected()


def verify(
    result: Audio | Image | Video | Transcript,
    label: str,
    expected: Expected = _NOTHING_ASKED,
    off: Collection[str] = (),
) -> tuple[str, ...]:
    """Judge a result by the rules of its type.

    Args:
        result: What the engine returned.
        label: Who made it, as ``modality/name``; only a ``tts`` sound is judged by its text.
        expected: What was asked for.
        off: Names of rules that are turned off.

    Returns:
        Warnings about a result that is usable all the same.

    Raises:
        BadOutput: It isn't usable; ``.rule`` names the rule, ``.result`` is the result.
    """
    case = Case(result, label, expected, off)
    if isinstance(result, Audio):
        from omnibind.calls.verification.sounds import judge_audio

        judge_audio(case, result)
    elif isinstance(result, Image):
        from omnibind.calls.verification.pictures import judge_image

        judge_image(case, result)
    elif isinstance(result, Video):
        from omnibind.calls.verification.pictures import judge_video

        judge_video(case, result)
    elif isinstance(result, Transcript):
        from omnibind.calls.verification.transcripts import judge_transcript

        judge_transcript(case, result)
    else:
        raise TypeError(f"{type(result).__name__} has no rules")
    return tuple(case.warnings)
