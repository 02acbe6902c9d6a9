// What `pilotlight explain` says.
#include "cli/explain.hpp"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <vector>

namespace {

struct Run {
    int status;
    std::string out, err;
};

Run explain(std::vector<std::string> args) {
    std::ostringstream out, err;
    const int status = cli::explain(args, out, err);
    return {status, out.str(), err.str()};
}

std::string read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

// A manifest on disk, as long as the test runs.
class Manifest {
public:
    explicit Manifest(const std::string& text)
        : path_(std::filesystem::temp_directory_path() /
                ("explain-" + std::to_string(reinterpret_cast<std::uintptr_t>(this)) + ".yaml")) {
        std::ofstream(path_) << text;
    }
    ~Manifest() { std::filesystem::remove(path_); }
    Manifest(const Manifest&) = delete;
    Manifest& operator=(const Manifest&) = delete;
    std::string path() const { return path_.string(); }

private:
    std::filesystem::path path_;
};

std::string service(const std::string& name, const std::string& annotation) {
    return "apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata:\n  name: " + name +
           "\n  annotations:\n    " + annotation +
           "\nspec:\n  template:\n    spec:\n      containers: [{image: a, command: [a], ports: "
           "[{containerPort: "
           "7860}]}]\n---\n";
}

const std::string demo = SOURCE_DIR "/conf/knative-sd-demo.yaml";

}  // namespace

TEST_CASE("without manifests the class and the rule of the profile are explained", "[explain]") {
    CHECK(explain({"POST", "/sdapi/v1/txt2img"}).out ==
          "class    G  generation: takes a slot, waits for it, and is demand\n"
          "rule     POST /sdapi/v1/(txt2img|img2img) G peek\n"
          "from     profile auto\n");
    CHECK(explain({"--profile", "comfyui", "POST", "/prompt"}).out ==
          "class    J  job: takes a slot; answered at once, the slot is free again when the job has ended\n"
          "until    /ws or GET /prompt says that nothing remains in the pod's queue\n"
          "rule     POST (/api)?/prompt J until comfy-prompt peek\n"
          "from     profile comfyui\n");
    CHECK(explain({"GET", "/sdapi/v1/progress?skip_current_image=true"}).out ==
          "class    L  light: takes no slot, is no demand, wakes no pod\n"
          "to       its session's pod, else the one that works\n"
          "rule     GET /sdapi/v1/progress L towards busy\n"
          "from     profile auto\n");
    CHECK_THAT(explain({"POST", "/run/predict", "--profile=stable-diffusion"}).out,
               Catch::Contains("if       data[0] of its JSON body begins with \"task(\""));
}

TEST_CASE("with manifests the route is explained as well", "[explain]") {
    const auto run = explain({"GET", "http://Knative-sd-demo.default.example.com:8080/", "-f", demo});
    CHECK(run.status == 0);
    CHECK_THAT(run.out,
               Catch::StartsWith("route    default/knative-sd-demo, port 7860 of its pods\nclass    N  "));
    CHECK(explain({"GET", "knative-sd-demo.default.localhost", "-f", demo}).out == run.out);
    CHECK(explain({"-f", demo, "--accept", "*/*", "GET", "/"}).out == run.out);
}

TEST_CASE("a host that nobody has is an error that names the hosts", "[explain]") {
    const auto run = explain({"GET", "http://other.example.com/", "-f", demo});
    CHECK(run.status == 1);
    CHECK(run.out.empty());
    CHECK(run.err ==
          "pilotlight explain: no service has the host 'other.example.com'; it is answered 404\n"
          "  http://knative-sd-demo.default.example.com/\n  http://knative-sd-demo.default.localhost/\n");
}

