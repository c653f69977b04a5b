// AXI4-Lite registers of a core, 32 bits each. Addresses outside the map and writes to what is read-only answer SLVERR.
//
//   0x00 VERSION      ro  0xACCE in the high half, version of this map in the low half
//   0x04 CONTROL      rw  bit 0: write 1 to reset core, counters and PACKET; reads 1 until that is done
//   0x08 STATUS       ro  bit 0: a sample is inside; bit 1: TLAST broke a sample, nothing is taken until a reset
//   0x0C PACKET       rw  samples per packet on m_axis (where TLAST comes); 1 after a reset
//   0x10 IDENTITY     ro  first 4 bytes of the design's SHA-256, in the order of addresses; 0x14 the next 4
//   0x18 SAMPLES_IN   ro  samples taken completely;  0x1C SAMPLES_OUT ro  samples given completely
//   0x20 CYCLES       ro  cycles in which a sample was inside: low half, which also latches 0x24, the high half
//
// A read or write takes one cycle; `rst` of the core lasts RESET_CYCLES.
module accel_axi_registers #(
    parameter logic [63:0] IDENTITY = '0,
    parameter int RESET_CYCLES = 16
) (
    input  logic clk,
    input  logic resetn,
    input  logic [5:0] awaddr,
    input  logic awvalid,
    output logic awready,
    input  logic [31:0] wdata,
    input  logic [3:0] wstrb,
    input  logic wvalid,
    output logic wready,
    output logic [1:0] bresp,
    output logic bvalid,
    input  logic bready,
    input  logic [5:0] araddr,
    input  logic arvalid,
    output logic arready,
    output logic [31:0] rdata,
    output logic [1:0] rresp,
    output logic rvalid,
    input  logic rready,
    output logic rst,
    output logic [31:0] packet,
    input  logic busy,
    input  logic broken,
    input  logic [31:0] samples_in,
    input  logic [31:0] samples_out
);
    localparam logic [31:0] VERSION = 32'hACCE_0001;
    localparam logic [1:0] OKAY = 2'b00, SLVERR = 2'b10;
    localparam int RW = $clog2(RESET_CYCLES + 1);

    logic [RW-1:0] reset_left;
    logic [63:0] cycles;
    logic [31:0] cycles_high, value;
    logic write, read, known, unused;

    assign write = awvalid && wvalid && (!bvalid || bready);
    assign awready = write;
    assign wready = write;
    assign arready = !rvalid || rready;
    assign read = arvalid && arready;
    assign unused = &{1'b0, awaddr[1:0], araddr[1:0]};

    always_comb begin
        known = 1'b1;
        case (araddr[5:2])
            4'h0: value = VERSION;
            4'h1: value = 32'(rst);
            4'h2: value = {30'b0, broken, busy};
            4'h3: value = packet;
            4'h4: value = IDENTITY[31:0];
            4'h5: value = IDENTITY[63:32];
            4'h6: value = samples_in;
            4'h7: value = samples_out;
            4'h8: value = cycles[31:0];
            4'h9: value = cycles_high;
            default: {known, value} = '0;
        endcase
    end

    always_ff @(posedge clk) begin
        if (bready) bvalid <= 1'b0;
        if (rready) rvalid <= 1'b0;
        rst <= reset_left != '0;
        if (reset_left != '0) reset_left <= reset_left - 1'b1;
        cycles <= rst ? '0 : cycles + 64'(busy);
        if (write) begin
            bvalid <= 1'b1;
            bresp <= (awaddr[5:2] == 4'h1 || awaddr[5:2] == 4'h3) ? OKAY : SLVERR;
            if (awaddr[5:2] == 4'h1 && wstrb[0] && wdata[0]) begin
                rst <= 1'b1;
                reset_left <= RW'(RESET_CYCLES - 1);
                packet <= 32'd1;
            end
            if (awaddr[5:2] == 4'h3)
                for (int i = 0; i < 4; i++) if (wstrb[i]) packet[8*i+:8] <= wdata[8*i+:8];
        end
        if (read) begin
            rvalid <= 1'b1;
            rdata <= value;
            rresp <= known ? OKAY : SLVERR;
            if (araddr[5:2] == 4'h8) cycles_high <= cycles[63:32];
        end
        if (!resetn) begin
            bvalid <= 1'b0;
            rvalid <= 1'b0;
            rst <= 1'b1;
            reset_left <= RW'(RESET_CYCLES - 1);
            packet <= 32'd1;
            cycles_high <= '0;
        end
    end
endmodule
