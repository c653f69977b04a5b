// Exponential, second unit, behind accel_softmax_max: E = rom[min(max - x, DEPTH - 1)] per element. s0 brings the elements,
// s1 the row's maximum. Latency 4.
module accel_exponential #(
    parameter int LANES = 1,
    parameter int BEATS = 8,
    parameter int HEADS = 1,
    parameter int TOKENS = 8,
    parameter bit CAUSAL = 1'b0,
    parameter int XW = 8,
    parameter bit X_SIGNED = 1'b1,
    parameter int DEPTH = 256,
    parameter int EW = 12,
    parameter bit BLOCK = 1'b0,
    parameter ROM_FILE = "rom.hex"
) (
    input  logic                clk,
    input  logic                rst,
    input  logic                s0_valid,
    output logic                s0_ready,
    input  logic [LANES*XW-1:0] s0_data,
    input  logic                s0_last,
    input  logic                s1_valid,
    output logic                s1_ready,
    input  logic [XW-1:0]       s1_data,
    input  logic                s1_last,
    input  logic                m0_room,
    output logic                m0_take,
    output logic                m0_valid,
    output logic [LANES*EW-1:0] m0_data,
    output logic                m0_last
);
    localparam int BW = BEATS > 1 ? $clog2(BEATS) : 1;
    logic [LANES-1:0] visible;
    logic [BW-1:0] beat;
    logic row_last;
    assign s0_ready = s1_valid && m0_room;
    assign m0_take   = s0_valid && s0_ready;
    assign s1_ready = m0_take && row_last;
    accel_softmax_mask #(.LANES(LANES), .BEATS(BEATS), .HEADS(HEADS), .TOKENS(TOKENS), .CAUSAL(CAUSAL))
        mask (.clk, .rst, .fire(m0_take), .beat, .row_last, .visible);
    logic unused;
    assign unused = s1_last ^ (^beat);

    logic [4:1] valid, last;
    always_ff @(posedge clk) begin
        valid <= rst ? '0 : {valid[3:1], m0_take};
        last  <= {last[3:1], s0_last};
    end
    assign m0_valid = valid[4];
    assign m0_last  = last[4];
    accel_exponentials #(
        .LANES(LANES), .XW(XW), .X_SIGNED(X_SIGNED), .DEPTH(DEPTH), .EW(EW), .BLOCK(BLOCK), .ROM_FILE(ROM_FILE)
    ) entries (
        .clk, .take(m0_take), .taken(valid[1]), .elements(s0_data), .largest(s1_data), .visible, .exponentials(m0_data)
    );
endmodule
