// The two products of attention per head: a row of the first operand against the second operand of a whole sequence,
// which is held on chip twice, so that the next sequence loads while this one is used.
//   SCORES = 1: y[u] = sum_c a[c] * b[u][c], PE keys x SIMD channels per cycle (COLS = channels, ROWS = keys)
//   SCORES = 0: y[c] = sum_u a[u] * b[u][c], PE channels x SIMD keys per cycle (COLS = keys, ROWS = channels)
// GROUP * SIDE heads of the first operand share a head of the second: GROUP take turns, SIDE are computed at once from
// the same word of memory, and their lanes lie side by side in a beat of both (where a beat is a whole row).
// Stream s1 (b) brings tokens in order, LANES_B channels per beat: SIMD for scores, PE for values.
// Memory is one bank per token lane (KL = keys per cycle), address {half, head, channel group, key group}.
// In: COLS / SIMD beats per turn of a token; out: ROWS / PE; SF * NF cycles per turn; latency 5 + clog2(SIMD).
module accel_matmul #(
    parameter bit SCORES = 1'b1,
    parameter int HEADS = 1,     // of the second operand
    parameter int GROUP = 1,
    parameter int SIDE = 1,
    parameter int KEYS = 8,
    parameter int CHANNELS = 8,  // of one head
    parameter int PE = 1,
    parameter int SIMD = 1,
    parameter int AW = 8,
    parameter bit A_SIGNED = 1'b1,
    parameter int BW = 8,
    parameter bit B_SIGNED = 1'b1,
    parameter int OW = 20,
    parameter int LANES = 1,       // products and their distance in a hard multiplier, see accel_mac
    parameter int SPACING = 0,
    parameter bit BLOCK = 1'b0,
    localparam int KL = SCORES ? PE : SIMD,
    localparam int CL = SCORES ? SIMD : PE
) (
    input  logic                          clk,
    input  logic                          rst,
    input  logic                          s0_valid,
    output logic                          s0_ready,
    input  logic [SIDE*SIMD*AW-1:0]       s0_data,
    input  logic                          s0_last,
    input  logic                          s1_valid,
    output logic                          s1_ready,
    input  logic [CL*BW-1:0]              s1_data,
    input  logic                          s1_last,
    input  logic                          m0_room,
    output logic                          m0_take,
    output logic                          m0_valid,
    output logic [SIDE*PE*OW-1:0]         m0_data,
    output logic                          m0_last
);
    localparam int KG = KEYS / KL, CG = CHANNELS / CL;
    localparam int SF = SCORES ? CG : KG, NF = SCORES ? KG : CG;
    localparam int DEPTH = HEADS * KG * CG;
    localparam int SW = SF > 1 ? $clog2(SF) : 1, NW = NF > 1 ? $clog2(NF) : 1;
    localparam int HW = HEADS > 1 ? $clog2(HEADS) : 1, DW = $clog2(2 * DEPTH);
    localparam int TW = GROUP > 1 ? $clog2(GROUP) : 1;
    localparam int KW = KG > 1 ? $clog2(KG) : 1, CW = CG > 1 ? $clog2(CG) : 1, LW = KL > 1 ? $clog2(KL) : 1;

    // ---- two halves of the memory: `held` are being filled or full, `full` may be read
    logic [1:0] held, full;
    logic load_fire, load_first, load_half, load_done, fire, fire_done, use_half;
    assign s1_ready  = !load_first || held != 2'd2;
    assign load_fire = s1_valid && s1_ready;
    assign load_done = load_fire && s1_last;
    always_ff @(posedge clk)
        if (rst) begin
            held <= '0;
            full <= '0;
            load_first <= 1'b1;
            load_half <= 1'b0;
            use_half <= 1'b0;
        end else begin
            held <= held + 2'(load_fire && load_first) - 2'(fire_done);
            full <= full + 2'(load_done) - 2'(fire_done);
            if (load_fire) load_first <= s1_last;
            load_half <= load_half ^ load_done;
            use_half <= use_half ^ fire_done;
        end

    // ---- loading: channel groups, then heads, then key lanes, then key groups
    logic [CW-1:0] load_channel;
    logic [HW-1:0] load_head;
    logic [LW-1:0] load_lane;
    logic [KW-1:0] load_key;
    wire channel_end = CG == 1 || load_channel == CW'(CG - 1);
    wire head_end = channel_end && (HEADS == 1 || load_head == HW'(HEADS - 1));
    wire lane_end = head_end && (KL == 1 || load_lane == LW'(KL - 1));
    always_ff @(posedge clk)
        if (rst || load_done) begin
            load_channel <= '0;
            load_head <= '0;
            load_lane <= '0;
            load_key <= '0;
        end else if (load_fire) begin
            load_channel <= channel_end ? '0 : load_channel + 1'b1;
            if (channel_end) load_head <= head_end ? '0 : load_head + 1'b1;
            if (head_end) load_lane <= lane_end ? '0 : load_lane + 1'b1;
            if (lane_end) load_key <= load_key + 1'b1;
        end

    // ---- computing: beats, then passes (accel_replay), then turns, then heads
    logic taking, beat_last, row_last;
    logic [SW-1:0] beat;
    logic [NW-1:0] pass;
    logic [SIDE*SIMD*AW-1:0] x;
    accel_replay #(.WIDTH(SIDE*SIMD*AW), .BEATS(SF), .PASSES(NF)) replay (.s_data(s0_data), .*);
    wire go = full != '0 && (!beat_last || m0_room);
    assign fire     = go && (!taking || s0_valid);
    assign s0_ready = go && taking;
    assign m0_take   = fire && beat_last;
    logic row_is_last;
    always_ff @(posedge clk) if (fire && taking && beat_last) row_is_last <= s0_last;
    assign fire_done = fire && row_last && (NF == 1 ? s0_last : row_is_last);

    logic [TW-1:0] turn;
    logic [HW-1:0] head;
    wire last_turn = GROUP == 1 || turn == TW'(GROUP - 1);
    wire last_head = HEADS == 1 || head == HW'(HEADS - 1);
    always_ff @(posedge clk)
        if (rst) begin
            turn <= '0;
            head <= '0;
        end else if (fire && row_last) begin
            turn <= last_turn ? '0 : turn + 1'b1;
            if (last_turn) head <= last_head ? '0 : head + 1'b1;
        end

    // ---- memory, one bank per key lane
    wire [CW-1:0] read_channel = SCORES ? CW'(beat) : CW'(pass);
    wire [KW-1:0] read_key = SCORES ? KW'(pass) : KW'(beat);
    logic [DW-1:0] write_at, read_at;
    accel_place #(.HEADS(HEADS), .CG(CG), .KG(KG), .HW(HW), .CW(CW), .KW(KW), .W(DW))
        writing (.half(load_half), .head(load_head), .channel(load_channel), .key(load_key), .address(write_at)),
        reading (.half(use_half), .head(head), .channel(read_channel), .key(read_key), .address(read_at));
    logic [CL*BW-1:0] word2[KL];
    for (genvar k = 0; k < KL; k++) begin : lane
        logic [CL*BW-1:0] word;
        wire write = load_fire && (KL == 1 || load_lane == LW'(k));
        if (BLOCK) begin : block
            (* ram_style = "block", no_rw_check *) logic [CL*BW-1:0] memory[2*DEPTH];
            always_ff @(posedge clk) begin
                if (write) memory[write_at] <= s1_data;
                word <= memory[read_at];
            end
        end else begin : distributed
            (* ram_style = "distributed", no_rw_check *) logic [CL*BW-1:0] memory[2*DEPTH];
            always_ff @(posedge clk) begin
                if (write) memory[write_at] <= s1_data;
                word <= memory[read_at];
            end
        end
        always_ff @(posedge clk) word2[k] <= word;
    end
    logic [PE*SIMD*BW-1:0] w;
    for (genvar p = 0; p < PE; p++) begin : row_
        for (genvar s = 0; s < SIMD; s++) begin : column
            localparam bit INVERT = B_SIGNED && LANES > 1 && p % LANES != LANES - 1 && p != PE - 1;
            assign w[(p*SIMD+s)*BW+:BW] = word2[SCORES ? p : s][(SCORES ? s : p)*BW+:BW] ^ (BW'(INVERT) << (BW - 1));
        end
    end
    logic [SIDE-1:0] valids, lasts;
    assign m0_valid = &valids;
    assign m0_last  = &lasts;
    for (genvar g = 0; g < SIDE; g++) begin : side
        logic advance_unused;
        accel_mac #(.PE(PE), .SIMD(SIMD), .LANES(LANES), .SPACING(SPACING), .AW(AW), .WW(BW), .OW(OW),
                    .A_SIGNED(A_SIGNED), .W_SIGNED(B_SIGNED))
            mac (.first(beat == '0), .done(beat_last), .last(fire_done), .a(x[g*SIMD*AW+:SIMD*AW]), .init('0),
                 .advance(advance_unused), .m_valid(valids[g]), .m_last(lasts[g]), .y(m0_data[g*PE*OW+:PE*OW]), .*);
    end
endmodule
