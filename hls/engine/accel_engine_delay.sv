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
    if (STAGES == 1) begin : one
        always_ff @(posedge clk) stages <= rst ? '0 : d;
    end else begin : more
        always_ff @(posedge clk) stages <= rst ? '0 : {stages[(STAGES-1)*WIDTH-1:0], d};
    end
endmodule
