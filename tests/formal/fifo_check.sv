// accel_fifo against its contract, for every pattern of takes, fills and reads.
//
// A model counts beats: taken places, filled places, beats that left. The beat number `watched` (any) carries its data
// from one end to the other, so all of them do, in order. VISIBLE and FREE bound how late a beat or a place shows.
module fifo_check #(
    parameter int WIDTH = 1,
    parameter int DEPTH = 2,
    parameter bit BLOCK = 1'b0,
    parameter int VISIBLE = 2,
    parameter int FREE = 1
) (
    input logic             clk,
    input logic             take,
    input logic             s_valid,
    input logic [WIDTH-1:0] s_data,
    input logic             m_ready
);
    logic room, m_valid, rst;
    logic [WIDTH-1:0] m_data;
    logic [3:0] taken, filled, left;
    logic [3:0] waiting, free;  // cycles since a beat could have shown, since a place could have
    logic [WIDTH-1:0] watched_data, m_data_before;
    logic m_waited;
    (* anyconst *) logic [3:0] watched;

    accel_fifo #(.WIDTH(WIDTH), .DEPTH(DEPTH), .BLOCK(BLOCK)) dut (.*);

    initial rst = 1'b1;
    initial {taken, filled, left, waiting, free, m_waited} = '0;

    wire in = s_valid && !rst, out = m_valid && m_ready && !rst;

    always_ff @(posedge clk) begin
        rst <= 1'b0;
        taken <= taken + 4'(take && !rst);
        filled <= filled + 4'(in);
        left <= left + 4'(out);
        if (in && filled == watched) watched_data <= s_data;
        waiting <= (rst || filled == left || m_valid) ? '0 : waiting + 1'b1;
        free <= (rst || taken - left >= 4'(DEPTH) || room) ? '0 : free + 1'b1;
        m_waited <= m_valid && !m_ready && !rst;
        m_data_before <= m_data;
    end

    always_comb begin
        assume (!rst || !(take || s_valid));
        assume (!take || room);  // a unit takes a place only where there is room
        assume (!s_valid || filled != taken);  // and fills only a place that it has taken
        if (!rst) begin
            assert (taken - left <= 4'(DEPTH));  // never more beats than places
            assert (!m_valid || filled != left);  // nothing shows that was not filled in
            assert (!m_valid || left != watched || m_data == watched_data);  // the same data, in the same order
            assert (!m_waited || (m_valid && m_data == m_data_before));  // a beat waits for its reader
            assert (waiting < 4'(VISIBLE));
            assert (free < 4'(FREE));
        end
    end
endmodule
