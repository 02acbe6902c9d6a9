// All that the manifests say, checked and typed. Made by manifest/load.hpp, never by hand outside tests.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "autoscaler/settings.hpp"
#include "pods/container.hpp"
#include "pods/settings.hpp"
#include "router/rules.hpp"
#include "router/settings.hpp"

namespace manifest {

using std::chrono::milliseconds;
using std::chrono::seconds;

enum class OnDisconnect { drain, interrupt };

struct TrafficTarget {
    std::string revision_name;  // empty: the latest
    int percent = 0;
    std::string tag;

    friend bool operator==(const TrafficTarget&, const TrafficTarget&) = default;
};

// serving.knative.dev/v1 Service
struct Service {
    std::string name_space = "default";
    std::string name;
    std::map<std::string, std::string> labels;
    std::map<std::string, std::string> annotations;           // of the Service itself
    std::map<std::string, std::string> template_annotations;  // of its template
    pods::Container container;
    int container_concurrency = 0;
    seconds timeout{300};  // the pod's work, from the moment that it has the request
    std::optional<seconds> response_start_timeout;
    std::optional<seconds> idle_timeout;
    seconds termination_grace{30};
    autoscaler::Settings scaling;
    router::PoolSettings pool;
    router::Affinity affinity;
    OnDisconnect on_disconnect = OnDisconnect::drain;
    std::optional<std::chrono::nanoseconds>
        startup_silence;  // pods/second_stage.hpp; empty: Timeouts::startup_silence
    router::Profile profile = router::Profile::automatic;
    std::vector<router::UserRule> rules;  // ahead of the profile's
    int retry = 1;                        // how often a request whose pod died unanswered is tried elsewhere
    std::string access;                   // the list of keys that open it; empty: it is open
    std::vector<TrafficTarget> traffic;   // empty: 100 % to the latest
    std::string file;                     // where it was read, for messages
    int line = 0;

    friend bool operator==(const Service&, const Service&) = default;
};

// serving.knative.dev/v1beta1 DomainMapping: its name is the host.
struct DomainMapping {
    std::string host;
    std::string name_space = "default";
    std::string service;

    friend bool operator==(const DomainMapping&, const DomainMapping&) = default;
};

// Where something was read, for messages about what is found out later.
struct Origin {
    std::string file;
    int line = 0, column = 0;
    std::string path;  // "spec.listeners[0].tls.certificates[0]"

    friend bool operator==(const Origin&, const Origin&) = default;
};

struct CertificateFiles {
    std::filesystem::path certificate, key;  // PEM; the certificate first, then its chain
    Origin origin;

    friend bool operator==(const CertificateFiles&, const CertificateFiles&) = default;
};

struct ClientCertificates {
    std::filesystem::path ca;
    std::filesystem::path crl;  // empty: nobody's certificate was revoked
    bool required = true;       // else one is asked for; a wrong one is refused all the same
    bool forward = false;       // its subject goes to the pod, in X-Forwarded-Client-Cert
    Origin origin;

    friend bool operator==(const ClientCertificates&, const ClientCertificates&) = default;
};

struct Tls {
    std::vector<CertificateFiles> certificates;  // the first is for names that none of them covers
    bool reject_unknown_names = false;
    bool only_1_3 = false;
    bool http2 = true;
    std::optional<ClientCertificates> clients;

    friend bool operator==(const Tls&, const Tls&) = default;
};

// RFC 6797
struct StrictTransport {
    seconds max_age{0};
    bool include_subdomains = false;

    friend bool operator==(const StrictTransport&, const StrictTransport&) = default;
};

struct Listener {
    std::string address = "0.0.0.0";
    std::uint16_t port = 8080;
    std::optional<Tls> tls = {};
    bool http2 = true;            // in clear, to who begins with it; over TLS see there
    bool proxy_protocol = false;  // every connection begins with its header
    std::optional<std::uint16_t> https_port =
        {};  // a request for a host of ours is sent there, to the same host
    std::optional<StrictTransport> strict_transport = {};

    friend bool operator==(const Listener&, const Listener&) = default;
};

// Whoever has it may see what the admin address shows; with the role admin, change it too.
struct AdminToken {
    std::string name;            // in audit lines
    bool admin = false;          // else it may only read
    std::string hash;            // sha256, as manifest/key_hash.hpp; empty: in the file
    std::filesystem::path file;  // the token or its hash on the first line; read again when it changes
    Origin origin;

    friend bool operator==(const AdminToken&, const AdminToken&) = default;
};

// What tls.clients of the admin address lets its owners do.
struct AdminCertificates {
    bool admin = false;               // all that the authority vouches for; else they may only read
    std::vector<std::string> admins;  // common names that may change things all the same

    friend bool operator==(const AdminCertificates&, const AdminCertificates&) = default;
};

// The admin address. Open to whoever reaches it if it has neither tokens nor client certificates: then it is
// on loopback.
struct Admin : Listener {
    std::vector<std::string> hosts = {};  // names that a Host header may have, beside the certificate's
    std::vector<AdminToken> tokens = {};
    AdminCertificates certificates = {};
    bool metrics_open = false;  // /metrics asks for nothing

