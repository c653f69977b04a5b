"""A design as an AXI peripheral with streams for samples and a few AXI4-Lite registers, for SoCs and their DMA.

The top is Verilog, because Vivado's block designs take no SystemVerilog top; its interface names and attributes let
Vivado infer `s_axis`, `m_axis` and `s_axi`. Registers: boards/shell/axi/accel_axi_registers.sv; where TLAST may
come: boards/shell/axi/accel_axi_stream.sv.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from accel.design import Design
from accel.errors import UserError
from accel.image import Content
from accel.stream import Stream
from boards import protocol, shell

TOP = "accel_axi"
VERSION = 0xACCE_0001
IDENTITY_BYTES = protocol.IDENTITY_BYTES
REGISTERS = {
    "version": 0x00,
    "control": 0x04,
    "status": 0x08,
    "packet": 0x0C,
    "identity": 0x10,
    "samples_in": 0x18,
    "samples_out": 0x1C,
    "cycles": 0x20,
}
"""Name → byte address; `identity` and `cycles` have 64 bits."""
BUSY, BROKEN = 1, 2
"""Bits of the status register."""
_FOLDER = Path(__file__).parent / "shell" / "axi"


def files(design: Design) -> dict[str, Content]:
    """Name → content of everything that synthesis and simulation of module `accel_axi` read.

    Raises UserError for a design whose names cannot be used.
    """
    shell.check(design)
    if TOP in {design.top, *(Path(name).stem for name in design.contents)}:
        raise UserError(f"{TOP} in the design has a name that the AXI wrapper uses")
    fixed = {path.name: path.read_text(encoding="utf-8") for path in sorted(_FOLDER.glob("*.sv"))}
    return {f"{TOP}.v": _top(design), **fixed, **design.contents}


def sources(names: Iterable[str]) -> list[str]:
    """The files that tools read as Verilog and SystemVerilog, packages first; the others are memories beside them."""
    return [*shell.sources(names), f"{TOP}.v"]


def data_bytes(stream: Stream) -> int:
    """Bytes of one beat on TDATA."""
    return stream.lanes * protocol.element_bytes(stream)


def identity(design: Design) -> int:
    """Contents of a design's identity registers: the first 8 bytes of its hash, the first one lowest."""
    return int.from_bytes(bytes.fromhex(design.hash)[:IDENTITY_BYTES], "little")


def _top(design: Design) -> str:
    values = {"SIGNED": int(design.output.signed), "BEATS": design.input.beats, "core": design.top}
    for end, stream in (("IN", design.input), ("OUT", design.output)):
        values |= {
            f"{end}_LANES": stream.lanes,
            f"{end}_WIDTH": stream.width,
            f"{end}_BYTES": protocol.element_bytes(stream),
            f"{end}_HIGH": 8 * data_bytes(stream) - 1,
            f"{end}_TOP": stream.bits - 1,
        }
    return _TOP_TEXT.format(**values, IDENTITY=f"64'h{identity(design):016x}")


