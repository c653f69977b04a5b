#pragma once
#include "common/native.h"

namespace accel {

// Scores of `count` rows become exponentials in their place; keys[r] of row r may be seen.
template <int ROW, int CAUSAL, class T, class Rom>
void exponentials(T *values, const int *keys, int count, const Rom *rom, T last) {
    using Index = std::conditional_t<sizeof(T) == 8, std::int64_t, std::int32_t>;
    for (int r = 0; r < count; r++) {
        T *const of = values + r * ROW;
        T largest = of[0];
        #pragma omp simd reduction(max : largest)
        for (int k = 0; k < (CAUSAL ? keys[r] : ROW); k++)
            largest = most(largest, of[k]);
        for (int k = 0; k < ROW; k++) // a key that does not count may lie above the largest
            of[k] = least(CAUSAL ? most(largest - of[k], T(0)) : largest - of[k], last);
    }
    for (int i = 0; i < count * ROW; i++)
        values[i] = T(rom[Index(values[i])]);
    for (int r = 0; r < count; r++)
        for (int k = keys[r]; k < ROW; k++)
            values[r * ROW + k] = 0;
}

// Causal: key j <= query + (row - tokens).
template <class N, class X, class Y> void exponential(const N &node, const X *x, Y *__restrict y, Rows rows) {
    using T = typename N::T;
    constexpr int row = N::row, heads = N::channels / row, together = row < 256 ? 16 : 4;
    T *const values = scratch<T, 0>(together * row);
    for (std::int64_t first = rows.first * heads; first < rows.end * heads; first += together) {
        const int count = int(least<std::int64_t>(together, rows.end * heads - first));
        int keys[together];
        convert(x + first * row, values, count * row);
        for (int r = 0; r < count; r++)
            keys[r] = N::causal ? int((first + r) / heads % N::tokens) + row - N::tokens + 1 : row;
        exponentials<row, N::causal>(values, keys, count, node.rom, T(node.rom_size - 1));
        convert(values, y + first * row, count * row);
    }
}

} // namespace accel
