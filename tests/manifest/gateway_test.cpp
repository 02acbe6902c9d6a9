// The Gateway: its defaults, every field, the drivers.
#include <catch2/catch.hpp>

#include "tests/manifest/helpers.hpp"

using namespace manifest;
using namespace manifest::test;
using namespace std::chrono_literals;

namespace {

Gateway gateway_of(const std::string& text) {
    auto loaded = load_text(text);
    INFO(lines(loaded.problems));
    REQUIRE(loaded.configuration);
    return loaded.configuration->gateway;
}

std::string said(std::string_view spec) {
    return lines(load_text(gateway_with(spec)).problems);
}

}  // namespace

TEST_CASE("an empty Gateway has every default", "[manifest]") {
    CHECK(gateway_of("apiVersion: pilotlight.dev/v1\nkind: Gateway\n") == Gateway{});
    CHECK(gateway_of(gateway_with("")) == Gateway{});
    CHECK(gateway_of(gateway_with("{limits: , driver: {process: {}}, log: {}}")) == Gateway{});
}

TEST_CASE("every field of a Gateway takes effect", "[manifest]") {
    const auto gateway = gateway_of(gateway_with(
        "\n  listeners: [{address: 127.0.0.1, port: 80}, {address: \"::1\"}]\n"
        "  admin: {port: 9999}\n"
        "  domains: [pictures.example.org]\n"
        "  defaultService: sd\n"
        "  workers: 3\n"
        "  stateDir: /var/lib/pilotlight\n"
        "  cookieKeyFile: /etc/key\n"
        "  trustedProxies: [10.0.0.0/8, \"::1\"]\n"
        "  limits: {headBytes: 16Ki, headFields: 50, bodyBytes: 1Gi, bodyMemory: 64Ki, responseMemory: 2Mi,\n"
        "    responseBytes: 8Gi, connections: 100,\n"
        "    spoolMemory: 64Mi, spoolDisk: 128Mi, connectionsPerPeer: 7, bodyRate: 2Ki, memory: 64Mi}\n"
        "  timeouts: {head: 5s, keepAlive: 1m, body: 30s, write: 31s, connect: 500ms, drain: 0s,\n"
        "    tunnel: 10m, startupSilence: 0s, handshake: 3s, ticketKey: 1h}\n"
        "  driver: {static: {pods: [\"127.0.0.1:7860\", \"[::1]:7861\"]}}\n"
        "  log: {level: debug, format: json, access: off, levels: {pods: trace, tls: \"off\"}}\n"
        "---\n" +
        service_with({})));
    CHECK(gateway.listeners == std::vector<Listener>{Listener{"127.0.0.1", 80}, Listener{"::1", 8080}});
    CHECK(gateway.admin == Listener{"127.0.0.1", 9999});
    CHECK(gateway.domains == std::vector<std::string>{"pictures.example.org"});
    CHECK(gateway.default_service == "default/sd");
    CHECK(gateway.workers == 3);
    CHECK(gateway.state_dir == "/var/lib/pilotlight");
    CHECK(gateway.cookie_key_file == "/etc/key");
    CHECK(gateway.trusted_proxies == std::vector<std::string>{"10.0.0.0/8", "::1"});
    CHECK(gateway.limits == Limits{16 << 10, 50, 1 << 30, 64 << 10, 2 << 20, 8ull << 30, 100, 64 << 20,
                                   128 << 20, 7, 2 << 10, 64 << 20});
    CHECK(gateway.timeouts == Timeouts{5s, 1min, 30s, 31s, 500ms, 0s, 10min, 0s, 3s, 1h});
    CHECK(std::get<pods::StaticSettings>(gateway.driver).pods ==
          std::map<std::string, std::vector<pods::Address>>{{"*", {{"127.0.0.1", 7860}, {"::1", 7861}}}});
    CHECK(gateway.log == Log{"debug", "json", "off", {{"pods", "trace"}, {"tls", "off"}}});
}

