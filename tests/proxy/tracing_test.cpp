// Traces: who is traced, what is kept of it, and what a collector is sent.
#include <fmt/format.h>

#include <boost/json.hpp>
#include <catch2/catch.hpp>

#include "heads.hpp"
#include "proxy/tracing/context.hpp"
#include "proxy/tracing/queue.hpp"
#include "proxy/tracing/retry.hpp"
#include "proxy/tracing/spans.hpp"
#include "proxy/tracing/trace.hpp"

using namespace proxy;
using namespace std::chrono_literals;
using manifest::Parent;

namespace {

const std::string id = "4bf92f3577b34da6a3ce929d0e0e4736";
const pods::TimePoint trace_start{100s};

std::optional<TraceContext> caller(bool sampled) {
    return parse_traceparent("00-" + id + "-00f067aa0ba902b7-" + (sampled ? "01" : "00"));
}

TraceRecord record() {
    TraceRecord r;
    r.context = *caller(true);
    r.span_id = 0xabc;
    r.unix_offset = 1'700'000'000'000'000'000;
    r.began = trace_start, r.ended = trace_start + 10s;
    r.method = "POST", r.path = "/sdapi/v1/txt2img", r.host = "sd.example:8080", r.scheme = "http";
    r.request_class = 'G', r.status = 200, r.service = "default/sd";
    return r;
}

boost::json::array spans_of(const TraceRecord& r) {
    const auto sent = boost::json::parse(export_request({"gw", "i", "1"}, std::span(&r, 1)));
    return sent.at("resourceSpans").at(0).at("scopeSpans").at(0).at("spans").as_array();
}

const boost::json::value& named(const boost::json::array& spans, std::string_view name, int kind) {
    for (const auto& span : spans)
        if (span.at("name").as_string() == name && span.at("kind").as_int64() == kind) return span;
    FAIL("no span " << name);
    throw 0;
}

std::string attribute(const boost::json::value& span, std::string_view key) {
    for (const auto& one : span.at("attributes").as_array())
        if (one.at("key").as_string() == key) {
            const auto& value = one.at("value").as_object().begin()->value();
            return std::string(value.as_string());
        }
    return "-";
}

}  // namespace

TEST_CASE("a caller's context is read and written as W3C says", "[tracing]") {
    const auto context = caller(true);
    REQUIRE(context);
    CHECK(context->trace_id == id);
    CHECK(context->parent_id == "00f067aa0ba902b7");
    CHECK(context->sampled());
    CHECK(write_traceparent(*context, 0x1f) == "00-" + id + "-000000000000001f-01");
}

TEST_CASE("a malformed or hostile traceparent is none", "[tracing]") {
    const std::string span = "00f067aa0ba902b7", none(32, '0');
    auto upper = id;
    upper[1] = 'B';
    for (const auto& bad : {
             std::string(),
             "00-" + id + "-" + span + "-0",         // too short
             "00-" + id + "-" + span + "-01-",       // of version 00 nothing may follow
             "00-" + id + "-" + span + "-01-more",   //
             "00-" + id + "-" + span + "-011",       //
             "00-" + none + "-" + span + "-01",      // ids that say there is none
             "00-" + id + "-0000000000000000-01",    //
             "00-" + upper + "-" + span + "-01",     // upper case
             "00-" + id + "-" + span + "-0g",        //
             "00-" + id + "-" + span + "-\x00\x01",  //
             "00-" + id + " " + span + "-01",        //
             "0-" + id + "-" + span + "-01-",        //
             "ff-" + id + "-" + span + "-01",        // the version that is none
             "0A-" + id + "-" + span + "-01",        //
             "01-" + id + "-" + span + "-011",       // a later version adds fields, not octets
             "01-" + id + "-" + span + "-01-" + std::string(5000, 'a'),
         }) {
        INFO(bad);
        CHECK_FALSE(parse_traceparent(bad));
    }
}

