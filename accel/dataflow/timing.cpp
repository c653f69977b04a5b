// The evaluation of accel/dataflow/timing.py, compiled: as many equal events at once as their edges allow, sequence by
// sequence, so that an edge keeps no more beats than wait in it. Sequences that can only repeat the last are not evaluated.

#include <algorithm>
#include <queue>
#include <vector>

using Integer = long long;

namespace {

constexpr Integer VISIBLE = 2;
constexpr Integer CHUNK = 256;
constexpr unsigned long long HASH = 0x9E3779B97F4A7C15;
constexpr Integer NEVER = -(1LL << 62);
enum Use { SHOWN, PLACED, LEFT, WRITTEN };

std::vector<Integer> ring(Integer places) {
    std::size_t size = 1;
    while (static_cast<Integer>(size) < places)
        size *= 2;
    return std::vector<Integer>(size, NEVER);
}

struct Edge {
    Integer depth = -1;                    // places, negative without a limit
    Integer taken = 0, freed = 0;          // places since the start
    Integer written = 0, read = 0;         // beats of this sequence
    Integer last_read = -1;
    std::vector<Integer> writes, reads;    // of the beats that wait, and of those whose places may be taken again
    // where the most places are asked for: takes of this sequence; leaves of this one and later ones than all earlier takes
    std::vector<Integer> takes, leaves;
    Integer gone = 0, gone_before = 0, most = 0; // leaves that came before the last take, and before this sequence's first
    std::vector<Integer> readers, takers;  // processes

    // the most places that this sequence's takes have taken at once
    void count(Integer sequence) {
        Integer taken = sequence * static_cast<Integer>(takes.size());
        const Integer first = gone, end = leaves.size();
        gone_before = gone;
        for (const Integer time : takes) {
            while (gone - first < end && leaves[gone - first] < time)
                gone++;
            most = std::max(most, ++taken - gone);
        }
    }

    // leaves that no later take waits for
    void forget() { leaves.erase(leaves.begin(), leaves.begin() + (gone - gone_before)); }
};

struct Network {
    Integer processes, edges, sequences, period, outside, given_edges;
    bool all; // times of all beats are kept, for the most places taken
    // steps of the processes, and events per sequence; uses by kind of event; edges; the beats from outside
    const Integer *firsts, *gaps, *counts, *kinds, *events, *starts, *used, *latencies, *moves, *depths, *beats, *releases;
    Integer *next, *left, *first_reads, *last_writes, *given, *most, *places, *results;

    Network(const Integer *sizes, Integer *const *a)
        : processes(sizes[0]), edges(sizes[1]), sequences(sizes[2]), period(sizes[3]), outside(sizes[4]),
          given_edges(sizes[5]), all(sizes[6]), firsts(a[0]), gaps(a[1]), counts(a[2]), kinds(a[3]), events(a[4]),
          starts(a[5]), used(a[6]), latencies(a[7]), moves(a[8]), depths(a[9]), beats(a[10]), releases(a[11]),
          next(a[12]), left(a[13]), first_reads(a[14]), last_writes(a[15]), given(a[16]), most(a[17]), places(a[18]), results(a[19]) {}
};

struct Run : Network {
    std::vector<Edge> edge;
    std::vector<Integer> now, done;
    std::queue<Integer> pending;
    std::vector<char> queued;
    // of every process, the time of its first event in this sequence and the one before, and a hash of all times since
    std::vector<Integer> began, before;
    std::vector<unsigned long long> hash, last_hash;
    Integer sequence = 0, span = 1, shift = 0;
    std::vector<Integer *> out; // of every edge, where the cycle of its next read goes; null where nobody asks for it

