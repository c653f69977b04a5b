// accel_frame_rx, for every sequence of bytes and pauses, in slots of 3 cycles, and every reader behind it.
//
// A model looks at the bytes from number `first` (any) on as if a frame began there. Sound: what runs or is identified
// is an intact frame, the last bytes on the line; its tag and payload come out. Complete: after a silence, while
// nothing is being answered, an intact frame without pauses is accepted.
module frame_rx_check (
    input logic       clk,
    input logic       s_valid,
    input logic [7:0] s_data,
    input logic       m_ready,
    input logic       notice_ready,
    input logic       finished
);
    localparam logic [3:0] JUDGED = 4'd3;  // cycles after its last byte a frame is accepted or refused
    localparam logic [3:0] SILENT = 4'(accel_board_pkg::TIMEOUT + 2);
    localparam logic [4:0] REQUEST = 5'd13, SAMPLE = 5'd15;  // bytes of the two frames
    logic rst, m_valid, m_last, notice_valid, notice_identity, running;
    logic [7:0] m_data, notice_reason;
    logic [31:0] tag;

    accel_frame_rx dut (.*);

    // The line
    (* anyconst *) logic [4:0] first;
    logic [1:0] slot;
    logic [3:0] age;  // cycles since the latest byte
    logic [4:0] number, at;  // of bytes on the line, and of those since `first`
    logic [4:0] unbroken;  // bytes without a pause since a silence, 0: none
    // The frame that began with byte `first`
    logic magic, sample, request;
    logic [31:0] crc, its_tag;
    logic [15:0] payload;

    wire intact = magic && crc == accel_board_pkg::CRC_RESIDUE;
    wire intact_sample = intact && sample && at == SAMPLE;
    wire intact_request = intact && request && at == REQUEST;

    initial {rst, slot, age, number, at, unbroken} = {1'b1, 2'd0, SILENT, 15'd0};

    always_ff @(posedge clk) begin
        rst <= 1'b0;
        slot <= (slot == 2'd2) ? '0 : slot + 1'b1;
        age <= s_valid ? 4'd1 : (age == SILENT) ? age : age + 1'b1;
        if (s_valid) begin
            number <= number + 1'b1;
            if (age == SILENT && !running && !notice_valid) unbroken <= 5'd1;
            else unbroken <= (unbroken == '0 || age > 4'(accel_board_pkg::TIMEOUT)) ? '0 : unbroken + 1'b1;
            if (number >= first && at != 5'd16) begin
                at <= at + 1'b1;
                crc <= (at < 5'd2) ? accel_board_pkg::CRC_AFTER_MAGIC : accel_board_pkg::mix(crc, s_data);
                case (at)
                    5'd0: magic <= s_data == accel_board_pkg::MAGIC_0;
                    5'd1: magic <= magic && s_data == accel_board_pkg::MAGIC_1;
                    5'd2: {sample, request} <= {s_data == accel_board_pkg::SAMPLE, s_data == accel_board_pkg::IDENTIFY};
                    5'd3, 5'd4, 5'd5, 5'd6: its_tag <= {s_data, its_tag[31:8]};
                    5'd7: {sample, request} <= {sample && s_data == 8'd2, request && s_data == 8'd0};
                    5'd8: {sample, request} <= {2{s_data == 8'd0}} & {sample, request};
                    5'd9, 5'd10: payload <= {s_data, payload[15:8]};
                    default: ;
                endcase
            end
        end
    end

    // One cycle before
    logic ran, noticed, answered, ended, fetching, its_own;
    logic [40:0] notice;
    logic [31:0] tag_before;
    logic [1:0] given;

    initial {ran, noticed, answered, ended, fetching} = '0;

    always_ff @(posedge clk) begin
        ran <= running && !rst;
        noticed <= notice_valid && !rst;
        answered <= notice_ready;
        notice <= {notice_identity, notice_reason, tag};
        tag_before <= tag;
        given <= (rst || !running) ? '0 : given + 2'(m_valid && m_ready);
        fetching <= running && !rst && !m_valid && given != 2'd2;
        if (running && !ran) its_own <= at == SAMPLE;
        ended <= running && given == 2'd2 && finished;
    end

    always_comb begin
        assume (!s_valid || (!rst && slot == '0));
        if (!rst) begin
            assert (!running || !notice_valid);
            if (running && !ran) begin
                assert (number >= SAMPLE && age == JUDGED);
                if (at == SAMPLE) assert (intact_sample && tag == its_tag);
            end
            if (ran && running) assert (tag == tag_before);
            if (ran) assert (running == !ended);
            if (m_valid) assert (running && ran && given != 2'd2 && m_last == given[0]);
            if (m_valid && its_own) assert (m_data == (given[0] ? payload[15:8] : payload[7:0]));
            assert (!fetching || m_valid);

            if (notice_valid && !noticed && notice_identity) begin
                assert (number >= REQUEST && age == JUDGED);
                if (at == REQUEST) assert (intact_request && tag == its_tag);
            end
            if (noticed) assert (notice_valid == !answered);
            if (noticed && notice_valid) assert ({notice_identity, notice_reason, tag} == notice);

            if (age == JUDGED && unbroken == SAMPLE && intact_sample) assert (running);
            if (age == JUDGED && unbroken == REQUEST && intact_request) assert (notice_valid && notice_identity);
        end
    end
endmodule
