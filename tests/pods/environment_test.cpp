#include "pods/environment.hpp"

#include <catch2/catch.hpp>

using namespace pods;

namespace {

std::string expanded(std::string_view text) {
    static const Variables known{
        {"VAR_A", "A"}, {"VAR_B", "B"}, {"VAR_C", "C"}, {"VAR_REF", "$(VAR_A)"}, {"VAR_EMPTY", ""}};
    return expand(text, [](const std::string& name) {
        const auto found = known.find(name);
        return found == known.end() ? nullptr : &found->second;
    });
}

PodSpec spec() {
    PodSpec pod;
    pod.id = PodId{1};
    pod.name = "sd-00001-deployment-3";
    pod.name_space = "default";
    pod.service = "sd";
    pod.revision = "sd-00001";
    pod.container.image = "registry.example/sd:1";
    pod.container.command = {"python3", "launch.py"};
    return pod;
}

CommandLine line_of(const PodSpec& pod, const ImageRule* rule = nullptr, std::vector<std::string> gpus = {}) {
    const Variables base{{"PATH", "/bin"}, {"HOME", "/root"}};
    return std::get<CommandLine>(command_line(pod, rule, base, 20001, gpus));
}

std::string value(const CommandLine& line, const std::string& name) {
    for (const auto& entry : line.env) {
        if (entry.starts_with(name + "=")) return entry.substr(name.size() + 1);
    }
    return "(unset)";
}

}  // namespace

// The table of Kubernetes' own test, third_party/forked/golang/expansion/expand_test.go.
TEST_CASE("references expand as in Kubernetes", "[environment]") {
    const std::vector<std::pair<std::string, std::string>> table{
        {"$(VAR_A)", "A"},
        {"___$(VAR_B)___", "___B___"},
        {"___$(VAR_C)", "___C"},
        {"$(VAR_A)-$(VAR_A)", "A-A"},
        {"$(VAR_A)-1", "A-1"},
        {"$(VAR_A)_$(VAR_B)_$(VAR_C)", "A_B_C"},
        {"$$(VAR_B)_$(VAR_A)", "$(VAR_B)_A"},
        {"$$(VAR_A)_$$(VAR_B)", "$(VAR_A)_$(VAR_B)"},
        {"f000-$$VAR_A", "f000-$VAR_A"},
        {"foo\\$(VAR_C)bar", "foo\\Cbar"},
        {"foo\\\\$(VAR_C)bar", "foo\\\\Cbar"},
        {"foo$(VAR_EMPTY)bar", "foobar"},
        {"$(VAR_A$(VAR_B)", "$(VAR_A$(VAR_B)"},
        {"$(VAR_REF)", "$(VAR_A)"},
        {"%%$(VAR_REF)--$(VAR_REF)%%", "%%$(VAR_A)--$(VAR_A)%%"},
        {"foo$(VAR_EMPTY)bar", "foobar"},
        {"foo$(VAR_Awhoops!", "foo$(VAR_Awhoops!"},
        {"f00__(VAR_A)__", "f00__(VAR_A)__"},
        {"$?_boo_$!", "$?_boo_$!"},
        {"$VAR_A", "$VAR_A"},
        {"$(VAR_DNE)", "$(VAR_DNE)"},
        {"$$$$$$(BIG_MONEY)", "$$$(BIG_MONEY)"},
        {"$$$$$$(VAR_A)", "$$$(VAR_A)"},
        {"$$$$$$$(GOOD_ODDS)", "$$$$(GOOD_ODDS)"},
        {"$$$$$$$(VAR_A)", "$$$A"},
        {"$VAR_A)", "$VAR_A)"},
        {"${VAR_A}", "${VAR_A}"},
        {"$(VAR_B)_______$(A", "B_______$(A"},
        {"$(VAR_C)_______$(", "C_______$("},
        {"$(VAR_A)foobarzab$", "Afoobarzab$"},
        {"foo-\\$(VAR_A", "foo-\\$(VAR_A"},
        {"--$($($($($--", "--$($($($($--"},
        {"$($($($($--foo$(", "$($($($($--foo$("},
        {"foo0--$($($($(", "foo0--$($($($("},
        {"$(foo$$var)", "$(foo$$var)"},
        {"", ""},
        {"$", "$"},
    };
    for (const auto& [text, wanted] : table) {
        CAPTURE(text);
        CHECK(expanded(text) == wanted);
    }
}

TEST_CASE("the exact image wins, then the longest prefix", "[environment]") {
    std::vector<ImageRule> rules(4);
    rules[0].image = "*";
    rules[1].image = "registry.example/*";
    rules[2].image = "registry.example/sd*";
    rules[3].image = "registry.example/sd:1";
    CHECK(find_rule(rules, "registry.example/sd:1") == &rules[3]);
    CHECK(find_rule(rules, "registry.example/sd:2") == &rules[2]);
    CHECK(find_rule(rules, "registry.example/x") == &rules[1]);
    CHECK(find_rule(rules, "elsewhere/x") == &rules[0]);
    rules.erase(rules.begin());
    CHECK(find_rule(rules, "elsewhere/x") == nullptr);
}

