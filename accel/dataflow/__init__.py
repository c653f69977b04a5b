"""A graph as a machine of one unit per operator: its schedule, who chooses it, and the cycle of every beat."""
