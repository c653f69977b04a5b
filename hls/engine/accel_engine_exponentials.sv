// shares = words[address], 0 where a key is not visible, for P lanes. Latency 1 + SLOW: with SLOW addresses have a
// register, which is a block RAM's own with BLOCK. Two lanes read one block RAM, each at a port of its own.
module accel_engine_exponentials #(
    parameter int P = 8,
    parameter int AW = 8,
    parameter int WIDTH = 7,
    parameter int DEPTH = 256,
    parameter bit SLOW = 1'b0,
    parameter bit BLOCK = 1'b0,
    parameter FILE = "exponentials.hex"
) (
    input  logic               clk,
    input  logic [P-1:0]       visible,
    input  logic [P*AW-1:0]    addresses,
    output logic [P*WIDTH-1:0] shares
);
    logic [P-1:0] seen;  // visible, when the words are there
    logic [P*WIDTH-1:0] found;
    if (SLOW) begin : slow
        always_ff @(posedge clk) seen <= visible;
    end else begin : fast
        assign seen = visible;
    end
    if (BLOCK) begin : block
        for (genvar l = 0; l < P; l += 2) begin : pair
            (* rom_style = "block" *) logic [WIDTH-1:0] words[DEPTH];
            initial $readmemh(FILE, words);
            logic [WIDTH-1:0] even;
            always_ff @(posedge clk) even <= words[addresses[l*AW+:AW]];
            assign found[l*WIDTH+:WIDTH] = even;
            if (l + 1 < P) begin : other
                logic [WIDTH-1:0] odd;
                always_ff @(posedge clk) odd <= words[addresses[(l+1)*AW+:AW]];
                assign found[(l+1)*WIDTH+:WIDTH] = odd;
            end
        end
    end else begin : logic_
        logic [P*AW-1:0] chosen;
        if (SLOW) begin : registered
            always_ff @(posedge clk) chosen <= addresses;
        end else begin : direct
            assign chosen = addresses;
        end
        for (genvar l = 0; l < P; l++) begin : lane
            (* rom_style = "logic" *) logic [WIDTH-1:0] words[DEPTH];
            initial $readmemh(FILE, words);
            assign found[l*WIDTH+:WIDTH] = words[chosen[l*AW+:AW]];
        end
    end
    always_ff @(posedge clk)
        for (int l = 0; l < P; l++) shares[l*WIDTH+:WIDTH] <= seen[l] ? found[l*WIDTH+:WIDTH] : '0;
endmodule
