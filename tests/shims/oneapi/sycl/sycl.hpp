#pragma once
// As much of SYCL as the projects of hls4ml use, on one thread: a kernel and its tasks run one after the other, each for
// a whole sample. Pipes are queues without an end; reading an empty one is an error.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <queue>
#include <string>
#include <vector>

#define SYCL_EXTERNAL

namespace sycl {
using exception = std::exception;
using exception_list = std::vector<std::exception_ptr>;
using async_handler = void (*)(exception_list);
struct property_list {};
namespace property::queue {
struct enable_profiling {};
} // namespace property::queue

enum class aspect { usm_host_allocations };
namespace info::device {
struct name {};
} // namespace info::device
struct device {
    bool has(aspect) const { return true; }
    template <class WHAT> std::string get_info() const { return "this machine"; }
};

struct queue {
    device get_device() const { return {}; }
    template <class... A> explicit queue(A...) {}
    template <class NAME, class KERNEL> void single_task(const KERNEL &kernel) { kernel(); }
    template <class KERNEL> void single_task(const KERNEL &kernel) { kernel(); }
    void wait() {}
};

namespace ext::oneapi::experimental {
struct properties_tag {};
template <class... A> struct properties {
    constexpr properties(A...) {}
};
} // namespace ext::oneapi::experimental

namespace ext::intel {
inline constexpr int fpga_emulator_selector_v = 0;
namespace experimental {
template <int CYCLES> inline constexpr int ready_latency = CYCLES;
template <int = 0> inline constexpr int streaming_interface = 0;
template <int = 0> inline constexpr int pipelined = 0;

template <class NAME, class T, int32_t DEPTH = 0, class PROPERTIES = void, class... MORE> class pipe {
    static std::queue<T> &beats() {
        static std::queue<T> waiting;
        return waiting;
    }

  public:
    static T read() {
        if (beats().empty()) {
            std::fputs("a task reads from an empty pipe\n", stderr);
            std::abort();
        }
        T beat = beats().front();
        beats().pop();
        return beat;
    }
    static void write(const T &beat) { beats().push(beat); }
    static T read(queue &) { return read(); }
    static void write(queue &, const T &beat) { write(beat); }
};

template <auto &TASK> struct task_sequence {
    template <class... A> void async(A... arguments) { TASK(arguments...); }
};
} // namespace experimental
} // namespace ext::intel
} // namespace sycl
