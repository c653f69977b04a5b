// Between AXI4-Stream and a core: lanes are cut from, and extended to, whole bytes; samples are counted by their beats.
// No latency and no registers in the data path.
//
// s_tlast: may come with the last beat of any sample, or not at all. With any other beat it breaks the sample: from
// then on nothing is taken until the next reset (`broken`); the samples before it still come out, this one never does.
// A reset ends both streams in the middle: m_tvalid may fall without a handshake, so reset the DMA together with it.
// m_tlast: with the last beat of every `packet`-th sample (0 counts as 1); change `packet` only while not `busy`.
module accel_axi_stream #(
    parameter int IN_LANES = 1,
    parameter int IN_WIDTH = 8,
    parameter int IN_BYTES = 1,  // of one element
    parameter int IN_BEATS = 1,  // of one sample
    parameter int OUT_LANES = 1,
    parameter int OUT_WIDTH = 8,
    parameter int OUT_BYTES = 1,
    parameter bit OUT_SIGNED = 1
) (
    input  logic clk,
    input  logic rst,
    input  logic s_tvalid,
    output logic s_tready,
    input  logic [IN_LANES*IN_BYTES*8-1:0] s_tdata,
    input  logic s_tlast,
    output logic m_tvalid,
    input  logic m_tready,
    output logic [OUT_LANES*OUT_BYTES*8-1:0] m_tdata,
    output logic m_tlast,
    output logic core_s_valid,
    input  logic core_s_ready,
    output logic [IN_LANES*IN_WIDTH-1:0] core_s_data,
    output logic core_s_last,
    input  logic core_m_valid,
    output logic core_m_ready,
    input  logic [OUT_LANES*OUT_WIDTH-1:0] core_m_data,
    input  logic core_m_last,
    input  logic [31:0] packet,
    output logic busy,
    output logic broken,
    output logic [31:0] samples_in,
    output logic [31:0] samples_out
);
    localparam int BW = (IN_BEATS > 1) ? $clog2(IN_BEATS) : 1;

    logic [BW-1:0] beat;   // of the sample that is coming in
    logic [31:0] done;     // samples of the packet that is going out
    logic taken, given, open;

    assign open = !rst && !broken;
    assign core_s_valid = s_tvalid && open;
    assign s_tready = core_s_ready && open;
    assign core_s_last = beat == BW'(IN_BEATS - 1);
    assign m_tvalid = core_m_valid && !rst;
    assign core_m_ready = m_tready && !rst;
    assign m_tlast = core_m_last && done + 32'd1 >= packet;
    assign taken = core_s_valid && core_s_ready;
    assign given = m_tvalid && m_tready;
    assign busy = beat != '0 || samples_in != samples_out;

    for (genvar lane = 0; lane < IN_LANES; lane++) begin : g_in
        assign core_s_data[lane*IN_WIDTH+:IN_WIDTH] = s_tdata[lane*IN_BYTES*8+:IN_WIDTH];
        if (IN_WIDTH < IN_BYTES * 8) begin : g_high
            logic unused_high;  // what the host put above the element
            assign unused_high = &{1'b0, s_tdata[lane*IN_BYTES*8+IN_WIDTH+:IN_BYTES*8-IN_WIDTH]};
        end
    end
    for (genvar lane = 0; lane < OUT_LANES; lane++) begin : g_out
        always_comb begin
            m_tdata[lane*OUT_BYTES*8+:OUT_BYTES*8] = {OUT_BYTES * 8{OUT_SIGNED && core_m_data[(lane+1)*OUT_WIDTH-1]}};
            m_tdata[lane*OUT_BYTES*8+:OUT_WIDTH] = core_m_data[lane*OUT_WIDTH+:OUT_WIDTH];
        end
    end

    always_ff @(posedge clk)
        if (rst) begin
            beat <= '0;
            done <= '0;
            broken <= 1'b0;
            samples_in <= '0;
            samples_out <= '0;
        end else begin
            if (taken) begin
                beat <= core_s_last ? '0 : beat + 1'b1;
                broken <= s_tlast && !core_s_last;
                if (core_s_last) samples_in <= samples_in + 1'b1;
            end
            if (given && core_m_last) begin
                done <= m_tlast ? '0 : done + 1'b1;
                samples_out <= samples_out + 1'b1;
            end
        end
endmodule
