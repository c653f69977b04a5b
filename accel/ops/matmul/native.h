#pragma once
#include "common/native_matrix.h"

namespace accel {

constexpr std::int64_t FEW = 4; // rows of which the products take less time than packing the other operand

// One row of a head, of the first keys. The terms of scores lie side by side in b, those of values in lines of it; most of a
// causal row's are 0.
template <bool SCORES, int TERMS, int COLUMNS, class Sum, class A, class B, class Y>
void matmul_row(const A *a, const B *b, std::int64_t stride, Y *__restrict y, std::int64_t keys) {
    if constexpr (SCORES) {
        for (std::int64_t c = 0; c < keys; c++, b += stride) {
            Sum sum = 0;
            for (int k = 0; k < TERMS; k++)
                sum += Sum(a[k]) * Sum(b[k]);
            y[c] = stored<Y>(sum);
        }
    } else {
        Sum sums[COLUMNS] = {};
        for (std::int64_t k = 0; k < keys; k++, b += stride)
            if (const Sum factor = a[k])
                for (int c = 0; c < COLUMNS; c++)
                    sums[c] += factor * Sum(b[c]);
        for (int c = 0; c < COLUMNS; c++)
            y[c] = stored<Y>(sums[c]);
    }
}

// Per sample and head: scores contract the channels of both, values the tokens of b.
template <class N, class A, class B, class Y> void matmul(const N &, const A *a, const B *b, Y *__restrict y, Rows rows) {
    using F = Format<N::bytes, typename N::T>;
    constexpr bool scores = N::form == Word::scores;
    constexpr int size = N::b_channels / N::kv_heads, keys = N::b_tokens;
    constexpr int terms = scores ? size : keys, columns = scores ? keys : size;
    // integers that hold what T holds
    using Whole = std::conditional_t<std::is_same_v<typename N::T, float>, std::int32_t, std::int64_t>;
    using Sum = std::conditional_t<std::is_integral_v<typename N::T>, typename N::T, Whole>;
    constexpr bool aligned = terms % F::group == 0; // then the rows of all heads are units as they are
    using Matrix = Packed<F, terms, columns>;
    auto *right = scratch<typename F::Weights, 1>(Matrix::size);
    for (std::int64_t sample = rows.first / N::tokens; sample * N::tokens < rows.end; sample++) {
        const std::int64_t first = most(rows.first, sample * N::tokens);
        const std::int64_t count = least(rows.end, (sample + 1) * N::tokens) - first;
        const A *left = a + first * N::x_channels;
        const B *all_right = b + sample * keys * N::b_channels;
        if (count < FEW) { // later keys have no score yet, and no share
            const std::int64_t seen = rows.all ? keys : least<std::int64_t>(keys, rows.end + keys - N::tokens);
            for (std::int64_t r = 0; r < count; r++)
                for (int h = 0; h < N::kv_heads * N::group; h++)
                    matmul_row<scores, terms, columns, Sum>(left + r * N::x_channels + h * terms,
                                                            all_right + h / N::group * size, N::b_channels,
                                                            y + (first + r) * N::channels + h * columns, seen);
            continue;
        }
        const auto all = units<F>(left, N::x_channels, count, aligned ? N::x_channels : 0);
        for (int kv = 0; kv < N::kv_heads; kv++) {
            fill<F, scores>(right, terms, columns, all_right + kv * size, N::b_channels, static_cast<const int *>(nullptr), std::is_signed_v<A>);
            for (int h = kv * N::group; h < (kv + 1) * N::group; h++) {
                const auto own = aligned ? Left<F>{all.units + h * terms / F::group, all.step}
                                         : units<F>(left + h * terms, N::x_channels, count, terms);
                product<Matrix>(own, count, right, y + first * N::channels + h * columns, N::channels);
            }
        }
    }
}

} // namespace accel
