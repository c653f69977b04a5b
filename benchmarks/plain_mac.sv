// What `accel_mac` is compared with: the same array written with `*` and a registered tree of `+`.
module plain_mac #(
    parameter int PE = 1,
    parameter int SIMD = 1,
    parameter int AW = 8,
    parameter int WW = 4,
    parameter int OW = 16
) (
    input  logic                  clk,
    input  logic                  rst,
    input  logic                  fire,
    input  logic                  first,
    input  logic                  done,
    input  logic                  last,
    input  logic [SIMD*AW-1:0]    a,
    input  logic [PE*SIMD*WW-1:0] w,
    input  logic [PE*OW-1:0]      init,
    output logic                  advance,
    output logic                  m_valid,
    output logic                  m_last,
    output logic [PE*OW-1:0]      y
);
    localparam int LEVELS = $clog2(SIMD), PW = AW + WW, STAGES = 3 + LEVELS;
    logic [STAGES:1] valid, firsts, dones, lasts;
    always_ff @(posedge clk) begin
        valid  <= rst ? '0 : {valid[STAGES-1:1], fire};
        firsts <= {firsts[STAGES-1:1], first};
        dones  <= {dones[STAGES-1:1], done};
        lasts  <= {lasts[STAGES-1:1], last};
        m_valid <= !rst && valid[STAGES] && dones[STAGES];
        m_last  <= lasts[STAGES];
    end
    assign advance = valid[STAGES-1] && dones[STAGES-1];
    for (genvar p = 0; p < PE; p++) begin : row
        logic signed [PW+LEVELS-1:0] level[LEVELS+1][SIMD];
        for (genvar s = 0; s < SIMD; s++) begin : term
            wire signed [AW-1:0] x = a[s*AW+:AW];
            wire signed [WW-1:0] v = w[(p*SIMD+s)*WW+:WW];
            logic signed [PW-1:0] product;
            always_ff @(posedge clk) product <= x * v;
            assign level[0][s] = (PW + LEVELS)'(product);
        end
        for (genvar k = 1; k <= LEVELS; k++) begin : sums
            for (genvar s = 0; s < SIMD >> k; s++) begin : pair
                logic signed [PW+k-1:0] sum;
                always_ff @(posedge clk) sum <= (PW + k)'(level[k-1][2*s]) + (PW + k)'(level[k-1][2*s+1]);
                assign level[k][s] = (PW + LEVELS)'(sum);
            end
        end
        always_ff @(posedge clk)
            if (valid[STAGES]) y[p*OW+:OW] <= (firsts[STAGES] ? init[p*OW+:OW] : y[p*OW+:OW]) + OW'(level[LEVELS][0]);
    end
endmodule