_TOP_TEXT = """\
// Generated: a design behind AXI4-Stream and AXI4-Lite. All interfaces belong to aclk; aresetn is synchronous.
module accel_axi (
    (* X_INTERFACE_INFO = "xilinx.com:signal:clock:1.0 aclk CLK" *)
    (* X_INTERFACE_PARAMETER = "ASSOCIATED_BUSIF s_axis:m_axis:s_axi, ASSOCIATED_RESET aresetn" *)
    input  wire aclk,
    (* X_INTERFACE_INFO = "xilinx.com:signal:reset:1.0 aresetn RST" *)
    (* X_INTERFACE_PARAMETER = "POLARITY ACTIVE_LOW" *)
    input  wire aresetn,
    input  wire s_axis_tvalid,
    output wire s_axis_tready,
    input  wire [{IN_HIGH}:0] s_axis_tdata,
    input  wire s_axis_tlast,
    output wire m_axis_tvalid,
    input  wire m_axis_tready,
    output wire [{OUT_HIGH}:0] m_axis_tdata,
    output wire m_axis_tlast,
    input  wire [5:0] s_axi_awaddr,
    input  wire [2:0] s_axi_awprot,
    input  wire s_axi_awvalid,
    output wire s_axi_awready,
    input  wire [31:0] s_axi_wdata,
    input  wire [3:0] s_axi_wstrb,
    input  wire s_axi_wvalid,
    output wire s_axi_wready,
    output wire [1:0] s_axi_bresp,
    output wire s_axi_bvalid,
    input  wire s_axi_bready,
    input  wire [5:0] s_axi_araddr,
    input  wire [2:0] s_axi_arprot,
    input  wire s_axi_arvalid,
    output wire s_axi_arready,
    output wire [31:0] s_axi_rdata,
    output wire [1:0] s_axi_rresp,
    output wire s_axi_rvalid,
    input  wire s_axi_rready
);
    wire rst, busy, broken;
    wire [31:0] packet, samples_in, samples_out;
    wire core_s_valid, core_s_ready, core_s_last, core_m_valid, core_m_ready, core_m_last;
    wire [{IN_TOP}:0] core_s_data;
    wire [{OUT_TOP}:0] core_m_data;
    wire unused_protection = &{{1'b0, s_axi_awprot, s_axi_arprot}};

    accel_axi_registers #(
        .IDENTITY({IDENTITY})
    ) u_registers (
        .clk(aclk),
        .resetn(aresetn),
        .awaddr(s_axi_awaddr),
        .awvalid(s_axi_awvalid),
        .awready(s_axi_awready),
        .wdata(s_axi_wdata),
        .wstrb(s_axi_wstrb),
        .wvalid(s_axi_wvalid),
        .wready(s_axi_wready),
        .bresp(s_axi_bresp),
        .bvalid(s_axi_bvalid),
        .bready(s_axi_bready),
        .araddr(s_axi_araddr),
        .arvalid(s_axi_arvalid),
        .arready(s_axi_arready),
        .rdata(s_axi_rdata),
        .rresp(s_axi_rresp),
        .rvalid(s_axi_rvalid),
        .rready(s_axi_rready),
        .rst(rst),
        .packet(packet),
        .busy(busy),
        .broken(broken),
        .samples_in(samples_in),
        .samples_out(samples_out)
    );

    accel_axi_stream #(
        .IN_LANES({IN_LANES}),
        .IN_WIDTH({IN_WIDTH}),
        .IN_BYTES({IN_BYTES}),
        .IN_BEATS({BEATS}),
        .OUT_LANES({OUT_LANES}),
        .OUT_WIDTH({OUT_WIDTH}),
        .OUT_BYTES({OUT_BYTES}),
        .OUT_SIGNED(1'b{SIGNED})
    ) u_stream (
        .clk(aclk),
        .rst(rst),
        .s_tvalid(s_axis_tvalid),
        .s_tready(s_axis_tready),
        .s_tdata(s_axis_tdata),
        .s_tlast(s_axis_tlast),
        .m_tvalid(m_axis_tvalid),
        .m_tready(m_axis_tready),
        .m_tdata(m_axis_tdata),
        .m_tlast(m_axis_tlast),
        .core_s_valid(core_s_valid),
        .core_s_ready(core_s_ready),
        .core_s_data(core_s_data),
        .core_s_last(core_s_last),
        .core_m_valid(core_m_valid),
        .core_m_ready(core_m_ready),
        .core_m_data(core_m_data),
        .core_m_last(core_m_last),
        .packet(packet),
        .busy(busy),
        .broken(broken),
        .samples_in(samples_in),
        .samples_out(samples_out)
    );

    {core} u_core (
        .clk(aclk),
        .rst(rst),
        .s_valid(core_s_valid),
        .s_ready(core_s_ready),
        .s_data(core_s_data),
        .s_last(core_s_last),
        .m_valid(core_m_valid),
        .m_ready(core_m_ready),
        .m_data(core_m_data),
        .m_last(core_m_last)
    );
endmodule
"""
