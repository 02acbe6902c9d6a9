#include "proxy/traffic/gradio_messages.hpp"

#include <boost/json.hpp>
#include <catch2/catch.hpp>

using namespace proxy;

namespace {

// Every way to cut the text in two, and octet by octet, must read the same.
template <class Check>
void in_any_pieces(std::string_view text, Check check) {
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
        GradioReader reader;
        const bool fed = reader.feed(text.substr(0, cut)) && reader.feed(text.substr(cut));
        check(fed && reader.finish(), reader);
    }
    GradioReader reader;
    bool fed = true;
    for (const char c : text) fed = reader.feed(std::string_view(&c, 1)) && fed;
    check(fed && reader.finish(), reader);
}

void not_taken(std::string_view text) {
    INFO(text);
    in_any_pieces(text, [](bool good, const GradioReader&) { CHECK_FALSE(good); });
}

std::string first_data(std::string_view text) {
    GradioReader reader;
    REQUIRE(reader.feed(text));
    REQUIRE(reader.finish());
    return std::string(reader.first_data());
}

}  // namespace

TEST_CASE("a session's hash is read however the message is cut") {
    in_any_pieces(R"j( {"fn_index":151, "session_hash":"x\u0061bc123"} )j",
                  [](bool good, const GradioReader& r) {
                      CHECK(good);
                      CHECK(r.session_hash() == "xabc123");
                      CHECK(r.data_size() == 0);
                      CHECK(r.kind() == GradioKind::other);
                  });
}

TEST_CASE("the first datum of an event is read however the message is cut") {
    in_any_pieces(R"j({"data":["task(abc)",{"data":["no"]},[1,"no"]],"fn_index":3,"session_hash":"h"})j",
                  [](bool good, const GradioReader& r) {
                      CHECK(good);
                      CHECK(r.first_data() == "task(abc)");
                      CHECK(r.data_size() == 3);
                      CHECK(r.session_hash() == "h");
                  });
}

TEST_CASE("only a string that is the first datum itself counts") {
    CHECK(first_data(R"j({"data":[]})j").empty());
    CHECK(first_data(R"j({"data":"task(a)"})j").empty());
    CHECK(first_data(R"j({"data":{"a":"task(a)"}})j").empty());
    CHECK(first_data(R"j({"data":[null,"task(a)"]})j").empty());
    CHECK(first_data(R"j({"data":[1.5,"task(a)"]})j").empty());
    CHECK(first_data(R"j({"data":[["task(a)"],"task(b)"]})j").empty());
    CHECK(first_data(R"j({"data":[{},"task(b)"]})j").empty());
    CHECK(first_data(R"j({"event_data":["task(a)"],"data":["pretty dog"]})j") == "pretty dog");
    CHECK(first_data(R"j({"x":{"data":["task(a)"]}})j").empty());
}

TEST_CASE("a datum of more than 128 octets is passed over, not kept") {
    CHECK(first_data(R"j({"data":[")j" + std::string(128, 'a') + R"j("]})j").size() == 128);
    CHECK(first_data(R"j({"data":[")j" + std::string(129, 'a') + R"j("]})j").empty());
    CHECK(
        first_data(R"j({"data":["data:image/png;base64,)j" + std::string(1 << 20, 'A') + R"j("]})j").empty());
}

TEST_CASE("a pod's messages are known by their name, wherever it stands") {
    const auto kind = [](std::string_view text) {
        GradioReader reader;
        reader.feed(text);
        reader.finish();
        return reader.kind();
    };
    CHECK(kind(R"j({"msg":"send_hash"})j") == GradioKind::send_hash);
    CHECK(kind(R"j({"msg":"send_data"})j") == GradioKind::send_data);
    CHECK(kind(R"j({"rank":0,"msg":"estimation"})j") == GradioKind::estimation);
    CHECK(kind(R"j({"msg":"process_starts"})j") == GradioKind::process_starts);
    CHECK(kind(R"j({"output":{"msg":"send_data"},"msg":"process_completed"})j") ==
          GradioKind::process_completed);
    CHECK(kind(R"j({"msg":"process_generating"})j") == GradioKind::process_generating);
    CHECK(kind(R"j({"msg":"progress"})j") == GradioKind::progress);
    CHECK(kind(R"j({"msg":"log"})j") == GradioKind::other);
    CHECK(kind(R"j({"msg":1})j") == GradioKind::other);
    CHECK(kind("nonsense") == GradioKind::other);
}

