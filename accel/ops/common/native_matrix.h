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

// A matrix (terms × columns) as the tiles read it: blocks of one or two registers of columns, of each the sums' start and then
// the groups of terms. Missing terms and columns are 0.
template <class F, int TERMS, int COLUMNS> struct Packed {
    static constexpr int terms = TERMS, columns = COLUMNS, wide = COLUMNS > F::lanes ? 2 : 1, across = wide * F::lanes;
    static constexpr std::int64_t groups = (TERMS + F::group - 1) / F::group, count = (COLUMNS + across - 1) / across;
    static constexpr std::int64_t block = (groups + 1) * wide, size = count * block; // of Weights
};

// One register of columns, `used` of them: terms that lie side by side in every column, or columns in every term.
template <class F, class W>
__attribute__((always_inline)) inline void fill_columns(typename F::Weights *to, int wide, const W *weight, std::int64_t stride,
                                                        int terms, int used) {
    for (int c = 0; c < used; c++)
        for (int k = 0; k < terms; k += F::group) {
            auto *group = reinterpret_cast<typename F::Term *>(to + k / F::group * wide) + c * F::group;
            if (sizeof(W) == sizeof(typename F::Term) && F::group > 1 && k + F::group <= terms)
                std::memcpy(group, weight + c * stride + k, sizeof(W) * F::group);
            else
                for (int i = 0; i < F::group && k + i < terms; i++)
                    group[i] = typename F::Term(weight[c * stride + k + i]);
        }
}

template <class F, class W>
__attribute__((always_inline)) inline void fill_terms(typename F::Weights *to, int wide, const W *weight, std::int64_t stride,
                                                      int terms, int used) {
    for (int k = 0; k < terms; k++) {
        auto *group = reinterpret_cast<typename F::Term *>(to + k / F::group * wide) + k % F::group;
        for (int c = 0; c < used; c++)
            group[c * F::group] = typename F::Term(weight[k * stride + c]);
    }
}

// Fills a matrix from weights whose terms (ALONG) or columns lie side by side, lines of them `stride` apart, and from the sums'
// start, null: 0. `shift`: is the format's offset taken from the sums?
template <class F, bool ALONG, class W, class S>
__attribute__((always_inline)) inline void fill(typename F::Weights *to, int terms, int columns, const W *weight,
                                                std::int64_t stride, const S *start, bool shift) {
    const int wide = columns > F::lanes ? 2 : 1, groups = (terms + F::group - 1) / F::group;
    for (int first = 0; first < columns; first += wide * F::lanes, to += (groups + 1) * wide)
        for (int v = 0; v < wide; v++) {
            const int column = first + v * F::lanes, used = most(0, least(F::lanes, columns - column));
            if (used < F::lanes || terms % F::group)
                for (int g = 1; g <= groups; g++)
                    to[g * wide + v] = typename F::Weights{};
            if (ALONG)
                fill_columns<F>(to + wide + v, wide, weight + column * stride, stride, terms, used);
            else
                fill_terms<F>(to + wide + v, wide, weight + column, stride, terms, used);
            typename F::Vector sums = {};
            for (int c = 0; start && c < used; c++)
                sums[c] = typename F::Sum(start[column + c]);
            if (shift)
                sums -= F::taken(to + wide + v, wide, groups);
            std::memcpy(static_cast<void *>(to + v), &sums, sizeof sums);
        }
}

// The same, compiled once for matrices of all sizes.
template <class F, class W, class S>
__attribute__((noinline)) void fill_once(typename F::Weights *to, int terms, int columns, const W *weight, const S *start, bool shift) {
    fill<F, true>(to, terms, columns, weight, terms, start, shift);
}

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
    const std::int64_t groups = (terms + F::group - 1) / F::group, step = groups * F::group;
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

// The rows of one block. The last tile may begin at rows that another one has had: fewer heights of tiles are compiled.
template <class F, int WIDTH, class Y>
void block(Left<F> x, std::int64_t rows, const typename F::Weights *w, std::int64_t groups, Y *y, std::int64_t stride, int columns) {
    const auto tiles = [&](auto height) {
        for (std::int64_t r = 0; r < rows; r += height) {
            const std::int64_t row = least<std::int64_t>(r, rows - height);
            tile<F, height, WIDTH>({x.units + row * x.step, x.step}, w, groups, y + row * stride, stride, columns);
        }
    };
    if (rows >= TALL)
        tiles(std::integral_constant<int, TALL>());
    else if (rows >= 4)
        tiles(std::integral_constant<int, 4>());
    else
        tiles(std::integral_constant<int, 1>());
}

// Rows of so many units that pass through a matrix together.
template <class F> std::int64_t strip(std::int64_t groups) {
    return most<std::int64_t>(2 * TALL, STRIP / std::int64_t(sizeof(typename F::Unit)) / groups / TALL * TALL);
}

// Weights that a matrix takes, whose size is known at run time.
template <class F> std::int64_t packed_size(int terms, int columns) {
    const int wide = columns > F::lanes ? 2 : 1, across = wide * F::lanes;
    return std::int64_t((terms + F::group - 1) / F::group + 1) * wide * ((columns + across - 1) / across);
}

// The same as below for such a matrix.
template <class F, class Y>
void product(Left<F> x, std::int64_t rows, const typename F::Weights *w, int terms, int columns, Y *y, std::int64_t stride) {
    const std::int64_t groups = (terms + F::group - 1) / F::group;
    const auto blocks = [&](auto wide) {
        constexpr int across = wide * F::lanes;
        for (int first = 0; first < columns; first += across, w += (groups + 1) * wide)
            block<F, wide>(x, rows, w, groups, y + first, stride, least(across, columns - first));
    };
    if (columns > F::lanes)
        blocks(std::integral_constant<int, 2>());
    else
        blocks(std::integral_constant<int, 1>());
}

// y (rows × columns) = x (rows × terms) · the matrix + start
template <class M, class F, class Y>
void product(Left<F> x, std::int64_t rows, const typename F::Weights *w, Y *y, std::int64_t stride) {
    for (int first = 0; first < M::columns; first += M::across, w += M::block)
        block<F, M::wide>(x, rows, w, M::groups, y + first, stride, least(M::across, M::columns - first));
}

} // namespace accel
