// For simulation only: the Gowin PLL as a wire. LOCK comes 8 cycles late.
/* verilator lint_off UNUSED */
module rPLL #(
    parameter FCLKIN = "100.0",
    parameter int IDIV_SEL = 0,
    parameter int FBDIV_SEL = 0,
    parameter int ODIV_SEL = 8
) (
    input  logic CLKIN,
    input  logic CLKFB,
    input  logic [5:0] FBDSEL,
    input  logic [5:0] IDSEL,
    input  logic [5:0] ODSEL,
    input  logic [3:0] DUTYDA,
    input  logic [3:0] PSDA,
    input  logic [3:0] FDLY,
    input  logic RESET,
    input  logic RESET_P,
    output logic CLKOUT,
    output logic LOCK
);
    logic [3:0] count;

    initial count = '0;

    assign CLKOUT = CLKIN;
    assign LOCK = count[3];

    always_ff @(posedge CLKIN) if (!LOCK) count <= count + 1'b1;
endmodule
