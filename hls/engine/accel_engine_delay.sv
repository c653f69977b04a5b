// A line of STAGES registers: bits i * WIDTH and up of `stages` are what went in i + 1 cycles ago.
module accel_engine_delay #(
    parameter int WIDTH = 8,
    parameter int STAGES = 2
) (
    input  logic                    clk,
    input  logic                    rst,
    input  logic [WIDTH-1:0]        d,
    output logic [STAGES*WIDTH-1:0] stages
);
    for (genvar i = 0; i < STAGES; i++) begin : stage
        logic [WIDTH-1:0] now;
        assign stages[i*WIDTH+:WIDTH] = now;
        if (i == 0) begin : first
            always_ff @(posedge clk) now <= rst ? '0 : d;
        end else begin : later
            always_ff @(posedge clk) now <= rst ? '0 : stages[(i-1)*WIDTH+:WIDTH];
        end
    end
endmodule
