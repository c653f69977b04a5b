"""7-series: a complete non-project Vivado build, written as files. Running it needs Vivado, which is not on PyPI."""

from __future__ import annotations

from collections.abc import Sequence

from boards.clocking import Clock
from boards.flows.plan import BuildPlan
from boards.pins import Pinout

BITSTREAM = "board.bit"


def plan(files: dict[str, str], sources: Sequence[str], top: str, pins: Pinout, clock: Clock) -> BuildPlan:
    """Sources, constraints and `build.tcl`; `vivado -mode batch -source build.tcl` in their folder builds it.

    Every name in the script was checked by `boards.shell` or is generated here: nothing needs quoting.
    """
    part = f"{pins.device}{pins.package}-{pins.speed}"
    script = _SCRIPT.format(
        part=part,
        top=top,
        mhz=f"{float(clock.mhz):g}",
        sources="\n".join(f"read_verilog -sv {name}" for name in sources),
        bitstream=BITSTREAM,
    )
    return BuildPlan({**files, "build.tcl": script, "board.xdc": constraints(pins)}, ())


def constraints(pins: Pinout) -> str:
    """XDC: sites, I/O attributes and the oscillator's clock, from which Vivado derives the PLL's output."""
    lines = []
    for port, pin in pins.ports.items():
        properties = " ".join(f"{key} {value}" for key, value in (("PACKAGE_PIN", pin.site), *pin.attributes))
        lines.append(f"set_property -dict {{{properties}}} [get_ports {port}]")
    period = float(1000 / pins.oscillator_mhz)
    lines += [
        f"create_clock -name oscillator -period {period:.3f} [get_ports clk_pin]",
        "set_false_path -from [get_ports {reset_pin rx_pin}]",
        f"set_false_path -to [get_ports {{{' '.join(port for port in pins.ports if _is_output(port))}}}]",
        "set_property CFGBVS VCCO [current_design]",
        "set_property CONFIG_VOLTAGE 3.3 [current_design]",
    ]
    return "\n".join(lines) + "\n"


def _is_output(port: str) -> bool:
    return port not in {"clk_pin", "reset_pin", "rx_pin"}


_SCRIPT = """\
# Generated. Core clock {mhz} MHz, made by the PLL of accel_board_clock from the oscillator in board.xdc.
# Run in this folder: vivado -mode batch -source build.tcl
cd [file dirname [file normalize [info script]]]
set_param general.maxThreads 4
set_part {part}
{sources}
read_xdc board.xdc

synth_design -top {top} -part {part}
opt_design
place_design
phys_opt_design
route_design
phys_opt_design

report_utilization -file utilization.rpt
report_timing_summary -file timing.rpt
report_drc -file drc.rpt
write_checkpoint -force board.dcp

foreach kind {{max min}} {{
    set path [get_timing_paths -delay_type $kind -max_paths 1 -nworst 1]
    if {{[llength $path] > 0}} {{
        set slack [get_property SLACK $path]
        puts "worst $kind slack: $slack ns"
        if {{$slack < 0}} {{
            puts stderr "ERROR: timing is missed, worst $kind slack $slack ns; see timing.rpt"
            exit 1
        }}
    }}
}}

write_bitstream -force {bitstream}
exit 0
"""
