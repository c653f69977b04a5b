// For simulation only: the Cyclone V PLL as a wire. LOCKED comes 8 cycles late.
/* verilator lint_off UNUSED */
module altera_pll #(
    parameter fractional_vco_multiplier = "false",
    parameter reference_clock_frequency = "0 MHz",
    parameter operation_mode = "direct",
    parameter int number_of_clocks = 1,
    parameter output_clock_frequency0 = "0 MHz",
    parameter phase_shift0 = "0 ps",
    parameter int duty_cycle0 = 50,
    parameter pll_type = "General",
    parameter pll_subtype = "General"
) (
    input  logic refclk,
    input  logic rst,
    input  logic fbclk,
    output logic outclk,
    output logic locked
);
    logic [3:0] count;

    initial count = '0;

    assign outclk = refclk;
    assign locked = count[3];

    always_ff @(posedge refclk) if (!locked) count <= count + 1'b1;
endmodule
