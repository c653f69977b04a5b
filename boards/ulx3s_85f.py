"""Radiona ULX3S with a Lattice ECP5-85F: 25 MHz oscillator, FT231X serial port. Built with the open tools."""

from accel.target import Cells
from boards.board import Amaranth, Board

BOARD = Board(
    name="ulx3s-85f",
    title="Radiona ULX3S, Lattice ECP5 LFE5U-85F",
    aliases=("ulx3s", "ulx3s-v20"),
    flow="ecp5",
    target="ecp5",
    part="LFE5U-85F-6BG381C",
    capacity=Cells(lut=83640, ff=83640, bram=208, dsp=156),
    pins=Amaranth(
        platform=("amaranth_boards.ulx3s", "ULX3S_85F_Platform"),
        clock=("clk25", 0),
        uart=("uart", 0),
        reset=("button_fire", 0),
        led=("led", 0),
        high=(("esp32", 0, "gpio0"),),  # low would let the ESP32 load its own bitstream
    ),
    clock_mhz=60,
    loader="ulx3s",
    loader_since="0.6",
    usb="the micro-USB socket US1",
)
