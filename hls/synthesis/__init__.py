"""Generated SystemVerilog as gates: yosys, the cells of a family, and simulation of what it makes."""
