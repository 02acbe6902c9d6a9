#include <boost/json/parse.hpp>
#include <catch2/catch.hpp>
#include <sstream>

#include "admin/watch.hpp"
#include "world.hpp"

namespace {

namespace json = boost::json;
using admin::Query;
using admin::Store;
using admin::Watch;

const admin::Resource& resource(std::string_view plural) {
    for (const auto& one : admin::resources())
        if (one.plural == plural) return one;
    throw std::logic_error("no such resource");
}

Query all_pods(bool table = false) {
    Query out;
    out.resource = &resource("pods");
    out.table = table;
    return out;
}

std::vector<json::object> json_lines(const std::string& text) {
    std::vector<json::object> out;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) out.push_back(json::parse(line).as_object());
    return out;
}

// "ADDED sd-1, MODIFIED sd-2": what a watch told.
std::string told(const std::string& text) {
    std::string out;
    for (auto& line : json_lines(text)) {
        if (!out.empty()) out += ", ";
        out += std::string(line.at("type").as_string());
        const auto& object = line.at("object").as_object();
        if (const auto* meta = object.if_contains("metadata"))
            if (const auto* name = meta->as_object().if_contains("name"))
                out += " " + std::string(name->as_string());
    }
    return out;
}

}  // namespace

TEST_CASE("a watch tells the difference of two snapshots", "[store]") {
    auto snapshot = world::small();
    Store store;
    store.update(snapshot);
    Watch watch(all_pods(), store, 1);
    REQUIRE(watch.take(store, world::noon()).empty());

    snapshot.version = 2;
    snapshot.pods[1].phase = pods::Phase::running;
    snapshot.pods[1].ready = true;
    snapshot.pods.push_back(world::pod("sd-3", pods::Phase::pending, false));
    store.update(snapshot);
    const auto text = watch.take(store, world::noon());
    CHECK(told(text) == "MODIFIED sd-2, ADDED sd-3");
    CHECK(json_lines(text)[0].at("object").at("metadata").at("resourceVersion") == "2");
    CHECK(json_lines(text)[0].at("object").at("status").at("containerStatuses").at(0).at("ready") == true);

    snapshot.version = 3;
    snapshot.pods.erase(snapshot.pods.begin());
    store.update(snapshot);
    CHECK(told(watch.take(store, world::noon())) == "DELETED sd-1");
    CHECK(watch.take(store, world::noon()).empty());
    CHECK_FALSE(watch.ended());
}

TEST_CASE("what comes among the selected is added to a watch, what leaves them is deleted", "[store]") {
    auto snapshot = world::small();
    Store store;
    store.update(snapshot);
    auto query = all_pods();
    query.fields = admin::Selector::fields("status.phase=Running");
    Watch watch(query, store, 1);
    snapshot.version = 2;
    snapshot.pods[1].phase = pods::Phase::running;
    store.update(snapshot);
    CHECK(told(watch.take(store, world::noon())) == "ADDED sd-2");
    snapshot.version = 3;
    snapshot.pods[0].phase = pods::Phase::pending;
    snapshot.pods[1].ready = true;
    store.update(snapshot);
    CHECK(told(watch.take(store, world::noon())) == "DELETED sd-1, MODIFIED sd-2");
    snapshot.version = 4;
    snapshot.pods[0].message = "still";
    store.update(snapshot);
    CHECK(watch.take(store, world::noon()).empty());
}

TEST_CASE("what only a table shows changes the list but is no change to a watch", "[store]") {
    auto snapshot = world::small();
    Store store;
    store.update(snapshot);
    Watch watch(all_pods(true), store, 1);
    snapshot.version = 2;
    snapshot.pods[0].leases = 1;
    store.update(snapshot);
    CHECK(watch.take(store, world::noon()).empty());
    const auto table = admin::list(all_pods(true), store, world::noon());
    CHECK(table.at("rows").at(0).at("cells").at(7) == "1/1");
    CHECK(table.at("rows").at(0).at("object").at("metadata").at("resourceVersion") == "1");
}

