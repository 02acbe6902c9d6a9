// Services: the demo as it stands, defaults, and what each field becomes.
#include <catch2/catch.hpp>

#include "manifest/annotations.hpp"
#include "tests/manifest/helpers.hpp"

using namespace manifest;
using namespace manifest::test;
using namespace std::chrono_literals;

namespace {

Service service_of(const std::string& text) {
    auto loaded = load_text(text);
    INFO(lines(loaded.problems));
    REQUIRE(loaded.configuration);
    REQUIRE(loaded.configuration->services.size() == 1);
    return loaded.configuration->services.front();
}

std::string container(const std::string& more) {
    return "apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: sd}\nspec:\n  template:\n    "
           "spec:\n"
           "      containers:\n      - image: sd:1\n        command: [sd]\n" +
           more;
}

}  // namespace

TEST_CASE("the demo of Alibaba Cloud's guide loads as it is, without a word, and every value takes effect",
          "[manifest]") {
    const auto loaded = load_text(read_file(SOURCE_DIR "/conf/knative-sd-demo.yaml"));
    CHECK(lines(loaded.problems) == "");
    REQUIRE(loaded.configuration);
    REQUIRE(loaded.configuration->services.size() == 1);
    const auto& service = loaded.configuration->services.front();

    CHECK(service.name == "knative-sd-demo");
    CHECK(service.name_space == "default");
    CHECK(service.file == "a.yaml");
    CHECK(service.line == 1);
    CHECK(service.annotations.size() == 3);
    CHECK(service.template_annotations.at("k8s.aliyun.com/eci-use-specs") ==
          "ecs.gn5-c4g1.xlarge,ecs.gn5i-c8g1.2xlarge,ecs.gn5-c8g1.2xlarge");

    CHECK(service.affinity == router::Affinity{true, "sd", 1800s});
    CHECK(service.container_concurrency == 1);
    CHECK(service.pool.container_concurrency == 1);
    CHECK(service.scaling.max_scale == 10);
    CHECK(service.scaling.min_scale == 0);
    CHECK(service.scaling.target == 1);
    CHECK(service.scaling.total == 1);

    pods::Container expected;
    expected.name = "stable-diffusion";
    expected.image =
        "yunqi-registry.cn-shanghai.cr.aliyuncs.com/lab/"
        "stable-diffusion@sha256:62b3228f4b02d9e89e221abe6f1731498a894b042925ab8d4326a571b3e992bc";
    expected.command = {"python3", "launch.py"};
    expected.args = {"--listen", "--skip-torch-cuda-test", "--api"};
    expected.port = 7860;
    expected.port_name = "http1";
    expected.readiness = pods::Probe{pods::TcpSocketAction{7860}, 5s, 1s, 1s, 1, 3};
    CHECK(service.container == expected);
}

TEST_CASE("a Service that says nothing gets Knative's and our defaults", "[manifest]") {
    auto service = service_of(container(""));
    Service expected;
    expected.name = "sd";
    expected.file = "a.yaml";
    expected.line = 1;
    expected.container.name = "user-container";
    expected.container.image = "sd:1";
    expected.container.command = {"sd"};
    CHECK(service == expected);
}

TEST_CASE("timeouts, concurrency, labels and traffic are taken from the Service", "[manifest]") {
    const auto service = service_of(
        "apiVersion: serving.knative.dev/v1\nkind: Service\n"
        "metadata: {name: sd, namespace: gpu, labels: {team: art}}\n"
        "spec:\n"
        "  template: {spec: {containerConcurrency: 2, timeoutSeconds: 3600, responseStartTimeoutSeconds: "
        "600,\n"
        "    idleTimeoutSeconds: 0, terminationGracePeriodSeconds: 90, containers: [{image: a, command: "
        "[a]}]}}\n"
        "  traffic: [{latestRevision: true, percent: 90, tag: new}, {revisionName: sd-00001, percent: "
        "10}]\n");
    CHECK(service.name_space == "gpu");
    CHECK(service.labels.at("team") == "art");
    CHECK(service.container_concurrency == 2);
    CHECK(service.timeout == 1h);
    CHECK(service.response_start_timeout == 10min);
    CHECK(!service.idle_timeout);
    CHECK(service.termination_grace == 90s);
    CHECK(service.traffic == std::vector<TrafficTarget>{{"", 90, "new"}, {"sd-00001", 10, ""}});
}

TEST_CASE("env, working directory and GPUs are taken from the container", "[manifest]") {
    const auto read =
        service_of(
            container(
                "        workingDir: /srv\n"
                "        env: [{name: A, value: \"1\"}, {name: B}, {name: C, value: $(A)}]\n"
                "        resources: {limits: {nvidia.com/gpu: 2}, requests: {nvidia.com/gpu: \"2\"}}\n"))
            .container;
    CHECK(read.working_dir == "/srv");
    CHECK(read.env == std::vector<pods::EnvVar>{{"A", "1"}, {"B", ""}, {"C", "$(A)"}});
    CHECK(read.gpus == 2);
}

TEST_CASE("probes take every field, a port by its name, and Kubernetes' defaults", "[manifest]") {
    const auto read =
        service_of(
            container("        ports: [{containerPort: 7860, name: http1}]\n"
                      "        readinessProbe: {httpGet: {path: ready, port: http1, host: sd.local,\n"
                      "          scheme: HTTP, httpHeaders: [{name: X-A, value: b}]}, periodSeconds: 0}\n"
                      "        livenessProbe: {exec: {command: [\"true\"]}, initialDelaySeconds: 1, "
                      "periodSeconds: 2,\n"
                      "          timeoutSeconds: 3, failureThreshold: 4, successThreshold: 1}\n"
                      "        startupProbe: {tcpSocket: {port: 7861}}\n"))
            .container;
    CHECK(read.readiness == pods::Probe{pods::HttpGetAction{"/ready", 7860, "sd.local", {{"X-A", "b"}}}});
    CHECK(read.liveness == pods::Probe{pods::ExecAction{{"true"}}, 1s, 2s, 3s, 1, 4});
    CHECK(read.startup == pods::Probe{pods::TcpSocketAction{7861}, 0s, 10s, 1s, 1, 3});
}

