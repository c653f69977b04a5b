#pragma once
// Dense with weights D·q + M in groups of inputs: q is read as it is stored, in 4 or 8 bits, and multiplied in 8 bits
// (AVX-512 VNNI, AVX2, or plain C++). The layout of weights is that of packed.py.
//
// A row of x is split into signed digits of 8 bits, or of 7 where products of 8 bits saturate. Two digits pass through the
// matrix together, or one if a row has no more. So every integer x is exact. Each group of inputs has digits above its own
// last bits that are all 0, so a row takes one pass if each of its groups has an exponent, as a BlockFloat leaves it.

#include "common/native_matrix.h"
#include "common/native_threads.h"

namespace accel {

constexpr int GROUP = 32, HEIGHT = 16; // inputs of a group, outputs of a block
constexpr std::int64_t TOGETHER = 64;  // rows of x whose digits are made together

// Totals are sums of doubles, which are exact below 2^53. Weights are below 2^15, and so are their factors and offsets
// (packed.py). So |D·q| = |w − M| < 2^16, and with S, the sum of |x| of a row, no partial sum exceeds (2^16 + 2^15) · S.
constexpr std::int64_t EXACT = std::int64_t(1) << 36; // of S

#if defined(__AVX512VNNI__) && defined(__AVX512F__)
constexpr bool SATURATES = false;
#else
constexpr bool SATURATES = true; // pairs of products, above 16 bits
#endif
template <int BITS> constexpr int DIGIT = BITS == 8 && SATURATES ? 7 : 8; // bits of a digit

// Two digits of the inputs of a group, what one unit of them stands for, and the sum of what all stand for.
struct Digits {
    std::int32_t low[GROUP / 4], high[GROUP / 4];
    double step, sum;
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

    // totals += the doubles of sums · step · factors
    static void weigh(Totals *totals, const Sums &sums, double step, const Totals *factors) {
        Half halves[2];
        std::memcpy(halves, &sums, sizeof halves);
        for (int h = 0; h < 2; h++)
            totals[h] += __builtin_convertvector(halves[h], Totals) * step * factors[h];
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

// Totals of the outputs of a register, the `part`-th of a block, for ROWS rows of one or two digits, `groups` apart.
template <int BITS, int ROWS, bool TWO>
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
                #pragma GCC unroll 8
                for (int r = 0; r < ROWS; r++) {
                    Lane::add(low[r], q, x[r * groups + g].low[k]);
                    if constexpr (TWO)
                        Lane::add(high[r], q, x[r * groups + g].high[k]);
                }
            }
        }
        Lane::Totals factors[2], offsets[2];
        const char *scales = weights + loads * line + part * REGISTER / 2;
        doubles(scales, factors);
        doubles(scales + HEIGHT * 2, offsets);
        #pragma GCC unroll 8
        for (int r = 0; r < ROWS; r++) {
            const Digits &digits = x[r * groups + g];
            Lane::weigh(kept[r], TWO ? low[r] + (high[r] << DIGIT<BITS>) : low[r], digits.step, factors);
            for (int h = 0; h < 2; h++)
                kept[r][h] += offsets[h] * digits.sum;
        }
    }
    std::memcpy(totals, kept, sizeof kept);
}

// What is left of a row of x: of each group the integers above a power of two, `zeros[g]`, from which digits are taken.
// `shift` is the least of those. `two`: did the last pass take two digits?
template <class Word> struct Rest {
    Word *values;
    std::int8_t *zeros;
    int shift;
    bool two, more;
};

// Bits of a number of either sign that are 1 in one of those that it is made of.
template <class Word> struct Used {
    std::uint64_t any, magnitude;

    template <class X> explicit Used(const X *x) {
        Word all = 0, width = 0;
        for (int i = 0; i < GROUP; i++) {
            const Word value = Word(x[i]);
            all |= value;
            width |= value < 0 ? ~value : value;
        }
        any = std::uint64_t(std::int64_t(all)), magnitude = std::uint64_t(std::int64_t(width));
    }

    int zeros() const { return any ? __builtin_ctzll(any) : 0; }
    int size() const { return magnitude ? 64 - __builtin_clzll(magnitude) : 0; } // without the sign
};

// The groups of a row have zeros of their own if one pass takes them all and its totals are exact; else those of the row.
template <int WIDTH, class Word, class X> void begin(Rest<Word> &row, const X *x, std::int64_t groups) {
    int least_zeros = 63;
    bool single = true;
    double reach = 0; // of what `shift` leaves, at most
    for (std::int64_t g = 0; g < groups; g++) {
        const Used<Word> used(x + g * GROUP);
        row.zeros[g] = std::int8_t(used.any ? used.zeros() : -1);
        least_zeros = least(least_zeros, used.any ? used.zeros() : 63);
        single &= used.size() - used.zeros() <= 2 * WIDTH - 2;
        reach += GROUP * double(std::uint64_t(1) << used.size());
    }
    row.shift = least_zeros == 63 ? 0 : least_zeros;
    const bool own = single && reach <= double(EXACT) * double(std::uint64_t(1) << row.shift);
    for (std::int64_t g = 0; g < groups; g++) {
        row.zeros[g] = own && row.zeros[g] >= 0 ? row.zeros[g] : std::int8_t(row.shift);
        for (std::int64_t i = g * GROUP; i < (g + 1) * GROUP; i++)
            row.values[i] = Word(x[i]) >> row.zeros[g];
    }
}

