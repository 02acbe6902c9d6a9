// The process driver against real processes. Nothing here measures time; what takes long only fails late.
#include "pods/process_driver.hpp"

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <fstream>

#include "outside.hpp"
#include "pods/prober.hpp"
#include "pods/process_tree.hpp"

extern char** environ;

using namespace pods;
using namespace pods::testing;
using namespace std::chrono_literals;

namespace {

struct House {
    Folder folder;
    asio::io_context io;
    ProcessDriver driver;
    std::vector<Exit> exits;

    explicit House(ProcessSettings settings = {}) : driver(io, std::move(settings), folder.path()) {
        driver.on_exit([this](const Exit& exit) { exits.push_back(exit); });
    }
    std::variant<Started, Failure> start(PodSpec spec) { return run(io, driver.start(std::move(spec))); }
    Started started(PodSpec spec) {
        auto answer = start(std::move(spec));
        if (auto* failure = std::get_if<Failure>(&answer)) FAIL(failure->reason + ": " + failure->message);
        return std::get<Started>(answer);
    }
    Failure refused(PodSpec spec) {
        auto answer = start(std::move(spec));
        REQUIRE(std::holds_alternative<Failure>(answer));
        return std::get<Failure>(answer);
    }
    bool ends(std::size_t pods = 1) {
        return eventually(io, [&] { return exits.size() == pods; });
    }
    bool has(const std::string& pod, std::size_t processes) {
        return eventually(io, [&] { return processes_with("POD_NAME=" + pod).size() == processes; });
    }
    std::string log(const std::string& pod) { return read_file(folder.path() / "logs" / (pod + ".log")); }
};

pid_t keeper_of(pid_t pod) {
    return all_processes().at(pod).parent;
}

// Of what descends from a process: how many have ended and wait to be reaped.
int zombies_below(pid_t parent) {
    int count = 0;
    for (const auto& [pid, process] : all_processes())
        count += process.parent == parent && process.state == 'Z';
    return count;
}

}  // namespace

TEST_CASE("a pod runs with its port, its environment, its directory and its log", "[process]") {
    House house;
    const auto name = unique("env");
    auto spec = shell_pod(1, name, "echo $PORT $K_SERVICE $GREETING $1; pwd; echo to stderr >&2");
    spec.container.env = {{"GREETING", "hello-$(PORT)"}};
    spec.container.args = {"sh", "$(POD_NAME)"};
    spec.container.working_dir = house.folder.path().string();
    const auto started = house.started(spec);
    const auto port = std::to_string(started.address.port);
    CHECK(started.address.host == "127.0.0.1");
    CHECK(started.log_file == (house.folder.path() / "logs" / (name + ".log")).string());
    CHECK(started.pid > 0);
    REQUIRE(house.ends());
    CHECK(house.log(name) ==
          port + " demo hello-" + port + " " + name + "\n" + house.folder.path().string() + "\nto stderr\n");
}

TEST_CASE("the end of a pod is told once, with its status", "[process]") {
    House house;
    house.started(shell_pod(1, unique("three"), "exit 3"));
    REQUIRE(house.ends());
    CHECK(house.exits[0].pod == PodId{1});
    CHECK(house.exits[0].code == 3);
    CHECK_THAT(house.exits[0].message, Catch::StartsWith("exited with status 3 after "));
    house.started(shell_pod(2, unique("killed"), "kill -9 $$$$"));
    REQUIRE(house.ends(2));
    CHECK(house.exits[1].code == 128 + SIGKILL);
    CHECK_THAT(house.exits[1].message, Catch::StartsWith("was killed by signal 9"));
    CHECK(house.driver.list().empty());
    CHECK(zombies() == 0);
}

TEST_CASE("a command that does not exist is a failure to start", "[process]") {
    House house;
    auto spec = shell_pod(1, unique("nothing"), "");
    spec.container.command = {"no-such-program-anywhere"};
    auto failure = house.refused(spec);
    CHECK(failure.reason == "FailedStart");
    CHECK_THAT(failure.message,
               Catch::StartsWith("cannot run 'no-such-program-anywhere': No such file or directory"));
    spec.container.command = {"/no/such/program"};
    spec.container.working_dir = "/tmp";
    failure = house.refused(spec);
    CHECK(failure.message ==
          "cannot run '/no/such/program': No such file or directory (working directory /tmp)");
    CHECK(house.exits.empty());
    CHECK(house.driver.list().empty());
    CHECK(zombies() == 0);
}

