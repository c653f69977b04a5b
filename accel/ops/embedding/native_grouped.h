#pragma once
// Rows of a table D·q + M in groups of inputs, in the layout of accel/blocks.py.

#include "common/native.h"

namespace accel {

template <class N, class X, class Y> void embedding_grouped(const N &node, const X *x, Y *__restrict y, Rows rows) {
    constexpr int group = 32, height = 16, together = 4;
    constexpr std::int64_t line = group * height * N::bits / 8, groups = N::channels / group;
    for (std::int64_t r = rows.first; r < rows.end; r++) {
        const std::int64_t place = std::int64_t(x[r]) - node.base, own = place % height;
        const auto *block = reinterpret_cast<const std::uint8_t *>(node.packed) + place / height * groups * (line + 4 * height);
        for (std::int64_t g = 0; g < groups; g++, block += line + 4 * height) {
            std::int16_t factor, offset;
            std::memcpy(&factor, block + line + 2 * own, 2);
            std::memcpy(&offset, block + line + 2 * (height + own), 2);
            for (int i = 0; i < group; i++) {
                const int fours = i / together, at = N::bits == 8 ? fours : fours / 2;
                const int q = block[(at * height + own) * together + i % together];
                const int low = N::bits == 8 ? q : fours % 2 ? q >> 4 : q & 15;
                y[r * N::channels + g * group + i] = Y(factor * low + offset);
            }
        }
    }
}

} // namespace accel
