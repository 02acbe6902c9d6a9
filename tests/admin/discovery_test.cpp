#include <algorithm>
#include <boost/json/parse.hpp>
#include <catch2/catch.hpp>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "admin/api.hpp"
#include "manifest/ignored.hpp"
#include "world.hpp"

namespace {

namespace json = boost::json;

constexpr const char* new_kubectl =
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/"
    "json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

admin::Answer asked(const std::string& target, const std::string& accept = "application/json") {
    const auto snapshot = world::small();
    admin::Store store;
    store.update(snapshot);
    return std::get<admin::Answer>(admin::answer({"GET", target, accept}, snapshot, store, world::noon()));
}

json::value document_at(const std::string& target, const std::string& accept = "application/json") {
    const auto answer = asked(target, accept);
    REQUIRE(answer.status == 200);
    return json::parse(answer.body);
}

std::vector<std::string> texts(const json::value& array, std::string_view field = {}) {
    std::vector<std::string> out;
    for (const auto& one : array.as_array())
        out.emplace_back((field.empty() ? one : one.at(field)).as_string());
    return out;
}

using Texts = std::vector<std::string>;

// A message of Protocol Buffers, read.
class Fields {
public:
    explicit Fields(std::string_view octets) {
        while (!octets.empty()) {
            const auto tag = varint(octets);
            REQUIRE((tag & 7) == 2);
            const auto size = varint(octets);
            REQUIRE(size <= octets.size());
            all_.emplace_back(tag >> 3, octets.substr(0, size));
            octets.remove_prefix(size);
        }
    }
    std::string text(std::uint64_t field) const {
        for (const auto& [number, octets] : all_)
            if (number == field) return octets;
        return {};
    }
    std::vector<Fields> in(std::uint64_t field) const {
        std::vector<Fields> out;
        for (const auto& [number, octets] : all_)
            if (number == field) out.emplace_back(octets);
        return out;
    }

private:
    static std::uint64_t varint(std::string_view& octets) {
        std::uint64_t out = 0;
        for (int shift = 0; shift < 64; shift += 7) {
            REQUIRE_FALSE(octets.empty());
            const auto octet = static_cast<unsigned char>(octets[0]);
            octets.remove_prefix(1);
            out |= static_cast<std::uint64_t>(octet & 0x7f) << shift;
            if (octet < 0x80) return out;
        }
        FAIL("a number that does not end");
        return out;
    }
    std::vector<std::pair<std::uint64_t, std::string>> all_;
};

Fields property(const Fields& schema, const std::string& name) {
    for (const auto& one : schema.in(25)[0].in(1))
        if (one.text(1) == name) return one.in(2)[0];
    FAIL("no property " << name);
    throw 0;
}

const json::value& schema(const json::value& document, std::string_view name) {
    return document.at("components").at("schemas").at(name).at("properties");
}

}  // namespace

TEST_CASE("kubectl's discovery finds every group, version and resource", "[discovery]") {
    CHECK(texts(document_at("/api").at("versions")) == Texts{"v1"});
    const auto groups = document_at("/apis").at("groups");
    CHECK(texts(groups, "name") == Texts{"serving.knative.dev", "events.k8s.io"});
    CHECK(texts(groups.at(0).at("versions"), "groupVersion") ==
          Texts{"serving.knative.dev/v1", "serving.knative.dev/v1beta1"});
    CHECK(groups.at(0).at("preferredVersion").at("version") == "v1");
    CHECK(texts(document_at("/api/v1").at("resources"), "name") ==
          Texts{"pods", "pods/log", "events", "namespaces"});
    CHECK(texts(document_at("/apis/serving.knative.dev/v1").at("resources"), "kind") ==
          Texts{"Service", "Scale", "Revision", "Configuration", "Route"});
    CHECK(texts(document_at("/apis/serving.knative.dev/v1beta1").at("resources"), "kind") ==
          Texts{"DomainMapping"});
    CHECK(document_at("/version").at("gitVersion").as_string().starts_with("v"));
    CHECK(asked("/apis/nothing.example").status == 404);
}

