// The buffer behind every unit, with credits: a unit takes a place when it starts work on a beat (take, only while
// room is set) and fills it when the beat leaves its pipeline (s_valid), so pipelines never stop and never overflow.
// A beat is visible two cycles after s_valid; a place is free the cycle after its beat left.
module accel_fifo #(
    parameter int WIDTH = 8,
    parameter int DEPTH = 16,
    parameter bit BLOCK = 1'b0
) (
    input  logic             clk,
    input  logic             rst,
    output logic             room,
    input  logic             take,
    input  logic             s_valid,
    input  logic [WIDTH-1:0] s_data,
    output logic             m_valid,
    input  logic             m_ready,
    output logic [WIDTH-1:0] m_data
);
    localparam int AW = DEPTH > 1 ? $clog2(DEPTH) : 1, CW = $clog2(DEPTH + 1);
    logic [CW-1:0] taken;            // places taken
    logic [AW:0] write_at, read_at;  // one bit more than an address: equal means empty
    logic [AW:0] write_next, read_next;
    for (genvar i = 0; i <= AW; i++) begin : count  // + 1 written out: a carry chain costs more than it saves here
        localparam logic [AW:0] ABOVE = {(AW + 1) {1'b1}} << i;
        assign write_next[i] = write_at[i] ^ (&(write_at | ABOVE));
        assign read_next[i]  = read_at[i] ^ (&(read_at | ABOVE));
    end
    wire leave = m_valid && m_ready;
    wire load = write_at != read_at && (!m_valid || m_ready);
    always_ff @(posedge clk)
        if (rst) begin
            room <= 1'b1;
            taken <= '0;
            write_at <= '0;
            read_at <= '0;
            m_valid <= 1'b0;
        end else begin
            if (take != leave) begin
                taken <= taken + (take ? CW'(1) : {CW{1'b1}});  // one adder for both ways
                room <= !take || taken != CW'(DEPTH - 1);
            end
            if (s_valid) write_at <= write_next;
            if (load) read_at <= read_next;
            m_valid <= load || (m_valid && !m_ready);
        end
    if (BLOCK) begin : block
        (* ram_style = "block", no_rw_check *) logic [WIDTH-1:0] memory[2**AW];
        always_ff @(posedge clk) begin
            if (s_valid) memory[write_at[AW-1:0]] <= s_data;
            if (load) m_data <= memory[read_at[AW-1:0]];
        end
    end else begin : distributed
        (* ram_style = "distributed" *) logic [WIDTH-1:0] memory[2**AW];
        always_ff @(posedge clk) begin
            if (s_valid) memory[write_at[AW-1:0]] <= s_data;
            if (load) m_data <= memory[read_at[AW-1:0]];
        end
    end
endmodule
