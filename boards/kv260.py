"""AMD Kria KV260 with a K26 module: the core is a part of the processor's system. Built with Vivado."""

from accel.target import Cells
from boards.board import Board

BOARD = Board(
    name="kv260",
    title="AMD Kria KV260, Zynq UltraScale+ K26",
    aliases=("kria", "kria-kv260"),
    flow="zynq",
    target="ultrascale+",
    part="xck26-sfvc784-2LV-c",
    capacity=Cells(lut=117120, ff=234240, bram=288, dsp=1248),
    source_mhz=1500,
    clock_mhz=150,
    loading="copy the folder driver, board.bit and board.hwh to the board and run driver.py there (docs/boards.md)",
)
