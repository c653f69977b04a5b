// Sums of N products in levels of four, a register each: the total, and with CUT > 0 those of every CUT neighbours.
// Latency ceil(log4(N)) for both.
module accel_engine_tree #(
    parameter int N = 16,
    parameter int CUT = 0,
    parameter int XW = 13,
    parameter int W = 17,
    localparam int PARTS = CUT > 0 ? N / CUT : 1
) (
    input  logic               clk,
    input  logic [N*XW-1:0]    terms,
    output logic [W-1:0]       total,
    output logic [PARTS*W-1:0] parts
);
    localparam int LEVELS = ($clog2(N) + 1) / 2;
    localparam int M = (N + 3) / 4;
    localparam bit HERE = CUT > 0 && (CUT <= 4 || N <= 4);  // the parts are sums of this level
    logic [M*W-1:0] fours;
    for (genvar i = 0; i < M; i++) begin : four
        logic signed [W-1:0] sum, registered;
        always_comb begin
            sum = '0;
            for (int k = 4 * i; k < 4 * i + 4; k++) if (k < N) sum = sum + W'($signed(terms[k*XW+:XW]));
        end
        always_ff @(posedge clk) registered <= sum;
        assign fours[i*W+:W] = registered;
    end
    if (HERE) begin : own
        logic [PARTS*W-1:0] sums;
        if (CUT == 4) begin : whole
            assign sums = fours;
        end else begin : pieces
            for (genvar p = 0; p < PARTS; p++) begin : part
                logic signed [W-1:0] sum, registered;
                always_comb begin
                    sum = '0;
                    for (int k = p * CUT; k < (p + 1) * CUT; k++) sum = sum + W'($signed(terms[k*XW+:XW]));
                end
                always_ff @(posedge clk) registered <= sum;
                assign sums[p*W+:W] = registered;
            end
        end
        if (LEVELS == 1) begin : now
            assign parts = sums;
        end else begin : later
            logic [(LEVELS-1)*PARTS*W-1:0] line;
            accel_engine_delay #(.WIDTH(PARTS * W), .STAGES(LEVELS - 1)) wait_
                (.clk, .rst(1'b0), .d(sums), .stages(line));
            assign parts = line[(LEVELS-2)*PARTS*W+:PARTS*W];
        end
    end
    if (M == 1) begin : root
        assign total = fours;
        if (!HERE) begin : none
            assign parts = '0;
        end
    end else begin : node
        logic [(CUT>0&&!HERE?PARTS:1)*W-1:0] below;
        accel_engine_tree #(.N(M), .CUT(CUT > 0 && !HERE ? CUT / 4 : 0), .XW(W), .W(W)) next
            (.clk, .terms(fours), .total, .parts(below));
        if (CUT > 0 && !HERE) begin : deeper
            assign parts = below;
        end else if (!HERE) begin : none
            assign parts = below;
        end else begin : unused_parts
            logic unused;
            assign unused = ^below;
        end
    end
endmodule
