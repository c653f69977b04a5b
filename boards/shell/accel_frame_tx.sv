// Answer frames: header, payload and CRC-32 of a result, an identity or an error, as a byte stream.
//
// A notice (identity or error) is taken when nothing is being sent; a result starts with its first byte on
// `s_*` while `running`, and `finished` is high when its last CRC byte leaves.
module accel_frame_tx (
    input  logic       clk,
    input  logic       rst,
    input  logic       notice_valid,
    output logic       notice_ready,
    input  logic       notice_identity,
    input  logic [7:0] notice_reason,
    input  logic [31:0] tag,
    input  logic       running,
    output logic       finished,
    input  logic       s_valid,
    output logic       s_ready,
    input  logic [7:0] s_data,
    input  logic       s_last,
    output logic       m_valid,
    input  logic       m_ready,
    output logic [7:0] m_data
);
    typedef enum logic [1:0] {IDLE, HEADER, PAYLOAD, CHECK} state_t;
    typedef enum logic [1:0] {RESULT, IDENTITY, ERROR} kind_t;
    state_t state;
    kind_t kind;

    logic [3:0] index;
    logic [31:0] tag_kept;
    logic [7:0] reason;
    logic crc_busy;
    logic [31:0] crc;

    wire sent = m_valid && m_ready;
    wire [15:0] length = (kind == RESULT) ? 16'(accel_board_pkg::PAYLOAD_OUT) : (kind == IDENTITY) ? 16'd8 : 16'd1;
    wire [7:0] code = (kind == RESULT) ? accel_board_pkg::RESULT
                    : (kind == IDENTITY) ? accel_board_pkg::IDENTITY : accel_board_pkg::ERROR;
    wire own_last = (kind == ERROR) || index == 4'd7;

    accel_crc32 #(
        .START(accel_board_pkg::CRC_AFTER_MAGIC)
    ) u_crc (
        .clk,
        .clear(state == IDLE || (state == HEADER && index < 4'd2)),
        .valid(sent && state != CHECK),
        .data (m_data),
        .busy (crc_busy),
        .state(crc)
    );

    always_comb begin
        m_valid = !crc_busy && state != IDLE;
        m_data  = s_data;
        case (state)
            HEADER:
            case (index)
                4'd0: m_data = accel_board_pkg::MAGIC_0;
                4'd1: m_data = accel_board_pkg::MAGIC_1;
                4'd2: m_data = code;
                4'd3: m_data = tag_kept[7:0];
                4'd4: m_data = tag_kept[15:8];
                4'd5: m_data = tag_kept[23:16];
                4'd6: m_data = tag_kept[31:24];
                4'd7: m_data = length[7:0];
                default: m_data = length[15:8];
            endcase
            PAYLOAD:
            if (kind == RESULT) m_valid = !crc_busy && s_valid;
            else m_data = (kind == ERROR) ? reason : accel_board_pkg::DESIGN_ID[8*index[2:0]+:8];
            CHECK: m_data = ~crc[8*index[1:0]+:8];
            default: ;
        endcase
    end

    assign s_ready = state == PAYLOAD && kind == RESULT && !crc_busy && m_ready;
    assign notice_ready = state == IDLE;
    assign finished = state == CHECK && kind == RESULT && sent && index == 4'd3;

    always_ff @(posedge clk) begin
        if (sent) index <= index + 1'b1;
        case (state)
            IDLE: begin
                index <= '0;
                tag_kept <= tag;
                reason <= notice_reason;
                kind <= !notice_valid ? RESULT : notice_identity ? IDENTITY : ERROR;
                if (notice_valid || (running && s_valid)) state <= HEADER;
            end
            HEADER:
            if (sent && index == 4'd8) begin
                index <= '0;
                state <= PAYLOAD;
            end
            PAYLOAD:
            if (sent && (kind == RESULT ? s_last : own_last)) begin
                index <= '0;
                state <= CHECK;
            end
            CHECK: if (sent && index == 4'd3) state <= IDLE;
        endcase
        if (rst) state <= IDLE;
    end
endmodule