    explicit Run(const Network &network)
        : Network(network), now(processes, -1), done(processes, 0), queued(processes, 0), began(processes, 0),
          before(processes, 0), hash(processes, 0), last_hash(processes, 0), out(edges, nullptr) {
        Integer *begin = given;
        for (Integer number = 0; number < given_edges && !all; number++) {
            out[results[number]] = begin;
            begin += beats[results[number]] * sequences;
        }
        for (Integer number = 0; number < edges; number++) {
            Edge made;
            made.depth = depths[number];
            made.writes = ring(made.depth < 0 ? beats[number] : std::min(made.depth, beats[number]));
            made.reads = ring(std::max<Integer>(made.depth, 1));
            if (made.depth > 0 && beats[number])
                span = std::max(span, (made.depth + beats[number] - 1) / beats[number]);
            edge.push_back(made);
        }
        for (Integer process = 0; process < processes; process++)
            for (Integer step = firsts[process]; step < firsts[process + 1]; step++) {
                const Integer *start = starts + 4 * kinds[step];
                for (Integer use = start[SHOWN]; use < start[LEFT]; use++) {
                    Edge &met = edge[used[use]];
                    std::vector<Integer> &list = use < start[PLACED] ? met.readers : met.takers;
                    if (list.empty() || list.back() != process)
                        list.push_back(process);
                }
            }
    }

    void wake(const std::vector<Integer> &processes) {
        for (const Integer process : processes)
            if (!queued[process]) {
                queued[process] = 1;
                pending.push(process);
            }
    }

    // how many events of this kind their edges allow
    Integer allowed(const Integer *start, Integer most) const {
        for (Integer use = start[SHOWN]; use < start[PLACED]; use++) {
            const Edge &met = edge[used[use]];
            const Integer waiting = met.written - met.read;
            most = std::min(most, moves[use] || !waiting ? waiting : most);
        }
        for (Integer use = start[PLACED]; use < start[LEFT]; use++) {
            const Edge &met = edge[used[use]];
            if (met.depth >= 0)
                most = std::min(most, met.depth + met.freed - met.taken);
        }
        return most;
    }

    void schedule(const Integer *start, Integer count, Integer own, Integer gap, Integer *time) const {
        std::fill(time, time + count, 0);
        for (Integer use = start[SHOWN]; use < start[PLACED]; use++) {
            const Edge &met = edge[used[use]];
            const Integer mask = static_cast<Integer>(met.writes.size()) - 1, move = moves[use];
            time[0] = std::max(time[0], met.last_read + 1);
            for (Integer k = 0; k < count; k++)
                time[k] = std::max(time[k], met.writes[(met.read + k * move) & mask] + VISIBLE);
        }
        for (Integer use = start[PLACED]; use < start[LEFT]; use++) {
            const Edge &met = edge[used[use]];
            const Integer mask = static_cast<Integer>(met.reads.size()) - 1, from = met.taken - met.depth;
            if (met.depth >= 0)
                for (Integer k = std::max<Integer>(0, -from); k < count; k++)
                    time[k] = std::max(time[k], met.reads[(from + k) & mask] + 1);
        }
        for (Integer k = 0; k < count; k++)
            own = (time[k] = std::max(time[k], own)) + gap;
    }

    void take(Edge &met, const Integer *time, Integer count) {
        met.taken += count;
        if (all)
            met.takes.insert(met.takes.end(), time, time + count);
    }

    void leave(Integer number, const Integer *time, Integer count) {
        Edge &met = edge[number];
        const Integer mask = static_cast<Integer>(met.reads.size()) - 1;
        if (!met.read)
            first_reads[number * sequences + sequence] = time[0];
        if (met.depth >= 0)
            for (Integer k = 0; k < count; k++)
                met.reads[(met.freed + k) & mask] = time[k];
        met.read += count;
        met.freed += count;
        met.last_read = time[count - 1];
        if (all)
            met.leaves.insert(met.leaves.end(), time, time + count);
        if (out[number])
            out[number] = std::copy(time, time + count, out[number]);
        if (met.depth >= 0)
            wake(met.takers);
    }

    void write(Integer number, const Integer *time, Integer count, Integer latency) {
        Edge &met = edge[number];
        const Integer mask = static_cast<Integer>(met.writes.size()) - 1;
        for (Integer k = 0; k < count; k++)
            met.writes[(met.written + k) & mask] = time[k] + latency;
        met.written += count;
        last_writes[number * sequences + sequence] = time[count - 1] + latency;
        wake(met.readers);
    }

