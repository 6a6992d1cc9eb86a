"""The service's edits: what each takes, under which names, and what it costs.

Source: Stability's REST API v2beta, ``/v2beta/stable-image/edit``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, NamedTuple

from omnibind.contracts.errors import BadOption

SIDES = ("left", "right", "up", "down")

EditName = Annotated[
    Literal[
        "image-to-image",
        "inpaint",
        "erase",
        "outpaint",
        "search-and-replace",
        "search-and-recolor",
        "remove-background",
        "replace-background-and-relight",
    ]
    | None,
    "not given, inpaint with a mask, else image-to-image; erase and remove-background go by the "
    "pictures alone and leave the prompt out",
]


class Edit(NamedTuple):
    """One of the service's edits.

    Attributes:
        takes: Our options that it has.
        credits: What it costs in the service's credits; 0 is the model's price.
        picture: What it calls the picture.
        prompt: What it calls the prompt; empty where it takes none.
        search: What it calls the words to look for.
        formats: The encodings that it has.
        is_job: True where it answers with an id, and the picture is fetched later.
    """

    takes: Sequence[str]
    credits: float = 5
    picture: str = "image"
    prompt: str = "prompt"
    search: str = ""
    formats: Sequence[str] = ("png", "jpeg", "webp")
    is_job: bool = False

    def form(
        self,
        name: str,
        label: str,
        prompt: str,
        options: Mapping[str, Any],
        output_format: str | None,
    ) -> dict[str, Any]:
        """Return the fields of a request.

        Args:
            name: The edit's name, for messages.
            label: Who asks, for messages.
            prompt: What is to be seen.
            options: Those that were given, by our names.
            output_format: The encoding; None is the service's own.

        Raises:
            BadOption: An option is none of this edit's, or one that it needs is missing.
        """
        for option in options:
            if option not in self.takes:
                raise BadOption(
                    f"{name} of {label} takes no {option}; leave it out, or choose another edit"
                )
        if self.search and "search_prompt" not in options:
            raise BadOption(f"{name} of {label} needs search_prompt: give what to look for")
        if "left" in self.takes and not any(options.get(side) for side in SIDES):
            raise BadOption(f"{name} of {label} needs a side: give left, right, up or down")
        if output_format is not None and output_format not in self.formats:
            raise BadOption(
                f"{name} of {label} gives no {output_format}; choose {' or '.join(self.formats)}"
            )
        fields = {
            self.prompt: prompt,
            self.search: options.get("search_prompt"),
            "style_preset": options.get("style"),
            "output_format": output_format,
        }
        for option in ("strength", "foreground_prompt", *SIDES, "negative_prompt", "seed"):
            fields[option] = options.get(option)
        return {field: value for field, value in fields.items() if field and value is not None}


_USUAL = ("negative_prompt", "style", "seed")

EDITS: Mapping[str, Edit] = {
    "image-to-image": Edit(("model", "strength", *_USUAL), credits=0, prompt=""),
    "inpaint": Edit(("mask", *_USUAL)),
    "erase": Edit(("mask", "seed"), prompt=""),
    "outpaint": Edit((*SIDES, "style", "seed"), credits=4),
    "search-and-replace": Edit(("search_prompt", *_USUAL), search="search_prompt"),
    "search-and-recolor": Edit(("search_prompt", *_USUAL), search="select_prompt"),
    "remove-background": Edit((), prompt="", formats=("png", "webp")),
    "replace-background-and-relight": Edit(
        ("foreground_prompt", "negative_prompt", "seed"),
        credits=8,
        picture="subject_image",
        prompt="background_prompt",
        is_job=True,
    ),
}
