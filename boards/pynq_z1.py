"""Digilent PYNQ-Z1 with a Xilinx Zynq-7020, for the core like the PYNQ-Z2."""

from dataclasses import replace

from boards import pynq_z2

BOARD = replace(pynq_z2.BOARD, name="pynq-z1", title="Digilent PYNQ-Z1, Xilinx Zynq XC7Z020", aliases=())
