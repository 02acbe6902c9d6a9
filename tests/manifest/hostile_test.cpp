// Text that means harm: bounded and refused, never a crash or a hang. The bounds are in manifest/yaml.hpp.
#include <catch2/catch.hpp>
#include <random>

#include "manifest/yaml.hpp"
#include "tests/manifest/helpers.hpp"

using namespace manifest;
using namespace manifest::test;

namespace {

std::string repeated(std::string_view text, std::size_t bytes) {
    std::string all;
    while (all.size() < bytes) all += text;
    return all;
}

}  // namespace

TEST_CASE("nesting is refused beyond its bound, however it is written", "[manifest]") {
    for (const auto* text : {"[", "{", "- ", "[[\n", "{a: ", "- - ", "[a, ", "[{"}) {
        INFO(text);
        CHECK(problems_in(repeated(text, 500'000)).find("nested deeper than 64 levels") != std::string::npos);
    }
    CHECK(problems_in(repeated("? ", 500'000)) ==
          "a.yaml:1:3: a key must be a text, not a list or a mapping\n");
    std::string indented;
    for (std::size_t depth = 0; depth < 500; ++depth) indented += std::string(depth, ' ') + "a:\n";
    CHECK(problems_in(indented).find("nested deeper than 64 levels") != std::string::npos);
}

TEST_CASE("aliases may not grow without bound", "[manifest]") {
    std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
    for (int i = 1; i < 10; ++i) {
        const auto before = "*a" + std::to_string(i - 1);
        bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
        for (int times = 1; times < 10; ++times) bomb += ", " + before;
        bomb += "]\n";
    }
    CHECK(problems_in(bomb).find("more than 200000 values, aliases expanded") != std::string::npos);

    std::string chain = "a0: &a0 x\n";
    for (int i = 1; i < 100; ++i)
        chain +=
            "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [*a" + std::to_string(i - 1) + "]\n";
    CHECK(problems_in(chain).find("nested deeper than 64 levels by aliases") != std::string::npos);
}

TEST_CASE("an alias stands for what it names", "[manifest]") {
    const auto loaded = load_text(
        "apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: &name sd}\n"
        "spec: {template: {spec: {containers: [{name: *name, image: sd:1, command: &c [a, b], args: "
        "*c}]}}}\n");
    INFO(lines(loaded.problems));
    REQUIRE(loaded.configuration);
    const auto& container = loaded.configuration->services[0].container;
    CHECK(container.name == "sd");
    CHECK(container.args == container.command);
}

TEST_CASE("sizes are bounded: of a file, of a value, of the number of documents", "[manifest]") {
    CHECK(problems_in(repeated("# filler\n", (1 << 20) + 1)) == "a.yaml: more than 1 MiB\n");
    CHECK(problems_in("a: " + std::string(300'000, 'x') + "\n") ==
          "a.yaml:1:4: a value of more than 256 KiB\n");
    CHECK(problems_in(repeated("---\na: 1\n", 12'000)).find("more than 1000 documents in one file") !=
          std::string::npos);
    CHECK(problems_in("a: [" + repeated("x,", 900'000) + "x]\n").find("more than 200000 values") !=
          std::string::npos);
}

TEST_CASE("octets that are not UTF-8 or are control characters are refused with their place", "[manifest]") {
    CHECK(problems_in("a: \xc0\xaf\n") == "a.yaml:1:4: not UTF-8; save the file as UTF-8\n");
    CHECK(problems_in("a: b\nc: \xed\xa0\x80\n") == "a.yaml:2:4: not UTF-8; save the file as UTF-8\n");
    CHECK(problems_in("a: \xf5\x80\x80\x80\n") == "a.yaml:1:4: not UTF-8; save the file as UTF-8\n");
    CHECK(problems_in("a: \xe2\x82") == "a.yaml:1:4: not UTF-8; save the file as UTF-8\n");
    CHECK(problems_in(std::string("\xff\xfe\x61\x00", 4)) ==
          "a.yaml:1:1: not UTF-8; save the file as UTF-8\n");
    // yaml-cpp takes this one for the end of the file.
    CHECK(problems_in("a: 1\nb: \x04\n") ==
          "a.yaml:2:4: a control character; remove it, or write it as an escape in quotes\n");
    CHECK(problems_in(std::string("a: \0b\n", 6)).find("a control character") != std::string::npos);
}

TEST_CASE("nothing at all is a configuration with a Gateway's defaults", "[manifest]") {
    for (const auto* text : {"", "\n", "# nothing\n", "---\n---\n", "\xef\xbb\xbf", "null\n"}) {
        const auto loaded = load_text(text);
        CHECK(loaded.problems.empty());
        REQUIRE(loaded.configuration);
        CHECK(loaded.configuration->services.empty());
        CHECK(loaded.configuration->gateway == Gateway{});
    }
    CHECK(load({}).configuration);
}

TEST_CASE("a UTF-8 byte order mark and Windows' line ends are taken", "[manifest]") {
    auto text = "\xef\xbb\xbf" + read_file(SOURCE_DIR "/conf/knative-sd-demo.yaml");
    std::string windows;
    for (const char c : text) windows += c == '\n' ? std::string("\r\n") : std::string(1, c);
    const auto loaded = load_text(windows);
    CHECK(lines(loaded.problems) == "");
    CHECK(loaded.configuration);
}

TEST_CASE("a manifest that was damaged anywhere is read or refused, and refused with a place", "[manifest]") {
    const auto seed = GENERATE(1u, 2u, 3u);
    std::mt19937 random(seed);
    const std::string whole = read_file(SOURCE_DIR "/conf/knative-sd-demo.yaml") + "---\n" +
                              read_file(SOURCE_DIR "/conf/gateway-demo.yaml") + "---\n" +
                              read_file(TEST_DATA "/manifest/types.yaml");
    const std::string_view spice = "[]{}:,-?&*!|>'\"%@`#\n\t \\0aA~<\x7f\xc3";
    for (int round = 0; round < 400; ++round) {
        auto text = whole;
        const auto edits = random() % 4 + 1;
        for (unsigned edit = 0; edit < edits; ++edit) {
            const auto at = random() % text.size();
            const auto kind = random() % 4;
            if (kind == 0)
                text.erase(at, random() % 40);
            else if (kind == 1)
                text.insert(at, 1, spice[random() % spice.size()]);
            else if (kind == 2)
                text[at] = spice[random() % spice.size()];
            else
                text.insert(at, text.substr(random() % text.size(), random() % 60));
        }
        INFO("seed " << seed << ", round " << round << "\n" << text);
        const auto loaded = load_text(text);
        bool failed = false;
        for (const auto& problem : loaded.problems) {
            failed = failed || !problem.warning;
            REQUIRE(problem.file == "a.yaml");
            REQUIRE(problem.line > 0);
            REQUIRE(problem.column > 0);
        }
        REQUIRE(loaded.configuration.has_value() == !failed);
    }
}
