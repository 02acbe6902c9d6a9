#include "proxy/traffic/worker.hpp"

#include <boost/asio.hpp>

#include "proxy/bounds/reserve.hpp"
#include "proxy/bounds/small_blocks.hpp"
#include "proxy/log.hpp"
#include "proxy/traffic/connection.hpp"

namespace proxy {

namespace {
// What is read of an answer at once goes on at once: so much that it fills four records of TLS, be it as a
// chunk or as frames of HTTP/2 (a head of nine octets each), and leaves none of a few octets.
constexpr std::size_t one_read = 4 * ((16 << 10) - 9);
}  // namespace

Worker::Worker(Shared& shared, std::shared_ptr<const Routing> routing)
    : shared_(shared),
      routing_(std::move(routing)),
      work_(asio::make_work_guard(io_)),
      poller_(io_),
      sweeper_(io_),
      scratch_(one_read) {}

Worker::~Worker() {
    join();
}

void Worker::start() {
    asio::post(io_, [this] {
        poller_.start();
        sweep();
    });
    thread_ = std::thread([this] {
        const SmallBlocks::Kept blocks;
        for (;;) try {  // no exception of one handler ends the others
                io_.run();
                return;
            } catch (const std::exception& error) {
                count(shared_.bounds.failures);
                log_of(LogOf::proxy)
                    .error(
                        "a worker's handler ended by an exception (a fault of the gateway, please report "
                        "it): {}",
                        error.what());
            } catch (...) {
                count(shared_.bounds.failures);
                log_of(LogOf::proxy)
                    .error(
                        "a worker's handler ended by an exception of an unknown kind (a fault of the "
                        "gateway, please report it)");
            }
    });
}

void Worker::join() {
    if (thread_.joinable()) thread_.join();
}

void Worker::accept(asio::ip::tcp::socket socket, std::shared_ptr<const Door> door, std::string early) {
    boost::system::error_code error;
    MustNotFail hand_over;  // between two owners nobody closes it
    const auto handle = socket.release(error);
    if (error) return;
    asio::post(io_, [this, handle, door = std::move(door), early = std::move(early)]() mutable {
        Socket mine(poller_, handle);
        if (stopped_) return;
        std::make_shared<Connection>(*this, std::move(mine), std::move(door), std::move(early))->start();
    });
}

void Worker::use(std::shared_ptr<const Routing> routing) {
    asio::post(io_, [this, routing = std::move(routing)]() mutable { routing_ = std::move(routing); });
}

void Worker::shed_idle(std::size_t most) {
    asio::post(io_, [this, most] {
        shared_.bounds.idle_shed.fetch_add(idle_line_.shed(most), std::memory_order_relaxed);
    });
}

void Worker::drain() {
    asio::post(io_, [this] {
        draining_ = true;
        for (auto& [address, weak] : connections_)
            if (auto connection = weak.lock()) connection->drain();
    });
}

void Worker::pass_on(PassOn pass_on, std::function<void()> begun) {
    asio::post(io_, [this, pass_on = std::move(pass_on), begun = std::move(begun)]() mutable {
        pass_on_ = std::move(pass_on);
        for (auto& [address, weak] : connections_)
            if (auto connection = weak.lock()) connection->move_on();
        asio::post(io_, begun);  // behind those who were just told
    });
}

void Worker::keep() {
    asio::post(io_, [this] {
        pass_on_ = nullptr;
        draining_ = stopped_;
    });
}

// Cancels everything there is to wait for, so that every coroutine runs to its end and the thread runs dry.
void Worker::stop() {
    asio::post(io_, [this] {
        stopped_ = draining_ = true;
        idle_.clear();
        for (auto& [address, weak] : connections_)
            if (auto connection = weak.lock()) connection->close();
        work_.reset();
        sweep();
    });
}

void Worker::sweep() {
    MustNotFail deadlines;
    if (stopped_ && streams_.empty()) return poller_.stop();
    // Once stopped no wait is worth while, nor the next one of somebody whose wait has just been ended.
    const auto now = stopped_ ? TimePoint::max() : Clock::now();
    for (auto& stream : streams_) stream.expire(now);
    for (auto entry = idle_.begin(); entry != idle_.end();) {
        std::erase_if(entry->second,
                      [&](const auto& connection) { return now - connection->idle_since >= pod_idle; });
        entry = entry->second.empty() ? idle_.erase(entry) : std::next(entry);
    }
    sweeper_.expires_after(sweep_every);
    sweeper_.async_wait([this](boost::system::error_code error) {
        if (!error) sweep();
    });
}

asio::awaitable<void> Worker::others() {
    co_await asio::post(io_, asio::use_awaitable);
}

void Worker::add(Connection& connection) {
    connections_[&connection] = connection.weak_from_this();
}
void Worker::remove(Connection& connection) {
    connections_.erase(&connection);
}

std::unique_ptr<PodConnection> Worker::take_idle(PodId pod, TimePoint now) {
    auto found = idle_.find(pod);
    if (found == idle_.end()) return nullptr;
    while (!found->second.empty()) {
        auto connection = std::move(found->second.back());
        found->second.pop_back();
        // Readable now means closed, or octets that belong to no request of ours: both are no good.
        const bool silent = connection->stream.socket().is_silent();
        if (silent && now - connection->idle_since < pod_idle) return connection;
    }
    return nullptr;
}

void Worker::keep_idle(PodId pod, std::unique_ptr<PodConnection> connection, TimePoint now) {
    if (stopped_) return;
    connection->idle_since = now;
    auto& idle = idle_[pod];
    if (idle.size() < idle_per_pod) idle.push_back(std::move(connection));
}

std::unique_ptr<PodConnection> Worker::new_pod_connection() {
    auto connection = std::make_unique<PodConnection>(Socket(poller_));
    watch(connection->stream);
    return connection;
}

}  // namespace proxy
