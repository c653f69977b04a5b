"""Zynq boards: Vivado packages the core as an IP and builds it with a DMA into a block design around the processor.

Control: processor → AXI4-Lite of DMA and core. Samples: memory → DMA → core → DMA → memory. Everything runs at one
clock, which the processor makes.
"""

from __future__ import annotations

from collections.abc import Sequence

from accel.build_plan import BuildPlan, Step
from boards.flows import dialect, readme, tcl, vivado
from boards.flows.flow import Flow, Job
from boards.flows.vivado_reports import SYNTHESIZED, TIMING, UTILIZATION

HANDOFF, IP = "board.hwh", "accel_axi.zip"

#: Device family → what its processor IP calls things.
_PROCESSORS = {
    "xilinx7": {
        "ip": "processing_system7",
        "config": "CONFIG.PCW_FPGA0_PERIPHERAL_FREQMHZ @{mhz} CONFIG.PCW_USE_S_AXI_HP0 1",
        "external": "make_bd_intf_pins_external -name DDR [get_bd_intf_pins processor/DDR]\n"
        "make_bd_intf_pins_external -name FIXED_IO [get_bd_intf_pins processor/FIXED_IO]",
        "clock": "FCLK_CLK0",
        "reset": "FCLK_RESET0_N",
        "address": "32",
        "master": "M_AXI_GP0",
        "slave": "S_AXI_HP0",
        "clocks": "M_AXI_GP0_ACLK S_AXI_HP0_ACLK",
    },
    "ultrascale+": {
        "ip": "zynq_ultra_ps_e",
        "config": "CONFIG.PSU__CRL_APB__PL0_REF_CTRL__FREQMHZ @{mhz} CONFIG.PSU__USE__M_AXI_GP0 1 "
        "CONFIG.PSU__USE__M_AXI_GP1 0 CONFIG.PSU__USE__M_AXI_GP2 0 CONFIG.PSU__USE__S_AXI_GP2 1",
        "external": "",
        "clock": "pl_clk0",
        "reset": "pl_resetn0",
        "address": "40",
        "master": "M_AXI_HPM0_FPD",
        "slave": "S_AXI_HP0_FPD",
        "clocks": "maxihpm0_fpd_aclk saxihp0_fpd_aclk",
    },
}


def _plan(job: Job) -> BuildPlan:
    processor, mhz = _PROCESSORS[job.board.target], f"{float(job.clock.mhz):.6f}"
    names = {**processor, "config": tcl.fill(processor["config"], mhz=mhz)}
    synthesis = package(job, job.board.part) + tcl.fill(_SYSTEM, **_samples(*job.beat_bytes), **names)
    implementation = tcl.fill(vivado.OPEN + vivado.IMPLEMENTATION, bitstream=vivado.BITSTREAM)
    products = ("synthesis.dcp", SYNTHESIZED, HANDOFF, IP)
    return BuildPlan(
        {
            **dialect.vivado(job.files),
            **job.programs,
            "README.md": readme.text(job, vivado.BITSTREAM),
            "synthesis.tcl": synthesis,
            "implementation.tcl": implementation,
        },
        (
            Step("synthesis", "vivado", (*vivado.BATCH, "synthesis.tcl"), products),
            Step(
                "place-and-route",
                "vivado",
                (*vivado.BATCH, "implementation.tcl"),
                (vivado.BITSTREAM, TIMING, UTILIZATION),
            ),
        ),
    )


def package(job: Job, part: str, also: Sequence[str] = (), finish: str = "") -> str:
    """The beginning of a script: module `job.top` becomes an IP in folder `ip`.

    `also` are sources besides the job's own, `finish` commands on the IP, `$core`.
    """
    sources = [*job.sources, *also]
    memories = sorted(set(dialect.vivado(job.files)) - set(sources))
    kinds = tcl.lines("set_property file_type {Memory Initialization Files}", [f"[get_files {m}]" for m in memories])
    files = " ".join([*sources, *memories])
    return tcl.fill(_PACKAGE, part=part, top=job.top, files=files, kinds=kinds, finish=finish)


