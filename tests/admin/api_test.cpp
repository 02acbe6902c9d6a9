#include <boost/json/parse.hpp>
#include <catch2/catch.hpp>

#include "admin/api.hpp"
#include "admin/host.hpp"
#include "world.hpp"

namespace {

namespace json = boost::json;

constexpr const char* kubectl_accept =
    "application/json;as=Table;v=v1;g=meta.k8s.io,application/"
    "json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";

admin::Answer get(const std::string& target, const std::string& accept = "application/json",
                  const proxy::Snapshot& snapshot = world::small(), const std::string& method = "GET") {
    admin::Store store;
    store.update(snapshot);
    return std::get<admin::Answer>(
        admin::answer({method, target, accept}, snapshot, store, world::noon() + std::chrono::seconds(5)));
}

json::value parsed(const admin::Answer& answer) {
    REQUIRE(answer.content_type == "application/json");
    return json::parse(answer.body);
}

std::vector<std::string> strings(const json::value& array, std::string_view field = {}) {
    std::vector<std::string> out;
    for (const auto& one : array.as_array())
        out.emplace_back((field.empty() ? one : one.at(field)).as_string());
    return out;
}

}  // namespace

TEST_CASE("pods are listed in Kubernetes' shape", "[api]") {
    const auto list = parsed(get("/api/v1/namespaces/default/pods?limit=500"));
    CHECK(list.at("kind") == "PodList");
    CHECK(list.at("apiVersion") == "v1");
    CHECK(list.at("metadata").at("resourceVersion") == "1");
    REQUIRE(list.at("items").as_array().size() == 2);
    const auto& pod = list.at("items").at(0);
    CHECK(pod.at("metadata").at("name") == "sd-1");
    CHECK(pod.at("metadata").at("creationTimestamp") == "2026-01-01T12:00:00Z");
    CHECK(pod.at("metadata").at("labels").at("serving.knative.dev/service") == "sd");
    CHECK(pod.at("status").at("phase") == "Running");
    CHECK(pod.at("status").at("podIP") == "127.0.0.1");
    CHECK(pod.at("status").at("conditions").at(0).at("status") == "True");
    const auto& waiting = list.at("items").at(1).at("status");
    CHECK(waiting.at("phase") == "Pending");
    CHECK(waiting.at("containerStatuses").at(0).at("state").at("waiting").at("reason") ==
          "ContainerCreating");
}

TEST_CASE("a crash loop shows in the container's state", "[api]") {
    auto snapshot = world::small();
    snapshot.pods[0] = world::pod("sd-1", pods::Phase::crash_loop_back_off, false);
    snapshot.pods[0].message = "back-off 10s restarting";
    const auto pod = parsed(get("/api/v1/namespaces/default/pods/sd-1", "application/json", snapshot));
    const auto& state = pod.at("status").at("containerStatuses").at(0).at("state").at("waiting");
    CHECK(state.at("reason") == "CrashLoopBackOff");
    CHECK(state.at("message") == "back-off 10s restarting");
}

TEST_CASE("kubectl's Accept is answered with a table in kubectl's columns", "[api]") {
    const auto table = parsed(get("/api/v1/pods", kubectl_accept));
    CHECK(table.at("kind") == "Table");
    CHECK(table.at("apiVersion") == "meta.k8s.io/v1");
    auto columns = strings(table.at("columnDefinitions"), "name");
    columns.resize(5);
    CHECK(columns == std::vector<std::string>{"Name", "Ready", "Status", "Restarts", "Age"});
    CHECK(table.at("columnDefinitions").at(0).at("format") == "name");
    CHECK(table.at("columnDefinitions").at(4).at("priority") == 0);
    CHECK(table.at("columnDefinitions").at(5).at("priority") == 1);
    const auto& row = table.at("rows").at(1);
    CHECK(row.at("cells").at(0) == "sd-2");
    CHECK(row.at("cells").at(1) == "0/1");
    CHECK(row.at("cells").at(2) == "ContainerCreating");
    CHECK(row.at("cells").at(4) == "5s");
    CHECK(row.at("object").at("metadata").at("namespace") == "default");
}

