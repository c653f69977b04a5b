// The residual stream: BLOCKS blocks of LANES channels, and the sums over all of them that a norm needs.
//
//   a block is written     `valid` with index and data: as it is, or with `add` what was read, x, and `more`, which are
//                          added and clipped to LO..HI. A block that is loaded never passes the adder
//   one cycle later        it is in a register, which goes into the memory: it can be read one cycle after that
//   2 + LEVELS later       with the last block, `summed`: v is complete; FORM 1: one cycle later, FORM 2: 3, FORM 3: 5
//
// x(t + 1) is block `read` of cycle t. LEVELS = max(1, ceil(log4(LANES))), n = CHANNELS.
// FORM 0: v = sum x^2 + OFFSET, u = x; 1: v = n sum x^2 + OFFSET, u = n x; 2: v = n sum x^2 - (sum x)^2 + OFFSET,
// u = n x - sum x; 3: v = sum u^2 + OFFSET, u = x - mean, the mean rounded by MEAN_ as `accel_engine_rescale` does it.
// u is of x as it is read.
module accel_engine_stream #(
    parameter int LANES = 16,
    parameter int BLOCKS = 1,
    parameter int CHANNELS = 16,
    parameter int WIDTH = 16,
    parameter int YW = 16,             // of what is added, at least WIDTH
    parameter int FORM = 0,
    parameter longint OFFSET = 64'sd0,
    parameter longint LO = -64'sd32768,
    parameter longint HI = 64'sd32767,
    parameter int VW = 36,
    parameter int UW = 16,
    parameter longint MEAN_MULTIPLIER = 64'sd1,
    parameter int MEAN_SHIFT = 4,
    parameter int MEAN_MODE = 1,
    parameter longint MEAN_LO = -64'sd32768,
    parameter longint MEAN_HI = 64'sd32767,
    parameter bit BLOCK_RAM = 1'b0,
    localparam int IW = BLOCKS > 1 ? $clog2(BLOCKS) : 1
) (
    input  logic                   clk,
    input  logic                   rst,
    input  logic                   valid,
    input  logic                   add,
    input  logic [IW-1:0]          index,
    input  logic [LANES*WIDTH-1:0] data,
    input  logic [LANES*YW-1:0]    more,
    input  logic [IW-1:0]          read,
    output logic [LANES*WIDTH-1:0] x,
    output logic [LANES*UW-1:0]    u,
    output logic [LANES*WIDTH-1:0] kept,  // what was written last
    output logic                   summed,
    output logic [VW-1:0]          v
);
    localparam int LEVELS = LANES > 4 ? ($clog2(LANES) + 1) / 2 : 1;
    localparam int TW = YW + 1, QW = 2 * WIDTH, SW = QW + $clog2(LANES);
    localparam logic signed [TW:0] LEAST = (TW + 1)'(LO), MOST = (TW + 1)'(HI);
    logic came;
    logic [IW-1:0] place;
    logic [LANES*WIDTH-1:0] fresh;
    accel_engine_memory #(.WIDTH(LANES * WIDTH), .DEPTH(BLOCKS), .BLOCK(BLOCK_RAM)) memory
        (.clk, .write(came), .target(place), .data(fresh), .read, .word(x));
    assign kept = fresh;
    logic [LANES*QW-1:0] squares;
    for (genvar l = 0; l < LANES; l++) begin : lane
        wire signed [YW-1:0] y = more[l*YW+:YW];
        wire signed [WIDTH-1:0] old = x[l*WIDTH+:WIDTH];
        wire signed [TW:0] sum = (TW + 1)'(y) + (TW + 1)'(old);
        logic signed [WIDTH-1:0] written;
        logic [QW-1:0] square;
        always_ff @(posedge clk) begin
            written <= !add ? data[l*WIDTH+:WIDTH]
                       : sum < LEAST ? LEAST[WIDTH-1:0] : sum > MOST ? MOST[WIDTH-1:0] : sum[WIDTH-1:0];
            square <= QW'(written) * QW'(written);
        end
        assign fresh[l*WIDTH+:WIDTH] = written;
        assign squares[l*QW+:QW] = square;
    end

    // ---- sums over the channels
    logic [LEVELS:0] firsts, lasts, valids;
    always_ff @(posedge clk) begin
        came   <= valid && !rst;
        place  <= index;
        valids <= rst ? '0 : {valids[LEVELS-1:0], came};
        firsts <= {firsts[LEVELS-1:0], place == '0};
        lasts  <= {lasts[LEVELS-1:0], place == IW'(BLOCKS - 1)};
    end
    wire now = valids[LEVELS], begins = firsts[LEVELS], ends = now && lasts[LEVELS];
    // the last four sums of squares go right into the total, so that a root begins with a register
    logic [4*SW-1:0] fours;
    accel_engine_sums #(.N(LANES), .XW(QW), .W(SW)) adders (.clk, .terms(squares), .sums(fours));
    logic [VW-1:0] total;
    localparam logic [VW-1:0] START = FORM == 0 ? VW'(OFFSET) : '0;
    wire [VW-1:0] low = VW'(fours[0+:SW]) + VW'(fours[SW+:SW]), high = VW'(fours[2*SW+:SW]) + VW'(fours[3*SW+:SW]);
    always_ff @(posedge clk)
        if (valids[LEVELS-1]) total <= (firsts[LEVELS-1] ? START : total) + (low + high);
    if (FORM == 0) begin : lengths
        assign summed = ends;
        wire unused = begins;
        assign v = total;
        for (genvar l = 0; l < LANES; l++) begin : plain
            assign u[l*UW+:UW] = UW'($signed(x[l*WIDTH+:WIDTH]));
        end
    end else if (FORM == 1) begin : scaled
        wire unused = begins;
        logic done;
        logic [VW-1:0] root_of;
        always_ff @(posedge clk) begin
            done    <= ends && !rst;
            root_of <= total * VW'(CHANNELS) + VW'(OFFSET);
        end
        assign summed = done;
        assign v = root_of;
        for (genvar l = 0; l < LANES; l++) begin : times
            assign u[l*UW+:UW] = UW'($signed(x[l*WIDTH+:WIDTH])) * UW'(CHANNELS);
        end
    end else begin : centred
        localparam int MW = WIDTH + $clog2(CHANNELS) + 1;
        logic [LANES*WIDTH-1:0] terms;
        logic [MW-1:0] some, no_more;
        logic signed [MW-1:0] sum, sum_before;
        logic [VW-1:0] squares_total;
        logic done;
        always_ff @(posedge clk) terms <= fresh;
        accel_engine_tree #(.N(LANES), .XW(WIDTH), .W(MW)) adder (.clk, .terms, .total(some), .parts(no_more));
        assign sum = (begins ? '0 : sum_before) + some;
        always_ff @(posedge clk) if (now) sum_before <= sum;
        if (FORM == 2) begin : layer
            logic signed [MW-1:0] centre;  // sum of all channels, while others come
            logic [2:0] steps;
            logic [VW-1:0] product, later, difference;
            always_ff @(posedge clk) begin
                steps <= rst ? '0 : {steps[1:0], ends};
                if (ends) centre <= sum;
                squares_total <= total * VW'(CHANNELS) + VW'(OFFSET);
                later         <= squares_total;
                product       <= VW'(centre) * VW'(centre);
                difference    <= later - product;
            end
            assign done = steps[2];
            assign v = difference;
            for (genvar l = 0; l < LANES; l++) begin : less_sum
                assign u[l*UW+:UW] = UW'($signed(x[l*WIDTH+:WIDTH])) * UW'(CHANNELS) - UW'(centre);
            end
        end else begin : mean
            logic signed [WIDTH-1:0] average;
            assign squares_total = total;
            accel_engine_mean #(
                .CHANNELS(CHANNELS), .TW(MW), .SW(VW), .MULTIPLIER(MEAN_MULTIPLIER), .SHIFT(MEAN_SHIFT),
                .MODE(MEAN_MODE), .LO(MEAN_LO), .HI(MEAN_HI), .MW(WIDTH), .OFFSET(OFFSET), .VW(VW)
            ) averages (.clk, .rst, .valid(ends), .total(sum), .squares(squares_total), .mean(average), .done, .v);
            for (genvar l = 0; l < LANES; l++) begin : less_mean
                assign u[l*UW+:UW] = UW'($signed(x[l*WIDTH+:WIDTH])) - UW'(average);
            end
        end
        assign summed = done;
        logic unused_sum;
        assign unused_sum = ^no_more;
    end
endmodule
