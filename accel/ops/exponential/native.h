#pragma once
#include "common/native.h"
#include "common/native_threads.h"

namespace accel {

constexpr int LONG = 256;                // keys of a row from which those that are not seen are skipped
constexpr std::int64_t SCORES = 1 << 13; // that are worth a meeting of threads

// Scores of `count` rows become exponentials in their place; keys[r] of row r may be seen.
template <int ROW, int CAUSAL, class T, class Rom>
void exponentials(T *values, const int *keys, int count, const Rom *rom, T last) {
    using Index = std::conditional_t<sizeof(T) == 8, std::int64_t, std::int32_t>;
    constexpr bool some = CAUSAL && ROW >= LONG;
    for (int r = 0; r < count; r++) {
        T *const of = values + r * ROW;
        T largest = of[0];
        #pragma omp simd reduction(max : largest)
        for (int k = 0; k < (CAUSAL ? keys[r] : ROW); k++)
            largest = most(largest, of[k]);
        for (int k = 0; k < (some ? keys[r] : ROW); k++) // a key that does not count may lie above the largest
            of[k] = least(CAUSAL ? most(largest - of[k], T(0)) : largest - of[k], last);
    }
    for (int r = 0; r < (some ? count : 1); r++)
        for (int i = 0; i < (some ? keys[r] : count * ROW); i++)
            values[r * ROW + i] = T(rom[Index(values[r * ROW + i])]);
}

// Keys that may not be seen get 0.
template <int ROW, class T> void hide(T *values, const int *keys, int count) {
    for (int r = 0; r < count; r++)
        for (int k = keys[r]; k < ROW; k++)
            values[r * ROW + k] = 0;
}

// Rows of scores first to end − 1, of all heads.
template <class N, class X, class Y>
void exponential_rows(const N &node, const X *x, Y *__restrict y, std::int64_t first, std::int64_t end) {
    using T = typename N::T;
    constexpr int row = N::row, heads = N::channels / row, together = row < LONG ? 16 : 1;
    T *const values = scratch<T, 0>(together * row);
    for (; first < end; first += together) {
        const int count = int(least<std::int64_t>(together, end - first));
        int keys[together];
        for (int r = 0; r < count; r++)
            keys[r] = N::causal ? int((first + r) / heads % N::tokens) + row - N::tokens + 1 : row;
        const int used = together == 1 ? keys[0] : count * row;
        convert(x + first * row, values, used);
        exponentials<row, N::causal>(values, keys, count, node.rom, T(node.rom_size - 1));
        convert(values, y + first * row, used);
        hide<row>(y + first * row, keys, count);
    }
}

// Causal: key j <= query + (row - tokens).
template <class N, class X, class Y> void exponential(const N &node, const X *x, Y *__restrict y, Rows rows) {
    constexpr std::int64_t heads = N::channels / N::row;
    const std::int64_t first = rows.first * heads, count = (rows.end - rows.first) * heads;
    shared_if(count * least<std::int64_t>(N::row, rows.end) >= SCORES, [&](std::int64_t part, std::int64_t parts) {
        exponential_rows(node, x, y, first + count * part / parts, first + count * (part + 1) / parts);
    });
}

} // namespace accel
