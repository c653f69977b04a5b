#pragma once
#include "common/native_matrix.h"

namespace accel {

template <class N> using Terms = Format<N::bytes, typename N::T>;
template <class N> using Weights = Packed<Terms<N>, N::x_channels, N::channels>;

// The weights as the products read them; without memory only how many bytes they take.
template <class N, class X> std::int64_t prepare(const N &node, const X *, void *memory) {
    using Stored = typename Terms<N>::Weights;
    if (memory)
        fill_once<Terms<N>>(static_cast<Stored *>(memory), N::x_channels, N::channels, node.weight, node.bias, std::is_signed_v<X>);
    return Weights<N>::size * sizeof(Stored);
}

template <class N, class X, class Y> void dense(const N &node, const X *x, Y *__restrict y, Rows rows) {
    using F = Terms<N>;
    const auto *weights = static_cast<const typename F::Weights *>(node.prepared);
    const std::int64_t most = strip<F>(Weights<N>::groups);
    for (std::int64_t first = rows.first; first < rows.end; first += most) {
        const std::int64_t count = least(most, rows.end - first);
        const auto left = units<F>(x + first * N::x_channels, N::x_channels, count, N::x_channels);
        product<Weights<N>>(left, count, weights, y + first * N::channels, N::channels);
    }
}

} // namespace accel
