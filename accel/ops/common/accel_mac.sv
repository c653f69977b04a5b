// PE x SIMD multiply-accumulate array: y[p] = init[p] + sum over beats and s of a[s] * w[p][s], modulo 2^OW.
// A beat starts with `fire`; first and done mark the beats of a sum, last the last sum of a sequence. Its a and w arrive
// two cycles later, and y leaves with m_valid 4 + TREE cycles later; TREE = ceil(log2(SIMD) / 2) registers, one for every
// two adder levels. `advance` tells one cycle before a sum's last beat is accumulated, so that the next init can be read.
module accel_mac #(
    parameter int PE = 1,
    parameter int SIMD = 1,
    parameter int AW = 8,
    parameter int WW = 4,
    parameter int OW = 16,
    parameter bit A_SIGNED = 1'b1,
    parameter bit W_SIGNED = 1'b1
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
    localparam int TREE = ($clog2(SIMD) + 1) / 2;
    localparam int PW = AW + WW + 1;
    localparam int TW = PW + $clog2(SIMD);
    localparam int STAGES = 3 + TREE;  // from fire to the accumulate stage

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

    for (genvar p = 0; p < PE; p++) begin : pe
        // level[k] holds ceil(SIMD / 4^k) partial sums
        logic signed [TW-1:0] level[TREE+1][SIMD];
        for (genvar s = 0; s < SIMD; s++) begin : multiply
            wire signed [AW:0] av = {A_SIGNED & a[s*AW+AW-1], a[s*AW+:AW]};
            wire signed [WW:0] wv = {W_SIGNED & w[(p*SIMD+s)*WW+WW-1], w[(p*SIMD+s)*WW+:WW]};
            always_ff @(posedge clk) level[0][s] <= TW'(av) * TW'(wv);
        end
        for (genvar k = 1; k <= TREE; k++) begin : sum
            localparam int FROM = (SIMD + 4 ** (k - 1) - 1) / 4 ** (k - 1);
            for (genvar s = 0; s < SIMD; s++) begin : group
                if (4 * s < FROM) begin : used
                    logic signed [TW-1:0] total;
                    always_comb begin
                        total = level[k-1][4*s];
                        for (int i = 1; i < 4; i++) if (4 * s + i < FROM) total = total + level[k-1][4*s+i];
                    end
                    always_ff @(posedge clk) level[k][s] <= total;
                end else begin : unused
                    assign level[k][s] = '0;
                end
            end
        end
        wire signed [OW-1:0] addend = OW'(level[TREE][0]);
        always_ff @(posedge clk) if (valid[STAGES]) y[p*OW+:OW] <= (firsts[STAGES] ? init[p*OW+:OW] : y[p*OW+:OW]) + addend;
    end
endmodule
