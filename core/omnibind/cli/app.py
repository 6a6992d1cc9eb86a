"""The commands and their groups."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from cyclopts import App, Group

from omnibind import __version__
from omnibind.cli.again import again, show
from omnibind.cli.author import check, new
from omnibind.cli.create import compose, effect, film, imagine, speak
from omnibind.cli.describe import describe
from omnibind.cli.doctor import doctor
from omnibind.cli.environments import envs, install, repair, uninstall
from omnibind.cli.jobs import jobs
from omnibind.cli.keys import keys
from omnibind.cli.listen import transcribe
from omnibind.cli.look import available, bindings
from omnibind.cli.plan import plan
from omnibind.cli.ps import ps
from omnibind.cli.weights import models, pull, rm, trust

# Command modules import the rest of omnibind inside their functions, so that --help is quick.
_GROUPS: dict[str, tuple[Callable[..., Any] | App, ...]] = {
    "Make and hear": (speak, transcribe, imagine, compose, effect, film, again),
    "Look": (bindings, available, plan, describe, doctor, show, ps),
    "Weights": (pull, models, rm, trust),
    "Services": (keys, jobs),
    "Environments": (install, repair, uninstall, envs),
    "Write a binding": (new, check),
}


def make_app() -> App:
    """Return the parser of the command line."""
    app = App(
        name="omnibind",
        version=__version__,
        help="Speech, pictures, music and video from models on your own machine.",
        help_format="plaintext",
        help_epilogue="--debug, anywhere, shows the traceback of an error. Exit codes: 0 done, "
        "1 the work failed, 2 wrong use.",
        help_formatter="default" if sys.stdout.isatty() else "plain",
        exit_on_error=False,
        print_error=False,
        suppress_keyboard_interrupt=False,
        result_action="return_value",
    )
    for name, commands in _GROUPS.items():
        group = Group.create_ordered(name)
        for place, command in enumerate(commands):
            if isinstance(command, App):
                command.group, command.sort_key = (group,), place
                app.command(command)
            else:
                app.command(command, group=group, sort_key=place)
    return app
