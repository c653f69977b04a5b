// The evaluation of accel/dataflow/timing.py, compiled: the same steps on the same arrays.

using Integer = long long;

namespace {

constexpr Integer VISIBLE = 2;
enum Use { SHOWN, PLACED, LEFT, WRITTEN };
enum Times { TAKES, WRITES, READS };

struct Network {
    const Integer *firsts, *gaps, *starts, *edges, *latencies, *intervals, *depths, *places;
    Integer *counts, *times, *now, *next, *left;

    Integer *of(Integer edge, Times kind) const { return times + places[3 * edge + kind]; }
    Integer &count(Integer edge, Times kind) const { return counts[3 * edge + kind]; }
    void append(Integer edge, Times kind, Integer time) const { of(edge, kind)[count(edge, kind)++] = time; }

    // first cycle in which the next unread beat is at the head, -1 if it is not known yet
    Integer visible(Integer edge) const {
        const Integer index = count(edge, READS);
        if (index >= count(edge, WRITES))
            return -1;
        const Integer arrived = of(edge, WRITES)[index] + VISIBLE;
        const Integer after = index ? of(edge, READS)[index - 1] + 1 : 0;
        return arrived > after ? arrived : after;
    }

    // first cycle in which one more place can be taken, -1 if it is not known yet
    Integer free(Integer edge) const {
        const Integer index = count(edge, TAKES) - depths[edge];
        if (depths[edge] < 0 || index < 0)
            return 0;
        return index < count(edge, READS) ? of(edge, READS)[index] + 1 : -1;
    }

    bool fire(Integer process) const {
        const Integer event = next[process], *start = starts + 4 * event;
        const bool first = now[process] < 0;
        Integer time = first ? 0 : now[process] + gaps[event] * intervals[process];
        for (Integer use = start[SHOWN]; use < start[LEFT]; use++) {
            const Integer least = use < start[PLACED] ? visible(edges[use]) : free(edges[use]);
            if (least < 0)
                return false;
            time = least > time ? least : time;
        }
        for (Integer use = start[PLACED]; use < start[LEFT]; use++)
            append(edges[use], TAKES, time);
        for (Integer use = start[LEFT]; use < start[WRITTEN]; use++)
            append(edges[use], READS, time);
        for (Integer use = start[WRITTEN]; use < start[WRITTEN + 1]; use++)
            append(edges[use], WRITES, time + latencies[use]);
        now[process] = time;
        next[process] = event + 1 == firsts[process + 1] ? firsts[process] : event + 1;
        left[process]--;
        return true;
    }
};

} // namespace

extern "C" void run(Integer processes, const Integer *firsts, const Integer *gaps, const Integer *starts,
                    const Integer *edges, const Integer *latencies, const Integer *intervals, const Integer *depths,
                    const Integer *places, Integer *counts, Integer *times, Integer *now, Integer *next,
                    Integer *left) {
    const Network network{firsts, gaps, starts, edges, latencies, intervals, depths, places, counts, times, now, next,
                          left};
    for (bool moved = true; moved;) {
        moved = false;
        for (Integer process = 0; process < processes; process++)
            while (left[process] && network.fire(process))
                moved = true;
    }
}
