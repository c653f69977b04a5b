#pragma once
#include "common/native.h"

namespace accel {

template <class N, class X, class Y> void embedding(const N &node, const X *x, Y *__restrict y, Rows rows) {
    for (std::int64_t r = rows.first; r < rows.end; r++)
        convert(node.table + (std::int64_t(x[r]) - node.base) * N::channels, y + r * N::channels, N::channels);
}

} // namespace accel
