#include "admin/knative_objects.hpp"

#include <boost/json/parse.hpp>
#include <catch2/catch.hpp>

#include "admin/api.hpp"
#include "world.hpp"

namespace {

std::string serving(std::string_view what) {
    std::string out = "/apis/serving.knative.dev/v1/namespaces/default/";
    out.append(what);
    return out;
}

admin::json::value shown(const std::string& target, const proxy::Snapshot& snapshot = world::small()) {
    admin::Store store;
    store.update(snapshot);
    const auto answered = admin::answer({"GET", target, "application/json"}, snapshot, store, world::noon());
    const auto& answer = std::get<admin::Answer>(answered);
    REQUIRE(answer.status == 200);
    return admin::json::parse(answer.body);
}

std::vector<std::string> lines(const std::string& target, const proxy::Snapshot& snapshot = world::small()) {
    admin::Store store;
    store.update(snapshot);
    auto answered = admin::answer({"GET", target, "application/json"}, snapshot, store, world::noon());
    const auto all = std::get<admin::Following>(answered).watch.take(store, world::noon());
    std::vector<std::string> out;
    for (std::size_t at = 0; at < all.size();) {
        const auto end = all.find('\n', at);
        out.push_back(all.substr(at, end - at));
        at = end + 1;
    }
    return out;
}

}  // namespace

TEST_CASE("a service has a configuration and a route of its own name", "[knative]") {
    const auto configuration = shown(serving("configurations/sd"));
    CHECK(configuration.at("kind") == "Configuration");
    CHECK(configuration.at("metadata").at("ownerReferences").at(0).at("name") == "sd");
    CHECK(configuration.at("status").at("latestReadyRevisionName") == "sd-00001");
    CHECK(configuration.at("spec").at("template").at("spec").at("containerConcurrency") == 1);
    const auto route = shown(serving("routes/sd"));
    CHECK(route.at("status").at("url") == "http://sd.default.example.com");
    CHECK(route.at("status").at("conditions").at(0).at("type") == "Ready");
    CHECK(route.at("status").at("conditions").at(0).at("status") == "True");
}

TEST_CASE("a crash loop shows in the configuration, not in the route", "[knative]") {
    auto snapshot = world::small();
    snapshot.revisions[0].crash_looping = true;
    snapshot.revisions[0].reason = "its pods crash";
    const auto ready = [&](const char* what) {
        return shown(serving(what), snapshot).at("status").at("conditions").at(0);
    };
    CHECK(ready("configurations/sd").at("status") == "False");
    CHECK(ready("configurations/sd").at("reason") == "CrashLoopBackOff");
    CHECK(ready("routes/sd").at("status") == "True");
}

TEST_CASE("a revision has Knative's conditions and the generation of its template", "[knative]") {
    auto snapshot = world::small();
    snapshot.revisions[0].wanted = snapshot.revisions[0].ready = 0;
    const auto revision = shown(serving("revisions/sd-00001"), snapshot);
    const auto& labels = revision.at("metadata").at("labels");
    CHECK(labels.at("serving.knative.dev/configurationGeneration") == "1");
    const auto& conditions = revision.at("status").at("conditions").as_array();
    REQUIRE(conditions.size() == 4);
    CHECK(conditions[0].at("type") == "Active");
    CHECK(conditions[0].at("status") == "False");
    CHECK(conditions[0].at("severity") == "Info");
    for (std::size_t i = 1; i < conditions.size(); ++i) CHECK(conditions[i].at("status") == "True");
}

TEST_CASE("there is the namespace default, and each that something is in", "[knative]") {
    auto snapshot = world::small();
    snapshot.revisions.push_back(world::revision("other", 1));
    snapshot.revisions.back().name_space = "studio";
    const auto all = shown("/api/v1/namespaces", snapshot).at("items");
    REQUIRE(all.as_array().size() == 2);
    CHECK(all.at(0).at("metadata").at("name") == "default");
    CHECK(shown("/api/v1/namespaces/studio", snapshot).at("status").at("phase") == "Active");
    CHECK_FALSE(all.at(0).at("metadata").as_object().contains("namespace"));
}

TEST_CASE("an event can be asked for by what it is about, in the old words and the new", "[knative]") {
    const auto count = [](const std::string& selector) {
        return shown("/api/v1/events?fieldSelector=" + selector).at("items").as_array().size();
    };
    CHECK(count("involvedObject.kind%3DPod,involvedObject.name%3Dsd-1,involvedObject.uid%3Dany") == 1);
    CHECK(count("involvedObject.apiVersion%3Dv1,reportingComponent%3Dpilotlight") == 1);
    CHECK(count("involvedObject.name%3Dsd-2") == 0);
    const auto event = shown("/apis/events.k8s.io/v1/events").at("items").at(0);
    CHECK(event.at("regarding").at("name") == "sd-1");
    CHECK(event.at("note") == "It Started.");
    CHECK_FALSE(event.as_object().contains("involvedObject"));
}

TEST_CASE("events of the gateway itself are in the namespace default", "[knative]") {
    auto snapshot = world::small();
    snapshot.events[0].kind = "Gateway";
    snapshot.events[0].name_space.clear();
    const auto events = shown("/api/v1/namespaces/default/events", snapshot).at("items");
    REQUIRE(events.as_array().size() == 1);
    CHECK_FALSE(events.at(0).at("involvedObject").as_object().contains("namespace"));
}

TEST_CASE("a watch may begin with all there is, and says where that ends", "[knative]") {
    const auto told = lines(
        "/api/v1/"
        "pods?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks="
        "true");
    REQUIRE(told.size() == 3);
    CHECK(admin::json::parse(told[1]).at("type") == "ADDED");
    const auto end = admin::json::parse(told[2]);
    CHECK(end.at("type") == "BOOKMARK");
    CHECK(end.at("object").at("metadata").at("annotations").at("k8s.io/initial-events-end") == "true");
    CHECK(lines("/api/v1/pods?watch=true").size() == 2);
}

TEST_CASE("uids differ with every word and stay the same", "[knative]") {
    const auto uid = admin::uid_of({"Revision", "default", "sd-00001"});
    CHECK(uid == admin::uid_of({"Revision", "default", "sd-00001"}));
    CHECK(uid != admin::uid_of({"Revision", "default", "sd-00002"}));
    CHECK(admin::uid_of({"ab", "c"}) != admin::uid_of({"a", "bc"}));
    CHECK(uid.size() == 36);
    CHECK(uid[14] == '8');
}
