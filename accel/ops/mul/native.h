#pragma once
#include "common/native.h"

namespace accel {

template <class N, class A, class B, class Y> void mul(const A *a, const B *b, Y *y) {
    using T = typename N::T;
    for (int i = 0; i < N::tokens * N::channels; i++)
        y[i] = T(a[i]) * T(b[i]);
}

} // namespace accel