TEST_CASE("services and revisions have Knative's columns", "[api]") {
    const auto services = parsed(get("/apis/serving.knative.dev/v1/services", kubectl_accept));
    CHECK(strings(services.at("columnDefinitions"), "name") ==
          std::vector<std::string>{"Name", "URL", "LatestCreated", "LatestReady", "Ready", "Reason"});
    CHECK(
        strings(services.at("rows").at(0).at("cells")) ==
        std::vector<std::string>{"sd", "http://sd.default.example.com", "sd-00001", "sd-00001", "True", ""});
    const auto revisions = parsed(get("/apis/serving.knative.dev/v1/namespaces/default/revisions"));
    CHECK(revisions.at("kind") == "RevisionList");
    CHECK(revisions.at("items").at(0).at("status").at("desiredReplicas") == 2);
}

TEST_CASE("a revision says why so many pods are wanted, and since when", "[api]") {
    auto snapshot = world::small();
    snapshot.revisions[0].last_step = {0, 2, "waiting", "pods 1 to 2 started: 2 wait", world::noon()};
    const auto list = parsed(get("/apis/serving.knative.dev/v1/revisions", "application/json", snapshot));
    const auto& notes = list.at("items").at(0).at("metadata").at("annotations");
    CHECK(notes.at("pilotlight.dev/reason") == "2 requests are under way");
    CHECK(notes.at("pilotlight.dev/last-step") == "2 pods wanted, were 0: pods 1 to 2 started: 2 wait");
    CHECK(notes.at("pilotlight.dev/last-step-time") == "2026-01-01T12:00:00Z");
}

TEST_CASE("events come in the order in which they happened", "[api]") {
    auto snapshot = world::small();
    snapshot.events.push_back(world::event(2, "Ready"));
    snapshot.events.back().name = "a-pod-with-an-earlier-name";
    const auto list = parsed(get("/api/v1/events", "application/json", snapshot));
    CHECK(strings(list.at("items"), "reason") == std::vector<std::string>{"Started", "Ready"});
    const auto described =
        parsed(get("/api/v1/namespaces/default/"
                   "events?fieldSelector=involvedObject.uid%3Dx%2CinvolvedObject.name%3Dsd-1"));
    CHECK(described.at("items").as_array().size() == 1);
}

TEST_CASE("a list holds only what was asked for", "[api]") {
    const auto count = [](const std::string& target) {
        return parsed(get(target)).at("items").as_array().size();
    };
    CHECK(count("/api/v1/namespaces/other/pods") == 0);
    CHECK(count("/api/v1/pods?fieldSelector=metadata.name%3Dsd-1") == 1);
    CHECK(count("/api/v1/pods?fieldSelector=metadata.name!=sd-1") == 1);
    CHECK(count("/api/v1/pods?labelSelector=serving.knative.dev/service%3Dsd,app") == 2);
    CHECK(count("/api/v1/pods?labelSelector=serving.knative.dev/service%3Dother") == 0);
    CHECK(count("/api/v1/pods?labelSelector=!app") == 0);
    CHECK(count("/api/v1/pods?labelSelector=serving.knative.dev/service%20in%20(a,sd),app") == 2);
    CHECK(count("/api/v1/pods?labelSelector=serving.knative.dev/service%20notin%20(a,%20sd)") == 0);
    CHECK(count("/api/v1/pods?labelSelector=nothing%20notin%20(a)") == 2);
    CHECK(count("/api/v1/pods?fieldSelector=status.phase%3DRunning") == 1);
    CHECK(count("/api/v1/pods?fieldSelector=status.phase!=Running,metadata.namespace%3Ddefault") == 1);
}

TEST_CASE("a list comes in pages if so asked, of the first page's version", "[api]") {
    auto snapshot = world::small();
    snapshot.pods.push_back(world::pod("sd-3", pods::Phase::pending, false));
    for (const bool table : {false, true}) {
        const auto page = [&](const std::string& query) {
            return parsed(
                get("/api/v1/pods?limit=2" + query, table ? kubectl_accept : "application/json", snapshot));
        };
        const auto* rows = table ? "rows" : "items";
        snapshot.version = 7;
        const auto first = page("");
        REQUIRE(first.at(rows).as_array().size() == 2);
        const auto token = std::string(first.at("metadata").at("continue").as_string());
        snapshot.version = 8;
        const auto second = page("&continue=" + token);
        REQUIRE(second.at(rows).as_array().size() == 1);
        CHECK_FALSE(second.at("metadata").as_object().contains("continue"));
        CHECK(second.at("metadata").at("resourceVersion") == "7");  // a watch from there misses nothing
        const auto last = second.at(rows).at(0);
        CHECK((table ? last.at("object") : last).at("metadata").at("name") == "sd-3");
        snapshot.pods.erase(snapshot.pods.begin() + 1);  // the one that the token names
        CHECK(page("&continue=" + token).at(rows).as_array().size() == 1);
        snapshot.pods.insert(snapshot.pods.begin() + 1, world::pod("sd-2", pods::Phase::running, true));
    }
}