TEST_CASE("a working directory that does not exist is a failure to start", "[process]") {
    House house;
    auto spec = shell_pod(1, unique("nowhere"), "true");
    spec.container.working_dir = "/no/such/folder";
    CHECK(house.refused(spec).message ==
          "cannot enter the working directory '/no/such/folder': No such file or directory");
}

TEST_CASE("a program without the right to run and a NUL are failures to start", "[process]") {
    House house;
    auto spec = shell_pod(1, unique("text"), "true");
    const auto file = house.folder.path() / "text";
    std::ofstream(file) << "hello";
    spec.container.command = {file.string()};
    CHECK_THAT(house.refused(spec).message, Catch::Contains("Permission denied"));
    spec.container.command = {std::string("a\0b", 3) + "/"};
    CHECK_THAT(house.refused(spec).message, Catch::Contains("NUL"));
}

TEST_CASE("an image without a rule or a command is refused, and takes nothing", "[process]") {
    ProcessSettings settings;
    settings.gpus = {"0"};
    House house(settings);
    auto spec = shell_pod(1, unique("image"), "true");
    spec.container.command.clear();
    CHECK(house.refused(spec).reason == "ErrImagePull");
    CHECK(house.driver.room_for("demo", spec.container) == 1);
}

TEST_CASE("an image rule says how the image runs here", "[process]") {
    ProcessSettings settings;
    ImageRule rule;
    rule.image = "registry.example/*";
    rule.command = {"sh", "-c"};
    rule.args = {"echo by $WHO on $PORT"};
    rule.env = {{"WHO", "the rule"}};
    settings.images = {rule};
    House house(settings);
    auto spec = shell_pod(1, unique("rule"), "");
    spec.container.command.clear();
    const auto started = house.started(spec);
    REQUIRE(house.ends());
    CHECK(house.log(spec.name) == "by the rule on " + std::to_string(started.address.port) + "\n");
}

TEST_CASE("a stop ends the whole family, also who hides in another session or ignores SIGTERM", "[process]") {
    House house;
    const auto name = unique("family");
    house.started(shell_pod(1, name, family));
    REQUIRE(house.has(name, 5));
    run(house.io, house.driver.stop(PodId{1}, 50ms));
    CHECK(processes_with("POD_NAME=" + name).empty());
    REQUIRE(house.exits.size() == 1);
    CHECK(house.exits[0].code == 128 + SIGTERM);
    CHECK(house.driver.list().empty());
    CHECK(zombies() == 0);
}

TEST_CASE("who ends on SIGTERM ends well before the grace is over", "[process]") {
    House house;
    const auto name = unique("polite");
    house.started(shell_pod(1, name, "trap 'echo bye; exit 7' TERM; echo up; while :; do sleep 0.05; done"));
    REQUIRE(eventually(house.io, [&] { return house.log(name) == "up\n"; }));
    run(house.io, house.driver.stop(PodId{1}, std::chrono::hours{1}));
    CHECK(house.exits.at(0).code == 7);
    CHECK_THAT(house.log(name), Catch::EndsWith("bye\n"));
}

TEST_CASE("SIGTERM reaches a grandchild in a session of its own", "[process]") {
    House house;
    const auto name = unique("far");
    house.started(shell_pod(
        1, name,
        "setsid sh -c 'trap \"echo far; exit\" TERM; echo up; while :; do sleep 0.05; done' & wait"));
    REQUIRE(eventually(house.io, [&] { return house.log(name) == "up\n"; }));
    run(house.io, house.driver.stop(PodId{1}, std::chrono::hours{1}));
    CHECK_THAT(house.log(name), Catch::EndsWith("far\n"));
}

TEST_CASE("a main process that ends takes its family with it", "[process]") {
    House house;
    const auto name = unique("orphans");
    house.started(shell_pod(1, name, "sleep 1000 & setsid sleep 1000 & exit 5"));
    REQUIRE(house.ends());
    CHECK(house.exits[0].code == 5);
    CHECK(processes_with("POD_NAME=" + name).empty());
    CHECK(zombies() == 0);
}

