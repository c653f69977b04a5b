// ROWS rows of N products of a 5-bit digit and a 9-bit activation, all signed; product(t + 1). Two rows share a hard
// multiplier; of these pairs the first HARD have one, all others are made of look-up tables. The lower of two rows takes
// 13 bits of the common product; the upper one is short by one where the lower one is negative.
module accel_engine_products #(
    parameter int ROWS = 2,
    parameter int N = 16,
    parameter int HARD = 16,
    parameter int AW = 9,
    localparam int DW = 5,
    localparam int W = AW + DW - 1
) (
    input  logic                 clk,
    input  logic [N*AW-1:0]      a,
    input  logic [ROWS*N*4-1:0]  digits,
    input  logic                 top,  // digits are signed
    output logic [ROWS*N*W-1:0]  products
);
    // activations and products have a whole word of a simulator, and activations are cut once for all rows
    localparam int BW = W + DW, PW = BW + AW > 32 ? 64 : 32;
    logic signed [PW-1:0] xs[N];
    always_comb for (int n = 0; n < N; n++) xs[n] = PW'($signed(a[n*AW+:AW]));
    for (genvar r = 0; r < ROWS; r += 2) begin : pair
        for (genvar n = 0; n < N; n++) begin : term
            wire [3:0] low = digits[(r*N+n)*4+:4];
            if (r / 2 * N + n >= HARD) begin : tables
                for (genvar k = r; k < ROWS && k < r + 2; k++) begin : row
                    accel_engine_product #(.AW(AW)) multiply
                        (.clk, .x(xs[n][AW-1:0]), .digit(digits[(k*N+n)*4+:4]), .top, .product(products[(k*N+n)*W+:W]));
                end
                wire unused = ^{low, xs[n]};
            end else begin : hard
                wire signed [DW-1:0] first = {top & low[3], low};
                if (r + 1 == ROWS) begin : alone
                    logic [W-1:0] product;
                    always_ff @(posedge clk) product <= W'(first) * W'(xs[n]);
                    assign products[(r*N+n)*W+:W] = product;
                    wire unused = ^xs[n];
                end else begin : two
                    wire [3:0] high = digits[((r+1)*N+n)*4+:4];
                    wire signed [DW-1:0] second = {top & high[3], high};
                    wire signed [BW-1:0] both = {second, {W{1'b0}}} + BW'(first);
                    logic signed [PW-1:0] product;
                    always_ff @(posedge clk) product <= PW'(both) * xs[n];
                    assign products[(r*N+n)*W+:W] = product[W-1:0];
                    assign products[((r+1)*N+n)*W+:W] = product[2*W-1:W] + W'(product[W-1]);
                    logic unused;
                    assign unused = ^product[PW-1:2*W];
                end
            end
        end
    end
endmodule