TEST_CASE("of a later version's traceparent what it shares with ours is taken, and ours is written",
          "[tracing]") {
    for (const auto* tail : {"", "-", "-what-the-future-has"}) {
        const auto context = parse_traceparent("cc-" + id + "-00f067aa0ba902b7-ff" + tail);
        REQUIRE(context);
        CHECK(context->trace_id == id);
        CHECK(write_traceparent(*context, 1) == "00-" + id + "-0000000000000001-01");
    }
    const auto ours = parse_traceparent("00-" + id + "-00f067aa0ba902b7-ff");
    CHECK(ours->flags == 3);  // what has no meaning yet is not passed on
}

TEST_CASE("a head with two traceparents has none, one with many tracestates has one list", "[tracing]") {
    const std::string parent = "traceparent: 00-" + id + "-00f067aa0ba902b7-01\r\n";
    const auto of = [](const std::string& fields) {
        const auto text = "GET / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
        return given_context(request(text));
    };
    CHECK_FALSE(of(parent + parent));
    CHECK_FALSE(of("tracestate: a=b\r\n"));
    CHECK(of(parent + "tracestate: a=1\r\nTraceState: b=2\r\n")->tracestate == "a=1,b=2");
    CHECK(of(parent + "tracestate: a=1\r\ntracestate: B=2\r\n")->tracestate.empty());
    CHECK(of(parent + "tracestate: a=1,a=2\r\n")->tracestate.empty());  // a key twice
}

TEST_CASE("what a caller has decided counts as far as the manifest says", "[tracing]") {
    const Sampling follow{0, Parent::follow}, trusted{0, Parent::trusted}, ignore{1, Parent::ignore};
    CHECK(sample(follow, caller(true), false, 1, 2));
    CHECK_FALSE(sample({1, Parent::follow}, caller(false), false, 1, 2));
    CHECK_FALSE(sample(trusted, caller(true), false, 1, 2));
    CHECK(sample(trusted, caller(true), true, 1, 2));
    const auto ours = sample(ignore, caller(false), false, 1, 2);
    REQUIRE(ours);
    CHECK(ours->trace_id == id);  // its trace all the same
    CHECK(ours->sampled());
}

TEST_CASE("a trace that begins here has ids of its own and no parent", "[tracing]") {
    const auto ours = sample({1, Parent::follow}, std::nullopt, false, 0xa, 0xb);
    REQUIRE(ours);
    CHECK(ours->trace_id == "000000000000000a000000000000000b");
    CHECK(ours->parent_id.empty());
    CHECK(ours->flags == 3);
    CHECK_FALSE(sample({0, Parent::follow}, std::nullopt, false, 0xa, 0xb));
}

TEST_CASE("of many traces the ratio is sampled, and of one everybody decides alike", "[tracing]") {
    int in = 0;
    for (std::uint64_t i = 0; i < 1000; ++i) {
        const auto trace = fmt::format("{:032x}", i * ((std::uint64_t{1} << 56) / 1000));
        in += in_sample(trace, 0.25);
        if (in_sample(trace, 0.25)) CHECK(in_sample(trace, 0.5));
    }
    CHECK(in == 249 /* 1000 does not divide 2^56 */);
    CHECK_FALSE(in_sample("ffffffffffffffffffffffffffffffff", 0));
    CHECK(in_sample("00000000000000000000000000000000", 1));
}

