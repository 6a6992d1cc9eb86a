"""Train the starter model for pictures anew: ``python scripts/train_starter_tti.py OUT``.

It fetches Noto emoji and words for them with npm, trains an autoencoder, a text encoder and a
denoiser, says how well they draw, and writes a folder that diffusers loads, with the same parts as
``models/tti/diffusers/starter-noto64``. It needs the extra ``diffusers`` and Node.js, and takes
about an hour on two cores of a CPU; a GPU is used where there is one.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from starter_tti import emoji, recipe

QUICK_STEPS, QUICK_THINGS = 8, 24
JUDGED = 100


def main(arguments: Sequence[str] | None = None) -> int:
    """Train as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, metavar="OUT", help="the model's folder, which is made")
    parser.add_argument("--data", type=Path, help="folder that keeps the npm packages (81 MB)")
    parser.add_argument("--seed", type=int, default=0, help="of all chance (default: %(default)s)")
    parser.add_argument("--steps", type=int, help=f"of each part (default: {recipe.STEPS})")
    parser.add_argument(
        "--quick",
        action="store_true",
        help=f"see that it runs: {QUICK_STEPS} steps on {QUICK_THINGS} things",
    )
    given = parser.parse_args(arguments)
    if given.steps is not None and given.steps < 1:
        parser.error(f"--steps is {given.steps}; give 1 or more")
    if given.out.exists():
        parser.error(f"{given.out} is there already; name a folder that isn't")
    with tempfile.TemporaryDirectory() as passing:
        data = given.data or Path(passing)
        try:
            emoji.fetch(data)
        except OSError as error:
            print(f"train_starter_tti: {error}", file=sys.stderr)
            return 1
        collection = emoji.read(data)
    steps = given.steps or (QUICK_STEPS if given.quick else None)
    pipeline = recipe.learn(
        collection,
        dict.fromkeys(recipe.STEPS, steps) if steps else recipe.STEPS,
        part=QUICK_THINGS if given.quick else None,
        seed=given.seed,
    ).pipeline.to("cpu")
    print(f"right: {recipe.measure(pipeline, collection, 2 if given.quick else JUDGED)}")
    for part in (pipeline.vae, pipeline.text_encoder, pipeline.unet):
        part.half()
    pipeline.save_pretrained(given.out)
    print(f"wrote {given.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
