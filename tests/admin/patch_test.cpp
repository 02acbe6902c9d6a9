#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <catch2/catch.hpp>

#include "admin/managed.hpp"
#include "admin/patch.hpp"

namespace {

namespace json = boost::json;

json::value merged(std::string_view target, std::string_view patch) {
    auto out = json::parse({target.data(), target.size()});
    admin::merge_patch(out, json::parse({patch.data(), patch.size()}));
    return out;
}

json::value patched(std::string_view target, std::string_view operations) {
    auto out = json::parse({target.data(), target.size()});
    admin::json_patch(out, json::parse({operations.data(), operations.size()}));
    return out;
}

json::object object(std::string_view text) {
    return json::parse({text.data(), text.size()}).as_object();
}

admin::Manager by(const char* name) {
    return {name, "", "serving.knative.dev/v1", "2026-01-01T12:00:00Z"};
}

// An object that `name` has applied on the server's side.
json::object applied(const json::object& now, const json::object& wanted, const char* name) {
    auto out = admin::server_side_apply(now, wanted, by(name), false);
    REQUIRE(out.conflicts.empty());
    return out.object;
}

const json::object bare = object(R"({"metadata":{"name":"sd"}})");

}  // namespace

// RFC 7396 appendix A
TEST_CASE("a merge patch sets, adds, removes by null and replaces lists whole", "[patch]") {
    CHECK(merged(R"({"a":"b"})", R"({"a":"c"})") == json::parse(R"({"a":"c"})"));
    CHECK(merged(R"({"a":"b","b":"c"})", R"({"a":null})") == json::parse(R"({"b":"c"})"));
    CHECK(merged(R"({"a":["b"]})", R"({"a":"c"})") == json::parse(R"({"a":"c"})"));
    CHECK(merged(R"({"a":{"b":"c"}})", R"({"a":{"b":"d","c":null}})") == json::parse(R"({"a":{"b":"d"}})"));
    CHECK(merged(R"({"a":[{"b":"c"}]})", R"({"a":[1]})") == json::parse(R"({"a":[1]})"));
    CHECK(merged(R"({})", R"({"a":{"bb":{"ccc":null}}})") == json::parse(R"({"a":{"bb":{}}})"));
    CHECK(merged(R"(["a"])", R"({"a":1})") == json::parse(R"({"a":1})"));
}

// RFC 6902 appendix A
TEST_CASE("a JSON patch adds, removes, replaces, moves, copies and tests", "[patch]") {
    CHECK(patched(R"({"foo":["bar","baz"]})", R"([{"op":"add","path":"/foo/1","value":"qux"}])") ==
          json::parse(R"({"foo":["bar","qux","baz"]})"));
    CHECK(patched(R"({"foo":[1]})", R"([{"op":"add","path":"/foo/-","value":2}])") ==
          json::parse(R"({"foo":[1,2]})"));
    CHECK(patched(R"({"a":1,"b":2})", R"([{"op":"remove","path":"/a"}])") == json::parse(R"({"b":2})"));
    CHECK(patched(R"({"a/b":1,"m~n":2})",
                  R"([{"op":"replace","path":"/a~1b","value":3},{"op":"remove","path":"/m~0n"}])") ==
          json::parse(R"({"a/b":3})"));
    CHECK(patched(R"({"a":{"b":1}})",
                  R"([{"op":"move","from":"/a/b","path":"/c"},{"op":"copy","from":"/c","path":"/d"}])") ==
          json::parse(R"({"a":{},"c":1,"d":1})"));
    CHECK_THROWS_AS(patched(R"({"a":1})", R"([{"op":"test","path":"/a","value":2}])"), admin::FailedTest);
}

