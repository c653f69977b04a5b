"""`python -m accel` is the command `accel`."""

from accel.cli import main

main()
