#include "cli/complete.hpp"

#include <catch2/catch.hpp>

using namespace cli;

namespace {

using Args = std::vector<std::string>;

// Names as a gateway would have them; `asked` is what was asked for, with the words before.
struct Gateway {
    std::string asked;
    Args before;

    Completion complete(const Args& words) {
        return cli::complete(
            words, [this](const Command&, std::span<const std::string> seen, std::string_view kind) {
                asked = kind;
                before.assign(seen.begin(), seen.end());
                return Args{"sd-00001-0", "sd-00001-1", "flux"};
            });
    }
    Args words(const Args& typed) {
        Args out;
        for (const auto& one : complete(typed).candidates) out.push_back(one.word);
        return out;
    }
};

}  // namespace

TEST_CASE("commands are completed, hidden ones are not", "[complete]") {
    Gateway gateway;
    CHECK(gateway.words({"s"}) == Args{"serve", "scale", "simulate"});
    CHECK(gateway.words({"__"}).empty());
    CHECK(gateway.words({"help", "to"}) == Args{"top"});
    CHECK(gateway.words({"no-such", ""}).empty());
    CHECK(gateway.asked.empty());
}

TEST_CASE("flags are completed; a switch that is there is not offered again", "[complete]") {
    Gateway gateway;
    CHECK(gateway.words({"get", "pods", "--w"}) == Args{"--watch"});
    CHECK(gateway.words({"get", "pods", "-w", "--w"}).empty());
    CHECK(gateway.words({"serve", "--log"}) == Args{"--log-level"});
}

TEST_CASE("the value of a flag is one of its choices, however it is written", "[complete]") {
    Gateway gateway;
    CHECK(gateway.words({"get", "pods", "-o", ""}) == Args{"wide", "json", "yaml", "name"});
    CHECK(gateway.words({"get", "pods", "--output", "j"}) == Args{"json"});
    CHECK(gateway.words({"get", "pods", "--output=j"}) == Args{"--output=json"});  // zsh, fish
    CHECK(gateway.words({"get", "pods", "--output", "=", "j"}) == Args{"json"});   // bash
    CHECK(gateway.words({"get", "pods", "--output", "="}).size() == 4);
    CHECK(gateway.words({"simulate", "--class", "b"}) == Args{"break-even"});
}

TEST_CASE("files and folders are left to the shell", "[complete]") {
    Gateway gateway;
    CHECK(gateway.complete({"serve", "-f", ""}).besides == Means::file);
    CHECK(gateway.complete({"serve", "-f", "a.yaml", "b"}).besides == Means::file);
    CHECK(gateway.complete({"serve", "--state-dir", "/v"}).besides == Means::folder);
    CHECK(gateway.complete({"replay-kpa", "a", "b"}).besides == Means::file);
    CHECK(gateway.complete({"get", ""}).besides == Means::anything);
    CHECK(to_lines(gateway.complete({"serve", "-f", ""})) == ":file\n");
}

TEST_CASE("names are asked of the gateway that the words mean", "[complete]") {
    Gateway gateway;
    CHECK(gateway.words({"logs", "--server", "http://x", "sd"}) == Args{"sd-00001-0", "sd-00001-1"});
    CHECK(gateway.asked == "pods");
    CHECK(gateway.before == Args{"--server", "http://x"});
    CHECK(gateway.words({"scale", "f"}) == Args{"flux"});
    CHECK(gateway.asked == "services");
    CHECK(gateway.words({"get", "pod", ""}).size() == 3);
    CHECK(gateway.asked == "pods");
    CHECK(gateway.words({"logs", "-n", "f"}) == Args{"flux"});
    CHECK(gateway.asked == "namespaces");
}

TEST_CASE("one who has all words is offered flags", "[complete]") {
    Gateway gateway;
    const auto offered = gateway.words({"logs", "sd-00001-0", ""});
    CHECK(std::find(offered.begin(), offered.end(), "--follow") != offered.end());
    CHECK(gateway.words({"explain", "P"}) == Args{"POST", "PUT", "PATCH"});
}