TEST_CASE("a listener takes TLS, the PROXY protocol and a redirect", "[manifest]") {
    const auto listeners = gateway_of(gateway_with(R"(
  trustedProxies: [10.0.0.0/8]
  listeners:
  - {redirectToHttps: true}
  - {port: 81, redirectToHttps: true, httpsPort: 443, proxyProtocol: true, http2: false}
  - strictTransportSecurity: {maxAge: 24h, includeSubDomains: true}
    tls:
      certificates: [{certificate: a.pem, key: a.key}, {certificate: b.pem, key: b.key}]
      unknownServerName: reject
      minimumVersion: 1.3
      http2: false
      clientCertificates: {ca: ca.pem, crl: revoked.pem, mode: request, forward: true}
)"))
                               .listeners;
    REQUIRE(listeners.size() == 3);
    CHECK(listeners[0].https_port == 8443);
    CHECK(listeners[1].https_port == 443);
    CHECK(listeners[1].proxy_protocol);
    CHECK(listeners[0].http2);
    CHECK_FALSE(listeners[1].http2);
    CHECK(listeners[2].port == 8443);
    CHECK(listeners[2].strict_transport == StrictTransport{24h, true});
    const auto& tls = listeners[2].tls.value();
    REQUIRE(tls.certificates.size() == 2);
    CHECK(tls.certificates[1].key == "b.key");
    CHECK(tls.certificates[1].origin.path == "spec.listeners[2].tls.certificates[1]");
    CHECK(tls.certificates[1].origin.line > 5);
    CHECK(tls.reject_unknown_names);
    CHECK(tls.only_1_3);
    CHECK_FALSE(tls.http2);
    REQUIRE(tls.clients);
    CHECK(tls.clients->ca == "ca.pem");
    CHECK(tls.clients->crl == "revoked.pem");
    CHECK_FALSE(tls.clients->required);
    CHECK(tls.clients->forward);
}

TEST_CASE("the process driver takes image rules, GPUs, ports and logs", "[manifest]") {
    const auto gateway =
        gateway_of(gateway_with("\n  driver:\n    process:\n"
                                "      images:\n"
                                "      - {image: \"sd@*\", command: [sim], args: [--port, $(PORT)], "
                                "workingDir: /srv, env: [{name: A, value: b}]}\n"
                                "      - {image: \"*\", command: [sim]}\n"
                                "      gpus: [0, \"1\", GPU-8932f937]\n"
                                "      ports: 3000-3009\n"
                                "      bindAddress: 127.0.0.2\n"
                                "      logs: {directory: /var/log/pods, maxSize: 1Mi, files: 0}\n"));
    pods::ProcessSettings expected;
    expected.images = {{"sd@*", {"sim"}, {"--port", "$(PORT)"}, "/srv", {{"A", "b"}}},
                       {"*", {"sim"}, {}, "", {}}};
    expected.gpus = {"0", "1", "GPU-8932f937"};
    expected.first_port = 3000;
    expected.last_port = 3009;
    expected.bind_address = "127.0.0.2";
    expected.log_dir = "/var/log/pods";
    expected.log_bytes = 1 << 20;
    expected.log_files = 0;
    CHECK(std::get<pods::ProcessSettings>(gateway.driver) == expected);
}

TEST_CASE("static pods stand under a service's name or under a star", "[manifest]") {
    const auto text =
        gateway_with("{driver: {static: {pods: {default/sd: [\"127.0.0.1:1\"], \"*\": [\"127.0.0.1:2\"]}}}}");
    const auto gateway = gateway_of(text + "---\n" + service_with({}));
    CHECK(std::get<pods::StaticSettings>(gateway.driver).pods ==
          std::map<std::string, std::vector<pods::Address>>{{"default/sd", {{"127.0.0.1", 1}}},
                                                            {"*", {{"127.0.0.1", 2}}}});
    CHECK(said("{driver: {static: {}}}") == "a.yaml:3:25: spec.driver.static.pods: missing\n");
    CHECK(said("{driver: {static: {pods: []}}}") ==
          "a.yaml:3:32: spec.driver.static.pods: must have an address\n");
}

TEST_CASE("no request goes to an address that is nobody's or link-local", "[manifest]") {
    const std::string address =
        GENERATE("0.0.0.0:80", "169.254.169.254:80", "224.0.0.1:80", "255.255.255.255:80", "[::]:80",
                 "[fe80::1]:80", "[ff02::1]:80", "[::ffff:169.254.169.254]:80");
    CHECK(said("{driver: {static: {pods: [\"" + address + "\"]}}}") ==
          "a.yaml:3:33: spec.driver.static.pods[0]: \"" + address +
              "\" is link-local, or not the address of one machine\n");
    CHECK(said("{driver: {static: {pods: [\"10.0.0.1:80\", \"[fd00::1]:80\"]}}}").empty());
}

TEST_CASE("an image that nothing says how to run, or with more GPUs than there are, is refused",
          "[manifest]") {
    const auto service = [](const std::string& more) {
        return "---\napiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: sd}\n"
               "spec: {template: {spec: {containers: [{image: sd:1" +
               more + "}]}}}\n";
    };
    const auto problems = [&](std::string_view process, const std::string& more) {
        return lines(
            load_text(gateway_with("{driver: {process: " + std::string(process) + "}}") + service(more))
                .problems);
    };
    CHECK(problems("{}", "").find("nothing says how the image \"sd:1\" runs here") != std::string::npos);
    CHECK(problems("{images: [{image: other, command: [a]}]}", "") != "");
    CHECK(problems("{images: [{image: \"sd:*\", args: [a]}]}", "") != "");
    CHECK(problems("{images: [{image: \"sd:*\", command: [a]}]}", "") == "");
    CHECK(problems("{}", ", command: [a]") == "");
    CHECK(problems("{gpus: [0]}", ", command: [a], resources: {limits: {nvidia.com/gpu: 2}}")
              .find("wants 2 GPUs, the Gateway has 1") != std::string::npos);
    CHECK(problems("{}", ", command: [a], resources: {limits: {nvidia.com/gpu: 2}}") == "");
}

TEST_CASE("the manifests in conf load together without a word", "[manifest]") {
    const std::vector<std::filesystem::path> paths{SOURCE_DIR "/conf"};
    const auto loaded = load_files(paths);
    CHECK(lines(loaded.problems) == "");
    REQUIRE(loaded.configuration);
    const auto& process = std::get<pods::ProcessSettings>(loaded.configuration->gateway.driver);
    REQUIRE(process.images.size() == 1);
    CHECK(loaded.configuration->services.front().container.image.starts_with(
        process.images[0].image.substr(0, process.images[0].image.size() - 1)));
}

TEST_CASE("the admin address has its tokens, its certificates and its names", "[manifest]") {
    const std::string hash = "sha256:" + std::string(64, 'a');
    const auto admin =
        gateway_of(gateway_with("\n  admin:\n"
                                "    address: 0.0.0.0\n"
                                "    hosts: [gpu.example.org]\n"
                                "    metricsOpen: true\n"
                                "    tokens: [{name: ci, hash: \"" +
                                hash +
                                "\"}, {name: boss, role: admin, file: /etc/token}]\n"
                                "    tls: {certificate: c.pem, key: k.pem, minimumVersion: \"1.3\",\n"
                                "      clientCertificates: {ca: ca.pem, admins: [anna]}}\n"))
            .admin;
    CHECK(admin.hosts == std::vector<std::string>{"gpu.example.org"});
    CHECK(admin.metrics_open);
    REQUIRE(admin.tokens.size() == 2);
    CHECK(admin.tokens[0].hash == hash);
    CHECK_FALSE(admin.tokens[0].admin);
    CHECK(admin.tokens[1].file == "/etc/token");
    CHECK(admin.tokens[1].admin);
    REQUIRE(admin.tls);
    CHECK(admin.tls->certificates.front().key == "k.pem");
    CHECK(admin.tls->only_1_3);
    REQUIRE(admin.tls->clients);
    CHECK_FALSE(admin.tls->clients->required);
    CHECK(admin.tls->clients->crl.empty());
    CHECK(admin.certificates == AdminCertificates{false, {"anna"}});
}

TEST_CASE("off loopback the admin address is refused without credentials and TLS", "[manifest]") {
    const std::string token = "tokens: [{name: a, hash: \"sha256:" + std::string(64, 'a') + "\"}]";
    const std::string tls = "tls: {certificate: c.pem, key: k.pem",
                      clients = ", clientCertificates: {ca: a.pem}";
    const auto problems = [](const std::string& admin) {
        return lines(load_text(gateway_with("{admin: {" + admin + "}}")).problems);
    };
    CHECK(problems("address: 0.0.0.0").find("could change everything: give tokens") != std::string::npos);
    CHECK(problems("address: \"::\", " + tls + "}").find("could change everything") != std::string::npos);
    CHECK(problems("address: 10.0.0.1, " + token).find("in the clear: give tls") != std::string::npos);
    CHECK(problems("address: 0.0.0.0, " + token + ", " + tls + "}").empty());
    CHECK(problems("address: 0.0.0.0, " + tls + clients + "}").empty());
    CHECK(problems("address: 127.0.0.7, " + token).empty());
    CHECK(problems("address: \"::1\"").empty());
}

TEST_CASE("what is wrong with a token is said without repeating it", "[manifest]") {
    const auto problems = [](const std::string& token) {
        return lines(load_text(gateway_with("{admin: {tokens: [" + token + "]}}")).problems);
    };
    CHECK(problems("{name: a}").find("needs either hash or file") != std::string::npos);
    CHECK(problems("{name: a, hash: plk_s3cret}").find("must be sha256:") != std::string::npos);
    CHECK(problems("{name: a, hash: plk_s3cret}").find("s3cret") == std::string::npos);
    CHECK(problems("{name: a, file: f, role: root}").find("role") != std::string::npos);
    CHECK(problems("{name: a, file: f}, {name: a, file: g}").find("\"a\" is there twice") !=
          std::string::npos);
    CHECK(problems("{name: \"a b\", file: f}").find("must be a word") != std::string::npos);
}
