"""Generated SystemVerilog as cycle-accurate software: Verilator, its harness, and why a design hangs."""
