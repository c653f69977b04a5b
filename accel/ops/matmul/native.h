#pragma once
#include "common/native.h"

namespace accel {

// Per head: scores contract the channels of both, values the tokens of b.
template <class N, class A, class B, class Y> void matmul(const A *a, const B *b, Y *y) {
    using T = typename N::T;
    constexpr bool scores = N::form == Word::scores;
    constexpr int size = N::b_channels / N::kv_heads, keys = N::b_tokens;
    constexpr int terms = scores ? size : keys, columns = scores ? keys : size;
    for (int kv = 0; kv < N::kv_heads; kv++) {
        static thread_local Matrix<T, terms, columns> right; // not on the stack: sequences may be long
        for (int j = 0; j < keys; j++)
            for (int c = 0; c < size; c++)
                right.at(scores ? c : j, scores ? j : c) = b[j * N::b_channels + kv * size + c];
        for (int h = kv * N::group; h < (kv + 1) * N::group; h++)
            product<N::tokens>(a + h * terms, N::x_channels, right, y + h * columns, N::channels);
    }
}

} // namespace accel
