// accel_frame_tx, for every sequence of results and notices, and every reader: whole frames, each with its own tag,
// payload and checksum, one after the other; bytes wait for their reader, who comes every other cycle at the most.
module frame_tx_check (
    input logic        clk,
    input logic        notice_valid,
    input logic        notice_identity,
    input logic [7:0]  notice_reason,
    input logic [31:0] tag,
    input logic        running,
    input logic        s_valid,
    input logic [7:0]  s_data,
    input logic        m_ready
);
    localparam logic [4:0] HEADER = 5'd9, RESULT = 5'(accel_board_pkg::PAYLOAD_OUT), IDENTITY = 5'd8, ERROR = 5'd1;
    logic rst, slot, notice_ready, finished, s_ready, s_last, m_valid;
    logic [7:0] m_data;

    accel_frame_tx dut (.*);

    // The frame that is being sent
    logic sending, result, identity;
    logic [4:0] at;  // its bytes that are gone
    logic [7:0] reason, wanted;
    logic [31:0] its_tag, crc;
    // One cycle before
    logic held, offered, starved;
    logic [7:0] m_before, s_before;

    initial {rst, slot, sending, at, held, offered, starved} = {1'b1, 10'd0};

    wire [4:0] payload = result ? RESULT : identity ? IDENTITY : ERROR;
    wire [4:0] place = at - HEADER;  // in payload and checksum
    wire counted = at < HEADER + payload;  // in the checksum
    wire in_payload = at >= HEADER && place < payload;
    wire [1:0] digit = 2'(place - payload);
    wire done = m_valid && m_ready && at == HEADER + payload + 5'd3;
    assign s_last = place == RESULT - 5'd1;

    always_comb begin
        wanted = ~crc[8*digit+:8];
        if (in_payload) wanted = result ? s_data : identity ? accel_board_pkg::DESIGN_ID[8*place[2:0]+:8] : reason;
        case (at)
            5'd0: wanted = accel_board_pkg::MAGIC_0;
            5'd1: wanted = accel_board_pkg::MAGIC_1;
            5'd2: wanted = result ? accel_board_pkg::RESULT : identity ? accel_board_pkg::IDENTITY : accel_board_pkg::ERROR;
            5'd3, 5'd4, 5'd5, 5'd6: wanted = its_tag[7:0];
            5'd7: wanted = 8'(payload);
            5'd8: wanted = '0;
            default: ;
        endcase
    end

    always_ff @(posedge clk) begin
        rst <= 1'b0;
        slot <= !slot;
        if (!sending && !rst && (notice_valid || (running && s_valid))) begin
            {sending, at} <= {1'b1, 5'd0};
            {result, identity, reason, its_tag} <= {!notice_valid, notice_identity, notice_reason, tag};
        end
        if (m_valid && m_ready && !rst) begin
            at <= at + 1'b1;
            crc <= (at < 5'd2) ? accel_board_pkg::CRC_AFTER_MAGIC : counted ? accel_board_pkg::mix(crc, m_data) : crc;
            if (at >= 5'd3 && at < 5'd7) its_tag <= its_tag >> 8;
            if (done) sending <= 1'b0;
        end
        held <= m_valid && !m_ready && !rst;
        offered <= s_valid && !s_ready && !rst;
        starved <= sending && !m_valid && !rst;
        m_before <= m_data;
        s_before <= s_data;
    end

    always_comb begin
        assume (!m_ready || slot);
        assume (!offered || (s_valid && s_data == s_before));
        if (!rst) begin
            assert (notice_ready == !sending);
            assert (!m_valid || (sending && m_data == wanted));
            assert (!held || (m_valid && m_data == m_before));
            assert (finished == (done && result));
            assert (s_ready == (sending && result && in_payload && m_ready && (!s_valid || m_valid)) || !s_valid);
            assert (!starved || m_valid || !sending || (result && in_payload && !s_valid));
        end
    end
endmodule