TEST_CASE("a pod that is unknown or already gone is stopped at once", "[process]") {
    House house;
    run(house.io, house.driver.stop(PodId{99}, std::chrono::hours{1}));
    house.started(shell_pod(1, unique("short"), "true"));
    REQUIRE(house.ends());
    run(house.io, house.driver.stop(PodId{1}, std::chrono::hours{1}));
    CHECK(house.exits.size() == 1);
}

TEST_CASE("two stops at once both wait for the end", "[process]") {
    House house;
    const auto name = unique("twice");
    house.started(shell_pod(1, name, family));
    REQUIRE(house.has(name, 5));
    int done = 0;
    const auto count = [&](std::exception_ptr) { ++done; };
    asio::co_spawn(house.io, house.driver.stop(PodId{1}, std::chrono::hours{1}), count);
    asio::co_spawn(house.io, house.driver.stop(PodId{1}, 10ms), count);
    REQUIRE(eventually(house.io, [&] { return done == 2; }));
    CHECK(processes_with("POD_NAME=" + name).empty());
    CHECK(house.exits.size() == 1);
}

TEST_CASE("the end of the driver is the end of its pods", "[process]") {
    const auto name = unique("closing");
    {
        House house;
        house.started(shell_pod(1, name, family));
        house.started(shell_pod(2, name, "trap '' TERM; sleep 1000; :"));
        REQUIRE(house.has(name, 7));
    }
    CHECK(processes_with("POD_NAME=" + name).empty());
    CHECK(zombies() == 0);
}

TEST_CASE("a driver closed while a pod starts leaves nothing", "[process]") {
    const auto name = unique("early");
    {
        House house;
        asio::co_spawn(house.io, house.driver.start(shell_pod(1, name, family)), asio::detached);
        house.io.poll();
    }
    CHECK(processes_with("POD_NAME=" + name).empty());
    CHECK(zombies() == 0);
}

TEST_CASE("a pod whose keeper is killed dies with all its family, and its end is told", "[process]") {
    House house;
    const auto name = unique("keeperless");
    const auto started = house.started(shell_pod(1, name, family));
    const auto other = unique("bystander");
    house.started(shell_pod(2, other, "exec sleep 1000"));
    REQUIRE(house.has(name, 5));
    REQUIRE(::kill(keeper_of(static_cast<pid_t>(started.pid)), SIGKILL) == 0);
    REQUIRE(house.ends());
    CHECK(house.exits[0].pod == PodId{1});
    CHECK(house.exits[0].code == 128 + SIGKILL);
    CHECK_THAT(house.exits[0].message, Catch::Contains("keeper"));
    CHECK(processes_with("POD_NAME=" + name).empty());
    CHECK(zombies() == 0);
    CHECK(house.driver.list().size() == 1);
    CHECK(processes_with("POD_NAME=" + other).size() == 1);
}

TEST_CASE("a gateway that is killed with SIGKILL takes its pods with it", "[process]") {
    const Folder folder;
    const auto name = unique("gateway");
    std::string self = "test_pods", command(gateway_command), state = folder.path().string(), pod = name;
    char* const argv[] = {self.data(), command.data(), state.data(), pod.data(), nullptr};
    pid_t gateway = 0;
    REQUIRE(::posix_spawn(&gateway, "/proc/self/exe", nullptr, nullptr, argv, environ) == 0);
    asio::io_context io;
    const auto count = [&] { return processes_with("POD_NAME=" + name).size(); };
    const bool is_up = eventually(io, [&] { return count() == 5; });
    ::kill(gateway, SIGKILL);
    ::waitpid(gateway, nullptr, 0);
    REQUIRE(is_up);
    CHECK(eventually(io, [&] { return count() == 0; }));
    // We are a subreaper too, so its keepers have become ours; they end by themselves.
    CHECK(eventually(io, [&] { return ::waitpid(-1, nullptr, WNOHANG) < 0; }));
}

