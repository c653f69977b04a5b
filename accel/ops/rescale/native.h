#pragma once
#include "common/native_elements.h"

namespace accel {

template <class N, class X, class Y> void rescale(const N &node, const X *x, Y *__restrict y, Rows rows) {
    using T = typename N::T;
    const Requantized<N::rounding, T> requantized(node.shift, node.lo, node.hi);
    elements<N::channels, N::tokens>(rows, [&](std::int64_t first, std::int64_t end) {
        if constexpr (N::multiplier_size == 1) {
            const T multiplier = T(node.multiplier[0]);
            for (std::int64_t i = first; i < end; i++)
                y[i] = stored<Y>(requantized(T(x[i]) * multiplier));
        } else {
            const auto *const multiplier = node.multiplier - first / N::channels * N::channels;
            for (std::int64_t i = first; i < end; i++)
                y[i] = stored<Y>(requantized(T(x[i]) * T(multiplier[i])));
        }
    });
}

} // namespace accel