TEST_CASE("a service's own rule is explained with its place", "[explain]") {
    const Manifest file(
        service("sd", "pilotlight.dev/rules: |\n      # mine\n      GET /my/state L towards busy") +
        service("flux", "pilotlight.dev/profile: strict"));
    CHECK(explain({"GET", "http://sd.default.localhost/my/state", "-f", file.path()}).out ==
          "route    default/sd, port 7860 of its pods\n"
          "class    L  light: takes no slot, is no demand, wakes no pod\n"
          "to       its session's pod, else the one that works\n"
          "rule     GET /my/state L towards busy\n"
          "from     " +
              file.path() + ":8\n");
    CHECK_THAT(explain({"GET", "http://flux.default.localhost/my/state", "-f", file.path()}).out,
               Catch::EndsWith("rule     * /** G\nfrom     profile strict\n"));
    const auto which = explain({"GET", "/my/state", "-f", file.path()});
    CHECK(which.status == 1);
    CHECK_THAT(which.err,
               Catch::StartsWith("pilotlight explain: there are 2 services; write a URL with the host"));
    CHECK_THAT(explain({"--list", "-f", file.path()}).out,
               Catch::Contains("# Rules of default/sd\nGET                        /my/state "));
}

TEST_CASE("a wrong rule in a manifest is told as check tells it", "[explain]") {
    const Manifest file(service("sd", "pilotlight.dev/rules: GET my L"));
    const auto run = explain({"GET", "/my", "-f", file.path()});
    CHECK(run.status == 1);
    CHECK(run.err ==
          file.path() + ":6:27: pilotlight.dev/rules: a pattern begins with /, as in /sdapi/v1/**\n");
}

TEST_CASE("what a request carries besides counts", "[explain]") {
    const auto rule_of = [](std::vector<std::string> args) {
        const auto out = explain(std::move(args)).out;
        const auto from = out.find("rule     ") + 9;
        return out.substr(from, out.find('\n', from) - from);
    };
    CHECK(rule_of({"GET", "/a"}) == "GET|OPTIONS /** L");
    CHECK(rule_of({"GET", "/a", "--accept", "text/html"}) == "GET /** N if html");
    CHECK(rule_of({"GET", "/a", "--accept=text/event-stream"}) == "GET /** S if sse");
    CHECK(rule_of({"GET", "/a", "--websocket"}) == "WS /** S");
    CHECK(rule_of({"GET", "ws://host/a"}) == "WS /** S");
    CHECK(rule_of({"WS", "/ws"}) == "WS (/api)?/ws S");
    CHECK(rule_of({"POST", "/api/predict", "--bearer"}) == "POST (/gradio_api)?/api/* L if bearer");
}

TEST_CASE("wrong usage is told with what to write", "[explain]") {
    const auto [args, advice] = GENERATE(table<std::string, std::string>({
        {"", "write a method and a URL"},
        {"POST", "write a method and a URL"},
        {"POST /a /b", "write a method and a URL"},
        {"post /a", "write it in capitals"},
        {"GET /a --profile", "--profile needs a value"},
        {"GET /a --profile a1111",
         "--profile takes auto, stable-diffusion, comfyui, gradio or strict, not 'a1111'"},
        {"GET /a --color", "unknown flag --color"},
        {"--list GET", "leave 'GET' out"},
        {"--list --profile auto -f a.yaml", "leave --profile out"},
    }));
    std::istringstream words(args);
    const auto run = explain({std::istream_iterator<std::string>(words), {}});
    CHECK(run.status == 2);
    CHECK_THAT(run.err, Catch::Contains(advice) && Catch::EndsWith("See 'pilotlight explain --help'.\n"));
}

TEST_CASE("the help teaches by example", "[explain]") {
    CHECK_THAT(explain({"--help"}).out, Catch::Contains("pilotlight explain POST /sdapi/v1/txt2img"));
    CHECK(explain({"-h"}).status == 0);
}

TEST_CASE("docs/classes.md has the words and the rules as the code knows them", "[explain]") {
    const auto doc = read_file(SOURCE_DIR "/docs/classes.md");
    const auto between = [&](const std::string& begin, const std::string& end) {
        CAPTURE(begin);
        const auto from = doc.find(begin);
        REQUIRE(from != std::string::npos);
        const auto to = doc.find(end, from + begin.size());
        REQUIRE(to != std::string::npos);
        return doc.substr(from + begin.size(), to - from - begin.size());
    };
    CHECK(between("<!-- pilotlight explain --words -->\n", "<!-- end -->\n") == explain({"--words"}).out);
    for (const std::string profile : {"auto", "stable-diffusion", "gradio", "comfyui", "strict"})
        CHECK(between("<!-- pilotlight explain --list --profile " + profile + " -->\n```\n", "```\n") ==
              explain({"--list", "--profile", profile}).out);
}
