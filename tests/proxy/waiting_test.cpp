// What whoever waits is told: sentences, A1111's progress bar, the status resources.
#include <boost/json.hpp>
#include <catch2/catch.hpp>

#include "heads.hpp"
#include "proxy/waiting/progress_bar.hpp"
#include "proxy/waiting/sentence.hpp"
#include "proxy/waiting/status.hpp"

using namespace proxy;
using router::Overview;
using router::Place;
using namespace std::chrono_literals;
using std::string;

namespace {

struct JsonAnswer : WholeAnswer {
    boost::json::object json() const { return boost::json::parse(body).as_object(); }
};

JsonAnswer read_answer(const string& octets, bool to_head = false) {
    return {whole_answer(octets, to_head)};
}

Place warm(std::size_t ahead, std::optional<pods::Duration> expected = {}) {
    Place place;
    place.ahead = ahead;
    place.expected_wait = expected;
    place.service.waiting = ahead + 1;
    place.service.ready_pods = 1;
    return place;
}

Place cold(std::size_t ahead, std::optional<pods::Duration> elapsed, std::optional<pods::Duration> usual) {
    Place place;
    place.ahead = ahead;
    place.service.waiting = ahead + 1;
    place.service.starting_pods = 1;
    place.service.cold_elapsed = elapsed;
    place.service.usual_cold_start = usual;
    place.service.phase = "ContainerCreating";
    return place;
}

Place finished() {
    Place place;
    place.state = Place::State::finished;
    return place;
}

const pods::TimePoint asked_at{1000s};

string data(const Place& place) {
    return "data: " + status_json("id-1", place) + "\n\n";
}

}  // namespace

TEST_CASE("a waiting request's place is said in one line", "[waiting]") {
    auto none = warm(3);
    none.service.ready_pods = 0;
    auto failing = none;
    failing.service.starting_pods = 1;
    failing.service.phase = "CrashLoopBackOff";
    auto three = cold(2, 31s, 52s);
    three.service.starting_pods = 3;
    auto running = warm(0);
    running.state = Place::State::running;
    const auto [place, said] = GENERATE_COPY(table<Place, string>({
        {warm(2, 40s), "Waiting for a pod (2 ahead, about 40 s)"},
        {warm(2), "Waiting for a pod (2 ahead)"},
        {warm(0, 4500ms), "Waiting for a pod (you are next, about 5 s)"},
        {cold(0, 31s, 52s), "A pod is starting (31 of about 52 s), you are first"},
        {cold(4, 31s, 52s), "A pod is starting (31 of about 52 s), 4 ahead of you"},
        {cold(0, 70s, 52s), "A pod is starting (70 s, longer than the usual 52 s), you are first"},
        {cold(0, 31s, {}), "A pod is starting (31 s so far), you are first"},
        {cold(0, {}, 52s), "A pod is starting, you are first"},
        {three, "3 pods are starting (31 of about 52 s), 2 ahead of you"},
        {none, "Waiting for a pod to start, 3 ahead of you"},
        {failing, "The pods do not start at the moment; they are tried again, 3 ahead of you"},
        {running, "A pod is working on it"},
        {finished(), "Finished"},
    }));
    CHECK(sentence(place) == said);
}

TEST_CASE("a duration is said as roughly as it is known", "[waiting]") {
    const auto [seconds, said] = GENERATE(table<int, string>({{0, "1 s"},
                                                              {1, "1 s"},
                                                              {20, "20 s"},
                                                              {21, "25 s"},
                                                              {40, "40 s"},
                                                              {115, "115 s"},
                                                              {116, "2 min"},
                                                              {149, "2 min"},
                                                              {151, "3 min"},
                                                              {3600, "1 h 0 min"},
                                                              {4200, "1 h 10 min"}}));
    CHECK(roughly(std::chrono::seconds{seconds}) == said);
}

