#include "admin/dashboard.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "world.hpp"

namespace {

using admin::Dashboard;
using std::chrono::seconds;
namespace json = boost::json;

struct Panel {
    explicit Panel(std::filesystem::path file = {}) : dashboard(&generations, std::move(file)) {}
    void look() { dashboard.take(snapshot, now += seconds(1)); }
    json::value frame() {
        const auto text = *dashboard.frame(snapshot);
        REQUIRE(text.starts_with("data: "));
        REQUIRE(text.ends_with("\n\n"));
        REQUIRE(text.find('\n') == text.size() - 2);
        return json::parse(text.substr(6));
    }
    admin::Answer get(const std::string& target) {
        auto answered = dashboard.answer({"GET", target, ""}, snapshot);
        REQUIRE(answered);
        return std::get<admin::Answer>(*answered);
    }
    proxy::Generation one(std::string_view id) {
        proxy::Generation out;
        out.request_id = id;
        out.service = "default/sd";
        out.pod = "sd-1";
        out.status = 200;
        out.ended = now;
        return out;
    }

    proxy::Generations generations;
    proxy::Snapshot snapshot = world::small();
    proxy::WallTime now = world::noon();
    Dashboard dashboard;
};

std::size_t count(const json::value& frame, std::string_view what) {
    return frame.at(what).as_array().size();
}

}  // namespace

TEST_CASE("a frame tells services, pods and the autoscaler's reason", "[dashboard]") {
    Panel panel;
    auto& view = panel.snapshot.revisions[0];
    view.last_step = {0, 2, "waiting", "pods 1 to 2 started", panel.now};
    view.queue = {{"192.0.2.1", "sd-1", .5, 2}};
    view.work = {{"sd-1", "abc", "192.0.2.3", 4}};
    view.cold_starts = {{"sd-1", panel.now, {0, .1, 2, .5}}};
    panel.look();
    const auto frame = panel.frame();
    const auto& service = frame.at("services").at(0);
    CHECK(service.at("name") == "default/sd");
    CHECK(service.at("reason") == "2 requests are under way");
    CHECK(service.at("step").at("sentence") == "pods 1 to 2 started");
    CHECK(service.at("queue").at(0).at("client") == "192.0.2.1");
    CHECK(service.at("work").at(0).at("id") == "abc");
    CHECK(count(service.at("coldStarts").at(0), "seconds") == 4);
    CHECK(service.at("sample").at("ready").at(0) == 1);
    CHECK(frame.at("pods").at(0).at("state") == "idle");
    CHECK(frame.at("pods").at(1).at("state") == "starting");
}

TEST_CASE("a generation, an event and a change of a pod are told in one frame", "[dashboard]") {
    Panel panel;
    panel.generations.add(panel.one("first"));
    panel.look();
    CHECK(count(panel.frame(), "generations") == 1);
    CHECK(count(panel.frame(), "changes") == 2);
    CHECK(count(panel.frame(), "events") == 1);
    panel.generations.add(panel.one("second"));
    panel.snapshot.pods[0].leases = 1;
    CHECK(count(panel.frame(), "generations") == 1);  // not yet: the frame stays as it is
    panel.look();
    const auto next = panel.frame();
    REQUIRE(count(next, "generations") == 1);
    CHECK(next.at("generations").at(0).at("id") == "second");
    REQUIRE(count(next, "changes") == 1);
    CHECK(next.at("changes").at(0).at("state") == "busy");
    CHECK(count(next, "events") == 0);
}

TEST_CASE("frames nobody looked at leave nothing for the next", "[dashboard]") {
    Panel panel;
    panel.generations.add(panel.one("first"));
    panel.look();
    panel.look();
    CHECK(count(panel.frame(), "generations") == 0);
    CHECK(json::parse(panel.get("/dashboard/timeline").body).at("generations").as_array().size() == 1);
}

TEST_CASE("what clients sent is escaped", "[dashboard]") {
    Panel panel;
    panel.generations.add(panel.one("</script>\"\\\n\x01"));
    panel.look();
    CHECK(panel.frame().at("generations").at(0).at("id") == "</script>\"\\\n\x01");
}

