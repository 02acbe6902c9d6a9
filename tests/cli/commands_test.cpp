#include "cli/commands.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <set>

#include "admin/resources.hpp"
#include "cli/words.hpp"
#include "manifest/configuration.hpp"

using namespace cli;

namespace {

using Args = std::vector<std::string>;

Words words(std::string_view command, const Args& args) {
    return Words(*find_command(command), args);
}

std::string wrong(std::string_view command, const Args& args) {
    try {
        (void)words(command, args);
    } catch (const Usage& error) {
        return error.what();
    }
    return "";
}

}  // namespace

TEST_CASE("a flag is taken as kubectl takes it", "[words]") {
    const auto args = GENERATE(Args{"-n", "x"}, Args{"-nx"}, Args{"-n=x"}, Args{"--namespace", "x"},
                               Args{"--namespace=x"}, Args{"-wnx"});
    CHECK(words("get", args).value("--namespace") == "x");
}

TEST_CASE("switches stand together behind one dash", "[words]") {
    const auto both = words("get", {"pods", "-Awowide"});
    CHECK(both.has("--all-namespaces"));
    CHECK(both.has("--watch"));
    CHECK(both.value("--output") == "wide");
    CHECK(both.free() == Args{"pods"});
}

TEST_CASE("the last of several values counts, and all are there", "[words]") {
    const auto two = words("simulate", {"--class", "kpa", "--class=break-even"});
    CHECK(two.value("--class") == "break-even");
    CHECK(two.values("--class") == Args{"kpa", "break-even"});
}

TEST_CASE("-f takes the paths that follow", "[words]") {
    CHECK(words("serve", {"-f", "a", "b", "--port", "1", "-f", "c"}).values("--filename") ==
          Args{"a", "b", "c"});
    const auto explain = words("explain", {"-f", "a", "GET", "/", "b"});
    CHECK(explain.free() == Args{"GET", "/"});
    CHECK(explain.values("--filename") == Args{"a", "b"});
}

TEST_CASE("behind -- everything is a word", "[words]") {
    CHECK(words("logs", {"--", "-f"}).free() == Args{"-f"});
}

TEST_CASE("whoever asks for help gets it, whatever else is wrong", "[words]") {
    CHECK(words("get", {"--no-such-flag", "--help"}).asks_for_help());
    CHECK_FALSE(words("logs", {"--", "--help"}).asks_for_help());
}

TEST_CASE("a wrong flag is answered with the right one", "[words]") {
    CHECK(wrong("get", {"--namespac", "x"}) == "unknown flag --namespac; did you mean --namespace?");
    CHECK(wrong("get", {"-watch"}) == "unknown flag -watch; did you mean --watch?");
    CHECK(wrong("get", {"-Az"}) == "unknown flag -z");
    CHECK(wrong("get", {"--replicas", "1"}) == "unknown flag --replicas; it is one of pilotlight scale");
    CHECK(wrong("get", {"--zzzzzzz"}) == "unknown flag --zzzzzzz");
    CHECK(wrong("get", {"-o", "jsno"}) ==
          "--output takes wide, json, yaml or name, not 'jsno'; did you mean json?");
    CHECK(wrong("get", {"-o"}) == "-o needs a value: -o FORM");
    CHECK(wrong("get", {"--watch=yes"}) == "--watch takes no value");
}

TEST_CASE("a number has bounds", "[words]") {
    CHECK(words("serve", {"--port", "80"}).number("--port", 0, 65535) == 80);
    for (const auto* text : {"-1", "65536", "8o", "", "1e3", "99999999999999999999"})
        CHECK_THROWS_AS(words("serve", {std::string("--port=") + text}).number("--port", 0, 65535), Usage);
}

TEST_CASE("the environment stands in for a flag, and a flag wins over it", "[words]") {
    ::setenv("PILOTLIGHT_WORKERS", "3", 1);
    CHECK(words("serve", {}).value("--workers") == "3");
    CHECK(words("serve", {"--workers", "4"}).value("--workers") == "4");
    ::unsetenv("PILOTLIGHT_WORKERS");
    CHECK_FALSE(words("serve", {}).has("--workers"));
}

TEST_CASE("no command has a flag twice, and each flag is explained", "[commands]") {
    for (const auto& command : commands()) {
        CAPTURE(command.name);
        std::set<std::string_view> full;
        std::set<char> brief;
        for (const auto& flag : command.flags) {
            CAPTURE(flag.full);
            CHECK(flag.full.starts_with("--"));
            CHECK(full.insert(flag.full).second);
            if (flag.brief != 0) CHECK(brief.insert(flag.brief).second);
            CHECK_FALSE((flag.text.empty() && flag.choices.empty()));
            CHECK((flag.means != Means::choice || !flag.choices.empty()));
        }
        CHECK(full.contains("--help"));
    }
}

TEST_CASE("the help of a command shows each flag, an example, and fits on a screen", "[commands]") {
    for (const auto& command : commands()) {
        if (command.hidden) continue;
        CAPTURE(command.name);
        const auto text = help(command);
        for (const auto& flag : command.flags) CHECK_THAT(text, Catch::Contains(std::string(flag.full)));
        if (command.name != "version")
            CHECK_THAT(text, Catch::Contains("\n  pilotlight " + std::string(command.name)));
        std::size_t longest = 0;
        for (std::size_t at = 0; at < text.size();) {
            const auto end = std::min(text.find('\n', at), text.size());
            longest = std::max(longest, end - at);
            at = end + 1;
        }
        CHECK(longest <= 120);
        CHECK_THAT(help(), Catch::Contains("\n  " + std::string(command.name) + " "));
    }
}

TEST_CASE("the kinds that get completes are those that the gateway has", "[commands]") {
    const auto kinds = split_choices(find_command("get")->choices);
    for (const auto kind : kinds) {
        CAPTURE(kind);
        CHECK(std::ranges::find(admin::resources(), kind, &admin::Resource::plural) !=
              admin::resources().end());
    }
}

TEST_CASE("log-level completes the subsystems that there are, and --log-level takes the levels of a manifest",
          "[cli]") {
    auto subsystems = split_choices(find_command("log-level")->choices);
    std::erase(subsystems, "all");
    CHECK(std::ranges::equal(subsystems, manifest::log_subsystems));
    CHECK(std::ranges::equal(split_choices(find_flag(*find_command("serve"), "--log-level")->choices),
                             manifest::log_levels));
}
