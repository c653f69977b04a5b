#pragma once
#include "common/native.h"

namespace accel {

template <class N, class A, class B, class Y> void mul(const N &, const A *a, const B *b, Y *__restrict y, Rows rows) {
    using T = typename N::T;
    for (std::int64_t i = rows.first * N::channels; i < rows.end * N::channels; i++)
        y[i] = stored<Y>(T(a[i]) * T(b[i]));
}

} // namespace accel
