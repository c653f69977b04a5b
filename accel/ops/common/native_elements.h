#pragma once
// Loops over the elements of rows, of which threads take parts where there are many.

#include "common/native.h"
#include "common/native_threads.h"

namespace accel {

constexpr std::int64_t MANY = 1 << 13; // elements that are worth a meeting of threads

// f(first, end) for all elements of rows, or for those of some columns, or of known scores: the first columns of every head.
// Elements of one call are of one row.
template <int CHANNELS, int TOKENS, class F> void elements(const Rows &rows, const F &f) {
    if (rows.right) {
        for (std::int64_t r = rows.first; r < rows.end; r++)
            f(r * CHANNELS + rows.left, r * CHANNELS + rows.right);
        return;
    }
    const std::int64_t count = (rows.end - rows.first) * CHANNELS, line = rows.scores ? TOKENS : CHANNELS;
    const std::int64_t lines = count / line, first = rows.first * CHANNELS;
    const std::int64_t used = rows.scores ? least<std::int64_t>(rows.scores, TOKENS) : line;
    shared_if(lines * used >= MANY, [&](std::int64_t part, std::int64_t parts) {
        const std::int64_t begin = used * part / parts, end = used * (part + 1) / parts;
        for (std::int64_t i = first; i < first + count; i += line)
            f(i + begin, i + end);
    });
}

} // namespace accel
