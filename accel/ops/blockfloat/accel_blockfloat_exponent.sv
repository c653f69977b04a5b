// BlockFloat, first unit: e = max(0, bits(max |x|) - (BITS - 1)) of every group of BEATS beats of LANES channels.
// Latency 4: magnitudes, or, and the two cycles of accel_exponent.
module accel_blockfloat_exponent #(
    parameter int LANES = 1,
    parameter int BEATS = 8,
    parameter int BITS = 8,
    parameter int XW = 16,
    parameter bit X_SIGNED = 1'b1,
    parameter int EW = 4
) (
    input  logic                clk,
    input  logic                rst,
    input  logic                s0_valid,
    output logic                s0_ready,
    input  logic [LANES*XW-1:0] s0_data,
    input  logic                s0_last,
    input  logic                m0_room,
    output logic                m0_take,
    output logic                m0_valid,
    output logic [EW-1:0]       m0_data,
    output logic                m0_last
);
    localparam int BW = BEATS > 1 ? $clog2(BEATS) : 1;
    logic [BW-1:0] beat;
    wire row_last = BEATS == 1 || beat == BW'(BEATS - 1);
    assign s0_ready = !row_last || m0_room;
    wire fire = s0_valid && s0_ready;
    assign m0_take = fire && row_last;
    logic [3:1] valid, done, last;
    logic [2:1] first;
    always_ff @(posedge clk) begin
        if (rst) beat <= '0;
        else if (fire) beat <= row_last ? '0 : beat + 1'b1;
        valid <= rst ? '0 : {valid[2:1], fire};
        first <= {first[1], beat == '0};
        done  <= {done[2:1], row_last};
        last  <= {last[2:1], s0_last};
    end

    logic [LANES*XW-1:0] magnitudes;
    for (genvar l = 0; l < LANES; l++) begin : lane
        wire [XW-1:0] x = s0_data[l*XW+:XW];
        always_ff @(posedge clk) magnitudes[l*XW+:XW] <= X_SIGNED && x[XW-1] ? -x : x;
    end
    logic [XW-1:0] any, any2;
    always_comb begin
        any = '0;
        for (int l = 0; l < LANES; l++) any = any | magnitudes[l*XW+:XW];
    end
    accel_exponent #(.XW(XW), .BITS(BITS), .EW(EW)) found
        (.clk, .valid(valid[2]), .first(first[2]), .any(any2), .exponent(m0_data));
    always_ff @(posedge clk) begin
        any2 <= any;
        m0_valid <= valid[3] && done[3] && !rst;
        m0_last  <= last[3];
    end
endmodule
