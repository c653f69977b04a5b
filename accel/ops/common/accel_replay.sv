// The beats of a row, read once from the stream and replayed: the first of PASSES passes takes them as they come,
// the others repeat them from a buffer. One beat per `fire`; x is valid two cycles later, like a word of accel_rom.
module accel_replay #(
    parameter int WIDTH = 8,
    parameter int BEATS = 4,
    parameter int PASSES = 4,
    localparam int BW = BEATS > 1 ? $clog2(BEATS) : 1,
    localparam int PW = PASSES > 1 ? $clog2(PASSES) : 1
) (
    input  logic             clk,
    input  logic             rst,
    input  logic             fire,
    output logic             taking,       // this pass takes its beats from the stream
    output logic [BW-1:0]    beat,
    output logic [PW-1:0]    pass,
    output logic             beat_last,    // last beat of a pass
    output logic             row_last,     // last beat of the last pass
    input  logic [WIDTH-1:0] s_data,
    output logic [WIDTH-1:0] x
);
    assign taking    = PASSES == 1 || pass == '0;
    assign beat_last = BEATS == 1 || beat == BW'(BEATS - 1);
    assign row_last  = beat_last && (PASSES == 1 || pass == PW'(PASSES - 1));
    always_ff @(posedge clk) begin
        if (rst) begin
            beat <= '0;
            pass <= '0;
        end else if (fire) begin
            beat <= beat_last ? '0 : beat + 1'b1;
            if (beat_last) pass <= row_last ? '0 : pass + 1'b1;
        end
    end
    if (PASSES == 1) begin : once
        logic [WIDTH-1:0] x1;
        always_ff @(posedge clk) begin
            x1 <= s_data;
            x  <= x1;
        end
    end else begin : buffered  // every beat is read from the buffer the cycle after it was written or would have been
        (* ram_style = "distributed", no_rw_check *) logic [WIDTH-1:0] row[BEATS];
        logic [BW-1:0] place;
        always_ff @(posedge clk) begin
            if (fire && taking) row[beat] <= s_data;
            place <= beat;
            x <= row[place];
        end
    end
endmodule
