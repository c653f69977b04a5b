// Core clock on 7-series: clk = oscillator * MULT / DIVIDE; the factors come from boards/clocking.py.
module accel_board_clock (
    input  logic oscillator,
    output logic clk,
    output logic locked
);
    logic made, feedback;

    PLLE2_BASE #(
        .CLKIN1_PERIOD(accel_board_pkg::PLL_PERIOD_NS),
        .CLKFBOUT_MULT(accel_board_pkg::PLL_MULT),
        .CLKOUT0_DIVIDE(accel_board_pkg::PLL_DIVIDE),
        .DIVCLK_DIVIDE(1)
    ) u_pll (
        .CLKIN1(oscillator),
        .CLKFBIN(feedback),
        .CLKFBOUT(feedback),
        .CLKOUT0(made),
        .LOCKED(locked),
        .PWRDWN(1'b0),
        .RST(1'b0)
    );

    BUFG u_buffer (
        .I(made),
        .O(clk)
    );
endmodule
