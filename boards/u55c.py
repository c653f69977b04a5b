"""AMD Alveo U55C: the core is a kernel between two data movers, linked into the card's platform. Built with Vitis."""

from accel.target import Cells
from boards.board import Board

BOARD = Board(
    name="u55c",
    title="AMD Alveo U55C, Virtex UltraScale+ XCU55C",
    aliases=("alveo", "alveo-u55c"),
    flow="vitis",
    target="ultrascale+",
    part="xilinx_u55c_gen3x16_xdma_3_202210_1",
    capacity=Cells(lut=1303680, ff=2607360, bram=4032, dsp=9024),
    clock_mhz=250,
    loading="run driver/driver.py on the computer with the card (docs/boards.md)",
)