TEST_CASE("only what can be changed is said to be", "[discovery]") {
    const auto resources = document_at("/apis/serving.knative.dev/v1").at("resources");
    for (const auto& one : resources.as_array()) {
        const auto verbs = texts(one.at("verbs"));
        CAPTURE(one.at("name").as_string());
        CHECK((std::ranges::find(verbs, "patch") != verbs.end()) ==
              one.at("name").as_string().starts_with("services"));
    }
    CHECK(texts(document_at("/api/v1").at("resources").at(0).at("verbs")) == Texts{"get", "list", "watch"});
}

TEST_CASE("a new kubectl gets all of a discovery at once, an old one as before", "[discovery]") {
    CHECK(asked("/apis", new_kubectl).content_type ==
          "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList");
    CHECK(document_at("/apis").at("kind") == "APIGroupList");
    const auto core = document_at("/api", new_kubectl).at("items");
    REQUIRE(core.as_array().size() == 1);
    const auto& pods = core.at(0).at("versions").at(0).at("resources").at(0);
    CHECK(pods.at("resource") == "pods");
    CHECK(pods.at("scope") == "Namespaced");
    CHECK(pods.at("subresources").at(0).at("subresource") == "log");
    const auto groups = document_at("/apis", new_kubectl).at("items");
    CHECK(groups.at(0).at("metadata").at("name") == "serving.knative.dev");
    CHECK(texts(groups.at(0).at("versions"), "version") == Texts{"v1", "v1beta1"});
    const auto& services = groups.at(0).at("versions").at(0).at("resources").at(0);
    CHECK(services.at("responseKind").at("kind") == "Service");
    CHECK(texts(services.at("shortNames")) == Texts{"kservice", "ksvc"});
    CHECK(services.at("subresources").at(0).at("responseKind").at("group") == "autoscaling");
}

TEST_CASE("OpenAPI version 2 is Protobuf, with every kind and what can be patched", "[openapi]") {
    const auto answer = asked("/openapi/v2");
    CHECK(answer.status == 200);
    CHECK(answer.content_type == "application/com.github.proto-openapi.spec.v2.v1.0+protobuf");
    const Fields document(answer.body);
    CHECK(document.text(1) == "2.0");
    std::map<std::string, Fields> kinds;
    for (const auto& one : document.in(9)[0].in(1)) kinds.emplace(one.text(1), one.in(2)[0]);
    CHECK(kinds.size() == 9);
    const auto& service = kinds.at("serving.knative.dev.v1.Service");
    CHECK(service.in(31)[0].in(2)[0].text(2) ==
          "- group: \"serving.knative.dev\"\n  kind: Service\n  version: v1\n");
    CHECK(service.in(22)[0].text(1) == "object");
    const auto spec = property(property(property(service, "spec"), "template"), "spec");
    const auto container = property(spec, "containers").in(23)[0].in(1)[0];
    CHECK(property(container, "image").in(22)[0].text(1) == "string");
    CHECK(property(container, "volumeMounts").in(22).empty());  // anything: it means nothing here
    // kubectl refuses what it does not find, before we could take it with a warning.
    const auto known = [](const Fields& schema, std::string_view name) {
        const auto all = schema.in(25)[0].in(1);
        return std::ranges::any_of(all, [&](const Fields& one) { return one.text(1) == name; });
    };
    for (const auto name : manifest::ignored_pod_fields) CHECK(known(spec, name));
    for (const auto name : manifest::ignored_container_fields) CHECK(known(container, name));
    const auto port = property(property(property(container, "readinessProbe"), "tcpSocket"), "port");
    CHECK(port.text(2) == "int-or-string");
    const auto notes = property(property(service, "metadata"), "annotations");
    CHECK(notes.in(21)[0].in(1)[0].in(22)[0].text(1) == "string");  // a map: others than ours are known too
    CHECK(notes.text(4).find("pilotlight.dev/queue-depth: ") != std::string::npos);
    bool dry_run = false;
    for (const auto& path : document.in(8)[0].in(2))
        if (path.text(1) == "/apis/serving.knative.dev/v1/namespaces/{namespace}/services/{name}")
            for (const auto& parameter : path.in(2)[0].in(8)[0].in(8))
                dry_run = dry_run || parameter.in(1)[0].in(2)[0].in(3)[0].text(4) == "dryRun";
    CHECK(dry_run);
}