    bool fire(Integer process) {
        Integer time[CHUNK];
        const Integer step = next[process], *start = starts + 4 * kinds[step];
        const Integer most = std::min({counts[step] - done[process], left[process], CHUNK});
        const Integer count = allowed(start, most), gap = gaps[step];
        if (count <= 0)
            return false;
        schedule(start, count, now[process] < 0 ? 0 : now[process] + gap, gap, time);
        for (Integer use = start[PLACED]; use < start[LEFT]; use++)
            take(edge[used[use]], time, count);
        for (Integer use = start[LEFT]; use < start[WRITTEN]; use++)
            leave(used[use], time, count);
        for (Integer use = start[WRITTEN]; use < start[WRITTEN + 1]; use++)
            write(used[use], time, count, latencies[use]);
        if (left[process] == events[process])
            began[process] = time[0];
        for (Integer k = 0; k < count; k++)
            hash[process] = hash[process] * HASH + (time[k] - began[process]);
        now[process] = time[count - 1];
        left[process] -= count;
        done[process] += count;
        if (done[process] == counts[step]) {
            done[process] = 0;
            next[process] = step + 1 == firsts[process + 1] ? firsts[process] : step + 1;
        }
        return true;
    }

    // one sequence; false where processes wait for ever
    bool advance() {
        for (Edge &each : edge) {
            each.written = each.read = 0;
            each.takes.clear();
            each.forget();
        }
        before = began;
        last_hash = hash;
        std::fill(hash.begin(), hash.end(), 0);
        const Integer *release = releases;
        for (Integer number = 0; number < outside; number++) {
            for (Integer k = 0; k < beats[number]; k++)
                edge[number].writes[k] = *release++ + sequence * period;
            edge[number].written = beats[number];
        }
        std::copy(events, events + processes, left);
        for (Integer process = 0; process < processes; process++)
            wake({process});
        while (!pending.empty()) {
            const Integer process = pending.front();
            pending.pop();
            queued[process] = 0;
            while (left[process] && fire(process))
                ;
        }
        for (Edge &each : edge)
            each.count(sequence);
        sequence++;
        return std::all_of(left, left + processes, [](Integer events) { return events == 0; });
    }

    // whether the last sequence is the one before it, `shift` cycles later
    bool repeats() {
        shift = began[0] - before[0];
        for (Integer process = 0; process < processes; process++)
            if (began[process] != before[process] + shift || hash[process] != last_hash[process])
                return false;
        return sequence > 1 && shift >= period;
    }

    // All sequences, or as many as it takes until all further ones repeat the last: no event depends on one that is
    // more than `span` sequences earlier, and what comes from outside comes no later than before.
    bool complete() {
        for (Integer repeated = 0; sequence < sequences && repeated < span;) {
            if (!advance())
                return false;
            repeated = repeats() ? repeated + 1 : 0;
        }
        return true;
    }

    // the sequences that repeat the last
    void repeat() {
        for (Integer number = 0; number < edges; number++)
            for (Integer k = sequence; beats[number] && k < sequences; k++) {
                first_reads[number * sequences + k] = first_reads[number * sequences + k - 1] + shift;
                if (number >= outside)
                    last_writes[number * sequences + k] = last_writes[number * sequences + k - 1] + shift;
            }
        for (Integer number = 0; number < edges; number++)
            for (Integer left = (sequences - sequence) * beats[number]; out[number] && left > 0; left--, out[number]++)
                *out[number] = *(out[number] - beats[number]) + shift;
    }

    // the most places that are taken at once, in the sequences that repeat the last, too, until those repeat each other
    Integer most_taken(Edge &each) const {
        const Integer beats = each.takes.size(), known = (sequence - 1) * beats;
        std::vector<Integer> last(each.leaves.end() - beats, each.leaves.end());
        for (Integer n = sequence; n < sequences && each.gone_before < known; n++) {
            each.forget();
            for (Integer &time : each.takes)
                time += shift;
            for (Integer &time : last)
                each.leaves.push_back(time += shift);
            each.count(n);
        }
        return each.most;
    }
};

} // namespace

extern "C" Integer run(const Integer *sizes, Integer *const *arrays) {
    Run run(Network(sizes, arrays));
    const bool complete = run.complete();
    if (complete)
        run.repeat();
    for (Integer number = 0; number < run.edges; number++) {
        Edge &each = run.edge[number];
        if (run.all && complete)
            run.most[number] = run.most_taken(each);
        const Integer known[] = {each.written, each.read, each.taken, each.freed};
        std::copy(known, known + 4, run.places + 4 * number);
    }
    return complete;
}
