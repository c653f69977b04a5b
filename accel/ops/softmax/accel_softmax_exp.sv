// Softmax, second unit: E = rom[min(max - x, DEPTH - 1)] per element and S = sum E per row.
// s0 brings the elements, s1 the row's maximum; m0 carries E (latency 4), m1 the sum (latency 6).
module accel_softmax_exp #(
    parameter int LANES = 1,
    parameter int BEATS = 8,
    parameter int HEADS = 1,
    parameter int TOKENS = 8,
    parameter bit CAUSAL = 1'b0,
    parameter int XW = 8,
    parameter bit X_SIGNED = 1'b1,
    parameter int DEPTH = 256,
    parameter int EW = 12,
    parameter int SW = 16,
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
    output logic                m0_last,
    input  logic                m1_room,
    output logic                m1_take,
    output logic                m1_valid,
    output logic [SW-1:0]       m1_data,
    output logic                m1_last
);
    localparam int BW = BEATS > 1 ? $clog2(BEATS) : 1;
    logic [LANES-1:0] visible;
    logic [BW-1:0] beat;
    logic row_last;
    wire room = m0_room && (!row_last || m1_room);
    assign s0_ready = s1_valid && room;
    assign m0_take  = s0_valid && s1_valid && room;
    assign s1_ready = s0_valid && room && row_last;
    assign m1_take  = m0_take && row_last;
    accel_softmax_mask #(.LANES(LANES), .BEATS(BEATS), .HEADS(HEADS), .TOKENS(TOKENS), .CAUSAL(CAUSAL))
        mask (.clk, .rst, .fire(m0_take), .beat, .row_last, .visible);
    logic unused_last;
    assign unused_last = s1_last;

    logic [5:1] valid, first, done, last;
    always_ff @(posedge clk) begin
        valid <= rst ? '0 : {valid[4:1], m0_take};
        first <= {first[4:1], beat == '0};
        done  <= {done[4:1], row_last};
        last  <= {last[4:1], s0_last};
    end
    assign m0_valid = valid[4];
    assign m0_last  = last[4];

    accel_exponentials #(
        .LANES(LANES), .XW(XW), .X_SIGNED(X_SIGNED), .DEPTH(DEPTH), .EW(EW), .BLOCK(BLOCK), .ROM_FILE(ROM_FILE)
    ) entries (
        .clk, .take(m0_take), .taken(valid[1]), .elements(s0_data), .largest(s1_data), .visible, .exponentials(m0_data)
    );
    logic [SW-1:0] total;
    always_comb begin
        total = '0;
        for (int l = 0; l < LANES; l++) total = total + SW'(m0_data[l*EW+:EW]);
    end
    logic [SW-1:0] total5;
    always_ff @(posedge clk) begin
        total5 <= total;
        if (valid[5]) m1_data <= (first[5] ? '0 : m1_data) + total5;
        m1_valid <= valid[5] && done[5] && !rst;
        m1_last <= last[5];
    end
endmodule
