#pragma once
#include "common/native.h"

namespace accel {

template <class N, class X, class Y> void lookup(const N &node, const X *x, Y *__restrict y, Rows rows) {
    const auto *table = node.table - node.base;
    for (std::int64_t i = rows.first * N::channels; i < rows.end * N::channels; i++)
        y[i] = Y(table[x[i]]);
}

} // namespace accel
