"""The adder tree of `accel_mac.sv`, as numbers."""


def tree_registers(terms: int) -> int:
    """Register stages of a tree over `terms` products: one for every two levels of adders."""
    return ((terms - 1).bit_length() + 1) // 2
