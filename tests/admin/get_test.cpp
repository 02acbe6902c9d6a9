#include <catch2/catch.hpp>
#include <future>
#include <sstream>

#include "admin/client.hpp"
#include "cli/get.hpp"
#include "world.hpp"

namespace {

struct Run {
    int status;
    std::string out, err;
};

Run run_get(std::vector<std::string> args, const world::Gateway* gateway = nullptr) {
    if (gateway != nullptr) args.push_back("--server=" + gateway->url());
    std::ostringstream out, err;
    const int status = cli::get(args, out, err);
    return {status, out.str(), err.str()};
}

// What is printed, to be looked at while it grows.
class Screen : public std::stringbuf {
public:
    bool shows(const std::string& text) {
        std::lock_guard lock(mutex_);
        return flushed_.find(text) != std::string::npos;
    }
    std::string all() {
        std::lock_guard lock(mutex_);
        return flushed_;
    }

private:
    int sync() override {
        std::lock_guard lock(mutex_);
        flushed_ = str();
        return 0;
    }
    std::mutex mutex_;
    std::string flushed_;
};

// Snapshots are made long ago, so that ages do not depend on the moment.
proxy::Snapshot aged() {
    auto out = world::small();
    for (auto& pod : out.pods) pod.created = std::chrono::system_clock::now() - std::chrono::hours(20 * 24);
    for (auto& event : out.events)
        event.time = std::chrono::system_clock::now() - std::chrono::hours(20 * 24);
    return out;
}

}  // namespace

TEST_CASE("get pods prints kubectl's columns", "[get]") {
    world::Gateway gateway(aged());
    const auto run = run_get({"pods"}, &gateway);
    CHECK(run.status == 0);
    CHECK(run.err.empty());
    CHECK(run.out ==
          "NAME   READY   STATUS              RESTARTS   AGE\n"
          "sd-1   1/1     Running             0          20d\n"
          "sd-2   0/1     ContainerCreating   0          20d\n");
    CHECK(run_get({"po", "sd-1", "--no-headers"}, &gateway).out == "sd-1   1/1   Running   0     20d\n");
    CHECK(run_get({"pods", "-Aoname"}, &gateway).out == "pod/sd-1\npod/sd-2\n");
}

TEST_CASE("get -o wide and -A add columns", "[get]") {
    world::Gateway gateway(aged());
    CHECK(run_get({"pods", "-A", "-owide", "--no-headers"}, &gateway).out ==
          "default   sd-1   1/1   Running             0     20d   127.0.0.1:20001   0     0/1   0\n"
          "default   sd-2   0/1   ContainerCreating   0     20d   127.0.0.1:20001   0     0/1   0\n");
    CHECK(run_get({"ksvc"}, &gateway).out ==
          "NAME   URL                             LATESTCREATED   LATESTREADY   READY   REASON\n"
          "sd     http://sd.default.example.com   sd-00001        sd-00001      True    \n");
    CHECK(run_get({"events"}, &gateway).out ==
          "LAST SEEN   TYPE     REASON    OBJECT     MESSAGE\n"
          "20d         Normal   Started   pod/sd-1   It Started.\n");
}

TEST_CASE("get prints objects as json, yaml and names", "[get]") {
    world::Gateway gateway(aged());
    CHECK(run_get({"pods", "-o", "name"}, &gateway).out == "pod/sd-1\npod/sd-2\n");
    CHECK(run_get({"services", "sd", "-o", "name"}, &gateway).out == "service.serving.knative.dev/sd\n");
    CHECK(run_get({"pod/sd-1", "-o=json"}, &gateway)
              .out.starts_with("{\n    \"apiVersion\": \"v1\",\n    \"kind\": \"Pod\",\n"));
    CHECK(run_get({"pod", "sd-1", "--output=yaml"}, &gateway)
              .out.starts_with("apiVersion: v1\nkind: Pod\nmetadata:\n  name: sd-1\n"));
}