TEST_CASE("a JSON patch that does not fit is refused", "[patch]") {
    for (const auto* operations :
         {R"({})", R"([1])", R"([{"op":"fly","path":"/a"}])", R"([{"op":"remove","path":"/x"}])",
          R"([{"op":"replace","path":"/list/01","value":1}])", R"([{"op":"add","path":"/list/9","value":1}])",
          R"([{"op":"add","path":"a","value":1}])", R"([{"op":"add","path":"/a~2","value":1}])",
          R"([{"op":"move","from":"/list","path":"/list/0"}])", R"([{"op":"remove","path":""}])",
          R"([{"op":"add","path":"/a/b","value":1}])", R"([{"op":"add","path":"/z"}])"}) {
        INFO(operations);
        CHECK_THROWS_AS(patched(R"({"a":1,"list":[1,2]})", operations), admin::BadPatch);
    }
}

TEST_CASE("a JSON patch cannot make an object large or deep by copying", "[patch]") {
    std::string twice = R"([{"op":"add","path":"/a","value":["0123456789"]})";
    for (int i = 0; i < 40; ++i) twice += R"(,{"op":"copy","from":"/a","path":"/a/-"})";
    CHECK_THROWS_AS(patched("{}", twice + "]"), admin::BadPatch);
}

TEST_CASE("what a manager applies no more goes, and what others have set stays", "[managed]") {
    const auto first =
        applied(bare, object(R"({"spec":{"a":1,"b":{"c":2}},"metadata":{"name":"sd"}})"), "one");
    const auto both = applied(first, object(R"({"spec":{"d":4},"metadata":{"name":"sd"}})"), "two");
    const auto last = applied(both, object(R"({"spec":{"a":1},"metadata":{"name":"sd"}})"), "one");
    CHECK(last.at("spec") == json::parse(R"({"a":1,"d":4})"));
}

TEST_CASE("a field that another has set otherwise is a conflict, unless it is forced", "[managed]") {
    const auto first = applied(bare, object(R"({"spec":{"a":1}})"), "one");
    const auto wanted = object(R"({"spec":{"a":2}})");
    const auto refused = admin::server_side_apply(first, wanted, by("two"), false);
    REQUIRE(refused.conflicts.size() == 1);
    CHECK(refused.conflicts[0].manager == "one");
    CHECK(refused.conflicts[0].field == ".spec.a");
    const auto forced = admin::server_side_apply(first, wanted, by("two"), true);
    CHECK(forced.conflicts.empty());
    CHECK(forced.object.at("spec").at("a") == 2);
    // It is no longer the first one's: it may want it no more without taking it away.
    CHECK(applied(forced.object, object(R"({"metadata":{"name":"sd"}})"), "one").at("spec").at("a") == 2);
}

TEST_CASE("two managers may want the same", "[managed]") {
    const auto first = applied(bare, object(R"({"spec":{"a":1}})"), "one");
    const auto both = applied(first, object(R"({"spec":{"a":1}})"), "two");
    CHECK(applied(both, object("{}"), "one").at("spec").at("a") == 1);
}

TEST_CASE("a change by other means takes the field over", "[managed]") {
    auto now = applied(bare, object(R"({"spec":{"a":1,"b":1}})"), "one");
    auto after = now;
    after["spec"].as_object()["a"] = 5;
    after["metadata"].as_object()["managedFields"] =
        admin::owned_after_update(now, after, by("kubectl-edit"));
    const auto again = admin::server_side_apply(after, object(R"({"spec":{"a":1,"b":1}})"), by("one"), false);
    REQUIRE(again.conflicts.size() == 1);
    CHECK(again.conflicts[0].manager == "kubectl-edit");
}

TEST_CASE("managers that only update are folded beyond ten", "[managed]") {
    auto now = object(R"({"metadata":{},"spec":{}})");
    for (int i = 0; i < 30; ++i) {
        auto after = now;
        after["spec"].as_object()["f" + std::to_string(i)] = i;
        after["metadata"].as_object()["managedFields"] =
            admin::owned_after_update(now, after, by(("m" + std::to_string(i)).c_str()));
        now = after;
    }
    CHECK(now.at("metadata").at("managedFields").as_array().size() == admin::most_updaters);
}
