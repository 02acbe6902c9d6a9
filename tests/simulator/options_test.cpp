// The command line, the environment and the profiles of sd-simulator.
#include "simulator/options.hpp"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>

using namespace simulator;

namespace {

using Variables = std::map<std::string, std::string>;

std::variant<Options, std::string> parse(const std::vector<std::string>& args,
                                         const Variables& variables = {}) {
    return parse_options(args, [&](const std::string& name) -> const char* {
        const auto it = variables.find(name);
        return it == variables.end() ? nullptr : it->second.c_str();
    });
}

Options good(const std::vector<std::string>& args, const Variables& variables = {}) {
    auto parsed = parse(args, variables);
    if (const auto* wrong = std::get_if<std::string>(&parsed)) FAIL(*wrong);
    return std::get<Options>(parsed);
}

std::string wrong(const std::vector<std::string>& args, const Variables& variables = {}) {
    auto parsed = parse(args, variables);
    REQUIRE(std::holds_alternative<std::string>(parsed));
    return std::get<std::string>(parsed);
}

}  // namespace

TEST_CASE("a value is taken from the next word or after an equals sign", "[options]") {
    CHECK(good({"--cold", "3.5"}).cold == 3.5);
    CHECK(good({"--cold=3.5"}).cold == 3.5);
    CHECK(good({"--gzip", "off"}).gzip == false);
    CHECK(good({"--pid1", "--listen"}).pid1);
    CHECK(wrong({"--cold"}) == "--cold needs a value: --cold S");
}

TEST_CASE("the port comes from the option, else PORT, else 7860", "[options]") {
    CHECK(good({}).port == 7860);
    CHECK(good({}, {{"PORT", "20001"}}).port == 20001);
    CHECK(good({"--port", "9000"}, {{"PORT", "20001"}}).port == 9000);
}

TEST_CASE("a pod is called by its option, else by its environment, else by its port", "[options]") {
    CHECK(good({"--id", "a"}, {{"POD_NAME", "b"}}).id == "a");
    CHECK(good({}, {{"POD_NAME", "b"}, {"HOSTNAME", "c"}}).id == "b");
    CHECK(good({}, {{"HOSTNAME", "c"}}).id == "c");
    CHECK(good({"--port", "9000"}).id == "9000");
    CHECK(good({"--id", "a\r\nX-Evil: 1"}).id == "aX-Evil: 1");
}

TEST_CASE("every option has an environment variable and the command line wins", "[options]") {
    const Variables scale{{"SD_SIMULATOR_TIME_SCALE", "0.05"}};
    CHECK(good({}, scale).time_scale == 0.05);
    CHECK(good({"--time-scale", "2"}, scale).time_scale == 2);
    CHECK(good({}, {{"SD_SIMULATOR_LAZY_MODEL", "1"}}).lazy_model);
    CHECK(wrong({}, {{"SD_SIMULATOR_COLD", "soon"}}) ==
          "SD_SIMULATOR_COLD: \"soon\" is not a number from 0 to 86400");
}

TEST_CASE("a profile is laid under everything explicit", "[options]") {
    CHECK(good({"--profile", "sdxl"}).service == 25);
    CHECK(good({"--service", "3", "--profile", "sdxl"}).service == 3);
    CHECK(good({"--profile", "sdxl"}, {{"SD_SIMULATOR_SERVICE", "4"}}).service == 4);
    CHECK(good({}, {{"SD_SIMULATOR_PROFILE", "fast"}}).service == 0.02);
    CHECK_THAT(wrong({"--profile", "slow"}), Catch::Contains("hey-ref"));
}

