#pragma once
#include "common/native_matrix.h"

namespace accel {

// Per sample and head: scores contract the channels of both, values the tokens of b.
template <class N, class A, class B, class Y> void matmul(const N &, const A *a, const B *b, Y *__restrict y, Rows rows) {
    using F = Format<N::bytes, typename N::T>;
    constexpr bool scores = N::form == Word::scores;
    constexpr int size = N::b_channels / N::kv_heads, keys = N::b_tokens;
    constexpr int terms = scores ? size : keys, columns = scores ? keys : size;
    constexpr bool aligned = terms % F::group == 0; // then the rows of all heads are units as they are
    using Matrix = Packed<F, terms, columns>;
    auto *right = scratch<typename F::Weights, 1>(Matrix::size);
    for (std::int64_t sample = rows.first / N::tokens; sample * N::tokens < rows.end; sample++) {
        const std::int64_t first = most(rows.first, sample * N::tokens);
        const std::int64_t count = least(rows.end, (sample + 1) * N::tokens) - first;
        const A *left = a + first * N::x_channels;
        const auto all = units<F>(left, N::x_channels, count, aligned ? N::x_channels : 0);
        for (int kv = 0; kv < N::kv_heads; kv++) {
            const B *head = b + sample * keys * N::b_channels + kv * size;
            fill<F, scores>(right, terms, columns, head, N::b_channels, static_cast<const int *>(nullptr), std::is_signed_v<A>);
            for (int h = kv * N::group; h < (kv + 1) * N::group; h++) {
                const auto own = aligned ? Left<F>{all.units + h * terms / F::group, all.step}
                                         : units<F>(left + h * terms, N::x_channels, count, terms);
                product<Matrix>(own, count, right, y + first * N::channels + h * columns, N::channels);
            }
        }
    }
}

} // namespace accel
