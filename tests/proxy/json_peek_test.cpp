// The few strings of a JSON body, however it is cut and whatever it is.
#include "proxy/traffic/json_peek.hpp"

#include <catch2/catch.hpp>
#include <random>

using proxy::JsonPeek;

namespace {

std::string found(const JsonPeek& peek) {
    std::string text;
    peek.for_each([&](std::string_view name, std::string_view value) {
        text += std::string(name) + "=" + std::string(value) + ";";
    });
    return text;
}

std::string peek(std::string_view body) {
    JsonPeek peek;
    peek.feed(body);
    return found(peek);
}

const std::string body =
    R"j( {"data": ["task(0a1b)", "a \"dog\" \u00e4\ud83d\ude00", {"data": ["no"], "id": "no"}, [1.5e3, -7, true]],)j"
    R"j( "fn_index": 12, "session\u005fhash": "ab\u0063", "event_data": null, "client_id": "c", "prompt_id": "p",)j"
    R"j( "id_task": "task(x)", "id": "7", "force_task_id": "mine", "event_id": "e\/f"} )j";
const std::string expected =
    "session_hash=abc;event_id=e/"
    "f;client_id=c;prompt_id=p;id_task=task(x);id=7;force_task_id=mine;data0=task(0a1b);";

}  // namespace

TEST_CASE("the top-level strings that say whose a body is are found, and no others", "[json_peek]") {
    CHECK(peek(body) == expected);
    CHECK(peek(R"j({"prompt": "pretty dog", "steps": 20})j").empty());
    CHECK(peek(R"j({"inner": {"session_hash": "a", "data": ["task(1)"]}})j").empty());
    CHECK(peek(R"j([{"session_hash": "a"}, "b"])j").empty());
    CHECK(peek(R"j("session_hash")j").empty());
    CHECK(peek("{}").empty());
    CHECK(peek("").empty());
}

TEST_CASE("only strings are ids", "[json_peek]") {
    CHECK(peek(R"j({"session_hash": 7, "id": null, "event_id": ["e"], "client_id": {"client_id": "c"}})j")
              .empty());
    CHECK(peek(R"j({"data": "task(1)"})j").empty());
    CHECK(peek(R"j({"data": []})j").empty());
    CHECK(peek(R"j({"data": [7, "task(1)"]})j").empty());
    CHECK(peek(R"j({"data": [["task(1)"], "task(2)"]})j").empty());
    CHECK(peek(R"j({"data": {"0": "task(1)"}})j").empty());
    CHECK(peek(R"j({"data": [""]})j") == "data0=;");
}

TEST_CASE("of two equal names the last one counts, as for the pod", "[json_peek]") {
    CHECK(peek(R"j({"id": "a", "id": "b"})j") == "id=b;");
    CHECK(peek(R"j({"id": "a", "id": 7})j").empty());
    CHECK(peek(R"j({"data": ["task(1)"], "data": ["x"]})j") == "data0=x;");
    CHECK(peek(R"j({"data": ["task(1)"], "data": []})j").empty());
    CHECK(peek(R"j({"data": ["task(1)"], "data": 1})j").empty());
}

TEST_CASE("a body is read the same wherever it is cut", "[json_peek]") {
    for (std::size_t first = 0; first <= body.size(); ++first)
        for (std::size_t second = first; second <= body.size(); second += 7) {
            JsonPeek peek;
            peek.feed(std::string_view(body).substr(0, first));
            peek.feed(std::string_view(body).substr(first, second - first));
            peek.feed(std::string_view(body).substr(second));
            CAPTURE(first, second);
            REQUIRE(found(peek) == expected);
        }
    JsonPeek octet_by_octet;
    for (const char c : body) octet_by_octet.feed({&c, 1});
    CHECK(found(octet_by_octet) == expected);
}

TEST_CASE("of a long value only the beginning is kept, and megabytes in between are passed over",
          "[json_peek]") {
    const std::string image(3 << 20, 'A');
    CHECK(peek(R"j({"data": ["task(1)", ")j" + image + R"j("], "init_images": [")j" + image +
               R"j("], "id": "7"})j") == "id=7;data0=task(1);");
    CHECK(peek(R"j({"id": ")j" + image + R"j("})j") == "id=" + image.substr(0, JsonPeek::kept) + ";");
    CHECK(peek("{\"" + image + R"j(": 1, "session_hash)j" + image + R"j(": "x", "id": "7"})j") == "id=7;");
}

