#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <catch2/catch.hpp>
#include <optional>

#include "admin/write.hpp"
#include "world.hpp"

namespace {

namespace json = boost::json;

const std::string place = "/apis/serving.knative.dev/v1/namespaces/default/services";

const std::string manifest =
    R"({"apiVersion":"serving.knative.dev/v1","kind":"Service","metadata":{"name":"sd","namespace":"default",
        "uid":"u-1","generation":3,"creationTimestamp":"2026-01-01T12:00:00Z","annotations":{"pilotlight.dev/source":"applied"}},
        "spec":{"template":{"spec":{"containers":[{"image":"a"}]}}}})";

// One service, applied or from a file, and a keeper that remembers what it was asked.
struct Here : admin::Keeper {
    explicit Here(bool applied = true) {
        snapshot = world::small();
        proxy::ObjectView view;
        view.kind = "Service";
        view.name_space = "default";
        view.name = "sd";
        view.generation = 3;
        view.applied = applied;
        view.source = applied ? "applied" : "file conf/sd.yaml:3";
        auto object = json::parse(manifest).as_object();
        object["metadata"].as_object()["annotations"].as_object()["pilotlight.dev/source"] = view.source;
        view.object = std::make_shared<const json::object>(std::move(object));
        snapshot.objects = std::make_shared<const std::vector<proxy::ObjectView>>(std::vector{view});
        store.update(snapshot);
    }

    admin::Kept carry_out(const admin::Wish& wish) override {
        asked = wish;
        ++times;
        auto out = answers.empty() ? admin::Kept{} : answers.front();
        if (!answers.empty()) answers.erase(answers.begin());
        return out;
    }

    admin::Answer send(const std::string& method, const std::string& target, const std::string& body = {},
                       const std::string& type = "application/json") {
        const admin::World around{*this, snapshot, store, world::noon(), [this] { return uid; }, [] {}};
        auto out = admin::change({method, target, "application/json", type, body}, around);
        REQUIRE(out);
        return *out;
    }
    admin::Answer merge(const std::string& body, const std::string& query = {}) {
        return send("PATCH", place + "/sd" + query, body, "application/merge-patch+json");
    }

    proxy::Snapshot snapshot;
    admin::Store store;
    std::string uid = "new-uid";
    std::optional<admin::Wish> asked;
    std::vector<admin::Kept> answers;
    int times = 0;
};

std::string message(const admin::Answer& answer) {
    return std::string(json::parse(answer.body).at("message").as_string());
}

std::string other(const std::string& name) {
    return R"({"apiVersion":"serving.knative.dev/v1","kind":"Service","metadata":{"name":")" + name +
           R"("},"spec":{"template":{"spec":{"containers":[{"image":"a"}]}}}})";
}

}  // namespace

TEST_CASE("a new object gets what the server gives", "[write]") {
    Here here;
    const auto answer = here.send("POST", place + "?fieldManager=kubectl-create", other("new"));
    CHECK(answer.status == 201);
    REQUIRE(here.asked);
    const auto& metadata = here.asked->object.at("metadata");
    CHECK(metadata.at("uid") == "new-uid");
    CHECK(metadata.at("generation") == 1);
    CHECK(metadata.at("namespace") == "default");
    CHECK(metadata.at("creationTimestamp") == "2026-01-01T12:00:00Z");
    CHECK(metadata.at("annotations").at("pilotlight.dev/source") == "applied");
    CHECK(metadata.at("managedFields").at(0).at("manager") == "kubectl-create");
}

TEST_CASE("a name is made of generateName, if there is none", "[write]") {
    Here here;
    here.uid = "0189abcd-0000-4000-8000-000000000000";
    auto wanted = json::parse(other("x")).as_object();
    wanted["metadata"] = {{"generateName", "draw-"}};
    CHECK(here.send("POST", place, json::serialize(wanted)).status == 201);
    CHECK(here.asked->name == "draw-bclmn");
    CHECK(here.asked->object.at("metadata").at("name") == "draw-bclmn");
    wanted["metadata"] = {{"generateName", std::string(80, 'a')}};
    CHECK(here.send("POST", place, json::serialize(wanted)).status == 201);
    CHECK(here.asked->name.size() == 63);
    wanted["metadata"] = {{"generateName", "draw-"}, {"name", "mine"}};
    CHECK(here.send("POST", place, json::serialize(wanted)).status == 201);
    CHECK(here.asked->name == "mine");
}

