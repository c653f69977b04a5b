#pragma once
#include "common/native.h"

namespace accel {

template <class N, class X, class Y> void position(const N &node, const X *x, Y *__restrict y, Rows rows) {
    using T = typename N::T;
    const T multiplier = T(node.multiplier);
    for (std::int64_t r = rows.first; r < rows.end; r++) {
        const auto *const table = node.table + r % N::tokens * N::channels;
        for (int c = 0; c < N::channels; c++)
            y[r * N::channels + c] = stored<Y>(T(x[r * N::channels + c]) * multiplier + T(table[c]));
    }
}

} // namespace accel
