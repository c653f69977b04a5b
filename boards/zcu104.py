"""AMD ZCU104 with a Zynq UltraScale+ ZU7EV: the core is a part of the processor's system. Built with Vivado."""

from accel.target import Cells
from boards.board import Board

BOARD = Board(
    name="zcu104",
    title="AMD ZCU104, Zynq UltraScale+ XCZU7EV",
    flow="zynq",
    target="ultrascale+",
    part="xczu7ev-ffvc1156-2-e",
    capacity=Cells(lut=230400, ff=460800, bram=624, dsp=1728),
    source_mhz=1500,
    clock_mhz=150,
    loading="copy the folder driver, board.bit and board.hwh to the board and run driver.py there (docs/boards.md)",
)
