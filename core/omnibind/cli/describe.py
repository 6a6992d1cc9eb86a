"""The command that shows all that is known of one binding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from omnibind.cli.parameters import AsJson

if TYPE_CHECKING:
    from omnibind.contracts.options import Option
    from omnibind.contracts.tts import Voice
    from omnibind.discovery.diagnosis import Diagnosis
    from omnibind.managers import Description


def describe(
    name: Annotated[str, Parameter(name="MODALITY/NAME")], /, *, as_json: AsJson = False
) -> None:
    """Show the options, configuration, capabilities, voices and models of a binding.

    Args:
        name: The binding, for example tts/piper, or its folder.
        as_json: Print JSON.
    """
    from omnibind.cli.naming import parse_name

    named = parse_name(name, "MODALITY/NAME")
    description = named.manager.describe(named.binding)
    diagnosis = named.manager.diagnose(named.binding)
    if as_json:
        _print_json(description, diagnosis)
    else:
        _print_text(description, diagnosis)


def _print_json(description: Description, diagnosis: Diagnosis) -> None:
    from omnibind.cli.look import state_data
    from omnibind.cli.models import models_of
    from omnibind.cli.output import print_json
    from omnibind.contracts import CONTRACTS

    manifest, able = description.manifest, description.capabilities
    print_json(
        {
            **state_data(diagnosis),
            "choice": description.choice,
            "folder": description.folder,
            "doc": description.doc,
            "manifest": manifest.to_dict() if manifest else None,
            "capabilities": able.to_dict() if able else None,
            "verb": CONTRACTS[description.modality].verb,
            "subject": list(description.options.subject),
            "options": description.options.json_schema(),
            "configuration": description.configuration.json_schema(),
            "models": [model.to_data() for model in models_of(description)],
            "voices": [voice._asdict() for voice in _voices(description)],
        }
    )


def _print_text(description: Description, diagnosis: Diagnosis) -> None:
    from omnibind.cli.models import COLUMNS, models_of
    from omnibind.cli.output import print_table, print_title
    from omnibind.contracts import CONTRACTS

    label = f"{description.modality}/{description.name}"
    manifest = description.manifest
    print_title(f"{label}: {manifest.summary if manifest else description.doc}")
    print_table(("", ""), _facts(description, diagnosis), indent="  ")
    schema = description.options
    verb = f"{CONTRACTS[description.modality].verb}({', '.join(schema.subject)})"
    more = "; others depend on the model" if schema.open else ""
    _print_options(f"options of {verb}, given as --option NAME=VALUE{more}", schema.options)
    _print_options("configuration", description.configuration.options)
    models = models_of(description)
    if models:
        print_title("\nmodels")
        print_table(COLUMNS, [model.row(model.name) for model in models], indent="  ")
    voices = _voices(description)
    if voices:
        print_title("\nvoices")
        rows = [(one.name, one.language or "-", one.gender or "-") for one in voices]
        print_table(("voice", "language", "gender"), rows, indent="  ")


def _voices(description: Description) -> list[Voice]:
    """Return the voices that the catalogue knows; of others only the binding itself can tell."""
    from omnibind.weights.catalogue import voices_of

    if description.modality != "tts":
        return []
    return sorted(voices_of(description.models).values())


def _facts(description: Description, diagnosis: Diagnosis) -> list[tuple[str, str]]:
    from omnibind.cli.look import capability_rows

    facts: list[tuple[str, str]] = [("state", diagnosis.state)]
    for problem in diagnosis.problems:
        facts.append((problem.state, ": ".join(filter(None, (problem.message, problem.command)))))
    manifest = description.manifest
    if manifest is None:
        return [*facts, ("folder", "none; registered in code")]
    facts += [
        ("kind", f"{manifest.kind}, {manifest.runs}"),
        ("license of code", manifest.license.code),
        ("license of weights", manifest.license.weights),
        ("homepage", manifest.homepage),
        ("requires", ", ".join(manifest.requires)),
        ("programs", ", ".join(manifest.programs)),
        ("default model", manifest.default_model),
        *(capability_rows(description.capabilities) if description.capabilities else ()),
        ("folder", str(description.folder)),
    ]
    return [(name, value) for name, value in facts if value]


def _print_options(title: str, options: tuple[Option, ...]) -> None:
    from omnibind.cli.output import print_table, print_title

    print_title(f"\n{title}")
    if not options:
        print_table(("",), [("none",)], indent="  ")
        return
    rows = [
        (
            option.name,
            str(option.type),
            "required" if option.required else f"default {option.default!r}",
            option.help,
        )
        for option in options
    ]
    print_table(("name", "type", "default", "what it is"), rows, indent="  ")
