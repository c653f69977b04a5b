// For simulation only: the 7-series PLL as a wire. LOCKED comes 8 cycles late.
/* verilator lint_off UNUSED */
module PLLE2_BASE #(
    parameter int CLKIN1_PERIOD = 0,
    parameter int CLKFBOUT_MULT = 5,
    parameter int CLKOUT0_DIVIDE = 1,
    parameter int DIVCLK_DIVIDE = 1
) (
    input  logic CLKIN1,
    input  logic CLKFBIN,
    output logic CLKFBOUT,
    output logic CLKOUT0,
    output logic LOCKED,
    input  logic PWRDWN,
    input  logic RST
);
    logic [3:0] count;

    initial count = '0;

    assign CLKFBOUT = CLKIN1;
    assign CLKOUT0 = CLKIN1;
    assign LOCKED = count[3];

    always_ff @(posedge CLKIN1) if (!LOCKED) count <= count + 1'b1;
endmodule
