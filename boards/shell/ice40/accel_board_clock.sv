// Core clock on iCE40: clk = oscillator / (DIVR + 1) * (DIVF + 1) / 2^DIVQ, or the oscillator itself where DIVQ is 0.
// The dividers come from boards/clocking.py. After configuration block RAM reads as zero for some microseconds:
// `locked` comes 1024 cycles after the PLL's lock.
module accel_board_clock (
    input  logic oscillator,
    output logic clk,
    output logic locked
);
    logic stable;
    logic [10:0] count;

    generate
        if (accel_board_pkg::PLL_DIVQ == 0) begin : g_oscillator
            assign clk = oscillator;
            assign stable = 1'b1;
        end else begin : g_pll
            // The oscillator's pin is the PLL's own: it can feed nothing but the PLL.
            SB_PLL40_PAD #(
                .FEEDBACK_PATH("SIMPLE"),
                .DIVR(4'(accel_board_pkg::PLL_DIVR)),
                .DIVF(7'(accel_board_pkg::PLL_DIVF)),
                .DIVQ(3'(accel_board_pkg::PLL_DIVQ)),
                .FILTER_RANGE(3'(accel_board_pkg::PLL_FILTER))
            ) u_pll (
                .PACKAGEPIN(oscillator),
                .PLLOUTGLOBAL(clk),
                .LOCK(stable),
                .BYPASS(1'b0),
                .RESETB(1'b1)
            );
        end
    endgenerate

    initial count = '0;

    always_ff @(posedge clk) if (stable && !locked) count <= count + 1'b1;

    assign locked = count[10];
endmodule
