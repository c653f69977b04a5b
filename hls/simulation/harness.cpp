// Streams samples through a design and records when every beat moved. Started by hls.simulation.simulate with
//   stimulus result in_beats out_beats samples stall seed patience pace [trace]
// stimulus and result are raw 32-bit words, a whole number per beat; result.times gets the cycle of every output
// beat and of every sample's first input beat as 64-bit numbers; trace gets (id, word) pairs. With a `pace` the source
// spreads a sample's beats over that many cycles. Designs that are compiled to be watched leave result.buffers: most
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

static std::vector<uint32_t> read_all(const char* path) {
    std::vector<uint32_t> words;
    FILE* file = fopen(path, "rb");
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

int main(int argc, char** argv) {
    if (argc < 10) return 2;
    const std::vector<uint32_t> stimulus = read_all(argv[1]);
    const long in_beats = atol(argv[3]), out_beats = atol(argv[4]), samples = atol(argv[5]);
    const unsigned stall = atoi(argv[6]);
    uint32_t state = 0x9e3779b9u ^ uint32_t(atol(argv[7]));
    const long patience = atol(argv[8]);
    const long pace = atol(argv[9]);
    if (argc > 10 && !(trace_file = fopen(argv[10], "wb"))) fail(argv[10]);
    auto stalls = [&] {
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
    dut.clk = 0, dut.rst = 1, dut.s_valid = 0, dut.m_ready = 0;
    for (int i = 0; i < 8; i++) dut.clk = i & 1, dut.eval();
    dut.rst = 0;
    running = true;
#ifdef ACCEL_WAVES
    dut.trace(&waves, 1);
    waves.set_time_unit("1ns"), waves.set_time_resolution("1ns");
    waves.open("waves.vcd");
#endif

    const long total_in = in_beats * samples, total_out = out_beats * samples;
    const long in_words = stimulus.size() / total_in;
    std::vector<uint32_t> result;
    std::vector<int64_t> times, starts;
    times.reserve(total_out);
    long in = 0, out = 0, cycle = 0, moved = 0, cycles = 0;
    int status = 0;
    // A traced design runs on until it is still: what the last output does not need is traced too.
    for (; (out < total_out || (trace_file && cycle - moved <= patience)) && !status; cycle++) {
        const long before = traced;
        if (!dut.s_valid && in < total_in && cycle >= in / in_beats * pace + in % in_beats * pace / in_beats && !stalls()) {
            dut.s_valid = 1;
            set_words(dut.s_data, &stimulus[in * in_words]);
            dut.s_last = (in + 1) % in_beats == 0;
        }
        dut.m_ready = !stalls();
        dut.clk = 0;
        dut.eval();
        record(2 * cycle);
        const bool taken = dut.s_valid && dut.s_ready, given = dut.m_valid && dut.m_ready;
        if (given) {
            append_words(dut.m_data, result);
            times.push_back(cycle);
            out++;
            cycles = cycle + 1;
            if (bool(dut.m_last) != (out % out_beats == 0)) status = 4;
        }
        dut.clk = 1;
        dut.eval();
        record(2 * cycle + 1);
        if (taken) {
            if (in % in_beats == 0) starts.push_back(cycle);
            in++;
            dut.s_valid = 0;
        }
        if (taken || given || traced != before) moved = cycle;
        if (out < total_out && cycle - moved > patience) status = 3;
    }
    dut.final();
    if (trace_file && fclose(trace_file)) fail(argv[10]);
    write_all(argv[2], result);
    times.insert(times.end(), starts.begin(), starts.end());
    write_all(std::string(argv[2]) + ".times", times);
    write_all(std::string(argv[2]) + ".buffers", buffers);
    printf("%ld %ld %ld\n", status ? cycle : cycles, in, out);
    return status;
}
