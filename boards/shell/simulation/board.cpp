// Drives the pins of a board top: the serial line bit by bit, on request of the program at the other end of stdin.
//
// Request:  u32 bytes to send, u32 bytes wanted, u64 most quiet cycles, u64 most cycles, then the bytes.
//           It ends with the bytes that are wanted, after so many quiet cycles in a row (nothing on either
//           line, and no sample running), or when its cycles are spent.
// Answer:   u64 cycles since the start, u64 quiet cycles in a row, u32 bytes received, then those bytes.
// Bytes with a wrong stop bit end the program with code 3.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <vector>

#include "Vtop.h"
#include "verilated.h"

namespace {

class Board {
   public:
    explicit Board(unsigned seed) {
        context_.randReset(2);
        context_.randSeed(seed);
        top_ = new Vtop{&context_};
        top_->clk_pin = 0;
        top_->rx_pin = 1;
        top_->reset_pin = RESET_LEVEL;
        for (int i = 0; i < 32; i++) cycle();
        top_->reset_pin = !RESET_LEVEL;
        for (int i = 0; i < 1280; i++) cycle();  // longer than any clock generator takes to start
        received.clear();
        cycles = quiet = 0;
    }
    ~Board() { delete top_; }

    void cycle() {
        drive();
        top_->clk_pin = 1;
        top_->eval();
        top_->clk_pin = 0;
        top_->eval();
        sample();
        cycles++;
        bool running = top_->led_pin == LED_LEVEL;
        quiet = running || bits_left_ || receive_index_ >= 0 ? 0 : quiet + 1;
    }

    std::deque<uint8_t> to_send;
    std::vector<uint8_t> received;
    uint64_t cycles = 0, quiet = 0;

   private:
    void drive() {
        if (!bits_left_ && !to_send.empty()) {
            shift_ = (to_send.front() << 1) | 0x200;
            to_send.pop_front();
            bits_left_ = 10;
            send_timer_ = 0;
        }
        if (!bits_left_) return;
        top_->rx_pin = shift_ & 1;
        if (++send_timer_ == CLOCKS_PER_BIT) {
            send_timer_ = 0;
            shift_ >>= 1;
            bits_left_--;
        }
    }

    void sample() {
        bool line = top_->tx_pin;
        if (receive_index_ < 0) {
            if (!line) {
                receive_index_ = 0;
                receive_timer_ = CLOCKS_PER_BIT / 2;
            }
            return;
        }
        if (receive_timer_--) return;
        receive_timer_ = CLOCKS_PER_BIT - 1;
        int index = receive_index_++;
        if (index >= 1 && index <= 8) byte_ = (byte_ >> 1) | (line ? 0x80 : 0);
        if (index == 0 && line) receive_index_ = -1;
        if (index == 9) {
            if (!line) std::exit(3);
            received.push_back(byte_);
            receive_index_ = -1;
        }
    }

    VerilatedContext context_;
    Vtop* top_ = nullptr;
    int bits_left_ = 0, send_timer_ = 0, receive_index_ = -1, receive_timer_ = 0;
    unsigned shift_ = 0;
    uint8_t byte_ = 0;
};

template <class T>
bool read_value(T& value) {
    return std::fread(&value, sizeof value, 1, stdin) == 1;
}

}  // namespace

int main(int, char** argv) {
    Board board(std::atoi(argv[1]));
    uint32_t count, wanted;
    uint64_t quiet, most;
    while (read_value(count) && read_value(wanted) && read_value(quiet) && read_value(most)) {
        if (count) board.quiet = 0;
        for (uint8_t byte; count && read_value(byte); count--) board.to_send.push_back(byte);
        for (; most && board.quiet < quiet && board.received.size() < wanted; most--) board.cycle();
        uint32_t got = board.received.size();
        std::fwrite(&board.cycles, sizeof board.cycles, 1, stdout);
        std::fwrite(&board.quiet, sizeof board.quiet, 1, stdout);
        std::fwrite(&got, sizeof got, 1, stdout);
        std::fwrite(board.received.data(), 1, got, stdout);
        std::fflush(stdout);
        board.received.clear();
    }
}
