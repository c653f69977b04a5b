// For simulation only: the GateMate PLL as a wire. The core runs at the oscillator's pace; the lock comes 8 cycles late.
/* verilator lint_off UNUSED */
module CC_PLL #(
    parameter REF_CLK = "10.0",
    parameter OUT_CLK = "10.0",
    parameter PERF_MD = "ECONOMY",
    parameter int LOCK_REQ = 1,
    parameter int LOW_JITTER = 1,
    parameter int CI_FILTER_CONST = 2,
    parameter int CP_FILTER_CONST = 4
) (
    input  logic CLK_REF,
    input  logic CLK_FEEDBACK,
    input  logic USR_CLK_REF,
    input  logic USR_LOCKED_STDY_RST,
    output logic USR_PLL_LOCKED,
    output logic CLK0
);
    logic [3:0] count;

    initial count = '0;

    assign CLK0 = CLK_REF;
    assign USR_PLL_LOCKED = count[3];

    always_ff @(posedge CLK_REF) if (!USR_PLL_LOCKED) count <= count + 1'b1;
endmodule
