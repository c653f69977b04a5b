#pragma once
#include "common/native.h"

#ifdef __AVX512VNNI__
#include <immintrin.h>
#endif

namespace accel {

#ifdef __AVX512VNNI__
// Operands of 8 bits, four products at a time. x is taken as x + offset >= 0, and the sums start lower by as much.
template <class N> struct Bytes {
    static constexpr int quads = (N::x_channels + 3) / 4, vectors = (N::channels + 15) / 16;
    static constexpr int offset = std::is_signed_v<typename N::Narrow> ? 128 : 0;
    alignas(64) std::int8_t rows[quads][vectors][16][4] = {};
    alignas(64) std::int32_t start[vectors][16] = {};

    Bytes() {
        for (int c = 0; c < N::channels; c++) {
            start[c / 16][c % 16] = N::bias[c];
            for (int k = 0; k < N::x_channels; k++) {
                const int weight = N::weight[c * N::x_channels + k];
                rows[k / 4][c / 16][c % 16][k % 4] = weight;
                start[c / 16][c % 16] -= offset * weight;
            }
        }
    }

    template <class X, class Y> void product(const X *x, Y *y) const {
        static thread_local std::int32_t packed[N::tokens][quads];
        for (int t = 0; t < N::tokens; t++)
            for (int k = 0; k < N::x_channels; k++)
                reinterpret_cast<std::uint8_t *>(packed[t])[k] = int(x[t * N::x_channels + k]) + offset;
        tiled<N::tokens, vectors>([&](auto tokens, auto width, int token, int vector) {
            __m512i sums[tokens][width];
            for (int t = 0; t < tokens; t++)
                for (int v = 0; v < width; v++)
                    sums[t][v] = _mm512_load_si512(start[vector + v]);
            for (int k = 0; k < quads; k++)
                for (int t = 0; t < tokens; t++)
                    for (int v = 0; v < width; v++)
                        sums[t][v] = _mm512_dpbusd_epi32(sums[t][v], _mm512_set1_epi32(packed[token + t][k]),
                                                         _mm512_load_si512(rows[k][vector + v]));
            for (int t = 0; t < tokens; t++)
                for (int v = 0; v < width; v++) {
                    const int first = (vector + v) * 16;
                    alignas(64) std::int32_t row[16];
                    _mm512_store_si512(row, sums[t][v]);
                    convert(row, y + (token + t) * N::channels + first, std::min(16, N::channels - first));
                }
        });
    }
};
#endif

template <class N> Matrix<typename N::T, N::x_channels, N::channels> turned() {
    Matrix<typename N::T, N::x_channels, N::channels> made;
    for (int c = 0; c < N::channels; c++) {
        reinterpret_cast<typename N::T *>(made.start)[c] = N::bias[c];
        for (int k = 0; k < N::x_channels; k++)
            made.at(k, c) = N::weight[c * N::x_channels + k];
    }
    return made;
}

template <class N, class X, class Y> void dense(const X *x, Y *y) {
#ifdef __AVX512VNNI__
    if constexpr (!std::is_void_v<typename N::Narrow>) {
        static const Bytes<N> weight;
        return weight.product(x, y);
    }
#endif
    static const auto weight = turned<N>();
    product<N::tokens>(x, N::x_channels, weight, y, N::channels);
}

} // namespace accel
