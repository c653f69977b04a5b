// Activations by a table, P lanes per cycle. x is the data, n = rescale(x) in the range of the table, T = words[n - BASE].
//   FORM 0: T, latency 2 + SLOW
//   FORM 1: opened(x * T), latency 3 + SLOW
//   FORM 2: an even block is x, the next odd block is u: clip(round(opened(x * T) * u / 2^(LEAST + places)), lo, hi),
//   halves up, latency 4 + SLOW from the odd block, with which places, lo and hi come
// NARROW_ and OPENED_ are roundings as `accel_engine_rescale` has them. SLOW: a register behind the table. The tables of
// LAYERS layers lie behind each other, 2^ceil(log2(DEPTH)) words each.
module accel_engine_gate #(
    parameter int P = 8,
    parameter int XW = 16,
    parameter int FORM = 2,
    parameter longint NARROW_MULTIPLIER = 64'sd1,
    parameter int NARROW_SHIFT = 3,
    parameter int NARROW_MODE = 1,
    parameter longint NARROW_LO = -64'sd512,
    parameter longint NARROW_HI = 64'sd511,
    parameter int BASE = -512,
    parameter int DEPTH = 1024,
    parameter int LAYERS = 1,
    parameter int LW = 1,  // of a layer's number
    parameter int TW = 12,
    parameter bit BLOCK = 1'b0,
    parameter FILE = "gate.hex",
    parameter longint OPENED_MULTIPLIER = 64'sd1,
    parameter int OPENED_SHIFT = 10,
    parameter int OPENED_MODE = 1,
    parameter longint OPENED_LO = -64'sd32768,
    parameter longint OPENED_HI = 64'sd32767,
    parameter int OW = 16,  // opened
    parameter int LEAST = 8,  // of the last rounding
    parameter int MOST = LEAST,
    parameter int SW = 1,
    parameter int YW = 8,
    parameter bit SLOW = 1'b0
) (
    input  logic            clk,
    input  logic            valid,
    input  logic            odd,
    input  logic [LW-1:0]   layer,
    input  logic [P*XW-1:0] data,
    input  logic [SW-1:0]   places,
    input  logic [YW-1:0]   lo,
    input  logic [YW-1:0]   hi,
    output logic [P*YW-1:0] result
);
    localparam int AW = DEPTH > 1 ? $clog2(DEPTH) : 1;
    localparam int WORDS = LAYERS > 1 ? LAYERS * 2 ** AW : DEPTH;
    localparam int WORDW = WORDS > 1 ? $clog2(WORDS) : 1;
    localparam int NW = (AW > XW ? AW : XW) + 2;  // narrowed, and less BASE
    localparam int WAIT = 2 + int'(SLOW);  // registers in front of x * T
    logic [WAIT:1] gates;  // a block that opens
    localparam int CW = SW + 2 * YW, LAST = WAIT + 1;
    logic [LAST*CW-1:0] controls;
    always_ff @(posedge clk) begin
        gates    <= WAIT'({gates, valid && !odd});
        controls <= (LAST * CW)'({controls, {places, lo, hi}});
    end
    wire [SW-1:0] places3;
    wire signed [YW-1:0] lo3, hi3;
    assign {places3, lo3, hi3} = controls[(LAST-1)*CW+:CW];
    for (genvar l = 0; l < P; l++) begin : lane
        logic signed [NW-1:0] narrow;
        accel_engine_rescale #(
            .XW(XW), .MULTIPLIER(NARROW_MULTIPLIER), .SHIFT(NARROW_SHIFT), .MODE(NARROW_MODE), .LO(NARROW_LO),
            .HI(NARROW_HI), .YW(NW)
        ) narrowed (.x(data[l*XW+:XW]), .y(narrow));
        wire [AW-1:0] index = AW'(narrow - NW'(BASE));
        logic [TW-1:0] word, value;
        logic [WORDW-1:0] address;
        if (LAYERS > 1) begin : layers
            assign address = {layer[WORDW-AW-1:0], index};
        end else begin : shared
            assign address = index;
            wire unused_layer = ^layer;
        end
        accel_engine_word #(.WIDTH(TW), .DEPTH(WORDS), .BLOCK(BLOCK), .FILE(FILE)) table_ (.clk, .address, .word);
        if (SLOW) begin : slow
            always_ff @(posedge clk) value <= word;
        end else begin : fast
            assign value = word;
        end
        if (FORM == 0) begin : lookup
            always_ff @(posedge clk) result[l*YW+:YW] <= YW'($signed(value));
            wire unused = ^{gates, places3, lo3, hi3, value};
        end else begin : product
            logic [WAIT*XW-1:0] xs;  // the data, 1 to WAIT cycles later
            always_ff @(posedge clk) xs <= (WAIT * XW)'({xs, data[l*XW+:XW]});
            wire signed [XW-1:0] x = xs[(WAIT-2)*XW+:XW], u = xs[(WAIT-1)*XW+:XW];
            logic signed [XW+TW-1:0] turned;
            always_ff @(posedge clk) turned <= (XW + TW)'(x) * (XW + TW)'($signed(value));
            logic signed [OW-1:0] opened, open;
            accel_engine_rescale #(
                .XW(XW + TW), .MULTIPLIER(OPENED_MULTIPLIER), .SHIFT(OPENED_SHIFT), .MODE(OPENED_MODE), .LO(OPENED_LO),
                .HI(OPENED_HI), .YW(OW)
            ) opening (.x(turned), .y(opened));
            if (FORM == 1) begin : alone
                always_ff @(posedge clk) result[l*YW+:YW] <= YW'(opened);
                wire unused = ^{gates, u, open, opened, places3, lo3, hi3};
                assign open = '0;
            end else begin : gate
                logic signed [OW+XW-1:0] hidden;
                logic [YW-1:0] y;
                always_ff @(posedge clk) begin
                    if (gates[WAIT]) open <= opened;
                    hidden <= (OW + XW)'(open) * (OW + XW)'(u);
                    result[l*YW+:YW] <= y;
                end
                accel_engine_late #(.XW(OW + XW), .LEAST(LEAST), .MOST(MOST), .SW(SW), .YW(YW))
                    hiding (.x(hidden), .places(places3), .lo(lo3), .hi(hi3), .y);
            end
        end
    end
endmodule
