// Dense: y[o] = sum_i weight[o][i] * x[i] + bias[o], PE outputs x SIMD inputs per cycle.
// In: COLS / SIMD beats per token; out: ROWS / PE beats; SF * NF cycles per token;
// latency 5 + clog2(SIMD).
module accel_dense #(
    parameter int ROWS = 8,
    parameter int COLS = 8,
    parameter int PE = 1,
    parameter int SIMD = 1,
    parameter int AW = 8,
    parameter bit A_SIGNED = 1'b1,
    parameter int WW = 4,
    parameter int OW = 16,
    parameter int BW = 8,
    parameter int LANES = 1,       // products and their distance in a hard multiplier, see accel_mac
    parameter int SPACING = 0,
    parameter bit BLOCK = 1'b0,
    parameter WEIGHT_FILE = "weight.hex",
    parameter BIAS_FILE = "bias.hex"
) (
    input  logic               clk,
    input  logic               rst,
    input  logic               s0_valid,
    output logic               s0_ready,
    input  logic [SIMD*AW-1:0] s0_data,
    input  logic               s0_last,
    input  logic               m0_room,
    output logic               m0_take,
    output logic               m0_valid,
    output logic [PE*OW-1:0]   m0_data,
    output logic               m0_last
);
    localparam int SF = COLS / SIMD, NF = ROWS / PE, DEPTH = SF * NF;
    localparam int SW = SF > 1 ? $clog2(SF) : 1, NW = NF > 1 ? $clog2(NF) : 1, DW = DEPTH > 1 ? $clog2(DEPTH) : 1;

    logic taking, beat_last, row_last, fire;
    logic [SW-1:0] beat;
    logic [NW-1:0] pass_unused;
    logic [SIMD*AW-1:0] x;
    accel_replay #(.WIDTH(SIMD*AW), .BEATS(SF), .PASSES(NF)) replay (.s_data(s0_data), .pass(pass_unused), .*);
    assign fire    = (!taking || s0_valid) && (!beat_last || m0_room);
    assign s0_ready = taking && (!beat_last || m0_room);
    assign m0_take  = fire && beat_last;

    logic [DW-1:0] address;
    always_ff @(posedge clk)
        if (rst) address <= '0;
        else if (fire) address <= row_last ? '0 : address + 1'b1;
    logic [PE*SIMD*WW-1:0] w;
    accel_rom #(.WIDTH(PE*SIMD*WW), .DEPTH(DEPTH), .BLOCK(BLOCK), .FILE(WEIGHT_FILE))
        weight (.clk, .address, .data(w));

    logic token_last;  // the token in work is the sequence's last
    always_ff @(posedge clk) if (fire && taking && beat_last) token_last <= s0_last;
    wire last_now = row_last && (NF == 1 ? s0_last : token_last);

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

    accel_mac #(.PE(PE), .SIMD(SIMD), .LANES(LANES), .SPACING(SPACING), .AW(AW), .WW(WW), .OW(OW),
                .A_SIGNED(A_SIGNED), .W_SIGNED(1'b1))
        mac (.first(beat == '0), .done(beat_last), .last(last_now), .a(x), .m_valid(m0_valid), .m_last(m0_last),
             .y(m0_data), .*);
endmodule