// The lowest two digits of a row, which leave it.
template <int WIDTH, class Word> void take(Rest<Word> &row, std::int64_t groups, Digits *to) {
    constexpr Word top = Word(1) << (WIDTH - 1), mask = 2 * top - 1;
    Word left = 0, second = 0;
    for (std::int64_t g = 0; g < groups; g++) {
        std::int8_t low[GROUP], high[GROUP];
        std::int32_t sum = 0;
        Word *__restrict values = row.values + g * GROUP;
        for (int i = 0; i < GROUP; i++) {
            const Word first = ((values[i] & mask) ^ top) - top, rest = (values[i] >> WIDTH) + (first < 0);
            const Word next = ((rest & mask) ^ top) - top;
            low[i] = std::int8_t(first), high[i] = std::int8_t(next);
            sum += std::int32_t(first + next * (2 * top));
            values[i] = (rest >> WIDTH) + (next < 0);
            left |= values[i], second |= next;
        }
        std::memcpy(to[g].low, low, sizeof low);
        std::memcpy(to[g].high, high, sizeof high);
        to[g].step = double(std::int64_t(1) << (row.zeros[g] - row.shift));
        to[g].sum = sum * to[g].step;
    }
    row.two = second != 0, row.more = left != 0;
}

template <class N, int ROWS, bool TWO, class Word, class Y>
void grouped_block(const N &node, std::int64_t block, const Digits *x, const Rest<Word> *rows, int place, Y *__restrict y) {
    constexpr std::int64_t groups = N::x_channels / GROUP, size = groups * HEIGHT * (GROUP * N::bits / 8 + 4);
    const char *weights = reinterpret_cast<const char *>(node.packed) + block * size;
    for (int part = 0; part < Lane::parts; part++) {
        const std::int64_t first = block * HEIGHT + part * Lane::count;
        double totals[ROWS][Lane::count];
        grouped_tile<N::bits, ROWS, TWO>(weights, part, groups, x, reinterpret_cast<Lane::Totals(*)[2]>(totals));
        for (int r = 0; r < ROWS; r++)
            for (std::int64_t c = 0; c < least<std::int64_t>(Lane::count, N::channels - first); c++) {
                Y *to = y + r * N::channels + first + c;
                const std::int64_t before = place ? std::int64_t(*to) : std::int64_t(node.bias[first + c]);
                *to = Y(before + std::int64_t(std::uint64_t(std::int64_t(totals[r][c])) << least(63, rows[r].shift + place)));
            }
    }
}

// One pass of some rows, y the first of them; threads share the outputs, and go on with them if there is a follower.
template <class N, bool TWO, class Word, class Y>
void grouped_pass(const N &node, const Digits *digits, const Rest<Word> *rest, int place, Y *y, const Rows &rows) {
    constexpr std::int64_t groups = N::x_channels / GROUP, blocks = (N::channels + HEIGHT - 1) / HEIGHT;
    const std::int64_t count = rows.end - rows.first;
    shared([&](std::int64_t part, std::int64_t parts) {
        const std::int64_t begin = blocks * part / parts, end = blocks * (part + 1) / parts;
        for (std::int64_t b = begin; b < end; b++) {
            std::int64_t r = 0;
            for (; r + 4 <= count; r += 4)
                grouped_block<N, 4, TWO>(node, b, digits + r * groups, rest + r, place, y + r * N::channels);
            for (; r < count; r++)
                grouped_block<N, 1, TWO>(node, b, digits + r * groups, rest + r, place, y + r * N::channels);
        }
        if (rows.followers && begin < end)
            rows.followers->run({rows.first, rows.end, 0, 0, begin * HEIGHT, least<std::int64_t>(end * HEIGHT, N::channels)});
    });
}

// Up to TOGETHER rows, x and y the first of them.
template <class N, class X, class Y> void grouped_rows(const N &node, const X *x, Y *y, Rows rows) {
    using Word = std::conditional_t<sizeof(X) <= 4, std::int32_t, std::int64_t>;
    constexpr int width = DIGIT<N::bits>;
    constexpr std::int64_t groups = N::x_channels / GROUP;
    static_assert(N::x_channels <= EXACT >> 15, "digits of a pass are below 2^15");
    const std::int64_t count = rows.end - rows.first;
    const Followers *const followers = rows.followers;
    auto *values = scratch<Word, 0>(count * N::x_channels);
    auto *digits = scratch<Digits, 1>(count * groups);
    auto *zeros = scratch<std::int8_t, 3>(count * groups);
    Rest<Word> rest[TOGETHER];
    bool more = true;
    for (int place = 0; more; place += 2 * width) {
        bool two = more = false;
        for (std::int64_t r = 0; r < count; r++) {
            if (!place) {
                rest[r] = {values + r * N::x_channels, zeros + r * groups, 0, false, false};
                begin<width>(rest[r], x + r * N::x_channels, groups);
            }
            take<width>(rest[r], groups, digits + r * groups);
            two |= rest[r].two, more |= rest[r].more;
        }
        rows.followers = more ? nullptr : followers;
        if (two)
            grouped_pass<N, true>(node, digits, rest, place, y, rows);
        else
            grouped_pass<N, false>(node, digits, rest, place, y, rows);
    }
}

template <class N, class X, class Y> void dense_grouped(const N &node, const X *x, Y *__restrict y, Rows rows) {
    for (Rows some = rows; some.first < rows.end; some.first = some.end) {
        some.end = least(some.first + TOGETHER, rows.end);
        grouped_rows(node, x + some.first * N::x_channels, y + some.first * N::channels, some);
    }
}

} // namespace accel