TEST_CASE("a watch without a version begins with everything there is", "[store]") {
    auto snapshot = world::small();
    Store store;
    store.update(snapshot);
    Watch watch(all_pods(), store, std::nullopt);
    snapshot.version = 2;
    snapshot.pods[0].ready = false;
    store.update(snapshot);
    CHECK(told(watch.take(store, world::noon())) == "ADDED sd-1, ADDED sd-2, MODIFIED sd-1");
}

TEST_CASE("a watch is given in pieces, none of them lost", "[store]") {
    Store store;
    store.update(world::small());
    Watch watch(all_pods(), store, 0);
    CHECK(told(watch.take(store, world::noon(), 1)) == "ADDED sd-1");
    CHECK(told(watch.take(store, world::noon(), 1)) == "ADDED sd-2");
    CHECK(watch.take(store, world::noon(), 1).empty());
}

TEST_CASE("a watch that falls too far behind is told to list again", "[store]") {
    auto snapshot = world::small();
    Store store;
    store.update(snapshot);
    Watch watch(all_pods(), store, 1);
    for (std::size_t i = 0; i <= Store::changes_kept; ++i) {
        ++snapshot.version;
        ++snapshot.pods[0].restarts;
        store.update(snapshot);
    }
    const auto last = json_lines(watch.take(store, world::noon()));
    REQUIRE(last.size() == 1);
    CHECK(last[0].at("type") == "ERROR");
    CHECK(last[0].at("object").at("code") == 410);
    CHECK(last[0].at("object").at("reason") == "Expired");
    CHECK(watch.ended());
    CHECK(watch.take(store, world::noon()).empty());
    CHECK(store.end() - store.begin() == Store::changes_kept);
}

TEST_CASE("a version of another run of the gateway is told to list again", "[store]") {
    Store store;
    store.update(world::small());
    Watch watch(all_pods(), store, 77);
    CHECK(told(watch.take(store, world::noon())) == "ERROR");
}

TEST_CASE("what was forgotten is never skipped silently", "[store]") {
    auto snapshot = world::small();
    Store store;
    store.update(snapshot);
    snapshot.version = 2;  // more changes in one snapshot than are kept
    for (std::size_t i = 0; i < Store::changes_kept + 10; ++i)
        snapshot.pods.push_back(world::pod("p" + std::to_string(i), pods::Phase::pending, false));
    store.update(snapshot);
    CHECK_FALSE(store.after(1));
    CHECK(store.after(2) == store.end());
}

TEST_CASE("a watched table says its columns once", "[store]") {
    Store store;
    store.update(world::small());
    Watch watch(all_pods(true), store, 0);
    const auto all = json_lines(watch.take(store, world::noon() + std::chrono::seconds(133)));
    REQUIRE(all.size() == 2);
    CHECK(all[0].at("object").at("columnDefinitions").is_array());
    CHECK(all[1].at("object").at("columnDefinitions").is_null());
    CHECK(all[0].at("object").at("rows").at(0).at("cells").at(4) == "2m13s");
}

TEST_CASE("a bookmark says how far the watch is", "[store]") {
    Store store;
    store.update(world::small());
    Watch watch(all_pods(), store, 1);
    const auto line = json::parse(watch.bookmark(store));
    CHECK(line.at("type") == "BOOKMARK");
    CHECK(line.at("object").at("kind") == "Pod");
    CHECK(line.at("object").at("metadata").at("resourceVersion") == "1");
}

TEST_CASE("a service is shown by its newest revision and says which one serves", "[store]") {
    auto snapshot = world::small();
    snapshot.revisions[0].retiring = true;
    snapshot.revisions.push_back(world::revision("sd", 2));
    snapshot.revisions[1].ready = 0;
    Store store;
    store.update(snapshot);
    const auto found = store.find(resource("services"), "default", "sd");
    REQUIRE(found);
    CHECK(store.objects(resource("services")).size() == 1);
    const auto& status = found->item.object.at("status");
    CHECK(status.at("latestCreatedRevisionName") == "sd-00002");
    CHECK(status.at("latestReadyRevisionName") == "sd-00001");
    CHECK(status.at("url") == "http://sd.default.example.com");
}