TEST_CASE("a readiness probe without an action or a port means the container's own port", "[manifest]") {
    for (const auto* probe : {"{periodSeconds: 5}", "{tcpSocket: {}, periodSeconds: 5}",
                              "{tcpSocket: {port: 0}, periodSeconds: 5}"}) {
        const auto read =
            service_of(container("        readinessProbe: " + std::string(probe) + "\n")).container;
        CHECK(read.readiness == pods::Probe{pods::TcpSocketAction{8080}, 0s, 5s, 1s, 1, 3});
    }
}

TEST_CASE("annotations of our own are taken from the template and from the Service, and the template wins",
          "[manifest]") {
    auto text =
        service_with({"pilotlight.dev/queue-depth: \"7\"", "pilotlight.dev/queue-bytes: 64Mi",
                      "pilotlight.dev/queue-timeout: 1m30s", "pilotlight.dev/cold-start-timeout: 20m",
                      "pilotlight.dev/retry: \"0\"", "pilotlight.dev/affinity-wait: 500ms",
                      "pilotlight.dev/failures-to-bench: \"5\"", "pilotlight.dev/startup-silence: 1500ms",
                      "pilotlight.dev/profile: strict", "autoscaling.knative.dev/maxScale: \"4\""});
    text.replace(text.find("{name: sd}"), 10,
                 "{name: sd, annotations: {pilotlight.dev/on-disconnect: interrupt, "
                 "pilotlight.dev/queue-depth: \"9\", "
                 "autoscaling.knative.dev/max-scale: \"8\", autoscaling.knative.dev/min-scale: \"1\"}}");
    const auto service = service_of(text);
    CHECK(service.pool.queue_depth == 7);
    CHECK(service.pool.queue_bytes == 64 << 20);
    CHECK(service.pool.queue_timeout == 90s);
    CHECK(service.pool.cold_start_timeout == 20min);
    CHECK(service.pool.affinity_wait == 500ms);
    CHECK(service.pool.failures_to_bench == 5);
    CHECK(service.retry == 0);
    CHECK(service.startup_silence == 1500ms);
    CHECK(service.profile == router::Profile::strict);
    CHECK(service.on_disconnect == OnDisconnect::interrupt);
    CHECK(service.scaling.max_scale == 4);
    CHECK(service.scaling.min_scale == 1);
}

TEST_CASE("the default of each annotation, written out, changes nothing", "[manifest]") {
    for (const auto& rule : annotation_rules()) {
        INFO(rule.key << ": " << rule.fallback);
        Service service;
        if (!rule.apply) {
            CHECK(service_of(service_with({std::string(rule.key) + ": '" + std::string(rule.fallback) + "'"}))
                      .rules.empty());
            continue;
        }
        CHECK(rule.apply(rule.fallback, service));
        CHECK(service == Service{});
        CHECK_FALSE(rule.apply("\x01", service));
        CHECK_FALSE(rule.apply("", service));
    }
}

TEST_CASE("break-even scaling is set by annotations of our own", "[manifest]") {
    const auto loaded = load_text(service_with(
        {"autoscaling.knative.dev/class: break-even.pilotlight.dev", "pilotlight.dev/cold-start-worth: 90s",
         "pilotlight.dev/patience: 2s", "pilotlight.dev/spare: \"1\"", "pilotlight.dev/max-starting: \"3\"",
         "pilotlight.dev/cancel-starts: \"false\"", "pilotlight.dev/cold-start-guess: 2m"}));
    REQUIRE(loaded.configuration);
    CHECK(lines(loaded.problems) == "");
    const auto& scaling = loaded.configuration->services.front().scaling;
    CHECK(scaling.policy == autoscaler::Policy::break_even);
    CHECK(scaling.break_even == autoscaler::BreakEvenSettings{90s, 2s, 1, false, 2min});
    CHECK(scaling.max_starting == 3);
}

TEST_CASE("an annotation of the other class draws a warning", "[manifest]") {
    const auto kpa = load_text(service_with({"pilotlight.dev/spare: \"1\""}));
    CHECK(lines(kpa.problems).find("pilotlight.dev/spare: counts only with class break-even") !=
          std::string::npos);
    CHECK(kpa.configuration);
    const auto ours = load_text(service_with({"autoscaling.knative.dev/class: break-even.pilotlight.dev",
                                              "pilotlight.dev/panic-counts-starting: \"true\""}));
    CHECK(lines(ours.problems).find("counts only with class kpa.autoscaling.knative.dev") !=
          std::string::npos);
}

TEST_CASE("docs/configuration.md has the annotations as the code knows them", "[manifest]") {
    const auto doc = read_file(SOURCE_DIR "/docs/configuration.md");
    const std::string begin = "<!-- pilotlight check --explain-annotations -->\n", end = "<!-- end -->\n";
    const auto from = doc.find(begin);
    REQUIRE(from != std::string::npos);
    const auto to = doc.find(end, from);
    REQUIRE(to != std::string::npos);
    CHECK(doc.substr(from + begin.size(), to - from - begin.size()) == explain_annotations());
}
