"""The command `accel`: one module per verb, imported when it is used. What a verb does is in `accel.verbs`."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module, metadata
from typing import Any, NoReturn

import click

from accel import files
from accel.cli import extras, interrupts
from accel.cli.group import Verbs
from accel.cli.parts import require_own_packages
from accel.errors import AccelError, UserError

VERBS = (
    "demo", "train", "export", "quantize", "check", "lower", "explore", "simulate", "build", "compare", "report",
    "bitstream", "board", "boards", "lm", "study", "doctor", "completion",
)  # fmt: skip


class Cli(Verbs):
    """Imports a verb when it is asked for, and turns every error a user can cause into one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order in which a newcomer needs them."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """The verb's module, on first use."""
        if name not in VERBS:
            return None
        command: click.Command = import_module(f"accel.cli.{name}").command
        return command

    def main(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Exit with 0, with 1 when a check or a tool failed, or with 2 when the request has to be changed."""
        if not sys.warnoptions:
            warnings.simplefilter("ignore")  # of libraries, to their developers
        try:
            with _interruptible():
                require_own_packages()
                sys.exit(super().main(*args, **{**kwargs, "standalone_mode": False}) or 0)
        except click.exceptions.NoArgsIsHelpError as error:
            click.echo(error.format_message(), err=True)
            sys.exit(2)
        except click.UsageError as error:
            where = error.ctx.command_path if error.ctx else "accel"
            _fail(2, f"{' '.join(error.format_message().split())} (see {where} --help)")
        except click.Abort:
            _fail(1, f"interrupted; {interrupts.left_behind()}")
        except UserError as error:
            _fail(2, str(error))
        except (AccelError, click.ClickException) as error:
            _fail(1, str(error))
        except ModuleNotFoundError as error:
            _fail(1, extras.missing(error))
        except OSError as error:
            if error.errno in files.FULL:
                _fail(1, str(files.no_space(error.filename or ".")))
            _fail(1, f"{error.filename or 'system'}: {error.strerror}")


@contextmanager
def _interruptible() -> Iterator[None]:
    """Raises click.Abort after an interrupt, also where a library made another error of it."""
    try:
        yield
    finally:
        if interrupts.finish():
            raise click.Abort


def _fail(code: int, text: str) -> NoReturn:
    """Names that the user or a file gave can hold anything: what is no text for a terminal is shown as `?`."""
    shown = "".join(c if c.isprintable() or c == "\n" else "?" for c in text)
    click.echo(f"accel: error: {shown}", err=True)
    sys.exit(code)


@click.command(cls=Cli, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(metadata.version("accel-fpga"), message="accel %(version)s")
def cli() -> None:
    """Take a quantized transformer to a running FPGA, and check every step for exact equality.

    accel imports an ONNX file with quantizers as an integer graph. The graph runs in torch (reference), as C++ for
    high-level synthesis (csim), as SystemVerilog in a cycle-accurate simulation (rtl), and as the complete design of a
    board behind its simulated serial port (board). All of them must give the same integers.

    \b
    Start here:
      accel demo                                 every step on handwritten digits, in a few minutes
      accel check model.onnx                     do all levels agree on my model?
      accel lower model.onnx --target rtl --out build/rtl

    Exit codes: 0 success, 1 a level disagrees or a tool failed, 2 the request must be changed.
    """


def main() -> NoReturn:
    """Entry point of the console script."""
    interrupts.install()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # a caller may have closed it
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # a terminal without UTF-8 shows a ? for µ
    cli.main(prog_name="accel")
