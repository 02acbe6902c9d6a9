// What two gateways say to each other in an upgrade.
#include "cli/handover_channel.hpp"

#include <unistd.h>

#include <catch2/catch.hpp>

using namespace cli;
using namespace std::chrono_literals;

TEST_CASE("a message arrives whole, with the descriptors that go with it", "[handover]") {
    auto ends = handover_pair();
    REQUIRE(ends);
    int pipe[2] = {-1, -1};
    REQUIRE(::pipe(pipe) == 0);
    HandoverMessage sent;
    sent.body["what"] = "client";
    sent.descriptors.emplace_back(pipe[0]);
    REQUIRE(send(ends->first.get(), sent));
    sent.descriptors.clear();
    const auto heard = receive(ends->second.get(), 1s);
    REQUIRE(heard);
    CHECK(heard->what() == "client");
    REQUIRE(heard->descriptors.size() == 1);
    REQUIRE(::write(pipe[1], "x", 1) == 1);
    char octet = 0;
    CHECK(::read(heard->descriptors[0].get(), &octet, 1) == 1);
    CHECK(octet == 'x');
    ::close(pipe[1]);
}

TEST_CASE("the other one's end is no message, and speaking to him fails", "[handover]") {
    auto ends = handover_pair();
    REQUIRE(ends);
    ends->second.reset();
    CHECK_FALSE(receive(ends->first.get(), 1s));
    CHECK_FALSE(send(ends->first.get(), HandoverMessage{}));
}

TEST_CASE("octets that are no text arrive too", "[handover]") {
    auto ends = handover_pair();
    REQUIRE(ends);
    HandoverMessage sent;
    sent.body["what"] = "session:\xff\xfe";
    REQUIRE(send(ends->first.get(), sent));
    const auto heard = receive(ends->second.get(), 1s);
    REQUIRE(heard);
    CHECK(heard->what() == "session:\xff\xfe");
}

TEST_CASE("a pod reads back as it was written", "[handover]") {
    proxy::OldPod pod;
    pod.service = "default/sd";
    pod.name = "sd-00002-deployment-3";
    pod.uid = "sd/4711/5";
    pod.ordinal = 2;
    pod.restarts = 4;
    pod.created = 1'700'000'000'123'456'789;
    pod.ready = true;
    pod.stays = false;
    pod.started.address = {"127.0.0.1", 20007};
    pod.started.gpus = {"0", "3"};
    pod.started.log_file = "/var/lib/x.log";
    pod.started.pid = 4711;
    const auto text = boost::json::serialize(to_json(pod));
    const auto back = old_pod(boost::json::parse(text).as_object());
    CHECK(boost::json::serialize(to_json(back)) == text);
    CHECK(back.created == pod.created);
    CHECK(back.started.gpus == pod.started.gpus);
    CHECK_FALSE(back.stays);
}
