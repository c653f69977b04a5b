#pragma once
// A graph as data: steps that call kernels on edges, and how rows of it are evaluated. The layout of the structs is known to
// accel/reference/native.py, too: every member has 8 bytes.

#include "common/native.h"
#include "common/native_threads.h"

namespace accel {

constexpr std::int64_t ENOUGH = 4; // rows for each thread

struct Kernel {
    std::int64_t (*prepare)(const void *node, void *memory); // null where a node has nothing to prepare
    void (*run)(const void *node, void *const *edges, Rows rows);
};

struct Edge {
    std::int64_t place, tokens, channels, type; // place: in lines of memory, of one sample; type: of TYPES in native.py
    std::int64_t *whole;                        // all samples outside: what the input is read from, what others are kept in
};

struct Step {
    std::int64_t kernel;   // -1: the samples outside are read into the edge
    std::int64_t together; // reads rows of other threads
    std::int64_t scores, shares; // are columns of keys that come later unknown in the output, and 0 in the first input?
    std::int64_t followers;      // how many of the next steps go on with columns of this one
    const void *node;
    std::int64_t edges[3]; // inputs and output, the latter last; -1: none
};

struct Line {
    alignas(64) char bytes[64];
};

// Threads meet here: each passes when all have arrived as often.
struct Meeting {
    std::int64_t arrived;

    void wait(std::int64_t threads) {
        const std::int64_t number = __atomic_add_fetch(&arrived, 1, __ATOMIC_ACQ_REL);
        const std::int64_t all = (number + threads - 1) / threads * threads;
        for (int turn = 0; __atomic_load_n(&arrived, __ATOMIC_ACQUIRE) < all; turn++)
            if (turn > 1000)
                sched_yield();
    }
};

// Some samples in memory, and the part of their rows that is evaluated: from/of to to/of of every edge.
struct Part {
    const Edge *edges;
    Line *memory;
    std::int64_t sample, samples, from, to, of;

    Rows rows(const Edge &edge) const {
        const std::int64_t all = samples * edge.tokens;
        return {all * from / of, all * to / of};
    }

    void *at(const Edge &edge) const { return memory + edge.place * samples; }
};

template <class F> void typed(const Edge &edge, void *at, F f) {
    switch (edge.type) {
    case 0: return f(static_cast<std::int8_t *>(at));
    case 1: return f(static_cast<std::uint8_t *>(at));
    case 2: return f(static_cast<std::int16_t *>(at));
    case 3: return f(static_cast<std::int32_t *>(at));
    default: return f(static_cast<std::int64_t *>(at));
    }
}

constexpr std::int64_t NUMBERS = 5; // types of numbers; a type behind them is the size of blocks

// Integers of `count` channels in blocks.
inline void unpack(const std::int8_t *from, std::int64_t *to, std::int64_t count, std::int64_t size) {
    for (std::int64_t i = 0; i < count; i += size, from += size + 1)
        for (std::int64_t c = 0; c < size; c++)
            to[i + c] = std::int64_t(from[c]) * (std::int64_t(1) << std::uint8_t(from[size]));
}

// The part's rows of an edge, from or to the samples outside.
inline void move(const Part &part, const Edge &edge, bool in) {
    const Rows rows = part.rows(edge);
    const std::int64_t first = rows.first * edge.channels, count = (rows.end - rows.first) * edge.channels;
    std::int64_t *outside = edge.whole + part.sample * edge.tokens * edge.channels + first;
    if (const std::int64_t size = edge.type - NUMBERS; size > 0)
        return unpack(static_cast<const std::int8_t *>(part.at(edge)) + first / size * (size + 1), outside, count, size);
    typed(edge, part.at(edge), [&](auto *inside) {
        in ? convert(outside, inside + first, count) : convert(inside + first, outside, count);
    });
}

// Threads take rows of their own where there are enough; where there are not, a kernel may share them otherwise.
inline void run(const Kernel &kernel, const void *node, void *const *edges, const Rows &rows) {
    const std::int64_t count = rows.end - rows.first;
    shared_if(count >= ENOUGH * crew.wanted, [&](std::int64_t part, std::int64_t parts) {
        Rows own = rows;
        own.first = rows.first + count * part / parts, own.end = rows.first + count * (part + 1) / parts;
        kernel.run(node, edges, own);
    });
}

// The memory of a step's inputs and its output.
struct Ends {
    void *at[3];
    int last = 0;

