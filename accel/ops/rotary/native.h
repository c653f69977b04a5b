#pragma once
#include "common/native.h"

namespace accel {

template <class N, class X, class Y> void rotary(const N &node, const X *x, Y *__restrict y, Rows rows) {
    using T = typename N::T;
    for (std::int64_t r = rows.first; r < rows.end; r++)
        for (int head = 0; head < N::channels; head += N::period) {
            const auto *const cos = node.cos + r % N::tokens * N::period, *const sin = node.sin + r % N::tokens * N::period;
            const X *const from = x + r * N::channels + head;
            for (int c = 0; c < N::period; c++) {
                T sum = T(from[c]) * T(cos[c]);
                if constexpr (N::turns != 0)
                    sum += T(from[c ^ 1]) * T(sin[c]);
                y[r * N::channels + head + c] = stored<Y>(sum);
            }
        }
}

} // namespace accel
