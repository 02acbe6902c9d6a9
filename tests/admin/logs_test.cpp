#include <unistd.h>

#include <boost/asio.hpp>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <sstream>

#include "admin/api.hpp"
#include "admin/client.hpp"
#include "cli/logs.hpp"
#include "world.hpp"

namespace {

// A pod with a log.
class Writer {
public:
    Writer() {
        char name[] = "/tmp/logs-XXXXXX";
        folder_ = ::mkdtemp(name);
        write("one\ntwo\nthree\n");
    }
    ~Writer() { std::filesystem::remove_all(folder_); }
    void write(const std::string& text) const { std::ofstream(path(), std::ios::app) << text; }
    std::string path() const { return folder_ + "/sd-1.log"; }
    proxy::Snapshot snapshot() const {
        auto out = world::small();
        out.pods[0].log_file = path();
        return out;
    }

private:
    std::string folder_;
};

struct LogsRun {
    int status;
    std::string out, err;
};

LogsRun logs(std::vector<std::string> args, const world::Gateway& gateway) {
    args.push_back("--server=" + gateway.url());
    std::ostringstream out, err;
    const int status = cli::logs(args, out, err);
    return {status, out.str(), err.str()};
}

admin::Answered ask(const std::string& query, const proxy::Snapshot& snapshot,
                    const std::string& pod = "sd-1") {
    admin::Store store;
    store.update(snapshot);
    const auto target = "/api/v1/namespaces/default/pods/" + pod + "/log" + query;
    return admin::answer({"GET", target, "*/*"}, snapshot, store, world::noon());
}

std::string refusal(const std::string& query, const std::string& pod = "sd-1") {
    const Writer writer;
    const auto outcome = ask(query, writer.snapshot(), pod);
    const auto& answer = std::get<admin::Answer>(outcome);
    CHECK(answer.status >= 400);
    return answer.body;
}

}  // namespace

TEST_CASE("logs prints what the pod has written", "[logs]") {
    const Writer writer;
    world::Gateway gateway(writer.snapshot());
    const auto run = logs({"sd-1"}, gateway);
    CHECK(run.status == 0);
    CHECK(run.out == "one\ntwo\nthree\n");
    CHECK(logs({"pod/sd-1", "--tail=1"}, gateway).out == "three\n");
}

TEST_CASE("a log that is followed goes on until the pod is gone", "[logs]") {
    const Writer writer;
    world::Gateway gateway(writer.snapshot());
    std::promise<void> begun;
    std::string heard;
    auto following = std::async(std::launch::async, [&] {
        admin::Client client(gateway.url());
        return client.pour("/api/v1/namespaces/default/pods/sd-1/log?follow=true&tailLines=1", "*/*",
                           [&](std::string_view piece) {
                               if (heard.empty()) begun.set_value();
                               heard += piece;
                               return true;
                           });
    });
    begun.get_future().wait();
    writer.write("four\n");
    auto without = writer.snapshot();
    without.version = 2;
    without.pods.erase(without.pods.begin());
    gateway.publish(without);
    CHECK(following.get().status == 200);
    CHECK(heard == "three\nfour\n");
}

TEST_CASE("a client of a log that leaves is noticed", "[logs]") {
    const Writer writer;
    world::Gateway gateway(writer.snapshot());
    std::ostringstream out, err;
    out.setstate(std::ios::badbit);
    const std::vector<std::string> args{"-f", "sd-1", "--server=" + gateway.url()};
    CHECK(cli::logs(args, out, err) == 0);
    while (gateway.connections() > 0) std::this_thread::yield();
    CHECK(gateway.connections() == 0);
}

TEST_CASE("who does not read a log is let go", "[logs]") {
    const Writer writer;
    const std::string much(32 << 20, 'x');
    writer.write(much);
    admin::Settings settings;
    settings.write = std::chrono::milliseconds(20);
    world::Gateway gateway(writer.snapshot(), settings);
    boost::asio::io_context io;
    boost::asio::ip::tcp::socket socket(io);
    socket.connect({boost::asio::ip::make_address("127.0.0.1"), gateway.port()});
    const std::string_view request =
        "GET /api/v1/namespaces/default/pods/sd-1/log?follow=true HTTP/1.1\r\nHost: localhost\r\n\r\n";
    boost::asio::write(socket, boost::asio::buffer(request));
    char first = 0;
    boost::asio::read(socket, boost::asio::buffer(&first, 1));  // it has begun
    while (gateway.connections() > 0) std::this_thread::yield();
    CHECK(gateway.connections() == 0);
}

TEST_CASE("only so many logs are read at once", "[logs]") {
    const Writer writer;
    admin::Settings settings;
    settings.logs = 0;
    world::Gateway gateway(writer.snapshot(), settings);
    const auto run = logs({"sd-1"}, gateway);
    CHECK(run.status == 1);
    CHECK(run.err.find("too many logs") != std::string::npos);
}

TEST_CASE("logs says what is wrong", "[logs]") {
    const Writer writer;
    world::Gateway gateway(writer.snapshot());
    const auto missing = logs({"nobody"}, gateway);
    CHECK(missing.status == 1);
    CHECK(missing.err == "Error from server (NotFound): pods \"nobody\" not found\n");
    CHECK(logs({}, gateway).status == 2);
    CHECK(logs({"sd-1", "--tail", "many"}, gateway).status == 2);
    CHECK(logs({"sd-1", "sd-2"}, gateway).status == 2);
    CHECK(logs({"--help"}, gateway).out.find("pilotlight logs -f") != std::string::npos);
}

TEST_CASE("what is asked of a log is understood as kubectl says it", "[logs]") {
    const Writer writer;
    const auto outcome = ask("?container=user-container&follow=true&tailLines=5&limitBytes=7&sinceSeconds=60",
                             writer.snapshot());
    const auto& wish = std::get<admin::LogWish>(outcome);
    CHECK(wish.file == writer.path());
    CHECK(wish.follow);
    CHECK(wish.tail_lines == 5u);
    CHECK(wish.limit_bytes == 7u);
    CHECK(wish.since == world::noon() - std::chrono::seconds(60));
    for (const auto* time :
         {"2026-01-01T11:59:00Z", "2026-01-01T11:59:00.5Z", "2026-01-01T12:59:00%2B01:00"}) {
        const auto since = ask(std::string("?sinceTime=") + time, writer.snapshot());
        CHECK(std::get<admin::LogWish>(since).since == world::noon() - std::chrono::seconds(60));
    }
}

TEST_CASE("a log that cannot be given is refused with a reason", "[logs]") {
    CHECK(refusal("?container=sidecar").find("is not valid for pod sd-1") != std::string::npos);
    CHECK(refusal("?previous=true").find("without --previous") != std::string::npos);
    CHECK(refusal("?tailLines=x").find("tailLines is not a number") != std::string::npos);
    CHECK(refusal("?sinceTime=noon").find("no RFC 3339 time") != std::string::npos);
    CHECK(refusal("", "sd-2").find("is waiting to start: ContainerCreating") != std::string::npos);
    CHECK(refusal("", "sd-3").find("\"reason\":\"NotFound\"") != std::string::npos);
}
