// What the outside may see of the control thread's state: immutable, made after every change, read there by
// admin.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "autoscaler/cause.hpp"
#include "autoscaler/settings.hpp"
#include "pods/pod.hpp"
#include "proxy/bounds/view.hpp"
#include "proxy/metrics.hpp"
#include "router/pool.hpp"

namespace boost::json {
class object;
}

namespace proxy {

using WallTime = std::chrono::system_clock::time_point;

struct PodView {
    std::string name_space, service, revision, name;
    std::string uid;  // of this instance: a restart makes another
    pods::Phase phase = pods::Phase::pending;
    bool ready = false;
    bool draining = false;
    bool benched = false;
    int restarts = 0;
    int leases = 0;
    int slots = 0;  // 0: unlimited
    int sessions = 0;
    WallTime created;
    std::string address;  // "127.0.0.1:20001"; empty: none yet
    std::int64_t pid = 0;
    std::vector<std::string> gpus;
    std::string log_file;
    std::string image;
    std::string reason, message;  // of an error or a back-off
    std::uint64_t version = 0;    // the snapshot that last changed it

    friend bool operator==(const PodView&, const PodView&) = default;
};

// A change of how many pods are wanted, and why.
struct StepView {
    int from = 0, to = 0;
    std::string_view cause;  // autoscaler::to_string
    std::string sentence;
    WallTime at;
};

// Somebody who waits for a slot.
struct QueuedView {
    std::string client, bound;   // the pod that it waits for; empty: any
    double queue = 0, cold = 0;  // seconds so far, while a pod was ready and while none was
};

// Somebody whose request a pod works on.
struct WorkView {
    std::string pod, request, client;
    double seconds = 0;  // since it has the slot
};

// A pod's way to its first readiness.
struct ColdStartView {
    std::string pod;
    WallTime ready;
    std::array<double, cold_phases> seconds{};
};

// What a GPU does. A pod that has none assigned counts as one: it is what there is to pay for.
enum class GpuState : unsigned char { starting, idle, busy, draining };
inline constexpr std::array<std::string_view, 4> gpu_state_names{"starting", "idle", "busy", "draining"};

struct RevisionView {
    std::string name_space, service, revision;
    bool retiring = false;  // replaced by a newer revision; serves what it still has
    WallTime created;
    std::vector<std::string> hosts;
    int wanted = 0;    // after bounds and scale-to-zero rules
    int desired = -1;  // the autoscaler's, before them; -1: undecided
    int ready = 0, starting = 0, terminating = 0, total = 0;
    int min_scale = 0, max_scale = 0;
    std::size_t waiting = 0, running = 0;
    std::uint64_t arrivals = 0;
    int container_concurrency = 0;
    bool by_rps = false;  // what stable, panic and target count: requests a second, not in flight
    double stable = 0, panic = 0, target = 0, excess_burst_capacity = 0;
    bool panic_mode = false;
    bool crash_looping = false;
    std::string reason;  // one sentence: why so many are wanted
    std::optional<StepView> last_step;
    std::array<std::array<std::uint64_t, 2>, autoscaler::causes> steps{};  // by cause; down, up
    std::optional<double> keep_seconds;  // the longest idle pod stays yet; empty: none is on its way out
    double believed_cold_start = 0;      // seconds, as the break-even rule reckons
    std::vector<QueuedView> queue;       // those who have waited longest
    std::vector<WorkView> work;          // some of those whose turn it is
    double longest_lease = 0;            // seconds
    double timeout = 0;                  // seconds that a pod may work on a request
    std::array<double, gpu_state_names.size()> gpu_seconds{};
    std::vector<ColdStartView> cold_starts;  // the last few
    std::string image;
    std::shared_ptr<const ServiceMetrics> metrics;
    std::uint64_t version = 0;
};

struct EventView {
    std::uint64_t number = 0;  // grows
    WallTime time;
    bool warning = false;
    std::string name_space, kind, name;  // of what it is about: Pod, Revision, Service, Gateway
    std::string reason, message;
};

// An object as it was given, in a file or over the API: what the API shows of it beside its status.
struct ObjectView {
    std::string kind;  // Service, DomainMapping
    std::string name_space, name;
    std::int64_t generation = 1;
    WallTime created;
    bool applied = false;  // over the API, thus changeable there; else by a file
    std::string source;    // "applied", "file conf/x.yaml:3"
    // apiVersion, kind, whole metadata but for the resourceVersion, spec.
    std::shared_ptr<const boost::json::object> object;
};

// A key of an access list, and what came with it.
struct AccessView {
    std::string list, key;
    std::uint64_t requests = 0, over_limit = 0;
};

// What became of the spans of traced requests.
struct SpansView {
    std::uint64_t exported = 0, dropped = 0, refused = 0, given_up = 0, failed_exports = 0;
};

struct Snapshot {
    std::uint64_t version = 0;  // grows with every change of what is below
    bool ready = false;         // listens, and is not shutting down
    bool draining = false;
    std::size_t connections = 0, requests = 0, errands = 0;
    BoundsView bounds;
    SpansView spans;
    std::vector<AccessView> access, access_refused;  // by key; by list alone
    std::optional<std::time_t> certificate_expires;  // the first one
    std::uint64_t tls_handshakes = 0, tls_resumed = 0, tls_failures = 0, proxy_headers_refused = 0;
    std::uint64_t spool_memory = 0, spool_disk = 0;  // octets on their way to somebody slow
    std::vector<RevisionView> revisions;
    std::vector<PodView> pods;
    std::shared_ptr<const std::vector<ObjectView>> objects;  // null: nobody knows them
    std::deque<EventView> events;                            // the last 1000
};

}  // namespace proxy