TEST_CASE("OpenAPI version 3 has a document for each group and version", "[openapi]") {
    const auto paths = document_at("/openapi/v3").at("paths").as_object();
    REQUIRE(paths.size() == 4);
    for (const auto& [name, where] : paths) {
        CAPTURE(name);
        const auto document =
            document_at(std::string(where.at("serverRelativeURL").as_string()));  // as kubectl asks for it
        CHECK(document.at("openapi") == "3.0.0");
        CHECK_FALSE(document.at("paths").as_object().empty());
    }
    CHECK(asked("/openapi/v3/apis/nothing/v1").status == 404);
}

TEST_CASE("a patch says that fields are checked here: kubectl apply needs no schema then", "[openapi]") {
    const auto document = document_at("/openapi/v3/apis/serving.knative.dev/v1");
    const auto& patch = document.at("paths")
                            .at("/apis/serving.knative.dev/v1/namespaces/{namespace}/services/{name}")
                            .at("patch");
    CHECK(patch.at("x-kubernetes-group-version-kind").at("kind") == "Service");
    const auto names = texts(patch.at("parameters"), "name");
    CHECK(std::ranges::find(names, "fieldValidation") != names.end());
}

TEST_CASE("the schema of a Service has its fields and every annotation of ours", "[openapi]") {
    const auto document = document_at("/openapi/v3/apis/serving.knative.dev/v1");
    const auto& service = schema(document, "serving.knative.dev.v1.Service");
    const auto& containers = service.at("spec")
                                 .at("properties")
                                 .at("template")
                                 .at("properties")
                                 .at("spec")
                                 .at("properties")
                                 .at("containers");
    CHECK(containers.at("type") == "array");
    const auto& container = containers.at("items").at("properties");
    CHECK(container.at("image").at("type") == "string");
    CHECK(container.at("args").at("items").at("type") == "string");
    CHECK(container.at("readinessProbe").at("properties").at("tcpSocket").at("type") == "object");
    const auto& notes =
        service.at("metadata").at("properties").at("annotations").at("properties").as_object();
    CHECK(notes.contains("pilotlight.dev/profile"));
    CHECK(notes.contains("autoscaling.knative.dev/max-scale"));
    CHECK(notes.contains("serving.knative.dev.alibabacloud/affinity"));
}

TEST_CASE("every field of every schema is described", "[openapi]") {
    const std::function<void(const json::object&, const std::string&)> look = [&](const json::object& part,
                                                                                  const std::string& path) {
        CAPTURE(path);
        CHECK_FALSE(part.at("description").as_string().empty());
        if (const auto* fields = part.if_contains("properties"))
            for (const auto& [name, field] : fields->as_object())
                look(field.as_object(), path + "." + std::string(name));
        if (const auto* items = part.if_contains("items"))
            if (const auto* fields = items->as_object().if_contains("properties"))
                for (const auto& [name, field] : fields->as_object())
                    look(field.as_object(), path + "[]." + std::string(name));
    };
    const auto paths = document_at("/openapi/v3").at("paths");
    for (const auto& [name, where] : paths.as_object()) {
        const auto document = document_at(std::string(where.at("serverRelativeURL").as_string()));
        for (const auto& [kind, part] : document.at("components").at("schemas").as_object())
            look(part.as_object(), std::string(kind));
    }
}
