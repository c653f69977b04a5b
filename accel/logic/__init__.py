"""Logic of hardware modules as amounts: what the folders of operators describe, and the cost model prices."""
