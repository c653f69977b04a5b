// Core clock on GateMate: nextpnr finds the dividers of the frequency OUT_CLK, which boards/clocking.py chose so that
// they exist. CC_BUFG is inserted by synthesis.
module accel_board_clock (
    input  logic oscillator,
    output logic clk,
    output logic locked
);
    CC_PLL #(
        .REF_CLK(accel_board_pkg::PLL_IN_MHZ),
        .OUT_CLK(accel_board_pkg::PLL_OUT_MHZ),
        .PERF_MD("ECONOMY"),
        .LOCK_REQ(1),
        .LOW_JITTER(1),
        .CI_FILTER_CONST(2),
        .CP_FILTER_CONST(4)
    ) u_pll (
        .CLK_REF(oscillator),
        .CLK_FEEDBACK(1'b0),
        .USR_CLK_REF(1'b0),
        .USR_LOCKED_STDY_RST(1'b0),
        .USR_PLL_LOCKED(locked),
        .CLK0(clk)
    );
endmodule
