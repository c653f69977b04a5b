// Core clock on Gowin parts: clk = oscillator / (IDIV + 1) * (FBDIV + 1); the dividers come from boards/clocking.py.
module accel_board_clock (
    input  logic oscillator,
    output logic clk,
    output logic locked
);
    rPLL #(
        .FCLKIN(accel_board_pkg::PLL_IN_MHZ),
        .IDIV_SEL(accel_board_pkg::PLL_IDIV),
        .FBDIV_SEL(accel_board_pkg::PLL_FBDIV),
        .ODIV_SEL(accel_board_pkg::PLL_ODIV)
    ) u_pll (
        .CLKIN(oscillator),
        .CLKOUT(clk),
        .LOCK(locked),
        .CLKFB(1'b0),
        .FBDSEL(6'b0),
        .IDSEL(6'b0),
        .ODSEL(6'b0),
        .DUTYDA(4'b0),
        .PSDA(4'b0),
        .FDLY(4'b0),
        .RESET(1'b0),
        .RESET_P(1'b0)
    );
endmodule
