// Requests in, tokens out. A request is a token (lowest), its position, and of three NUMBERS a seed, which is for all
// tokens of its answer; BURST tokens follow it, the second one from the first one and so on. Behind the last position of the context the last token is repeated.
//
//   `start` says that a token may begin, with `token` and `position`; `finish` that `found` follows it; `room` that
//   there is a place for it. It leaves one cycle later, and the next one may begin in the same cycle.
module accel_engine_tokens #(
    parameter int NUMBERS = 2,
    parameter int WIDTH = 8,   // of the numbers of a request
    parameter int TW = 5,
    parameter int PW = 4,
    parameter int CONTEXT = 16,
    parameter int BURST = 1
) (
    input  logic               clk,
    input  logic               rst,
    input  logic               s_valid,
    output logic               s_ready,
    input  logic [NUMBERS*WIDTH-1:0] s_data,
    input  logic               s_last,
    output logic               m_valid,
    input  logic               m_ready,
    output logic [TW-1:0]      m_data,
    output logic               m_last,
    input  logic               ready,     // the first instruction is there
    output logic               start,
    output logic [TW-1:0]      token,
    output logic [PW-1:0]      position,
    output logic [WIDTH-1:0]   seed,      // 0 where there is none
    output logic               room,
    input  logic               finish,
    input  logic [TW-1:0]      found
);
    localparam int BW = BURST > 1 ? $clog2(BURST) : 1;
    logic busy, full;  // full: behind the context
    logic [BW-1:0] left;
    assign s_ready = ready && !busy;
    assign start = busy && !full;
    assign room = !m_valid || m_ready;
    wire repeated = busy && full && room;
    wire leaves = finish || repeated;
    always_ff @(posedge clk)
        if (rst) begin
            busy <= 1'b0;
            full <= 1'b0;
            m_valid <= 1'b0;
        end else begin
            if (s_valid && s_ready) begin
                {busy, full, left} <= {2'b10, BW'(BURST - 1)};
                token <= s_data[TW-1:0];
                position <= s_data[WIDTH+:PW];
            end
            if (m_ready) m_valid <= 1'b0;
            if (leaves) begin
                m_valid <= 1'b1;
                m_last <= left == '0;
                busy <= left != '0;
                left <= left - 1'b1;
            end
            if (finish) begin
                m_data <= found;
                token <= found;
                full <= position == PW'(CONTEXT - 1);
                position <= position + 1'b1;
            end
        end
    if (NUMBERS > 2) begin : drawn
        always_ff @(posedge clk) if (s_valid && s_ready) seed <= s_data[2*WIDTH+:WIDTH];
    end else begin : greedy
        assign seed = '0;
    end
    logic unused;
    assign unused = ^{s_last, s_data};
endmodule
