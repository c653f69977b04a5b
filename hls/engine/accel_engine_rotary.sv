// Turns pairs of neighbouring lanes: y = clip(round((cos * x + sin * x of the other lane) / 2^(LEAST + places)), lo, hi),
// halves up. `address`, of the position and the block of the head, comes one cycle before the data. Of lane l the word
// has cos at 2 l TW and sin above it. Without `turn` y = clip(x, lo, hi).
// Latency 2 + SLOW: products, [sums,] rounded and clipped.
module accel_engine_rotary #(
    parameter int P = 8,
    parameter int XW = 16,
    parameter int TW = 12,
    parameter int DEPTH = 64,
    parameter bit BLOCK = 1'b0,
    parameter FILE = "rotary.hex",
    parameter int LEAST = 10,
    parameter int MOST = LEAST,
    parameter int SW = 1,
    parameter int YW = 9,
    parameter bit SLOW = 1'b0,
    localparam int AW = DEPTH > 1 ? $clog2(DEPTH) : 1
) (
    input  logic            clk,
    input  logic [AW-1:0]   address,
    input  logic            turn,
    input  logic [P*XW-1:0] data,
    input  logic [SW-1:0]   places,
    input  logic [YW-1:0]   lo,
    input  logic [YW-1:0]   hi,
    output logic [P*YW-1:0] result
);
    localparam int PW = XW + TW + 1;
    logic [2*P*TW-1:0] constants;
    accel_engine_word #(.WIDTH(2 * P * TW), .DEPTH(DEPTH), .BLOCK(BLOCK), .FILE(FILE))
        table_ (.clk, .address, .word(constants));
    // what belongs to the data waits for the products
    localparam int WAIT = 1 + int'(SLOW), CW = SW + 2 * YW + 1;
    logic [WAIT*CW-1:0] controls;
    always_ff @(posedge clk) controls <= (WAIT * CW)'({controls, {turn, places, lo, hi}});
    wire turn2;
    wire [SW-1:0] places2;
    wire signed [YW-1:0] lo2, hi2;
    assign {turn2, places2, lo2, hi2} = controls[(WAIT-1)*CW+:CW];
    for (genvar l = 0; l < P; l++) begin : lane
        wire signed [XW-1:0] x = data[l*XW+:XW], other = data[(l^1)*XW+:XW];
        wire signed [TW-1:0] cosine = constants[2*l*TW+:TW], sine = constants[(2*l+1)*TW+:TW];
        logic signed [PW-1:0] kept, crossed, sum;
        logic [WAIT*XW-1:0] straight;
        always_ff @(posedge clk) begin
            kept     <= PW'(x) * PW'(cosine);
            crossed  <= PW'(other) * PW'(sine);
            straight <= (WAIT * XW)'({straight, x});
        end
        if (SLOW) begin : slow
            always_ff @(posedge clk) sum <= kept + crossed;
        end else begin : fast
            assign sum = kept + crossed;
        end
        wire signed [XW-1:0] x2 = straight[(WAIT-1)*XW+:XW];
        logic [YW-1:0] turned, passed;
        accel_engine_late #(.XW(PW), .LEAST(LEAST), .MOST(MOST), .SW(SW), .YW(YW))
            rounding (.x(sum), .places(places2), .lo(lo2), .hi(hi2), .y(turned));
        accel_engine_late #(.XW(XW), .LEAST(0), .MOST(0), .SW(SW), .YW(YW))
            clipping (.x(x2), .places(places2), .lo(lo2), .hi(hi2), .y(passed));
        always_ff @(posedge clk) result[l*YW+:YW] <= turn2 ? turned : passed;
    end
endmodule