TEST_CASE("a pod is told who it is", "[environment]") {
    const auto line = line_of(spec());
    CHECK(value(line, "K_SERVICE") == "sd");
    CHECK(value(line, "K_CONFIGURATION") == "sd");
    CHECK(value(line, "K_REVISION") == "sd-00001");
    CHECK(value(line, "PORT") == "20001");
    CHECK(value(line, "POD_NAME") == "sd-00001-deployment-3");
    CHECK(value(line, "HOSTNAME") == "sd-00001-deployment-3");
    CHECK(value(line, "POD_NAMESPACE") == "default");
    CHECK(value(line, "POD_ORDINAL") == "2");
    CHECK(value(line, "PATH") == "/bin");
    CHECK(value(line, "CUDA_VISIBLE_DEVICES") == "(unset)");
}

TEST_CASE("a pod's name without a number has ordinal 0", "[environment]") {
    CHECK(ordinal("sd-00001-deployment-1") == 0);
    CHECK(ordinal("sd-00001-deployment-12") == 11);
    CHECK(ordinal("sd") == 0);
    CHECK(ordinal("sd-0") == 0);
    CHECK(ordinal("sd-99999999999999999999") == 0);
    CHECK(ordinal("7") == 6);
}

TEST_CASE("an env entry sees what stands before it, args see everything", "[environment]") {
    auto pod = spec();
    pod.container.env = {{"EARLY", "$(LATE)"}, {"BASE", "http://x:$(PORT)"}, {"LATE", "$(BASE)/$$(BASE)"}};
    pod.container.args = {"--port", "$(PORT)", "--url=$(LATE)", "$(PATH)"};
    const auto line = line_of(pod);
    CHECK(value(line, "EARLY") == "$(LATE)");
    CHECK(value(line, "LATE") == "http://x:20001/$(BASE)");
    // PATH is of this machine, not of the manifest: unknown to it, as in Kubernetes.
    CHECK(line.argv == std::vector<std::string>{"python3", "launch.py", "--port", "20001",
                                                "--url=http://x:20001/$(BASE)", "$(PATH)"});
}

TEST_CASE("a rule replaces the command, adds args, overrides env and the working directory",
          "[environment]") {
    auto pod = spec();
    pod.container.args = {"--listen"};
    pod.container.env = {{"MODE", "manifest"}, {"KEPT", "yes"}};
    pod.container.working_dir = "/app";
    ImageRule rule;
    rule.image = "*";
    rule.command = {"$(HOME)/sd-simulator"};
    rule.args = {"--port", "$(PORT)"};
    rule.env = {{"MODE", "rule"}, {"PATH", "/opt/venv/bin:$(PATH)"}};
    auto line = line_of(pod, &rule);
    CHECK(line.argv == std::vector<std::string>{"/root/sd-simulator", "--listen", "--port", "20001"});
    CHECK(value(line, "MODE") == "rule");
    CHECK(value(line, "KEPT") == "yes");
    CHECK(value(line, "PATH") == "/opt/venv/bin:/bin");
    CHECK(line.working_dir == "/app");
    rule.working_dir = "/srv";
    rule.command.clear();
    line = line_of(pod, &rule);
    CHECK(line.working_dir == "/srv");
    CHECK(line.argv.front() == "python3");
}

TEST_CASE("dealt GPUs are named, whatever the manifest says", "[environment]") {
    auto pod = spec();
    pod.container.env = {{"CUDA_VISIBLE_DEVICES", "7"}};
    CHECK(value(line_of(pod, nullptr, {"0", "GPU-ab"}), "CUDA_VISIBLE_DEVICES") == "0,GPU-ab");
    CHECK(value(line_of(pod), "CUDA_VISIBLE_DEVICES") == "7");
}

TEST_CASE("an image that nothing says how to run is refused with advice", "[environment]") {
    auto pod = spec();
    pod.container.command.clear();
    const auto refused = command_line(pod, nullptr, {}, 20001, {});
    const auto& failure = std::get<Failure>(refused);
    CHECK(failure.reason == "ErrImagePull");
    CHECK_THAT(failure.message,
               Catch::Contains("registry.example/sd:1") && Catch::Contains("driver.process.images"));
}

TEST_CASE("of the gateway's environment only the known part is passed on", "[environment]") {
    const char* const all[] = {"PATH=/bin",         "LC_ALL=C", "AWS_SECRET_ACCESS_KEY=x",
                               "XDG_CACHE_HOME=/c", "PATHS=/y", "HOME=a=b",
                               "nonsense",          "PORT=1",   nullptr};
    CHECK(base_environment(all) ==
          Variables{{"PATH", "/bin"}, {"LC_ALL", "C"}, {"XDG_CACHE_HOME", "/c"}, {"HOME", "a=b"}});
}
