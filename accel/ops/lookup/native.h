#pragma once
#include "common/native_elements.h"

namespace accel {

template <class N, class X, class Y> void lookup(const N &node, const X *x, Y *__restrict y, Rows rows) {
    const auto *table = node.table - node.base;
    elements<N::channels, N::tokens>(rows, [&](std::int64_t first, std::int64_t end) {
        for (std::int64_t i = first; i < end; i++)
            y[i] = Y(table[x[i]]);
    });
}

} // namespace accel
