// The program of a token and its loops. An instruction issues a beat per cycle (`fire`), the first one `gap` cycles after
// the last one of the instruction before; what belongs to the beat is on the other outputs in the same cycle.
//
//   op         step         word          inner          outer           top
//   LOAD                                                 block of X
//   NORM                                                 block of X
//   MATRIX     plane        word                         row block
//   SCORE      plane, side  word of head  query          key block       kv group
//   SOFT                    key block     query          bank            kv group
//   SHARE                   key block     query          bank            kv group
//   VALUE      plane        key word      channel block  query           kv group
//   END
//
// `live` tells beats of the array from steps in which scores of heads side by side leave. A word of the program holds,
// lowest first: op 4, gap, planes - 1, words - 1, rows - 1, source, target, and whatever others read (`rest`). `source`
// of a VALUE is the first block of values of its layer, `target` of a SCORE the first word of keys.
module accel_engine_sequencer #(
    parameter int PROGRAM = 16,
    parameter FILE = "program.hex",
    parameter int GW = 8,       // gap
    parameter int SW = 2,       // planes, steps
    parameter int CW = 8,       // every other counter
    parameter int AW = 8,       // addresses and indices
    parameter int RESTW = 40,
    parameter int PW = 4,       // position
    parameter int ROWS = 16,
    parameter int N = 16,
    parameter int BLOCKS = 1,   // of the residual stream
    parameter int KEY_PLANES = 2,
    parameter int VALUE_PLANES = 2,
    parameter int SIDE = 1,
    parameter int BANKS = 1,
    parameter int QUERIES = 1,
    parameter int KEY_GROUPS = 4,
    parameter int VALUE_GROUPS = 4,
    parameter int HEAD_WORDS = 1,
    parameter int HEAD_BLOCKS = 1,
    parameter bit ROUNDED = 1'b0  // what LOAD reads is rounded
) (
    input  logic             clk,
    input  logic             rst,
    input  logic             start,      // a token may begin
    input  logic             weights,    // the tape has a word
    input  logic             room,       // a token may leave
    input  logic [PW-1:0]    position,
    output logic             ready,      // the first instruction is there
    output logic             fire,
    output logic             early,      // a beat of NORM, of SHARE, or of a LOAD that is rounded
    output logic [3:0]       op,
    output logic [RESTW-1:0] rest,
    output logic [15:0]      number,     // of the instruction, for those who watch
    output logic             live,
    output logic             first,      // of a sum
    output logic             last,
    output logic             highest,    // digit of a number
    output logic [SW-1:0]    step,
    output logic [CW-1:0]    word,
    output logic             words_end,  // this is the last word, or key block
    output logic [CW-1:0]    outer,
    output logic [AW-1:0]    read,       // word of A; key word; block of values; group of shares
    output logic [AW-1:0]    key,
    output logic [AW-1:0]    group,
    output logic [AW-1:0]    head,
    output logic [AW-1:0]    index       // where the result goes
);
    localparam logic [3:0] LOAD = 0, NORM = 1, MATRIX = 2, SCORE = 3, SOFT = 4, SHARE = 5, VALUE = 6, END = 7;
    localparam int WIDTH = 4 + GW + SW + 2 * CW + 2 * AW + RESTW;
    localparam int PCW = $clog2(PROGRAM), STEPS = KEY_PLANES > SIDE ? KEY_PLANES : SIDE;
    localparam int SHIFT = $clog2(ROWS), WIDE = $clog2(N), RATIO = N / ROWS;
    logic [WIDTH-1:0] words[PROGRAM];
    initial $readmemh(FILE, words);

    logic [WIDTH-1:0] following;  // the next instruction
    logic [3:0] next_op;
    logic [GW-1:0] next_gap;
    logic [SW-1:0] next_planes;
    logic [CW-1:0] next_words, next_rows;
    logic [AW-1:0] next_source, next_target;
    logic [RESTW-1:0] next_rest;
    assign {next_rest, next_target, next_source, next_rows, next_words, next_planes, next_gap, next_op} = following;

    logic [PCW-1:0] place;
    logic [15:0] next_number;
    logic [1:0] primed;
    logic [GW-1:0] pause;
    logic paused, takes_weights, takes_token, takes_room, goes_early;  // of op: registers, as all wait for them
    logic [SW-1:0] steps_last, planes_last;
    logic [CW-1:0] words_last, inner_last, outer_last, top_last, inner, top;
    wire steps_end = step == steps_last, inner_end = inner == inner_last, outer_end = outer == outer_last;
    assign words_end = word == words_last;
    wire done = steps_end && words_end && inner_end && outer_end && top == top_last;
    assign ready = primed[1];
    assign fire = ready && !paused && (!takes_weights || weights) && (!takes_token || start) && (!takes_room || room);
    assign early = ready && !paused && goes_early && (!takes_token || start);
    wire advance = fire && done || !ready;
    assign highest = step == planes_last;
    assign first = step == '0 && word == '0;
    assign last = highest && words_end;
    assign live = fire && step <= planes_last && (op == MATRIX || op == SCORE || op == VALUE);

    // ---- instructions
    wire attention = next_op == SOFT || next_op == SHARE, attends = next_op == SCORE || next_op == VALUE || attention;
    always_ff @(posedge clk)
        if (rst) begin
            primed <= '0;
            place <= '0;
            pause <= '0;
            paused <= 1'b0;
        end else begin
            if (paused) begin
                pause <= pause - 1'b1;
                paused <= pause != GW'(1);
            end
            if (advance) begin
                primed <= {primed[0], 1'b1};
                following <= words[place];
                place <= place == PCW'(PROGRAM - 1) ? '0 : place + 1'b1;
                pause <= ready ? next_gap - 1'b1 : '0;
                paused <= ready && next_gap != GW'(1);
            end
        end
    always_ff @(posedge clk)
        if (advance) begin
            op <= next_op;
            takes_weights <= next_op == MATRIX;
            takes_token <= next_op == LOAD;
            takes_room <= next_op == END;
            goes_early <= next_op == NORM || next_op == SHARE || ROUNDED && next_op == LOAD;
            rest <= next_rest;
            number <= next_number;
            next_number <= 16'(place);
            planes_last <= next_op == SCORE ? SW'(KEY_PLANES - 1) : next_op == VALUE ? SW'(VALUE_PLANES - 1) : next_planes;
            steps_last <= next_op == SCORE ? SW'(STEPS - 1) : next_op == VALUE ? SW'(VALUE_PLANES - 1) : next_planes;
            words_last <= next_op == SCORE ? CW'(HEAD_WORDS - 1) : next_op == VALUE ? CW'(position >> WIDE)
                          : attention ? CW'(position >> WIDE) * CW'(RATIO) + CW'(RATIO - 1) : next_words;
            inner_last <= next_op == VALUE ? CW'(HEAD_BLOCKS - 1) : attends ? CW'(QUERIES - 1) : '0;
            outer_last <= next_op == SCORE ? CW'(position >> SHIFT) : next_op == VALUE ? CW'(QUERIES - 1)
                          : attention ? CW'(BANKS - 1) : next_op == LOAD || next_op == NORM ? CW'(BLOCKS - 1) : next_rows;
            top_last <= next_op == SCORE ? CW'(KEY_GROUPS - 1) : attends ? CW'(VALUE_GROUPS - 1) : '0;
        end

    // ---- loops, and what is counted beside them
    logic [AW-1:0] vector, vector_kept, block, group_kept, head_kept;
    assign read = op == VALUE ? block + AW'(inner) : vector + AW'(word);
    wire words_done = steps_end && words_end, inner_done = words_done && inner_end, outer_done = inner_done && outer_end;
    wire [AW-1:0] group_next = group + 1'b1;
    wire [AW-1:0] vector_next = vector + AW'(HEAD_WORDS);
    logic [AW-1:0] words_of_keys;
    assign key = words_of_keys + AW'(word);
    always_ff @(posedge clk)
        if (advance) begin
            {step, word, inner, outer, top, group, group_kept, head, head_kept} <= '0;
            vector <= next_source;
            vector_kept <= next_source;
            block <= next_source;
            words_of_keys <= next_target;
            index <= next_target;
        end else if (fire) begin
            step <= steps_end ? '0 : step + 1'b1;
            if (steps_end) word <= words_end ? '0 : word + 1'b1;
            if (words_done) begin
                inner <= inner_end ? '0 : inner + 1'b1;
                index <= index + 1'b1;
            end
            if (inner_done) outer <= outer_end ? '0 : outer + 1'b1;
            if (outer_done) begin
                top <= top + 1'b1;
                block <= block + AW'(HEAD_BLOCKS);
                words_of_keys <= words_of_keys + AW'(HEAD_WORDS);
            end
            if (op == VALUE) begin
                if (inner_done) group <= group_next;
            end else if (outer_done) begin  // the next kv group
                group <= group_next;
                group_kept <= group_next;
                if (op == SCORE) vector <= vector_next;
                vector_kept <= vector_next;
                head <= head_kept + AW'(SIDE * QUERIES);
                head_kept <= head_kept + AW'(SIDE * QUERIES);
            end else if (inner_done) begin  // the same queries again
                group <= group_kept;
                if (op == SCORE) vector <= vector_kept;
                head <= head_kept;
            end else if (words_done) begin  // the next query
                group <= group_next;
                if (op == SCORE) vector <= vector_next;
                head <= head + 1'b1;
            end
        end
endmodule
