// The words of problems: suggestions, quotes, order, bounds.
#include <array>
#include <catch2/catch.hpp>

#include "manifest/problem.hpp"

using namespace manifest;

TEST_CASE("a misspelt word is answered with the one that was meant, and only then", "[manifest]") {
    constexpr std::array<std::string_view, 4> words{"containerConcurrency", "containers", "timeoutSeconds",
                                                    "env"};
    CHECK(nearest("containerConcurency", words) == "containerConcurrency");
    CHECK(nearest("containerconcurrency", words) == "containerConcurrency");
    CHECK(nearest("contianers", words) == "containers");
    CHECK(nearest("evn", words) == "env");
    CHECK(nearest("nodeSelector", words).empty());
    CHECK(nearest("", words).empty());
    CHECK(nearest(std::string(100'000, 'a'), words).empty());
}

TEST_CASE("values in messages are cut at a whole character and control characters are escaped",
          "[manifest]") {
    CHECK(quote("a\"b") == "\"a\\\"b\"");
    std::string umlauts = "x";
    for (int i = 0; i < 50; ++i) umlauts += "\xc3\xa4";
    CHECK(quote(umlauts) == "\"" + umlauts.substr(0, 79) + "...\"");
    Problems problems;
    problems.error({"f", 1, 1}, "a\x1b[31m\n\t\x7f \xc2\x9b \xc3\xa4");
    CHECK(problems.all().front().text == "a\\x1b[31m\\n\\t\\x7f \\xc2\x9b \xc3\xa4");
}

TEST_CASE("problems come in the order of files and lines, and no more than a bound", "[manifest]") {
    Problems problems;
    problems.error({"b", 1, 1}, "third");
    problems.warning({"a", 2, 1}, "second");
    problems.error({"a", 1, 9}, "first");
    problems.warn_once("x", {"b", 3, 1}, "fourth");
    problems.warn_once("x", {"b", 4, 1}, "said already");
    constexpr std::array<std::string_view, 2> files{"a", "b"};
    const auto all = problems.take(files);
    REQUIRE(all.size() == 4);
    CHECK(to_string(all[0]) == "a:1:9: first");
    CHECK(to_string(all[1]) == "a:2:1: warning: second");
    CHECK(to_string(all[2]) == "b:1:1: third");
    CHECK(to_string(all[3]) == "b:3:1: warning: fourth");

    Problems many;
    for (int i = 1; i <= 1000; ++i) many.error({"a", i, 1}, "wrong");
    const auto kept = many.take(files);
    REQUIRE(kept.size() == Problems::most + 1);
    CHECK(to_string(kept.back()) == "a: and 800 more; mend these first");
}
