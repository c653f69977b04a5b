import click


@click.command()
def command() -> None:
    """TODO.

    Example: accel train
    """
