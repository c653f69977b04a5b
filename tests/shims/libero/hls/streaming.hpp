#pragma once
// SmartHLS' queue, without an end; reading an empty one is an error.
#include <cstdio>
#include <cstdlib>
#include <queue>

#define DEFAULT_FIFO_DEPTH 2

namespace hls {
template <class T> class FIFO {
    std::queue<T> values;

  public:
    explicit FIFO(int = DEFAULT_FIFO_DEPTH) {}
    void write(const T &value) { values.push(value); }
    T read() {
        if (values.empty()) {
            std::fputs("read from an empty FIFO\n", stderr);
            std::abort();
        }
        T value = values.front();
        values.pop();
        return value;
    }
};
} // namespace hls
