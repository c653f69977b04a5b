#pragma once
// Dense with weights D·q + M in groups of inputs: q is read as it is stored, in 4 or 8 bits, and multiplied in 8 bits
// (AVX-512 VNNI, AVX2, or plain C++). The layout of weights is that of packed.py.
//
// A row of x is split into digits of 7 bits, −64 to 63, above its last bits that are all 0. Two digits pass through the
// matrix together. So every integer x is exact, and the 10 bits of a BlockFloat take one pass.

#include "common/native_matrix.h"
#include "common/native_threads.h"

namespace accel {

constexpr int GROUP = 32, HEIGHT = 16; // inputs of a group, outputs of a block
constexpr std::int64_t TOGETHER = 64;  // rows of x whose digits are made together

// Two digits of the inputs of a group, and the sum of what they stand for.
struct Digits {
    std::int32_t low[GROUP / 4], high[GROUP / 4];
    double sum;
};

struct Lane {
    static constexpr int count = REGISTER / 4, parts = HEIGHT / count;
    typedef std::int32_t Sums __attribute__((vector_size(REGISTER)));
    typedef std::uint8_t Bytes __attribute__((vector_size(REGISTER)));
    typedef std::int16_t Factors __attribute__((vector_size(count * 2)));
    typedef std::int32_t Half __attribute__((vector_size(count * 2)));
    typedef double Totals __attribute__((vector_size(count * 4)));

    // sum += four products of u8 × s8 in every lane
    static void add(Sums &sum, const Bytes &q, const std::int32_t &x) {
#if defined(__AVX512VNNI__) && defined(__AVX512F__)
        asm("vpdpbusd %2%{1to16%}, %1, %0" : "+v"(sum) : "v"(q), "m"(x));
#elif defined(__AVX512BW__) || (defined(__AVX2__) && !defined(__AVX512F__))
        Sums pairs = x - Sums{}; // digits are so small that pairs of products do not saturate
        typedef std::int16_t Words __attribute__((vector_size(REGISTER)));
        const Words one = 1 - Words{};
        asm("vpmaddubsw %0, %1, %0\n\tvpmaddwd %2, %0, %0" : "+&v"(pairs) : "v"(q), "v"(one));
        sum += pairs;
#else
        std::int8_t digits[4];
        std::memcpy(digits, &x, 4);
        for (int lane = 0; lane < count; lane++)
            for (int k = 0; k < 4; k++)
                sum[lane] += std::int32_t(q[4 * lane + k]) * digits[k];
#endif
    }

