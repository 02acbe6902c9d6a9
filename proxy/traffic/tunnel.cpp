#include "proxy/traffic/tunnel.hpp"

#include <boost/asio.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>

namespace proxy {

namespace {

using boost::system::error_code;

constexpr std::chrono::seconds time_for_last_words{5};  // for the other side, after one has ended

struct Halves {
    Tunnel& tunnel;
    TimePoint last_octet = Clock::now();
    TimePoint end = TimePoint::max();  // set when one side has ended
};

// One direction. Nothing is held for it while it waits to read.
class Half {
public:
    Half(Halves& both, Duplex& from, Duplex& to, std::uint64_t& count, std::string carried)
        : both_(both), from_(from), to_(to), count_(count), carried_(std::move(carried)) {}

    asio::awaitable<void> run() {
        for (bool more = true; more;)
            more = co_await step();  // g++ 12.2 loses `this` in while (co_await ...) {}
        to_.end_writing();
        if (broken_) {
            from_.interrupt();
            to_.interrupt();
        }
        both_.end = std::min(both_.end, Clock::now() + time_for_last_words);
        to_.end_reading_at(both_.end);  // the other half may be in a wait that it began before
    }

private:
    asio::awaitable<bool> step() {
        if (!carried_.empty()) co_return co_await write_carried();
        if (this_turn_ > Worker::turn) {
            this_turn_ = 0;
            co_await both_.tunnel.worker.others();
        }
        const auto scratch = both_.tunnel.worker.scratch();
        const auto read = from_.try_read(scratch);
        if (!read) co_return co_await until_readable();
        if (read->error) co_return false;
        both_.last_octet = Clock::now();
        this_turn_ += read->octets;
        pass_on(std::string_view(scratch.data(), read->octets));
        co_return !broken_;
    }

    void pass_on(std::string_view octets) {
        while (!octets.empty()) {
            const auto written = to_.try_write(octets);
            if (!written) break;
            if (written->error) {
                broken_ = true;
                return;
            }
            count_ += written->octets;
            octets.remove_prefix(written->octets);
        }
        carried_ = octets;
    }

    void pass_on_carried() {
        const auto octets = std::exchange(carried_, {});
        pass_on(octets);
    }

    asio::awaitable<bool> write_carried() {
        pass_on_carried();
        if (carried_.empty() || broken_) co_return !broken_;
        const auto error = co_await to_.writable(Clock::now() + both_.tunnel.patience);
        broken_ = static_cast<bool>(error);
        co_return !broken_;
    }

    asio::awaitable<bool> until_readable() {
        this_turn_ = 0;
        const auto deadline = std::min(both_.end, both_.last_octet + both_.tunnel.idle);
        const auto error = co_await from_.readable(deadline);
        if (!error) co_return true;
        const bool other_side_spoke = deadline < std::min(both_.end, both_.last_octet + both_.tunnel.idle);
        if (error == asio::error::timed_out && other_side_spoke && !both_.tunnel.worker.stopped())
            co_return true;
        broken_ = true;  // idle for too long, or over: the other half need not wait either
        co_return false;
    }

    Halves& both_;
    Duplex& from_;
    Duplex& to_;
    std::uint64_t& count_;
    std::string carried_;  // read and not taken yet; at most the scratch
    std::size_t this_turn_ = 0;
    bool broken_ = false;
};

}  // namespace

asio::awaitable<error_code> write_all(Duplex& to, std::string_view octets, Duration patience) {
    while (!octets.empty()) {
        if (const auto written = to.try_write(octets)) {
            if (written->error) co_return written->error;
            octets.remove_prefix(written->octets);
            continue;
        }
        const auto error = co_await to.writable(Clock::now() + patience);
        if (error) co_return error;
    }
    co_return error_code{};
}

asio::awaitable<void> carry(Tunnel& tunnel, std::string from_client, std::string from_pod) {
    using namespace asio::experimental::awaitable_operators;
    Halves both{tunnel};
    Half up(both, tunnel.client, tunnel.pod, tunnel.to_pod, std::move(from_client));
    Half down(both, tunnel.pod, tunnel.client, tunnel.to_client, std::move(from_pod));
    co_await (up.run() && down.run());
}

}  // namespace proxy
