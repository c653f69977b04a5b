// Core clock on Cyclone V: Quartus finds the dividers of its PLL; the frequencies come from boards/clocking.py.
module accel_board_clock (
    input  logic oscillator,
    output logic clk,
    output logic locked
);
    altera_pll #(
        .fractional_vco_multiplier("false"),
        .reference_clock_frequency(accel_board_pkg::PLL_IN),
        .operation_mode("direct"),
        .number_of_clocks(1),
        .output_clock_frequency0(accel_board_pkg::PLL_OUT),
        .phase_shift0("0 ps"),
        .duty_cycle0(50),
        .pll_type("General"),
        .pll_subtype("General")
    ) u_pll (
        .refclk(oscillator),
        .rst(1'b0),
        .fbclk(1'b0),
        .outclk(clk),
        .locked
    );
endmodule
