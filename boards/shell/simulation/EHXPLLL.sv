// For simulation only: the ECP5 PLL as a wire. The core runs at the oscillator's pace; LOCK comes 8 cycles late.
/* verilator lint_off UNUSED */
module EHXPLLL #(
    parameter int CLKI_DIV = 1,
    parameter int CLKFB_DIV = 1,
    parameter FEEDBK_PATH = "CLKOP",
    parameter CLKOP_ENABLE = "ENABLED",
    parameter int CLKOP_DIV = 8,
    parameter int CLKOP_CPHASE = 0,
    parameter CLKOS_ENABLE = "DISABLED",
    parameter int CLKOS_DIV = 8,
    parameter int CLKOS_CPHASE = 0
) (
    input  logic CLKI,
    input  logic CLKFB,
    output logic CLKOP,
    output logic CLKOS,
    output logic LOCK,
    input  logic RST,
    input  logic STDBY,
    input  logic PHASESEL0,
    input  logic PHASESEL1,
    input  logic PHASEDIR,
    input  logic PHASESTEP,
    input  logic PHASELOADREG,
    input  logic PLLWAKESYNC,
    input  logic ENCLKOP,
    input  logic ENCLKOS
);
    logic [3:0] count;

    initial count = '0;

    assign CLKOP = CLKI;
    assign CLKOS = CLKI;
    assign LOCK = count[3];

    always_ff @(posedge CLKI) if (!LOCK) count <= count + 1'b1;
endmodule
