// Between a serial line and a core: framed requests in, samples to the core, results framed out.
// One request at a time; see boards/protocol.py for the frames.
module accel_shell (
    input  logic clk,
    input  logic rst,
    input  logic rx,
    output logic tx,
    output logic running,
    output logic core_s_valid,
    input  logic core_s_ready,
    output logic [accel_board_pkg::IN_LANES*accel_board_pkg::IN_WIDTH-1:0] core_s_data,
    output logic core_s_last,
    input  logic core_m_valid,
    output logic core_m_ready,
    input  logic [accel_board_pkg::OUT_LANES*accel_board_pkg::OUT_WIDTH-1:0] core_m_data,
    input  logic core_m_last
);
    logic rx_valid, in_valid, in_ready, in_last, out_valid, out_ready, out_last, tx_valid, tx_ready;
    logic [7:0] rx_data, in_data, out_data, tx_data, notice_reason;
    logic [31:0] tag;
    logic notice_valid, notice_ready, notice_identity, finished;

    accel_uart_rx #(
        .CLOCKS_PER_BIT(accel_board_pkg::CLOCKS_PER_BIT)
    ) u_rx (
        .clk,
        .rst,
        .rx,
        .valid(rx_valid),
        .data (rx_data)
    );

    accel_frame_rx u_request (
        .clk,
        .rst,
        .s_valid(rx_valid),
        .s_data (rx_data),
        .m_valid(in_valid),
        .m_ready(in_ready),
        .m_data (in_data),
        .m_last (in_last),
        .tag,
        .notice_valid,
        .notice_ready,
        .notice_identity,
        .notice_reason,
        .running,
        .finished
    );

    accel_unpack #(
        .LANES(accel_board_pkg::IN_LANES),
        .WIDTH(accel_board_pkg::IN_WIDTH),
        .BYTES(accel_board_pkg::IN_BYTES)
    ) u_unpack (
        .clk,
        .rst,
        .s_valid(in_valid),
        .s_ready(in_ready),
        .s_data (in_data),
        .s_last (in_last),
        .m_valid(core_s_valid),
        .m_ready(core_s_ready),
        .m_data (core_s_data),
        .m_last (core_s_last)
    );

    accel_pack #(
        .LANES (accel_board_pkg::OUT_LANES),
        .WIDTH (accel_board_pkg::OUT_WIDTH),
        .SIGNED(accel_board_pkg::OUT_SIGNED),
        .BYTES (accel_board_pkg::OUT_BYTES)
    ) u_pack (
        .clk,
        .rst,
        .s_valid(core_m_valid),
        .s_ready(core_m_ready),
        .s_data (core_m_data),
        .s_last (core_m_last),
        .m_valid(out_valid),
        .m_ready(out_ready),
        .m_data (out_data),
        .m_last (out_last)
    );

    accel_frame_tx u_answer (
        .clk,
        .rst,
        .notice_valid,
        .notice_ready,
        .notice_identity,
        .notice_reason,
        .tag,
        .running,
        .finished,
        .s_valid(out_valid),
        .s_ready(out_ready),
        .s_data (out_data),
        .s_last (out_last),
        .m_valid(tx_valid),
        .m_ready(tx_ready),
        .m_data (tx_data)
    );

    accel_uart_tx #(
        .CLOCKS_PER_BIT(accel_board_pkg::CLOCKS_PER_BIT)
    ) u_tx (
        .clk,
        .rst,
        .valid(tx_valid),
        .ready(tx_ready),
        .data (tx_data),
        .tx
    );
endmodule