TEST_CASE("A1111's progress bar gets exactly the fields that its page reads", "[waiting]") {
    const auto answer = read_answer(progress_bar_response(warm(2, 40s), "id-1"));
    CHECK(answer.head.status() == 200);
    CHECK(answer.field("Content-Type") == "application/json");
    CHECK(answer.field("Cache-Control") == "no-store");
    CHECK(answer.field("X-Request-Id") == "id-1");
    CHECK(answer.head.content_length() == answer.body.size());
    CHECK(answer.head.keep_alive());
    const auto expected = boost::json::parse(
        R"json({"active":false,"queued":true,"completed":false,"progress":null,"eta":null,)json"
        R"json("live_preview":null,"id_live_preview":-1,)json"
        R"json("textinfo":"Waiting for a pod (2 ahead, about 40 s)"})json");
    CHECK(boost::json::parse(answer.body) == expected);
}

TEST_CASE("our paths are told from a pod's", "[waiting]") {
    using What = StatusPath::What;
    const auto [path, what, id] = GENERATE(table<string, What, string>({
        {"/", What::none, ""},
        {"/.pilotlights", What::none, ""},
        {"/.pilotlight", What::unknown, ""},
        {"/.pilotlight/", What::unknown, ""},
        {"/.pilotlight/other", What::unknown, ""},
        {"/.pilotlight/status", What::service, ""},
        {"/.pilotlight/status/", What::unknown, ""},
        {"/.pilotlight/requests/", What::unknown, ""},
        {"/.pilotlight/requests/a.b-c_9", What::request, "a.b-c_9"},
        {"/.pilotlight/requests/a/b", What::unknown, ""},
        {"/.pilotlight/requests/a%20b", What::unknown, ""},
        {"/.pilotlight/requests/" + string(64, 'x'), What::request, string(64, 'x')},
        {"/.pilotlight/requests/" + string(65, 'x'), What::unknown, ""},
    }));
    CAPTURE(path);
    const auto found = status_path(path);
    CHECK(found.what == what);
    CHECK(found.id == id);
}

TEST_CASE("a waiting request's status has its place, its wait and the cold start", "[waiting]") {
    auto place = cold(2, 30100ms, 52s);
    place.expected_wait = 21900ms;
    const auto answer = read_answer(request_status_response("id-1", place, {}));
    CHECK(answer.head.status() == 200);
    CHECK(answer.field("Cache-Control") == "no-store");
    const auto expected = boost::json::parse(
        R"({"id":"id-1","state":"waiting","ahead":2,"waiting":3,"expectedWaitSeconds":22,)"
        R"("pods":{"ready":0,"starting":1},)"
        R"("coldStart":{"usualSeconds":52,"elapsedSeconds":31,"activity":"Starting the container"},)"
        R"json("sentence":"A pod is starting (31 of about 52 s), 2 ahead of you"})json");
    CHECK(boost::json::parse(answer.body) == expected);
}

TEST_CASE("a request that no longer waits has no place in the queue", "[waiting]") {
    auto place = warm(2, 40s);
    place.state = GENERATE(Place::State::running, Place::State::finished);
    const auto json = read_answer(request_status_response("id-1", place, {})).json();
    CHECK(json.at("ahead").is_null());
    CHECK(json.at("expectedWaitSeconds").is_null());
}

TEST_CASE("an unknown id is 404 with a problem document", "[waiting]") {
    StatusContext context;
    context.request_id = "asker";
    const auto answer = read_answer(request_status_response("id-1", {}, context));
    CHECK(answer.head.status() == 404);
    CHECK(answer.field("Content-Type") == "application/problem+json");
    CHECK(answer.field("Cache-Control") == "no-store");
    CHECK(answer.json().at("status").as_int64() == 404);
    CHECK(answer.json().at("requestId").as_string() == "asker");
}

TEST_CASE("HEAD gets a status without its body, and a closing answer says so", "[waiting]") {
    StatusContext context;
    context.head_only = context.close = true;
    const auto octets =
        GENERATE_COPY(request_status_response("id-1", warm(0), context),
                      request_status_response("id-1", {}, context), service_status_response({}, context));
    const auto answer = read_answer(octets, true);
    CHECK(answer.body.empty());
    CHECK_FALSE(answer.head.keep_alive());
}