    friend bool operator==(const Admin&, const Admin&) = default;
};

struct Limits {
    std::size_t head_bytes = 32 << 10;
    std::size_t head_fields = 100;
    std::uint64_t body_bytes = 256ull << 20;
    std::size_t body_memory = 1 << 20;      // beyond it a request's body goes to an unlinked temporary file
    std::size_t response_memory = 8 << 20;  // likewise a response that the client has not taken yet
    std::uint64_t response_bytes = 4ull << 30;  // backlog of one response in memory and file together
    std::size_t connections = 20'000;           // of clients, all together
    std::uint64_t spool_memory = 1ull << 30;    // of all requests and responses that wait for somebody slow
    std::uint64_t spool_disk = 16ull << 30;     // likewise in files
    std::size_t connections_per_peer = 1000;    // of an IPv4 address, of an IPv6 /64; 0: no bound
    std::uint64_t body_rate = 1 << 10;          // octets a second that a body must bring; 0: no bound
    std::uint64_t memory = 0;                   // of the process; 0: half of what the machine has

    std::size_t http2_streams = 100;           // requests at a time on one connection
    std::size_t http2_resets = 200;            // requests in 10 s that a connection may take back unanswered
    std::size_t http2_control_frames = 1'000;  // in 10 s that are about no request: PING, SETTINGS, PRIORITY

    friend bool operator==(const Limits&, const Limits&) = default;
};

struct Timeouts {
    milliseconds head{10'000};        // from accept or the first octet of a request to the end of its head
    milliseconds keep_alive{75'000};  // an idle client connection
    milliseconds body{60'000};        // between two octets of a request's body
    milliseconds write{60'000};       // between two octets that a client takes
    milliseconds connect{5'000};      // to a pod
    milliseconds drain{600'000};      // shutdown: how long running requests may take
    milliseconds tunnel{3'600'000};   // a WebSocket on which neither side says anything
    milliseconds startup_silence{3'000};  // pods/second_stage.hpp, for services that do not say it themselves
    milliseconds handshake{10'000};  // from accept to the end of the TLS handshake, PROXY header included
    milliseconds ticket_key{
        43'200'000};  // how long tickets are made with one key; it opens them as long again

    friend bool operator==(const Timeouts&, const Timeouts&) = default;
};

// A key that opens services; its user has it, we have a hash of it.
struct AccessKey {
    std::string name;                 // in logs and metrics
    std::string hash;                 // manifest/key_hash.hpp
    std::size_t running = 0;          // slots that its requests may hold at a time; 0: no bound
    std::size_t waiting = 0;          // of its requests may wait; 0: half of the queue
    std::size_t without_slot = 1000;  // of its requests that take none, at a time

    friend bool operator==(const AccessKey&, const AccessKey&) = default;
};

struct AccessList {
    std::string name;
    bool forward_key = false;  // pods see what the client sent
    std::vector<AccessKey> keys;

    friend bool operator==(const AccessList&, const AccessList&) = default;
};

// What the gateway's own log is about.
inline constexpr std::array<std::string_view, 7> log_subsystems{"proxy", "scaler", "pods", "admin",
                                                                "tls",   "config", "trace"};

inline constexpr std::array<std::string_view, 6> log_levels{"trace", "debug", "info", "warn", "error", "off"};

struct Log {
    std::string level = "info";                 // one of log_levels
    std::string format = "auto";                // text, json; auto: text on a terminal
    std::string access = "stdout";              // a file, "stdout" or "off"
    std::map<std::string, std::string> levels;  // of single subsystems
    std::string audit = "log";                  // a file; "log": among the other lines

    friend bool operator==(const Log&, const Log&) = default;
};

// Who is sent the spans: a collector that takes OTLP over HTTP.
struct Collector {
    std::string url;  // as it was written
    bool tls = false;
    std::string host;
    std::uint16_t port = 0;
    std::string path;

    friend bool operator==(const Collector&, const Collector&) = default;
};

struct ExportHeader {
    std::string name, value;
    std::filesystem::path value_file;  // instead of the value; read for each export

    friend bool operator==(const ExportHeader&, const ExportHeader&) = default;
};

// What a client's own sampling decision (the flag of its traceparent) counts for.
enum class Parent { follow, trusted, ignore };

struct Tracing {
    Collector collector;
    double ratio = 1;  // of the requests that nobody has decided about
    Parent parent = Parent::follow;
    std::string service_name = "pilotlight";
    std::vector<ExportHeader> headers;
    std::filesystem::path ca_file;  // empty: the system's
    milliseconds interval{1'000};   // between two exports
    milliseconds timeout{10'000};   // of one
    std::size_t queue = 8192;       // spans that wait for it; more are dropped

    friend bool operator==(const Tracing&, const Tracing&) = default;
};

using DriverSettings = std::variant<pods::ProcessSettings, pods::StaticSettings>;

// pilotlight.dev/v1 Gateway. Every field has a default; an empty Gateway serves.
struct Gateway {
    std::vector<Listener> listeners{Listener{}};
    Admin admin{{"127.0.0.1", 9901}};
    std::vector<std::string> domains{"example.com", "localhost"};
    std::optional<std::string> default_service;  // "namespace/name", for hosts that nothing else matches
    int workers = 0;                             // threads that move bytes; 0: half as many as cores
    std::filesystem::path state_dir;        // keys, pod logs, spool files; empty: $XDG_STATE_HOME or /var/lib
    std::filesystem::path cookie_key_file;  // empty: <state dir>/cookie.key, made at first start
    std::vector<std::string> trusted_proxies;  // CIDR; their X-Forwarded-* are kept
    Limits limits;
    Timeouts timeouts;
    DriverSettings driver = pods::ProcessSettings{};
    Log log;
    std::vector<AccessList> access;
    std::optional<Tracing> tracing;  // empty: off

    friend bool operator==(const Gateway&, const Gateway&) = default;
};

struct Configuration {
    Gateway gateway;
    std::vector<Service> services;
    std::vector<DomainMapping> domain_mappings;
};

}  // namespace manifest
