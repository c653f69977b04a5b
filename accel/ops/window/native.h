#pragma once
#include "common/native.h"

namespace accel {

template <class N, class X, class Y> void window(const N &node, const X *x, Y *__restrict y, Rows rows) {
    for (std::int64_t r = rows.first; r < rows.end; r++) {
        const std::int64_t sample = r / N::tokens, t = r % N::tokens, from = node.first + t;
        if (from >= 0 && from < N::x_tokens)
            convert(x + (sample * N::x_tokens + from) * N::channels, y + r * N::channels, N::channels);
        else
            convert(node.fill + t * N::channels, y + r * N::channels, N::channels);
    }
}

} // namespace accel
