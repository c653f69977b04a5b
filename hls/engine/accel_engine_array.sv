// The array: ROWS x N products of digits and activations a cycle, summed per row and over the beats of a row.
//
//   cycle 0           digits, top
//   cycle 1           a
//   cycle 2 ..        products, sums in levels of four (TL = ceil(log4(N)))
//   cycle 2 + TL      split; factors, where the weights have them (FACTOR > 0)
//   cycle ACC - 1     valid, first, digit, init: acc <= (first ? init : acc) + sum * 16^digit
//   cycle ACC         sums, ACC = 3 + TL + (FACTOR > 0)
//
// Heads side by side (CUT > 0, their size) need sums of their own: with `split` accumulator z takes those of part z,
// otherwise accumulator 0 takes those of the whole row. Every GROUP rows have activations of their own, those behind
// the last bank that bank's.
module accel_engine_array #(
    parameter int ROWS = 16,
    parameter int N = 16,
    parameter int BANKS = 1,
    parameter int GROUP = ROWS,  // rows of a bank
    parameter int CUT = 0,
    parameter int SIDE = 1,
    parameter int FACTOR = 0,   // bits, unsigned
    parameter int DIGITW = 1,
    parameter int AW = 9,
    parameter int W = 20,       // of a sum
    parameter int HARD = ROWS * N  // hard multipliers, one for two rows' products; others are made of look-up tables
) (
    input  logic                        clk,
    input  logic [ROWS*N*4-1:0]         digits,
    input  logic                        top,
    input  logic [BANKS*N*AW-1:0]       a,
    input  logic [(FACTOR>0?ROWS*FACTOR:1)-1:0] factors,
    input  logic                        valid,
    input  logic                        first,
    input  logic                        split,
    input  logic [DIGITW-1:0]           digit,
    input  logic [ROWS*W-1:0]           init,
    output logic [SIDE*ROWS*W-1:0]      sums  // of part 0, or the whole, first
);
    localparam int XW = AW + 4, TW = XW + $clog2(N), PARTS = CUT > 0 ? N / CUT : 1;
    localparam int SW = FACTOR > 0 ? TW + FACTOR : TW;
    logic apart;  // split, when sums are accumulated
    if (FACTOR > 0) begin : late
        always_ff @(posedge clk) apart <= split;
    end else begin : now
        assign apart = split;
        logic unused;
        assign unused = ^factors;
    end
    logic [ROWS*N*XW-1:0] products;
    for (genvar b = 0; b < ROWS / GROUP; b++) begin : bank
        localparam int OWN = b < BANKS ? b : BANKS - 1;
        localparam int PAIRS = (GROUP + 1) / 2 * N, LEFT = HARD - b * PAIRS;
        accel_engine_products #(.ROWS(GROUP), .N(N), .HARD(LEFT > 0 ? LEFT : 0), .AW(AW)) multiply
            (.clk, .a(a[OWN*N*AW+:N*AW]), .digits(digits[b*GROUP*N*4+:GROUP*N*4]), .top,
             .products(products[b*GROUP*N*XW+:GROUP*N*XW]));
    end
    for (genvar r = 0; r < ROWS; r++) begin : row
        logic [TW-1:0] total;
        logic [PARTS*TW-1:0] parts;
        accel_engine_tree #(.N(N), .CUT(CUT), .XW(XW), .W(TW)) tree
            (.clk, .terms(products[r*N*XW+:N*XW]), .total, .parts);
        for (genvar z = 0; z < SIDE; z++) begin : side
            logic signed [SW-1:0] sum;
            wire signed [TW-1:0] chosen = z > 0 || (CUT > 0 && split) ? parts[z*TW+:TW] : total;
            if (FACTOR > 0) begin : scaled
                always_ff @(posedge clk) sum <= SW'(chosen) * SW'({1'b0, factors[r*FACTOR+:FACTOR]});
            end else begin : plain
                assign sum = chosen;
            end
            localparam int PLACE = (z * ROWS + r) * W;
            logic [W-1:0] held;
            wire [W-1:0] earlier = first ? (z == 0 ? init[r*W+:W] : '0) : held;
            always_ff @(posedge clk) if (valid && (z == 0 || apart)) held <= earlier + (W'(sum) << {digit, 2'b00});
            assign sums[PLACE+:W] = held;
        end
        if (CUT == 0 || PARTS > SIDE) begin : rest
            logic unused;
            assign unused = ^parts;
        end
    end
endmodule
