// Each allocation of a request's way fails in turn. That request may be lost; the slot, the count of
// connections and the next request may not.
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio.hpp>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <future>
#include <new>
#include <thread>

#include "proxy/bounds/reserve.hpp"
#include "proxy/traffic/worker.hpp"

using namespace proxy;
using namespace std::chrono_literals;
using asio::ip::tcp;

namespace {

thread_local long fails_in = 0;  // at 1 the next one fails, once; 0: none does

bool fails_now() {
    return fails_in > 0 && --fails_in == 0;
}

void* allocate(std::size_t size, std::size_t alignment) {
    for (bool fails = fails_now();; fails = false) {
        void* memory =
            fails ? nullptr : std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
        if (memory != nullptr) return memory;
        const auto handler = std::get_new_handler();
        if (handler == nullptr) throw std::bad_alloc();
        handler();
    }
}

}  // namespace

// As the standard's, but for what fails on purpose.
void* operator new(std::size_t size) {
    return allocate(std::max<std::size_t>(size, 1), 16);
}
void* operator new(std::size_t size, std::align_val_t alignment) {
    return allocate(std::max<std::size_t>(size, 1), static_cast<std::size_t>(alignment));
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    try {
        return allocate(std::max<std::size_t>(size, 1), 16);
    } catch (const std::bad_alloc&) {
        return nullptr;
    }
}
void operator delete(void* memory) noexcept {
    std::free(memory);
}
void operator delete(void* memory, const std::nothrow_t&) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
    std::free(memory);
}

namespace {

// A pod that answers every connection once.
class Pod {
public:
    Pod() : acceptor_(io_, tcp::endpoint(asio::ip::address_v4::loopback(), 0)), thread_([this] { run(); }) {}
    ~Pod() {
        stop_ = true;
        boost::system::error_code ignored;
        tcp::socket(io_).connect(endpoint(), ignored);
        thread_.join();
    }
    tcp::endpoint endpoint() const { return acceptor_.local_endpoint(); }

private:
    void run() {
        while (!stop_) {
            auto socket = acceptor_.accept();
            boost::system::error_code ignored;
            std::array<char, 4096> buffer;
            socket.read_some(asio::buffer(buffer), ignored);
            if (ignored) continue;
            asio::write(socket,
                        asio::buffer(std::string_view(
                            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")),
                        ignored);
        }
    }
    asio::io_context io_;
    tcp::acceptor acceptor_;
    std::atomic<bool> stop_{false};
    std::thread thread_;
};

class House {
public:
    House() {
        router::PoolSettings settings;
        settings.container_concurrency = 1;
        gate = std::make_shared<Gate>(settings, Clock::now(), [] {});
        auto service = std::make_shared<Service>();
        service->key = "default/sd";
        service->gate = gate;
        service->metrics = std::make_shared<ServiceMetrics>();
        service->rules = router::Rules::make(router::Profile::strict).rules;
        service->jobs = std::make_shared<Jobs>();
        service->heartbeats = std::make_shared<Heartbeats>();
        service->timeout = 5s;
        service->affinity.cookie = true;
        auto routing = std::make_shared<Routing>();
        routing->services.push_back(service);
        routing->routes.add("sd.test", 0);
        worker = std::make_unique<Worker>(shared, routing);
        worker->start();
    }
    ~House() {
        worker->stop();
        worker->join();
    }

    void admit() {
        auto backend = std::make_shared<Backend>();
        backend->id = PodId{1};
        backend->name = "pod";
        backend->endpoint = pod.endpoint();
        gate->admit(std::move(backend), Clock::now());
    }

    // What came back until the end; `fail`: the allocation of the worker's thread that fails meanwhile.
    struct Seen {
        std::string answer;
        bool failed = false;  // it came as far as that
        bool ended = false;
    };
    Seen ask(long fail = 0) {
        Seen seen;
        tcp::acceptor door(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
        tcp::socket client(io);
        client.connect(door.local_endpoint());
        asio::post(worker->io(), [fail] { fails_in = fail; });
        worker->accept(door.accept(), nullptr);
        boost::system::error_code error;
        asio::write(client,
                    asio::buffer(std::string_view("POST /work HTTP/1.1\r\nHost: sd.test\r\nContent-Length: "
                                                  "5\r\nConnection: close\r\n\r\nhello")),
                    error);
        const timeval patience{10, 0};
        ::setsockopt(client.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        std::array<char, 4096> buffer;
        for (;;) {
            const auto got = ::recv(client.native_handle(), buffer.data(), buffer.size(), 0);
            seen.ended = got == 0 || (got < 0 && errno != EAGAIN);
            if (got <= 0) break;
            seen.answer.append(buffer.data(), static_cast<std::size_t>(got));
        }
        client.close();
        std::promise<bool> done;
        asio::post(worker->io(), [&] { done.set_value(std::exchange(fails_in, 0) == 0); });
        seen.failed = done.get_future().get() && fail > 0;
        return seen;
    }

    bool at_rest() {
        for (int i = 0; i < 2000; ++i) {
            const auto usage = gate->look(Clock::now()).usage;
            if (usage.running == 0 && usage.waiting == 0 && shared.connections == 0 && shared.requests == 0 &&
                shared.errands == 0 && shared.bounds.peers.size() == 0)
                return true;
            std::this_thread::sleep_for(1ms);
        }
        return false;
    }

    asio::io_context io;
    Pod pod;
    AccessLog no_log;
    Shared shared{CookieKey({}), no_log};
    std::shared_ptr<Gate> gate;
    std::unique_ptr<Worker> worker;
};

}  // namespace

TEST_CASE("whatever allocation fails, one request is lost at most and no slot is", "[failure]") {
    EmergencyMemory::set_up();
    const auto level = spdlog::get_level();
    spdlog::set_level(spdlog::level::off);
    {
        House house;
        house.admit();
        REQUIRE(house.ask().answer.starts_with("HTTP/1.1 200"));
        long n = 1;
        int lost = 0;
        for (;; ++n) {
            INFO("allocation " << n);
            const auto seen = house.ask(n);
            CHECK(seen.ended);
            REQUIRE(house.at_rest());
            lost += !seen.answer.starts_with("HTTP/1.1 200");
            house.admit();  // who broke off on a pod took it out
            REQUIRE(house.ask().answer.starts_with("HTTP/1.1 200"));
            REQUIRE(house.at_rest());
            EmergencyMemory::refill();
            if (!seen.failed) break;
            REQUIRE(n < 1000);
        }
        CHECK(n > 20);
        CHECK(lost > 5);
        CHECK(house.shared.bounds.failures >= 1);
    }
    spdlog::set_level(level);
    std::set_new_handler(nullptr);
}

TEST_CASE("what must not fail takes of the reserve, and what may fails", "[failure]") {
    EmergencyMemory::set_up();
    CHECK(EmergencyMemory::left() == EmergencyMemory::pieces);
    bool failed = false;
    fails_in = 1;
    try {
        ::operator delete(::operator new(100));
    } catch (const std::bad_alloc&) {
        failed = true;
    }
    CHECK(failed);
    {
        MustNotFail here;
        fails_in = 1;
        ::operator delete(::operator new(100));
    }
    CHECK(EmergencyMemory::left() == EmergencyMemory::pieces - 1);
    EmergencyMemory::refill();
    CHECK(EmergencyMemory::left() == EmergencyMemory::pieces);
    std::set_new_handler(nullptr);
}
