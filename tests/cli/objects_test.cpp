#include <sys/resource.h>
#include <unistd.h>

#include <boost/json/parse.hpp>
#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "admin/patch.hpp"
#include "cli/objects.hpp"

namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using Kind = admin::Kept::Kind;

struct StateFolder {
    StateFolder() {
        std::string name = (fs::temp_directory_path() / "pilotlight-objects-XXXXXX").string();
        path = ::mkdtemp(name.data());
    }
    ~StateFolder() { fs::remove_all(path); }
    fs::path path;
};

json::object service_object(const std::string& name, const std::string& more = {}) {
    return json::
        parse(R"({"apiVersion":"serving.knative.dev/v1","kind":"Service","metadata":{"name":")" + name +
              R"(","namespace":"default","uid":"u","generation":5,"creationTimestamp":"2026-01-01T12:00:00Z"},)" +
              R"("spec":{"template":{"spec":{)" + more +
              R"("containers":[{"image":"a","command":["x"]}]}}}})")
            .as_object();
}

admin::Wish wish(const std::string& name, json::object object) {
    admin::Wish out;
    out.kind = "Service";
    out.name_space = "default";
    out.name = name;
    out.object = std::move(object);
    return out;
}

const std::string in_a_file =
    "apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: filed}\n"
    "spec: {template: {spec: {containers: [{image: a, command: [x]}]}}}\n";

// A gateway's objects, as of one run.
struct GatewayRun {
    explicit GatewayRun(const StateFolder& folder, std::string file = in_a_file)
        : objects(folder.path / "applied",
                  {[this](manifest::Configuration next) { in_force = std::move(next); },
                   [this] { return closed; },
                   [this](bool, const auto&, const auto&, const auto& name, const auto& reason, const auto&) {
                       told.push_back(name + " " + reason);
                   }}) {
        files({{"conf/a.yaml", std::move(file)}});
    }
    void files(std::vector<manifest::Source> sources) {
        const auto loaded = manifest::load(sources);
        REQUIRE(loaded.configuration);
        in_force = objects.combine(sources, loaded);
    }
    std::vector<std::string> names() const {
        std::vector<std::string> out;
        for (const auto& each : in_force.services) out.push_back(each.name);
        return out;
    }
    const proxy::ObjectView& view(const std::string& name) const {
        for (const auto& each : *objects.views())
            if (each.name == name) return each;
        FAIL("no view of " << name);
        std::abort();
    }

    bool closed = false;
    manifest::Configuration in_force;
    std::vector<std::string> told;
    cli::Objects objects;
};

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("what was applied is in force, and again in the next run", "[objects]") {
    const StateFolder folder;
    {
        GatewayRun run(folder);
        CHECK(run.objects.carry_out(wish("made", service_object("made"))).kind == Kind::done);
        CHECK(run.names() == Names{"filed", "made"});
        CHECK(run.view("made").generation == 5);
        CHECK(run.view("filed").source == "file conf/a.yaml:1");
    }
    GatewayRun run(folder);
    CHECK(run.names() == Names{"filed", "made"});
    CHECK(run.view("made").applied);
    auto gone = wish("made", {});
    gone.remove = true;
    CHECK(run.objects.carry_out(gone).kind == Kind::done);
    CHECK(GatewayRun(folder).names() == Names{"filed"});
}

TEST_CASE("what is wrong, only tried or too late changes nothing", "[objects]") {
    const StateFolder folder;
    GatewayRun run(folder);
    const auto wrong = run.objects.carry_out(wish("made", service_object("made", R"("foo":1,)")));
    CHECK(wrong.kind == Kind::invalid);
    REQUIRE(wrong.errors.size() == 1);
    CHECK(wrong.errors[0].field == "spec.template.spec.foo");
    CHECK(wrong.errors[0].unknown_field);
    auto tried = wish("made", service_object("made"));
    tried.dry_run = true;
    CHECK(run.objects.carry_out(tried).kind == Kind::done);
    run.closed = true;
    CHECK(run.objects.carry_out(wish("made", service_object("made"))).kind == Kind::failed);
    CHECK(run.names() == Names{"filed"});
    CHECK(GatewayRun(folder).names() == Names{"filed"});
}

TEST_CASE("a name that leads out of the folder is none", "[objects]") {
    const StateFolder folder;
    GatewayRun run(folder);
    CHECK(run.objects.carry_out(wish("../../made", service_object("../../made"))).kind == Kind::invalid);
    CHECK_FALSE(fs::exists(folder.path / "applied"));
}

TEST_CASE("a damaged file is set aside and the others are read", "[objects]") {
    const StateFolder folder;
    GatewayRun(folder).objects.carry_out(wish("made", service_object("made")));
    for (const auto* text : {"", "{", "[]", R"({"version":2,"object":{}})", "\xff\xff"}) {
        std::ofstream(folder.path / "applied" / "default.Service.bad.json") << text;
        CHECK(GatewayRun(folder).names() == Names{"filed", "made"});
        CHECK(fs::exists(folder.path / "applied" / "default.Service.bad.json.damaged"));
    }
}

