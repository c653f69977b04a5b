// y = FACTOR * x modulo 2^YW in look-up tables, FACTOR >= 1. Latency 2.
// FACTOR is a sum of powers of two with signs, no two of them neighbours: 3 * FACTOR has the positive ones where FACTOR
// has no bit, and FACTOR the negative ones where 3 * FACTOR has none, both a place too high. Those of the lower half and
// those of the upper half are summed in front of the first register, the two sums behind it.
module accel_constant #(
    parameter int XW = 8,
    parameter longint FACTOR = 64'sd3,
    parameter int YW = 10
) (
    input  logic                 clk,
    input  logic signed [XW-1:0] x,
    output logic [YW-1:0]        y
);
    localparam logic [63:0] ONCE = FACTOR;
    localparam logic [63:0] TRIPLE = ONCE + (ONCE << 1);
    localparam logic [63:0] PLUS = (TRIPLE & ~ONCE) >> 1, MINUS = (ONCE & ~TRIPLE) >> 1;
    localparam int PLACES = $clog2(FACTOR + 64'sd1) + 1;
    localparam int HALF = (PLACES + 1) / 2;
    logic [YW-1:0] totals[2];
    localparam int UW = XW > YW ? YW : XW;
    if (XW > YW) begin : high_bits
        wire unused = ^x[XW-1:YW];
    end
    wire signed [UW-1:0] used = x[UW-1:0];
    for (genvar h = 0; h < 2; h++) begin : half
        localparam int LOW = h == 0 ? 0 : HALF, COUNT = h == 0 ? HALF : PLACES - HALF;
        localparam int WIDTH = XW + LOW + COUNT + 1 < YW ? XW + LOW + COUNT + 1 : YW;
        logic signed [WIDTH-1:0] sums[COUNT+1];
        assign sums[0] = '0;
        for (genvar i = 0; i < COUNT; i++) begin : place
            localparam int AT = LOW + i;
            localparam bit ADDS = PLUS[AT], SUBTRACTS = MINUS[AT];
            localparam bit ALONE = (((PLUS | MINUS) >> LOW) & ((64'd1 << i) - 64'd1)) == '0;
            if (ADDS && ALONE) begin : first
                assign sums[i+1] = WIDTH'(used) <<< AT;
            end else if (ADDS) begin : add
                assign sums[i+1] = sums[i] + (* keep *) (WIDTH'(used) <<< AT);
            end else if (SUBTRACTS) begin : subtract
                assign sums[i+1] = sums[i] - (WIDTH'(used) <<< AT);
            end else begin : none
                assign sums[i+1] = sums[i];
            end
        end
        logic signed [WIDTH-1:0] total;
        always_ff @(posedge clk) total <= sums[COUNT];
        assign totals[h] = YW'(total);
    end
    always_ff @(posedge clk) y <= totals[0] + totals[1];
endmodule
