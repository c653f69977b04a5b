// Request frames out of a byte stream: finds the magic, checks type, length and CRC, keeps one payload.
//
// A sample reaches the core only after its CRC was found right: `running` rises, the payload leaves byte by
// byte on `m_*`, and the next frame is looked for after `finished`. Whatever else arrives is answered by a
// notice (`notice_valid` until `notice_ready`): an identity, or an error with its reason. After an error, and
// after TIMEOUT cycles of silence inside a frame, the search for the magic starts again. Bytes that arrive
// while a sample is running are dropped: the host waits for its answer.
module accel_frame_rx (
    input  logic       clk,
    input  logic       rst,
    input  logic       s_valid,
    input  logic [7:0] s_data,
    output logic       m_valid,
    input  logic       m_ready,
    output logic [7:0] m_data,
    output logic       m_last,
    output logic [31:0] tag,
    output logic       notice_valid,
    input  logic       notice_ready,
    output logic       notice_identity,
    output logic [7:0] notice_reason,
    output logic       running,
    input  logic       finished
);
    localparam int PAYLOAD = accel_board_pkg::PAYLOAD_IN;
    localparam int DEPTH = PAYLOAD < 8 ? 8 : PAYLOAD;  // the index also counts header and CRC bytes
    localparam int W = $clog2(DEPTH);
    localparam int T = $clog2(accel_board_pkg::TIMEOUT);
    localparam logic [W-1:0] LAST = W'(PAYLOAD - 1);
    localparam logic [T-1:0] SILENCE = T'(accel_board_pkg::TIMEOUT - 1);
    localparam logic [15:0] LENGTH = 16'(PAYLOAD);

    typedef enum logic [3:0] {HUNT, MAGIC, HEADER, BODY, CHECK, JUDGE, NOTICE, FETCH, GIVE, WAIT} state_t;
    state_t state;

    logic [7:0] memory[DEPTH];
    logic [W-1:0] index;
    logic [T-1:0] silence;
    logic sample, identify, length_low;
    logic crc_busy;
    logic [31:0] crc;

    wire in_frame = state == MAGIC || state == HEADER || state == BODY || state == CHECK;

    accel_crc32 #(
        .START(accel_board_pkg::CRC_AFTER_MAGIC)
    ) u_crc (
        .clk,
        .clear(state == HUNT || state == MAGIC),
        .valid(s_valid && in_frame),
        .data (s_data),
        .busy (crc_busy),
        .state(crc)
    );

    assign m_valid = state == GIVE;
    assign m_last = index == LAST;
    assign running = state == FETCH || state == GIVE || state == WAIT;
    assign notice_valid = state == NOTICE;

    always_ff @(posedge clk) begin
        if (s_valid && state == BODY) memory[index] <= s_data;
        m_data <= memory[index];
    end

    always_ff @(posedge clk) begin
        silence <= (s_valid || !in_frame) ? '0 : silence + 1'b1;
        case (state)
            HUNT: if (s_valid && s_data == accel_board_pkg::MAGIC_0) state <= MAGIC;
            MAGIC: begin
                index <= '0;
                tag <= '0;
                if (s_valid && s_data == accel_board_pkg::MAGIC_1) state <= HEADER;
                else if (s_valid && s_data != accel_board_pkg::MAGIC_0) state <= HUNT;
            end
            HEADER:
            if (s_valid) begin
                index <= index + 1'b1;
                case (index[2:0])
                    3'd0: begin
                        sample   <= s_data == accel_board_pkg::SAMPLE;
                        identify <= s_data == accel_board_pkg::IDENTIFY;
                    end
                    3'd1, 3'd2, 3'd3, 3'd4: tag <= {s_data, tag[31:8]};
                    3'd5: length_low <= s_data == (sample ? LENGTH[7:0] : 8'd0);
                    default: begin
                        index <= '0;
                        notice_identity <= 1'b0;
                        state <= sample ? BODY : CHECK;
                        if (!length_low || s_data != (sample ? LENGTH[15:8] : 8'd0)) begin
                            notice_reason <= accel_board_pkg::REASON_LENGTH;
                            state <= NOTICE;
                        end
                        if (!sample && !identify) begin
                            notice_reason <= accel_board_pkg::REASON_TYPE;
                            state <= NOTICE;
                        end
                    end
                endcase
            end
            BODY:
            if (s_valid) begin
                index <= m_last ? '0 : index + 1'b1;
                if (m_last) state <= CHECK;
            end
            CHECK:
            if (s_valid) begin
                index <= index + 1'b1;
                if (index[1:0] == 2'd3) state <= JUDGE;
            end
            JUDGE:
            if (!crc_busy) begin
                index <= '0;
                notice_identity <= crc == accel_board_pkg::CRC_RESIDUE;
                notice_reason <= accel_board_pkg::REASON_CRC;
                state <= (crc == accel_board_pkg::CRC_RESIDUE && sample) ? FETCH : NOTICE;
            end
            NOTICE: if (notice_ready) state <= HUNT;
            FETCH: state <= GIVE;
            GIVE:
            if (m_ready) begin
                index <= index + 1'b1;
                state <= m_last ? WAIT : FETCH;
            end
            WAIT: if (finished) state <= HUNT;
            default: state <= HUNT;
        endcase
        if (in_frame && !s_valid && silence == SILENCE) begin
            notice_identity <= 1'b0;
            notice_reason <= accel_board_pkg::REASON_TRUNCATED;
            state <= (state == MAGIC) ? HUNT : NOTICE;
        end
        if (rst) state <= HUNT;
    end
endmodule
