// A memory with a port to write and a port to read: word(t + 1) = memory[read](t).
// Nobody reads what is written in the same cycle; the schedule of the engine sees to it.
module accel_engine_memory #(
    parameter int WIDTH = 8,
    parameter int DEPTH = 16,
    parameter bit BLOCK = 1'b0,  // block RAM instead of look-up tables
    localparam int AW = DEPTH > 1 ? $clog2(DEPTH) : 1
) (
    input  logic             clk,
    input  logic             write,
    input  logic [AW-1:0]    target,
    input  logic [WIDTH-1:0] data,
    input  logic [AW-1:0]    read,
    output logic [WIDTH-1:0] word
);
    if (BLOCK) begin : block
        (* ram_style = "block", no_rw_check *) logic [WIDTH-1:0] words[DEPTH];
        always_ff @(posedge clk) begin
            if (write) words[target] <= data;
            word <= words[read];
        end
    end else begin : distributed
        (* ram_style = "distributed", no_rw_check *) logic [WIDTH-1:0] words[DEPTH];
        always_ff @(posedge clk) begin
            if (write) words[target] <= data;
            word <= words[read];
        end
    end
endmodule