TEST_CASE("many are deleted at once, all that are selected or none", "[write]") {
    Here here;
    const auto none = here.send("DELETE", place + "?labelSelector=app%3Dnone");
    CHECK(none.status == 200);
    CHECK(json::parse(none.body).at("items").as_array().empty());
    CHECK_FALSE(here.asked);
    const auto all = here.send("DELETE", place, R"({"propagationPolicy":"Background"})");
    CHECK(all.status == 200);
    CHECK(json::parse(all.body).at("kind") == "ServiceList");
    CHECK(json::parse(all.body).at("items").at(0).at("metadata").at("name") == "sd");
    REQUIRE(here.asked);
    CHECK(here.asked->remove);
    CHECK(here.asked->name == "sd");
    here.send("DELETE", place + "?fieldSelector=metadata.name%3Dsd", R"({"dryRun":["All"]})");
    CHECK(here.asked->dry_run);
    Here filed(false);
    CHECK(filed.send("DELETE", place).status == 403);
    CHECK_FALSE(filed.asked);
}

TEST_CASE("the answer to a change has the status of before it", "[write]") {
    Here here;
    const auto answer = here.merge(R"({"spec":{"template":{"spec":{"containerConcurrency":2}}}})");
    CHECK(json::parse(answer.body).at("status").at("observedGeneration") == 3);
}

TEST_CASE("what is there cannot be made again, and what is not there cannot be changed", "[write]") {
    Here here;
    const auto again = here.send("POST", place, other("sd"));
    CHECK(again.status == 409);
    CHECK(message(again) == "services.serving.knative.dev \"sd\" already exists");
    CHECK(here.send("PUT", place + "/nobody", other("nobody")).status == 404);
    CHECK(here.send("DELETE", place + "/nobody").status == 404);
    CHECK(here.send("PATCH", place + "/nobody", "{}", "application/merge-patch+json").status == 404);
    CHECK_FALSE(here.asked);
}

TEST_CASE("a change of the spec counts the generation up, one of an annotation does not", "[write]") {
    Here here;
    CHECK(here.merge(R"({"metadata":{"annotations":{"a":"b"}}})").status == 200);
    CHECK(here.asked->object.at("metadata").at("generation") == 3);
    CHECK(here.merge(R"({"spec":{"template":{"spec":{"containerConcurrency":2}}}})").status == 200);
    CHECK(here.asked->object.at("metadata").at("generation") == 4);
    CHECK(here.asked->object.at("metadata").at("uid") == "u-1");
}

TEST_CASE("a patch that changes nothing asks nobody", "[write]") {
    Here here;
    CHECK(here.merge("{}").status == 200);
    CHECK_FALSE(here.asked);
}

TEST_CASE("an old resourceVersion and another uid are conflicts", "[write]") {
    Here here;
    CHECK(here.merge(R"({"metadata":{"resourceVersion":"1","labels":{"a":"b"}}})").status == 200);
    CHECK(here.merge(R"({"metadata":{"resourceVersion":"0","labels":{"a":"c"}}})").status == 409);
    CHECK(here.merge(R"({"metadata":{"uid":"u-2","labels":{"a":"c"}}})").status == 409);
    CHECK(here.send("DELETE", place + "/sd", R"({"preconditions":{"uid":"u-2"}})").status == 409);
    CHECK(here.times == 1);
    CHECK(here.send("DELETE", place + "/sd",
                    R"({"preconditions":{"uid":"u-1"},"propagationPolicy":"Background"})")
              .status == 200);
    CHECK(here.asked->remove);
}

TEST_CASE("an object of a file is changed in the file", "[write]") {
    Here here(false);
    const auto answer = here.merge(R"({"spec":{"template":{"spec":{"containerConcurrency":2}}}})");
    CHECK(answer.status == 403);
    CHECK(message(answer) ==
          "services.serving.knative.dev \"sd\" is forbidden: it comes from conf/sd.yaml:3: change it there "
          "and reload");
    CHECK(here.send("DELETE", place + "/sd").status == 403);
    CHECK_FALSE(here.asked);
}

TEST_CASE("the number of pods is set by hand on an object of a file, too", "[write]") {
    Here here(false);
    const auto answer =
        here.send("PATCH", place + "/sd/scale", R"({"spec":{"replicas":2}})", "application/merge-patch+json");
    CHECK(answer.status == 200);
    const auto scale = json::parse(answer.body);
    CHECK(scale.at("kind") == "Scale");
    CHECK(scale.at("spec").at("replicas") == 2);
    REQUIRE(here.asked);
    CHECK(here.asked->only_replicas);
    CHECK(here.asked->object.at("metadata").at("annotations").at("pilotlight.dev/replicas") == "2");
    CHECK(
        here.send("PATCH", place + "/sd/scale", R"({"spec":{"replicas":-1}})", "application/merge-patch+json")
            .status == 422);
}

TEST_CASE("a Scale can be read", "[write]") {
    Here here;
    const auto scale = json::parse(here.send("GET", place + "/sd/scale").body);
    CHECK(scale.at("apiVersion") == "autoscaling/v1");
    CHECK(scale.at("status").at("selector") == "serving.knative.dev/service=sd");
}