    Ends(const Part &part, const Step &step) {
        for (int e = 0; e < 3 && step.edges[e] >= 0; e++)
            at[last = e] = part.at(part.edges[step.edges[e]]);
    }
};

struct Chain final : Followers {
    const Kernel *kernels;
    const Step *steps;
    std::int64_t count;
    const Part &part;

    Chain(const Kernel *kernels, const Step *steps, std::int64_t count, const Part &part)
        : kernels(kernels), steps(steps), count(count), part(part) {}

    void run(const Rows &rows) const override {
        for (const Step *step = steps; step < steps + count; step++)
            kernels[step->kernel].run(step->node, Ends(part, *step).at, rows);
    }
};

// One step, and those that follow it, whose edges are not kept outside.
inline void evaluate(const Kernel *kernels, const Step &step, const Part &part, Meeting *meeting) {
    if (step.kernel < 0)
        return move(part, part.edges[step.edges[0]], true);
    const Ends ends(part, step);
    const Edge &output = part.edges[step.edges[ends.last]];
    if (step.together && meeting)
        meeting->wait(part.of);
    const Chain chain(kernels, &step + 1, step.followers, part);
    Rows rows = part.rows(output);
    rows.scores = step.scores * rows.end, rows.shares = step.shares * rows.end;
    rows.followers = step.followers ? &chain : nullptr;
    run(kernels[step.kernel], step.node, ends.at, rows);
    if (output.whole)
        move(part, output, false);
}

inline void evaluate(const Kernel *kernels, const Step *steps, std::int64_t count, const Part &part, Meeting *meeting) {
    for (std::int64_t i = 0; i < count; i += 1 + steps[i].followers)
        evaluate(kernels, steps[i], part, meeting);
}

// Samples first to end - 1, `together` at a time, in memory of this thread.
inline void evaluate(const Kernel *kernels, const Step *steps, std::int64_t count, const Edge *edges, std::int64_t lines,
                     std::int64_t first, std::int64_t end, std::int64_t together) {
    Line *memory = scratch<Line, 2>(lines * together);
    for (; first < end; first += together)
        evaluate(kernels, steps, count, {edges, memory, first, least(together, end - first), 0, 1, 1}, nullptr);
}

} // namespace accel

// What a library exports; `kernels` is its own.
#define ACCEL_PROGRAM(kernels)                                                                                                \
    extern "C" std::int64_t prepare(std::int64_t kernel, const void *node, void *memory) {                                    \
        return kernels[kernel].prepare ? kernels[kernel].prepare(node, memory) : 0;                                           \
    }                                                                                                                         \
    extern "C" void share(std::int64_t threads) { accel::crew.wanted = threads; }                                             \
    extern "C" void samples(const accel::Step *steps, std::int64_t count, const accel::Edge *edges, std::int64_t lines,       \
                            std::int64_t first, std::int64_t end, std::int64_t together) {                                    \
        accel::evaluate(kernels, steps, count, edges, lines, first, end, together);                                           \
    }                                                                                                                         \
    extern "C" void part(const accel::Step *steps, std::int64_t count, const accel::Edge *edges, accel::Line *memory,         \
                         std::int64_t sample, std::int64_t samples, std::int64_t from, std::int64_t to, std::int64_t of,      \
                         accel::Meeting *meeting) {                                                                           \
        accel::evaluate(kernels, steps, count, {edges, memory, sample, samples, from, to, of}, meeting);                      \
    }
