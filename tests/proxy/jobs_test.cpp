// Jobs that pods answer at once: when their end is heard, by whichever stream says so.
#include "proxy/jobs.hpp"

#include <boost/asio.hpp>
#include <catch2/catch.hpp>

#include "proxy/traffic/job.hpp"

using namespace proxy;
using std::string;

namespace {

struct Desk {
    boost::asio::io_context io;
    std::shared_ptr<Jobs> jobs = std::make_shared<Jobs>();

    auto begin(const string& event, const string& session = "s") { return jobs->begin(io, event, session); }
    bool rings(Jobs::Job& job) {
        job.alarm.expires_at(TimePoint::max());
        bool rang = false;
        job.alarm.async_wait([&](boost::system::error_code) { rang = true; });
        io.restart();
        io.poll();
        job.alarm.cancel();
        io.poll();
        return rang && job.alarm.expiry() == TimePoint::min();
    }
};

string message(const string& json) {
    return "data: " + json + "\n\n";
}

}  // namespace

TEST_CASE("a job is over when its event has ended, and not when another's has", "[jobs]") {
    Desk desk;
    const auto mine = desk.begin("a"), other = desk.begin("b", "t");
    desk.jobs->ended("b");
    CHECK_FALSE(desk.jobs->over(*mine));
    CHECK(desk.jobs->over(*other));
    CHECK(desk.jobs->pending("s"));
    CHECK_FALSE(desk.jobs->pending("t"));
}

TEST_CASE("who holds a slot for a job is woken by its end", "[jobs]") {
    Desk desk;
    const auto job = desk.begin("a");
    desk.jobs->ended("a");
    CHECK(desk.rings(*job));
}

TEST_CASE("a stream that is faster than the answer has said its word", "[jobs]") {
    Desk desk;
    desk.jobs->ended("a");
    CHECK(desk.jobs->over(*desk.begin("a")));
}

TEST_CASE("ends that nobody asks for are forgotten in the end", "[jobs]") {
    Desk desk;
    desk.jobs->ended("first");
    for (int i = 0; i < 2000; ++i) desk.jobs->ended("event-" + std::to_string(i));
    CHECK_FALSE(desk.jobs->over(*desk.begin("first")));
    CHECK(desk.jobs->over(*desk.begin("event-1999")));
}

TEST_CASE("a session is watched while any of its streams is open", "[jobs]") {
    Desk desk;
    const auto job = desk.begin("a");
    CHECK_FALSE(desk.jobs->watched(*job));
    desk.jobs->opened("s");
    desk.jobs->opened("s");
    desk.jobs->closed("s");
    CHECK(desk.jobs->watched(*job));
    desk.jobs->closed("s");
    CHECK_FALSE(desk.jobs->watched(*job));
    desk.jobs->closed("s");  // once too often
    CHECK_FALSE(desk.jobs->watched(*job));
}

TEST_CASE("a job that was given up is nobody's business", "[jobs]") {
    Desk desk;
    const auto job = desk.begin("a");
    desk.jobs->forget(job);
    CHECK_FALSE(desk.jobs->pending("s"));
}

TEST_CASE("a session's stream ends the job that its message names, in whatever pieces it comes", "[jobs]") {
    const string text = message(R"({"msg":"estimation","event_id":"a","rank":0})") +
                        message(R"({"msg":"process_completed","event_id":"b","output":{"event_id":"a"}})") +
                        message(R"({"msg":"progress","event_id":"a"})");
    const string end = message(R"({"output":{"data":[)" + string(100'000, '1') +
                               R"(]},"msg":"process_completed","event_id":"a"})");
    for (std::size_t at = 0; at <= text.size(); ++at) {
        Desk desk;
        const auto a = desk.begin("a"), b = desk.begin("b");
        JobEvents events(desk.jobs, "s", "");
        events.hear(std::string_view(text).substr(0, at));
        events.hear(std::string_view(text).substr(at));
        CHECK_FALSE(desk.jobs->over(*a));
        CHECK(desk.jobs->over(*b));
        CHECK(events.wants_more());
        events.hear(end);
        CHECK(desk.jobs->over(*a));
        CHECK_FALSE(events.wants_more());
    }
}

TEST_CASE("a session's stream that is closed ends the jobs that it has told of, and no other", "[jobs]") {
    Desk desk;
    const auto a = desk.begin("a"), other = desk.begin("b", "t");
    const string told = message(R"({"msg":"process_starts","event_id":"a"})");
    JobEvents events(desk.jobs, "s", "");
    events.hear(told);
    SECTION("by a message") {
        events.hear(message(R"({"msg":"close_stream","event_id":null})"));
        CHECK(desk.jobs->over(*a));
    }
    SECTION("by its pod") {
        events.end();
        CHECK(desk.jobs->over(*a));
    }
    SECTION("but not by its client") {
        { JobEvents left(desk.jobs, "s", ""); }
        CHECK_FALSE(desk.jobs->over(*a));
    }
    SECTION("and not one that has begun elsewhere, or since") {
        const auto later = desk.begin("later");
        events.hear(message(R"({"msg":"close_stream","event_id":null})"));
        events.end();
        CHECK_FALSE(desk.jobs->over(*later));
    }
    SECTION("and none by a stream that knows nothing of the session") {
        JobEvents stray(desk.jobs, "s", "");
        stray.hear(message(R"({"msg":"unexpected_error","message":"Session not found"})"));
        stray.end();
        CHECK_FALSE(desk.jobs->over(*a));
    }
    CHECK_FALSE(desk.jobs->over(*other));
}

TEST_CASE("the streams of calls watch over their own call only", "[jobs]") {
    Desk desk;
    const auto a = desk.begin("a", "a");
    JobEvents other(desk.jobs, "", "b");
    CHECK_FALSE(desk.jobs->watched(*a));
    CHECK_FALSE(other.wants_more());
    JobEvents own(desk.jobs, "some session", "a");
    CHECK(desk.jobs->watched(*a));
    CHECK(own.wants_more());
}

TEST_CASE("the stream of one call ends that call", "[jobs]") {
    Desk desk;
    const auto a = desk.begin("a", "");
    JobEvents events(desk.jobs, "", "a");
    events.hear("event: generating\ndata: [null]\n\n");
    CHECK_FALSE(desk.jobs->over(*a));
    events.hear("event: comp");
    events.hear("lete\r\ndata: [1]\n\n");
    CHECK(desk.jobs->over(*a));
}

TEST_CASE("a stream of nonsense ends nothing", "[jobs]") {
    Desk desk;
    const auto a = desk.begin("a");
    JobEvents events(desk.jobs, "s", "");
    events.hear("data: {\"msg\":\"process_completed\",\"event_id\":");
    events.hear(string(1'000'000, '['));
    events.hear("\n\ndata:\ndata: 1\n\xff\xff\ndata: {}{}\n");
    CHECK_FALSE(desk.jobs->over(*a));
}