TEST_CASE("events come in pages in their order", "[api]") {
    auto snapshot = world::small();
    snapshot.events.clear();
    for (std::uint64_t i = 1; i <= 5; ++i) {
        snapshot.events.push_back(world::event(i, std::to_string(i)));
        snapshot.events.back().name = "pod-" + std::to_string(9 - i);
    }
    std::vector<std::string> reasons;
    std::string token;
    do {
        const auto page =
            parsed(get("/api/v1/events?limit=2&continue=" + token, "application/json", snapshot));
        for (auto& one : strings(page.at("items"), "reason")) reasons.push_back(one);
        const auto* more = page.at("metadata").as_object().if_contains("continue");
        token = more != nullptr ? std::string(more->as_string()) : std::string();
    } while (!token.empty());
    CHECK(reasons == std::vector<std::string>{"1", "2", "3", "4", "5"});
}

TEST_CASE("errors are Status objects", "[api]") {
    const auto check = [](const admin::Answer& answer, int code, std::string_view reason) {
        CAPTURE(answer.body);
        CHECK(answer.status == code);
        const auto status = parsed(answer);
        CHECK(status.at("kind") == "Status");
        CHECK(status.at("code") == code);
        CHECK(status.at("reason").as_string() == reason);
    };
    const auto missing = get("/api/v1/namespaces/default/pods/none");
    check(missing, 404, "NotFound");
    CHECK(parsed(missing).at("message") == "pods \"none\" not found");
    check(get("/apis/serving.knative.dev/v1/namespaces/default/services/none"), 404, "NotFound");
    check(get("/api/v1/nodes"), 404, "NotFound");
    check(get("/api/v1/namespaces/default/pods/sd-1/exec/more"), 404, "NotFound");
    for (const auto* wrong : {"labelSelector=a%20in%20(b", "labelSelector=a%20of%20(b)", "labelSelector=(b)",
                              "labelSelector=a%20in%20((b))", "fieldSelector=status.podIP%3D127.0.0.1",
                              "fieldSelector=status.phase%20in%20(Running)", "limit=-1", "limit=x",
                              "continue=x", "continue=1/default", "continue=x/default/sd-1"})
        check(get(std::string("/api/v1/pods?") + wrong), 400, "BadRequest");
    check(get("/api/v1/events?continue=1/default/forgotten"), 410, "Expired");
    check(get("/api/v1/pods?watch=true&resourceVersion=abc"), 400, "BadRequest");
    check(get("http://elsewhere/"), 400, "BadRequest");
    check(get("/api/v1/pods", "application/json", world::small(), "DELETE"), 405, "MethodNotAllowed");
    CHECK(get("/nothing").status == 404);
    CHECK(get("/nothing").body == "404 page not found\n");
}

TEST_CASE("readiness follows the gateway's, liveness does not", "[api]") {
    auto snapshot = world::small();
    CHECK(get("/readyz").status == 200);
    CHECK(get("/healthz").status == 200);
    snapshot.ready = false;
    snapshot.draining = true;
    const auto answer = get("/readyz?verbose", "", snapshot);
    CHECK(answer.status == 503);
    CHECK(answer.body.find("shutting down") != std::string::npos);
    CHECK(get("/livez", "", snapshot).status == 200);
}

TEST_CASE("only names that nobody else can own are taken for the gateway's", "[host]") {
    const std::vector<std::string> also{"gpu.example.net"};
    for (const auto* good :
         {"127.0.0.1", "127.0.0.1:9901", "localhost", "LocalHost:9901", "localhost.", "x.localhost:1",
          "[::1]", "[::1]:9901", "192.0.2.7:80", "gpu.example.net", "GPU.example.net:9901"}) {
        CAPTURE(good);
        CHECK(admin::host_allowed(good, also));
    }
    for (const auto* bad :
         {"", "evil.example", "evil.example:9901", "127.0.0.1.evil.example", "localhost.evil.example",
          "notlocalhost", "[::1", "[evil]", "127.0.0.1:x", "[::1]x", "gpu.example.net.evil.example"}) {
        CAPTURE(bad);
        CHECK_FALSE(admin::host_allowed(bad, also));
    }
}