TEST_CASE("the orphans that a pod makes while it lives are reaped", "[process]") {
    House house;
    const auto name = unique("reaping");
    const auto started = house.started(
        shell_pod(1, name, "for i in 1 2 3 4 5 6 7 8; do (sleep 0.01 &); done; echo made; exec sleep 1000"));
    REQUIRE(eventually(house.io, [&] { return house.log(name) == "made\n"; }));
    const pid_t keeper = keeper_of(static_cast<pid_t>(started.pid));
    CHECK(house.has(name, 1));
    CHECK(eventually(house.io, [&] { return zombies_below(keeper) == 0; }));
}

TEST_CASE("a pod inherits no descriptor, no blocked and no ignored signal", "[process]") {
    sigset_t blocked;
    ::sigemptyset(&blocked);
    ::sigaddset(&blocked, SIGUSR1);
    ::pthread_sigmask(SIG_BLOCK, &blocked, nullptr);
    const auto before = ::signal(SIGPIPE, SIG_IGN);
    House house;
    asio::ip::tcp::acceptor leaky(house.io, {asio::ip::make_address("127.0.0.1"), 0});  // not close-on-exec
    auto files = shell_pod(1, unique("files"), ""), signals = shell_pod(2, unique("signals"), "");
    files.container.command = {"ls", "/proc/self/fd"};
    signals.container.command = {"grep", "-E", "Sig(Blk|Ign)", "/proc/self/status"};
    house.started(files);
    house.started(signals);
    REQUIRE(house.ends(2));
    ::signal(SIGPIPE, before);
    ::pthread_sigmask(SIG_UNBLOCK, &blocked, nullptr);
    CHECK(house.log(files.name) == "0\n1\n2\n3\n");  // 3 is the folder that ls reads
    const auto log = house.log(signals.name);
    CHECK_THAT(log, Catch::StartsWith("SigBlk:\t0000000000000000\nSigIgn:\t"));
    // 32 and 33 are glibc's own: it neither lets us set them nor shows them.
    const auto ignored = std::stoull(log.substr(log.rfind('\t') + 1), nullptr, 16);
    CHECK((ignored & 0x7fffffff) == 0);
}

TEST_CASE("a pod's log is rotated and loses nothing that is kept", "[process]") {
    ProcessSettings settings;
    settings.log_bytes = 1000;
    settings.log_files = 3;
    House house(settings);
    const auto name = unique("talkative");
    house.started(shell_pod(1, name, "i=100; while [ $i -lt 500 ]; do echo line $i; i=$((i+1)); done"));
    REQUIRE(house.ends());
    const auto path = (house.folder.path() / "logs" / (name + ".log")).string();
    std::string all;
    for (const char* ending : {".3", ".2", ".1", ""}) {
        CHECK(std::filesystem::file_size(path + ending) <= 1000);
        all += read_file(path + ending);
    }
    CHECK_FALSE(std::filesystem::exists(path + ".4"));
    std::string wanted;
    for (int i = 100; i < 500; ++i) wanted += "line " + std::to_string(i) + "\n";
    CHECK(all.size() > 2000);
    CHECK(wanted.ends_with(all));
}

TEST_CASE("a pod that writes much while its log cannot be written is not held up", "[process]") {
    ProcessSettings settings;
    settings.log_dir = "/dev/null/nowhere";
    House house(settings);
    house.started(shell_pod(1, unique("unlogged"), "head -c 3000000 /dev/zero; exit 4"));
    REQUIRE(house.ends());
    CHECK(house.exits[0].code == 4);
}

TEST_CASE("GPUs are dealt, refused and given back", "[process]") {
    ProcessSettings settings;
    settings.gpus = {"0", "1"};
    House house(settings);
    auto spec = shell_pod(1, unique("gpu-a"), "echo $CUDA_VISIBLE_DEVICES; exec sleep 1000");
    CHECK(house.driver.room_for("demo", spec.container) == 2);
    CHECK(house.started(spec).gpus == std::vector<std::string>{"0"});
    auto big = shell_pod(2, unique("gpu-b"), "exec sleep 1000");
    big.container.gpus = 2;
    CHECK(house.driver.room_for("demo", big.container) == 0);
    CHECK(house.refused(big).reason == "InsufficientGPU");
    auto second = shell_pod(3, unique("gpu-c"), "exec sleep 1000");
    CHECK(house.started(second).gpus == std::vector<std::string>{"1"});
    CHECK(eventually(house.io, [&] { return house.log(spec.name) == "0\n"; }));
    run(house.io, house.driver.stop(PodId{1}, 0ms));
    run(house.io, house.driver.stop(PodId{3}, 0ms));
    CHECK(house.started(big).gpus == std::vector<std::string>{"0", "1"});
}

