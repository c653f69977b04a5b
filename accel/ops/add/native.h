#pragma once
#include "common/native_elements.h"

namespace accel {

template <class N, class A, class B, class Y> void add(const N &node, const A *a, const B *b, Y *__restrict y, Rows rows) {
    using T = typename N::T;
    const T p = T(node.multipliers[0]), q = T(node.multipliers[1]);
    elements<N::channels, N::tokens>(rows, [&](std::int64_t first, std::int64_t end) {
        for (std::int64_t i = first; i < end; i++)
            y[i] = stored<Y>(p * T(a[i]) + q * T(b[i]));
    });
}

} // namespace accel
