// Streams samples through a design and records when every beat moved. Started by hls.simulation.simulate with
//   samples seed patience pace trace {beats stall} of every input {beats stall} of every output
// in a folder that holds stimulusN of every input. ACCEL_INPUTS(X) and ACCEL_OUTPUTS(X) name the ports of the design.
// It leaves resultN of every output, both as raw 32-bit words, a whole number per beat. resultN.times and stimulusN.times
// get the cycles of every output beat and of every sample's first input beat as 64-bit numbers; trace, where it is 1,
// (id, word) pairs. `stall` is the percentage of cycles in which a port pauses. With a `pace` every source
// spreads a sample's beats over that many cycles. Designs that are compiled to be watched leave buffers: most
// places taken, beat waiting, place free at the end, of every buffer. Compiled with ACCEL_WAVES it leaves waves.vcd, in
// which cycle n is time 2n, before the clock's rising edge, and 2n + 1, behind it.
// Exit codes: 0 done, 2 a file cannot be read or written (which, on standard error), 3 nothing moved for `patience`
// cycles, 4 `last` in the wrong place.
#include "Vtop.h"
#include "verilated.h"
#ifdef ACCEL_WAVES
#include "verilated_vcd_c.h"
#endif
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

[[noreturn]] static void fail(const std::string& path) {
    fprintf(stderr, "%s: %s\n", path.c_str(), strerror(errno));
    exit(2);
}

static FILE* trace_file = nullptr;
static bool running = false;
static long traced = 0;  // words so far
extern "C" void accel_tap_word(int id, int word) {
    if (!trace_file || !running) return;
    const int32_t pair[2] = {id, word};
    if (fwrite(pair, sizeof(pair), 1, trace_file) != 1) fail("trace");
    traced++;
}

static std::vector<int32_t> buffers;
extern "C" void accel_buffer_state(int id, int most, int valid, int room) {
    if (buffers.size() < std::size_t(3 * id + 3)) buffers.resize(3 * id + 3);
    buffers[3 * id] = most, buffers[3 * id + 1] = valid, buffers[3 * id + 2] = room;
}

template <typename T> static void set_words(T& port, const uint32_t* words) {
    port = static_cast<T>(sizeof(T) > 4 ? words[0] | uint64_t(words[1]) << 32 : words[0]);
}
template <std::size_t N> static void set_words(VlWide<N>& port, const uint32_t* words) {
    for (std::size_t i = 0; i < N; i++) port[i] = words[i];
}
template <typename T> static void append_words(const T& port, std::vector<uint32_t>& words) {
    words.push_back(static_cast<uint32_t>(port));
    if (sizeof(T) > 4) words.push_back(static_cast<uint32_t>(uint64_t(port) >> 32));
}
template <std::size_t N> static void append_words(const VlWide<N>& port, std::vector<uint32_t>& words) {
    for (std::size_t i = 0; i < N; i++) words.push_back(port[i]);
}

static std::vector<uint32_t> read_all(const std::string& path) {
    std::vector<uint32_t> words;
    FILE* file = fopen(path.c_str(), "rb");
    if (!file) fail(path);
    uint32_t word;
    while (fread(&word, sizeof(word), 1, file) == 1) words.push_back(word);
    fclose(file);
    return words;
}
template <typename T> static void write_all(const std::string& path, const std::vector<T>& values) {
    FILE* file = fopen(path.c_str(), "wb");
    if (!file || fwrite(values.data(), sizeof(T), values.size(), file) != values.size() || fclose(file)) fail(path);
}

struct Port {
    CData *valid, *ready, *last;
    void (*set)(Vtop&, const uint32_t*);
    void (*append)(const Vtop&, std::vector<uint32_t>&);
    long beats, total, moved;
    unsigned stall;
    std::vector<uint32_t> words;
    std::vector<int64_t> times;
};