TEST_CASE("a tracestate is a list of keys with values", "[tracing]") {
    for (const auto* good : {"a=b", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE", "a=b , c=d", "t@v=1"})
        CHECK(is_tracestate(good));
    for (const auto* bad : {"", "a", "=b", "A=b", "a=", "a=b=c", "a=\x01", "a=b,a=c", "a=b,c"})
        CHECK_FALSE(is_tracestate(bad));
    CHECK_FALSE(is_tracestate(std::string(600, 'a') + "=b"));
    std::string many;
    for (int i = 0; i < 32; ++i) many += fmt::format("k{}=v,", i);
    CHECK(is_tracestate(many));
    CHECK_FALSE(is_tracestate(many + "one=more"));
}

TEST_CASE("a cold request is four spans of one trace, at their times", "[tracing]") {
    auto r = record();
    r.waits.push_back({trace_start + 1s, trace_start + 6s, 3s});
    r.tries.push_back({0x123, "sd-1", "127.0.0.1", 7860, trace_start + 6s, trace_start + 9s, 200, {}, {}});
    const auto spans = spans_of(r);
    REQUIRE(spans.size() == 4);
    for (const auto& span : spans) CHECK(span.at("traceId").as_string() == id);
    const auto& request = named(spans, "POST", 2);
    CHECK(request.at("spanId").as_string() == "0000000000000abc");
    CHECK(request.at("parentSpanId").as_string() == "00f067aa0ba902b7");
    CHECK(request.at("startTimeUnixNano").as_string() == "1700000100000000000");
    CHECK(attribute(request, "http.response.status_code") == "200");
    CHECK(attribute(request, "server.address") == "sd.example");
    CHECK(request.at("status").as_object().empty());
    const auto& cold = named(spans, "cold start", 1);
    CHECK(cold.at("startTimeUnixNano").as_string() == "1700000101000000000");
    CHECK(cold.at("endTimeUnixNano").as_string() == "1700000104000000000");
    const auto& queue = named(spans, "queue", 1);
    CHECK(queue.at("startTimeUnixNano").as_string() == "1700000104000000000");
    CHECK(queue.at("endTimeUnixNano").as_string() == "1700000106000000000");
    const auto& pod = named(spans, "POST", 3);
    CHECK(pod.at("spanId").as_string() == "0000000000000123");
    CHECK(attribute(pod, "k8s.pod.name") == "sd-1");
    for (const auto* child : {&cold, &queue, &pod}) {
        CHECK(child->at("parentSpanId").as_string() == "0000000000000abc");
        CHECK(child->at("spanId").as_string() != "0000000000000abc");
    }
    CHECK(cold.at("spanId").as_string() != queue.at("spanId").as_string());
}

TEST_CASE("a server's error is an error, a client's is one of its own only", "[tracing]") {
    auto r = record();
    r.status = 404, r.refusal = "unknown_host";
    CHECK(spans_of(r)[0].at("status").as_object().empty());
    r.status = 502, r.refusal = "pod_died";
    CHECK(spans_of(r)[0].at("status").at("code") == 2);
    CHECK(attribute(spans_of(r)[0], "error.type") == "pod_died");
    r.status = 499, r.refusal = "client_left";
    CHECK(spans_of(r)[0].at("status").as_object().empty());
    CHECK(attribute(spans_of(r)[0], "http.response.status_code") == "-");
    r.status = 503, r.refusal = {}, r.waiting_page = true;
    CHECK(spans_of(r)[0].at("status").as_object().empty());
    r = record();
    r.tries.push_back({1, "p", "::1", 1, trace_start, trace_start, 404, {}, {}});
    r.tries.push_back({2, "p", "::1", 1, trace_start, trace_start, 0, "pod_died", "gone"});
    const auto spans = spans_of(r);
    CHECK(spans[1].at("status").at("code") == 2);
    CHECK(spans[2].at("status").at("message") == "gone");
    CHECK(attribute(spans[2], "http.request.resend_count") == "1");
    CHECK(attribute(spans[2], "url.full") == "http://[::1]:1/sdapi/v1/txt2img");
}

TEST_CASE("made-up methods name no span, and no octet breaks the JSON", "[tracing]") {
    auto r = record();
    r.method = "BREW", r.user_agent = "a\"b\\\n\xff";
    const auto spans = spans_of(r);
    CHECK(spans[0].at("name").as_string() == "HTTP");
    CHECK(attribute(spans[0], "http.request.method") == "_OTHER");
    CHECK(attribute(spans[0], "http.request.method_original") == "BREW");
}

TEST_CASE("a trace goes into the queue when it is over, each try with the id that its pod was told",
          "[tracing]") {
    TraceQueue queue;
    queue.bound(100);
    std::string head = "GET / HTTP/1.1\r\ntraceparent: 00-" + id + "-ffffffffffffffff-01\r\n\r\n";
    std::vector<std::string> told;
    {
        Trace trace(queue, *caller(true), trace_start);
        for (int i = 0; i < 2; ++i) {
            trace.begin_try(head, "p", "127.0.0.1", 1, trace_start);
            told.push_back(head.substr(head.find(id) + 33, 16));
            trace.end_try(trace_start + 1s, i == 0 ? 0 : 200, i == 0 ? "pod_died" : "");
        }
        trace.end_try(trace_start + 9s, 500);  // none is open
        trace.end(trace_start + 2s);
        CHECK(queue.take(100).empty());
    }
    const auto taken = queue.take(100);
    REQUIRE(taken.size() == 1);
    REQUIRE(taken[0].tries.size() == 2);
    CHECK(told[0] != told[1]);
    for (std::size_t i = 0; i < 2; ++i) CHECK(fmt::format("{:016x}", taken[0].tries[i].span_id) == told[i]);
    CHECK(taken[0].tries[1].status == 200);
}

TEST_CASE("a full queue drops what comes and counts its spans", "[tracing]") {
    TraceQueue queue;
    queue.bound(3);
    auto one = record();
    one.waits.push_back({trace_start, trace_start + 1s, 0s});
    queue.put(one);
    queue.put(one);
    CHECK(queue.dropped == 2);
    CHECK(queue.take(1).size() == 1);
    queue.put(one);
    CHECK(queue.dropped == 2);
}

TEST_CASE("a collector that is busy is asked again, one that refuses is not", "[tracing]") {
    for (const int status : {0, 429, 502, 503, 504}) CHECK(outcome_of(status) == ExportOutcome::later);
    for (const int status : {400, 401, 404, 413, 500}) CHECK(outcome_of(status) == ExportOutcome::refused);
    CHECK(outcome_of(200) == ExportOutcome::taken);
    CHECK(retry_after("7") == 7s);
    CHECK(retry_after("86400") == 120s);
    CHECK_FALSE(retry_after("Wed, 21 Oct 2026 07:28:00 GMT"));
    CHECK_FALSE(retry_after("-1"));
    CHECK(back_off(0, 0) == 250ms);
    CHECK(back_off(1, 0) == 500ms);
    CHECK(back_off(100, 1) == 32s);
}

TEST_CASE("what a collector says of spans that it did not take is counted and can be read", "[tracing]") {
    const auto partly =
        partial_success(R"({"partialSuccess":{"rejectedSpans":"3","errorMessage":"too\nold"}})");
    CHECK(partly.rejected == 3);
    CHECK(partly.message == "too old");
    CHECK(partial_success(R"({"partialSuccess":{"rejectedSpans":2}})").rejected == 2);
    for (const auto* none :
         {"", "{}", "null", "[", R"({"partialSuccess":null})", R"({"partialSuccess":{}})",
          R"({"partialSuccess":{"rejectedSpans":-1}})", R"({"partialSuccess":{"rejectedSpans":"-1"}})"})
        CHECK(partial_success(none).rejected == 0);
    CHECK(partial_success(R"({"partialSuccess":{"errorMessage":")" + std::string(5000, 'a') + "\"}}")
              .message.size() == 200);
}

TEST_CASE("many spans that come together are told of once", "[tracing]") {
    TraceQueue queue;
    queue.bound(100);
    int told = 0;
    queue.when_many(3, [&] { ++told; });
    for (int i = 0; i < 5; ++i) queue.put(record());
    CHECK(told == 1);
    CHECK(queue.take(100).size() == 5);
    for (int i = 0; i < 3; ++i) queue.put(record());
    CHECK(told == 2);
}
