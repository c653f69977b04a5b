#pragma once
#include "common/native.h"

namespace accel {

template <class N, class A, class B, class Y> void add(const N &node, const A *a, const B *b, Y *__restrict y, Rows rows) {
    using T = typename N::T;
    const T p = T(node.multipliers[0]), q = T(node.multipliers[1]);
    for (std::int64_t i = rows.first * N::channels; i < rows.end * N::channels; i++)
        y[i] = stored<Y>(p * T(a[i]) + q * T(b[i]));
}

} // namespace accel