TEST_CASE("without configured GPUs the driver knows no bound", "[process]") {
    House house;
    Container container;
    container.gpus = 4;
    CHECK(house.driver.room_for("demo", container) == std::nullopt);
}

TEST_CASE("live pods have ports of their own, and the range bounds them", "[process]") {
    ProcessSettings settings;
    settings.first_port = 28800;
    settings.last_port = 28801;
    House house(settings);
    const auto first = house.started(shell_pod(1, unique("port-a"), "exec sleep 1000"));
    const auto second = house.started(shell_pod(2, unique("port-b"), "exec sleep 1000"));
    CHECK(first.address.port != second.address.port);
    CHECK(house.refused(shell_pod(3, unique("port-c"), "exec sleep 1000")).reason == "NoPort");
    run(house.io, house.driver.stop(PodId{1}, 0ms));
    CHECK(house.started(shell_pod(4, unique("port-d"), "exec sleep 1000")).address == first.address);
    CHECK(house.driver.list().size() == 2);
}

TEST_CASE("a command runs in a pod with the pod's environment", "[process][exec]") {
    House house;
    house.started(shell_pod(1, unique("exec"), "exec sleep 1000"));
    const auto execute = [&](std::vector<std::string> command, std::chrono::milliseconds limit) {
        return run(house.io, house.driver.execute(PodId{1}, std::move(command), limit));
    };
    CHECK(execute({"sh", "-c", "test $K_SERVICE = demo"}, 1h).status == 0);
    CHECK(execute({"sh", "-c", "exit 9"}, 1h).status == 9);
    CHECK_THAT(execute({"no-such-program"}, 1h).trouble, Catch::Contains("No such file"));
    CHECK_FALSE(execute({}, 1h).trouble.empty());
    CHECK_FALSE(run(house.io, house.driver.execute(PodId{2}, {"true"}, 1h)).trouble.empty());
    CHECK(house.exits.empty());
}

TEST_CASE("a command that takes too long is killed with its children", "[process][exec]") {
    House house;
    house.started(shell_pod(1, unique("slow"), "exec sleep 1000"));
    const auto name = unique("marker");
    const std::string script = "export MARK=" + name + "; setsid sleep 1000 & trap '' TERM; sleep 1000; :";
    const auto done = run(house.io, house.driver.execute(PodId{1}, {"sh", "-c", script}, 300ms));
    CHECK_THAT(done.trouble, Catch::Contains("300 ms"));
    CHECK(eventually(house.io, [&] { return processes_with("MARK=" + name).empty(); }));
    CHECK(eventually(house.io, [&] { return zombies() == 0; }));
}

TEST_CASE("a prober that goes away takes the command that it was running with it", "[process][exec]") {
    House house;
    const auto pod = house.started(shell_pod(1, unique("probed"), "exec sleep 1000"));
    const auto name = unique("probe");
    Container container;
    container.readiness.emplace();
    container.readiness->action =
        ExecAction{{"sh", "-c", "export MARK=" + name + "; setsid sleep 1000 & wait"}};
    container.readiness->timeout = 1h;
    const Execute execute = [&](std::vector<std::string> command, std::chrono::milliseconds limit) {
        return house.driver.execute(PodId{1}, std::move(command), limit);
    };
    auto prober =
        std::make_unique<Prober>(house.io.get_executor(), pod.address, container, execute, Prober::Events{});
    const auto is_running = [&] { return !processes_with("MARK=" + name).empty(); };
    REQUIRE(eventually(house.io, is_running));
    prober.reset();
    CHECK(eventually(house.io, [&] { return !is_running() && zombies() == 0; }));
    CHECK(house.exits.empty());
}