TEST_CASE("the service's status says which state it is in", "[waiting]") {
    Overview overview;
    const auto state = [&] {
        return string(read_answer(service_status_response(overview, {})).json().at("state").as_string());
    };
    CHECK(state() == "cold");
    overview.starting_pods = 1;
    CHECK(state() == "starting");
    overview.phase = GENERATE("Error", "CrashLoopBackOff");
    CHECK(state() == "failing");
    overview.ready_pods = 1;
    CHECK(state() == "ready");
}

TEST_CASE("what the pod that starts does is said for each phase", "[waiting]") {
    Overview overview;
    CHECK(activity(overview).empty());
    overview.phase = GENERATE("Pending", "ContainerCreating", "Running", "Error", "CrashLoopBackOff");
    CHECK_FALSE(activity(overview).empty());
    overview.ready_pods = 1;
    CHECK(activity(overview) == "Ready");
}

TEST_CASE("an event stream is asked for by Accept", "[waiting]") {
    CHECK(wants_events("text/event-stream"));
    CHECK(wants_events("text/event-stream;q=0.9, */*"));
    CHECK_FALSE(wants_events("application/json"));
    CHECK_FALSE(wants_events("*/*"));
}

TEST_CASE("an event stream is chunked, or ends with its connection", "[waiting]") {
    const auto chunked = response(event_stream_head({}, true));
    CHECK(chunked.framing() == Framing::chunked);
    CHECK(chunked.first("Content-Type") == "text/event-stream");
    CHECK(chunked.first("Cache-Control") == "no-store");
    CHECK(chunked.keep_alive());
    const auto plain = response(event_stream_head({}, false));
    CHECK(plain.framing() == Framing::until_close);
    CHECK_FALSE(plain.keep_alive());
}

TEST_CASE("a watcher hears the state at once, then every change", "[waiting]") {
    StatusStream stream("id-1", asked_at);
    CHECK(stream.next(warm(2), asked_at) == data(warm(2)));
    CHECK(stream.next(warm(2), asked_at + 1s).empty());
    CHECK(stream.next(warm(1), asked_at + 2s) == data(warm(1)));
}

TEST_CASE("a watcher hears at most one change in 500 ms, and the last one for sure", "[waiting]") {
    StatusStream stream("id-1", asked_at);
    stream.next(warm(9), asked_at);
    CHECK(stream.next(warm(8), asked_at + 100ms).empty());
    CHECK(stream.next(warm(7), asked_at + 499ms).empty());
    CHECK(stream.look_at() == asked_at + 500ms);
    CHECK(stream.next(warm(7), asked_at + 500ms) == data(warm(7)));
}

TEST_CASE("a watcher of a still queue hears a comment every 15 s", "[waiting]") {
    StatusStream stream("id-1", asked_at);
    stream.next(warm(1), asked_at);
    CHECK(stream.next(warm(1), asked_at + 14999ms).empty());
    CHECK(stream.next(warm(1), asked_at + 15500ms).starts_with(":"));
    CHECK(stream.next(warm(1), asked_at + 16s).empty());
    CHECK(stream.next(warm(1), asked_at + 30500ms).starts_with(":"));
}

TEST_CASE("the last event is that the request has finished, however soon", "[waiting]") {
    StatusStream stream("id-1", asked_at);
    stream.next(warm(1), asked_at);
    const bool known = GENERATE(true, false);
    const auto last = stream.next(known ? std::optional(finished()) : std::nullopt, asked_at + 1ms);
    CHECK(last.find(R"("state":"finished")") != string::npos);
    CHECK(stream.over());
    CHECK(stream.next(warm(1), asked_at + 5s).empty());
}

TEST_CASE("a watcher is let go after an hour", "[waiting]") {
    StatusStream stream("id-1", asked_at);
    stream.next(warm(1), asked_at);
    stream.next(warm(1), asked_at + 59min);
    CHECK_FALSE(stream.over());
    stream.next(warm(1), asked_at + 60min);
    CHECK(stream.over());
}
