#pragma once
#include "common/native.h"

namespace accel {

// Form "l2": root and reciprocal of the bits below the largest one of the sum.
template <class N, class X, class Y> void over_length(const N &node, const X *x, Y *__restrict y, Rows rows) {
    using T = typename N::T;
    using W = Wide<T>;
    constexpr int channels = N::row ? N::row : N::channels;
    for (std::int64_t i = rows.first * N::channels; i < rows.end * N::channels; i += channels) {
        T squares = 0;
        #pragma omp simd reduction(+ : squares)
        for (int c = 0; c < channels; c++)
            squares += T(x[i + c]) * T(x[i + c]);
        const std::int64_t square = std::int64_t(squares) + node.offset;
        const int exponent = (bit_length(square) - 2 * int(node.guard) + 1) >> 1;
        const std::int64_t mantissa = exponent < 0 ? square << -2 * exponent : square >> 2 * exponent;
        const std::int64_t found = most(root(mantissa << 2 * node.fraction), std::int64_t(1) << node.least);
        const W inverse = W(quotient(std::int64_t(1) << node.numerator_bits, found));
        const Requantized<Word::half_up, W> requantized(node.shift + exponent, node.lo, node.hi);
        for (int c = 0; c < channels; c++)
            y[i + c] = stored<Y>(requantized(W(x[i + c]) * inverse * W(node.gamma[N::gamma_size == 1 ? 0 : c])));
    }
}

// Sums over the channels are T, what is made of them is wider, as in the reference. Some rows are worked on together, in
// passes whose numbers have one width, so that compilers vectorize them, roots and divisions included.
template <class N, class X, class Y> void norm(const N &node, const X *x, Y *__restrict y, Rows rows) {
    if constexpr (N::form == Word::l2)
        return over_length(node, x, y, rows);
    using T = typename N::T;
    using W = Wide<T>;
    constexpr int channels = N::row ? N::row : N::channels, together = channels < 256 ? 16 : 8;
    const W guard = W(std::int64_t(1) << node.guard), numerator = W(std::int64_t(1) << node.numerator_bits);
    const Requantized<Word::half_up, W> requantized(node.shift, node.lo, node.hi);
    T *const values = scratch<T, 0>(together * channels);
    const std::int64_t end = rows.end * N::channels / channels;
    for (std::int64_t first = rows.first * N::channels / channels; first < end; first += together) {
        const int count = int(least<std::int64_t>(together, end - first));
        T sums[together];
        W inverses[together] = {};
        convert(x + first * channels, values, count * channels);
        for (int r = 0; r < count; r++) {
            const T *const row = values + r * channels;
            T squares = 0, sum = 0;
            #pragma omp simd reduction(+ : squares, sum)
            for (int c = 0; c < channels; c++) {
                squares += row[c] * row[c];
                sum += row[c];
            }
            sums[r] = N::form == Word::rms ? 0 : sum;
            inverses[r] = W(squares) * channels + W(node.offset) - W(sums[r]) * W(sums[r]);
        }
        for (int r = 0; r < together; r++)
            inverses[r] = quotient(numerator, most(root(inverses[r] * (guard * guard)), guard));
        for (int r = 0; r < count; r++) {
            T *const row = values + r * channels;
            for (int c = 0; c < channels; c++) {
                W product = W(channels * row[c] - sums[r]) * inverses[r];
                if (N::has_affine)
                    product = product * W(node.gamma[N::gamma_size == 1 ? 0 : c]) + W(node.beta[N::beta_size == 1 ? 0 : c]);
                row[c] = stored<T>(requantized(product));
            }
        }
        convert(values, y + first * channels, count * channels);
    }
}

} // namespace accel
