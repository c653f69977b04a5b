// Core clock on ECP5: feedback through CLKOP, the core on CLKOS.
// clk = oscillator / CLKI_DIV * CLKOP_DIV / CLKOS_DIV; the dividers come from boards/clocking.py.
module accel_board_clock (
    input  logic oscillator,
    output logic clk,
    output logic locked
);
    logic feedback;

    (* ICP_CURRENT = "12" *) (* LPF_RESISTOR = "8" *) (* MFG_ENABLE_FILTEROPAMP = "1" *) (* MFG_GMCREF_SEL = "2" *)
    EHXPLLL #(
        .CLKI_DIV(accel_board_pkg::PLL_CLKI_DIV),
        .CLKFB_DIV(1),
        .FEEDBK_PATH("CLKOP"),
        .CLKOP_ENABLE("ENABLED"),
        .CLKOP_DIV(accel_board_pkg::PLL_CLKOP_DIV),
        .CLKOP_CPHASE(accel_board_pkg::PLL_CLKOP_DIV - 1),
        .CLKOS_ENABLE("ENABLED"),
        .CLKOS_DIV(accel_board_pkg::PLL_CLKOS_DIV),
        .CLKOS_CPHASE(accel_board_pkg::PLL_CLKOS_DIV - 1)
    ) u_pll (
        .CLKI(oscillator),
        .CLKFB(feedback),
        .CLKOP(feedback),
        .CLKOS(clk),
        .LOCK(locked),
        .RST(1'b0),
        .STDBY(1'b0),
        .PHASESEL0(1'b0),
        .PHASESEL1(1'b0),
        .PHASEDIR(1'b1),
        .PHASESTEP(1'b1),
        .PHASELOADREG(1'b1),
        .PLLWAKESYNC(1'b0),
        .ENCLKOP(1'b0),
        .ENCLKOS(1'b0)
    );
endmodule