TEST_CASE("the pods of hey-ref differ by their place", "[options]") {
    const auto ready = [](std::vector<std::string> args, const Variables& variables) {
        args.emplace_back("--profile=hey-ref");
        const Options options = good(args, variables);
        return options.cold + options.mount_delay;
    };
    CHECK(ready({}, {}) == 40.6);
    CHECK(ready({}, {{"POD_ORDINAL", "1"}}) == 41.4);
    CHECK(ready({"--ordinal", "2"}, {{"POD_ORDINAL", "1"}}) == 52.3);
    CHECK(ready({"--ordinal", "3"}, {}) == 300);
    CHECK(ready({"--ordinal", "70"}, {}) == 300);
}

TEST_CASE("the real WebUI's flags are accepted and named as ignored", "[options]") {
    const Options options = good({"--listen", "--skip-torch-cuda-test", "--api", "--xformers", "--no-half",
                                  "--use-cpu", "all", "interrogate", "--ckpt=x", "--cold", "1"});
    CHECK(options.listen);
    CHECK(options.cold == 1);
    CHECK(options.ignored == std::vector<std::string>{"--skip-torch-cuda-test", "--api", "--xformers",
                                                      "--no-half", "--use-cpu", "--ckpt"});
}

TEST_CASE("an unknown option is an error with a suggestion", "[options]") {
    CHECK_THAT(wrong({"--time-scal", "1"}), Catch::Contains("did you mean --time-scale?"));
    CHECK_THAT(wrong({"--zebra"}), !Catch::Contains("did you mean"));
    CHECK_THAT(wrong({"launch.py"}), Catch::Contains("not an option"));
}

TEST_CASE("Forge and ComfyUI load a model in the first generation unless told otherwise", "[options]") {
    CHECK(good({"--dialect", "forge"}).lazy_model);
    CHECK(good({"--dialect", "comfy"}).lazy_model);
    CHECK_FALSE(good({"--dialect", "sdnext"}).lazy_model);
    CHECK_FALSE(good({"--dialect", "forge", "--lazy-model=off"}).lazy_model);
}

TEST_CASE("a dialect that does not exist is refused with those that do", "[options]") {
    CHECK_THAT(wrong({"--dialect", "comfi"}), Catch::Contains("gradio5, sdcpp or comfy"));
}

TEST_CASE("numbers outside of their bounds are refused", "[options]") {
    CHECK_THAT(wrong({"--cold", "-1"}), Catch::Contains("from 0 to 86400"));
    CHECK_THAT(wrong({"--service", "nan"}), Catch::Contains("not a number"));
    CHECK_THAT(wrong({"--start-fail", "1.5"}), Catch::Contains("from 0 to 1"));
    CHECK_THAT(wrong({"--mount-delay", "1", "--crash-window", "2"}), Catch::Contains("cannot be longer"));
}

TEST_CASE("overload modes are read with their numbers", "[options]") {
    CHECK(good({"--overload", "crash:4"}).overload.crash_at == 4);
    const auto mix = good({"--overload", "mix:0.5,0.3,0.2"}).overload;
    CHECK(mix.mode == Overload::mix);
    CHECK(mix.slow_share == 0.3);
    CHECK_THAT(wrong({"--overload", "panic"}), Catch::Contains("none of queue"));
    CHECK_THAT(wrong({"--overload", "slow:1"}), Catch::Contains("none of queue"));
}

TEST_CASE("a trace of service times is read from its file", "[options]") {
    std::string name = "/tmp/sd-simulator-trace-XXXXXX";
    const int file = ::mkstemp(name.data());
    REQUIRE(file >= 0);
    ::close(file);
    std::ofstream(name) << "1.5\n2\n";
    CHECK(good({"--dist", "trace:" + name}).trace == std::vector<double>{1.5, 2});
    std::remove(name.c_str());
    CHECK_THAT(wrong({"--dist", "trace:" + name}), Catch::Contains("no service times"));
}

TEST_CASE("the help names every profile and teaches by example", "[options]") {
    const std::string help = help_text();
    for (const char* word :
         {"--time-scale", "hey-ref", "/stub/fault", "SD_SIMULATOR_TIME_SCALE", "half-close"})
        CHECK_THAT(help, Catch::Contains(word));
}
