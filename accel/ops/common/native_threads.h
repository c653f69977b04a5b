#pragma once
// Threads that stay, and share loops of a kernel. They spin for a while before they sleep: a language model has a matrix
// to share every few microseconds.

#include <cstdint>
#include <pthread.h>
#include <sched.h>

namespace accel {

using Share = void (*)(const void *context, std::int64_t part, std::int64_t parts);

struct Crew {
    static constexpr int LONGEST = 1000, MOST = 64; // turns of spinning; threads

    std::int64_t wanted = 1; // threads, the caller's own included
    std::int64_t started = 0, ticket = 0, pending = 0, parts = 0, busy = 0;
    Share share = nullptr;
    const void *context = nullptr;
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t called = PTHREAD_COND_INITIALIZER;
};

inline Crew crew;

inline void turn() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

inline void *work(void *number) {
    const std::int64_t own = reinterpret_cast<std::intptr_t>(number);
    for (std::int64_t seen = 0;;) {
        for (int i = 0; i < Crew::LONGEST && __atomic_load_n(&crew.ticket, __ATOMIC_ACQUIRE) == seen; i++)
            turn();
        pthread_mutex_lock(&crew.mutex);
        while (crew.ticket == seen)
            pthread_cond_wait(&crew.called, &crew.mutex);
        seen = crew.ticket;
        const bool takes = own < crew.parts;
        pthread_mutex_unlock(&crew.mutex);
        if (takes) {
            crew.share(crew.context, own, crew.parts);
            __atomic_sub_fetch(&crew.pending, 1, __ATOMIC_RELEASE);
        }
    }
}

// A child process has none of its parent's threads.
inline void forget() {
    crew = Crew{crew.wanted};
}

inline bool start(std::int64_t threads) {
    if (!crew.started)
        pthread_atfork(nullptr, nullptr, forget);
    while (crew.started < threads - 1) {
        pthread_t thread;
        if (pthread_create(&thread, nullptr, work, reinterpret_cast<void *>(std::intptr_t(crew.started + 1))))
            return false;
        pthread_detach(thread);
        crew.started++;
    }
    return true;
}

// f(part, parts) for all parts, each in a thread; in this one alone while another call has the threads.
template <class F> void shared(const F &f) {
    const std::int64_t parts = crew.wanted < Crew::MOST ? crew.wanted : Crew::MOST;
    if (parts < 2 || __atomic_exchange_n(&crew.busy, 1, __ATOMIC_ACQUIRE))
        return f(std::int64_t(0), std::int64_t(1));
    if (!start(parts)) {
        __atomic_store_n(&crew.busy, 0, __ATOMIC_RELEASE);
        return f(std::int64_t(0), std::int64_t(1));
    }
    pthread_mutex_lock(&crew.mutex);
    crew.share = [](const void *context, std::int64_t part, std::int64_t of) { (*static_cast<const F *>(context))(part, of); };
    crew.context = &f;
    crew.parts = parts;
    crew.pending = parts - 1;
    __atomic_add_fetch(&crew.ticket, 1, __ATOMIC_RELEASE);
    pthread_cond_broadcast(&crew.called);
    pthread_mutex_unlock(&crew.mutex);
    f(std::int64_t(0), parts);
    for (int i = 0; __atomic_load_n(&crew.pending, __ATOMIC_ACQUIRE); i++)
        i < Crew::LONGEST ? turn() : void(sched_yield());
    __atomic_store_n(&crew.busy, 0, __ATOMIC_RELEASE);
}

// f(part, parts), shared only where its work is longer than the meeting of the threads.
template <class F> void shared_if(bool worth, const F &f) {
    worth ? shared(f) : f(std::int64_t(0), std::int64_t(1));
}

} // namespace accel
