// For simulation only: the iCE40 PLL as a wire. LOCK comes 8 cycles late.
/* verilator lint_off UNUSED */
module SB_PLL40_PAD #(
    parameter FEEDBACK_PATH = "SIMPLE",
    parameter logic [3:0] DIVR = '0,
    parameter logic [6:0] DIVF = '0,
    parameter logic [2:0] DIVQ = '0,
    parameter logic [2:0] FILTER_RANGE = '0
) (
    input  logic PACKAGEPIN,
    output logic PLLOUTGLOBAL,
    output logic LOCK,
    input  logic BYPASS,
    input  logic RESETB
);
    logic [3:0] count;

    initial count = '0;

    assign PLLOUTGLOBAL = PACKAGEPIN;
    assign LOCK = count[3];

    always_ff @(posedge PACKAGEPIN) if (!LOCK) count <= count + 1'b1;
endmodule
