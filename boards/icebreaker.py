"""1BitSquared iCEBreaker with a Lattice iCE40 UP5K: 12 MHz oscillator, FT2232H serial port. Open tools."""

from accel.target import Cells
from boards.board import Amaranth, Board

BOARD = Board(
    name="icebreaker",
    title="1BitSquared iCEBreaker, Lattice iCE40 UP5K",
    flow="ice40",
    target="ice40",
    part="iCE40UP5K-SG48",
    capacity=Cells(lut=5280, ff=5280, bram=30, dsp=8),
    pins=Amaranth(
        platform=("amaranth_boards.icebreaker", "ICEBreakerPlatform"),
        clock=("clk12", 0),
        uart=("uart", 0),
        reset=("button", 0),
        led=("led", 0),
    ),
    clock_mhz=18,
    loader="ice40_generic",
    loader_since="0.6",
    usb="its USB socket; the button UBTN is the reset",
)
