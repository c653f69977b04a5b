// Core clock on Gowin GW5A: clk = oscillator / IDIV * MDIV / ODIV; the dividers come from boards/clocking.py.
// Apicula cannot read its own defaults of a PLLA: dividers and enables of unused outputs are written out.
module accel_board_clock (
    input  logic oscillator,
    output logic clk,
    output logic locked
);
    PLLA #(
        .FCLKIN(accel_board_pkg::PLL_IN_MHZ),
        .IDIV_SEL(accel_board_pkg::PLL_IDIV),
        .FBDIV_SEL(1),
        .MDIV_SEL(accel_board_pkg::PLL_MDIV),
        .ODIV0_SEL(accel_board_pkg::PLL_ODIV),
        .MDIV_FRAC_SEL(0),
        .ODIV0_FRAC_SEL(0),
        .ODIV1_SEL(8),
        .ODIV2_SEL(8),
        .ODIV3_SEL(8),
        .ODIV4_SEL(8),
        .ODIV5_SEL(8),
        .ODIV6_SEL(8),
        .CLKOUT0_EN("TRUE"),
        .CLKOUT1_EN("FALSE"),
        .CLKOUT2_EN("FALSE"),
        .CLKOUT3_EN("FALSE"),
        .CLKOUT4_EN("FALSE"),
        .CLKOUT5_EN("FALSE"),
        .CLKOUT6_EN("FALSE"),
        .CLKFB_SEL("INTERNAL")
    ) u_pll (
        .CLKIN(oscillator),
        .CLKOUT0(clk),
        .LOCK(locked),
        .CLKFB(1'b0),
        .RESET(1'b0),
        .PLLPWD(1'b0),
        .RESET_I(1'b0),
        .RESET_O(1'b0),
        .PSSEL(3'b0),
        .PSDIR(1'b0),
        .PSPULSE(1'b0),
        .SSCPOL(1'b0),
        .SSCON(1'b0),
        .SSCMDSEL(7'b0),
        .SSCMDSEL_FRAC(3'b0),
        .MDCLK(1'b0),
        .MDOPC(2'b0),
        .MDAINC(1'b0),
        .MDWDI(8'b0)
    );
endmodule
