"""Bitwuzla's Python package as the program that yosys-smtbmc starts: SMT-LIB commands in, answers out."""

import sys

from bitwuzla import Option, Options, Parser, TermManager


def main() -> None:
    options = Options()
    options.set(Option.PRODUCE_MODELS, True)
    parser = Parser(TermManager(), options)
    command = ""
    for line in sys.stdin:
        command += line
        if command.count("(") == command.count(")"):
            parser.parse(command, False, False)
            sys.stdout.flush()
            command = ""


if __name__ == "__main__":
    main()
