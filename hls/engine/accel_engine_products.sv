// ROWS rows of N products of digits and 9-bit activations: digits and top in cycle 0, a in cycle 1, products in cycle 2.
// A digit has 4 bits, with a sign where `top` is, and waits in a register as 5. Two rows share a hard multiplier; of
// these pairs the first HARD have one, all others are made of look-up tables. The lower of two rows takes 13 bits of the
// common product; the upper digit is one less where the lower one is negative, so that the product needs no adder in
// front, and what is lost to the upper row is added behind.
module accel_engine_products #(
    parameter int ROWS = 2,
    parameter int N = 16,
    parameter int HARD = 16,
    parameter int AW = 9,
    localparam int DW = 5,
    localparam int W = AW + DW - 1
) (
    input  logic                 clk,
    input  logic [ROWS*N*4-1:0]  digits,
    input  logic                 top,  // digits are signed
    input  logic [N*AW-1:0]      a,
    output logic [ROWS*N*W-1:0]  products
);
    // activations and products have a whole word of a simulator, and activations are cut once for all rows
    localparam int BW = W + DW, PW = BW + AW > 32 ? 64 : 32;
    logic signed [PW-1:0] xs[N];
    always_comb for (int n = 0; n < N; n++) xs[n] = PW'($signed(a[n*AW+:AW]));
    for (genvar r = 0; r < ROWS; r += 2) begin : pair
        for (genvar n = 0; n < N; n++) begin : term
            wire [3:0] low = digits[(r*N+n)*4+:4];
            wire signed [DW-1:0] first = {top & low[3], low};
            if (r / 2 * N + n >= HARD) begin : tables
                for (genvar k = r; k < ROWS && k < r + 2; k++) begin : row
                    wire [3:0] digit = digits[(k*N+n)*4+:4];
                    logic signed [DW-1:0] held;
                    always_ff @(posedge clk) held <= {top & digit[3], digit};
                    accel_engine_product #(.AW(AW)) multiply
                        (.clk, .x(xs[n][AW-1:0]), .digit(held), .product(products[(k*N+n)*W+:W]));
                end
                wire unused = ^{first, xs[n]};
            end else if (r + 1 == ROWS) begin : alone
                logic signed [W-1:0] held, product;
                always_ff @(posedge clk) begin
                    held <= W'(first);
                    product <= held * W'(xs[n]);
                end
                assign products[(r*N+n)*W+:W] = product;
                wire unused = ^xs[n];
            end else begin : two
                wire [3:0] high = digits[((r+1)*N+n)*4+:4];
                wire signed [DW-1:0] second = {top & high[3], high}, less = second - DW'({1'b0, first[DW-1]});
                logic signed [PW-1:0] held, product;
                always_ff @(posedge clk) begin
                    held <= PW'($signed({less, W'(first)}));
                    product <= held * xs[n];
                end
                assign products[(r*N+n)*W+:W] = product[W-1:0];
                assign products[((r+1)*N+n)*W+:W] = product[2*W-1:W] + W'(product[W-1]);
                wire unused = ^product[PW-1:2*W];
            end
        end
    end
endmodule
