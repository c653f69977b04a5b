#pragma once
// What the operators' native.h share: rounding, roots and products in the dtype T that carries a node's integers, which
// is float, double or int64_t: that of the reference, exact by the node's peak (accel/numeric.py).

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace accel {

// The words that fields of operators hold.
enum class Word {
    half_even, half_up, half_away, floor, toward_zero, ceil, away, half_toward_zero, layer, rms, scores, values
};

// Of sums that outgrow a carrier: double beside float, as in the reference.
template <class T> using Wide = std::conditional_t<std::is_floating_point_v<T>, double, std::int64_t>;

template <Word ROUNDING, class T> T rounded(T y) {
    switch (ROUNDING) {
    case Word::half_even: return std::rint(y);
    case Word::half_up: return std::floor(y + T(0.5));
    case Word::half_away: return std::copysign(std::floor(std::abs(y) + T(0.5)), y);
    case Word::half_toward_zero: return std::copysign(std::ceil(std::abs(y) - T(0.5)), y);
    case Word::floor: return std::floor(y);
    case Word::ceil: return std::ceil(y);
    case Word::toward_zero: return std::trunc(y);
    default: return std::copysign(std::ceil(std::abs(y)), y);
    }
}

template <int SHIFT, Word ROUNDING> std::int64_t shifted(std::int64_t x) {
    const std::int64_t quotient = x >> SHIFT, rest = x - (quotient << SHIFT), half = std::int64_t(1) << (SHIFT - 1);
    switch (ROUNDING) {
    case Word::half_even: return quotient + (rest > half || (rest == half && (quotient & 1)));
    case Word::half_up: return quotient + (rest >= half);
    case Word::half_away: return quotient + (rest > half || (rest == half && x > 0));
    case Word::half_toward_zero: return quotient + (rest > half || (rest == half && x < 0));
    case Word::floor: return quotient;
    case Word::ceil: return quotient + (rest > 0);
    case Word::toward_zero: return quotient + (rest > 0 && x < 0);
    default: return quotient + (rest > 0 && x > 0);
    }
}

// x / 2^SHIFT, rounded to an integer, clipped.
template <int SHIFT, Word ROUNDING, class T> T requantized(T x, T lo, T hi) {
    if constexpr (SHIFT > 0) {
        if constexpr (std::is_floating_point_v<T>)
            x = rounded<ROUNDING>(x * (T(1) / T(std::int64_t(1) << SHIFT)));
        else
            x = shifted<SHIFT, ROUNDING>(x);
    }
    return std::min(std::max(x, lo), hi);
}

// floor(sqrt(x)); a double root is exact up to 2^52, that of an int64_t is corrected.
inline double root(double x) { return std::floor(std::sqrt(x)); }

inline std::int64_t root(std::int64_t x) {
    std::int64_t r = std::int64_t(std::sqrt(double(x)));
    r -= r * r > x;
    return r + ((r + 1) * (r + 1) <= x);
}

// floor(numerator / x)
inline double quotient(std::int64_t numerator, double x) { return std::floor(double(numerator) / x); }
inline std::int64_t quotient(std::int64_t numerator, std::int64_t x) { return numerator / x; }

// A (K × COLUMNS) matrix whose rows are padded with zeros to whole vectors, and the row that its products start from.
template <class T, int K, int COLUMNS> struct Matrix {
    static constexpr int most = 64 / sizeof(T);
    static constexpr int lanes = COLUMNS > most / 2 ? most : COLUMNS > most / 4 ? most / 2 : most / 4;
    static constexpr int vectors = (COLUMNS + lanes - 1) / lanes;
    typedef T Vector __attribute__((vector_size(lanes * sizeof(T))));
    Vector rows[K][vectors] = {}, start[vectors] = {};

    T &at(int k, int c) { return reinterpret_cast<T *>(rows[k])[c]; }
};

template <int N> using Int = std::integral_constant<int, N>;

// f(rows, vectors, row, vector) for every tile of 4 rows × 2 vectors, or what is left: their sums fit the registers.
template <int ROWS, int VECTORS, class F> void tiled(F f) {
    const auto strip = [&](auto rows, int row) {
        if constexpr (VECTORS >= 2)
            for (int v = 0; v + 2 <= VECTORS; v += 2)
                f(rows, Int<2>(), row, v);
        if constexpr (VECTORS % 2)
            f(rows, Int<1>(), row, VECTORS - 1);
    };
    if constexpr (ROWS >= 4)
        for (int r = 0; r + 4 <= ROWS; r += 4)
            strip(Int<4>(), r);
    if constexpr (ROWS % 4)
        strip(Int<ROWS % 4>(), ROWS / 4 * 4);
}

// y (ROWS × COLUMNS) = a (ROWS × K) · b + start
template <int ROWS, class T, int K, int COLUMNS, class A, class Y>
void product(const A *a, int a_stride, const Matrix<T, K, COLUMNS> &b, Y *y, int y_stride) {
    using M = Matrix<T, K, COLUMNS>;
    tiled<ROWS, M::vectors>([&](auto rows, auto vectors, int row, int vector) {
        typename M::Vector sums[rows][vectors];
        for (int r = 0; r < rows; r++)
            for (int v = 0; v < vectors; v++)
                sums[r][v] = b.start[vector + v];
        for (int k = 0; k < K; k++)
            for (int r = 0; r < rows; r++)
                for (int v = 0; v < vectors; v++)
                    sums[r][v] += T(a[(row + r) * a_stride + k]) * b.rows[k][vector + v];
        const int first = vector * M::lanes, count = std::min(COLUMNS - first, vectors * M::lanes);
        for (int r = 0; r < rows; r++)
            for (int c = 0; c < count; c++)
                y[(row + r) * y_stride + first + c] = Y(sums[r][c / M::lanes][c % M::lanes]);
    });
}

// Of the processor's cache: where edges begin.
struct alignas(64) Line {
    char bytes[64];
};

template <class X, class Y> void convert(const X *x, Y *y, int count) {
    for (int i = 0; i < count; i++)
        y[i] = Y(x[i]);
}

} // namespace accel