#define ACCEL_SOURCE(p) \
    {&dut.p##_valid, &dut.p##_ready, &dut.p##_last, [](Vtop& d, const uint32_t* words) { set_words(d.p##_data, words); }, nullptr},
#define ACCEL_SINK(p) \
    {&dut.p##_valid, &dut.p##_ready, &dut.p##_last, nullptr, \
     [](const Vtop& d, std::vector<uint32_t>& words) { append_words(d.p##_data, words); }},

int main(int argc, char** argv) {
    if (argc < 6) return 2;
    const long samples = atol(argv[1]), patience = atol(argv[3]), pace = atol(argv[4]);
    uint32_t state = 0x9e3779b9u ^ uint32_t(atol(argv[2]));
    if (atol(argv[5]) && !(trace_file = fopen("trace", "wb"))) fail("trace");
    auto stalls = [&](unsigned stall) {
        if (!stall) return false;
        state ^= state << 13, state ^= state >> 17, state ^= state << 5;
        return state % 100 < stall;
    };

    VerilatedContext context;
    context.randReset(2);
#ifdef ACCEL_WAVES
    context.traceEverOn(true);
    VerilatedVcdC waves;
    auto record = [&](long time) { waves.dump(uint64_t(time)); };
#else
    auto record = [](long) {};
#endif
    Vtop dut{&context};
    std::vector<Port> inputs{ACCEL_INPUTS(ACCEL_SOURCE)}, outputs{ACCEL_OUTPUTS(ACCEL_SINK)};
    if (std::size_t(argc) != 6 + 2 * (inputs.size() + outputs.size())) return 2;
    long total_in = 0, total_out = 0;
    char** argument = argv + 6;
    for (auto* ports : {&inputs, &outputs})
        for (Port& port : *ports) {
            port.beats = atol(*argument++), port.stall = atoi(*argument++);
            port.total = port.beats * samples;
            (ports == &inputs ? total_in : total_out) += port.total;
        }
    for (std::size_t i = 0; i < inputs.size(); i++) {
        inputs[i].words = read_all("stimulus" + std::to_string(i));
        *inputs[i].valid = 0;
    }
    for (Port& port : outputs) *port.ready = 0;
    dut.clk = 0, dut.rst = 1;
    for (int i = 0; i < 8; i++) dut.clk = i & 1, dut.eval();
    dut.rst = 0;
    running = true;
#ifdef ACCEL_WAVES
    dut.trace(&waves, 1);
    waves.set_time_unit("1ns"), waves.set_time_resolution("1ns");
    waves.open("waves.vcd");
#endif

    long in = 0, out = 0, cycle = 0, moved = 0, cycles = 0;
    int status = 0;
    std::vector<char> taken(inputs.size());
    // A traced design runs on until it is still: what the last output does not need is traced too.
    for (; (out < total_out || (trace_file && cycle - moved <= patience)) && !status; cycle++) {
        const long before = traced;
        for (Port& p : inputs) {
            const long due = p.moved / p.beats * pace + p.moved % p.beats * pace / p.beats;
            if (*p.valid || p.moved == p.total || cycle < due || stalls(p.stall)) continue;
            *p.valid = 1;
            p.set(dut, &p.words[p.moved * (p.words.size() / p.total)]);
            *p.last = (p.moved + 1) % p.beats == 0;
        }
        for (Port& p : outputs) *p.ready = !stalls(p.stall);
        dut.clk = 0;
        dut.eval();
        record(2 * cycle);
        for (std::size_t i = 0; i < inputs.size(); i++) taken[i] = *inputs[i].valid && *inputs[i].ready;
        bool given = false;
        for (Port& p : outputs) {
            if (!*p.valid || !*p.ready) continue;
            p.append(dut, p.words);
            p.times.push_back(cycle);
            p.moved++, out++;
            cycles = cycle + 1;
            given = true;
            if (bool(*p.last) != (p.moved % p.beats == 0) || p.moved > p.total) status = 4;
        }
        dut.clk = 1;
        dut.eval();
        record(2 * cycle + 1);
        for (std::size_t i = 0; i < inputs.size(); i++) {
            Port& p = inputs[i];
            if (!taken[i]) continue;
            if (p.moved % p.beats == 0) p.times.push_back(cycle);
            p.moved++, in++;
            *p.valid = 0;
            given = true;
        }
        if (given || traced != before) moved = cycle;
        if (out < total_out && cycle - moved > patience) status = 3;
    }
    dut.final();
    if (trace_file && fclose(trace_file)) fail("trace");
    for (std::size_t i = 0; i < inputs.size(); i++) write_all("stimulus" + std::to_string(i) + ".times", inputs[i].times);
    for (std::size_t i = 0; i < outputs.size(); i++) {
        write_all("result" + std::to_string(i), outputs[i].words);
        write_all("result" + std::to_string(i) + ".times", outputs[i].times);
    }
    write_all("buffers", buffers);
    printf("%ld %ld %ld\n", status ? cycle : cycles, in, out);
    return status;
}