TEST_CASE("what is not one JSON object is refused however it is cut") {
    not_taken("");
    not_taken("  ");
    not_taken("[]");
    not_taken("\"task(a)\"");
    not_taken("12");
    not_taken("{");
    not_taken(R"j({"data":["task(a)")j");
    not_taken(R"j({"data":["task(a)"]}})j");
    not_taken(R"j({} {})j");
    not_taken(R"j({"a":1,})j");
    not_taken("{\"a\":\"\xff\"}");
    not_taken("{\"a\":\"\x01\"}");
    not_taken(R"j({"a":"\ud800"})j");
}

TEST_CASE("what two readers could read differently is refused") {
    not_taken(R"j({"data":[1],"data":["task(a)"]})j");
    not_taken(R"j({"session_hash":"a","session_hash":"b"})j");
    not_taken(R"j({"d\u0061ta":["x"],"data":["task(a)"]})j");
}

TEST_CASE("nesting has an end") {
    const auto nested = [](std::size_t depth) {
        GradioReader reader;
        return reader.feed(R"j({"data":)j" + std::string(depth, '[') + std::string(depth, ']') + "}") &&
               reader.finish();
    };
    CHECK(nested(50));
    CHECK_FALSE(nested(100'000));
}

TEST_CASE("a session hash with blanks or controls, or a long one, is none") {
    const auto hash = [](std::string_view text) {
        GradioReader reader;
        REQUIRE(reader.feed(text));
        return std::string(reader.session_hash());
    };
    CHECK(hash(R"j({"session_hash":"a b"})j").empty());
    CHECK(hash(R"j({"session_hash":"a\n"})j").empty());
    CHECK(hash(R"j({"session_hash":"é"})j").empty());
    CHECK(hash(R"j({"session_hash":5})j").empty());
    CHECK(hash(R"j({"session_hash":")j" + std::string(129, 'a') + R"j("})j").empty());
}

TEST_CASE("only task(...) with something to do is work for the GPU") {
    CHECK(is_gradio_gpu_task("task(abc)", 2));
    CHECK_FALSE(is_gradio_gpu_task("task(abc)", 1));  // a reloaded page asks what has become of it
    CHECK_FALSE(is_gradio_gpu_task("task", 2));
    CHECK_FALSE(is_gradio_gpu_task(" task(abc)", 2));
    CHECK_FALSE(is_gradio_gpu_task("a task(abc)", 2));
    CHECK_FALSE(is_gradio_gpu_task("", 2));
}

TEST_CASE("our own messages are JSON that Gradio's page understands") {
    const auto failure = boost::json::parse(gradio_failure("no \"pod\"\n\xff")).as_object();
    CHECK(failure.at("msg") == "process_completed");
    CHECK(failure.at("success") == false);
    CHECK(failure.at("output").at("error").is_string());
    const auto estimation = boost::json::parse(gradio_estimation(2, 5, 12.34)).as_object();
    CHECK(estimation.at("rank") == 2);
    CHECK(estimation.at("queue_size") == 5);
    CHECK(estimation.at("rank_eta") == 12.3);
    CHECK(boost::json::parse(gradio_estimation(0, 1, std::nullopt)).at("rank_eta").is_null());
    CHECK(gradio_request_message("send_hash") == R"j({"msg":"send_hash"})j");
}

TEST_CASE("the reason of a close fits its frame and is not cut in the middle of a character") {
    CHECK(close_reason_text("short") == "short");
    CHECK(close_reason_text(std::string(200, 'a')).size() == 123);
    std::string umlauts = "a";
    for (int i = 0; i < 100; ++i) umlauts += "ü";
    CHECK(close_reason_text(umlauts).size() == 123);
    CHECK(close_reason_text("a" + umlauts).size() == 122);
}