TEST_CASE("what is no JSON ends the search, and what was found before stays", "[json_peek]") {
    for (const std::string broken :
         {R"j({"id": "7", nonsense)j", R"j({"id": "7", "a": NaN, "event_id": "e"})j", R"j({"id": "7"]})j",
          "{\"id\": \"7\", \"a\": \"\x01\"", R"j({"id": "7", "a": "\ud800x"})j"}) {
        CAPTURE(broken);
        JsonPeek peek;
        CHECK(!peek.feed(broken));
        CHECK(!peek.feed(R"j(, "event_id": "e"})j"));
        CHECK(!peek.ended());
        CHECK(found(peek) == "id=7;");
    }
    CHECK(peek("session_hash=a&id=7").empty());
    CHECK(peek(R"j({"id": "7", "event_id": "half of)j") == "id=7;");
}

TEST_CASE("the end of the document is the end", "[json_peek]") {
    JsonPeek peek;
    CHECK(peek.feed(R"j({"id": "7")j"));
    CHECK(!peek.ended());
    CHECK(peek.feed(""));
    CHECK(!peek.feed("} "));
    CHECK(peek.ended());
    peek.feed(R"j({"id": "8", "event_id": "e"})j");
    CHECK(found(peek) == "id=7;");
}

TEST_CASE("a body nested without end is given up, in bounded depth", "[json_peek]") {
    std::string deep = R"j({"id": "7", "a": )j";
    for (int i = 0; i < 1'000'000; ++i) deep += i % 2 == 0 ? "[" : R"j({"a":)j";
    JsonPeek peek;
    CHECK(!peek.feed(deep));
    CHECK(found(peek) == "id=7;");
}

TEST_CASE("invalid UTF-8 somewhere does not hide the ids", "[json_peek]") {
    CHECK(peek("{\"prompt\": \"\xff\xc0\", \"id\": \"7\"}") == "id=7;");
}

TEST_CASE("whatever octets come, and however they are cut, the same is found", "[json_peek]") {
    const auto seed = GENERATE(1u, 2u, 3u, 4u);
    CAPTURE(seed);
    std::mt19937 random(seed);
    const auto below = [&](std::size_t limit) {
        return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random);
    };
    const std::string likely = "{}[]\":,\\u0etfn-.1 \x80\xff\n";
    for (int round = 0; round < 3000; ++round) {
        std::string mutant = body;
        for (auto changes = below(6); changes > 0; --changes) {
            const auto at = below(mutant.size());
            const auto kind = below(4);
            if (kind == 0) mutant[at] = likely[below(likely.size())];
            if (kind == 1) mutant[at] = static_cast<char>(below(256));
            if (kind == 2) mutant.erase(at, below(20));
            if (kind == 3) mutant.insert(at, mutant.substr(below(mutant.size()), below(30)));
            if (mutant.empty()) mutant = "{";
        }
        JsonPeek cut;
        for (std::size_t at = 0; at < mutant.size();) {
            const auto length = 1 + below(25);
            cut.feed(std::string_view(mutant).substr(at, length));
            at += length;
        }
        CAPTURE(mutant);
        REQUIRE(found(cut) == peek(mutant));
    }
}

TEST_CASE("an event without any input is seen", "[peek]") {
    const auto is_empty = [](std::string_view text) {
        proxy::JsonPeek peek;
        for (const char& octet : text) peek.feed(std::string_view(&octet, 1));
        return peek.data_is_empty();
    };
    CHECK(is_empty(R"({"data":[],"fn_index":3})"));
    CHECK(is_empty(R"({"data": [ ]})"));
    CHECK_FALSE(is_empty(R"({"data":[1]})"));
    CHECK_FALSE(is_empty(R"({"data":[[]]})"));
    CHECK_FALSE(is_empty(R"({"data":[{}]})"));
    CHECK_FALSE(is_empty(R"({"data":"","other":[]})"));
    CHECK_FALSE(is_empty(R"({"data":[)"));
    CHECK_FALSE(is_empty(R"({"data":[],"data":["a"]})"));
    CHECK_FALSE(is_empty("{}"));
}
