// For simulation only: the PLL of Gowin's GW5A as a wire. LOCK comes 8 cycles late.
/* verilator lint_off UNUSED */
module PLLA #(
    parameter FCLKIN = "100.0",
    parameter int IDIV_SEL = 1,
    parameter int FBDIV_SEL = 1,
    parameter int MDIV_SEL = 8,
    parameter int ODIV0_SEL = 8,
    parameter int MDIV_FRAC_SEL = 0,
    parameter int ODIV0_FRAC_SEL = 0,
    parameter int ODIV1_SEL = 8,
    parameter int ODIV2_SEL = 8,
    parameter int ODIV3_SEL = 8,
    parameter int ODIV4_SEL = 8,
    parameter int ODIV5_SEL = 8,
    parameter int ODIV6_SEL = 8,
    parameter CLKOUT0_EN = "TRUE",
    parameter CLKOUT1_EN = "FALSE",
    parameter CLKOUT2_EN = "FALSE",
    parameter CLKOUT3_EN = "FALSE",
    parameter CLKOUT4_EN = "FALSE",
    parameter CLKOUT5_EN = "FALSE",
    parameter CLKOUT6_EN = "FALSE",
    parameter CLKFB_SEL = "INTERNAL"
) (
    input  logic CLKIN,
    input  logic CLKFB,
    input  logic RESET,
    input  logic PLLPWD,
    input  logic RESET_I,
    input  logic RESET_O,
    input  logic [2:0] PSSEL,
    input  logic PSDIR,
    input  logic PSPULSE,
    input  logic SSCPOL,
    input  logic SSCON,
    input  logic [6:0] SSCMDSEL,
    input  logic [2:0] SSCMDSEL_FRAC,
    input  logic MDCLK,
    input  logic [1:0] MDOPC,
    input  logic MDAINC,
    input  logic [7:0] MDWDI,
    output logic CLKOUT0,
    output logic LOCK
);
    logic [3:0] count;

    initial count = '0;

    assign CLKOUT0 = CLKIN;
    assign LOCK = count[3];

    always_ff @(posedge CLKIN) if (!LOCK) count <= count + 1'b1;
endmodule
