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
//
// A word is fetched, then becomes the ends of its loops (`next_`), then issues. What ends in a beat is known in the beat
// before (`_end`), so that registers alone say that an instruction is done. `position` is that of the token from the beat
// of its LOAD on: no loop of the first two instructions depends on it.
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
    output logic             matrix,     // op is MATRIX
    output logic             attends,    // op is SCORE or VALUE
    output logic [AW-1:0]    read,       // word of A
    output logic [AW-1:0]    key,        // word of keys
    output logic [AW-1:0]    block,      // block of values
    output logic [AW-1:0]    group,      // of shares
    output logic [AW-1:0]    head,
    output logic [AW-1:0]    index       // where the result goes
);
    localparam logic [3:0] LOAD = 0, NORM = 1, MATRIX = 2, SCORE = 3, SOFT = 4, SHARE = 5, VALUE = 6, END = 7, BLOCK = 8;
    localparam int WIDTH = 4 + GW + SW + 2 * CW + 2 * AW + RESTW;
    localparam int PCW = $clog2(PROGRAM), STEPS = KEY_PLANES > SIDE ? KEY_PLANES : SIDE;
    localparam int SHIFT = $clog2(ROWS), WIDE = $clog2(N), RATIO = N / ROWS;
    logic [WIDTH-1:0] words[PROGRAM];
    initial $readmemh(FILE, words);

    logic [WIDTH-1:0] fetched;
    logic [3:0] new_op;
    logic [GW-1:0] new_gap;
    logic [SW-1:0] new_planes;
    logic [CW-1:0] new_words, new_rows;
    logic [AW-1:0] new_source, new_target;
    logic [RESTW-1:0] new_rest;
    assign {new_rest, new_target, new_source, new_rows, new_words, new_planes, new_gap, new_op} = fetched;

    logic [PCW-1:0] place;
    logic [2:0] primed;
    logic [GW-1:0] pause;
    logic paused, takes_token, takes_room, goes_early;  // of op: registers, as all wait for them
    logic [SW-1:0] steps_last, planes_last;
    logic [CW-1:0] words_last, inner_last, outer_last, top_last, inner, top;
    logic steps_end, inner_end, outer_end, top_end;
    wire done = steps_end && words_end && inner_end && outer_end && top_end;
    assign ready = primed[2];
    assign fire = !paused && (!matrix || weights) && (!takes_token || start) && (!takes_room || room);
    assign early = !paused && goes_early && (!takes_token || start);
    wire advance = fire && done || !ready;
    assign highest = step == planes_last;
    assign first = step == '0 && word == '0;
    assign last = highest && words_end;
    assign live = fire && step <= planes_last && (matrix || attends);

    // ---- a word of the program, and the ends of its loops
    logic [3:0] next_op;
    logic [GW-1:0] next_pause;
    logic next_paused;
    logic [SW-1:0] next_steps, next_planes;
    logic [CW-1:0] next_words, next_inner, next_outer, next_top;
    logic [AW-1:0] next_source, next_target;
    logic [RESTW-1:0] next_rest;
    logic [15:0] fetched_number, next_number;
    wire scores = new_op == SCORE, values = new_op == VALUE, attention = new_op == SOFT || new_op == SHARE;
    always_ff @(posedge clk)
        if (advance) begin
            fetched <= words[place];
            fetched_number <= 16'(place);
            next_number <= fetched_number;
            {next_op, next_source, next_target, next_rest} <= {new_op, new_source, new_target, new_rest};
            next_pause <= new_gap - 1'b1;
            next_paused <= new_gap != GW'(1);
            next_planes <= scores ? SW'(KEY_PLANES - 1) : values ? SW'(VALUE_PLANES - 1) : new_planes;
            next_steps <= scores ? SW'(STEPS - 1) : values ? SW'(VALUE_PLANES - 1) : new_planes;
            next_words <= scores ? CW'(HEAD_WORDS - 1) : values ? CW'(position >> WIDE)
                          : attention ? CW'(position >> WIDE) * CW'(RATIO) + CW'(RATIO - 1) : new_words;
            next_inner <= values ? CW'(HEAD_BLOCKS - 1) : scores || attention ? CW'(QUERIES - 1) : '0;
            next_outer <= scores ? CW'(position >> SHIFT) : values ? CW'(QUERIES - 1) : attention ? CW'(BANKS - 1)
                          : new_op == LOAD || new_op == NORM ? CW'(BLOCKS - 1) : new_rows;
            next_top <= scores ? CW'(KEY_GROUPS - 1) : values || attention ? CW'(VALUE_GROUPS - 1) : '0;
        end

    // ---- the instruction that issues
    always_ff @(posedge clk)
        if (rst) begin
            primed <= '0;
            place <= '0;
            pause <= '0;
            paused <= 1'b1;
        end else begin
            if (paused) begin
                pause <= pause - 1'b1;
                paused <= pause != GW'(1);
            end
            if (advance) begin
                primed <= {primed[1:0], 1'b1};
                place <= place == PCW'(PROGRAM - 1) ? '0 : place + 1'b1;
                pause <= next_pause;
                paused <= !primed[1] || ready && next_paused;
            end
        end
    always_ff @(posedge clk)
        if (advance) begin
            {op, rest, number} <= {next_op, next_rest, next_number};
            matrix <= next_op == MATRIX;
            attends <= next_op == SCORE || next_op == VALUE;
            takes_token <= next_op == LOAD;
            takes_room <= next_op == END;
            goes_early <= next_op == NORM || next_op == SHARE || next_op == BLOCK || ROUNDED && next_op == LOAD;
            {steps_last, planes_last} <= {next_steps, next_planes};
            {words_last, inner_last, outer_last, top_last} <= {next_words, next_inner, next_outer, next_top};
        end

    // ---- loops, and what is counted beside them
    logic [AW-1:0] vector, vector_kept, values_of_group, group_kept, head_kept;
    assign read = vector + AW'(word);
    assign block = values_of_group + AW'(inner);
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
            values_of_group <= next_source;
            words_of_keys <= next_target;
            index <= next_target;
            steps_end <= next_steps == '0;
            words_end <= next_words == '0;
            inner_end <= next_inner == '0;
            outer_end <= next_outer == '0;
            top_end <= next_top == '0;
        end else if (fire) begin
            step <= steps_end ? '0 : step + 1'b1;
            steps_end <= steps_end ? steps_last == '0 : step + 1'b1 == steps_last;
            if (steps_end) begin
                word <= words_end ? '0 : word + 1'b1;
                words_end <= words_end ? words_last == '0 : word + 1'b1 == words_last;
            end
            if (words_done) begin
                inner <= inner_end ? '0 : inner + 1'b1;
                inner_end <= inner_end ? inner_last == '0 : inner + 1'b1 == inner_last;
                index <= index + 1'b1;
            end
            if (inner_done) begin
                outer <= outer_end ? '0 : outer + 1'b1;
                outer_end <= outer_end ? outer_last == '0 : outer + 1'b1 == outer_last;
            end
            if (outer_done) begin
                top <= top + 1'b1;
                top_end <= top + 1'b1 == top_last;
                values_of_group <= values_of_group + AW'(HEAD_BLOCKS);
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
