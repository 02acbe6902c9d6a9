// A running pod passes from one driver to another, as it does from one gateway to the next.
#include "pods/handover.hpp"

#include <signal.h>
#include <sys/wait.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <memory>

#include "outside.hpp"
#include "pods/process_driver.hpp"
#include "pods/process_tree.hpp"
#include "pods/static_driver.hpp"

using namespace pods;
using namespace pods::testing;
using namespace std::chrono_literals;

namespace {

struct Houses {
    Folder folder;
    asio::io_context io;
    std::unique_ptr<ProcessDriver> old, next;
    std::vector<Exit> old_exits, exits;

    explicit Houses(std::vector<std::string> gpus = {}) {
        ProcessSettings settings;
        settings.gpus = std::move(gpus);
        old = std::make_unique<ProcessDriver>(io, settings, folder.path());
        next = std::make_unique<ProcessDriver>(io, settings, folder.path());
        old->on_exit([this](const Exit& exit) { old_exits.push_back(exit); });
        next->on_exit([this](const Exit& exit) { exits.push_back(exit); });
    }
    // Its keepers are children of this process still, and no driver's any more: a gateway that has handed its
    // pods over ends soon, and they fall to init.
    ~Houses() {
        old.reset();
        next.reset();
        while (::waitpid(-1, nullptr, 0) > 0) {
        }
    }
    pid_t start(const PodSpec& spec) {
        const auto answer = run(io, old->start(spec));
        return static_cast<pid_t>(std::get<Started>(answer).pid);
    }
    void hand_over(PodSpec spec) {
        auto handed = old->release(spec.id);
        REQUIRE(handed);
        spec.id = PodId{70};
        next->adopt(std::move(spec), std::move(*handed));
    }
};

bool runs(pid_t pid) {
    const auto all = all_processes();
    return all.contains(pid) && all.at(pid).state != 'Z';
}

}  // namespace

TEST_CASE("a pod outlives the driver that handed it over, and keeps its process", "[handover]") {
    Houses houses;
    const auto spec = shell_pod(1, unique("outlives"), "sleep 100");
    const auto pid = houses.start(spec);
    houses.hand_over(spec);
    CHECK(houses.old->list().empty());
    houses.old.reset();
    CHECK(runs(pid));
    REQUIRE(houses.next->list().size() == 1);
    CHECK(houses.next->list().front().started.pid == pid);
    houses.next.reset();
    CHECK_FALSE(runs(pid));
}

TEST_CASE("its end and its status are told by the driver that has it, and by no other", "[handover]") {
    Houses houses;
    const auto file = houses.folder.path() / "go";
    const auto spec =
        shell_pod(1, unique("status"), "while [ ! -e " + file.string() + " ]; do sleep 0.02; done; exit 7");
    houses.start(spec);
    houses.hand_over(spec);
    std::ofstream(file).close();
    REQUIRE(eventually(houses.io, [&] { return houses.exits.size() == 1; }));
    CHECK(houses.exits[0].pod == PodId{70});
    CHECK(houses.exits[0].code == 7);
    CHECK(houses.old_exits.empty());
}

TEST_CASE("a pod that was handed over is stopped with its whole tree", "[handover]") {
    Houses houses;
    const auto name = unique("tree");
    const auto spec = shell_pod(1, name, "sleep 100 & setsid sleep 100 & trap '' TERM; wait; sleep 100");
    houses.start(spec);
    REQUIRE(eventually(houses.io, [&] { return processes_with("POD_NAME=" + name).size() >= 3; }));
    houses.hand_over(spec);
    run(houses.io, houses.next->stop(PodId{70}, 50ms));
    CHECK(processes_with("POD_NAME=" + name).empty());
    CHECK(houses.next->list().empty());
}

TEST_CASE("when the keeper of a pod that was handed over is killed, no process of the pod's session stays",
          "[handover]") {
    Houses houses;
    const auto name = unique("killed");
    const auto spec = shell_pod(1, name, "sleep 100 & sleep 100");
    const auto pid = houses.start(spec);
    const auto keeper = all_processes().at(pid).parent;
    houses.hand_over(spec);
    ::kill(keeper, SIGKILL);
    REQUIRE(eventually(houses.io, [&] { return houses.exits.size() == 1; }));
    CHECK_THAT(houses.exits[0].message, Catch::Contains("keeper was killed"));
    CHECK(processes_with("POD_NAME=" + name).empty());
    // The driver that made the keeper reaps it.
    CHECK(eventually(houses.io, [&] { return !all_processes().contains(keeper); }));
}

TEST_CASE("what a promised pod holds is not dealt out, and is free again when it will not come",
          "[handover]") {
    Houses houses({"0", "1"});
    Started elsewhere;
    elsewhere.address = {"127.0.0.1", 20001};
    elsewhere.gpus = {"1"};
    CHECK(houses.next->room_for("", Container{}) == 2);
    houses.next->promise(PodId{5}, elsewhere);
    CHECK(houses.next->room_for("", Container{}) == 1);
    houses.next->forget_promise(PodId{5});
    CHECK(houses.next->room_for("", Container{}) == 2);
}

TEST_CASE("a GPU goes over with its pod, and comes back with its end", "[handover]") {
    Houses houses({"0"});
    const auto spec = shell_pod(1, unique("gpu"), "sleep 100");
    houses.start(spec);
    Started promised = houses.old->list().front().started;
    houses.next->promise(PodId{70}, promised);
    houses.hand_over(spec);
    CHECK(houses.next->room_for("", Container{}) == 0);
    run(houses.io, houses.next->stop(PodId{70}, 0ms));
    CHECK(houses.next->room_for("", Container{}) == 1);
}

TEST_CASE("an address that another gateway has still is nobody's to hand out", "[handover]") {
    StaticSettings settings;
    settings.pods["*"] = {{"127.0.0.1", 7860}};
    StaticDriver driver(settings);
    Started elsewhere;
    elsewhere.address = {"127.0.0.1", 7860};
    driver.promise(PodId{1}, elsewhere);
    CHECK(driver.room_for("default/sd", Container{}) == 0);
    PodSpec spec;
    spec.id = PodId{1};
    Handed handed;
    handed.started = elsewhere;
    driver.adopt(spec, std::move(handed));
    CHECK(driver.list().size() == 1);
    REQUIRE(driver.release(PodId{1}));
    CHECK(driver.room_for("default/sd", Container{}) == 1);
}