TEST_CASE("get says what it did not find", "[get]") {
    world::Gateway gateway(world::small());
    auto run = run_get({"pods", "none"}, &gateway);
    CHECK(run.status == 1);
    CHECK(run.err == "Error from server (NotFound): pods \"none\" not found\n");
    CHECK(run_get({"pods", "none", "-w"}, &gateway).err == run.err);
    run = run_get({"pods", "-n", "other"}, &gateway);
    CHECK(run.status == 0);
    CHECK(run.out.empty());
    CHECK(run.err == "No resources found in other namespace.\n");
}

TEST_CASE("get -w prints a row for every change, aligned with the first", "[get]") {
    auto snapshot = aged();
    world::Gateway gateway(snapshot);
    Screen screen;
    std::ostream out(&screen);
    std::ostringstream err;
    const std::vector<std::string> args{"pods", "-w", "--server", gateway.url()};
    auto status = std::async(std::launch::async, [&] { return cli::get(args, out, err); });
    CHECK(world::eventually([&] { return screen.shows("sd-2"); }));

    ++snapshot.version;
    snapshot.pods[1].phase = pods::Phase::running;
    snapshot.pods[1].ready = true;
    gateway.publish(snapshot);
    CHECK(world::eventually([&] { return screen.shows("sd-2   1/1"); }));
    ++snapshot.version;
    snapshot.pods.pop_back();
    gateway.publish(snapshot);
    gateway.stop();
    CHECK(status.get() == 0);
    CHECK(err.str().empty());
    CHECK(screen.all() ==
          "NAME   READY   STATUS              RESTARTS   AGE\n"
          "sd-1   1/1     Running             0          20d\n"
          "sd-2   0/1     ContainerCreating   0          20d\n"
          "sd-2   1/1     Running             0          20d\n"
          "sd-2   1/1     Running             0          20d\n");
}

TEST_CASE("get says when no gateway listens", "[get]") {
    std::string url;
    {
        world::Gateway gone(world::small());
        url = gone.url();
    }
    const auto run = run_get({"pods", "--server", url});
    CHECK(run.status == 1);
    CHECK(run.err ==
          "no gateway at " + url + ": connection refused; start one with 'pilotlight serve -f ...'\n");
}

TEST_CASE("get answers wrong usage with advice", "[get]") {
    CHECK(run_get({}).status == 2);
    CHECK(run_get({"nodes"}).err.find("pods, services, revisions, events, routes") != std::string::npos);
    CHECK(run_get({"pods", "-x"}).status == 2);
    CHECK(run_get({"pods", "-Ax"}).err.find("unknown flag -x") != std::string::npos);
    CHECK(run_get({"pods", "--watch=yes"}).status == 2);
    CHECK(run_get({"pods", "a", "b"}).status == 2);
    CHECK(run_get({"pods", "-n"}).err.find("-n needs a value") != std::string::npos);
    CHECK(run_get({"pods", "-o", "csv"}).status == 2);
    CHECK(run_get({"pods", "a", "-A"}).status == 2);
    CHECK(run_get({"pods", "--server", "ftp://x"}).status == 2);
    CHECK(run_get({"--help"}).out.find("pilotlight get pods -w") != std::string::npos);
    CHECK(run_get({"--help"}).status == 0);
}

TEST_CASE("get knows what has no namespace", "[get]") {
    world::Gateway gateway(world::small());
    CHECK(run_get({"ns", "--no-headers"}, &gateway).out == "default   Active   <unknown>\n");
    CHECK(run_get({"namespaces", "-A", "-oname"}, &gateway).out == "namespace/default\n");
    CHECK(run_get({"routes", "-oname"}, &gateway).out == "route.serving.knative.dev/sd\n");
}

TEST_CASE("an answer that is no refusal of ours is told with its status", "[get]") {
    CHECK(admin::refusal_in({502, "<html>Bad Gateway</html>"}) ==
          "the gateway answered 502: is it one of this version?");
    CHECK(admin::refusal_in({401, R"({"kind":"Status","reason":"Unauthorized","message":"who?"})"}) ==
          "Error from server (Unauthorized): who?");
}
