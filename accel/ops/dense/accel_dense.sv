// Dense: y[o] = sum_i weight[o][i] * x[i] + bias[o], PE outputs x SIMD products per cycle.
// In: SF beats of SIMD * M / N inputs per token; out: NF = ROWS / PE beats; SF * NF cycles per token;
// latency 5 + clog2(SIMD).
// N < M: a row has at most N weights in every group of M inputs. Only these are stored, with their places, and
// multiplied: every row selects its own activations (accel_select), which takes one cycle more.
module accel_dense #(
    parameter int ROWS = 8,
    parameter int COLS = 8,
    parameter int PE = 1,
    parameter int SIMD = 1,
    parameter int N = 1,
    parameter int M = 1,
    parameter int AW = 8,
    parameter bit A_SIGNED = 1'b1,
    parameter int WW = 4,
    parameter int OW = 16,
    parameter int BW = 8,
    parameter int LANES = 1,       // products and their distance in a hard multiplier, see accel_mac
    parameter int SPACING = 0,
    parameter bit CODED = 1'b0,    // weights as digits, see accel_dot_lut
    parameter bit BLOCK = 1'b0,
    parameter WEIGHT_FILE = "weight.hex",
    parameter INDEX_FILE = "index.hex",
    parameter BIAS_FILE = "bias.hex",
    localparam int WIDE = SIMD / N * M
) (
    input  logic               clk,
    input  logic               rst,
    input  logic               s0_valid,
    output logic               s0_ready,
    input  logic [WIDE*AW-1:0] s0_data,
    input  logic               s0_last,
    input  logic               m0_room,
    output logic               m0_take,
    output logic               m0_valid,
    output logic [PE*OW-1:0]   m0_data,
    output logic               m0_last
);
    localparam int SF = COLS / WIDE, NF = ROWS / PE, DEPTH = SF * NF;
    localparam int SW = SF > 1 ? $clog2(SF) : 1, NW = NF > 1 ? $clog2(NF) : 1, DW = DEPTH > 1 ? $clog2(DEPTH) : 1;

    logic taking, beat_last, row_last, fire;
    logic [SW-1:0] beat;
    logic [NW-1:0] pass_unused;
    logic [WIDE*AW-1:0] x;
    accel_replay #(.WIDTH(WIDE*AW), .BEATS(SF), .PASSES(NF)) replay (.s_data(s0_data), .pass(pass_unused), .*);
    assign fire    = (!taking || s0_valid) && (!beat_last || m0_room);
    assign s0_ready = taking && (!beat_last || m0_room);
    assign m0_take  = fire && beat_last;

    logic [DW-1:0] address;
    always_ff @(posedge clk)
        if (rst) address <= '0;
        else if (fire) address <= row_last ? '0 : address + 1'b1;

    logic token_last;  // the token in work is the sequence's last
    always_ff @(posedge clk) if (fire && taking && beat_last) token_last <= s0_last;
    wire last_now = row_last && (NF == 1 ? s0_last : token_last);

    // ---- what the products begin with: the beat's activations, or those that its rows select, one cycle later
    localparam bit OWN = N < M;
    localparam int ROWS_OF_A = OWN ? PE : 1;
    logic [ROWS_OF_A*SIMD*AW-1:0] a;
    logic [DW-1:0] weight_address;
    logic [3:0] marks;  // fire, first, done, last
    if (OWN) begin : selected
        localparam int IW = $clog2(M - N + 1);
        logic [PE*SIMD*IW-1:0] index;
        accel_rom #(.WIDTH(PE*SIMD*IW), .DEPTH(DEPTH), .BLOCK(BLOCK), .FILE(INDEX_FILE))
            places (.clk, .address, .data(index));
        accel_select #(.PE(PE), .SIMD(SIMD), .N(N), .M(M), .AW(AW)) select (.clk, .x, .index, .a);
        always_ff @(posedge clk) begin
            weight_address <= address;
            marks <= {fire && !rst, beat == '0, beat_last, last_now};
        end
    end else begin : all
        assign a = x;
        assign weight_address = address;
        assign marks = {fire, beat == '0, beat_last, last_now};
    end
    logic [PE*SIMD*WW-1:0] w;
    accel_rom #(.WIDTH(PE*SIMD*WW), .DEPTH(DEPTH), .BLOCK(BLOCK), .FILE(WEIGHT_FILE))
        weight (.clk, .address(weight_address), .data(w));

    (* rom_style = "logic" *) logic [PE*BW-1:0] bias[NF];
    initial $readmemh(BIAS_FILE, bias);
    logic [PE*BW-1:0] bias_now;
    logic [NW-1:0] row;  // of the beat one stage before the accumulators
    logic advance;
    always_ff @(posedge clk) begin
        if (rst) row <= '0;
        else if (advance) row <= NF == 1 || row == NW'(NF - 1) ? '0 : row + 1'b1;
        bias_now <= bias[row];
    end
    logic [PE*OW-1:0] init;
    for (genvar p = 0; p < PE; p++) begin : extend
        wire signed [BW-1:0] b = bias_now[p*BW+:BW];
        assign init[p*OW+:OW] = OW'(b);
    end

    accel_mac #(.PE(PE), .SIMD(SIMD), .LANES(LANES), .SPACING(SPACING), .OWN(OWN), .CODED(CODED), .AW(AW), .WW(WW),
                .OW(OW), .A_SIGNED(A_SIGNED), .W_SIGNED(1'b1))
        mac (.fire(marks[3]), .first(marks[2]), .done(marks[1]), .last(marks[0]), .m_valid(m0_valid),
             .m_last(m0_last), .y(m0_data), .*);
endmodule
