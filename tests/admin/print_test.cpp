#include <boost/json/parse.hpp>
#include <catch2/catch.hpp>

#include "admin/print.hpp"
#include "admin/words.hpp"

using std::chrono::seconds;

TEST_CASE("ages read as kubectl's", "[words]") {
    // k8s.io/apimachinery pkg/util/duration/duration_test.go
    const std::vector<std::pair<seconds, std::string>> table{{seconds(-2), "<invalid>"},
                                                             {seconds(-1), "0s"},
                                                             {seconds(0), "0s"},
                                                             {seconds(5), "5s"},
                                                             {seconds(70), "70s"},
                                                             {seconds(119), "119s"},
                                                             {seconds(120), "2m"},
                                                             {seconds(133), "2m13s"},
                                                             {seconds(600), "10m"},
                                                             {seconds(179 * 60 + 59), "179m"},
                                                             {seconds(3 * 3600), "3h"},
                                                             {seconds(3 * 3600 + 60), "3h1m"},
                                                             {seconds(8 * 3600), "8h"},
                                                             {seconds(47 * 3600), "47h"},
                                                             {seconds(48 * 3600), "2d"},
                                                             {seconds(49 * 3600), "2d1h"},
                                                             {seconds(8 * 24 * 3600), "8d"},
                                                             {seconds(2 * 365 * 24 * 3600), "2y"},
                                                             {seconds((2 * 365 + 1) * 24 * 3600), "2y1d"},
                                                             {seconds(8L * 365 * 24 * 3600), "8y"}};
    for (const auto& [duration, text] : table) {
        CAPTURE(duration.count());
        CHECK(admin::human_duration(duration) == text);
    }
    CHECK(admin::age({}, admin::WallTime(seconds(100))) == "<unknown>");
    CHECK(admin::rfc3339(admin::WallTime(seconds(1'767'268'800))) == "2026-01-01T12:00:00Z");
}

TEST_CASE("rows printed later stand under those printed first", "[print]") {
    admin::Columns columns;
    CHECK(columns.print({{"NAME", "READY", "AGE"}, {"a-long-name", "1/1", "5s"}}) ==
          "NAME          READY   AGE\n"
          "a-long-name   1/1     5s\n");
    CHECK(columns.print({{"b", "0/1", "0s"}}) == "b             0/1     0s\n");
    CHECK(columns.print({{"an-even-longer-name", "0/1", "0s"}}) == "an-even-longer-name   0/1     0s\n");
}

TEST_CASE("a cell cannot play with the terminal", "[print]") {
    CHECK(admin::printable_cell("a\x1b[31mb") == "a^[[31mb");
    CHECK(admin::printable_cell("a\xc2\x9b"
                                "31mb\xc3\xa4") == "a^[[31mb\xc3\xa4");
    CHECK(admin::printable_cell("first\nsecond") == "first...");
}

TEST_CASE("yaml quotes what would be read as something else", "[print]") {
    const auto value = boost::json::parse(
        R"({"a":"true","b":"1.5","c":"plain word","d":"","e":null,"f":["x",{"g":1,"h":[]}],"i":{},"j":"k: v","l":"http://h:1/","m":"# c","n":"two\nlines"})");
    CHECK(admin::yaml(value) ==
          "a: \"true\"\n"
          "b: \"1.5\"\n"
          "c: plain word\n"
          "d: \"\"\n"
          "e: null\n"
          "f:\n"
          "- x\n"
          "- g: 1\n"
          "  h: []\n"
          "i: {}\n"
          "j: \"k: v\"\n"
          "l: http://h:1/\n"
          "m: \"# c\"\n"
          "\"n\": \"two\\nlines\"\n");
}

TEST_CASE("json is indented and stays the same value", "[print]") {
    const auto value = boost::json::parse(R"({"a":[1,{"b":"c"}],"d":{}})");
    const auto text = admin::pretty_json(value);
    CHECK(text ==
          "{\n    \"a\": [\n        1,\n        {\n            \"b\": \"c\"\n        }\n    ],\n    \"d\": "
          "{}\n}\n");
    CHECK(boost::json::parse(text) == value);
}
