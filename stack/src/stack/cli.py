"""`gdpr`: the one command line of the product. Each noun is a module in `stack.commands`."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import platform

import typer

from stack.answering import AsJson, answer, explained, out
from stack.commands import running
from stack.kafka import KAFKA_VERSION

app = typer.Typer(
    name="gdpr",
    help="GDPR rights beside a CRM: the local stack, and everything staff can do, from a terminal.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (running.up, running.down, running.status, running.logs):
    app.command()(command)


@app.command()
@explained
def version(as_json: AsJson = False) -> None:
    """Say which version this is."""
    content = {
        "gdpr": importlib.metadata.version("gdpr-stack"),
        "python": platform.python_version(),
        "kafka": KAFKA_VERSION,
    }
    answer(content, as_json, lambda: out.print(f"gdpr {content['gdpr']} (Python {content['python']})"))


COMMANDS: dict[str, str] = {
    "doctor": "doctor",
    "import": "import_file",
    "person": "person",
    "link": "link",
    "consent": "consent",
    "audit": "audit",
    "projection": "projection",
    "quarantine": "quarantine",
    "keys": "keys",
    "secrets": "secrets",
    "databases": "databases",
}
"""The nouns, each with its module in `stack.commands`: a Typer app called `app`."""


def mount(name: str, commands: typer.Typer) -> None:
    """A noun with verbs becomes a group; a noun that is itself the command (`gdpr link REF`) stays flat."""
    alone = commands.registered_commands
    flat = len(alone) == 1 and not commands.registered_groups and not commands.registered_callback
    if flat and alone[0].callback is not None:
        app.command(name)(alone[0].callback)
    else:
        app.add_typer(commands, name=name)


for name, module in COMMANDS.items():
    if importlib.util.find_spec(f"stack.commands.{module}") is not None:
        mount(name, importlib.import_module(f"stack.commands.{module}").app)
