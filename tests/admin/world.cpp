#include "world.hpp"

#include <boost/asio.hpp>
#include <future>

namespace world {

proxy::WallTime noon() {
    return proxy::WallTime(std::chrono::seconds(1'767'268'800));
}  // 2026-01-01T12:00:00Z

proxy::PodView pod(const std::string& name, pods::Phase phase, bool ready) {
    proxy::PodView out;
    out.name_space = "default";
    out.service = "sd";
    out.revision = "sd-00001";
    out.name = name;
    out.uid = "uid-of-" + name;
    out.phase = phase;
    out.ready = ready;
    out.slots = 1;
    out.created = noon();
    out.address = "127.0.0.1:20001";
    out.gpus = {"0"};
    out.image = "sd:1";
    return out;
}

proxy::RevisionView revision(const std::string& service, int generation) {
    proxy::RevisionView out;
    out.name_space = "default";
    out.service = service;
    out.revision = service + "-0000" + std::to_string(generation);
    out.created = noon() + std::chrono::seconds(generation);
    out.hosts = {service + ".default.example.com"};
    out.wanted = 2;
    out.desired = 2;
    out.ready = 1;
    out.container_concurrency = 1;
    out.reason = "2 requests are under way";
    out.image = "sd:1";
    out.metrics = std::make_shared<proxy::ServiceMetrics>();
    return out;
}

proxy::EventView event(std::uint64_t number, const std::string& reason) {
    proxy::EventView out;
    out.number = number;
    out.time = noon() + std::chrono::seconds(number);
    out.name_space = "default";
    out.kind = "Pod";
    out.name = "sd-1";
    out.reason = reason;
    out.message = "It " + reason + ".";
    return out;
}

Snapshot small() {
    Snapshot out;
    out.version = 1;
    out.ready = true;
    out.pods = {pod("sd-1", pods::Phase::running, true), pod("sd-2", pods::Phase::container_creating, false)};
    out.revisions = {revision("sd", 1)};
    out.events = {event(1, "Started")};
    return out;
}

Gateway::Gateway(Snapshot first, admin::Settings settings)
    : last_(std::make_shared<const Snapshot>(std::move(first))),
      server_(io_, {boost::asio::ip::make_address("127.0.0.1"), 0}, {[this] { return last_; }},
              std::move(settings)),
      port_(server_.port()),
      work_(boost::asio::make_work_guard(io_)) {
    server_.start();
    thread_ = std::thread([this] { io_.run(); });
}

Gateway::~Gateway() {
    stop();
    work_.reset();
    thread_.join();  // the loop runs dry: nothing of the server keeps it
}

void Gateway::publish(Snapshot next) {
    on_loop([&] {
        last_ = std::make_shared<const Snapshot>(std::move(next));
        server_.published();
    });
}

void Gateway::stop() {
    on_loop([&] { server_.stop(); });
}

std::size_t Gateway::connections() {
    std::size_t out = 0;
    on_loop([&] { out = server_.connections(); });
    return out;
}

void Gateway::on_loop(const std::function<void()>& what) {
    std::promise<void> done;
    boost::asio::post(io_, [&] {
        what();
        done.set_value();
    });
    done.get_future().wait();
}

}  // namespace world
