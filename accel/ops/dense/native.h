#pragma once
#include "common/native_matrix.h"

namespace accel {

// The weights as the products read them; without memory only how many bytes they take.
template <class N, class X> std::int64_t prepare(const N &node, const X *, void *memory) {
    using F = Format<N::bytes, typename N::T>;
    const Packed<F> matrix(N::x_channels, N::channels);
    if (memory)
        matrix.template fill<true>(static_cast<typename F::Weights *>(memory), node.weight, N::x_channels, node.bias,
                                   std::is_signed_v<X>);
    return matrix.size() * sizeof(typename F::Weights);
}

template <class N, class X, class Y> void dense(const N &node, const X *x, Y *__restrict y, Rows rows) {
    using F = Format<N::bytes, typename N::T>;
    const Packed<F> matrix(N::x_channels, N::channels);
    const auto *weights = static_cast<const typename F::Weights *>(node.prepared);
    const std::int64_t most = strip<F>(matrix.groups);
    for (std::int64_t first = rows.first; first < rows.end; first += most) {
        const std::int64_t count = std::min(most, rows.end - first);
        const auto left = units<F>(x + first * N::x_channels, N::x_channels, count, N::x_channels);
        product<F>(left, count, matrix, weights, y + first * N::channels, N::channels);
    }
}

} // namespace accel
