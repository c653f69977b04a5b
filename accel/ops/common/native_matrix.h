#pragma once
// Products of matrices whose sums stay in registers. A format says what one step of a sum takes: Quads four products of 8 bits
// (AVX-512 VNNI, AVX-VNNI), Pairs two of 16 bits, which never saturate (AVX-512, AVX2, SSE2), Singles one of T anywhere.

#include "common/native.h"

namespace accel {

#if defined(__AVX512F__)
constexpr int REGISTER = 64, TALL = 8; // bytes of a register, and rows of a tile of them
#elif defined(__AVX__)
constexpr int REGISTER = 32, TALL = 4;
#else
constexpr int REGISTER = 16, TALL = 4;
#endif
constexpr int WIDE = 2;             // registers side by side in a tile
constexpr std::int64_t STRIP = 1 << 17; // bytes of rows that pass through the matrix together, so that a cache holds them

template <class T, int BYTES> struct Lanes {
    typedef T Vector __attribute__((vector_size(BYTES)));
};

// One of T: float, double, std::int32_t, std::int64_t.
template <class T> struct Singles {
    static constexpr int group = 1, lanes = REGISTER / sizeof(T);
    static constexpr bool offset = false;
    using Term = T; // a factor, of which a unit has `group`
    using Unit = T;
    using Sum = T;
    using Vector = typename Lanes<T, REGISTER>::Vector;
    using Weights = Vector;
    static void add(Vector &sum, Unit x, const Weights &w) { sum += x * w; }
    static Vector taken(const Weights *, int, std::int64_t) { return Vector{}; }
};

#if defined(__AVX512VNNI__) || defined(__AVXVNNI__)
#define ACCEL_QUADS
// u8 × s8: x of int8 is taken as x + 128, and the sums start lower by as much.
struct Quads {
    static constexpr int group = 4, lanes = REGISTER / 4;
    static constexpr bool offset = true;
    using Term = std::int8_t;
    using Unit = std::int32_t;
    using Sum = std::int32_t;
    using Vector = typename Lanes<Sum, REGISTER>::Vector;
    using Weights = Vector;
    static void add(Vector &sum, Unit x, const Weights &w) {
        const Vector all = x - Vector{};
#ifdef __AVX512VNNI__
        asm("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(all), "vm"(w));
#else
        asm("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sum) : "x"(all), "xm"(w));
#endif
    }
    // What an offset of 128 adds to the sums.
    static Vector taken(const Weights *w, int step, std::int64_t groups) {
        Vector sum = {};
        for (std::int64_t g = 0; g < groups; g++)
            add(sum, std::int32_t(0x80808080), w[g * step]);
        return sum;
    }
};
#endif

#if defined(__SSE2__)
#define ACCEL_PAIRS
struct Pairs {
#if defined(__AVX512BW__)
    static constexpr int bytes = 64;
#elif defined(__AVX2__)
    static constexpr int bytes = 32;
#else
    static constexpr int bytes = 16;
#endif
    static constexpr int group = 2, lanes = bytes / 4;
    static constexpr bool offset = false;
    using Term = std::int16_t;
    using Unit = std::int32_t;
    using Sum = std::int32_t;
    using Vector = typename Lanes<Sum, bytes>::Vector;
    using Weights = Vector;
    static void add(Vector &sum, Unit x, const Weights &w) {
        Vector all = x - Vector{};
#if defined(__AVX2__)
        asm("vpmaddwd %1, %0, %0" : "+v"(all) : "vm"(w));
#else
        asm("pmaddwd %1, %0" : "+x"(all) : "x"(w));
#endif
        sum += all;
    }
    static Vector taken(const Weights *, int, std::int64_t) { return Vector{}; }
};
#endif

// The format of products of 8 bits, or void.
#if defined(ACCEL_QUADS)
using Bytes = Quads;
#elif defined(ACCEL_PAIRS)
using Bytes = Pairs;
#else
using Bytes = void;
#endif

// The format of products whose sums are T; BYTES: may their factors be of 8 bits? Processors multiply doubles faster than
// integers of 32 bits.
template <bool BYTES, class T>
using Format = std::conditional_t<BYTES && !std::is_void_v<Bytes>, Bytes,
                                  Singles<std::conditional_t<std::is_same_v<T, std::int32_t>, double, T>>>;

inline std::int64_t blocks(std::int64_t count, std::int64_t size) { return (count + size - 1) / size; }

// A matrix (terms × columns) as the tiles read it: for each register of columns the sums' start and then the groups of terms;
// registers that stand side by side in a tile alternate. Missing terms and columns are 0.
template <class F> struct Packed {
    std::int64_t terms, columns, groups, registers;

    Packed(std::int64_t terms, std::int64_t columns)
        : terms(terms), columns(columns), groups(blocks(terms, F::group)), registers(blocks(columns, F::lanes)) {}

    std::int64_t size() const { return registers * (groups + 1); } // of Weights

    // The block of registers `first` to first + width - 1.
    template <class W> W *block(W *memory, std::int64_t first) const { return memory + first * (groups + 1); }

    std::int64_t width(std::int64_t first) const { return std::min<std::int64_t>(WIDE, registers - first); }

    // Fills the memory from weights whose terms (or else columns) lie side by side, lines of them `stride` apart, and from the
    // sums' start, null: 0. `shift`: is the format's offset taken from the sums?
    template <bool TERMS, class W, class S>
    void fill(typename F::Weights *memory, const W *weight, std::int64_t stride, const S *start, bool shift) const {
        for (std::int64_t first = 0; first < registers; first += WIDE)
            for (std::int64_t v = 0; v < width(first); v++) {
                const std::int64_t column = (first + v) * F::lanes;
                const int used = int(std::min<std::int64_t>(F::lanes, columns - column)), step = int(width(first));
                typename F::Weights *to = block(memory, first) + v;
                if (used < F::lanes || terms % F::group)
                    for (std::int64_t g = 1; g <= groups; g++)
                        to[g * step] = typename F::Weights{};
                if constexpr (TERMS)
                    fill_columns(to + step, step, weight + column * stride, stride, used);
                else
                    fill_terms(to + step, step, weight + column, stride, used);
                typename F::Vector sums = {};
                for (int c = 0; start && c < used; c++)
                    sums[c] = typename F::Sum(start[column + c]);
                *to = reinterpret_cast<const typename F::Weights &>(sums -= shift ? F::taken(to + step, step, groups) : sums - sums);
            }
    }

    template <class W>
    void fill_columns(typename F::Weights *to, int step, const W *weight, std::int64_t stride, int used) const {
        for (int c = 0; c < used; c++)
            for (std::int64_t k = 0; k < terms; k += F::group) {
                auto *group = reinterpret_cast<typename F::Term *>(to + k / F::group * step) + c * F::group;
                if (sizeof(W) == sizeof(typename F::Term) && F::group > 1 && k + F::group <= terms)
                    std::memcpy(group, weight + c * stride + k, sizeof(W) * F::group);
                else
                    for (std::int64_t i = 0; i < F::group && k + i < terms; i++)
                        group[i] = typename F::Term(weight[c * stride + k + i]);
            }
    }

    template <class W> void fill_terms(typename F::Weights *to, int step, const W *weight, std::int64_t stride, int used) const {
        for (std::int64_t k = 0; k < terms; k++) {
            auto *group = reinterpret_cast<typename F::Term *>(to + k / F::group * step) + k % F::group;
            for (int c = 0; c < used; c++)
                group[c * F::group] = typename F::Term(weight[k * stride + c]);
        }
    }
};

// Rows of x in units, `step` apart.
template <class F> struct Left {
    const typename F::Unit *units;
    std::int64_t step;
};

// Rows of `terms` numbers as units: x itself, or its terms converted in scratch memory and each row filled up with zeros.
template <class F, class X> Left<F> units(const X *x, std::int64_t stride, std::int64_t rows, std::int64_t terms) {
    using Term = typename F::Term;
    constexpr int flip = F::offset && std::is_signed_v<X> ? 128 : 0;
    const bool whole = terms % F::group == 0;
    if (sizeof(X) == sizeof(Term) && !flip && std::is_integral_v<X> == std::is_integral_v<Term> && whole && stride % F::group == 0)
        return {reinterpret_cast<const typename F::Unit *>(x), stride / F::group};
    const std::int64_t groups = blocks(terms, F::group), step = groups * F::group;
    auto *to = scratch<typename F::Unit, 0>(rows * groups);
    Term *__restrict to_terms = reinterpret_cast<Term *>(to);
    if (whole && stride == terms)
        for (std::int64_t i = 0; i < rows * terms; i++)
            to_terms[i] = Term(x[i] + X(0) + flip);
    else
        for (std::int64_t r = 0; r < rows; r++) {
            for (std::int64_t k = 0; k < terms; k++)
                to_terms[r * step + k] = Term(x[r * stride + k] + X(0) + flip);
            for (std::int64_t k = terms; k < step; k++)
                to_terms[r * step + k] = 0;
        }
    return {to, groups};
}

template <class Sum, class Y> __attribute__((noinline)) void store_some(const Sum *sums, Y *y, int count) {
    for (int c = 0; c < count; c++)
        y[c] = stored<Y>(sums[c]);
}

// The first `count` lanes of sums, or all. They come by value: what has an address is no register.
template <class F, class Y> void store(typename F::Vector sums, Y *y, int count) {
    if (count < F::lanes)
        return store_some(reinterpret_cast<const typename F::Sum *>(&sums), y, count);
    for (int c = 0; c < F::lanes; c++)
        y[c] = stored<Y>(sums[c]);
}

// The loops over the sums are unrolled early, so that all of them stay in registers.
template <class F, int ROWS, int WIDTH, class Y>
void tile(Left<F> x, const typename F::Weights *w, std::int64_t groups, Y *y, std::int64_t stride, int columns) {
    using Vector = typename F::Vector;
    Vector sums[ROWS][WIDTH];
    #pragma GCC unroll 8
    for (int r = 0; r < ROWS; r++)
        #pragma GCC unroll 2
        for (int v = 0; v < WIDTH; v++)
            sums[r][v] = reinterpret_cast<const Vector *>(w)[v];
    for (std::int64_t g = 0; g < groups; g++) {
        w += WIDTH;
        #pragma GCC unroll 8
        for (int r = 0; r < ROWS; r++)
            #pragma GCC unroll 2
            for (int v = 0; v < WIDTH; v++)
                F::add(sums[r][v], x.units[r * x.step + g], w[v]);
    }
    #pragma GCC unroll 8
    for (int r = 0; r < ROWS; r++)
        #pragma GCC unroll 2
        for (int v = 0; v < WIDTH; v++)
            store<F>(sums[r][v], y + r * stride + v * F::lanes, columns - v * F::lanes);
}

// Tiles of ROWS rows as long as there are so many, then lower ones.
template <class F, int ROWS, int WIDTH, class Y>
void column(Left<F> x, std::int64_t rows, const typename F::Weights *w, std::int64_t groups, Y *y, std::int64_t stride, int columns) {
    for (; rows >= ROWS; rows -= ROWS, x.units += ROWS * x.step, y += ROWS * stride)
        tile<F, ROWS, WIDTH>(x, w, groups, y, stride, columns);
    if constexpr (ROWS > 1)
        if (rows)
            column<F, ROWS / 2, WIDTH>(x, rows, w, groups, y, stride, columns);
}

// Rows of so many units that pass through a matrix together.
template <class F> std::int64_t strip(std::int64_t groups) {
    return std::max<std::int64_t>(2 * TALL, STRIP / std::int64_t(sizeof(typename F::Unit)) / groups / TALL * TALL);
}

// y (rows × columns) = x (rows × terms) · matrix + start
template <class F, class Y>
void product(Left<F> x, std::int64_t rows, const Packed<F> &matrix, const typename F::Weights *memory, Y *y, std::int64_t stride) {
    for (std::int64_t v = 0; v < matrix.registers; v += WIDE) {
        const int columns = int(std::min<std::int64_t>(WIDE * F::lanes, matrix.columns - v * F::lanes));
        const auto *block = matrix.block(memory, v);
        if (matrix.width(v) == WIDE)
            column<F, TALL, WIDE>(x, rows, block, matrix.groups, y + v * F::lanes, stride, columns);
        else
            column<F, TALL, 1>(x, rows, block, matrix.groups, y + v * F::lanes, stride, columns);
    }
}

} // namespace accel