TEST_CASE("a strict client is told of unknown fields, others get a warning or nothing", "[write]") {
    const admin::Kept unknown{admin::Kept::Kind::invalid, {{"spec.foo", "unknown field", true}}, {}, {}};
    const std::string body = R"({"spec":{"foo":1}})";
    Here strict;
    strict.answers = {unknown};
    const auto refused = strict.merge(body, "?fieldValidation=Strict");
    CHECK(refused.status == 400);
    CHECK(message(refused) == "strict decoding error: unknown field \"spec.foo\"");
    Here warned;
    warned.answers = {unknown};
    const auto answer = warned.merge(body);
    CHECK(answer.status == 200);
    CHECK(answer.warnings == std::vector<std::string>{"unknown field \"spec.foo\""});
    CHECK_FALSE(warned.asked->object.at("spec").as_object().contains("foo"));
    Here silent;
    silent.answers = {unknown};
    CHECK(silent.merge(body, "?fieldValidation=Ignore").warnings.empty());
}

TEST_CASE("what is wrong is said with its field", "[write]") {
    Here here;
    here.answers = {
        {admin::Kept::Kind::invalid, {{"spec.template.spec.containers", "missing", false}}, {}, {}}};
    const auto answer = here.merge(R"({"spec":null})");
    CHECK(answer.status == 422);
    const auto status = json::parse(answer.body);
    CHECK(status.at("reason") == "Invalid");
    CHECK(status.at("details").at("causes").at(0).at("field") == "spec.template.spec.containers");
}

TEST_CASE("no room on the disk is said, and a try changes nothing", "[write]") {
    Here here;
    here.answers = {{admin::Kept::Kind::full, {}, {}, "No space left on device"}};
    CHECK(here.merge(R"({"metadata":{"labels":{"a":"b"}}})").status == 507);
    CHECK(here.merge(R"({"metadata":{"labels":{"a":"b"}}})", "?dryRun=All").status == 200);
    CHECK(here.asked->dry_run);
    CHECK(here.merge("{}", "?dryRun=Some").status == 400);
}

TEST_CASE("a strategic merge patch is not for these kinds", "[write]") {
    Here here;
    CHECK(here.send("PATCH", place + "/sd", "{}", "application/strategic-merge-patch+json").status == 415);
}

TEST_CASE("server-side apply makes, changes and says conflicts", "[write]") {
    Here here;
    const std::string type = "application/apply-patch+yaml";
    CHECK(here.send("PATCH", place + "/new", other("new"), type).status == 422);  // without a manager
    CHECK(here.send("PATCH", place + "/new?fieldManager=me", other("new"), type).status == 201);
    const std::string yaml =
        "apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: sd, labels: {a: b}}\n";
    CHECK(here.send("PATCH", place + "/sd?fieldManager=me", yaml, type).status == 200);
    CHECK(here.asked->object.at("metadata").at("labels").at("a") == "b");
    CHECK(here.asked->object.at("spec").is_object());
}

TEST_CASE("nonsense is refused without asking anybody", "[write]") {
    Here here;
    std::string deep;
    for (int i = 0; i < 5000; ++i) deep += R"({"a":)";
    for (const auto& body :
         {std::string(), std::string("{"), std::string("[]"), std::string("7"), deep,
          std::string(R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"x"}})"),
          std::string(R"({"apiVersion":"serving.knative.dev/v1","kind":"Service"})"),
          std::string(R"({"apiVersion":"serving.knative.dev/v1","kind":"Service","metadata":{}})"),
          std::string(R"({"apiVersion":"serving.knative.dev/v1","kind":"Service","metadata":[]})")}) {
        INFO(body.substr(0, 100));
        CHECK(here.send("POST", place, body).status == 400);
    }
    for (const auto* metadata :
         {R"(null)", R"({"annotations":"x"})", R"({"labels":[]})", R"({"managedFields":7})",
          R"({"finalizers":{}})", R"({"managedFields":[{"fieldsV1":{"f:spec":{}}},3]})", R"({"name":"else"})",
          R"({"namespace":"other"})"}) {
        INFO(metadata);
        CHECK(here.merge(std::string(R"({"metadata":)") + metadata + "}").status == 400);
    }
    CHECK(here.send("PUT", place + "/sd", other("else")).status == 400);
    CHECK(here.send("POST", place + "/sd", other("sd")).status == 405);
    CHECK(here.send("DELETE", "/apis/serving.knative.dev/v1/namespaces/default/revisions").status == 405);
    CHECK(here.send("DELETE", place + "?labelSelector=a%20in").status == 200);  // a label that nothing has
    CHECK(here.send("DELETE", place + "?labelSelector=a%20in%20(").status == 400);
    CHECK(here.send("DELETE", "/api/v1/namespaces/default/pods/sd-1").status == 405);
    CHECK(here.send("POST", "/apis/apps/v1/namespaces/default/deployments", "{}").status == 404);
    CHECK_FALSE(here.asked);
}
