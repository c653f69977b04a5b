// E = rom[min(max - x, DEPTH - 1)] for LANES elements, 0 for those that are not visible. Free-running, latency 4: `take` and
// `taken`, the cycle behind it, say when the registers in front of the memory move.
module accel_exponentials #(
    parameter int LANES = 1,
    parameter int XW = 8,
    parameter bit X_SIGNED = 1'b1,
    parameter int DEPTH = 256,
    parameter int EW = 12,
    parameter bit BLOCK = 1'b0,
    parameter ROM_FILE = "rom.hex"
) (
    input  logic                clk,
    input  logic                take,
    input  logic                taken,
    input  logic [LANES*XW-1:0] elements,
    input  logic [XW-1:0]       largest,
    input  logic [LANES-1:0]    visible,
    output logic [LANES*EW-1:0] exponentials
);
    localparam int AW = DEPTH > 1 ? $clog2(DEPTH) : 1;
    localparam int DW = (XW > AW ? XW : AW) + 1;
    wire signed [XW:0] top = {X_SIGNED & largest[XW-1], largest};
    for (genvar l = 0; l < LANES; l++) begin : lane
        wire signed [XW:0] x = {X_SIGNED & elements[l*XW+XW-1], elements[l*XW+:XW]};
        logic [DW-1:0] distance;
        logic [AW-1:0] address;
        logic [4:1] seen;
        logic [EW-1:0] e;
        always_ff @(posedge clk) begin
            if (take) distance <= DW'(top - x);
            if (taken) address <= distance > DW'(DEPTH - 1) ? AW'(DEPTH - 1) : AW'(distance);
            seen <= {seen[3:1], visible[l]};
        end
        accel_rom #(.WIDTH(EW), .DEPTH(DEPTH), .BLOCK(BLOCK), .FILE(ROM_FILE)) rom (.clk, .address, .data(e));
        assign exponentials[l*EW+:EW] = seen[4] ? e : '0;
    end
endmodule