    // totals += the doubles of sums · factors
    static void weigh(Totals *totals, const Sums &sums, const Totals *factors) {
        Half halves[2];
        std::memcpy(halves, &sums, sizeof halves);
        for (int h = 0; h < 2; h++)
            totals[h] += __builtin_convertvector(halves[h], Totals) * factors[h];
    }
};

template <class V> V load(const char *from) {
    V value;
    std::memcpy(&value, from, sizeof value);
    return value;
}

inline void doubles(const char *from, Lane::Totals *to) {
    const Lane::Sums wide = __builtin_convertvector(load<Lane::Factors>(from), Lane::Sums);
    Lane::Half halves[2];
    std::memcpy(halves, &wide, sizeof halves);
    for (int h = 0; h < 2; h++)
        to[h] = __builtin_convertvector(halves[h], Lane::Totals);
}

// Totals of the outputs of a register, the `part`-th of a block, for ROWS rows of digits, `groups` apart.
template <int BITS, int ROWS>
void grouped_tile(const char *weights, int part, std::int64_t groups, const Digits *x, Lane::Totals (*totals)[2]) {
    constexpr int steps = GROUP / 4, loads = steps * BITS / 8, line = HEIGHT * 4;
    Lane::Totals kept[ROWS][2] = {};
    for (std::int64_t g = 0; g < groups; g++, weights += loads * line + 2 * HEIGHT * 2) {
        Lane::Sums low[ROWS] = {}, high[ROWS] = {};
        #pragma GCC unroll 8
        for (int i = 0; i < loads; i++) {
            const auto all = load<Lane::Bytes>(weights + i * line + part * REGISTER);
            #pragma GCC unroll 2
            for (int half = 0; half < 8 / BITS; half++) {
                const Lane::Bytes q = BITS == 8 ? all : half ? all >> 4 : all & 15;
                const int k = i * 8 / BITS + half;
                #pragma GCC unroll 4
                for (int r = 0; r < ROWS; r++) {
                    Lane::add(low[r], q, x[r * groups + g].low[k]);
                    Lane::add(high[r], q, x[r * groups + g].high[k]);
                }
            }
        }
        Lane::Totals factors[2], offsets[2];
        const char *scales = weights + loads * line + part * REGISTER / 2;
        doubles(scales, factors);
        doubles(scales + HEIGHT * 2, offsets);
        #pragma GCC unroll 4
        for (int r = 0; r < ROWS; r++) {
            Lane::weigh(kept[r], low[r] + (high[r] << 7), factors);
            for (int h = 0; h < 2; h++)
                kept[r][h] += offsets[h] * x[r * groups + g].sum;
        }
    }
    std::memcpy(totals, kept, sizeof kept);
}

// What is left of a row of x: integers above a power of two, of which digits are taken.
struct Rest {
    std::int64_t *values;
    int shift;
    bool more;
};

template <class X> Rest rest(const X *x, std::int64_t count, std::int64_t *values) {
    std::uint64_t all = 0;
    for (std::int64_t i = 0; i < count; i++)
        all |= std::uint64_t(std::int64_t(x[i]));
    const int shift = all ? __builtin_ctzll(all) : 0;
    for (std::int64_t i = 0; i < count; i++)
        values[i] = std::int64_t(x[i]) >> shift;
    return {values, shift, all != 0};
}

// The lowest two digits of a row, which leave it.
inline void take(Rest &row, std::int64_t groups, Digits *to) {
    std::int64_t left = 0;
    for (std::int64_t g = 0; g < groups; g++) {
        std::int8_t low[GROUP], high[GROUP];
        std::int64_t sum = 0;
        std::int64_t *__restrict values = row.values + g * GROUP;
        for (int i = 0; i < GROUP; i++) {
            const std::int64_t first = ((values[i] + 64) & 127) - 64, rest = (values[i] - first) >> 7;
            const std::int64_t second = ((rest + 64) & 127) - 64;
            low[i] = std::int8_t(first), high[i] = std::int8_t(second);
            sum += first + 128 * second;
            values[i] = (rest - second) >> 7;
            left |= values[i];
        }
        std::memcpy(to[g].low, low, sizeof low);
        std::memcpy(to[g].high, high, sizeof high);
        to[g].sum = double(sum);
    }
    row.more = left != 0;
}

template <class N, int ROWS, class Y>
void grouped_block(const N &node, std::int64_t block, const Digits *x, const Rest *rows, int place, Y *__restrict y) {
    constexpr std::int64_t groups = N::x_channels / GROUP, size = groups * HEIGHT * (GROUP * N::bits / 8 + 4);
    const char *weights = reinterpret_cast<const char *>(node.packed) + block * size;
    for (int part = 0; part < Lane::parts; part++) {
        const std::int64_t first = block * HEIGHT + part * Lane::count;
        double totals[ROWS][Lane::count];
        grouped_tile<N::bits, ROWS>(weights, part, groups, x, reinterpret_cast<Lane::Totals(*)[2]>(totals));
        for (int r = 0; r < ROWS; r++)
            for (std::int64_t c = 0; c < least<std::int64_t>(Lane::count, N::channels - first); c++) {
                Y *to = y + r * N::channels + first + c;
                const std::int64_t before = place ? std::int64_t(*to) : std::int64_t(node.bias[first + c]);
                *to = Y(before + std::int64_t(std::uint64_t(std::int64_t(totals[r][c])) << (rows[r].shift + place)));
            }
    }
}

// y of up to TOGETHER rows; threads share the outputs.
template <class N, class X, class Y> void grouped_rows(const N &node, const X *x, Y *y, std::int64_t count) {
    constexpr std::int64_t groups = N::x_channels / GROUP, blocks = (N::channels + HEIGHT - 1) / HEIGHT;
    auto *values = scratch<std::int64_t, 0>(count * N::x_channels);
    auto *digits = scratch<Digits, 1>(count * groups);
    Rest rows[TOGETHER];
    for (std::int64_t r = 0; r < count; r++)
        rows[r] = rest(x + r * N::x_channels, N::x_channels, values + r * N::x_channels);
    bool more = true;
    for (int place = 0; more; place += 14) {
        more = false;
        for (std::int64_t r = 0; r < count; r++) {
            take(rows[r], groups, digits + r * groups);
            more |= rows[r].more;
        }
        shared([&](std::int64_t part, std::int64_t parts) {
            for (std::int64_t b = blocks * part / parts; b < blocks * (part + 1) / parts; b++) {
                std::int64_t r = 0;
                for (; r + 4 <= count; r += 4)
                    grouped_block<N, 4>(node, b, digits + r * groups, rows + r, place, y + r * N::channels);
                for (; r < count; r++)
                    grouped_block<N, 1>(node, b, digits + r * groups, rows + r, place, y + r * N::channels);
            }
        });
    }
}

template <class N, class X, class Y> void dense_grouped(const N &node, const X *x, Y *__restrict y, Rows rows) {
    for (std::int64_t first = rows.first; first < rows.end; first += TOGETHER)
        grouped_rows(node, x + first * N::x_channels, y + first * N::channels, least(TOGETHER, rows.end - first));
}

} // namespace accel