def _samples(into: int, out: int) -> dict[str, str]:
    """DMA and streams for a core, whose beats have these bytes. The DMA takes powers of two; others are converted."""
    send, receive = (1 << (size - 1).bit_length() for size in (into, out))
    converters, bring, fetch, names = [], "core/s_axis", "core/m_axis", ["core"]
    if send != into:
        converters.append(f"cell axis_dwidth_converter narrow CONFIG.M_TDATA_NUM_BYTES {into}")
        converters.append("stream narrow/M_AXIS core/s_axis")
        bring, names = "narrow/S_AXIS", [*names, "narrow"]
    if receive != out:
        settings = f"CONFIG.M_TDATA_NUM_BYTES {receive} CONFIG.HAS_MI_TKEEP 1"
        converters.append(f"cell axis_dwidth_converter widen {settings}")
        converters.append("stream core/m_axis widen/S_AXIS")
        fetch, names = "widen/M_AXIS", [*names, "widen"]
    return {
        "converters": "\n".join(converters),
        "send_bits": str(8 * send),
        "send_memory": str(max(32, 8 * send)),
        "receive_memory": str(max(32, 8 * receive)),
        "bring": bring,
        "fetch": fetch,
        "cores": " ".join(names),
    }


_PACKAGE = """\
# Generated. Makes an IP of the core.
set part @{part}
create_project -force -part $part core core
add_files -norecurse {@{files}}
@{kinds}
set_property top @{top} [current_fileset]
update_compile_order -fileset sources_1
ipx::package_project -root_dir ip -vendor accel -library user -taxonomy /UserIP -import_files -force
set core [ipx::current_core]
set_property name @{top} $core
set_property version 1.0 $core
@{finish}
ipx::update_checksums $core
ipx::check_integrity $core
ipx::save_core $core
"""
_SYSTEM = """\
ipx::archive_core accel_axi.zip $core
close_project

# The block design. The processor's memory and pins are set up by its boot loader, not by this bitstream:
# no board files are needed.
create_project -force -part $part system system
set_property ip_repo_paths [file normalize ip] [current_project]
update_ip_catalog
create_bd_design system

proc cell {ip name args} {
    create_bd_cell -type ip -vlnv [get_property VLNV [lindex [get_ipdefs -filter "NAME == $ip"] end]] $name
    if {[llength $args]} { set_property -dict $args [get_bd_cells $name] }
}
proc stream {from to} { connect_bd_intf_net [get_bd_intf_pins $from] [get_bd_intf_pins $to] }
proc wire {from args} { foreach to $args { connect_bd_net [get_bd_pins $from] [get_bd_pins $to] } }

cell @{ip} processor @{config}
@{external}
cell proc_sys_reset reset
cell smartconnect control CONFIG.NUM_SI 1 CONFIG.NUM_MI 2
cell smartconnect memory CONFIG.NUM_SI 2 CONFIG.NUM_MI 1
cell axi_dma dma CONFIG.c_include_sg 0 CONFIG.c_sg_include_stscntrl_strm 0 CONFIG.c_sg_length_width 26 \\
    CONFIG.c_m_axis_mm2s_tdata_width @{send_bits} CONFIG.c_m_axi_mm2s_data_width @{send_memory} \\
    CONFIG.c_m_axi_s2mm_data_width @{receive_memory} CONFIG.c_addr_width @{address}
cell accel_axi core
@{converters}

stream processor/@{master} control/S00_AXI
stream control/M00_AXI dma/S_AXI_LITE
stream control/M01_AXI core/s_axi
stream dma/M_AXI_MM2S memory/S00_AXI
stream dma/M_AXI_S2MM memory/S01_AXI
stream memory/M00_AXI processor/@{slave}
stream dma/M_AXIS_MM2S @{bring}
stream @{fetch} dma/S_AXIS_S2MM

set clocked {dma/s_axi_lite_aclk dma/m_axi_mm2s_aclk dma/m_axi_s2mm_aclk}
set resets {dma/axi_resetn control/aresetn memory/aresetn}
foreach name {control memory @{cores}} { lappend clocked $name/aclk }
foreach name {@{cores}} { lappend resets $name/aresetn }
foreach name {@{clocks}} { lappend clocked processor/$name }
wire processor/@{clock} reset/slowest_sync_clk {*}$clocked
wire processor/@{reset} reset/ext_reset_in
wire reset/peripheral_aresetn {*}$resets

assign_bd_address
validate_bd_design
save_bd_design
set design [get_files system.bd]
set_property synth_checkpoint_mode None $design
generate_target all $design
make_wrapper -files $design -top -import
set_property top system_wrapper [current_fileset]
update_compile_order -fileset sources_1

synth_design -top system_wrapper -part $part
report_utilization -file synthesis.rpt
write_checkpoint -force synthesis.dcp
file copy -force [lindex [glob system/system.*/sources_1/bd/system/hw_handoff/system.hwh] 0] board.hwh
exit 0
"""
FLOW = Flow(
    free=False,
    tools=("vivado",),
    bitstream=vivado.BITSTREAM,
    plan=_plan,
    synthesized=vivado.synthesized,
    results=vivado.results,
    explain=vivado.explain,
)