// A limit on the length of files stands for a disk that is full: the write ends early.
TEST_CASE("a full disk is said, and neither the old object nor its neighbours suffer", "[objects]") {
    const StateFolder folder;
    GatewayRun run(folder);
    CHECK(run.objects.carry_out(wish("made", service_object("made"))).kind == Kind::done);
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
    const auto signal_before = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit little{100, before.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &little) == 0);
    const auto refused =
        run.objects.carry_out(wish("made", service_object("made", R"("timeoutSeconds":7,)")));
    ::setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, signal_before);
    CHECK(refused.kind == Kind::full);
    CHECK(refused.sentence.find("is not kept and not in force") != std::string::npos);
    CHECK(run.in_force.services[1].timeout == std::chrono::seconds(300));
    CHECK(GatewayRun(folder).in_force.services[1].timeout == std::chrono::seconds(300));
}

TEST_CASE("a file wins over what was applied under its name, until it is gone", "[objects]") {
    const StateFolder folder;
    GatewayRun run(folder);
    run.objects.carry_out(wish("made", service_object("made", R"("timeoutSeconds":7,)")));
    auto other = in_a_file;
    other.replace(other.find("filed"), 5, "made");
    run.files({{"conf/a.yaml", in_a_file}, {"conf/b.yaml", other}});
    CHECK(run.names() == Names{"filed", "made"});
    CHECK_FALSE(run.view("made").applied);
    CHECK(run.told == Names{"made Shadowed"});
    run.files({{"conf/a.yaml", in_a_file}});
    CHECK(run.view("made").applied);
    CHECK(run.in_force.services[1].timeout == std::chrono::seconds(7));
}

TEST_CASE("what does not fit the files any more is left out and does not stop them", "[objects]") {
    const StateFolder folder;
    GatewayRun run(folder);
    auto mapping = wish("draw.example.org",
                        json::parse(R"({"apiVersion":"serving.knative.dev/v1beta1","kind":"DomainMapping",
        "metadata":{"name":"draw.example.org","namespace":"default"},"spec":{"ref":{"name":"filed"}}})")
                            .as_object());
    mapping.kind = "DomainMapping";
    CHECK(run.objects.carry_out(mapping).kind == Kind::done);
    CHECK(run.objects.carry_out(wish("good", service_object("good"))).kind == Kind::done);
    auto other = in_a_file;
    other.replace(other.find("filed"), 5, "renamed");
    run.files({{"conf/a.yaml", other}});
    CHECK(run.names() == Names{"renamed", "good"});
    CHECK(run.in_force.domain_mappings.empty());
    CHECK(run.told == Names{"draw.example.org NotInForce"});
    run.files({{"conf/a.yaml", in_a_file}});
    CHECK(run.in_force.domain_mappings.size() == 1);
}

TEST_CASE("a number of pods set by hand outlives the run and what its file says", "[objects]") {
    const StateFolder folder;
    auto scaled = wish(
        "filed", json::parse(R"({"metadata":{"annotations":{"pilotlight.dev/replicas":"4"}}})").as_object());
    scaled.only_replicas = true;
    {
        GatewayRun run(folder);
        CHECK(run.objects.carry_out(scaled).kind == Kind::done);
        CHECK(run.in_force.services[0].scaling.by_hand == 4);
        auto nonsense = scaled;
        nonsense.object =
            json::parse(R"({"metadata":{"annotations":{"pilotlight.dev/replicas":"many"}}})").as_object();
        CHECK(run.objects.carry_out(nonsense).kind == Kind::invalid);
    }
    GatewayRun run(folder);
    CHECK(run.in_force.services[0].scaling.by_hand == 4);
    CHECK(admin::text(*run.view("filed").object, {"metadata", "annotations", "pilotlight.dev/replicas"}) ==
          "4");
    scaled.object = json::object();
    CHECK(run.objects.carry_out(scaled).kind == Kind::done);
    CHECK_FALSE(run.in_force.services[0].scaling.by_hand);
    CHECK_FALSE(GatewayRun(folder).in_force.services[0].scaling.by_hand);
}

TEST_CASE("a file that changes its service's spec counts the generation up", "[objects]") {
    const StateFolder folder;
    GatewayRun run(folder);
    CHECK(run.view("filed").generation == 1);
    auto other = in_a_file;
    other.replace(other.find("image: a"), 8, "image: b");
    run.files({{"conf/a.yaml", other}});
    CHECK(run.view("filed").generation == 2);
    run.files({{"conf/a.yaml", other}});
    CHECK(run.view("filed").generation == 2);
}