TEST_CASE("only the last generations are kept, and long names are cut", "[dashboard]") {
    Panel panel;
    for (std::size_t i = 0; i < proxy::Generations::kept + 10; ++i)
        panel.generations.add(panel.one(std::string(1000, 'x')));
    const auto kept = panel.generations.since(0);
    REQUIRE(kept.size() == proxy::Generations::kept);
    CHECK(kept.back().number == proxy::Generations::kept + 10);
    CHECK(kept.back().request_id.view().size() == 40);
}

TEST_CASE("the history comes in columns of one length", "[dashboard]") {
    Panel panel;
    panel.look();
    panel.look();
    const auto history = json::parse(panel.get("/dashboard/history?service=default%2Fsd").body).as_object();
    CHECK(history.at("step") == 1);
    for (const auto& [name, column] : history)
        if (column.is_array()) CHECK(column.as_array().size() == 2);
    CHECK(panel.get("/dashboard/history?service=nobody").status == 404);
}

TEST_CASE("the page and its files come with a policy that allows nothing from elsewhere", "[dashboard]") {
    Panel panel;
    for (const std::string path :
         {"/", "/dashboard", "/dashboard/", "/dashboard/app.js", "/dashboard/app.css"}) {
        const auto answer = panel.get(path);
        CHECK(answer.status == 200);
        CHECK(answer.policy.starts_with("default-src 'none';"));
        CHECK(answer.policy.find("unsafe") == std::string::npos);
    }
    CHECK(panel.get("/").content_type == "text/html; charset=utf-8");
    CHECK(panel.get("/").body.find("/dashboard/app.js") != std::string::npos);
    CHECK_FALSE(panel.dashboard.answer({"GET", "/dashboard/else", ""}, panel.snapshot));
    CHECK_FALSE(panel.dashboard.answer({"POST", "/", ""}, panel.snapshot));
}

TEST_CASE("the history is in its file after the end and there at the next start", "[dashboard]") {
    const auto folder =
        std::filesystem::temp_directory_path() / ("pilotlight-history-" + std::to_string(getpid()));
    std::filesystem::create_directory(folder);
    {
        Panel panel(folder / "history");
        panel.look();
        panel.look();
        panel.dashboard.save();
    }
    CHECK_FALSE(std::filesystem::exists(folder / "history~"));
    Panel next(folder / "history");
    next.now += seconds(30);
    next.dashboard.load(next.now);
    REQUIRE(next.dashboard.history().find("default/sd") != nullptr);
    CHECK(next.dashboard.history().find("default/sd")->hour().size() == 2);
    {
        std::ofstream out(folder / "history", std::ios::trunc);
        out << "rubbish";
    }
    Panel after(folder / "history");
    after.dashboard.load(after.now);
    CHECK(after.dashboard.history().services().empty());
    std::filesystem::remove_all(folder);
}

TEST_CASE("a lane keeps the changes of its pod, and goes an hour after it", "[dashboard]") {
    admin::Lanes lanes;
    auto snapshot = world::small();
    auto now = world::noon();
    lanes.take(snapshot, now);
    snapshot.pods[1].phase = pods::Phase::running;
    snapshot.pods[1].ready = true;
    lanes.take(snapshot, now += seconds(5));
    lanes.take(snapshot, now += seconds(5));
    snapshot.pods.clear();
    lanes.take(snapshot, now += seconds(5));
    REQUIRE(lanes.all().size() == 2);
    const auto& changes = lanes.all()[1].changes;
    REQUIRE(changes.size() == 3);
    CHECK(changes[0].state == admin::LaneState::starting);
    CHECK(changes[1].state == admin::LaneState::idle);
    CHECK(changes[2].state == admin::LaneState::gone);
    lanes.take(snapshot, now + std::chrono::minutes(62));
    CHECK(lanes.all().empty());
}

TEST_CASE("lanes are bounded, whatever pods do", "[dashboard]") {
    admin::Lanes lanes;
    auto snapshot = world::small();
    auto now = world::noon();
    for (int i = 0; i < 1000; ++i) {
        snapshot.pods[0].leases = i % 2;
        snapshot.pods[1].name = "sd-" + std::to_string(i + 2);
        lanes.take(snapshot, now += seconds(1));
    }
    CHECK(lanes.all().size() == admin::Lanes::most);
    for (const auto& lane : lanes.all()) CHECK(lane.changes.size() <= admin::Lanes::most_changes);
}
